# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kernel's side of one bridge: from what is observed to what is wanted."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields, replace

from ..model.applied import AppliedBridge, UplinkBefore
from ..model.bridge import Bridge
from ..model.profile import Profile, profile_of
from ..model.state import BridgeSettings, HostState, Link
from ..model.step import Action, Ip, Phase, Step, Sysctl, ip_step, sysctl_step
from ..model.view import LinkView, Views, view_of
from .adjust import adjust, as_declared, claimed, parting, withdraw
from .backend import Transfer
from .disrupt import change, guests_of, removal, replacement
from .port import bring_up, is_free, is_port, let_go, plug, restore_link
from .profile import quiet_ipv6, relax_rp_filter, transfer
from .vanished import lost_profile
from .view import present_views, with_profile
from .wanted import declared_profile, returning_profile

# Our names of the attributes, those of ip-link(8), and the factor between our unit and the kernel's.
_ATTRIBUTES = {
    "stp": ("stp_state", 1),
    "forward_delay": ("forward_delay", 100),
    "priority": ("priority", 1),
    "ageing_time": ("ageing_time", 100),
    "multicast_snooping": ("mcast_snooping", 1),
    "vlan_filtering": ("vlan_filtering", 1),
    "no_linklocal_learn": ("no_linklocal_learn", 1),
}
# What a bridge has that was made without saying anything (br_device.c).
_KERNEL = BridgeSettings(forward_delay=15, no_linklocal_learn=False)


