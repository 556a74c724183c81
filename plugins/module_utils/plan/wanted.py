# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The layer 3 that a bridge shall have: its declaration, or what its uplink has now."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from ..model.address import FOREVER, Address
from ..model.applied import AppliedBridge, UplinkBefore
from ..model.bridge import Bridge
from ..model.interface import eui64_address
from ..model.profile import Profile, profile_of
from ..model.route import Route
from ..model.state import HostState

DEFAULT = "default"


def declared_profile(bridge: Bridge, uplink: Profile) -> Profile:
    """The declared addresses and routes, in the form that they have on the uplink where it has them already (metrics,
    labels), and the leases that the bridge takes over when it shall be configured by DHCP or router advertisements."""
    there = {address.cidr: address for address in uplink.addresses}
    addresses = [there.get(cidr, _address(cidr)) for cidr in bridge.addresses]
    addresses = [replace(address, valid_lft=FOREVER, preferred_lft=FOREVER, dynamic=False, noprefixroute=False) for address in addresses]
    leased = [address for address in uplink.addresses if address.cidr not in bridge.addresses and _is_leased(bridge, address)]
    link_local = [address for address in uplink.addresses if address.is_link_local]
    routes = []
    for route in declared_routes(bridge):
        same = [other for other in uplink.routes if is_covered(route, [replace(other, dev=route.dev)])]
        routes.append(replace(same[0], expires=0) if same else route)
    declared = {(route.family, route.dst) for route in routes}
    for route in uplink.routes:
        taken = bridge.dhcp4 if route.family == 4 else bridge.accept_ra
        if taken and route.protocol in ("dhcp", "ra", "kernel") and (route.family, route.dst) not in declared:
            routes.append(route)
    return Profile(tuple(addresses + leased + link_local), tuple(routes), uplink.neighbours, uplink.rules)


def returning_profile(name: str, uplink: str, before: AppliedBridge, state: HostState, stays: Bridge | None = None) -> Profile:
    """What the uplink gets back: the bridge's profile where it had moved, else what the uplink had, leases excepted.

    ``stays`` is the bridge's new declaration when it only loses this uplink: what that claims does not go.
    """
    there = profile_of(state, name).moved(name, uplink)
    had = before.links.get(uplink)
    if before.bridge.moves_profile or had is None:
        return leaving(_without_own(there, before, had), stays)
    static = tuple(address for address in had.profile.addresses if not address.dynamic)
    leased = tuple(address for address in there.addresses if address.dynamic)
    routes = tuple(route for route in had.profile.routes if not route.expires)
    return leaving(Profile(static + leased, routes, had.profile.neighbours, had.profile.rules), stays)


def _without_own(profile: Profile, before: AppliedBridge, had: UplinkBefore | None) -> Profile:
    """Without the link-local address that the kernel made of the bridge's own MAC: it means nothing on the uplink."""
    digits = eui64_address(before.mac)
    own = str(ipaddress.ip_interface(f"fe80::{':'.join(digits[at : at + 4] for at in range(0, 16, 4))}/64"))
    kept = {address.cidr for address in had.profile.addresses} if had else set()
    return replace(profile, addresses=tuple(item for item in profile.addresses if item.cidr != own or item.cidr in kept))


def leaving(profile: Profile, stays: Bridge | None) -> Profile:
    """The profile without the addresses and routes that the bridge declares for itself."""
    if stays is None:
        return profile
    keys = {route.key for route in declared_routes(stays)}
    return replace(
        profile,
        addresses=tuple(address for address in profile.addresses if address.cidr not in stays.addresses),
        routes=tuple(route for route in profile.routes if route.key not in keys),
    )


def _is_leased(bridge: Bridge, address: Address) -> bool:
    if address.is_link_local or not address.dynamic:
        return False
    return bridge.dhcp4 if address.family == 4 else bridge.dhcp6 or bridge.accept_ra


def _address(cidr: str) -> Address:
    interface = ipaddress.ip_interface(cidr)
    has_broadcast = interface.version == 4 and interface.network.prefixlen < 31
    return Address(cidr, broadcast=str(interface.network.broadcast_address) if has_broadcast else "")


def declared_routes(bridge: Bridge) -> tuple[Route, ...]:
    """Gateways and routes of the declaration, on the bridge."""
    routes = []
    for gateway in (bridge.gateway4, bridge.gateway6):
        if gateway:
            routes.append(Route(_family(gateway), DEFAULT, bridge.name, gateway, protocol="static"))
    for item in bridge.routes:
        routes.append(
            Route(
                family=_family(item.via or item.to),
                dst=item.to,
                dev=bridge.name,
                gateway=item.via,
                table=item.table,
                protocol="static",
                scope="" if item.via else "link",
                prefsrc=item.source,
                metric=item.metric,
                metrics=(("mtu", str(item.mtu)),) if item.mtu else (),
            )
        )
    return tuple(routes)


def _family(text: str) -> int:
    return 6 if ":" in text else 4


def is_covered(wanted: Route, there: list[Route]) -> bool:
    """Is the declared route there? An undeclared metric, source or MTU may be anything: managers have defaults of their own."""
    return any(_covers(route, wanted) for route in there)


def _covers(route: Route, wanted: Route) -> bool:
    if (route.family, route.dst, route.gateway, route.table, route.dev) != (
        wanted.family,
        wanted.dst,
        wanted.gateway,
        wanted.table,
        wanted.dev,
    ):
        return False
    if wanted.metric and route.metric != wanted.metric:
        return False
    if wanted.prefsrc and route.prefsrc != wanted.prefsrc:
        return False
    return set(wanted.metrics) <= set(route.metrics)
