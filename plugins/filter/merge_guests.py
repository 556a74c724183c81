# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: merge_guests
short_description: The guests of one host, from the lists that several variables declare
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Joins lists of guests, so that groups and hosts can each contribute their own. C(vnet_guests) comes first, the others in the order of
    their names.
  - Keeps the guests that may run on O(host). C(hosts) in a guest's record lists these hosts. A guest without it may run on every host that the
    variable is for.
  - Gives an interface without a C(name) that of P(hypervisor.vnet.vif_name#filter). One without a C(mac) gets that of
    P(hypervisor.vnet.mac_from_ip#filter) if it has an IPv4 address, else that of P(hypervisor.vnet.mac_random#filter). A guest with C(hosts) has
    the same MAC address on all of them, also when the list changes, so its name must be the only one in the fleet.
  - Refuses everything that M(hypervisor.vnet.vnet_host) would refuse without looking at the host, all at once, each with the variable that it
    is in.
  - Warns of MAC addresses that belong to a vendor of NICs. A guest's is locally administered (the second digit is 2, 6, a or e), Xen's (00:16:3e), or
    VMware's (00:0c:29, and 00:50:56:00 to 00:50:56:3f).
requirements:
  - netaddr on the controller, if an interface has no C(mac)
options:
  _input:
    description:
      - The lists, by the names of their variables. The records are O(hypervisor.vnet.vnet_host#module:guests), with C(hosts) beside C(name).
    type: dict
    required: true
  host:
    description:
      - Name of the host, which is C(inventory_hostname).
    type: str
    required: true
  networks:
    description:
      - The networks of the host. Interfaces that name one whose bridge has another name then name the bridge.
    type: list
    elements: dict
    default: []
seealso:
  - plugin: hypervisor.vnet.merge_networks
    plugin_type: filter
  - module: hypervisor.vnet.vnet_host
"""

EXAMPLES = r"""
- name: The guests of the group and those of the host
  hypervisor.vnet.vnet_host:
    guests: "{{ {'vnet_guests': vnet_guests, 'dmz_vnet_guests': dmz_vnet_guests} | hypervisor.vnet.merge_guests(inventory_hostname) }}"
  vars:
    vnet_guests:
      - name: web
        hosts: [kvm1, kvm2]
        interfaces:
          - {network: br0, addresses: [10.0.0.1/24]}
    dmz_vnet_guests:
      - name: proxy
        interfaces:
          - {network: br0, mac: "52:54:00:27:95:c0", addresses: [10.0.0.2/24]}
"""

RETURN = r"""
_value:
  description: The guests, as O(hypervisor.vnet.vnet_host#module:guests) takes them.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ..plugin_utils.guests import Guest, merge, warnings
from ..plugin_utils.variables import of_variables

display = Display()


def merge_guests(variables: t.Any, host: t.Any, networks: t.Sequence[t.Mapping[str, t.Any]] = ()) -> list[Guest]:
    """The host's guests; an error names all problems."""
    guests, problems = merge(variables, str(host), networks)
    if problems:
        raise AnsibleFilterError("\n".join(problems))
    for warning in warnings(guests):
        display.warning(warning)
    return guests


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"merge_guests": of_variables(merge_guests)}
