# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Name resolution of a host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LinkDns:
    """What systemd-resolved asks through one interface."""

    name: str
    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dns:
    """``source`` is ``resolved`` or the path of the file that was read; ``links`` is known to ``resolved`` only."""

    source: str
    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    links: tuple[LinkDns, ...] = ()
