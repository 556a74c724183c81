# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What of a declaration this host cannot do, said before anything is touched."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.bridge import Bridge
from ..model.document import Document
from ..model.problem import Problem
from ..model.profile import profile_of
from ..model.state import HostState, Link
from .wanted import declared_routes

_ON_TOP = frozenset({"macvlan", "ipvlan", "macvtap", "ipvtap"})


def host_problems(document: Document, state: HostState, applied: Applied) -> list[Problem]:
    """All problems of all bridges with this host."""
    problems = []
    bridges, owners = document.bridges, applied.owners("bridges")
    for bridge in bridges.items:
        place = bridges.place(bridge.name)
        problems += _bridge_problems(bridge, document, state, applied, place)
        if bridge.uplink:
            problems += _uplink_problems(bridge, state, f"{place}.uplink")
        for index, port in enumerate(bridge.ports):
            problems += _port_problems(port, bridge.name, state, f"{place}.ports[{index}]")
        problems += _mtu_problems(bridge, state, place)
        problems += _route_problems(bridge, document, state, applied, place)
    for name in bridges.removed:
        problems += bridges.owner_problems(name, owners, document.owner)
    return problems


def _bridge_problems(bridge: Bridge, document: Document, state: HostState, applied: Applied, place: str) -> list[Problem]:
    link, ours = state.links.get(bridge.name), applied.bridges.get(bridge.name)
    theirs = document.bridges.owner_problems(bridge.name, applied.owners("bridges"), document.owner)
    if theirs or link is None:
        return theirs
    if link.bridge is None:
        return [Problem(f"{place}.name", f"{bridge.name} exists and is no bridge but a {link.kind or 'network card'}; choose another name")]
    if ours is None and not document.adopt:
        return [
            Problem(f"{place}.name", f"{bridge.name} exists and is not ours; adopt: true takes it over as it is, or choose another name")
        ]
    return []


def _uplink_problems(bridge: Bridge, state: HostState, place: str) -> list[Problem]:
    name = bridge.uplink
    link = state.links.get(name)
    if link is None:
        return [Problem(place, f"{name} does not exist on this host; it has {_candidates(state)}")]
    problems = _cannot_be_port(link, bridge.name, state, place)
    if name in state.root_links:
        problems.append(
            Problem(
                place,
                f"{name} carries {state.root_links[name]}: its move would stop the host; use layout route or nat with {name} as uplink instead",
            )
        )
    if link.master != bridge.name:
        profile = profile_of(state, name)
        strange = [(f"route {route.describe()}", route.unknown) for route in profile.routes if route.unknown]
        strange += [(f"policy rule {rule.describe()}", rule.unknown) for rule in profile.rules if rule.unknown]
        for what, unknown in strange:
            problems.append(Problem(place, f"the {what} has {', '.join(unknown)}, which cannot be moved; remove it first"))
    return problems


def _port_problems(name: str, bridge: str, state: HostState, place: str) -> list[Problem]:
    link = state.links.get(name)
    if link is None:
        return [Problem(place, f"{name} does not exist on this host; it has {_candidates(state)}")]
    problems = _cannot_be_port(link, bridge, state, place)
    if link.master != bridge and any(not address.is_link_local for address in link.addresses):
        problems.append(
            Problem(place, f"{name} carries addresses; name it as uplink, so that they move to the bridge, or remove them first")
        )
    return problems


def _cannot_be_port(link: Link, bridge: str, state: HostState, place: str) -> list[Problem]:
    name = link.name
    if link.bridge is not None:
        return [Problem(place, f"{name} is itself a bridge; a bridge cannot be a port of a bridge, name the NIC, bond or VLAN behind it")]
    if link.type != "ether":
        return [Problem(place, f"{name} is no Ethernet interface ({link.type}); a bridge joins Ethernet only")]
    problems = []
    if link.master and link.master != bridge:
        master = state.links.get(link.master)
        kind = "bridge" if master and master.bridge is not None else "bond or team"
        cure = "remove it there first" if kind == "bridge" else f"name {link.master} as uplink"
        problems.append(Problem(place, f"{name} is already in {kind} {link.master}; {cure}"))
    on_top = [other.name for other in state.links.values() if other.lower == name and other.kind in _ON_TOP]
    if on_top:
        problems.append(
            Problem(
                place,
                f"{', '.join(on_top)} on {name} keeps it from becoming a bridge port; remove it first",
            )
        )
    if name in state.wireless:
        problems.append(
            Problem(
                place, f"{name} is wireless: access points accept one MAC a station, so guests behind a bridge stay unheard; use layout nat"
            )
        )
    return problems


def _mtu_problems(bridge: Bridge, state: HostState, place: str) -> list[Problem]:
    uplink = state.links.get(bridge.uplink)
    if bridge.mtu and uplink and bridge.mtu > uplink.mtu:
        return [
            Problem(
                f"{place}.mtu",
                f"{bridge.mtu} is beyond the {uplink.mtu} of its uplink {uplink.name}; raise the uplink's first, or lower this",
            )
        ]
    return []


def _route_problems(bridge: Bridge, document: Document, state: HostState, applied: Applied, place: str) -> list[Problem]:
    """The kernel has one route for a destination, table and metric: ours would push out somebody else's."""
    # A declared profile withdraws its own; one that moved, or moves now, keeps its routes.
    known = applied.bridges.get(bridge.name)
    own = [bridge, *((known.bridge,) if known else ())]
    own += [item for item in document.bridges.items if item.declared_profile]
    own += [item.bridge for item in applied.bridges.values() if item.bridge.declared_profile]
    ours = {name for item in own for name in (item.name, item.uplink, *item.ports)}
    theirs = {route.key: route for route in state.routes if not any(route.leads_through(name) for name in ours)}
    problems = []
    for route in declared_routes(bridge):
        other = theirs.get(route.key)
        if other is not None:
            through = f"through {other.dev}" if other.dev else f"({other.type})"
            cure = "remove that one, or declare this one in routes with a metric of its own"
            problems.append(Problem(place, f"the host has a route {other.describe()} {through} already; {cure}"))
    return problems


def _candidates(state: HostState) -> str:
    names = [link.name for link in state.links.values() if link.type == "ether" and not link.master and link.bridge is None]
    return ", ".join(sorted(names)[:12]) or "no free Ethernet interface"


def adoption_problems(names: t.Iterable[str], differs: t.Mapping[str, t.Sequence[str]], document: Document) -> list[Problem]:
    """A bridge that somebody else's configuration makes can be adopted as it is; we cannot keep other settings over a reboot."""
    return [
        Problem(
            document.bridges.place(name),
            f"{name} is configured by its own files, which say otherwise: {', '.join(differs[name])}; declare it as it is, or change those files",
        )
        for name in names
        if differs.get(name)
    ]
