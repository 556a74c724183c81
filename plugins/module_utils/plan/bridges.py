# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``bridges`` of a document: what each declaration means on this host, what goes, and who keeps it over a reboot."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import replace

from ..model.applied import Applied, AppliedBridge, UplinkBefore
from ..model.bridge import Bridge
from ..model.document import Document
from ..model.problem import Problem
from ..model.profile import profile_of
from ..model.state import HostState
from ..model.step import Step
from ..model.view import Views
from .backend import Handover
from .bridge import plan_absent, plan_present
from .check import adoption_problems, host_problems
from .kind import Kind, KindChange, KindPlan
from .persist import BACKENDS, capture, choose, wanted_files
from .port import is_free

_KEPT_SYSCTLS = ("disable_ipv6", "accept_ra", "addr_gen_mode")


def plan_bridges(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """All bridges of the document, those that go first."""
    state = _settled(document, state, applied)
    problems = host_problems(document, state, applied)
    wanted, wrong = _resolve(document, state, applied)
    problems += wrong
    if problems:
        return KindPlan(problems=tuple(problems))
    gone = document.bridges.gone(applied.owners("bridges"), document.owner)
    memory = {name: bridge for name, bridge in applied.bridges.items() if name not in gone}
    memory.update(wanted)
    plans = {name: plan_absent(name, applied.bridges[name], state) for name in gone}
    plans.update({name: plan_present(name, applied.bridges.get(name), bridge, state) for name, bridge in sorted(wanted.items())})
    differs = {name: [step.why for step in plans[name].steps] for name, bridge in wanted.items() if bridge.persist == "foreign"}
    views: Views = {}
    for plan in plans.values():
        views.update(plan.views)
    problems = adoption_problems(sorted(differs), differs, document)
    problems += _not_back_problems(wanted, [applied.bridges[name] for name in gone if plans[name].steps], document, state)
    return KindPlan(
        problems=tuple(problems),
        memory=memory,
        steps=tuple(step for plan in plans.values() for step in plan.steps),
        views=views,
        transfers=tuple(transfer for plan in plans.values() for transfer in plan.transfers),
        disrupts=tuple(line for plan in plans.values() for line in plan.disrupts),
        expects={name: profile for plan in plans.values() for name, profile in plan.expects.items()},
    )


def _not_back_problems(
    wanted: t.Mapping[str, AppliedBridge], gone: t.Sequence[AppliedBridge], document: Document, state: HostState
) -> list[Problem]:
    """A link that others took out of a bridge of ours has first to get back what it had; only then another bridge can take it."""
    problems = []
    for new in wanted.values():
        places = {new.bridge.uplink: "uplink", **{port: f"ports[{at}]" for at, port in enumerate(new.bridge.ports)}}
        for old in gone:
            for link in (old.bridge.uplink, *old.bridge.ports):
                if link in places and is_free(link, old, state):
                    why = f"{link} was in {old.bridge.name}, from which somebody else took it, and has not got back yet what it had"
                    cure = f"remove {old.bridge.name} in a run of its own first"
                    problems.append(Problem(f"{document.bridges.place(new.bridge.name)}.{places[link]}", f"{why}; {cure}"))
    return problems


def _reads(document: Document, applied: Applied) -> frozenset[str]:
    links = set(document.bridges.removed)
    for bridge in (*document.bridges.items, *(item.bridge for item in applied.bridges.values())):
        links |= {bridge.name, bridge.uplink, *bridge.ports}
    return frozenset(links - {""})


def _settled(document: Document, state: HostState, applied: Applied) -> HostState:
    """The state without a passing topology change, which hides the ageing time that was set (__br_set_topology_change)."""
    known = {bridge.name: bridge.settings for bridge in document.bridges.items}
    known.update({name: bridge.bridge.settings for name, bridge in applied.bridges.items()})
    links = dict(state.links)
    for name, link in state.links.items():
        if link.bridge is not None and link.topology_change and name in known:
            links[name] = replace(link, bridge=replace(link.bridge, ageing_time=known[name].ageing_time))
    return replace(state, links=links)


def _resolve(document: Document, state: HostState, applied: Applied) -> tuple[dict[str, AppliedBridge], list[Problem]]:
    """Each declared bridge with everything that the declaration leaves open: MAC, back end, what its links were before."""
    resolved, problems = {}, []
    for bridge in document.bridges.items:
        place = document.bridges.place(bridge.name)
        if bridge.uplink and bridge.uplink not in state.links:
            continue
        known = applied.bridges.get(bridge.name)
        persist, wrong = choose(document, bridge, state, applied, place)
        problems += wrong
        there = state.links.get(bridge.name)
        adopted = known.adopted if known else (there.bridge if there else None)
        backend = BACKENDS.get(persist)
        if backend and known is None and adopted is not None and backend.claims(state.managers.get(persist), bridge.name):
            persist = "foreign"
        if backend and persist != "foreign":
            problems += backend.problems(state.managers.get(persist), bridge, place)
        named = (bridge.uplink, *bridge.ports, *((bridge.name,) if adopted is not None else ()))
        links = {name: _link_before(name, bridge, known, state) for name in named if name in state.links}
        new = AppliedBridge(document.owner, bridge, _mac(bridge, known, state), persist, links, adopted)
        if not problems:
            resolved[bridge.name] = capture(new, known, state)
    return resolved, problems


def _mac(bridge: Bridge, known: AppliedBridge | None, state: HostState) -> str:
    """Declared, or the one that it has, or its uplink's, or one of its own that stays the same for this host and name."""
    if bridge.mac:
        return bridge.mac
    if known and known.bridge.uplink == bridge.uplink and not known.bridge.mac:
        return known.mac
    if known is None and bridge.name in state.links:
        return state.links[bridge.name].mac
    if bridge.uplink:
        return state.links[bridge.uplink].mac
    digest = hashlib.sha256(f"{state.machine_id}/{bridge.name}".encode()).hexdigest()
    return ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])


