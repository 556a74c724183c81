# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any host and any documents: what is applied is what is seen, then there is nothing to do, the check foretold it, and absent restores.

VNET_SOAK=1 tries four hundred, and others at every run.
"""

from __future__ import annotations

import tempfile
from typing import Any

from faults import SOAK
from harness import Namespace, Snapshot, assert_same
from hosts import no_waiting
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

CARDS = ("eth0", "eth1")


def v4(card: int) -> st.SearchStrategy[str]:
    """Addresses of few networks, so that primaries, secondaries and overlaps are common."""
    return st.builds(
        lambda net, host, length: f"10.{card}.{net}.{host}/{length}",
        st.integers(0, 1),
        st.integers(2, 6),
        st.sampled_from([24, 24, 24, 29, 32]),
    )


def v6(card: int) -> st.SearchStrategy[str]:
    return st.builds(
        lambda net, host, length: f"2001:db8:{card + 1}{net}::{host}/{length}",
        st.integers(0, 1),
        st.integers(2, 5),
        st.sampled_from([64, 64, 128]),
    )


def gateway(card: int, six: bool) -> st.SearchStrategy[str]:
    net = st.integers(0, 1)
    return net.map(lambda number: f"2001:db8:{card + 1}{number}::1" if six else f"10.{card}.{number}.1")


@st.composite
def address_lines(draw: st.DrawFn, card: int) -> str:
    six = draw(st.booleans())
    words = ["address add", draw(v6(card) if six else v4(card)), "dev", CARDS[card]]
    # No lifetimes: a declared profile does not bring leases back, that is for who got them.
    words += draw(st.sampled_from([[], [], [], ["noprefixroute"]]))
    if not six:
        # Not for IPv6: the kernel mixes up the prefix routes of addresses with different metrics (modify_prefix_route).
        words += draw(st.sampled_from([[], [], ["metric", "77"]]))
        words += draw(st.sampled_from([[], [], ["broadcast", "+"], ["label", f"{CARDS[card]}:7"]]))
    return " ".join(words)


@st.composite
def route_lines(draw: st.DrawFn, card: int) -> str:
    six = draw(st.booleans())
    to = draw(
        st.sampled_from(["default", "2001:db8:f0::/48", "2001:db8:f1::/48"] if six else ["default", "192.0.2.0/24", "198.51.100.0/24"])
    )
    via = draw(gateway(card, six))
    words = ["route append" if six else "route add", to]
    if draw(st.integers(0, 4)) == 0:
        other = draw(gateway(card, six))
        words += ["nexthop via", via, "dev", CARDS[card], "weight 2", "nexthop via", other, "dev", CARDS[card]]
    else:
        words += ["via", via, "dev", CARDS[card]]
        words += draw(st.sampled_from([[], [], ["mtu", "1400"], ["onlink"]]))
    words[2:2] = draw(st.sampled_from([[], [], ["metric", "50"], ["table", "100"], ["proto", "static"]]))
    return " ".join(words)


@st.composite
def rule_lines(draw: st.DrawFn, card: int) -> str:
    what = draw(st.sampled_from([f"iif {CARDS[card]}", f"oif {CARDS[card]} fwmark 0x7", f"not iif {CARDS[card]} tos 0x10"]))
    return f"rule add {what} table 100 priority {1000 * card + draw(st.integers(1000, 1005))}"


@st.composite
def hosts(draw: st.DrawFn) -> list[str]:
    """Lines of ip(8); those that the kernel refuses are passed over."""
    lines = []
    for card in range(len(CARDS)):
        lines += draw(st.lists(address_lines(card), max_size=5))
        lines += draw(st.lists(route_lines(card), max_size=3))
        # Of rules with one priority the kernel keeps the order in which they came; no two here.
        lines += draw(st.lists(rule_lines(card), max_size=2, unique_by=lambda line: line.split()[-1]))
        if draw(st.booleans()):
            lines.append(f"neigh add 10.{card}.0.77 lladdr 00:11:22:33:44:0{card} nud permanent dev {CARDS[card]}")
    return lines


@st.composite
def bridges(draw: st.DrawFn, name: str, uplink: str, card: int) -> dict[str, Any]:
    bridge: dict[str, Any] = {"name": name, **({"uplink": uplink} if uplink else {})}
    bridge["stp"] = draw(st.booleans())
    if draw(st.booleans()):
        bridge["forward_delay"] = draw(st.integers(2, 30))
    for option, values in (
        ("priority", [0, 4096, 65535]),
        ("ageing_time", [0, 20]),
        ("multicast_snooping", [False]),
        ("no_linklocal_learn", [False]),
    ):
        if draw(st.integers(0, 3)) == 0:
            bridge[option] = draw(st.sampled_from(values))
    if draw(st.booleans()):
        bridge["addresses"] = draw(st.lists(st.one_of(v4(card), v6(card)), unique_by=lambda cidr: cidr.split("/")[0], max_size=3))
        near = [number for number in (0, 1) if any(cidr.startswith(f"10.{card}.{number}.") for cidr in bridge["addresses"])]
        nets = [f"10.{card}.{number}.1" for number in near]
        if nets and draw(st.booleans()):
            bridge["gateway4"] = draw(st.sampled_from(nets))
        if nets and draw(st.booleans()):
            bridge["routes"] = [{"to": "203.0.113.0/24", "via": nets[0], "metric": draw(st.sampled_from([0, 9]))}]
    return bridge


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    count = draw(st.integers(1, 2))
    uplinks = draw(st.permutations([*CARDS, ""]))
    return [
        draw(bridges(f"br{number}", uplinks[number], CARDS.index(uplinks[number]) if uplinks[number] else 3)) for number in range(count)
    ]


def host_of(lines: list[str], folder: str) -> Namespace:
    host = Namespace(folder)
    # No link-local addresses: they come when they like, and other tests have them.
    host.sysctl("net/ipv6/conf/default/addr_gen_mode", "1")
    no_waiting(host)
    for card, name in enumerate(CARDS):
        host.ip(
            f"link add {name} address 52:54:00:00:00:0{card} type veth peer name {name}-far\nlink set {name}-far up\nlink set {name} up"
        )
    for line in lines:
        six = line.startswith("route") and ":" in line
        host.run("ip", *(["-6"] if six else []), *line.split(), check=False)
    host.settle()
    return host


@settings(
    max_examples=400 if SOAK else 8,
    deadline=None,
    derandomize=not SOAK,
    database=None,
    # Shrinking a failure takes the time of many examples, and a host is small enough to read.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(lines=hosts(), wanted=st.lists(documents(), min_size=1, max_size=3))
def test_any_host_and_any_documents(lines: list[str], wanted: list[list[dict[str, Any]]]) -> None:
    note("\n".join(lines))
    with tempfile.TemporaryDirectory() as folder:
        host = host_of(lines, folder)
        try:
            before = host.snapshot()
            for document in wanted:
                note(str(document))
                holds(host, document)
            host.bridge(prune=True, allow_empty=True).ok()
            host.settle()
            assert_same(before, host.snapshot())
        finally:
            host.close()


def holds(host: Namespace, document: list[dict[str, Any]]) -> None:
    before = host.snapshot()
    check = host.bridge(*document, prune=True, check=True)
    assert_same(before, host.snapshot(), memory=True)
    real = host.bridge(*document, prune=True)
    if check.rc:
        assert check.failed() == real.failed()
        assert check.data["problems"] == real.data["problems"]
        assert_same(before, host.snapshot())
        return
    assert real.ok().diff_bytes == check.diff_bytes
    again = host.bridge(*document, prune=True).ok()
    assert (again.changed, again.commands) == (False, [])
    stands(host.snapshot(), document)


def stands(now: Snapshot, document: list[dict[str, Any]]) -> None:
    """The kernel shows what was declared."""
    assert {name for name, link in now.links.items() if link.get("linkinfo", {}).get("info_kind") == "bridge"} == {
        bridge["name"] for bridge in document
    }
    for bridge in document:
        link = now.links[bridge["name"]]
        data = link["linkinfo"]["info_data"]
        assert "UP" in link["flags"]
        assert data["stp_state"] == int(bridge["stp"])
        assert data["forward_delay"] == 100 * bridge.get("forward_delay", 15 if bridge["stp"] else 0)
        assert data["priority"] == bridge.get("priority", 32768)
        assert data["ageing_time"] == 100 * bridge.get("ageing_time", 300)
        assert data["mcast_snooping"] == int(bridge.get("multicast_snooping", True))
        assert data["no_linklocal_learn"] == int(bridge.get("no_linklocal_learn", True))
        there = [f"{item['local']}/{item['prefixlen']}" for item in link["addr_info"]]
        assert set(bridge.get("addresses", [])) <= set(there)
        if bridge.get("uplink"):
            assert now.links[bridge["uplink"]]["master"] == bridge["name"]
            assert now.links[bridge["uplink"]]["addr_info"] == []
        routes = [(route["dst"], route.get("gateway")) for route in now.routes if route.get("dev") == bridge["name"]]
        for route in bridge.get("routes", []):
            assert (route["to"], route["via"]) in routes
        if "gateway4" in bridge:
            assert ("default", bridge["gateway4"]) in routes
