# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches whom in the routed layouts, and seen as whom: before and after a reboot, on every network manager."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from answers import asked, telling
from product import Product
from spans import some
from vnet_lab.guest import Guest
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import wait_until
from vnet_lab.world import REMOTE4, REMOTE6, ROUTER4

_KINDS = {"ln12": "d12-networkd", "lf12": "d12-ifupdown", "lm13": "d13-nm"}
HOSTS = {name: (_KINDS[name], "static") for name in some("lf12", more=("ln12", "lm13"))}
NETWORKS: list[dict[str, Any]] = [
    {
        "name": "vnat0",
        "layout": "nat",
        "addresses": ["10.0.0.254/16", "2001:db8:a::fe/64"],
        "nat66": True,
        "dhcp": {"ranges": ["10.0.3.1-10.0.3.254"], "domain": "lab.example"},
        "forwards": [{"port": "5022", "to": "rhel4", "to_port": "22"}, {"port": "53", "protocol": "both", "to": "10.0.2.1"}],
    },
    {"name": "routed0", "layout": "route", "addresses": ["10.97.0.1/24"]},
    {"name": "alone", "layout": "nat", "point_to_point": True, "nat66": True},
    {
        "name": "dmz",
        "layout": "brouter",
        "addresses": ["10.98.98.1/24"],
        "forwards": [{"port": "8080", "to": "mydomu", "to_port": "80"}],
        "zone": "dmz",
    },
]
ROUTES = ("10.97.0.0/24", "10.98.98.0/24")
RHEL4 = "52:54:00:27:95:c0"
GUESTS: list[dict[str, Any]] = [
    {"name": "rhel4", "interfaces": [{"network": "vnat0", "name": "tap-rhel4", "mac": RHEL4, "addresses": ["10.0.2.1/16"]}]},
    {
        "name": "alone",
        "interfaces": [
            {"network": "alone", "name": "tap-alone", "mac": "52:54:00:27:95:c2", "addresses": ["10.9.0.1/24", "2001:db8:9::1/64"]}
        ],
    },
    {
        "name": "mydomu",
        "interfaces": [{"network": "dmz", "name": "tap-mydomu", "mac": "aa:cc:00:00:00:01", "addresses": ["10.98.98.2/24"]}],
    },
]


# The world reaches the dmz by forwards and by this port alone.
FILTER = {
    "zones": [{"name": "world", "interfaces": ["eth0"]}],
    "policies": [{"from": "dmz", "to": "world", "allow": ["any"]}, {"from": "world", "to": "dmz", "allow": ["tcp/81"]}],
}


def leased(guest: Guest) -> str:
    """The address that the guest is given by DHCP."""
    argv = ["busybox", "udhcpc", "-f", "-n", "-q", "-t", "10", "-T", "1", "-i", "eth0", "-s", "/bin/true"]
    done = guest.exec(argv, check=False)
    found = re.search(r"lease of (\S+) obtained", done.stdout + done.stderr)
    return found[1] if found else ""


def named(guest: Guest, name: str) -> str:
    """What its name server says of a name."""
    done = guest.exec(["busybox", "nslookup", "-type=a", name, "10.0.0.254"], check=False)
    found = re.findall(r"Address[ 0-9]*: (\S+)", done.stdout)
    return str(found[-1]) if found else ""


def served(host: Machine) -> bool:
    return host.exec(["systemctl", "is-active", "hypervisor-vnet-dhcp@vnat0.service"], check=False).stdout.strip() == "active"


def stands_alone(host: Machine) -> bool:
    """Has the tap without a bridge what its guest needs, whatever the network manager thinks of it?"""
    words = (
        ["address", "show", "dev", "tap-alone"],
        ["-4", "route", "show", "dev", "tap-alone"],
        ["-6", "route", "show", "dev", "tap-alone"],
    )
    text = "".join(host.exec(["ip", "-oneline", *argv], check=False).stdout for argv in words)
    wanted = ("inet 10.9.0.128/32", "inet6 2001:db8:9::80/128", "10.9.0.1 proto 119 ", "2001:db8:9::1 proto 119 ")
    return all(part in text for part in wanted)


def plug(host: Machine) -> dict[str, Guest]:
    """The guests, with their addresses."""
    found = {
        "rhel4": Guest.plug(host, "vnat0", "rhel4", ["10.0.2.1/16", "2001:db8:a::1/64"], "10.0.0.254", RHEL4),
        "other": Guest.plug(host, "vnat0", "other", ["10.0.2.2/16"], "10.0.0.254"),
        "routed": Guest.plug(host, "routed0", "routed", ["10.97.0.2/24"], "10.97.0.1"),
        "mydomu": Guest.plug(host, "dmz", "mydomu", ["10.98.98.2/24"], "10.98.98.1"),
    }
    # The host looks for duplicates of its own address once the first guest is there.
    wait_until(lambda: not host.missing(strict=False), 10, "the bridges have their addresses")
    # Its route by IPv6 comes by the host's advertisement.
    wait_until(lambda: "default" in found["rhel4"].exec(["ip", "-6", "route"]).stdout, 20, "the guest has heard its router")
    return found


