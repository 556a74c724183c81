# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read on the console, in golden files.

VNET_GOLDEN=write pytest tests/unit rewrites what is expected; look at the difference before you believe it.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, read_nats
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import NextHop, Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import AppliedRouted, Routed, RoutedGuest
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import as_seen
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.facts import (
    Facts,
    address_facts,
    bridge_facts,
    link_facts,
    nat_facts,
    route_facts,
    routed_facts,
)
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.nat import nat_tables
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.routed import routed_tables
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.status import report_text, status_text

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "status"
REWRITE = os.environ.get("VNET_GOLDEN") == "write"

ITEMS = [
    Routed("n1", "n1", (RoutedGuest("192.0.2.190", "192.0.2.1"), RoutedGuest("2001:db8::190")), uplink="eth0", proxy_arp=True),
    Routed("office", "eth0", subnets=("10.20.0.0/16",), via="192.0.2.9"),
]
ROUTED = Applied(routes={item.name: AppliedRouted("site", item) for item in ITEMS})


def nic(name: str, index: int, master: str = "", addresses: t.Sequence[str] = (), **more: t.Any) -> Link:
    return Link(name, index, master=master, addresses=tuple(map(Address, addresses)), **{"up": True, "carrier": True, **more})


def bridge(name: str, index: int, addresses: t.Sequence[str] = (), **more: t.Any) -> Link:
    return nic(name, index, addresses=addresses, kind="bridge", bridge=BridgeSettings(), **more)


def applied(*bridges: Bridge, owner: str = "site", persist: str = "networkd", adopted: BridgeSettings | None = None) -> Applied:
    return Applied({item.name: AppliedBridge(owner, item, "52:54:00:00:00:01", persist, adopted=adopted) for item in bridges})


def host(state: HostState, memory: Applied, **more: t.Any) -> Facts:
    return {
        "links": link_facts(state),
        "bridges": bridge_facts(state, memory, {}),
        "addresses": address_facts(state),
        "routes": route_facts(state),
        "guards": [],
        "nat": [],
        "routed": [],
        "dhcp": [],
        "zones": [],
        "policies": [],
        "blockers": [],
        "managers": [{"name": "networkd", "active": True, "claims": ["eth0", "eth1"]}],
        "journal": {"state": "none", "groups": 0, "seconds_left": 0},
        "pending": None,
        "last": None,
        "report": None,
        **more,
    }


def links(*items: Link) -> dict[str, Link]:
    return {item.name: item for item in (nic("lo", 1, addresses=["127.0.0.1/8"], type="loopback"), *items)}


CHANGE = {
    "undo": [
        "what was applied is remembered",
        "systemd-networkd takes over what it finds",
        "eth0 becomes a port of xenbr0",
        "bridge xenbr0",
    ],
    "links": ["eth0", "xenbr0"],
    "controller": "192.0.2.200",
    "address": "192.0.2.10",
}
KEPT = {"at": "2026-11-21T05:00:00Z", "why_not": "", **CHANGE}
PENDING = {
    "id": "5f0c1f0cb4f94e5e8a3a2ad5c2f4bb4e",
    "timeout": 120,
    "checkpoint": False,
    "probes": ["gateway4", "gateway6", "tcp 192.0.2.53:53", "dns example.org"],
    "since": "2026-11-21T06:00:00Z",
    **CHANGE,
}
REPORT = {
    "id": PENDING["id"],
    "why": "not confirmed within 120 s",
    "at": "2026-11-21T06:02:00Z",
    "step": "systemd-networkd takes over what it finds",
    "undone": ["IPv6 of xenbr0", "IPv6 of xenbr0", *CHANGE["undo"][1:]],
    "failures": ["ip route add default via 192.0.2.1 dev eth0: RTNETLINK answers: Network is unreachable"],
    "left": ["eth0 is not as it was before"],
    "probes": {"gateway4": "192.0.2.1 answers neither ARP nor ICMP", "gateway6": ""},
}
PLAIN = HostState(
    links(nic("eth0", 2, addresses=["192.0.2.10/24", "2001:db8::10/64", "fe80::1/64"]), nic("eth1", 3, carrier=False)),
    (Route(4, "default", "eth0", "192.0.2.1"), Route(4, "192.0.2.0/24", "eth0", protocol="kernel")),
)
MOVED = HostState(
    links(
        nic("eth0", 2, "xenbr0"),
        nic("eth1", 3, addresses=["198.51.100.10/24"], carrier=False),
        bridge("xenbr0", 4, ["192.0.2.10/24", "192.0.2.11/24", "2001:db8::10/64", "fe80::1/64"]),
        bridge("xenbr1", 5, up=False),
        nic("vif1.0", 6, "xenbr0"),
        nic("vif2.0", 7, "xenbr0"),
        nic("web-eth0", 8, "xenbr0", kind="tun"),
        nic("veth7", 9, "xenbr0", kind="veth"),
        bridge("virbr0", 10, ["192.168.122.1/24"], carrier=False),
        nic("vnet3", 11, "virbr0", kind="tun"),
    ),
    (
        Route(4, "default", "xenbr0", "192.0.2.1"),
        Route(4, "192.0.2.0/24", "xenbr0", protocol="kernel"),
        Route(6, "default", "xenbr0", "2001:db8::1", metric=1024),
        Route(4, "203.0.113.0/24", nexthops=(NextHop("eth1", "198.51.100.1"), NextHop("eth1", "198.51.100.2"))),
    ),
)
SITE = applied(Bridge("xenbr0", "eth0", ports=("eth2",)), Bridge("xenbr1"))
TRANSLATED = Applied(
    nat={
        item["name"]: AppliedNat("site", read_nats([item])[0][0])
        for item in (
            {
                "name": "vnat0",
                "sources": ["10.0.0.0/16", "2001:db8:98::/64"],
                "nat66": True,
                "forwards": [
                    {"port": "5022", "to": "10.0.0.1", "to_port": "22"},
                    {"port": "8000-8010", "to": "2001:db8:98::1", "protocol": "both", "listen_interface": "eth0"},
                    {"port": "80", "to": "10.0.0.1", "listen_address": "192.0.2.7", "from": ["198.51.100.0/24", "203.0.113.0/24"]},
                ],
                "one_to_one": [{"address": "192.0.2.10", "to": "10.0.0.10"}],
            },
            {"name": "a-very-long-name-of-a-network", "bridge": "br7", "sources": ["10.7.0.0/16"], "uplink": "eth1", "snat": "192.0.2.20"},
        )
    }
)
TABLES = nat_tables(item.network for item in TRANSLATED.nat.values())
CROWDED = HostState(links(bridge("br0", 2), *(nic(f"tap{number}", 3 + number, "br0", kind="tun") for number in range(1000))))


