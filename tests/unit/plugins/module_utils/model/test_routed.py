# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes to guests: what an item means in the kernel's words, and everything that is wrong with one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, read_nats, router_of, settle, settle_guests
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import (
    AppliedRouted,
    Routed,
    RoutedGuest,
    applied_routed,
    of_network,
)
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routedread import read_routes

N1 = Routed("n1", "n1", (RoutedGuest("192.0.2.190", "192.0.2.1"), RoutedGuest("2001:db8::190")), uplink="eth0", metric=2, proxy_arp=True)


def test_a_guest_behind_its_interface() -> None:
    assert N1.lines() == [
        "address replace 192.0.2.1/32 dev n1",
        "address replace fe80::1/64 nodad dev n1",
        "route replace 192.0.2.190 dev n1 table main proto 119 src 192.0.2.1 metric 2",
        "route replace 2001:db8::190 dev n1 table main proto 119 metric 2",
        "neigh replace proxy 192.0.2.190 dev eth0",
        "neigh replace proxy 2001:db8::190 dev eth0",
    ]
    assert N1.sysctls() == {
        "net/ipv4/conf/n1/proxy_arp": "1",
        "net/ipv6/conf/n1/accept_ra": "0",
        "net/ipv6/conf/n1/disable_ipv6": "0",
        "net/ipv6/conf/eth0/proxy_ndp": "1",
    }


def test_a_network_behind_a_bridge_has_its_route_already() -> None:
    routed = Routed("r", "br0", (RoutedGuest("10.97.0.9", "10.97.0.1"),), ("10.97.0.0/24", "10.98.0.0/16"), connected=("10.97.0.0/24",))
    assert routed.lines() == ["route replace 10.98.0.0/16 dev br0 table main proto 119"]
    assert routed.sysctls() == {}


def test_the_host_answers_for_each_address_of_a_small_network() -> None:
    routed = Routed("r", "br0", subnets=("192.0.2.128/30", "10.0.0.0/16"), uplink="eth0", proxy_arp=True)
    assert [proxy.address for proxy in routed.proxies()] == ["192.0.2.129", "192.0.2.130"]


def test_a_static_route() -> None:
    routed = Routed("office", "eth0", subnets=("0.0.0.0/0", "10.20.0.0/16"), via="192.0.2.9")
    assert routed.lines() == [
        "route replace default via 192.0.2.9 dev eth0 table main proto 119",
        "route replace 10.20.0.0/16 via 192.0.2.9 dev eth0 table main proto 119",
    ]
    assert (routed.sysctls(), AppliedRouted("site", routed).forwards) == ({}, ())


def test_the_memory_gives_back_what_it_was_given() -> None:
    item = AppliedRouted("site", N1, persist=False)
    assert applied_routed(json.loads(json.dumps(asdict(item)))) == item
    assert item.forwards == (4, 6)


@pytest.mark.parametrize(
    ("guest", "router"),
    [
        ("10.0.0.1", "10.0.0.128"),
        ("10.0.0.127", "10.0.0.254"),
        ("10.0.0.128", ""),
        ("10.0.0.0", ""),
        ("2001:db8::1", "2001:db8::80"),
        ("2001:db8::80", ""),
    ],
)
def test_the_router_of_vif_nat(guest: str, router: str) -> None:
    assert router_of(guest) == router


def network(**options: Any) -> dict[str, AppliedRouted]:
    [nat], problems = read_nats([{"name": "x", **options}])
    assert not problems
    nat = settle_guests(settle(nat, [], ""), {4: "192.0.2.1"}, "eth0" if nat.proxy_arp else "")
    return of_network("x", AppliedNat("site", nat))


def test_a_network_without_a_bridge() -> None:
    guests = [{"interface": "vif1.0", "addresses": ["10.0.0.1", "10.0.0.2"]}, {"interface": "vif2.0", "addresses": ["10.0.0.3"]}]
    found = network(point_to_point=True, guests=guests)
    assert list(found) == ["x/vif1.0", "x/vif2.0"]
    assert [guest.source for guest in found["x/vif1.0"].routed.guests] == ["10.0.0.128", "10.0.0.129"]
    own = network(point_to_point=True, masquerade=False, proxy_arp=True, guests=guests)["x/vif2.0"].routed
    assert (own.guests, own.uplink) == ((RoutedGuest("10.0.0.3", "192.0.2.1"),), "eth0")
    assert network(sources=["10.0.0.0/24"]) == {}


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"guests": ["x"]}, "routes[0].guests[0]: 'x' is no address; write it as in 192.0.2.10 or 2001:db8::10"),
        ({"guests": ["10.0.0.1", "10.0.0.1"]}, "routes[0].guests[1]: 10.0.0.1 is in the list already; write it once"),
        ({"subnets": ["10.0.0.0/16", "10.0.0.0/16"]}, "routes[0].subnets[1]: 10.0.0.0/16 is in the list already; write it once"),
        ({"via": "10.0.0.1"}, "routes[0].subnets: is missing; say what is behind 10.0.0.1"),
        ({"source": ["10.0.0.1"]}, "routes[0].source: is what guests have for their router; name them in guests, or leave it out"),
        ({"metric": 1 << 32, "guests": ["10.0.0.1"]}, "routes[0].metric: 4294967296 is outside 0-4294967295"),
        ({"interface": "n2", "name": "a b"}, "routes[0].name: 'a b' is no name; use 1 to 64 letters, digits, '_', '-' or '.'"),
    ],
)
def test_bad_input(item: dict[str, Any], problem: str) -> None:
    assert [str(found) for found in read_routes([{"name": "n1", **item}])[1]] == [problem]


def test_two_ways_to_a_network_differ_in_their_metric() -> None:
    items = [{"name": name, "interface": name, "subnets": ["10.20.0.0/16"], "via": "192.0.2.9"} for name in ("eth0", "eth1")]
    assert [str(found) for found in read_routes(items)[1]] == [
        "routes[1].subnets[0]: 10.20.0.0/16 is already at routes[0].subnets[0]; give one of them another metric"
    ]
    assert read_routes([items[0], {**items[1], "metric": 9}])[1] == []
