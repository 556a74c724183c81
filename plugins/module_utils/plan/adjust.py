# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The layer 3 of a bridge that stays: what is ours of it comes and goes with its declaration, the rest is not ours."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.address import Address
from ..model.applied import AppliedBridge
from ..model.bridge import Bridge, StaticRoute
from ..model.profile import Profile
from ..model.route import Route
from ..model.step import Ip, Phase, Step, ip_step
from .wanted import declared_profile, declared_routes, is_covered

_LEASED = ("dhcp", "ra")


def claimed(applied: AppliedBridge) -> Profile:
    """What stands on the bridge because of us: what is declared, or what came with its uplink. Leases come and go by themselves."""
    bridge = applied.bridge
    had = applied.links.get(bridge.uplink)
    if not bridge.moves_profile or had is None:
        return declared_profile(replace(bridge, dhcp4=False, dhcp6=False, accept_ra=False), Profile())
    moved = had.profile.moved(bridge.uplink, bridge.name)
    return Profile(
        tuple(address for address in moved.addresses if not address.dynamic and not address.is_link_local),
        tuple(route for route in moved.routes if not route.expires and route.protocol not in _LEASED),
    )


def parting(there: Profile, before: AppliedBridge, bridge: Bridge) -> tuple[Profile, Profile]:
    """What leaves a bridge with the uplink that it loses, and what stays on it: what ``bridge`` declares now, and in a declared
    profile what others put there. With a profile that had moved all goes back, as from any NIC."""
    ours = claimed(before)
    cidrs = {address.cidr for address in ours.addresses}
    keys = {route.key for route in declared_routes(bridge)}
    everything = before.bridge.moves_profile
    addresses = [
        address
        for address in there.addresses
        if address.cidr not in bridge.addresses and (everything or address.cidr in cidrs or address.dynamic or address.is_link_local)
    ]
    routes = [
        route
        for route in there.routes
        if route.key not in keys and (everything or route.protocol in _LEASED or any(is_covered(old, [route]) for old in ours.routes))
    ]
    stays = Profile(
        tuple(address for address in there.addresses if address not in addresses),
        tuple(route for route in there.routes if route not in routes),
    )
    return replace(there, addresses=tuple(addresses), routes=tuple(routes)), stays


def adjust(name: str, before: AppliedBridge | None, after: AppliedBridge, there: Profile) -> tuple[list[Step], Profile]:
    """Add what is ours and missing, then take away what was ours and is no longer; with the profile that this leads to."""
    if before and before.bridge.moves_profile and after.bridge.moves_profile and before.bridge.uplink == after.bridge.uplink:
        return [], there
    wanted = claimed(after)
    have = {address.cidr for address in there.addresses}
    new = Profile(
        tuple(address for address in wanted.addresses if address.cidr not in have),
        tuple(route for route in wanted.routes if not is_covered(route, list(there.routes))),
    )
    steps = [
        ip_step(Phase.SWITCH, f"{address.cidr} to {name}", address.add_line(name, settled=True), address.delete_line(name))
        for address in _oldest_first(new.addresses)
    ]
    by_key = {route.key: route for route in there.routes}
    for route in new.routes:
        undo = by_key[route.key].line("replace") if route.key in by_key else route.line("del")
        steps.append(ip_step(Phase.SWITCH, f"route {route.dst}", route.line("replace"), undo))
    gone, left = _parted(claimed(before) if before else Profile(), wanted, there, new)
    return steps + _withdraw(name, gone, left, there), left


def as_declared(name: str, profile: Profile) -> Bridge:
    """A profile as if it were declared: what of a bridge stays with it."""
    routes = tuple(StaticRoute(route.dst, route.gateway, route.metric, route.table, route.prefsrc) for route in profile.routes)
    return Bridge(name, declared_profile=True, addresses=tuple(address.cidr for address in profile.addresses), routes=routes)


def withdraw(name: str, old: Profile, wanted: Profile, there: Profile) -> tuple[list[Step], Profile]:
    """Only take away what was ours (``old``) and is not ``wanted`` any more."""
    gone, left = _parted(old, wanted, there, Profile())
    return _withdraw(name, gone, left, there), left


def _parted(old: Profile, wanted: Profile, there: Profile, new: Profile) -> tuple[Profile, Profile]:
    """Of what is there: what goes because only ``old`` claims it, and what is left, ``new`` included."""
    cidrs = {address.cidr for address in old.addresses} - {address.cidr for address in wanted.addresses}
    addresses = [address for address in there.addresses if address.cidr in cidrs]
    replaced = {route.key for route in new.routes}
    routes = [route for route in there.routes if _only_in(route, old, wanted) and route.key not in replaced]
    kept = [route for route in there.routes if route not in routes and route.key not in replaced]
    # A route goes with the address that is its source, whatever we say (fib_sync_down_addr).
    sources = {address.cidr.split("/")[0] for address in addresses}
    left = Profile(
        tuple(address for address in (*there.addresses, *new.addresses) if address not in addresses),
        tuple(route for route in (*kept, *new.routes) if route.prefsrc not in sources),
    )
    return Profile(tuple(addresses), tuple(routes)), left


def _only_in(route: Route, old: Profile, wanted: Profile) -> bool:
    return any(is_covered(item, [route]) for item in old.routes) and not any(is_covered(item, [route]) for item in wanted.routes)


def _withdraw(name: str, gone: Profile, left: Profile, there: Profile) -> list[Step]:
    steps = [
        ip_step(Phase.SWITCH, f"route {route.dst} is not declared any more", route.line("del"), route.line("replace"))
        for route in gone.routes
    ]
    if not gone.addresses:
        return steps
    steps.append(Step(Phase.SWITCH, f"addresses of {name}", (), tuple(_in_order_again(name, there))))
    # Secondaries before their primary, which would take them along.
    for address in reversed(gone.addresses):
        steps.append(ip_step(Phase.SWITCH, f"{address.cidr} is not declared any more", address.delete_line(name), address.add_line(name)))
    # With a primary address the kernel drops the secondaries of its network and the routes behind it: say again what stays.
    again = [address.add_line(name) for address in left.addresses if address.family == 4]
    again += [route.line("replace") for route in _on_link_first(left.routes)]
    return steps + [ip_step(Phase.SWITCH, f"what stays on {name}", line) for line in again]


def _in_order_again(name: str, there: Profile) -> list[Ip]:
    """The undo of a withdrawal: the order of addresses says which are primary, and routes went with what was deleted."""
    four = [address for address in there.addresses if address.family == 4]
    six = [address for address in there.addresses if address.family == 6 and not address.is_link_local]
    lines = [address.delete_line(name) for address in [*reversed(four), *six]]
    lines += [address.add_line(name) for address in _oldest_first([*four, *six])]
    return [Ip(line) for line in [*lines, *(route.line("replace") for route in _on_link_first(there.routes))]]


def _oldest_first(addresses: t.Sequence[Address]) -> list[Address]:
    """The order to add them in: the kernel lists IPv4 addresses oldest first, IPv6 ones newest first."""
    return [item for item in addresses if item.family == 4] + [item for item in reversed(addresses) if item.family == 6]


def _on_link_first(routes: t.Iterable[Route]) -> list[Route]:
    return sorted(routes, key=lambda route: bool(route.gateway or route.nexthops))
