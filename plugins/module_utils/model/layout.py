# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Layouts: rows of defaults for a network, nothing more."""

from __future__ import annotations

import typing as t

LAYOUTS: dict[str, dict[str, t.Any]] = {
    # A switch. Its guests' router and DHCP server are somewhere else.
    "bridge": {"stp": False, "routed": False},
    # Guests share the host's address outside.
    "nat": {"routed": True, "masquerade": True},
    # Guests have addresses that the world knows the way to.
    "route": {"routed": True, "masquerade": False},
    # Guests are bridged to each other, and routed to the world.
    "brouter": {"routed": True, "masquerade": True},
    # libvirt makes the bridge, serves it, and translates.
    "libvirt": {"libvirt": {}},
}
