# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``zones`` of a document, and its policies: one nft transaction that never shuts the controller out."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import Problem
from ..model.ruleset import Table
from ..model.state import FileState, HostState
from ..model.step import Phase
from ..model.zone import HOST, TABLES, AppliedPolicy, AppliedZone, Policy, ZoneFacts, zone_clashes
from ..render.zone import zone_tables
from .coexist import coexist_files
from .kind import Kind, KindPlan
from .libvirtbridges import libvirt_bridges
from .ruleset import table_files, table_step, table_texts, tool_problems

Zones = t.Mapping[str, AppliedZone]
Policies = t.Mapping[str, AppliedPolicy]


def plan_zones(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """From the table as the kernel has it to that of all zones and policies that are applied then."""
    facts: ZoneFacts = state.kinds.get("zones") or ZoneFacts()
    persist, owner = document.persist != "none", document.owner
    emptied = _without_networks(document, state, applied)
    gone = [name for name in document.zones.gone(applied.owners("zones"), owner) if name not in emptied]
    zones = {name: item for name, item in {**applied.zones, **emptied}.items() if name not in gone}
    zones.update({zone.name: AppliedZone(owner, zone, persist) for zone in document.zones.items})
    parted = document.policies.gone(applied.owners("policies"), owner)
    policies = {name: item for name, item in applied.policies.items() if name not in parted}
    policies.update({policy.name: AppliedPolicy(owner, policy, persist, document.coexist) for policy in document.policies.items})
    problems = _problems(document, state, applied, zones, policies)
    if problems:
        return KindPlan(problems=tuple(problems))
    wanted, had = _tables(zones, policies), _tables(applied.zones, applied.policies)
    return KindPlan(
        memory=zones,
        further={"policies": policies},
        steps=tuple(table_step(Phase.FILTER, "what passes between zones", facts.tables, wanted, had, TABLES)),
        texts=table_texts(facts.tables, wanted, TABLES),
        warnings=tuple(_warnings(document, state, applied)),
    )


def _without_networks(document: Document, state: HostState, applied: Applied) -> dict[str, AppliedZone]:
    """Zones whose networks go, but not all of their members."""
    left = {}
    for name in document.zones.dropped:
        item = applied.zones.get(name)
        networks = tuple(bridge for bridge in item.zone.networks if bridge not in state.leaving) if item else ()
        if item and item.owner == document.owner and (networks or item.zone.interfaces):
            left[name] = replace(item, zone=replace(item.zone, networks=networks))
    return left


def _tables(zones: Zones, policies: Policies) -> tuple[Table, ...]:
    return zone_tables((item.zone for item in zones.values()), (item.policy for item in policies.values()))


def _problems(document: Document, state: HostState, applied: Applied, zones: Zones, policies: Policies) -> list[Problem]:
    problems = tool_problems(state) if zones or applied.zones else []
    for kind, declared in (("zones", document.zones), ("policies", document.policies)):
        owners = applied.owners(kind)
        for name in [*declared.removed, *(item.name for item in t.cast("t.Iterable[t.Any]", declared.items))]:
            problems += declared.owner_problems(name, owners, document.owner)
    ours = [*document.zones.placed()]
    names = {zone.name for _place, zone in ours}
    others = [(f"the zone {name} of owner {item.owner!r}", item.zone) for name, item in zones.items() if name not in names]
    problems += [problem for problem in zone_clashes([*others, *ours]) if others and problem.path.startswith(document.zones.path)]
    problems += _unknown_zones(document, zones, policies)
    return problems + _ports(document, state, applied) + _shuts_out(document, state, applied, zones, policies)


def _unknown_zones(document: Document, zones: Zones, policies: Policies) -> list[Problem]:
    """Policies that name a zone which is not there: declared so now, or left behind by a zone that goes."""
    places = {policy.name: place for place, policy in document.policies.placed()}
    known = ", ".join([*sorted(zones), HOST])
    problems = []
    for name, item in policies.items():
        for option, zone in (("from", item.policy.source), ("to", item.policy.target)):
            if zone in zones or zone == HOST:
                continue
            if name in places:
                problems.append(Problem(f"{places[name]}.{option}", f"{zone} is no zone of this host; declare it, or take one of {known}"))
            else:
                text = f"{zone} cannot go while the policy {name} of owner {item.owner!r} names it; remove that, too"
                problems.append(Problem(document.zones.path, text))
    return problems


def _bridge_of(name: str, state: HostState, applied: Applied) -> str:
    """The bridge that an interface is a port of, as declared or as it is; empty when it is none."""
    for bridge, item in applied.bridges.items():
        if name in (item.bridge.uplink, *item.bridge.ports):
            return bridge
    link = state.links.get(name)
    master = state.links.get(link.master) if link else None
    return master.name if master and master.bridge is not None else ""


def _ports(document: Document, state: HostState, applied: Applied) -> list[Problem]:
    problems = []
    for place, zone in document.zones.placed():
        for option in ("networks", "interfaces"):
            for at, name in enumerate(getattr(zone, option)):
                bridge = _bridge_of(name, state, applied)
                if bridge:
                    text = f"{name} is a port of {bridge}, by which its packets come; name {bridge}"
                    problems.append(Problem(f"{place}.{option}[{at}]", text))
    return problems


def _shuts_out(document: Document, state: HostState, applied: Applied, zones: Zones, policies: Policies) -> list[Problem]:
    """The policies that would drop the next connection of the controller."""
    control = state.control
    if control is None or not control.port:
        return []
    doors = {control.dev, _bridge_of(control.dev, state, applied)}
    problems = []
    for name, item in policies.items():
        policy: Policy = item.policy
        source = zones.get(policy.source)
        if policy.target != HOST or source is None or not doors & {*source.zone.members} or policy.allows("tcp", control.port):
            continue
        places = {other.name: place for place, other in document.policies.placed()}
        place = f"{places[name]}.allow" if name in places else document.zones.place(policy.source)
        door = next(member for member in source.zone.members if member in doors)
        cure = f"add tcp/{control.port} to allow of the policy from {policy.source} to {HOST}"
        text = f"would shut out the controller, which comes from {control.peer} by {door} to port {control.port}; {cure}"
        problems.append(Problem(place, text))
    return problems


def _warnings(document: Document, state: HostState, applied: Applied) -> list[str]:
    """Names of nothing as yet: rules by name may stand before what they name."""
    coming = {*state.links, *applied.bridges, *libvirt_bridges(applied)}
    return [
        f"{place}.{option}[{at}]: {name} is not there; zone {zone.name} is without it until it is"
        for place, zone in document.zones.placed()
        for option in ("networks", "interfaces")
        for at, name in enumerate(getattr(zone, option))
        if name not in coming
    ]


def files(applied: Applied, state: HostState) -> dict[str, FileState]:
    """The table of what is kept, and the unit that loads it."""
    zones = {name: item for name, item in applied.zones.items() if item.persist}
    policies = {name: item for name, item in applied.policies.items() if item.persist}
    return {**table_files("zones", _tables(zones, policies)), **coexist_files(applied)}


KIND = Kind("zones", lambda document, applied: frozenset(), plan_zones, files, lambda change: ())