def matrix(lab: Lab, host: Machine) -> dict[str, str]:
    """Who is seen as whom where."""
    guests, world, here = plug(host), lab.fabric, host.address
    try:
        with telling(guests["rhel4"], 22), telling(guests["mydomu"], 80), telling(guests["mydomu"], 81), telling(guests["routed"], 80):
            return {
                "nat guest, DHCP": leased(guests["rhel4"]),
                "nat guest, DNS": named(guests["other"], "rhel4.lab.example"),
                "nat guest, world": asked(guests["rhel4"], REMOTE4, 7000),
                "nat guest, world by IPv6": asked(guests["rhel4"], REMOTE6, 7000),
                "routed guest, world": asked(guests["routed"], REMOTE4, 7000),
                "brouter's guest, world": asked(guests["mydomu"], REMOTE4, 7000),
                "world, forward": asked(world, here, 5022),
                "world, brouter's forward": asked(world, here, 8080),
                "world, brouter's guest": asked(world, "10.98.98.2", 80),
                "world, brouter's guest, allowed port": asked(world, "10.98.98.2", 81),
                "world, routed guest": asked(world, "10.97.0.2", 80),
                "guest of the same network, forward": asked(guests["other"], here, 5022),
                "the guest itself, its own forward": asked(guests["rhel4"], here, 5022),
                "guest of another network, forward": asked(guests["mydomu"], here, 5022),
                "the host, its own forward": asked(host, here, 5022),
                "nat guest, brouter's guest": asked(guests["rhel4"], "10.98.98.2", 80),
                "guest, guest of the same network": asked(guests["other"], "10.0.2.1", 22),
            }
    finally:
        for guest in guests.values():
            guest.remove()


def expected(host: Machine) -> dict[str, str]:
    here, here6 = host.address, host.address6
    return {
        "nat guest, DHCP": "10.0.2.1",
        "nat guest, DNS": "10.0.2.1",
        "nat guest, world": here,
        "nat guest, world by IPv6": here6,
        "routed guest, world": "10.97.0.2",
        "brouter's guest, world": here,
        "world, forward": ROUTER4,
        "world, brouter's forward": ROUTER4,
        "world, brouter's guest": "",
        "world, brouter's guest, allowed port": ROUTER4,
        "world, routed guest": ROUTER4,
        # It could not answer its neighbour by another address than the one that was asked.
        "guest of the same network, forward": "10.0.0.254",
        "the guest itself, its own forward": "10.0.0.254",
        "guest of another network, forward": "10.98.98.2",
        "the host, its own forward": here,
        "nat guest, brouter's guest": "10.0.2.1",
        "guest, guest of the same network": "10.0.2.2",
    }


def run(lab: Lab, host: Machine, *, check: bool = False, **options: Any) -> dict[str, Any]:
    # With br_netfilter at work, what a guest sends to its own forward never comes up from the bridge, nor back to the same port.
    document = {"networks": NETWORKS, "guests": GUESTS, **FILTER, "bridge_netfilter": "disable", **options}
    result = Product(lab).module(host.name, "vnet_host", document, check=check)
    assert not result.get("failed"), result
    return result


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_who_reaches_whom(fleet: Lab, name: str) -> None:
    host = fleet.host(name)
    before = host.snapshot()
    for network in ROUTES:
        fleet.fabric.exec(["ip", "route", "replace", network, "via", host.address])
    with telling(fleet.fabric, 7000):
        check, real = run(fleet, host, check=True), run(fleet, host)
        assert json.dumps(check["diff"]) == json.dumps(real["diff"])
        assert stands_alone(host)
        assert real["changed"] and not run(fleet, host)["changed"]
        assert matrix(fleet, host) == expected(host)
        host.reboot(strict=False)
        wait_until(lambda: served(host), 20, "DHCP is served again")
        wait_until(lambda: stands_alone(host), 20, "the tap without a bridge has its routes again")
        assert not run(fleet, host)["changed"]
        assert matrix(fleet, host) == expected(host)
    for network in ROUTES:
        fleet.fabric.exec(["ip", "route", "del", network])
    assert run(fleet, host, state="absent")["changed"]
    assert diff_snapshots(before, host.snapshot()) == []
