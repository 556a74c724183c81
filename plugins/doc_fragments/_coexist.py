# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option of modules whose networks the filters of others may stop."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragment V(hypervisor.vnet._coexist)."""

    DOCUMENTATION = r"""
options:
  coexist:
    description:
      - Let what is declared here pass the filters of Docker and firewalld, which stop routed packets of guests. What another table stops is told by
        the module's warnings and by RV(hypervisor.vnet.vnet_info#module:blockers[]), and is not touched.
      - With Docker the exemptions stand in a chain C(HYPERVISOR-VNET) behind its users' chain C(DOCKER-USER), and come back whenever Docker or firewalld
        starts.
        Networks without an uplink of their own pass to where the default routes lead.
      - With firewalld 0.9 or newer they are two policies, C(hypervisor-vnet) for what is routed and C(hypervisor-vnet-in) for DHCP and DNS, by the
        subnets of the networks. They come with a reload of firewalld, which is refused while that has settings which are not in its files. There are
        none with O(persist=none).
      - They go with what they are for, and with V(false).
    type: bool
    default: false
"""
