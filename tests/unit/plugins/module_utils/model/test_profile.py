# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses, routes, rules and neighbours: the lines that make them again, here or on another interface."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.profile import comes_with_an_address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import Neighbour, NextHop, Route, Rule, normal_destination


@pytest.mark.parametrize(
    ("label", "moved"),
    [
        ("", ""),
        ("eth0", ""),
        ("eth0:1", "xenbr0:1"),
        ("eth0:web", "xenbr0:web"),
        # IFNAMSIZ holds for labels too
        ("eth0:longlabel", ""),
        # a label of its own, as ifupdown's users write them, cannot stay: the kernel wants the name of the interface in it
        ("web", ""),
        ("eth01:1", ""),
    ],
)
def test_labels_follow_the_interface(label: str, moved: str) -> None:
    assert Address("10.0.0.1/24", label=label).moved("eth0", "xenbr0").label == moved


@pytest.mark.parametrize(
    ("address", "add", "delete"),
    [
        (Address("10.0.0.1/24"), "address replace 10.0.0.1/24 dev x", "address del 10.0.0.1/24 dev x"),
        (
            Address("10.0.0.1/24", broadcast="10.0.0.255", label="x:1", metric=5, noprefixroute=True),
            "address replace 10.0.0.1/24 broadcast 10.0.0.255 label x:1 metric 5 noprefixroute dev x",
            "address del 10.0.0.1/24 dev x",
        ),
        (
            Address("10.0.0.1/32", peer="10.0.0.2/32"),
            "address replace 10.0.0.1 peer 10.0.0.2/32 dev x",
            "address del 10.0.0.1 peer 10.0.0.2/32 dev x",
        ),
        (
            Address("10.0.0.1/24", valid_lft=100, preferred_lft=50),
            "address replace 10.0.0.1/24 valid_lft 100 preferred_lft 50 dev x",
            "address del 10.0.0.1/24 dev x",
        ),
        (Address("10.0.0.1/32", scope="host"), "address replace 10.0.0.1/32 scope host dev x", "address del 10.0.0.1/32 dev x"),
        (Address("2001:db8::1/64"), "address replace 2001:db8::1/64 nodad dev x", "address del 2001:db8::1/64 dev x"),
    ],
)
def test_lines_of_addresses(address: Address, add: str, delete: str) -> None:
    assert address.add_line("x") == add
    assert address.delete_line("x") == delete


@pytest.mark.parametrize(
    ("cidr", "peer", "prefixes"),
    [
        ("10.0.0.1/24", "", {"10.0.0.0/24"}),
        ("10.0.0.1/32", "10.0.0.2/32", {"10.0.0.2", "10.0.0.1"}),
        ("2001:db8::1/64", "", {"2001:db8::/64"}),
        ("2001:db8::1/128", "", {"2001:db8::1"}),
    ],
)
def test_prefixes_as_routes_spell_them(cidr: str, peer: str, prefixes: set[str]) -> None:
    assert set(Address(cidr, peer=peer).prefixes) == prefixes


OWN = Route(6, "2001:db8::/64", "eth0", protocol="kernel", metric=256)


@pytest.mark.parametrize(
    ("route", "addresses", "comes"),
    [
        (OWN, [Address("2001:db8::1/64")], True),
        (OWN, [Address("2001:db8::1/64", noprefixroute=True)], False),
        # one with and one without: the kernel made it for the one without
        (OWN, [Address("2001:db8::1/64", noprefixroute=True), Address("2001:db8::2/64")], True),
        # another's noprefixroute says nothing about this one
        (OWN, [Address("2001:db8::1/64"), Address("2001:db8:1::1/64", noprefixroute=True)], True),
        (OWN, [], False),
        (Route(6, "fe80::/64", "eth0", protocol="kernel", metric=256), [], True),
        (Route(4, "10.0.0.0/24", "eth0", protocol="kernel"), [Address("10.0.0.1/24")], True),
        (Route(4, "10.0.0.0/24", "eth0", protocol="static"), [Address("10.0.0.1/24")], False),
        (Route(4, "default", "eth0", "10.0.0.9", protocol="kernel"), [Address("10.0.0.1/24")], False),
    ],
)
def test_routes_that_come_with_an_address(route: Route, addresses: list[Address], comes: bool) -> None:
    assert comes_with_an_address(route, addresses) is comes


