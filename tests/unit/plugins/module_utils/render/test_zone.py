# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones as a table: a member or a port more is an element more, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import Table, as_seen
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.zone import read_policies, read_zones
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import change_text, table_text, undo_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.zone import zone_tables

CASES = Path(__file__).parents[3] / "cases" / "zone"
DMZ, WORLD = {"name": "dmz", "networks": ["dmz0"]}, {"name": "world", "interfaces": ["eth0"]}
WEB = {"from": "dmz", "to": "world", "allow": ["tcp/443", "tcp/80"]}
DOCUMENTS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "plain": ([DMZ, WORLD], [WEB]),
    "everything": (
        [DMZ, WORLD, {"name": "data_1", "networks": ["data0", "data1"], "interfaces": ["eth1"]}],
        [
            {**WEB, "allow": ["any"]},
            {"from": "world", "to": "dmz", "allow": ["icmp", "udp/53", "tcp/8010-8020", "tcp/8000-8010", "tcp/8021"], "log": True},
            {"from": "data_1", "to": "host", "allow": ["tcp/22"]},
            {"from": "dmz", "to": "host"},
        ],
    ),
}


def tables(zones: list[dict[str, Any]], policies: list[dict[str, Any]]) -> tuple[Table, ...]:
    (read, wrong), (rules, also) = read_zones(zones), read_policies(policies)
    assert wrong + also == []
    return zone_tables(read, rules)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_tables(name: str) -> None:
    path = CASES / f"{name}.nft"
    text = "".join(table_text(table) for table in tables(*DOCUMENTS[name]))
    if os.environ.get("VNET_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="ascii")
    assert path.read_text(encoding="ascii") == text


def test_nothing_needs_no_table_and_the_order_does_not_matter() -> None:
    assert tables([], []) == ()
    zones, policies = DOCUMENTS["everything"]
    assert tables(zones[::-1], policies[::-1]) == tables(zones, policies)


@pytest.mark.parametrize(
    ("zones", "policies", "lines"),
    [
        ([DMZ, WORLD], [{**WEB, "allow": ["tcp/443"]}], ["delete element inet vnet_zones ports_dmz_to_world { 6 . 80 }"]),
        (
            [{**DMZ, "networks": ["dmz0", "dmz1"]}, WORLD],
            [WEB],
            [
                'add element inet vnet_zones from { "dmz1" : goto from_dmz }',
                'add element inet vnet_zones from_dmz { "dmz1" : accept }',
                'add element inet vnet_zones zoned { "dmz1" }',
            ],
        ),
    ],
)
def test_few_changes_are_elements(zones: list[dict[str, Any]], policies: list[dict[str, Any]], lines: list[str]) -> None:
    before, after = tables([DMZ, WORLD], [WEB]), tables(zones, policies)
    seen = {table.key: as_seen(table) for table in before}
    assert sorted(change_text(seen, after, [("inet", "vnet_zones")]).splitlines()) == lines


def test_intervals_that_may_overlap_are_filled_anew_on_the_way_back() -> None:
    before, after = (tables([DMZ, WORLD], [{**WEB, "allow": [text]}]) for text in ("tcp/8000-8010", "tcp/8005-8020"))
    lines = undo_text({table.key: as_seen(table) for table in before}, after, before).splitlines()
    at = lines.index("flush set inet vnet_zones ports_dmz_to_world")
    assert lines[at + 1] == "add element inet vnet_zones ports_dmz_to_world { 6 . 8000-8010 }"


def test_what_an_element_leads_to_goes_after_it() -> None:
    before, after = tables([DMZ, WORLD], [WEB]), tables([DMZ], [])
    lines = change_text({table.key: as_seen(table) for table in before}, after, []).splitlines()
    for first in (
        'delete element inet vnet_zones from { "eth0" : goto from_world }',
        'delete element inet vnet_zones from_dmz { "eth0" : goto zone_dmz_to_world }',
        "delete map inet vnet_zones from_world",
    ):
        assert lines.index(first) < min(lines.index(f"delete chain inet vnet_zones {name}") for name in ("from_world", "zone_dmz_to_world"))
