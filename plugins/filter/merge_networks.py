# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: merge_networks
short_description: Join the lists of networks that several variables declare
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Joins lists of networks, so that groups and hosts can each contribute their own. C(vnet_networks) comes first, the others in the order of
    their names.
  - Refuses everything that M(hypervisor.vnet.vnet_host) would refuse without looking at the host, all at once, each with the variable that it
    is in. Among it are a value that is no list, and a network that two variables declare.
options:
  _input:
    description:
      - The lists, by the names of their variables.
    type: dict
    required: true
seealso:
  - plugin: hypervisor.vnet.network_problems
    plugin_type: filter
  - module: hypervisor.vnet.vnet_host
"""

EXAMPLES = r"""
- name: The networks of the group and those of the host
  hypervisor.vnet.vnet_host:
    networks: "{{ {'vnet_networks': vnet_networks, 'dmz_vnet_networks': dmz_vnet_networks} | hypervisor.vnet.merge_networks }}"
  vars:
    vnet_networks:
      - {name: xenbr0, uplink: eth0}
    dmz_vnet_networks:
      - {name: xenbr1, uplink: eth1}
"""

RETURN = r"""
_value:
  description: The networks, as O(hypervisor.vnet.vnet_host#module:networks) takes them.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils.networks import Network, merge
from ..plugin_utils.variables import of_variables


def merge_networks(variables: t.Any) -> list[Network]:
    """The joined list; an error names all problems."""
    networks, problems = merge(variables)
    if problems:
        raise AnsibleFilterError("\n".join(problems))
    return networks


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"merge_networks": of_variables(merge_networks)}
