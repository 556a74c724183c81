# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration of routes means on a host: what is settled, what is made, what goes, and what the unit is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge, AppliedFile
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, read_nats
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import RoutedFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routedread import read_routes
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import RulesetFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Phase
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.kind import KindChange, KindPlan
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.routed import KIND, plan_routed
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.routed import UNIT_PATH

LINKS = {
    "eth0": Link("eth0", 2, up=True, addresses=(Address("192.0.2.1/24"), Address("2001:db8:1::1/64"), Address("fe80::1/64", scope="link"))),
    "eth1": Link("eth1", 3, up=True, master="xenbr0"),
    "xenbr0": Link("xenbr0", 4, up=True, bridge=BridgeSettings(), addresses=(Address("198.51.100.1/24"),)),
    "n1": Link("n1", 5, up=True),
    "n2": Link("n2", 6),
    "routed0": Link("routed0", 7, up=True, bridge=BridgeSettings(), addresses=(Address("10.97.0.1/24"),)),
}
STATE = HostState(
    LINKS,
    routes=(Route(4, "default", "eth0", "192.0.2.99"),),
    kinds={"ruleset": RulesetFacts((1, 0, 6)), "routes": RoutedFacts()},
)
N1 = {"name": "n1", "guests": ["192.0.2.190"]}


def planned(*items: dict[str, Any], state: HostState = STATE, applied: Applied | None = None, **options: Any) -> KindPlan:
    routes, problems = read_routes(items)
    assert not problems
    return plan_routed(Document(routes=Declared(routes, path="routes"), **options), state, applied or Applied())


def done(plan: KindPlan) -> list[str]:
    assert not plan.problems
    return [action.command() for step in plan.steps for action in step.do if not action.command().startswith("nft")]


def applied(*items: dict[str, Any], **more: Any) -> Applied:
    plan = planned(*items)
    return Applied(routes=plan.memory, route_sysctls=plan.further["route_sysctls"], **more)


def test_what_is_left_open_comes_from_the_host() -> None:
    [item] = planned(N1).memory.values()
    assert (item.routed.uplink, item.routed.guests[0].source) == ("eth0", "192.0.2.1")
    [item] = planned({**N1, "uplink": "eth1"}).memory.values()
    assert (item.routed.uplink, item.routed.guests[0].source) == ("xenbr0", "198.51.100.1")
    [item] = planned({**N1, "source": ["192.0.2.7"]}).memory.values()
    assert item.routed.guests[0].source == "192.0.2.7"
    [item] = planned({"name": "routed0"}).memory.values()
    assert item.routed.subnets == item.routed.connected == ("10.97.0.0/24",)
    moved = AppliedBridge("site", Bridge("br9", uplink="eth0"), "52:54:00:00:00:01", "none")
    [item] = planned(N1, applied=Applied({"br9": moved})).memory.values()
    assert (item.routed.uplink, item.routed.guests[0].source) == ("br9", "192.0.2.1")


def test_an_interface_that_is_down_or_not_there_is_left_to_the_unit() -> None:
    assert done(planned(N1)) == [
        "ip address replace 192.0.2.1/32 dev n1",
        "ip route replace 192.0.2.190 dev n1 table main proto 119 src 192.0.2.1",
        "ip neigh replace proxy 192.0.2.190 dev eth0",
        "sysctl -w net/ipv4/conf/n1/proxy_arp=1",
        "sysctl -w net/ipv6/conf/n1/accept_ra=0",
    ]
    for name in ("n2", "n9"):
        plan = planned({**N1, "name": name})
        assert done(plan) == []
        assert "192.0.2.190 dev" in plan.texts[f"routes {name} (ip)"][1]
    assert planned({**N1, "name": "n9"}, persist="none").warnings == (
        "n9 is not there, and persist: none keeps nothing for an interface that comes later",
    )


def test_what_is_behind_a_router_of_ours_comes_after_it() -> None:
    behind = {"name": "a", "interface": "n1", "subnets": ["10.50.0.0/16"], "via": "192.0.2.190"}
    lines = [line for line in done(planned(behind, N1)) if line.startswith("ip route")]
    assert [line.split()[3] for line in lines] == ["192.0.2.190", "10.50.0.0/16"]


