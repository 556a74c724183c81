# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real guests on a whole host: QEMU runs with what their records say, before and after a reboot.

One is behind the host's address and has its own from the network's DHCP, the other one lies about its address.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

from answers import telling
from guest import guest_image
from harness import Namespace
from product import Product
from qemu import Qemu
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.world import REMOTE4

from ansible_collections.hypervisor.vnet.plugins.filter.qemu_netdev import qemu_netdev

HOSTS = {"kvm": ("d13-networkd", "static")}
ADDRESS = "10.0.2.1"
FORWARDS = [{"port": "5022", "to": "web-0", "to_port": "22"}, {"port": "5007", "to": "web-0", "to_port": "7"}]
NETWORKS: list[dict[str, Any]] = [
    {"name": "vnat0", "layout": "nat", "addresses": ["10.0.0.254/16"], "dhcp": {"domain": "lab.example"}, "forwards": FORWARDS},
    {"name": "dmz", "bridge": "br-dmz", "addresses": ["10.98.98.1/24"]},
]
WEB: dict[str, Any] = {
    "network": "vnat0",
    "name": "web-0",
    "mac": "52:54:00:00:00:01",
    "addresses": [f"{ADDRESS}/16"],
    "tap": {"owner": "nobody"},
}
LIAR: dict[str, Any] = {"network": "dmz", "name": "liar-0", "mac": "52:54:00:00:00:02", "addresses": ["auto"]}
LIE = "10.98.98.66"
# A guest without hardware help, on a machine that others use too.
BOOT = 120.0


def document(**options: Any) -> dict[str, Any]:
    guests = [{"name": record["name"], "interfaces": [record]} for record in (WEB, LIAR)]
    return {"networks": NETWORKS, "guests": guests, **options}


def run(lab: Lab, **options: Any) -> dict[str, Any]:
    return Product(lab).module("kvm", "vnet_host", document(**options))


@contextmanager
def misled(host: Machine) -> Iterator[None]:
    """A DHCP server that gives the liar what it lies with."""
    words = [
        "--port=0",
        "--interface=br-dmz",
        "--bind-interfaces",
        "--no-ping",
        "--dhcp-range=10.98.98.0,static",
        "--dhcp-leasefile=/run/leases",
        "--pid-file=/run/misleads",
    ]
    host.exec(["dnsmasq", "--conf-file=/dev/null", *words, f"--dhcp-host={LIAR['mac']},{LIE}"])
    yield
    host.exec(["sh", "-c", "kill $(cat /run/misleads)"])


@contextmanager
def started(host: Machine, *records: dict[str, Any]) -> Iterator[None]:
    """QEMU of this machine, in the host's network."""
    running: list[Qemu] = []
    net, mnt = (os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for pid, kind in ((host.leader, "net"), ("self", "mnt")))
    place = cast(Namespace, SimpleNamespace(net=net, mnt=mnt))
    try:
        for record in records:
            argv = qemu_netdev({**record, "qemu": {"romfile": ""}})
            running.append(Qemu(place, *guest_image().words(), *argv, run=True))
        yield
    finally:
        for qemu in running:
            qemu.close()
        os.close(net)
        os.close(mnt)


def told_by(lab: Lab, address: str) -> str:
    """What the world hears from the guest by its forward, once it is up and says all of it, to its last line."""
    end, told = time.monotonic() + BOOT, ""
    while "router=" not in told:
        assert time.monotonic() < end, f"{address} has not answered within {BOOT:g} s: {told}"
        told = lab.fabric.exec(["timeout", "2", "busybox", "nc", address, "5022"], check=False).stdout
        time.sleep(0.2)
    return told


def seen_as(lab: Lab, address: str) -> str:
    """As whom the world sees the guest; it asks when it is told to, by the other forward."""
    with telling(lab.fabric, 7000):
        script = f"echo {REMOTE4} 7000 | timeout 5 busybox nc {address} 5007"
        return lab.fabric.exec(["sh", "-c", script], check=False).stdout.strip()


def refused(lab: Lab, interface: str) -> int:
    guards = Product(lab).module("kvm", "vnet_info", {})["guards"]
    return int(next(item for item in guards if item["interface"] == interface)["refused"]["packets"])


def pings(host: Machine, address: str) -> bool:
    return host.exec(["ping", "-n", "-q", "-c", "1", "-W", "1", address], check=False).returncode == 0


def live(lab: Lab, host: Machine) -> None:
    """One guest takes the address of its record, the other one that it must not have."""
    with misled(host), started(host, WEB, LIAR):
        told = told_by(lab, host.address)
        assert f"inet {ADDRESS}/16 " in told and WEB["mac"] in told.splitlines()
        assert "hostname=web-0 domain=lab.example" in told and "router=10.0.0.254" in told
        assert pings(host, ADDRESS) and seen_as(lab, host.address) == host.address
        end = time.monotonic() + BOOT
        while not refused(lab, "liar-0"):
            assert time.monotonic() < end, "the liar has not said anything"
            pings(host, LIE)
        assert not pings(host, LIE)
        assert refused(lab, "web-0") == 0
        said = run(lab, state="absent")
        assert said["failed"] and "web-0 is removed, and a program holds it open" in said["msg"]


def test_guests_live_on_their_records(fleet: Lab) -> None:
    host = fleet.host("kvm")
    before = host.snapshot()
    made = run(fleet)
    assert made["changed"] and not made.get("failed"), made
    assert made["assigned"]["liar-0"] not in ([], [LIE])
    live(fleet, host)
    host.reboot()
    again = run(fleet)
    assert (again["changed"], again["commands"], again["assigned"]) == (False, [], made["assigned"])
    assert host.failed_units() == []
    live(fleet, host)
    assert run(fleet, state="absent")["changed"]
    assert diff_snapshots(before, host.snapshot()) == []
