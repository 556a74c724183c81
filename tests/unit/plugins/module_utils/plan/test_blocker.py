# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packets the filters of others stop, and of what that cannot be said. tests/kernel/test_blocker.py asks the kernel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.blocker import BlockerFacts, ForeignTable
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, read_nats, settle
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import AppliedRouted, Routed, RoutedGuest
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.zone import Allowed, AppliedPolicy, AppliedZone, Policy, Zone
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.blocker import parse_foreign
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.iptables import parse_iptables
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.blocker import blocker_warnings, blockers

STATE = HostState(links={"dmz0": Link("dmz0", 2, addresses=(Address("10.0.0.254/24"),))})
ANSWERS = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"


def memory(*allow: Allowed, networks: tuple[str, ...] = ("dmz0",)) -> Applied:
    zones = {"dmz": AppliedZone("site", Zone("dmz", networks)), "world": AppliedZone("site", Zone("world", (), ("eth0",)))}
    policy = Policy("dmz", "world", allow or (Allowed("any"),))
    return Applied(zones=zones, policies={policy.name: AppliedPolicy("site", policy)})


def saved(rules: str, policy: str = "DROP") -> ForeignTable:
    return parse_iptables(
        f"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD {policy} [0:0]\n:MINE - [0:0]\n{rules}COMMIT\n", "ip", "filter", "iptables"
    )


def found(table: ForeignTable, applied: Applied | None = None) -> list[str]:
    return [
        f"{'is' if item.certain else 'may'} {item.where}: {', '.join(item.stops)}"
        for item in blockers(BlockerFacts((table,)), applied or memory(), STATE)
    ]


POLICY = "table ip filter (iptables), chain FORWARD, policy drop"
OUT, BACK = "IPv4 packets from dmz0 to eth0", "IPv4 answers to packets from eth0 to dmz0"


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("", [f"is {POLICY}: {OUT}, {BACK}"]),
        (ANSWERS, [f"is {POLICY}: {OUT}"]),
        (ANSWERS + "-A FORWARD -i dmz0 -j ACCEPT\n", []),
        (ANSWERS + "-A FORWARD -i dmz+ ! -o dmz+ -j ACCEPT\n", []),
        (ANSWERS + "-A FORWARD ! -i dmz0 -j ACCEPT\n", [f"is {POLICY}: {OUT}"]),
        (ANSWERS + "-A FORWARD -s 10.0.0.0/8 -j ACCEPT\n", []),
        (ANSWERS + "-A FORWARD -s 10.0.0.128/25 -j ACCEPT\n", [f"may {POLICY}: {OUT}"]),
        (ANSWERS + "-A FORWARD -s 10.7.0.0/16 -j ACCEPT\n", [f"is {POLICY}: {OUT}"]),
        (ANSWERS + "-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT\n", [f"is {POLICY}: {OUT}"]),
        (ANSWERS + "-A FORWARD -p udp -j ACCEPT\n", [f"is {POLICY}: {OUT}"]),
        (ANSWERS + "-A FORWARD -m addrtype --src-type LOCAL -j ACCEPT\n", [f"may {POLICY}: {OUT}"]),
        (ANSWERS + "-A FORWARD -m mark --mark 0x1 -j ACCEPT\n", [f"is {POLICY}: {OUT}"]),
        (ANSWERS + "-A FORWARD -j MINE\n-A MINE -i eth9 -j DROP\n-A MINE -j RETURN\n-A FORWARD -i dmz0 -j ACCEPT\n", []),
        (ANSWERS + "-A FORWARD -i dmz0 -g MINE\n-A FORWARD -j ACCEPT\n", [f"is {POLICY}: {OUT}"]),
        (
            ANSWERS
            + "-A FORWARD -j MINE\n-A MINE -i dmz0 -m comment --comment 'no -j ACCEPT' -j REJECT --reject-with icmp-port-unreachable\n",
            [
                "is table ip filter (iptables), chain MINE, rule `-i dmz0 -m comment --comment 'no -j ACCEPT' -j REJECT "
                f"--reject-with icmp-port-unreachable`: {OUT}"
            ],
        ),
    ],
)
def test_iptables(rules: str, said: list[str]) -> None:
    assert found(saved(rules)) == said


