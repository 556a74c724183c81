# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Is there a bridge to plug something into, now or when all is done?"""

from __future__ import annotations

from ..model.applied import Applied
from ..model.problem import Problem
from ..model.state import HostState
from .libvirtbridges import libvirt_bridges


def bridge_problems(bridge: str, plugged: str, state: HostState, applied: Applied, place: str) -> list[Problem]:
    """What is wrong with the bridge that ``place`` names for what is ``plugged`` in, which is a word as in *the tap*."""
    link = state.links.get(bridge)
    if bridge in state.leaving:
        return [Problem(place, f"{bridge} is removed in the same run; leave it there, or plug {plugged} in elsewhere")]
    if bridge in applied.bridges or bridge in libvirt_bridges(applied) or (link and link.bridge is not None):
        return []
    if link:
        kind = "tap" if link.tap else link.kind or "network card"
        return [Problem(place, f"{bridge} is no bridge but a {kind}; name a bridge")]
    there = sorted(name for name, other in state.links.items() if other.bridge is not None)
    have = f"it has {', '.join(there[:12])}" if there else "it has none"
    return [Problem(place, f"there is no bridge {bridge} on this host, {have}; declare it with xen_bridge first")]
