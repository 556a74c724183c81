# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The layer 3 of one interface: what moves when an uplink becomes a port of a bridge."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .address import Address
from .route import Neighbour, Route, Rule
from .state import HostState


@dataclass(frozen=True)
class Profile:
    """Addresses in the kernel's order, routes of all tables, neighbours and the policy rules that name the interface."""

    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    rules: tuple[Rule, ...] = ()

    def moved(self, source: str, target: str) -> Profile:
        return Profile(
            tuple(address.moved(source, target) for address in self.addresses),
            tuple(route.moved(source, target) for route in self.routes),
            self.neighbours,
            tuple(rule.moved(source, target) for rule in self.rules),
        )

    @property
    def is_empty(self) -> bool:
        return not (self.routes or any(not address.is_link_local for address in self.addresses))


def profile_of(state: HostState, name: str) -> Profile:
    """Everything of layer 3 that hangs on interface ``name``, without what the kernel makes by itself."""
    link = state.links[name]
    return Profile(
        link.addresses,
        tuple(route for route in state.routes_through(name) if not comes_with_an_address(route, link.addresses)),
        tuple(neighbour for neighbour in state.neighbours if neighbour.dev == name),
        tuple(rule for rule in state.rules if _names(rule, name)),
    )


def comes_with_an_address(route: Route, addresses: t.Iterable[Address]) -> bool:
    """The kernel makes a prefix route for an address without ``noprefixroute`` and takes it away with the address.

    Managers make such routes as well, ``proto kernel`` and all, for addresses with it; those are theirs.
    """
    if route.protocol != "kernel" or route.gateway or route.nexthops:
        return False
    if route.family == 6 and (route.dst.startswith("fe80::") or route.dst.startswith("ff00::")):
        return True
    # Where nobody said otherwise the kernel's own have metric 0 in IPv4 and 256 in IPv6; NetworkManager's have its own.
    own = 0 if route.family == 4 else 256
    return any(
        not address.noprefixroute and route.dst in address.prefixes and route.metric == (address.metric or own) for address in addresses
    )


def _names(rule: Rule, interface: str) -> bool:
    return any(rule.words[index - 1] in ("iif", "oif") and rule.words[index] == interface for index in range(1, len(rule.words)))
