# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Networks of this host that are ours and no part of the world: address translation is not for packets between them."""

from __future__ import annotations

import ipaddress
import typing as t

from .applied import Applied
from .guard import Network
from .libvirtcheck import subnets_of
from .libvirtxml import normal_of
from .routed import is_of_network

# Kinds with such networks besides those that are translated themselves.
MANAGED_KINDS = ("bridges", "routes", "libvirt")


def managed_networks(applied: Applied) -> tuple[str, ...]:
    """The subnets of bridges, routes and libvirt's networks of all owners, sorted; where the world may be behind, there are none."""
    doors = {name for item in applied.nat.values() for name in (item.network.uplink, item.network.proxy_on)}
    doors |= {item.routed.uplink for item in applied.routes.values()}
    doors |= {name for name, item in applied.bridges.items() if item.bridge.uplink or item.bridge.ports or item.adopted}
    # What leaves by these is not translated anyway.
    inside = {name for item in applied.nat.values() for name in item.network.interfaces}
    found = [*_of_bridges(applied, doors | inside), *_of_routes(applied, doors), *_of_libvirt(applied)]
    return tuple(sorted({str(network) for network in found if network.prefixlen and not network.is_link_local}))


def _of_bridges(applied: Applied, without: t.Container[str]) -> t.Iterator[Network]:
    for name, item in applied.bridges.items():
        if name not in without and not (item.bridge.gateway4 or item.bridge.gateway6):
            yield from (ipaddress.ip_interface(text).network for text in item.bridge.addresses)


def _of_routes(applied: Applied, doors: t.Container[str]) -> t.Iterator[Network]:
    """Behind a router there may be anybody."""
    for name, item in applied.routes.items():
        if not is_of_network(name) and not item.routed.via and item.routed.interface not in doors:
            yield from item.routed.inside


def _of_libvirt(applied: Applied) -> t.Iterator[Network]:
    for item in applied.libvirt.values():
        yield from (network for network, _own in (subnets_of(normal_of(item.definition)) if item.definition else ()))
