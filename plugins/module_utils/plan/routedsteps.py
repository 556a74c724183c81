# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kernel's side of routes to guests: addresses, routes, answers for others, and settings of interfaces that are there."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..model.address import Address
from ..model.applied import Applied
from ..model.route import Neighbour
from ..model.routed import DEFAULTS, AppliedRouted, Routed, RoutedFacts
from ..model.state import HostState
from ..model.step import Ip, Phase, Step, Sysctl

Memory = t.Mapping[str, AppliedRouted]
# Each is there or not, as a line of its interface.
Things = dict[str, "Thing"]


class Thing(t.NamedTuple):
    """One address, route or proxy entry: the lines that make it and take it away, and what it replaces, if that is there."""

    dev: str
    add: str
    delete: str
    there: bool
    back: str = ""


@dataclass(frozen=True)
class StepPlan:
    """``texts``: header -> text before and after, for each interface."""

    steps: tuple[Step, ...] = ()
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)


def plan_steps(applied: Applied, after: Memory, state: HostState, facts: RoutedFacts) -> StepPlan:
    """What was made for ``applied`` and is not wanted any more goes first; then what is missing comes."""
    before = applied.routes
    wanted = _things([item.routed for item in after.values()], state)
    gone = {key: thing for key, thing in _things([item.routed for item in before.values()], state).items() if key not in wanted}
    steps = [
        # While the interface is still there: it may go in the same run.
        Step(Phase.FILTER, f"routes through {thing.dev}", (Ip(thing.delete),), (Ip(thing.add),))
        for thing in reversed(gone.values())
        if thing.there
    ]
    steps += [
        Step(Phase.SETTLE, f"routes through {thing.dev}", (Ip(thing.add),), (Ip(thing.back or thing.delete),))
        for thing in wanted.values()
        if not thing.there and _is_ready(thing.dev, state, applied)
    ]
    steps += _settings(applied, after, state, facts)
    return StepPlan(tuple(steps), _texts(before, after, state, facts))


def _is_ready(name: str, state: HostState, applied: Applied) -> bool:
    """Is the interface up, or will it be? A route needs that. ``applied`` says of taps and bridges what will be."""
    link, tap = state.links.get(name), applied.taps.get(name)
    if name in state.leaving:
        return False
    return link.up if link else (tap.tap.up if tap else name in applied.bridges)


def _things(items: t.Iterable[Routed], state: HostState) -> Things:
    found: Things = {}
    # What leads to a router of ours comes before what is behind it.
    for item in sorted(items, key=lambda item: bool(item.via)):
        for thing in _of_item(item, state):
            found.setdefault(thing.add, thing)
    return found


def _of_item(item: Routed, state: HostState) -> t.Iterator[Thing]:
    dev = item.interface
    for address in item.addresses():
        yield Thing(dev, address.add_line(dev), address.delete_line(dev), _has_address(dev, address, state))
    for route in item.routes():
        same = next((other for other in state.routes if other.key == route.key), None)
        there = same is not None and same.meaning == route.meaning
        yield Thing(dev, route.line("replace"), route.line("del"), there, same.line("replace") if same and not there else "")
    for proxy in item.proxies():
        yield Thing(dev, proxy.add_line(proxy.dev), proxy.delete_line(proxy.dev), _has_proxy(proxy, state))


def _has_address(dev: str, address: Address, state: HostState) -> bool:
    link = state.links.get(dev)
    return link is not None and any(other.cidr == address.cidr for other in link.addresses)


def _has_proxy(proxy: Neighbour, state: HostState) -> bool:
    return any((other.address, other.dev, other.proxy) == (proxy.address, proxy.dev, True) for other in state.neighbours)


def settings_of(applied: Applied, after: Memory, facts: RoutedFacts) -> dict[str, str]:
    """The originals of the settings that we own afterwards."""
    keys = sorted({key for item in after.values() for key in item.routed.sysctls()})
    return {key: applied.route_sysctls.get(key, facts.sysctls.get(key, DEFAULTS[key.rpartition("/")[2]])) for key in keys}


def _settings(applied: Applied, after: Memory, state: HostState, facts: RoutedFacts) -> list[Step]:
    owners = {key: item.routed.interface for item in after.values() for key in item.routed.sysctls()}
    wanted = {key: value for item in after.values() for key, value in item.routed.sysctls().items()}
    steps = []
    for key, value in {**applied.route_sysctls, **wanted}.items():
        old, name = facts.sysctls.get(key, ""), key.split("/")[3]
        ready = name in state.links or _is_ready(name, state, applied)
        if old == value or not ready or name in state.leaving or (key not in wanted and not old):
            continue
        if key in wanted and not _is_ready(owners[key], state, applied):
            # Whoever brings up its interface has the unit set it.
            continue
        steps.append(Step(Phase.SETTLE, f"settings of {name}", (Sysctl(key, value),), (Sysctl(key, old),) if old else ()))
    return steps


def _texts(before: Memory, after: Memory, state: HostState, facts: RoutedFacts) -> dict[str, tuple[str, str]]:
    """Of each interface: what it has of all that it had and gets, and what it shall have. One that is not there has what we keep for it."""
    texts = {}
    sides = [[item.routed for item in side.values()] for side in (before, after)]
    for name in sorted({item.interface for items in sides for item in items}):
        had, gets = ([item for item in items if item.interface == name] for items in sides)
        link = state.links.get(name)
        now = _present([*had, *gets], state, facts) if link and link.up else _lines(had)
        texts[f"routes {name} (ip)"] = (_text(now), _text(_lines(gets)))
    return texts


def _present(items: t.Sequence[Routed], state: HostState, facts: RoutedFacts) -> list[str]:
    settings = [f"{key} = {value}" for item in items for key, value in item.sysctls().items() if facts.sysctls.get(key) == value]
    return [thing.add for thing in _things(items, state).values() if thing.there] + settings


def _lines(items: t.Sequence[Routed]) -> list[str]:
    return [
        *(line for item in items for line in item.lines()),
        *(f"{key} = {value}" for item in items for key, value in item.sysctls().items()),
    ]


def _text(lines: t.Iterable[str]) -> str:
    return "".join(f"{line.replace(' replace ', ' ', 1)}\n" for line in sorted(set(lines)))
