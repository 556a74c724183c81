# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: xen_legacy
short_description: What Xen's old files say, as networks and guests of the inventory
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Reads C(xend-config.sxp), the scripts that it names, C(xl.conf) and guests' files, and says what networks and guests they make.
  - Scripts are not run, and neither are guests' files, which xm takes as Python. Of a script of your own, the calls of C(network-bridge),
    C(network-route), C(network-nat) and C(network-virtual) are read. Each line that is something else is named in a comment.
  - Everything that has no equivalent is named in a comment, and so is what had to be assumed. Look through them.
  - C(network-bridge) is a network of the layout V(bridge), C(network-virtual) of V(brouter). C(vif-nat) and C(vif-route) are networks of the layouts
    V(nat) and V(route) with C(point_to_point).
  - Guests keep their MAC addresses, the names of their interfaces and their addresses. A guest without C(antispoof=yes) is not guarded.
  - P(hypervisor.vnet.xend_config#filter) is the way back.
options:
  _input:
    description:
      - Texts of the files of one host, by their paths. Files in a folder C(scripts) are scripts, C(xend-config.sxp) and C(xl.conf) are
        known by their names, and all others are guests'.
    type: dict
    required: true
seealso:
  - plugin: hypervisor.vnet.xend_config
    plugin_type: filter
  - module: hypervisor.vnet.vnet_host
"""

EXAMPLES = r"""
- name: What a guest's file says
  ansible.builtin.debug:
    msg: "{{ (files | hypervisor.vnet.xen_legacy).vnet_guests }}"
  vars:
    files:
      /etc/xen/rhel4.cfg: |
        name = "rhel4"
        vif = [ "mac=00:16:3e:27:95:c0,ip=10.0.0.1,bridge=xenbr0" ]

- name: Variables of a host from its own files (the playbook hypervisor.vnet.adopt does it for a whole fleet)
  ansible.builtin.copy:
    content: "{{ (files | hypervisor.vnet.xen_legacy).yaml }}"
    dest: host_vars/xen1.yml
    mode: "0644"
  vars:
    files:
      /etc/xen/xend-config.sxp: |
        (network-script 'network-bridge netdev=eth1 bridge=xenbr1 antispoof=yes')
        (vif-script vif-bridge)
      /etc/xen/web: |
        name = 'web'
        vif = [ 'mac=00:16:3e:00:00:01,ip=192.0.2.10,vifname=web' ]
"""

RETURN = r"""
_value:
  description: What the files say.
  type: dict
  contains:
    vnet_networks:
      description: The networks, as M(hypervisor.vnet.vnet_host) takes them.
      type: list
      elements: dict
      sample: [{name: xenbr1, layout: bridge, uplink: eth1}]
    vnet_guests:
      description: The guests.
      type: list
      elements: dict
      sample: [{name: web, toolstack: xm, interfaces: [{network: xenbr1, name: web, mac: "00:16:3e:00:00:01", addresses: [192.0.2.10]}]}]
    comments:
      description: What has no equivalent, what was assumed, and what could not be read.
      type: list
      elements: str
      sample: ["From /etc/xen/web."]
    yaml:
      description: All of it as a file of variables, each comment above what it belongs to.
      type: str
      sample: "vnet_networks: []"
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils.xen_legacy import adopted


def xen_legacy(files: t.Any) -> dict[str, t.Any]:
    """Networks and guests of a host's files."""
    if not isinstance(files, dict) or not all(isinstance(text, str) for pair in files.items() for text in pair):
        raise AnsibleFilterError(
            "xen_legacy: the input is no dictionary of texts by their paths; write it as in {'/etc/xen/web.cfg': text}"
        )
    return adopted(files)


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"xen_legacy": xen_legacy}
