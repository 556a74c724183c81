# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What systemd-networkd configures on a host, and from which files."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

SERVICE = "systemd-networkd.service"
RUNTIME = "/run/systemd/network"
# The drop-in that makes networkd keep what it finds; it sorts behind those of the user.
KEEP = "zz-hypervisor-vnet.conf"


@dataclass(frozen=True)
class NetworkFile:
    """A ``.network`` file of the host's own: ``text`` holds its drop-ins too, in networkd's order."""

    path: str
    text: str


@dataclass(frozen=True)
class Facts:
    """``links``: the file (base name) that configures each interface, by index; ``names``: index of the interfaces asked for.

    ``stray``: those of them with addresses that no file of networkd makes. ``kept``: files that have our run-time drop-in.
    """

    active: bool = False
    sockets: tuple[str, ...] = ()
    files: t.Mapping[str, NetworkFile] = field(default_factory=dict)
    links: t.Mapping[int, str] = field(default_factory=dict)
    names: t.Mapping[str, int] = field(default_factory=dict)
    iaid4: t.Mapping[str, str] = field(default_factory=dict)
    iaid6: t.Mapping[str, str] = field(default_factory=dict)
    stray: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()

    def file_of(self, link: str) -> str:
        return self.links.get(self.names.get(link, 0), "")
