# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Address translation as a table: a forward more is an element more, and nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, Nat, nat_from_json, read_nats
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import Seen, as_seen
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.facts import nat_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.nat import describe, nat_tables
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import change_text, table_text, undo_text

CASES = Path(__file__).parents[3] / "cases" / "nat"
FOUR = {"name": "vnat0", "sources": ["10.0.0.0/16"]}
NETWORKS: dict[str, list[dict[str, Any]]] = {
    "plain": [FOUR],
    "forwards": [
        {
            **FOUR,
            "forwards": [
                {"port": "5022", "to": "10.0.0.1", "to_port": "22"},
                {"port": "8000-8001", "to": "10.0.0.1", "to_port": "9000-9001", "protocol": "both"},
                {"port": "80", "to": "10.0.0.2", "listen_address": "192.0.2.7"},
                {"port": "80", "to": "10.0.0.3", "listen_interface": "eth0", "from": ["198.51.100.0/24", "203.0.113.9/32"]},
            ],
        }
    ],
    "everything": [
        {**FOUR, "snat": "192.0.2.20-192.0.2.21", "no_nat_to": ["10.20.0.0/16", "2001:db8:20::/48"], "uplink": "eth0"},
        {
            "name": "dmz",
            "bridge": "br-dmz",
            "sources": ["10.98.98.0/24", "2001:db8:98::/64"],
            "nat66": True,
            "one_to_one": [{"address": "192.0.2.10", "to": "10.98.98.10"}, {"address": "2001:db8::10", "to": "2001:db8:98::10"}],
            "forwards": [{"port": "443", "to": "2001:db8:98::1", "listen_address": "2001:db8::7"}],
        },
        {"name": "quiet", "sources": ["10.30.0.0/24"], "masquerade": False},
    ],
}


def read(*networks: dict[str, Any]) -> list[Nat]:
    nats, problems = read_nats(networks)
    assert not problems
    return list(nats)


@pytest.mark.parametrize("name", NETWORKS)
def test_tables(name: str) -> None:
    (table,) = nat_tables(read(*NETWORKS[name]))
    text = table_text(table)
    path = CASES / f"{name}.nft"
    if os.environ.get("VNET_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
    # A verdict map or set without a name is emptied under the packets still in its rule.
    assert not re.search(r"^\t\t[^t].*[{]", re.sub(r"elements = [{][^}]*[}]", "", text), re.MULTILINE)


def seen(*networks: dict[str, Any]) -> Seen:
    return {table.key: as_seen(table) for table in nat_tables(read(*networks))}


def ports(count: int, to: str = "10.0.0.1") -> dict[str, Any]:
    return {**FOUR, "forwards": [{"port": str(port), "to": to} for port in range(10000, 10000 + count)]}


def test_a_change_is_as_long_as_what_changes() -> None:
    many = ports(1000)
    other = {**many, "forwards": [*many["forwards"][:-1], {**many["forwards"][-1], "to": "10.0.0.2"}]}
    wanted = nat_tables(read(other))
    assert change_text(seen(many), wanted, [("inet", "vnet_nat")]).splitlines() == [
        "delete element inet vnet_nat forward4 { 6 . 10999 : 10.0.0.1 . 10999 }",
        "add element inet vnet_nat forward4 { 6 . 10999 : 10.0.0.2 . 10999 }",
    ]


def test_an_undo_may_run_before_or_after_the_change() -> None:
    """A key that leads elsewhere cannot be added: the map is filled anew."""
    before, wanted = nat_tables(read(ports(2))), nat_tables(read(ports(2, "10.0.0.2")))
    lines = undo_text(seen(ports(2)), wanted, before).splitlines()
    at = lines.index("flush map inet vnet_nat forward4")
    assert lines[at + 1] == "add element inet vnet_nat forward4 { 6 . 10000 : 10.0.0.1 . 10000, 6 . 10001 : 10.0.0.1 . 10001 }"
    assert not any("10.0.0.2" in line for line in lines)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "masqueraded"),
        ({"masquerade": False}, "not translated"),
        ({"nat_ports": "2000-3000"}, "masqueraded, ports 2000-3000"),
        ({"snat": "192.0.2.1"}, "source 192.0.2.1"),
        ({"sources": ["2001:db8::/64"], "nat66": True}, "masqueraded, IPv6 masqueraded"),
    ],
)
def test_in_words(more: dict[str, Any], words: str) -> None:
    assert describe(read({**FOUR, **more})[0]) == words


def test_facts_tell_a_table_that_is_not_as_applied() -> None:
    (nat,) = read(NETWORKS["forwards"][0])
    memory = Applied(nat={"vnat0": AppliedNat("site", nat)})
    (fact,) = nat_facts(memory, seen(NETWORKS["forwards"][0]))
    assert (fact["state"], fact["forwards"][1]["port"], fact["forwards"][1]["to_port"]) == ("active", "8000-8001", "9000-9001")
    assert fact["forwards"][3]["from"] == ["198.51.100.0/24", "203.0.113.9/32"]
    assert [nat_facts(memory, there)[0]["state"] for there in ({}, seen(FOUR))] == ["BROKEN", "BROKEN"]


def test_no_network_no_table() -> None:
    assert nat_tables([]) == ()
    assert nat_from_json({**read(FOUR)[0].__dict__, "forwards": [], "one_to_one": []}) == read(FOUR)[0]
