# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones and policies: what is read, what is refused, and where."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.zone import (
    Allowed,
    AppliedPolicy,
    AppliedZone,
    Policy,
    Zone,
    applied_policy,
    applied_zone,
    joined_zones,
    read_policies,
    read_zones,
)

DMZ = {"name": "dmz", "networks": ["dmz0"], "interfaces": ["eth7"]}


def policy(**options: Any) -> dict[str, Any]:
    return {"from": "dmz", "to": "world", "allow": ["any"], **options}


def test_what_is_read() -> None:
    zones, wrong = read_zones([DMZ, {"name": "world"}])
    policies, also = read_policies([policy(allow=["tcp/443", "tcp/8000-8010", "udp/53", "icmp"], log=True), {"from": "dmz", "to": "host"}])
    assert wrong + also == []
    assert zones == (Zone("dmz", ("dmz0",), ("eth7",)), Zone("world"))
    ports = (Allowed("tcp", (443, 443)), Allowed("tcp", (8000, 8010)), Allowed("udp", (53, 53)), Allowed("icmp"))
    assert policies == (Policy("dmz", "world", ports, True), Policy("dmz", "host"))
    assert [str(item) for item in ports] == ["tcp/443", "tcp/8000-8010", "udp/53", "icmp"]
    assert policies[0].allows("tcp", 8005) and not policies[0].allows("udp", 443) and not policies[1].allows("tcp", 22)
    kept_zone, kept = AppliedZone("site", zones[0], False), AppliedPolicy("site", policies[0])
    assert applied_zone(json.loads(json.dumps(asdict(kept_zone)))) == kept_zone
    assert applied_policy(json.loads(json.dumps(asdict(kept)))) == kept


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([{"name": "host"}], "zones[0].name: host is the host itself"),
        *(([{"name": name}], "zones[0].name: ") for name in ("", "DMZ", "a_to_b", "a__b", "b_", "1a", "my-zone", "a" * 32)),
        ([DMZ, {"name": "dmz"}], "zones[1].name: dmz is already zones[0].name; declare a zone once"),
        ([DMZ, {"name": "x", "interfaces": ["dmz0"]}], "zones[1].interfaces[0]: dmz0 is already zones[0].networks[0]"),
        ([{"name": "x", "networks": ["a", "a"]}], "zones[0].networks[1]: a is already zones[0].networks[0]"),
        ([{"name": "x", "interfaces": ["lo"]}], "zones[0].interfaces[0]: 'lo' has a meaning of its own"),
    ],
)
def test_zones_that_are_refused(items: list[dict[str, Any]], said: str) -> None:
    (problem,) = read_zones(items)[1]
    assert str(problem).startswith(said)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([policy(to="dmz")], "policies[0].to: dmz is where it comes from"),
        ([policy(**{"from": "host"})], "policies[0].from: what the host itself sends is not filtered"),
        ([policy(), policy(allow=[])], "policies[1]: dmz to world is already policies[0]; declare a policy once"),
        *(
            ([policy(allow=[text])], "policies[0].allow[0]: ")
            for text in ("tcp", "tcp/0", "tcp/65536", "udp/9-8", "sctp/1", "tcp/http", "")
        ),
        ([policy(allow=["icmp", "icmp"])], "policies[0].allow[1]: icmp is already policies[0].allow[0]"),
    ],
)
def test_policies_that_are_refused(items: list[dict[str, Any]], said: str) -> None:
    (problem,) = read_policies(items)[1]
    assert str(problem).startswith(said)


def test_all_problems_at_once() -> None:
    assert len(read_policies([policy(to="dmz", allow=["x", "tcp/99999"]), policy(**{"from": "host"})])[1]) == 4


def test_networks_that_say_which_zone_is_theirs() -> None:
    declared = [{"name": "dmz", "networks": ["br1"]}, {"name": "world", "interfaces": ["eth0"]}]
    zones, places, problems = joined_zones(declared, [("networks[0].zone", "dmz", "br2"), ("networks[1].zone", "data", "br3")])
    assert zones == (Zone("dmz", ("br1", "br2")), Zone("world", (), ("eth0",)), Zone("data", ("br3",)))
    assert (places, problems) == (("zones[0]", "zones[1]", "networks[1].zone"), [])


def test_what_is_wrong_with_these_is_told_of_the_network() -> None:
    said = [("networks[0].zone", "dmz", "br1"), ("networks[1].zone", "A B", "br3")]
    problems = joined_zones([{"name": "dmz", "networks": ["br1"]}], said)[2]
    assert [problem.path for problem in problems] == ["networks[1].zone", "networks[0].zone"]
