# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Address translation on whole hosts whose IPv6 way out is by router advertisements: made, reloaded, rebooted, taken away."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import lab_name
from product import Product
from spans import some
from vnet_lab.guest import Guest
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import wait_until
from vnet_lab.world import REMOTE4, REMOTE6

HOSTS = dict(some(("na12", ("d12-ifupdown", "dhcp")), more=(("na13", ("d13-networkd", "dhcp")),)))
BRIDGE = {"bridges": [{"name": "vnat0", "addresses": ["10.77.0.254/24", "2001:db8:77::ff/64"]}]}
TO, TO6 = "10.77.0.1", "2001:db8:77::1"
NETWORK = {
    "name": "vnat0",
    "nat66": True,
    "forwards": [{"port": "5022", "to": TO, "to_port": "22"}, {"port": "5022", "to": TO6, "to_port": "22"}],
}
FULL = {
    "name": "vnat0",
    "nat66": True,
    "uplink": "eth0",
    "snat": "192.0.2.8-192.0.2.9",
    "no_nat_to": ["198.18.0.0/15", "2001:db8:20::/48"],
    "one_to_one": [{"address": "192.0.2.7", "to": TO}, {"address": "2001:db8::7", "to": TO6}],
    "forwards": [
        {"port": "81-82", "to": to, "protocol": "both", "listen_address": here, "listen_interface": "eth0", "from": [source]}
        for to, here, source in ((TO, "192.0.2.6", "198.51.100.0/24"), (TO6, "2001:db8::6", "2001:db8:51::/64"))
    ],
}


@pytest.fixture(scope="module")
def nat_lab() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("whole hosts need root")
    with Lab(lab_name("na"), owner=os.getpid()) as made:
        made.start_many(HOSTS)
        yield made


def run(lab: Lab, host: str, *networks: dict[str, Any], **options: Any) -> dict[str, Any]:
    result = Product(lab).module(host, "vnet_nat", {"networks": list(networks), **options})
    assert not result.get("failed"), result
    return result


def plug(host: Machine) -> Guest:
    """A guest that greets on port 22."""
    guest = Guest.plug(host, "vnat0", "one", [f"{TO}/24", f"{TO6}/64"], gateway="10.77.0.254")
    guest.exec(["ip", "-6", "route", "add", "default", "via", "2001:db8:77::ff"])
    host.exec(
        [
            "systemd-run",
            "-q",
            "--collect",
            "--unit=greeter",
            "ip",
            "netns",
            "exec",
            "one",
            "busybox",
            "nc",
            "-ll",
            "-p",
            "22",
            "-e",
            "/bin/echo",
            "one",
        ]
    )
    return guest


def unplug(host: Machine, guest: Guest) -> None:
    host.exec(["systemctl", "stop", "greeter.service"], check=False)
    guest.remove()


def greeted(lab: Lab, host: Machine) -> bool:
    """From the world, by the host's address of each family."""
    words = [
        lab.fabric.exec(["busybox", "nc", "-w", "3", address, "5022"], check=False).stdout.strip()
        for address in (host.address, host.address6)
    ]
    return words == ["one", "one"]


def works(lab: Lab, host: Machine, guest: Guest) -> None:
    wait_until(lambda: guest.ping(REMOTE4) and guest.ping(REMOTE6), 10, "the guest does not reach the world")
    wait_until(lambda: greeted(lab, host), 10, "the world does not reach the guest")
    argv = ["ssh", *host.ssh_options(), f"root@{host.address6}", "true"]
    assert subprocess.run(argv, check=False, timeout=30).returncode == 0


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_it_comes_back_whatever_happens_and_goes_without_a_trace(nat_lab: Lab, name: str) -> None:
    host = nat_lab.host(name)
    wait_until(lambda: bool(host.address6), 30, "no IPv6 address by router advertisement")
    # A bridge without a guest has no carrier, so its address would stay tentative, and the host never be called ready.
    host.exec(["tee", "/etc/sysctl.d/10-lab.conf"], stdin="net.ipv6.conf.default.accept_dad = 0\nnet.ipv6.conf.all.accept_dad = 0\n")
    host.exec(["sysctl", "-p", "/etc/sysctl.d/10-lab.conf"])
    before = host.snapshot()
    assert Product(nat_lab).module(name, "xen_bridge", BRIDGE)["changed"]
    check = Product(nat_lab).module(name, "vnet_nat", {"networks": [NETWORK]}, check=True)
    done = run(nat_lab, name, NETWORK)
    assert done["changed"] and done["diff"] == check["diff"]
    guest = plug(host)
    works(nat_lab, host, guest)
    assert not run(nat_lab, name, NETWORK)["changed"]

    # Every set and map that there can be, as this host's own nft lists it.
    assert run(nat_lab, name, FULL)["changed"] and not run(nat_lab, name, FULL)["changed"]
    assert run(nat_lab, name, NETWORK)["changed"] and not run(nat_lab, name, NETWORK)["changed"]
    works(nat_lab, host, guest)

    host.exec(["systemctl", "enable", "--now", "nftables.service"])
    host.exec(["systemctl", "reload", "nftables.service"])
    works(nat_lab, host, guest)

    host.reboot()
    assert host.failed_units() == []
    wait_until(lambda: bool(host.address6), 30, "no IPv6 address by router advertisement after the reboot")
    guest = plug(host)
    works(nat_lab, host, guest)
    assert not run(nat_lab, name, NETWORK)["changed"]

    unplug(host, guest)
    assert run(nat_lab, name, NETWORK, state="absent")["changed"]
    host.exec(["systemctl", "disable", "--now", "nftables.service"])
    assert Product(nat_lab).module(name, "xen_bridge", {**BRIDGE, "state": "absent"})["changed"]
    assert diff_snapshots(before, host.snapshot()) == []
