# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The document: everything declared for one host in one call, kind by kind."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .bridge import Bridge, StaticRoute, read_bridge
from .dhcp import Dhcp
from .domif import Domif
from .guard import Guard
from .libvirt import LibvirtNetwork
from .nat import Nat
from .problem import Problem
from .routed import Routed
from .tap import Tap
from .vif import Vif, VifOptions
from .xl import XlDefaults
from .zone import Policy, Zone

PERSIST = ("auto", "networkd", "ifupdown", "networkmanager", "none")


class Named(t.Protocol):
    """What every declared object has: the name that is its key in the memory."""

    @property
    def name(self) -> str: ...


Item = t.TypeVar("Item", bound=Named)


@dataclass(frozen=True)
class Declared(t.Generic[Item]):
    """One kind of the document. ``removed`` are names with ``state: absent``; ``path`` is where the user wrote the list.

    ``dropped`` are names of objects that are declared without this kind now, which go if they have it by the same owner.
    ``places``: where each item stands, when that is not its number in the list. A kind that is not ``spoken`` of stays as it is, its files included.
    """

    items: tuple[Item, ...] = ()
    removed: tuple[str, ...] = ()
    prune: bool = False
    path: str = ""
    spoken: bool = True
    places: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def place(self, name: str) -> str:
        """Where the user wrote the object ``name``."""
        for place, item in self.placed():
            if item.name == name:
                return place
        return self.path

    def placed(self) -> t.Iterator[tuple[str, Item]]:
        """Each item behind its place."""
        places = self.places or tuple(f"{self.path}[{index}]" for index in range(len(self.items)))
        return zip(places, self.items)

    def gone(self, owners: t.Mapping[str, str], owner: str) -> list[str]:
        """The names of ``owners`` (name -> owner label, of what was applied) that shall not be there any more, sorted."""
        names = {name for name in self.removed if name in owners}
        names |= {name for name in self.dropped if owners.get(name) == owner}
        if self.prune:
            names |= {name for name, label in owners.items() if label == owner} - {item.name for item in self.items}
        return sorted(names)

    def owner_problems(self, name: str, owners: t.Mapping[str, str], owner: str) -> list[Problem]:
        """Nobody changes or removes what another label declared."""
        label = owners.get(name, owner)
        if label == owner:
            return []
        if name in self.removed:
            return [Problem(self.path, f"{name} belongs to owner {label!r}, not {owner!r}; name that owner to remove it")]
        cure = "declare it there, or remove it there first"
        return [Problem(f"{self.place(name)}.name", f"{name} belongs to owner {label!r}, not {owner!r}; {cure}")]


@dataclass(frozen=True)
class Document:
    """What the user wants of one owner's objects, kind by kind. The options that follow the kinds hold for all of them.

    ``guard_settings`` and ``qemu``: those fields of GuardSettings and QemuSettings that the user gives; the others stay as they are.
    ``wrong``: what is wrong with the input by itself, which the plan tells together with what the host has against it.
    """

    owner: str = "site"
    bridges: Declared[Bridge] = Declared(spoken=False)
    taps: Declared[Tap] = Declared(spoken=False)
    guards: Declared[Guard] = Declared(spoken=False)
    persist: str = "auto"
    adopt: bool = False
    allow_disruption: bool = False
    bridge_netfilter: str = "keep"
    guard_settings: t.Mapping[str, t.Any] = field(default_factory=dict)
    qemu: t.Mapping[str, t.Any] = field(default_factory=dict)
    nat: Declared[Nat] = Declared(spoken=False)
    dhcp: Declared[Dhcp] = Declared(spoken=False)
    zones: Declared[Zone] = Declared(spoken=False)
    policies: Declared[Policy] = Declared(spoken=False)
    routes: Declared[Routed] = Declared(spoken=False)
    coexist: bool = False
    libvirt: Declared[LibvirtNetwork] = Declared(spoken=False)
    vifs: Declared[Vif] = Declared(spoken=False)
    vif_options: VifOptions = field(default_factory=VifOptions)
    domifs: Declared[Domif] = Declared(spoken=False)
    xl: Declared[XlDefaults] = Declared(spoken=False)
    wrong: tuple[Problem, ...] = ()


def read_bridges(
    items: t.Sequence[t.Mapping[str, t.Any]], path: str = "bridges", places: t.Sequence[str] = ()
) -> tuple[tuple[Bridge, ...], list[Problem]]:
    """All items of a list of bridges, with the problems of each and those between them. ``places`` as in Declared."""
    problems: list[Problem] = []
    bridges = []
    for place, item in zip(places or [f"{path}[{index}]" for index in range(len(items))], items):
        bridge, wrong = read_bridge(item, place)
        problems += wrong
        bridges.append((place, bridge))
    return tuple(bridge for _place, bridge in bridges), problems + _clashes(bridges)


def _clashes(bridges: t.Sequence[tuple[str, Bridge]]) -> list[Problem]:
    """The same name, link, or address in two places of one list."""
    problems = []
    names: dict[str, str] = {}
    links: dict[str, str] = {}
    addresses: dict[str, str] = {}
    for place, bridge in bridges:
        if bridge.name in names:
            problems.append(Problem(f"{place}.name", f"{bridge.name} is already {names[bridge.name]}.name; declare a bridge once"))
        names.setdefault(bridge.name, place)
        own = [("uplink", bridge.uplink)] if bridge.uplink else []
        own += [(f"ports[{at}]", port) for at, port in enumerate(bridge.ports) if port != bridge.uplink]
        for option, link in own:
            if link in links and not links[link].startswith(f"{place}."):
                problems.append(Problem(f"{place}.{option}", f"{link} is already {links[link]}; an interface can be in one bridge only"))
            links.setdefault(link, f"{place}.{option}")
        for at, cidr in enumerate(bridge.addresses):
            address = cidr.split("/")[0]
            if address in addresses and not addresses[address].startswith(f"{place}."):
                problems.append(
                    Problem(f"{place}.addresses[{at}]", f"{address} is already at {addresses[address]}; an address belongs to one bridge")
                )
            addresses.setdefault(address, f"{place}.addresses[{at}]")
    for link, place in links.items():
        if link in names:
            problems.append(Problem(place, f"{link} is declared as a bridge at {names[link]}; a bridge cannot be a port of a bridge"))
    return problems + _route_clashes(bridges)


def _route_clashes(bridges: t.Sequence[tuple[str, Bridge]]) -> list[Problem]:
    """The kernel has one route for a destination, table and metric."""
    problems = []
    seen: dict[tuple[int, str, str, int], str] = {}
    for home, bridge in bridges:
        places = [("gateway4", StaticRoute("default", bridge.gateway4)), ("gateway6", StaticRoute("default", bridge.gateway6))]
        routes = [(option, route) for option, route in places if route.via]
        routes += [(f"routes[{at}]", route) for at, route in enumerate(bridge.routes)]
        for option, route in routes:
            place = f"{home}.{option}"
            family = 6 if ":" in (route.via or route.to) else 4
            # IPv6 has no metric 0: the kernel makes 1024 of it
            key = (family, route.to, route.table, route.metric or (1024 if family == 6 else 0))
            if key in seen:
                problems.append(
                    Problem(place, f"a route to {route.to} is already at {seen[key]}; give one of them another metric or table")
                )
            seen.setdefault(key, place)
    return problems
