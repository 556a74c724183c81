# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: xend_config
short_description: Networks as the two lines of xend-config.sxp
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - For hosts that still run xend and whose networks xend shall make. Writes the lines C(network-script) and C(vif-script).
  - Where one call is not enough, the line names a script that has to be put beside Xen's own.
  - xend has one C(vif-script) for all vifs, so networks of one host are all bridged (V(bridge), V(brouter)), or one of V(nat) or V(route).
  - Where this collection makes the networks, xend shall make none. Then C(network-script) is C(/bin/true).
options:
  _input:
    description:
      - The networks, as P(hypervisor.vnet.merge_networks#filter) returns them.
    type: list
    elements: dict
    required: true
  antispoof:
    description:
      - Whether C(network-bridge) shall drop what guests send from addresses other than their own. It empties the chain FORWARD for that.
    type: bool
    default: false
seealso:
  - plugin: hypervisor.vnet.xen_legacy
    plugin_type: filter
"""

EXAMPLES = r"""
- name: xend makes the networks of this host
  ansible.builtin.debug:
    msg: "{{ (networks | hypervisor.vnet.xend_config(antispoof=true)).lines }}"
  vars:
    networks:
      - {name: xenbr1, layout: bridge, uplink: eth1}

- name: The script for two bridges
  ansible.builtin.copy:
    content: "{{ (networks | hypervisor.vnet.xend_config).wrapper }}"
    dest: /etc/xen/scripts/network-hypervisor-vnet
    mode: "0755"
  vars:
    networks:
      - {name: xenbr0, uplink: eth0}
      - {name: xenbr1}
"""

RETURN = r"""
_value:
  description: What xend needs.
  type: dict
  contains:
    lines:
      description: The two lines.
      type: str
      sample: |
        (network-script 'network-bridge netdev=eth1 bridge=xenbr1 antispoof=yes')
        (vif-script vif-bridge)
    wrapper:
      description: The script C(network-hypervisor-vnet), or nothing if none is needed.
      type: str
      sample: ""
    comments:
      description: What of the networks xend's scripts do not know.
      type: list
      elements: str
      sample: ["vnat0: xend's scripts know no dhcp"]
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils.xend_lines import xend_lines


def xend_config(networks: t.Any, antispoof: t.Any = False) -> dict[str, t.Any]:
    """The two lines of xend-config.sxp."""
    if not isinstance(networks, list) or not all(isinstance(network, dict) for network in networks):
        raise AnsibleFilterError("xend_config: the input is no list of networks; write it as in [{name: xenbr0, uplink: eth0}]")
    try:
        return xend_lines(networks, boolean(antispoof))
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"xend_config: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"xend_config": xend_config}
