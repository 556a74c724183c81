# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""One object as people see it, before and after a plan: the stuff of diffs, facts and reports."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .rate import Rate
from .state import BridgeSettings, HostState, TapDevice
from .vlan import Vlans


@dataclass(frozen=True)
class LinkView:
    """``ports`` are the declared ones only: guests come and go. Addresses and routes without lifetimes and link-local ones."""

    name: str
    kind: str = ""
    owner: str = ""
    mac: str = ""
    mtu: int = 0
    up: bool = False
    master: str = ""
    settings: BridgeSettings | None = None
    ports: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    tap: TapDevice | None = None
    isolated: bool = False
    rate: Rate = field(default_factory=Rate)
    vlans: Vlans = ()


# The touched links by name, each before and after; None where it is not there.
Views = dict[str, tuple[t.Optional[LinkView], t.Optional[LinkView]]]


def view_of(state: HostState, name: str, owner: str = "", ports: frozenset[str] = frozenset()) -> LinkView | None:
    """The link as observed, None when it is not there."""
    link = state.links.get(name)
    if link is None:
        return None
    return LinkView(
        name=name,
        kind="tap" if link.tap else link.kind or "link",
        owner=owner,
        mac=link.mac,
        mtu=link.mtu,
        up=link.up,
        master=link.master,
        settings=link.bridge,
        tap=link.tap,
        isolated=link.isolated,
        ports=tuple(port for port in state.ports_of(name) if port in ports) if ports else (),
        addresses=tuple(address.cidr for address in link.addresses if not address.is_link_local),
        routes=tuple(sorted({route.describe() for route in state.routes_through(name) if route.protocol != "kernel"})),
    )
