# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Routes to guests: what interfaces that are there take now, and what keeps it for those that come later."""

from __future__ import annotations

import ipaddress
import typing as t

from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import Problem
from ..model.routed import PROTOCOL, TABLES, AppliedRouted, Routed, RoutedFacts, is_of_network, of_network, settle
from ..model.routedread import route_clashes
from ..model.state import FileState, HostState
from ..model.step import Phase
from ..render.boot import sysctl_file
from ..render.routed import routed_files, routed_tables
from .coexist import coexist_files
from .kind import Kind, KindPlan
from .routedkeep import handover
from .routedsteps import plan_steps, settings_of
from .ruleset import table_files, table_step, table_texts, tool_problems
from .wayout import host_addresses, leads_by, way_out

Memory = t.Mapping[str, AppliedRouted]


def plan_routed(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """The routes of the document, and those of its networks whose guests are each behind an interface of their own."""
    facts: RoutedFacts = state.kinds.get("routes") or RoutedFacts()
    owners = {name: label for name, label in applied.owners("routes").items() if not is_of_network(name)}
    gone = document.routes.gone(owners, document.owner)
    memory = {name: item for name, item in applied.routes.items() if name in owners and name not in gone}
    placed = [(place, _settled(item, applied, state)) for place, item in document.routes.placed()]
    kept = document.persist != "none"
    memory.update({item.name: AppliedRouted(document.owner, item, kept, document.coexist) for _place, item in placed})
    for name, nat in applied.nat.items():
        memory.update(of_network(name, nat))
    problems = _problems(document, state, applied, placed, memory)
    if problems:
        return KindPlan(problems=tuple(problems))
    wanted, had = (routed_tables(item.routed for item in side.values()) for side in (memory, applied.routes))
    tables = table_step(Phase.FILTER, "what guests may send, and where", facts.tables, wanted, had, TABLES)
    found = plan_steps(applied, memory, state, facts)
    return KindPlan(
        memory=memory,
        further={"route_sysctls": settings_of(applied, memory, facts)},
        steps=(*tables, *found.steps),
        texts={**found.texts, **table_texts(facts.tables, wanted, TABLES)},
        warnings=tuple(_warnings(memory, state, applied)),
    )


def _settled(item: Routed, applied: Applied, state: HostState) -> Routed:
    needs_uplink = item.proxy_arp or any(not guest.source for guest in item.guests)
    uplink = way_out(item.uplink, applied, state) if needs_uplink else ""
    return settle(item, uplink, host_addresses(uplink, applied, state), _connected(item, applied, state))


def _connected(item: Routed, applied: Applied, state: HostState) -> list[str]:
    """The networks to which the interface's addresses lead by themselves, without those that it has from us."""
    ours, link = applied.bridges.get(item.interface), state.links.get(item.interface)
    texts = (
        list(ours.bridge.addresses) if ours else [address.cidr for address in link.addresses if address.scope == "global"] if link else []
    )
    networks = (ipaddress.ip_interface(text).network for text in texts)
    return list(dict.fromkeys(str(network) for network in networks if network.prefixlen < network.max_prefixlen))


def _problems(
    document: Document, state: HostState, applied: Applied, placed: t.Sequence[tuple[str, Routed]], memory: Memory
) -> list[Problem]:
    problems = tool_problems(state) if memory or applied.routes else []
    facts: RoutedFacts = state.kinds.get("routes") or RoutedFacts()
    if not facts.systemd and any(item.persist for item in memory.values()):
        why = "systemd does not run on this host, and it is what brings routes back when an interface appears"
        problems.append(Problem("", f"{why}; persist: none makes them until reboot"))
    owners = applied.owners("routes")
    for name in [*document.routes.removed, *(item.name for _place, item in placed)]:
        problems += document.routes.owner_problems(name, owners, document.owner)
    declared = {item.name for _place, item in placed}
    others = [(f"{name} of owner {item.owner!r}", item.routed) for name, item in memory.items() if name not in declared]
    clashes = route_clashes([*others, *placed]) if others else []
    problems += [problem for problem in clashes if problem.path.startswith(f"{document.routes.path}[")]
    problems += [problem for place, item in placed for problem in _host_problems(place, item, state, applied)]
    return [*problems, *_own_addresses(placed, state), *_taken(document, placed, memory, state)]


def _own_addresses(placed: t.Sequence[tuple[str, Routed]], state: HostState) -> list[Problem]:
    own = {address.cidr.split("/")[0]: name for name, link in state.links.items() for address in link.addresses}
    return [
        Problem(f"{place}.guests[{at}]", f"{guest.address} is the host's own address on {own[guest.address]}; name the guest's")
        for place, item in placed
        for at, guest in enumerate(item.guests)
        if guest.address in own
    ]


def _taken(document: Document, placed: t.Sequence[tuple[str, Routed]], memory: Memory, state: HostState) -> list[Problem]:
    """Ways of others, which the kernel would forget for ours."""
    places = {item.name: place for place, item in placed}
    theirs = {route.key: route for route in state.routes if route.protocol != PROTOCOL}
    found = [(name, theirs[route.key], route) for name, item in memory.items() for route in item.routed.routes() if route.key in theirs]
    cure = "take that away, or say another metric"
    return [
        Problem(
            places.get(name, document.routes.path),
            f"the host has a route of others to {other.dst} already, through {other.dev or other.type}; {cure}",
        )
        for name, other, route in found
        if other.meaning != route.meaning
    ]


def _host_problems(place: str, item: Routed, state: HostState, applied: Applied) -> list[Problem]:
    problems = []
    option = "name" if item.interface == item.name else "interface"
    bridge = leads_by(item.interface, applied, state)
    tap = applied.taps.get(item.interface)
    bridge = tap.tap.bridge if tap and tap.tap.bridge else bridge
    if bridge != item.interface:
        problems.append(Problem(f"{place}.{option}", f"{item.interface} is a port of {bridge}, by which its packets come; name {bridge}"))
    if not item.inside:
        cure = "name guests or subnets, or give the bridge an address"
        problems.append(Problem(place, f"nothing says what is behind {item.interface}; {cure}"))
    if item.proxy_arp and not item.uplink:
        problems.append(
            Problem(f"{place}.uplink", "there is no default route that would say it; name the interface that leads to the world")
        )
    if item.uplink == item.interface:
        problems.append(Problem(f"{place}.uplink", f"{item.uplink} is the guests' own interface; name the one that leads to the world"))
    return problems


def _warnings(memory: Memory, state: HostState, applied: Applied) -> list[str]:
    """What cannot be kept for an interface that comes later."""
    there = {*state.links, *applied.taps, *applied.bridges}
    items = [item for item in memory.values() if not item.persist and item.routed.interface not in there]
    why = "persist: none keeps nothing for an interface that comes later"
    return list(dict.fromkeys(f"{item.routed.interface} is not there, and {why}" for item in items))


def files(applied: Applied, state: HostState) -> dict[str, FileState]:
    """The table of what is kept, what each interface takes when it appears, and the kernel's forwarding."""
    kept = [item.routed for item in applied.routes.values() if item.persist]
    return {**table_files("routes", routed_tables(kept)), **routed_files(kept), **sysctl_file(applied), **coexist_files(applied)}


KIND = Kind("routes", lambda document, applied: frozenset(), plan_routed, files, handover)
