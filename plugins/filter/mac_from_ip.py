# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: mac_from_ip
short_description: A guest's MAC address from its IPv4 address
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Puts the four bytes of an IPv4 address behind two bytes of prefix. So the address can be read from the MAC, and nothing has to be remembered.
  - Two guests get the same MAC only if they have the same address, which is wrong within one network anyway. In networks that use the same addresses
    and are bridged to each other, take a prefix for each.
requirements:
  - netaddr on the controller
options:
  _input:
    description:
      - IPv4 address of the guest. A prefix length behind it does not matter.
    type: str
    required: true
  prefix:
    description:
      - First two bytes, in quotes, of the locally administered and unicast ones - the second digit is 2, 6, a or e.
      - Docker's containers have V(02:42) and their address, so leave that to them.
    type: str
    default: '02:00'
seealso:
  - plugin: hypervisor.vnet.mac_random
    plugin_type: filter
"""

EXAMPLES = r"""
- name: 02:00:0a:00:00:01
  ansible.builtin.debug:
    msg: "{{ '10.0.0.1' | hypervisor.vnet.mac_from_ip }}"

- name: aa:10:c0:a8:7a:02
  ansible.builtin.debug:
    msg: "{{ '192.168.122.2/24' | hypervisor.vnet.mac_from_ip('aa:10') }}"

- name: Each interface that has an address and no MAC gets one
  ansible.builtin.debug:
    msg: "{{ {'mac': interface.addresses[0] | hypervisor.vnet.mac_from_ip} | combine(interface) }}"
  vars:
    interface: {network: vnat0, name: rhel4-0, addresses: [10.0.0.1]}
"""

RETURN = r"""
_value:
  description: The MAC address, in lower case with colons.
  type: str
  sample: 02:00:0a:00:00:01
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils.mac import from_address, require_netaddr


def mac_from_ip(address: t.Any, prefix: t.Any = "02:00") -> str:
    """The MAC address of the guest that has this address."""
    require_netaddr("mac_from_ip")
    try:
        return from_address(address, prefix)
    except ValueError as error:
        raise AnsibleFilterError(f"mac_from_ip: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"mac_from_ip": mac_from_ip}