@pytest.mark.parametrize(
    ("route", "line"),
    [
        (Route(4, "default", "x", "10.0.0.1"), "route replace default via 10.0.0.1 dev x table main proto boot"),
        (Route(6, "default", "x", "fe80::1", metric=1024), "route replace ::/0 via fe80::1 dev x table main proto boot metric 1024"),
        (Route(4, "192.0.2.0/24", "x", "inet6 fe80::1"), "route replace 192.0.2.0/24 via inet6 fe80::1 dev x table main proto boot"),
        (
            Route(
                4, "192.0.2.0/24", "x", "10.0.0.1", "100", protocol="static", scope="global", prefsrc="10.0.0.2", metrics=(("mtu", "1400"),)
            ),
            "route replace 192.0.2.0/24 via 10.0.0.1 dev x table 100 proto static scope global src 10.0.0.2 mtu 1400",
        ),
        (
            Route(4, "192.0.2.0/24", "x", "172.16.0.1", onlink=True),
            "route replace 192.0.2.0/24 via 172.16.0.1 dev x table main proto boot onlink",
        ),
        (
            Route(4, "192.0.2.0/24", nexthops=(NextHop("x", "10.0.0.1", 2), NextHop("y", "10.1.0.1"))),
            "route replace 192.0.2.0/24 table main proto boot nexthop via 10.0.0.1 dev x weight 2 nexthop via 10.1.0.1 dev y weight 1",
        ),
        (Route(4, "192.0.2.0/24", type="blackhole"), "route replace blackhole 192.0.2.0/24 table main proto boot"),
    ],
)
def test_lines_of_routes(route: Route, line: str) -> None:
    assert route.line("replace") == line


def test_only_its_own_legs_of_a_route_move() -> None:
    route = Route(4, "192.0.2.0/24", nexthops=(NextHop("eth0", "10.0.0.1"), NextHop("eth1", "10.1.0.1")))
    assert [hop.dev for hop in route.moved("eth0", "xenbr0").nexthops] == ["xenbr0", "eth1"]


def test_ipv6_has_no_metric_0() -> None:
    """The kernel makes 1024 of it: a declared route without a metric is the same as the one that is there."""
    assert Route(6, "default", "x", "fe80::1").key == Route(6, "default", "x", "fe80::2", metric=1024).key
    assert Route(4, "default", "x", "10.0.0.1").key != Route(4, "default", "x", "10.0.0.1", metric=1024).key


def test_a_rule_says_its_family_and_follows_its_interface() -> None:
    four = Rule(4, 1001, ("from", "all", "iif", "eth0", "table", "100"))
    six = Rule(6, 1001, ("not", "from", "eth0", "oif", "eth0", "table", "100"))
    assert four.moved("eth0", "br0").line("add") == "rule add priority 1001 from all iif br0 table 100"
    # only behind iif and oif is it a name
    assert six.moved("eth0", "br0").line("del") == "-6 rule del priority 1001 not from eth0 oif br0 table 100"


@pytest.mark.parametrize(
    ("neighbour", "add", "delete"),
    [
        (
            Neighbour("10.0.0.9", "x", "00:11:22:33:44:55", permanent=True),
            "neigh replace 10.0.0.9 lladdr 00:11:22:33:44:55 dev y nud permanent",
            "neigh del 10.0.0.9 dev y",
        ),
        (
            Neighbour("fe80::1", "x", "00:11:22:33:44:55", router=True),
            "neigh replace fe80::1 lladdr 00:11:22:33:44:55 dev y nud stale router",
            "neigh del fe80::1 dev y",
        ),
        (Neighbour("10.0.0.9", "x", proxy=True), "neigh replace proxy 10.0.0.9 dev y", "neigh del proxy 10.0.0.9 dev y"),
    ],
)
def test_lines_of_neighbours(neighbour: Neighbour, add: str, delete: str) -> None:
    assert neighbour.add_line("y") == add
    assert neighbour.delete_line("y") == delete


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("default", "default"),
        ("0.0.0.0/0", "default"),
        ("::/0", "default"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
    ],
)
def test_destinations(text: str, normal: str) -> None:
    assert normal_destination(text) == normal


@pytest.mark.parametrize("text", ["", "nonsense", "10.0.0.1/8", "10.0.0.0/33"])
def test_no_destinations(text: str) -> None:
    with pytest.raises(ValueError):
        normal_destination(text)