@dataclass(frozen=True)
class BridgePlan:
    """What one bridge needs. ``views`` are the touched links before and after, by name."""

    steps: tuple[Step, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    views: Views = field(default_factory=dict)
    disrupts: tuple[str, ...] = ()
    expects: t.Mapping[str, Profile] = field(default_factory=dict)


def plan_present(name: str, before: AppliedBridge | None, after: AppliedBridge, state: HostState) -> BridgePlan:
    """Make the bridge, or bring the one that is there to ``after``."""
    link = state.links.get(name)
    bridge = after.bridge
    steps: list[Step] = []
    transfers: list[Transfer] = []
    there = profile_of(state, name) if link else Profile()
    loses = bool(before and before.bridge.uplink != bridge.uplink and is_port(before.bridge.uplink, name, state))
    if before and loses:
        steps += _give_back(name, before.bridge.uplink, before, state, bridge)
        transfers.append(Transfer(name, before.bridge.uplink, name))
        there = parting(there, before, bridge)[1]
    steps += _make(name, after, state) if link is None else _change(link, after, state)
    if before:
        gone = [port for port in before.bridge.ports if port not in bridge.ports and port != bridge.uplink and is_port(port, name, state)]
        steps += [step for port in gone for step in let_go(port, name, before, state)]
    for port in bridge.ports:
        steps += plug(port, name, state)
    takes = bool(bridge.uplink) and not is_port(bridge.uplink, name, state)
    known = None if loses else before
    left = there
    if takes:
        if known:
            withdrawn, left = withdraw(name, claimed(known), claimed(after), there)
            steps += withdrawn
        moved, switch = _take_uplink(name, after, state)
        steps += switch
        transfers.append(Transfer(bridge.uplink, name, name))
        left = Profile(
            (*left.addresses, *(item for item in moved.addresses if item.cidr not in _cidrs(left))), (*left.routes, *moved.routes)
        )
    elif bridge.declared_profile or before:
        adjusted, left = adjust(name, known, after, there)
        steps += adjusted
    if bridge.mtu and (link is None or link.mtu != bridge.mtu):
        # Again behind the ports: the kernel lowers a bridge to its smallest port as long as nobody set it.
        steps.append(
            ip_step(
                Phase.SETTLE,
                f"mtu of {name}",
                f"link set dev {name} mtu {bridge.mtu}",
                f"link set dev {name} mtu {link.mtu}" if link else "",
            )
        )
    views = present_views(name, before, after, state, left, takes)
    return BridgePlan(tuple(steps), tuple(transfers), views, _disrupts(link, before, after, state), {name: left} if takes else {})


def _cidrs(profile: Profile) -> set[str]:
    return {address.cidr for address in profile.addresses}


def plan_absent(name: str, before: AppliedBridge, state: HostState) -> BridgePlan:
    """Give uplink and ports back what they had; remove the bridge, or leave an adopted one as it was."""
    link = state.links.get(name)
    if before.persist == "foreign":
        return BridgePlan(views={name: (view_of(state, name, before.owner), view_of(state, name))})
    if link is None or link.bridge is None:
        return _vanished(name, before, state)
    if before.adopted is not None:
        return _leave_adopted(link, before, before.adopted, state)
    steps: list[Step] = []
    transfers: list[Transfer] = []
    uplink = before.bridge.uplink
    own = {uplink, *before.bridge.ports}
    views: Views = {name: (view_of(state, name, before.owner, frozenset(own)), None)}
    expects = {}
    if is_port(uplink, name, state) or is_free(uplink, before, state):
        expects[uplink] = returning_profile(name, uplink, before, state)
        steps += _give_back(name, uplink, before, state)
        transfers.append(Transfer(name, uplink, name))
        views[uplink] = _given_back(uplink, expects[uplink], state)
    for port in before.bridge.ports:
        steps += let_go(port, name, before, state)
    steps.append(_remove(link, state, own))
    return BridgePlan(tuple(steps), tuple(transfers), views, removal(name, guests_of(name, own, state)), expects)


def _vanished(name: str, before: AppliedBridge, state: HostState) -> BridgePlan:
    """Somebody else removed the bridge, and with it what its uplink had."""
    uplink = before.bridge.uplink
    views: Views = {name: (view_of(state, name, before.owner), view_of(state, name))}
    steps = [step for port in before.bridge.ports for step in let_go(port, name, before, state)]
    if not is_free(uplink, before, state):
        return BridgePlan(tuple(steps), views=views)
    had, lost = before.links[uplink], lost_profile(uplink, before, state)
    left = Profile(rules=tuple(rule for rule in had.profile.moved(uplink, name).rules if rule in state.rules))
    steps += bring_up(uplink, state) if had.up else []
    steps += _let_ipv6_in(name, uplink, before, state)
    steps += [step for step in transfer(state, left, lost, name, uplink, None, None) if step.do or step.undo]
    steps += [
        ip_step(Phase.SWITCH, f"neighbour {item.address} to {uplink}", item.add_line(uplink), item.delete_line(uplink))
        for item in lost.neighbours
    ]
    steps += restore_link(uplink, before, state)
    there = profile_of(state, uplink)
    all_of_it = replace(there, addresses=(*there.addresses, *lost.addresses), routes=(*there.routes, *lost.routes))
    views[uplink] = _given_back(uplink, all_of_it, state)
    return BridgePlan(tuple(steps), (Transfer(name, uplink, name),), views, expects={uplink: lost})


def _given_back(uplink: str, profile: Profile, state: HostState) -> tuple[LinkView | None, LinkView | None]:
    seen = view_of(state, uplink)
    return seen, with_profile(replace(seen, master=""), profile) if seen else None


def _leave_adopted(link: Link, before: AppliedBridge, settings: BridgeSettings, state: HostState) -> BridgePlan:
    """A bridge that was there before us as it was then. Guests stay plugged."""
    name, uplink = link.name, before.bridge.uplink
    had = before.links.get(name, UplinkBefore(mac=link.mac, mtu=link.mtu))
    was = as_declared(name, had.profile)
    there = profile_of(state, name)
    new = [port for port in (uplink, *before.bridge.ports) if port in before.links and before.links[port].master != name]
    came = [port for port in new if is_port(port, name, state) or is_free(port, before, state)]
    views: Views = {}
    steps: list[Step] = []
    transfers: list[Transfer] = []
    if uplink in came:
        steps += _give_back(name, uplink, before, state, was)
        transfers.append(Transfer(name, uplink, name))
        there = parting(there, before, was)[1]
        views[uplink] = _given_back(uplink, returning_profile(name, uplink, before, state, was), state)
    gone, left = withdraw(name, claimed(before), had.profile, there)
    steps += _settings_steps(link, settings) + (_set_mac(link, had.mac, state) if link.mac != had.mac else []) + gone
    if link.mtu != had.mtu:
        line = f"link set dev {name} mtu"
        steps.append(ip_step(Phase.SETTLE, f"mtu of {name}", f"{line} {had.mtu}", f"{line} {link.mtu}"))
    for port in came:
        steps += let_go(port, name, before, state) if port != uplink else []
    for key, value in had.sysctls if uplink in came else ():
        steps.append(sysctl_step(Phase.SETTLE, f"IPv6 of {name} as it was before", key, value, state.sysctl(key)))
    seen = view_of(state, name, before.owner, frozenset(before.links))
    ports = tuple(port for port in (seen.ports if seen else ()) if port not in came)
    then = replace(seen, owner="", mac=had.mac, mtu=had.mtu, settings=settings, ports=ports) if seen else None
    views[name] = (seen, with_profile(then, left) if then else None)
    disrupts = change(link, settings, had.mtu, guests_of(name, (uplink, *before.bridge.ports), state))
    return BridgePlan(tuple(steps), tuple(transfers), views, disrupts)


def _make(name: str, after: AppliedBridge, state: HostState) -> list[Step]:
    bridge = after.bridge
    words = [f"link add name {name} address {after.mac}"]
    mtu = bridge.mtu or (state.links[bridge.uplink].mtu if bridge.uplink else 0)
    if mtu and mtu != 1500:
        words.append(f"mtu {mtu}")
    words.append("type bridge " + " ".join(_setting_words(_KERNEL, bridge.settings)))
    steps = [ip_step(Phase.LINK, f"bridge {name}", " ".join(words).strip(), f"link del dev {name}")]
    if not bridge.moves_profile:
        # Router advertisements on the bridge are for its guests unless accept_ra says otherwise.
        key = f"net/ipv6/conf/{name}/accept_ra"
        steps.append(Step(Phase.LINK, f"router advertisements on {name}", _sysctls((key, "1" if bridge.accept_ra else "0"))))
        if not bridge.declared_profile:
            steps.append(Step(Phase.LINK, f"{name} has no address of its own", _sysctls((f"net/ipv6/conf/{name}/addr_gen_mode", "1"))))
    if not bridge.uplink:
        steps.append(ip_step(Phase.LINK, f"{name} up", f"link set dev {name} up"))
    return steps


def _sysctls(*pairs: tuple[str, str]) -> tuple[t.Any, ...]:
    return tuple(sysctl_step(Phase.LINK, "", key, value, "").do[0] for key, value in pairs)


def _setting_words(there: BridgeSettings, wanted: BridgeSettings) -> list[str]:
    words = []
    for attribute in fields(BridgeSettings):
        value = getattr(wanted, attribute.name)
        if value != getattr(there, attribute.name):
            word, factor = _ATTRIBUTES[attribute.name]
            words += [word, str(int(value) * factor)]
    return words


def _settings_steps(link: Link, wanted: BridgeSettings) -> list[Step]:
    """One line, but STP first when it goes off and last when it goes on: with STP the kernel refuses short delays."""
    there = link.bridge or _KERNEL
    steps = []
    stages = [replace(there, stp=False), wanted] if there.stp and not wanted.stp else [replace(wanted, stp=there.stp), wanted]
    for stage in stages:
        words = _setting_words(there, stage)
        if words:
            line = f"link set dev {link.name} type bridge"
            undo = " ".join([line, *_setting_words(stage, there)])
            steps.append(ip_step(Phase.LINK, f"settings of {link.name}", " ".join([line, *words]), undo))
        there = stage
    return steps


def _change(link: Link, after: AppliedBridge, state: HostState) -> list[Step]:
    steps = _settings_steps(link, after.bridge.settings)
    if link.mac != after.mac:
        steps += _set_mac(link, after.mac, state)
    if not link.up:
        steps.append(ip_step(Phase.LINK, f"{link.name} up", f"link set dev {link.name} up", f"link set dev {link.name} down"))
    return steps


def _set_mac(link: Link, mac: str, state: HostState) -> list[Step]:
    """With its MAC an interface loses its neighbours, the permanent ones too (neigh_changeaddr)."""
    name = link.name
    kept = tuple(Ip(item.add_line(name)) for item in state.neighbours if item.dev == name and item.permanent)
    change = ip_step(Phase.LINK, f"mac of {name}", f"link set dev {name} address {mac}", f"link set dev {name} address {link.mac}")
    if not kept:
        return [change]
    return [Step(Phase.LINK, f"neighbours of {name}", (), kept), change, Step(Phase.LINK, f"neighbours of {name}", kept)]


def _remove(link: Link, state: HostState, own: t.Collection[str]) -> Step:
    name = link.name
    words = " ".join(_setting_words(_KERNEL, link.bridge or _KERNEL))
    again: list[Action] = [Ip(f"link add name {name} address {link.mac} mtu {link.mtu} type bridge {words}".strip())]
    # Quiet, as it was when it went: what it had before, the undos of earlier steps say.
    values = {"ipv4": {"rp_filter": "0"}, "ipv6": {"accept_ra": "0", "addr_gen_mode": "1"}}
    again += [Sysctl(f"net/{family}/conf/{name}/{key}", value) for family, keys in values.items() for key, value in keys.items()]
    # A tap may go in the same run, and comes back only after its bridge.
    ports = [(port, state.links[port].tap is not None) for port in state.ports_of(name) if port not in own]
    again += [Ip(f"link set dev {port} master {name}", may_fail=is_tap) for port, is_tap in ports]
    again.append(Ip(f"link set dev {name} {'up' if link.up else 'down'}"))
    return Step(Phase.SETTLE, f"remove bridge {name}", (Ip(f"link del dev {name}"),), tuple(again))


def _take_uplink(name: str, after: AppliedBridge, state: HostState) -> tuple[Profile, list[Step]]:
    """The uplink becomes a port, and its profile (or the declared one) stands on the bridge."""
    bridge, uplink = after.bridge, after.bridge.uplink
    old = profile_of(state, uplink)
    new = (old if bridge.moves_profile else declared_profile(bridge, old)).moved(uplink, name)
    relax, restore = relax_rp_filter(state, (uplink, name))
    steps = quiet_ipv6(state, uplink, f"{uplink} becomes a port of {name}") + relax
    steps += _quiet_new_bridge(name, state)
    steps += bring_up(uplink, state)
    steps.append(ip_step(Phase.SWITCH, f"{name} up", f"link set dev {name} up"))
    enslave = ip_step(Phase.SWITCH, f"{uplink} into {name}", f"link set dev {uplink} master {name}", f"link set dev {uplink} nomaster")
    steps += transfer(state, old, new, uplink, name, enslave, None)
    steps += restore
    return new, steps + _ipv6_life(name, uplink, after, state)


def _quiet_new_bridge(name: str, state: HostState) -> list[Step]:
    """Until its profile is there the bridge must not make addresses or take advertisements of its own."""
    if name in state.links:
        return quiet_ipv6(state, name, f"{name} gets its addresses from its uplink")
    base = f"net/ipv6/conf/{name}"
    return [
        Step(Phase.LINK, f"{name} gets its addresses from its uplink", _sysctls((f"{base}/accept_ra", "0"), (f"{base}/addr_gen_mode", "1")))
    ]


def _ipv6_life(name: str, uplink: str, after: AppliedBridge, state: HostState) -> list[Step]:
    """From now on the bridge lives in IPv6 as its uplink did, or as declared."""
    had = dict(after.links[uplink].sysctls) if uplink in after.links else {}
    base, source = f"net/ipv6/conf/{name}", f"net/ipv6/conf/{uplink}"
    if f"{source}/accept_ra" not in had:
        return []
    bridge = after.bridge
    accept = had[f"{source}/accept_ra"] if bridge.moves_profile else ("1" if bridge.accept_ra else "0")
    wanted = {"addr_gen_mode": had[f"{source}/addr_gen_mode"], "accept_ra": accept}
    if bridge.moves_profile and had.get(f"{source}/disable_ipv6") == "1":
        wanted = {"disable_ipv6": "1", **wanted}
    undo = {"disable_ipv6": "0", "addr_gen_mode": "1", "accept_ra": "0"}
    return [sysctl_step(Phase.SETTLE, f"IPv6 of {name}", f"{base}/{key}", value, undo[key]) for key, value in wanted.items()]


def _give_back(name: str, uplink: str, before: AppliedBridge, state: HostState, stays: Bridge | None = None) -> list[Step]:
    """``stays``: the bridge's new declaration when it does not go away with its uplink. Others may have taken the uplink out of it."""
    old = parting(profile_of(state, name), before, stays)[0] if stays else profile_of(state, name)
    new = returning_profile(name, uplink, before, state, stays)
    relax, restore = relax_rp_filter(state, (name, uplink))
    restore = [step for step in restore if f"/{name}/" not in step.do[0].command()]
    steps = [*relax, *_let_ipv6_in(name, uplink, before, state), *_quiet_old_bridge(name, state)]
    steps += bring_up(uplink, state) if uplink in before.links and before.links[uplink].up else []
    out = ip_step(Phase.SWITCH, f"{uplink} out of {name}", f"link set dev {uplink} nomaster", f"link set dev {uplink} master {name}")
    steps += transfer(state, old, new, name, uplink, None, out if is_port(uplink, name, state) else None)
    return steps + restore + restore_link(uplink, before, state)


def _let_ipv6_in(name: str, uplink: str, before: AppliedBridge, state: HostState) -> list[Step]:
    """Managers switch IPv6 off on a bridge port; the addresses that come back need it."""
    key = f"net/ipv6/conf/{uplink}/disable_ipv6"
    had = before.links.get(uplink)
    if state.sysctl(key) != "1" or had is None or (key, "1") in had.sysctls:
        return []
    quiet = quiet_ipv6(state, uplink, f"{uplink} gets its addresses from {name}")
    return [*quiet, sysctl_step(Phase.LINK, f"IPv6 on {uplink}", key, "0", "1")]


def _quiet_old_bridge(name: str, state: HostState) -> list[Step]:
    return quiet_ipv6(state, name, f"{name} goes away")


def _disrupts(link: Link | None, before: AppliedBridge | None, after: AppliedBridge, state: HostState) -> tuple[str, ...]:
    if link is None:
        return ()
    own = {name for item in (before, after) if item for name in (item.bridge.uplink, *item.bridge.ports)}
    guests = guests_of(link.name, own, state)
    lines = change(link, after.bridge.settings, after.bridge.mtu, guests)
    return (*lines, *replacement(link, before, after, guests, state)) if before else lines
