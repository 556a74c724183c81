# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a plan does to guests that needs consent: what happens, to whom, and for how long."""

from __future__ import annotations

import typing as t

from ..model.applied import AppliedBridge
from ..model.state import BridgeSettings, HostState, Link


def guests_of(bridge: str, own: t.Collection[str], state: HostState) -> tuple[str, ...]:
    """The ports that nobody declared, but for taps that no program holds open: nobody is behind them."""
    return tuple(port for port in state.ports_of(bridge) if port not in own and not is_idle_tap(state.links[port]))


def is_idle_tap(link: Link) -> bool:
    """Is it a tap that no program holds open?"""
    return link.tap is not None and link.up and not link.carrier


def removal(bridge: str, guests: t.Sequence[str]) -> tuple[str, ...]:
    """The bridge goes, and its guests lose their carrier."""
    if not guests:
        return ()
    lose, again = ("loses its", "it is") if len(guests) == 1 else ("lose their", "they are")
    return (f"{', '.join(guests)} {lose} bridge {bridge} until {again} plugged in again",)


def change(link: Link, settings: BridgeSettings, mtu: int, guests: t.Sequence[str]) -> tuple[str, ...]:
    """The bridge ``link`` gets ``settings`` and ``mtu`` (0: it stays)."""
    if not guests or link.bridge is None:
        return ()
    name, who = link.name, ", ".join(guests)
    lines = []
    if settings.stp and not link.bridge.stp:
        lines.append(f"STP blocks every port of {name} for {_listening(settings)}: {who}")
    if settings.vlan_filtering != link.bridge.vlan_filtering:
        lines.append(f"VLAN filtering of {name} changes what its ports may pass, from then on: {who}")
    if mtu and mtu < link.mtu:
        lines.append(f"frames over {mtu} bytes no longer pass {name}, until its mtu is raised again: {who}")
    return tuple(lines)


def replacement(link: Link, before: AppliedBridge, after: AppliedBridge, guests: t.Sequence[str], state: HostState) -> tuple[str, ...]:
    """Guests had a way out by one uplink, and STP makes them wait for the next; without STP it forwards at once."""
    old, new, settings = before.bridge.uplink, after.bridge.uplink, after.bridge.settings
    had = old != new and old in state.links and state.links[old].master == link.name
    # Where STP is only switched on now, all of its ports wait anyway.
    if not (guests and had and new and settings.stp and link.bridge and link.bridge.stp):
        return ()
    return (f"STP blocks {new}, the new uplink of {link.name}, for {_listening(settings)}: {', '.join(guests)}",)


def _listening(settings: BridgeSettings) -> str:
    """Listening, then learning (IEEE 802.1D, 8.4)."""
    return f"about {2 * settings.forward_delay} s"
