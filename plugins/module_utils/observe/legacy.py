# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Network managers that we recognise only to refuse them by name."""

from __future__ import annotations

from ..host.machine import Machine

_IFCFG_FOLDERS = ("/etc/sysconfig/network", "/etc/sysconfig/network-scripts")


def legacy_claims(machine: Machine, links: frozenset[str]) -> dict[str, str]:
    """Interface -> what configures it and cannot be used: wicked, or an ifcfg file whoever reads it."""
    if machine.entries("/run/wicked") and machine.run(("systemctl", "is-active", "wickedd.service")).out.strip() == "active":
        return dict.fromkeys(links, "wicked")
    claims = {}
    for folder in _IFCFG_FOLDERS:
        for name in machine.entries(folder):
            link = name[len("ifcfg-") :]
            if name.startswith("ifcfg-") and link in links:
                claims[link] = f"the ifcfg file {folder}/{name}"
    return claims
