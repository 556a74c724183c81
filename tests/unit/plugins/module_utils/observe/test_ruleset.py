# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables as nft 1.0.6 and 1.1.3 list them in JSON, and the same in our words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import shape_of
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.ruleset import parse_table


def table(*items: dict[str, Any]) -> str:
    return json.dumps({"nftables": [{"metainfo": {"json_schema_version": 1}}, *items]})


def set_of(kind: Any, *elements: Any) -> dict[str, Any]:
    return {"set": {"family": "bridge", "name": "it", "table": "vnet_guard", "type": kind, "handle": 1, "elem": list(elements)}}


def map_of(kind: Any, value: Any, *elements: Any) -> dict[str, Any]:
    return {"map": {"family": "inet", "name": "it", "table": "vnet_nat", "type": kind, "map": value, "handle": 1, "elem": list(elements)}}


IIFNAME = {"meta": {"key": "iifname"}}
RAW = {"payload": {"base": "th", "offset": 64, "len": 128}}
TO = {"payload": {"protocol": "ip6", "field": "daddr"}}


@pytest.mark.parametrize(
    ("item", "elements"),
    [
        (set_of("ifname", "vif1.0"), {'"vif1.0"'}),
        (set_of("ifname"), set()),
        (set_of(["ifname", "integer"], {"concat": ["vif1.0", 95529467905]}), {'"vif1.0" . 0x163e000001'}),
        (set_of({"typeof": {"concat": [IIFNAME, RAW]}}, {"concat": ["vif1.0", "0xfe80"]}), {'"vif1.0" . 0xfe80'}),
        (set_of({"typeof": {"concat": [IIFNAME, TO]}}, {"concat": ["vif1.0", "2001:DB8::"]}), {'"vif1.0" . 2001:db8::'}),
        (set_of(["ifname", "inet_proto", "inet_service"], {"concat": ["vif1.0", 6, 25]}), {'"vif1.0" . 6 . 25'}),
        (map_of("ipv4_addr", "ipv4_addr", ["192.0.2.9", "10.0.0.9"]), {"192.0.2.9 : 10.0.0.9"}),
        (
            map_of(["ifname", "inet_service"], "ipv6_addr . inet_service", [{"concat": ["eth0", 80]}, {"concat": ["fd00::1", 8080]}]),
            {'"eth0" . 80 : fd00::1 . 8080'},
        ),
    ],
)
def test_elements(item: dict[str, Any], elements: set[str]) -> None:
    assert parse_table(table(item)).sets == {"it": elements}


def test_a_verdict_map_and_ranges() -> None:
    there = parse_table(
        table(
            {
                "map": {
                    "name": "from",
                    "type": "ifname",
                    "map": "verdict",
                    "elem": [["a", {"goto": {"target": "b"}}], ["c", {"accept": None}]],
                }
            },
            {"set": {"name": "ports", "type": ["inet_proto", "inet_service"], "elem": [{"concat": [6, {"range": [80, 90]}]}]}},
            {"chain": {"name": "c"}},
            {"rule": {"chain": "c", "expr": [{"vmap": {"key": IIFNAME, "data": "@from"}}]}},
        )
    )
    assert there.sets == {"from": {'"a" : goto b', '"c" : accept'}, "ports": {"6 . 80-90"}} and there.maps == {"from"}
    assert there.chains == {"c": (shape_of("iifname vmap @from"),)}


def test_counters() -> None:
    found = parse_table(
        table(set_of("ifname", {"elem": {"val": "vif1.0", "counter": {"packets": 3, "bytes": 180}}}, {"elem": {"val": "b"}}))
    )
    assert found.sets == {"it": {'"vif1.0"', '"b"'}}
    assert found.counters == {"it": {'"vif1.0"': (3, 180)}}


def match(right: Any) -> dict[str, Any]:
    return {"match": {"op": "==", "left": IIFNAME, "right": right}}


@pytest.mark.parametrize(
    ("rule", "expressions"),
    [
        ("iifname @from_guest goto guest", [match("@from_guest"), {"goto": {"target": "guest"}}]),
        ('counter goto refused comment "to drop @it"', [{"counter": {"packets": 1, "bytes": 2}}, {"goto": {"target": "refused"}}]),
        ("iifname . @th,208,48 @lladdr iifname @b return", [match("@lladdr"), match("@b"), {"return": None}]),
        ("iifname @a log group 3", [match("@a"), {"log": {"group": 3}}]),
        ("dnat ip to meta l4proto . th dport map @it", [{"dnat": {"family": "ip", "addr": {"map": {"key": {}, "data": "@it"}}}}]),
        ("iifname @a ct status dnat masquerade", [match("@a"), match(32), {"masquerade": None}]),
        ("meta l4proto 6 masquerade to :1024-65535", [match(6), {"masquerade": {"port": {"range": [1024, 65535]}}}]),
        ("snat ip to 192.0.2.1", [{"snat": {"family": "ip", "addr": "192.0.2.1"}}]),
        (
            "snat ip to 192.0.2.1-192.0.2.3:1024",
            [{"snat": {"family": "ip", "addr": {"range": ["192.0.2.1", "192.0.2.3"]}, "port": 1024}}],
        ),
        ("snat ip to 192.0.2.8-192.0.2.9", [{"snat": {"family": "ip", "addr": {"prefix": {"addr": "192.0.2.8", "len": 31}}}}]),
    ],
)
def test_a_rule_has_one_shape(rule: str, expressions: list[dict[str, Any]]) -> None:
    there = parse_table(table({"chain": {"name": "c"}}, {"rule": {"chain": "c", "expr": expressions}}))
    assert there.chains == {"c": (shape_of(rule),)}


def test_a_rule_of_others_is_read_too() -> None:
    for address in ({"numgen": {"mode": "random", "mod": 2}}, {"map": {"key": {}, "data": {"set": [[1, "192.0.2.1"]]}}}):
        there = parse_table(table({"chain": {"name": "c"}}, {"rule": {"chain": "c", "expr": [{"snat": {"addr": address}}]}}))
        assert there.chains["c"][0][-1].startswith("snat to {")
