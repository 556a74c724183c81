# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""An interface comes into a bridge, and leaves it as it was before."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.applied import Applied, AppliedBridge
from ..model.guard import Guard
from ..model.state import HostState
from ..model.step import Phase, Step, ip_step, sysctl_step
from ..model.tap import Tap
from .libvirtbridges import libvirt_bridges
from .profile import quiet_ipv6

PluggedItem = t.TypeVar("PluggedItem", Tap, Guard)


def bridge_named(name: str, state: HostState, applied: Applied) -> str:
    """The bridge of this name, else that of the network of this name, else the name itself."""
    link = state.links.get(name)
    if not name or name in applied.bridges or (link and link.bridge is not None):
        return name
    networks = {item.bridge.network: bridge for bridge, item in applied.bridges.items() if item.bridge.network}
    networks.update({network: bridge for bridge, network in libvirt_bridges(applied).items()})
    return networks.get(name, name)


def plugged(items: t.Iterable[PluggedItem], state: HostState, applied: Applied) -> tuple[PluggedItem, ...]:
    """The taps or guards, each with its bridge's own name."""
    named = ((item, bridge_named(item.bridge, state, applied)) for item in items)
    return tuple(item if bridge == item.bridge else replace(item, bridge=bridge) for item, bridge in named)


def is_port(link: str, bridge: str, state: HostState) -> bool:
    return link in state.links and state.links[link].master == bridge


def is_free(link: str, before: AppliedBridge, state: HostState) -> bool:
    """Somebody else took it out of our bridge, and nobody has plugged it anywhere since."""
    there, had = state.links.get(link), before.links.get(link)
    return there is not None and had is not None and not there.master and had.master != before.bridge.name


def bring_up(port: str, state: HostState) -> list[Step]:
    if state.links[port].up:
        return []
    return [ip_step(Phase.LINK, f"{port} up", f"link set dev {port} up", f"link set dev {port} down")]


def plug(port: str, name: str, state: HostState) -> list[Step]:
    if state.links[port].master == name:
        return []
    steps = quiet_ipv6(state, port, f"{port} is a port of {name}") + bring_up(port, state)
    return [*steps, ip_step(Phase.SWITCH, f"{port} into {name}", f"link set dev {port} master {name}", f"link set dev {port} nomaster")]


def let_go(port: str, name: str, before: AppliedBridge, state: HostState) -> list[Step]:
    """Nothing is to do for one that others plugged elsewhere; one that they only took out is as it was before, too."""
    if is_port(port, name, state):
        out = ip_step(Phase.SWITCH, f"{port} out of {name}", f"link set dev {port} nomaster", f"link set dev {port} master {name}")
        return [out, *restore_link(port, before, state)]
    return restore_link(port, before, state) if is_free(port, before, state) else []


def restore_link(port: str, before: AppliedBridge, state: HostState) -> list[Step]:
    """The kernel settings that the interface had before it became a port."""
    had = before.links.get(port)
    if had is None:
        return []
    steps = [
        sysctl_step(Phase.SETTLE, f"{port} as it was before", key, value, state.sysctl(key))
        for key, value in had.sysctls
        if key in state.sysctls and state.sysctl(key) != value
    ]
    kept = {address.cidr for address in had.profile.addresses}
    others = [address for address in state.links[port].addresses if not address.is_link_local and address.cidr not in kept]
    if not had.up and state.links[port].up and not others:
        steps.append(ip_step(Phase.SETTLE, f"{port} was down before", f"link set dev {port} down", f"link set dev {port} up"))
    return steps
