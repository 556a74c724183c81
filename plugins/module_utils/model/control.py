# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The controller's connection, as the host sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ControlPath:
    """Both ends' addresses in canonical spelling, without a scope; the interface that answers leave by, and the router behind it.

    ``gateway`` is empty when the peer is on the link; ``port`` is our end's, 0 when nobody says.
    """

    peer: str
    local: str
    dev: str
    gateway: str = ""
    port: int = 0
