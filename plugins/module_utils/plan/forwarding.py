# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Forwarding of IPv4 and IPv6, which all routed kinds share: switched on by the first that needs it, and off behind the last."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..model.applied import Applied
from ..model.forwarding import (
    IP4,
    IP6,
    REDIRECTS,
    ROUTED_KINDS,
    SWITCHES,
    accept_ra,
    advertised,
    forwarded,
    is_accept_ra,
    own_keys,
    routing_values,
)
from ..model.state import HostState
from ..model.step import Phase, Step, Sysctl


@dataclass(frozen=True)
class ForwardingPlan:
    """``settings``: key -> value before and after, for people. ``originals``: what the memory keeps of the keys that we own."""

    settings: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    originals: t.Mapping[str, str] = field(default_factory=dict)


def plan_forwarding(spoken: t.Iterable[str], before: Applied, after: Applied, state: HostState) -> ForwardingPlan:
    """Once a document. ``spoken``: names of its kinds; where none of them is routed, everything stays as it is."""
    had = {key: value for key, value in before.sysctls.items() if key.startswith((own_keys(4), own_keys(6)))}
    if not any(name in ROUTED_KINDS for name in spoken):
        return ForwardingPlan(originals=had)
    kept: dict[str, str] = {}
    steps: list[Step] = []
    settings: dict[str, tuple[str, str]] = {}
    needed = forwarded(after)
    for family, switch in SWITCHES.items():
        ours = {key: value for key, value in had.items() if key.startswith(own_keys(family))}
        if family in needed:
            ours = {**_originals(family, state), **ours, **_new_uplinks(family, ours, after, state)}
            kept.update(ours)
            wanted = routing_values(ours, [family])
        else:
            # The switch first: it writes the others.
            wanted = {key: ours[key] for key in sorted(ours, key=lambda key: key != switch)}
        wanted = {key: value for key, value in wanted.items() if (key in state.sysctls or _comes(key, after)) and not _rests(key, state)}
        changes = {key: (state.sysctl(key, ""), value) for key, value in wanted.items() if state.sysctl(key, "") != value}
        steps += _steps(family, changes, wanted, state)
        settings.update(changes)
    return ForwardingPlan(settings, tuple(steps), kept)


def _originals(family: int, state: HostState) -> dict[str, str]:
    """What stands now, before we switch anything; also what the switch writes by itself."""
    keys = [IP4, REDIRECTS, *_individual(4, state)] if family == 4 else [IP6, *_individual(6, state)]
    return {key: state.sysctls[key] for key in keys if key in state.sysctls}


def _individual(family: int, state: HostState) -> list[str]:
    """Interfaces that forward, or `default`, while the host as a whole does not: switched off, it would switch them off, too."""
    switch = SWITCHES[family]
    begin, end = f"{own_keys(family)}conf/", "/forwarding"
    keys = [key for key in state.sysctls if key.startswith(begin) and key.endswith(end) and not key.startswith(f"{begin}all/")]
    return sorted(key for key in keys if state.sysctl(switch) == "0" and state.sysctls[key] != "0")


def _new_uplinks(family: int, ours: t.Mapping[str, str], after: Applied, state: HostState) -> dict[str, str]:
    """Links that live by router advertisements, which a router ignores unless told otherwise; those of a bridge come by that."""
    if family == 4:
        return {}
    found = {}
    homes = {bridge.bridge.uplink: name for name, bridge in after.bridges.items() if bridge.bridge.moves_profile}
    for name in advertised(state.links, state.routes):
        key = accept_ra(homes.get(name, name))
        value = state.sysctl(accept_ra(name), "")
        if value == "1" and key not in ours:
            found[key] = value
    return found


def _rests(key: str, state: HostState) -> bool:
    """A port of a bridge has no IPv6 of its own, and listens to nobody."""
    masters = [link.master for name, link in state.links.items() if key == accept_ra(name)]
    return any(name in state.links and state.links[name].bridge is not None for name in masters)


def _comes(key: str, after: Applied) -> bool:
    """Not there: a switch that this kernel does not have, which is an error, or a link, which is one of a bridge in the making."""
    return key in SWITCHES.values() or any(key == accept_ra(name) for name in after.bridges)


def _steps(family: int, changes: t.Mapping[str, tuple[str, str]], wanted: t.Mapping[str, str], state: HostState) -> list[Step]:
    switch, steps = SWITCHES[family], []
    for key, (old, new) in changes.items():
        if key == switch:
            # What it writes along is said again, in both directions.
            along = [other for other in wanted if other != key and not is_accept_ra(other)]
            along += [other for other in _individual(family, state) if other not in along]
            redo = tuple(Sysctl(other, wanted[other]) for other in along if other in wanted)
            undo = tuple(Sysctl(other, state.sysctls[other]) for other in along if other in state.sysctls)
            steps.append(Step(Phase.SETTLE, f"forwarding of IPv{family}", (Sysctl(key, new), *redo), (Sysctl(key, old), *undo)))
        elif is_accept_ra(key) or switch not in changes:
            why = "router advertisements" if is_accept_ra(key) else f"forwarding of IPv{family}"
            steps.append(Step(Phase.SETTLE, why, (Sysctl(key, new),), (Sysctl(key, old),) if old else ()))
    return steps