def guard(interface: str, state: str, refused: int, *addresses: str, mode: str = "enforce") -> Facts:
    return {
        "interface": interface,
        "mac": "52:54:00:00:00:21",
        "addresses": addresses,
        "mode": mode,
        "state": state,
        "refused": {"packets": refused, "bytes": 60 * refused},
    }


GUARDED = [
    guard("vif1.0", "enforce", 0, "192.0.2.21"),
    guard("vif2.0", "observe", 1, "192.0.2.22", "2001:db8::22", mode="observe"),
    guard("web-eth0", "enforce", 1234567, "192.0.2.32/28"),
    guard("a-long-name-of0", "UNGUARDED", 0, "192.0.2.24", "2001:db8:0:1:2:3:4:24"),
]
DHCP = [
    {"name": "vnat0", "bridge": "vnat0", "state": "running", "ranges": ["10.0.2.1-10.0.2.254"], "hosts": [{}, {}], "leases": [{}]},
    {"name": "storage", "bridge": "xenbr1", "state": "NOT RUNNING", "ranges": [], "hosts": [{}], "leases": []},
]
ZONES = [
    {"name": name, "owner": "site", "state": "active", "networks": networks, "interfaces": interfaces, "persist": True}
    for name, networks, interfaces in (("dmz", ["dmz0", "dmz1"], []), ("world", [], ["eth0"]))
]
POLICIES = [
    {"from": "dmz", "to": "world", "owner": "site", "allow": ["tcp/443", "udp/53"], "log": False, "persist": True},
    {"from": "dmz", "to": "host", "owner": "site", "allow": [], "log": False, "persist": True},
]
BLOCKERS = [{"where": "table ip filter (iptables), chain FORWARD, policy drop", "stops": [], "certain": True, "cure": ""}]

STATUS = {
    "nothing-of-ours": host(PLAIN, Applied()),
    "moved": host(MOVED, SITE, last=KEPT),
    "armed": host(MOVED, SITE, pending=PENDING, journal={"state": "armed", "groups": 4, "seconds_left": 87}),
    "armed-and-running": host(MOVED, SITE, pending=PENDING, journal={"state": "running", "groups": 4, "seconds_left": 87}),
    "running": host(PLAIN, Applied(), pending={**PENDING, "id": "", "probes": []}, journal={"state": "running", "seconds_left": 0}),
    "killed": host(
        PLAIN,
        Applied(),
        pending={**PENDING, "id": "", "probes": [], "controller": ""},
        journal={"state": "stale", "groups": 1, "seconds_left": 0},
        last={**KEPT, "why_not": "another change has to be kept or undone before"},
    ),
    "expired": host(PLAIN, Applied(), pending=PENDING, journal={"state": "stale", "groups": 4, "seconds_left": 0}),
    "undone-in-part": host(PLAIN, Applied(), report=REPORT),
    "changed-since": host(
        MOVED,
        SITE,
        last={**KEPT, "why_not": "changed since by others, or by hand: eth0; put that back first, or apply what was declared before"},
    ),
    "wrong": host(
        HostState(links(nic("eth0", 2), nic("eth1", 3, "br1", carrier=False), bridge("br0", 4), bridge("br1", 5))),
        Applied(
            {
                **applied(Bridge("br0", "eth0"), persist="none").bridges,
                **applied(Bridge("br1", "eth1", ports=("eth9",)), persist="foreign", adopted=BridgeSettings()).bridges,
                **applied(Bridge("br2"), owner="mine").bridges,
            }
        ),
    ),
    "crowded": host(CROWDED, Applied()),
    "guarded": host(MOVED, SITE, guards=GUARDED),
    "translated": host(PLAIN, Applied(), nat=nat_facts(TRANSLATED, {table.key: as_seen(table) for table in TABLES})),
    "routed": host(PLAIN, Applied(), routed=routed_facts(ROUTED, {table.key: as_seen(table) for table in routed_tables(ITEMS)})),
    "routed-no-more": host(PLAIN, Applied(), routed=routed_facts(ROUTED, {})),
    "zones": host(PLAIN, Applied(), zones=ZONES, policies=POLICIES, blockers=BLOCKERS),
    "translated-no-more": host(PLAIN, Applied(), nat=nat_facts(TRANSLATED, {})),
    "served": host(PLAIN, Applied(), dhcp=DHCP),
}


def expect(name: str, text: str) -> None:
    path = CASES / f"{name}.txt"
    if REWRITE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", STATUS)
def test_status(name: str) -> None:
    expect(name, status_text(STATUS[name]))


def test_report() -> None:
    expect("report", report_text(REPORT))


@pytest.mark.parametrize("name", STATUS)
def test_it_fits_a_console(name: str) -> None:
    lines = status_text(STATUS[name]).splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line != line.rstrip()]