def test_packets_are_those_of_the_policy() -> None:
    rules = saved(ANSWERS + "-A FORWARD -p tcp -m multiport --dports 80,8000:8010 -j ACCEPT\n")
    assert found(rules, memory(Allowed("tcp", (8001, 8002)))) == []
    assert found(rules, memory(Allowed("tcp", (443, 443)))) == [f"is {POLICY}: IPv4 tcp/443 from dmz0 to eth0"]
    assert found(rules, memory(Allowed("tcp", (80, 81)))) == [f"may {POLICY}: IPv4 tcp/80-81 from dmz0 to eth0"]
    assert found(rules, memory(Allowed("icmp"))) == [f"is {POLICY}: IPv4 icmp from dmz0 to eth0"]


def listed(*rules: list[dict[str, Any]], policy: str = "drop") -> str:
    chain = {"chain": {"name": "forward", "type": "filter", "hook": "forward", "prio": 0, "policy": policy}}
    guests = {"set": {"name": "guests", "type": "ifname", "elem": ["dmz0"]}}
    return json.dumps({"nftables": [guests, chain, *({"rule": {"chain": "forward", "expr": rule}} for rule in rules)]})


IIF, STATES = {"meta": {"key": "iifname"}}, {"ct": {"key": "state"}}
ESTABLISHED = [{"vmap": {"key": STATES, "data": {"set": [["established", {"accept": None}], ["invalid", {"drop": None}]]}}}]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ([{"match": {"op": "==", "left": IIF, "right": "@guests"}}, {"accept": None}], []),
        ([{"match": {"op": "!=", "left": IIF, "right": "@guests"}}, {"accept": None}], ["is"]),
        ([{"match": {"op": "==", "left": IIF, "right": {"set": ["eth0", "dmz*"]}}}, {"accept": None}], []),
        ([{"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 0}}, {"accept": None}], ["may"]),
        ([{"match": {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr"]}}, "right": False}}, {"drop": None}], ["is"]),
        ([{"limit": {"rate": 5, "per": "second"}}, {"accept": None}], ["may"]),
        ([{"xt": {"type": "target", "name": "REJECT"}}], ["is"]),
    ],
)
def test_nft(rule: list[dict[str, Any]], said: list[str]) -> None:
    assert [line.partition(" ")[0] for line in found(parse_foreign(listed(ESTABLISHED, rule), "inet", "filter"))] == said


def test_routes_to_guests() -> None:
    guests = Routed("n1", "n1", (RoutedGuest("192.0.2.190"),), uplink="eth0", proxy_arp=True)
    office = Routed("office", "eth1", subnets=("10.20.0.0/16",), via="192.0.2.9")
    applied = Applied(routes={item.name: AppliedRouted("site", item) for item in (guests, office)})
    assert found(saved(ANSWERS), applied) == [f"is {POLICY}: IPv4 packets from n1 to eth0, IPv4 packets from eth0 to n1"]
    assert found(saved(ANSWERS + "-A FORWARD -i n1 -j ACCEPT\n-A FORWARD -o n1 -j ACCEPT\n"), applied) == []


def test_a_forward_to_a_guest_without_a_bridge() -> None:
    network = {
        "name": "x",
        "point_to_point": True,
        "guests": [{"interface": "vif1.0", "addresses": ["10.9.0.1"]}],
        "forwards": [{"port": "80", "to": "10.9.0.1"}],
        "uplink": "eth0",
    }
    [nat], problems = read_nats([network])
    assert not problems
    applied = Applied(nat={"x": AppliedNat("site", settle(nat, [], "eth0"))})
    assert found(saved(ANSWERS), applied) == [f"is {POLICY}: IPv4 tcp/80 from eth0 to vif1.0"]


def test_of_members_that_are_alike_one_is_told() -> None:
    names = tuple(f"dmz{number}" for number in range(300))
    link = STATE.links["dmz0"]
    facts = BlockerFacts((saved("-A FORWARD -i dmz7 -j ACCEPT\n"),))
    state = HostState(links=dict.fromkeys(names, link), kinds={"blockers": facts})
    (line,) = blocker_warnings(["zones"], memory(networks=names), state)
    assert "IPv4 packets from dmz0 to eth0; IPv4 answers to packets from eth0 to dmz0" in line
    assert blocker_warnings(["bridges"], memory(), state) == ()
