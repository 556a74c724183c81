# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a host has now, as far as our kinds need to know it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .address import Address
from .control import ControlPath
from .route import Neighbour, Route, Rule


@dataclass(frozen=True)
class BridgeSettings:
    """The bridge attributes that we keep. Times in seconds."""

    stp: bool = False
    forward_delay: int = 0
    priority: int = 32768
    ageing_time: int = 300
    multicast_snooping: bool = True
    vlan_filtering: bool = False
    no_linklocal_learn: bool = True


@dataclass(frozen=True)
class TapDevice:
    """What the kernel keeps of a tap. ``user`` and ``group`` as ip(8) shows them: a name, or a number that has none."""

    persistent: bool = True
    multi_queue: bool = False
    vnet_hdr: bool = False
    user: str = ""
    group: str = ""


@dataclass(frozen=True)
class Link:
    """One interface. ``bridge`` is set when it is one; ``lower`` is the interface it stands on (VLAN, macvlan).

    ``tap`` is set when it is one; ``isolated`` of a bridge port; ``group`` is the link group, a number or a name of iproute2.
    ``default_pvid``: the VLAN that a bridge gives to a new port, 0 for none.
    ``topology_change``: STP has seen one, and the kernel shows twice the forward delay as ageing time until it is over.
    """

    name: str
    index: int
    kind: str = ""
    type: str = "ether"
    mac: str = ""
    mtu: int = 1500
    up: bool = False
    carrier: bool = False
    master: str = ""
    lower: str = ""
    bridge: BridgeSettings | None = None
    addresses: tuple[Address, ...] = ()
    token: str = ""
    topology_change: bool = False
    tap: TapDevice | None = None
    isolated: bool = False
    group: str = ""
    default_pvid: int = 1


@dataclass(frozen=True)
class FileState:
    """A file's text (surrogateescape for what is not UTF-8) and who may read it."""

    content: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class HostState:
    """One observation of one host. ``managers`` holds the facts of each persistence back end by its name.

    ``kinds`` what a kind of the document needs to know besides, by the kind's name. ``control`` is None when nothing came
    over the network to start us. ``leaving`` are links that kinds before the one in question remove.
    """

    links: t.Mapping[str, Link]
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    sysctls: t.Mapping[str, str] = field(default_factory=dict)
    files: t.Mapping[str, FileState] = field(default_factory=dict)
    managers: t.Mapping[str, t.Any] = field(default_factory=dict)
    wireless: frozenset[str] = frozenset()
    root_links: t.Mapping[str, str] = field(default_factory=dict)
    machine_id: str = ""
    control: ControlPath | None = None
    kinds: t.Mapping[str, t.Any] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()

    def ports_of(self, bridge: str) -> tuple[str, ...]:
        return tuple(sorted(link.name for link in self.links.values() if link.master == bridge))

    def routes_through(self, dev: str) -> tuple[Route, ...]:
        return tuple(route for route in self.routes if route.leads_through(dev))

    def sysctl(self, key: str, default: str = "0") -> str:
        return self.sysctls.get(key, default)