def test_what_goes_goes_before_interfaces_do() -> None:
    had = applied(N1)
    there = replace(LINKS["n1"], addresses=(Address("192.0.2.1/32"),))
    routes = (*STATE.routes, *had.routes["n1"].routed.routes())
    state = replace(STATE, links={**LINKS, "n1": there}, routes=routes, leaving=frozenset({"n1"}))
    plan = planned(state=state, applied=replace(had, routes={}), owner="site")
    assert plan.steps == ()
    plan = plan_routed(Document(routes=Declared(removed=("n1",), path="routes")), state, had)
    gone = [step for step in plan.steps if step.phase == Phase.FILTER]
    assert next(step.undo[0].command() for step in gone).startswith("ip route replace 192.0.2.190 dev n1")
    assert "ip address del 192.0.2.1/32 dev n1" in done(plan)


def test_a_route_of_others_is_not_replaced() -> None:
    state = replace(STATE, routes=(*STATE.routes, Route(4, "192.0.2.190", "eth0", "192.0.2.98")))
    assert [problem.path for problem in planned(N1, state=state).problems] == ["routes[0]"]
    assert planned({**N1, "metric": 5}, state=state).problems == ()
    ours = replace(state, routes=(*STATE.routes, Route(4, "192.0.2.190", "n2", protocol="119")))
    plan = planned(N1, state=ours)
    undo = [action.command() for step in plan.steps for action in step.undo]
    assert "ip route replace 192.0.2.190 dev n2 table main proto 119" in undo


def test_settings_get_back_what_they_were() -> None:
    key = "net/ipv6/conf/n1/accept_ra"
    facts = RoutedFacts(sysctls={key: "0", "net/ipv4/conf/n1/proxy_arp": "1"})
    had = replace(applied(N1), route_sysctls={key: "2", "net/ipv4/conf/n1/proxy_arp": "0"})
    plan = plan_routed(
        Document(routes=Declared(removed=("n1",), path="routes")), replace(STATE, kinds={**STATE.kinds, "routes": facts}), had
    )
    assert done(plan)[-2:] == [f"sysctl -w {key}=2", "sysctl -w net/ipv4/conf/n1/proxy_arp=0"]
    assert plan.further == {"route_sysctls": {}}


def test_networks_without_a_bridge_bring_their_own() -> None:
    [nat], problems = read_nats([{"name": "x", "point_to_point": True, "guests": [{"interface": "n1", "addresses": ["10.0.0.1"]}]}])
    assert not problems
    memory = Applied(nat={"x": AppliedNat("site", nat)})
    plan = planned(applied=memory)
    assert list(plan.memory) == ["x/n1"]
    # What the user's own list says of prune concerns nothing of that.
    document = Document(routes=Declared(prune=True, path="routes"))
    assert list(plan_routed(document, STATE, replace(memory, routes=plan.memory)).memory) == ["x/n1"]
    assert plan_routed(document, STATE, Applied(routes=plan.memory)).memory == {}


@pytest.mark.parametrize(
    ("facts", "changes", "verbs"),
    [
        (RoutedFacts(), {UNIT_PATH: FileState("")}, ["daemon-reload", "enable", "start"]),
        (RoutedFacts(enabled=True, active=True), {"/etc/hypervisor-vnet/routes/n1": FileState("")}, ["stop", "start"]),
        (RoutedFacts(enabled=True), {}, ["start"]),
        (RoutedFacts(enabled=True, active=True), {}, []),
        (RoutedFacts(enabled=True, active=True), {UNIT_PATH: None}, ["stop", "disable", "daemon-reload"]),
    ],
)
def test_the_unit_looks_away_while_routes_change(facts: RoutedFacts, changes: dict[str, FileState | None], verbs: list[str]) -> None:
    kept = {} if changes.get(UNIT_PATH, "") is None else {UNIT_PATH: AppliedFile("")}
    change = KindChange(KindPlan(), changes, Applied(), Applied(files=kept), replace(STATE, kinds={"routes": facts}))
    steps = sorted(KIND.handover(change), key=lambda step: step.phase)
    assert [action.argv[1] for step in steps for action in step.do if hasattr(action, "argv")] == verbs
