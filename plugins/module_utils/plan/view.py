# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What people are told that a plan does to the links it touches."""

from __future__ import annotations

from dataclasses import replace

from ..model.applied import AppliedBridge
from ..model.profile import Profile
from ..model.state import HostState
from ..model.view import LinkView, Views, view_of
from .wanted import returning_profile


def with_profile(view: LinkView, profile: Profile) -> LinkView:
    """The view once ``profile`` stands on the link."""
    return replace(
        view,
        addresses=tuple(address.cidr for address in profile.addresses if not address.is_link_local),
        routes=tuple(sorted({route.describe() for route in profile.routes if route.protocol != "kernel"})),
    )


def present_views(name: str, before: AppliedBridge | None, after: AppliedBridge, state: HostState, left: Profile, takes: bool) -> Views:
    """The bridge and its ports before and after. ``left``: what stands on the bridge in the end; it ``takes`` its uplink's profile."""
    bridge = after.bridge
    own = frozenset({bridge.uplink, *bridge.ports} - {""})
    was_own = own | (frozenset({before.bridge.uplink, *before.bridge.ports}) if before else frozenset())
    seen = view_of(state, name, before.owner if before else "", was_own)
    mtu = bridge.mtu or (seen.mtu if seen else (state.links[bridge.uplink].mtu if bridge.uplink else 1500))
    start = seen or LinkView(name)
    then = replace(
        start,
        kind="bridge",
        owner=after.owner,
        mac=after.mac,
        mtu=mtu,
        up=True,
        settings=bridge.settings,
        ports=tuple(sorted(own)),
        master=start.master,
    )
    then = with_profile(then, left)
    views: Views = {name: (seen, then)}
    for port in sorted(own):
        link = view_of(state, port)
        if link:
            bare = replace(link, addresses=(), routes=()) if port == bridge.uplink and takes else link
            views[port] = (link, replace(bare, master=name, up=True))
    for port in sorted(was_own - own):
        link = view_of(state, port)
        if link and link.master == name and before:
            given = with_profile(link, returning_profile(name, port, before, state, bridge)) if port == before.bridge.uplink else link
            views[port] = (link, replace(given, master=""))
    return views
