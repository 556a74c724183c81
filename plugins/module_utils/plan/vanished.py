# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What an uplink has lost with a bridge that somebody else removed."""

from __future__ import annotations

import ipaddress
import typing as t

from ..model.applied import AppliedBridge
from ..model.profile import Profile, profile_of
from ..model.route import NextHop, Route
from ..model.state import HostState

# Whoever had these from a server or a router asks again.
_LEASED = ("dhcp", "ra")


def lost_profile(uplink: str, before: AppliedBridge, state: HostState) -> Profile:
    """Of what the uplink had before us, that which it has not now: neither given back by its manager nor taken by others since.

    Only what can stand at once: a route by way of a router in a leased network comes with the next lease.
    """
    had, there = before.links[uplink].profile, profile_of(state, uplink)
    local = {_ip(address.cidr) for link in state.links.values() for address in link.addresses if not address.is_link_local}
    taken = local | {_ip(address.cidr) for address in there.addresses}
    addresses = tuple(address for address in had.addresses if not address.dynamic and _ip(address.cidr) not in taken)
    keys = {route.key for route in state.routes}
    same = {_way(route) for route in there.routes}
    absent = [route for route in had.routes if route.key not in keys and _way(route) not in same]
    absent = [route for route in absent if not route.expires and route.protocol not in _LEASED]
    near = [prefix for address in (*there.addresses, *addresses) for prefix in address.prefixes]
    near += [route.dst for route in (*there.routes, *absent) if not route.gateway and not route.nexthops and route.dst != "default"]
    local |= {_ip(address.cidr) for address in addresses}
    return Profile(
        addresses,
        tuple(route for route in absent if route.prefsrc in {"", *local} and _is_reachable(route, uplink, near)),
        tuple(item for item in had.neighbours if (item.permanent or item.proxy) and item not in there.neighbours),
        tuple(rule for rule in had.rules if rule not in there.rules),
    )


def _ip(cidr: str) -> str:
    return cidr.split("/")[0]


def _way(route: Route) -> tuple[t.Any, ...]:
    """Where it leads, whoever made it: managers have metrics and protocols of their own."""
    return route.family, route.table, route.dst, route.source, route.tos, route.dev, route.gateway, route.nexthops


def _is_reachable(route: Route, uplink: str, near: t.Sequence[str]) -> bool:
    legs = route.nexthops or (NextHop(route.dev, route.gateway, onlink=route.onlink),)
    routers = [ipaddress.ip_address(leg.gateway.split()[-1]) for leg in legs if leg.dev == uplink and leg.gateway and not leg.onlink]
    networks = [ipaddress.ip_network(prefix) for prefix in near]
    return all(router.is_link_local or any(router in network for network in networks) for router in routers)
