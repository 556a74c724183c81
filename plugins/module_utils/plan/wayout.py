# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""By which interface the host reaches the world, and as whom."""

from __future__ import annotations

from ..model.applied import Applied
from ..model.state import HostState


def leads_by(name: str, applied: Applied, state: HostState) -> str:
    """Packets leave by the bridge that the interface is a port of."""
    for bridge, item in applied.bridges.items():
        if name and name in (item.bridge.uplink, *item.bridge.ports):
            return bridge
    link = state.links.get(name)
    master = state.links.get(link.master) if link else None
    return master.name if master and master.bridge is not None else name


def way_out(name: str, applied: Applied, state: HostState) -> str:
    """The interface ``name``, or else that of the default route, IPv4's first; empty where there is none."""
    ways = [route for route in state.routes if route.dst == "default" and route.table == "main" and route.dev]
    best = min(ways, key=lambda route: (route.family, route.metric), default=None)
    return leads_by(name or (best.dev if best else ""), applied, state)


def host_addresses(uplink: str, applied: Applied, state: HostState) -> dict[int, str]:
    """Family -> the first lasting address that the host has there, or will have."""
    ours = applied.bridges.get(uplink)
    texts = list(ours.bridge.addresses) if ours else []
    names = [uplink, *([ours.bridge.uplink] if ours else [])]
    links = [state.links[name] for name in names if name in state.links]
    # What is deprecated is on its way out.
    texts += [address.cidr for link in links for address in link.addresses if address.scope == "global" and address.preferred_lft]
    found: dict[int, str] = {}
    for text in texts:
        found.setdefault(6 if ":" in text else 4, text.split("/")[0])
    return found