def _link_before(name: str, bridge: Bridge, known: AppliedBridge | None, state: HostState) -> UplinkBefore:
    if known and name in known.links:
        return known.links[name]
    link = state.links[name]
    keys = [f"net/ipv6/conf/{name}/{key}" for key in _KEPT_SYSCTLS]
    kept = tuple((key, state.sysctls[key]) for key in keys if key in state.sysctls)
    if link.master == bridge.name:
        return UplinkBefore(up=True, sysctls=kept, master=link.master, mac=link.mac, mtu=link.mtu)
    return UplinkBefore(link.up, profile_of(state, name), kept, link.master, link.mac, link.mtu)


def _handovers(change: KindChange) -> list[Step]:
    """Each back end looks away before its bridges change and takes over afterwards; one whose bridges stay is left alone."""
    plan, changes, before, after = change.plan, change.files, change.before, change.after
    steps: list[Step] = []
    for name, backend in BACKENDS.items():
        old = {key: bridge for key, bridge in before.bridges.items() if bridge.persist == name}
        new = {key: bridge for key, bridge in after.bridges.items() if bridge.persist == name}
        touched = {key for key in {*old, *new} if old.get(key) != new.get(key)} | {move.bridge for move in plan.transfers}
        touched |= {key for key in new if any(path in changes for path in backend.files(key, new[key]))}
        if not plan.steps and not changes:
            continue
        was = {key: bridge for key, bridge in old.items() if key in touched}
        will = {key: bridge for key, bridge in new.items() if key in touched}
        if was or will:
            moves = tuple(move for move in plan.transfers if move.bridge in was or move.bridge in will)
            handover = Handover(change.state, change.state.managers.get(name), was, will, moves, changes)
            steps += [*backend.freeze(handover), *backend.thaw(handover)]
    return steps


KIND = Kind("bridges", _reads, plan_bridges, wanted_files, _handovers)
