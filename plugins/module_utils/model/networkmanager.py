# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What NetworkManager has and does, as far as we need to know it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .state import FileState

LEASES = "/var/lib/NetworkManager"


@dataclass(frozen=True)
class Device:
    """One interface as NetworkManager sees it. ``state`` in nmcli's words."""

    type: str
    state: str
    uuid: str = ""

    @property
    def is_configured(self) -> bool:
        """NetworkManager itself configures it now; "(externally)" means that it only watches."""
        return self.state.startswith(("connected", "connecting", "deactivating")) and "externally" not in self.state


@dataclass(frozen=True)
class Connection:
    """One profile. ``device`` is set while it is active; ``parents``: what it names as its master or VLAN parent."""

    uuid: str
    type: str
    device: str = ""
    state: str = ""
    autoconnect: bool = True
    priority: int = 0
    path: str = ""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """``texts``: link -> keyfile text of its active profile; ``dhcp``: link -> options of its leases; ``slaac``: link -> addresses
    made from router advertisements; ``leases``: path -> lease file."""

    running: bool = False
    devices: t.Mapping[str, Device] = field(default_factory=dict)
    connections: t.Mapping[str, Connection] = field(default_factory=dict)
    texts: t.Mapping[str, str] = field(default_factory=dict)
    dhcp: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)
    slaac: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leases: t.Mapping[str, FileState] = field(default_factory=dict)
