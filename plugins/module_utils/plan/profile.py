# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Move a layer 3 profile from one interface to another without a gap: make before break.

Facts behind the order (measured on Linux 6.1 to 6.18, and in the kernel's own sources):

* The same address may stand on two interfaces. Deleting an address takes its routes along, so the routes are replayed on
  the new interface first.
* The new interface drops what it sends until its operstate is ``up``: the profile follows in a second batch.
* With rp_filter on, every packet that comes in by the bridge while the route still points to the NIC is lost: it is off
  meanwhile, on both and on ``all`` (the kernel takes the greater of the interface's and all's).
* The kernel lists IPv4 addresses oldest first and IPv6 addresses of one scope newest first: to keep their order, IPv6 ones are
  added from the end.
* Secondary addresses are deleted before their primary, or promote_secondaries changes what is left.
"""

from __future__ import annotations

import typing as t

from ..model.address import FOREVER, Address
from ..model.profile import Profile
from ..model.state import HostState
from ..model.step import Await, Ip, Phase, Step, ip_step, sysctl_step

_OPERSTATE_LIMIT = 3.0
_ALL_RP_FILTER = "net/ipv4/conf/all/rp_filter"


def quiet_ipv6(state: HostState, name: str, why: str) -> list[Step]:
    """An interface that shall have no IPv6 life of its own: no link-local address, no router advertisements."""
    base = f"net/ipv6/conf/{name}"
    if f"{base}/accept_ra" not in state.sysctls:
        return []
    steps = []
    for key, value in (("accept_ra", "0"), ("addr_gen_mode", "1")):
        before = state.sysctl(f"{base}/{key}")
        if before != value:
            steps.append(sysctl_step(Phase.LINK, why, f"{base}/{key}", value, before))
    if steps and name in state.links and not state.links[name].up:
        # The kernel gives a link a link-local address with this setting, also one that is down.
        steps.insert(0, Step(Phase.LINK, why, (), (Ip(f"-6 address flush dev {name} scope link"),)))
    return steps


def relax_rp_filter(state: HostState, names: t.Sequence[str]) -> tuple[list[Step], list[Step]]:
    """The steps that switch rp_filter off before the change and those that restore it afterwards.

    A link that does not exist yet starts with ``default``'s value and gets that of the last of ``names`` that exists.
    """
    why = "reverse path filtering would drop what arrives while the profile is on its way"
    values = [(_ALL_RP_FILTER, state.sysctl(_ALL_RP_FILTER))]
    known = [state.sysctl(f"net/ipv4/conf/{name}/rp_filter") for name in names if name in state.links]
    values += [
        (f"net/ipv4/conf/{name}/rp_filter", state.sysctl(f"net/ipv4/conf/{name}/rp_filter", known[-1] if known else "0")) for name in names
    ]
    new = {f"net/ipv4/conf/{name}/rp_filter" for name in names if name not in state.links}
    before = [sysctl_step(Phase.LINK, why, key, "0", value) for key, value in values if value != "0" or key in new]
    after = [sysctl_step(Phase.SETTLE, "reverse path filtering as before", key, value, "0") for key, value in values if value != "0"]
    return before, after


def transfer(
    state: HostState, old: Profile, new: Profile, source: str, target: str, enslave: Step | None, release: Step | None
) -> list[Step]:
    """All steps that make ``new`` on ``target`` and take ``old`` off ``source``.

    ``enslave`` puts the source into the target (uplink to bridge), ``release`` lets the target go (bridge to uplink).
    """
    # Undo-only and first, so that it is the last word when unwinding.
    last = _settled(old, source) + [route.line("replace") for route in old.routes if route.family == 6 and route.onlink]
    steps = [Step(Phase.SWITCH, f"IPv6 addresses of {source}", (), tuple(Ip(line) for line in last))]
    there = {address.cidr: address for address in state.links[target].addresses} if target in state.links else {}
    moving = {address.cidr for address in old.addresses} | _sources(new)
    steps += [_add(address, target, there.get(address.cidr), moving) for address in new.addresses if address.family == 4]
    if enslave:
        steps.append(enslave)
        if state.links[source].carrier:
            ready = Await("up", _OPERSTATE_LIMIT, path=f"/sys/class/net/{target}/operstate", must=False)
            steps.append(Step(Phase.SWITCH, f"{target} drops what it sends until the kernel calls it up", (ready,)))
    steps += [_add(address, target, there.get(address.cidr), moving) for address in reversed(new.addresses) if address.family == 6]
    steps += _neighbours(old, target)
    routes, late = _routes(state, old, new, source, target)
    steps += routes
    # Unwinding, the source gets its neighbours back before its routes: an answer to its ARP would arrive at the bridge.
    steps.append(Step(Phase.SWITCH, f"neighbours of {source}", (), tuple(Ip(neighbour.add_line(source)) for neighbour in old.neighbours)))
    steps += _rules(old, new, source)
    if release:
        # Behind the routes: a bridge without its port would swallow what they still send through it.
        steps.append(release)
    steps += _take_off(old, source)
    steps += _leftover_prefixes(state, source)
    steps += late
    return steps + [ip_step(Phase.SWITCH, f"IPv6 addresses of {target}", line) for line in _settled(new, target)]


def _sources(profile: Profile) -> set[str]:
    """Addresses that an IPv6 route has as its source: it is refused as long as duplicate address detection goes on."""
    sources = {route.prefsrc for route in profile.routes}
    return {address.cidr for address in profile.addresses if address.family == 6 and address.cidr.split("/")[0] in sources}


def _settled(profile: Profile, dev: str) -> list[str]:
    return [address.add_line(dev, settled=True) for address in profile.addresses if address.family == 6 and not address.nodad]


def _add(address: Address, dev: str, there: Address | None, moving: t.Collection[str]) -> Step:
    """An address that only moves skips duplicate address detection; a new one must not."""
    undo = [there.add_line(dev) if there else address.delete_line(dev)]
    if not there and address.family == 6 and address.valid_lft != FOREVER and not address.noprefixroute:
        undo += [_delete_prefix(prefix, dev, address.metric or 256) for prefix in dict.fromkeys(address.prefixes)]
    line = address.add_line(dev, settled=address.cidr not in moving)
    return Step(Phase.SWITCH, f"{address.cidr} to {dev}", (Ip(line),), tuple(Ip(text) for text in undo))


def _delete_prefix(network: str, dev: str, metric: int) -> str:
    """The kernel keeps the prefix route of an IPv6 address with a lifetime when the address goes (ipv6_del_addr)."""
    return f"route del {network} dev {dev} proto kernel metric {metric}"


def _neighbours(old: Profile, target: str) -> list[Step]:
    """Seed the new interface's neighbour table, so that nobody has to be asked for right after the change."""
    return [
        ip_step(Phase.SWITCH, f"neighbour {neighbour.address} to {target}", neighbour.add_line(target), neighbour.delete_line(target))
        for neighbour in old.neighbours
    ]


def _routes(state: HostState, old: Profile, new: Profile, source: str, target: str) -> tuple[list[Step], list[Step]]:
    """On-link routes before those whose gateways they reach. A route that the source has is re-pointed in place; a new one by
    way of a router is for the end: as long as the source has the router's network, IPv6 refuses it for another interface."""
    there = {route.key: route for route in [*state.routes, *old.routes]}
    steps: list[Step] = []
    late: list[Step] = []
    for route in sorted(new.routes, key=lambda route: bool(route.gateway or route.nexthops)):
        before = there.get(route.key)
        undo = before.line("replace") if before else route.line("del")
        step = ip_step(Phase.SWITCH, f"route {route.dst} through {target}", route.line("replace"), undo)
        # The kernel looks for the router of an IPv6 `onlink` route on any interface, and refuses when it finds it elsewhere.
        is_late = (route.family == 6 and route.onlink) or not before
        (late if is_late and (route.gateway or route.nexthops) else steps).append(step)
    replaced = {route.key for route in new.routes}
    for route in old.routes:
        if route.key not in replaced:
            steps.append(
                ip_step(Phase.SWITCH, f"route {route.dst} through {source} is not declared", route.line("del"), route.line("replace"))
            )
    return steps, late


def _rules(old: Profile, new: Profile, source: str) -> list[Step]:
    steps = [ip_step(Phase.SWITCH, "policy rule follows", rule.line("add"), rule.line("del")) for rule in new.rules]
    return steps + [ip_step(Phase.SWITCH, f"policy rule of {source}", rule.line("del"), rule.line("add")) for rule in old.rules]


def _take_off(old: Profile, source: str) -> list[Step]:
    # Neighbours first: with its last IPv4 address an interface loses them all, the permanent ones too (fib_disable_ip).
    steps = [
        ip_step(Phase.SWITCH, f"neighbour {neighbour.address} off {source}", neighbour.delete_line(source), neighbour.add_line(source))
        for neighbour in old.neighbours
        if neighbour.permanent or neighbour.proxy
    ]
    ordered = [address for address in reversed(old.addresses) if address.family == 4]
    ordered += [address for address in old.addresses if address.family == 6]
    return steps + [
        ip_step(Phase.SWITCH, f"{address.cidr} off {source}", address.delete_line(source), address.add_line(source)) for address in ordered
    ]


def _leftover_prefixes(state: HostState, source: str) -> list[Step]:
    """A second on-link route for a prefix would draw the traffic of the first. With its address it comes back by itself."""
    if source not in state.links:
        return []
    lasting = {prefix for address in state.links[source].addresses if address.valid_lft == FOREVER for prefix in address.prefixes}
    steps = []
    for route in state.routes_through(source):
        if route.family != 6 or route.protocol != "kernel" or route.gateway or route.dst.startswith(("fe80:", "ff00:")):
            continue
        if route.dst in lasting:
            continue
        line = Ip(_delete_prefix(route.dst, source, route.metric), may_fail=True)
        steps.append(Step(Phase.SWITCH, f"prefix route {route.dst} of {source}", (line,)))
    return steps
