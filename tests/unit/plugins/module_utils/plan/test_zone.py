# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What zones mean on a host: who may change them, what they keep over a reboot, and when they touch the controller."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import RulesetFacts, as_seen
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.zone import (
    AppliedPolicy,
    AppliedZone,
    ZoneFacts,
    read_policies,
    read_zones,
)
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.control import touched
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.kind import KindPlan
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.zone import files, plan_zones
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.nftables import ruleset_path
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.zone import zone_tables

CONTROL = ControlPath("10.20.190.1", "10.20.190.2", "eth0", port=22)
LINKS = {name: Link(name, index) for index, name in enumerate(("eth0", "dmz0", "data0"), 2)}
DMZ, DATA, WORLD = {"name": "dmz", "networks": ["dmz0"]}, {"name": "data", "networks": ["data0"]}, {"name": "world", "interfaces": ["eth0"]}
THROUGH = {"from": "dmz", "to": "data", "allow": ["tcp/443"]}
CLOSED = {"from": "world", "to": "host", "allow": ["tcp/80"]}
Items = list[dict[str, Any]]


def memory(zones: Items, policies: Items, owner: str = "site", persist: bool = True) -> Applied:
    return Applied(
        zones={zone.name: AppliedZone(owner, zone, persist) for zone in read_zones(zones)[0]},
        policies={policy.name: AppliedPolicy(owner, policy, persist) for policy in read_policies(policies)[0]},
    )


def host(applied: Applied, control: ControlPath | None = CONTROL) -> HostState:
    tables = zone_tables((item.zone for item in applied.zones.values()), (item.policy for item in applied.policies.values()))
    facts = ZoneFacts({table.key: as_seen(table) for table in tables})
    return HostState(LINKS, control=control, kinds={"ruleset": RulesetFacts((1, 0, 6)), "zones": facts})


def planned(zones: Items, policies: Items, applied: Applied | None = None, **options: Any) -> KindPlan:
    applied = applied or Applied()
    declared = Declared(read_zones(zones)[0], path="zones", **options), Declared(read_policies(policies)[0], path="policies", **options)
    return plan_zones(Document(zones=declared[0], policies=declared[1]), host(applied), applied)


def problems(plan: KindPlan) -> list[str]:
    return [str(problem) for problem in plan.problems]


@pytest.mark.parametrize(
    ("zones", "policies", "before", "touches"),
    [
        # The controller comes by eth0, which is in no zone that is filtered.
        ([DMZ, DATA], [THROUGH], ([], []), False),
        ([DMZ, DATA], [{"from": "dmz", "to": "host"}], ([], []), False),
        ([DMZ, DATA, WORLD], [THROUGH], ([DMZ, WORLD], []), False),
        ([DMZ, DATA, WORLD], [THROUGH], ([], []), True),
        # Its zone is filtered: whatever changes, may be about it.
        ([DMZ, DATA], [THROUGH], ([DMZ, DATA, WORLD], [{**CLOSED, "allow": ["tcp/22"]}]), True),
        ([], [{**CLOSED, "allow": ["tcp/20-23"]}], ([WORLD], [{**CLOSED, "allow": ["tcp/22"]}]), True),
    ],
)
def test_when_the_controller_is_touched(zones: Items, policies: Items, before: tuple[Items, Items], touches: bool) -> None:
    applied = memory(*before)
    plan = planned(zones, policies, applied)
    assert not plan.problems and plan.steps
    assert bool(touched(plan.steps, host(applied))) == touches


def test_the_controller_is_not_shut_out() -> None:
    assert problems(planned([WORLD], [CLOSED])) == [
        "policies[0].allow: would shut out the controller, which comes from 10.20.190.1 by eth0 to port 22; "
        "add tcp/22 to allow of the policy from world to host"
    ]
    for allow in (["any"], ["tcp/1-1024"]):
        assert not planned([WORLD], [{**CLOSED, "allow": allow}]).problems
    # Named in the same breath as its bridge, and by the policy of another run.
    applied = memory([{"name": "world"}], [CLOSED])
    (problem,) = problems(planned([WORLD], [], applied))
    assert problem.startswith("zones[0]: would shut out the controller")
    moved = Applied(bridges={"xenbr0": AppliedBridge("site", Bridge("xenbr0", uplink="eth0"), "", "none")})
    said = problems(planned([{"name": "world", "interfaces": ["xenbr0"]}], [CLOSED], moved))
    assert len(said) == 1 and "by xenbr0 to port 22" in said[0]


def test_a_port_of_a_bridge_is_refused() -> None:
    moved = Applied(bridges={"xenbr0": AppliedBridge("site", Bridge("xenbr0", uplink="eth0"), "", "none")})
    assert problems(planned([WORLD], [], moved)) == [
        "zones[0].interfaces[0]: eth0 is a port of xenbr0, by which its packets come; name xenbr0"
    ]


def test_labels_and_names() -> None:
    there = memory([DMZ, DATA], [THROUGH], owner="there")
    assert [line.partition(":")[0] for line in problems(planned([DMZ], [THROUGH], there))] == ["zones[0].name", "policies[0].name"]
    assert problems(planned([{"name": "x", "networks": ["dmz0"]}], [], there)) == [
        "zones[0].networks[0]: dmz0 is already the zone dmz of owner 'there'.networks[0]; an interface is in one zone, and once"
    ]
    assert problems(planned([DMZ], [{**THROUGH, "to": "nil"}])) == [
        "policies[0].to: nil is no zone of this host; declare it, or take one of dmz, host"
    ]
    ours = memory([DMZ, DATA], [THROUGH])
    assert problems(planned([], [], ours, removed=("data",))) == [
        "zones: data cannot go while the policy dmz to data of owner 'site' names it; remove that, too"
    ]
    plan = planned([DMZ], [], ours, prune=True)
    assert not plan.problems and [*plan.memory] == ["dmz"] and plan.further == {"policies": {}}


def test_what_comes_back_after_a_reboot() -> None:
    path = ruleset_path("zones")
    kept, lost = memory([DMZ, DATA], [THROUGH]), memory([WORLD], [CLOSED], persist=False)
    both = Applied(zones={**kept.zones, **lost.zones}, policies={**kept.policies, **lost.policies})
    state = host(both)
    assert files(both, state)[path] == files(kept, state)[path]
    assert "eth0" not in files(both, state)[path].content
    assert files(lost, state) == {}
