# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Options of networks of libvirt."""

from __future__ import annotations

from .argspec import COMMON_OPTIONS, CONFIRM_OPTIONS, Spec
from .argspec_libvirtnet import LIBVIRT_OPTIONS

LIBVIRT_NETWORK_OPTIONS: Spec = {
    "networks": {"type": "list", "elements": "dict", "default": [], "options": LIBVIRT_OPTIONS},
    "adopt": {"type": "bool", "default": False},
    **{name: COMMON_OPTIONS[name] for name in ("state", "prune", "allow_empty", "owner", "allow_disruption")},
    **CONFIRM_OPTIONS,
}
