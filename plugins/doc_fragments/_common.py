# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that change a host, and of those among them that can disturb guests."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments V(hypervisor.vnet._common) and V(hypervisor.vnet._common.disruption)."""

    DOCUMENTATION = r"""
options:
  prune:
    description:
      - Remove what was declared under the same O(owner) before and is not in the list any more.
    type: bool
    default: false
  allow_empty:
    description:
      - Say that O(prune=true) with an empty list is meant, which removes everything of this O(owner).
    type: bool
    default: false
  owner:
    description:
      - Label under which the objects are declared. O(prune) acts inside one label only, and one label cannot change the objects of another.
    type: str
    default: site
"""

    DISRUPTION = r"""
options:
  allow_disruption:
    description:
      - Allow changes that RV(disrupts) names.
    type: bool
    default: false
"""
