# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: dhcp_hosts
short_description: Static hosts as the text of a DHCP server that you have already
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Writes the hosts that M(hypervisor.vnet.vnet_dhcp) takes as dnsmasq, ISC dhcpd and Kea spell them.
  - Refuses what the module would refuse of them, all at once.
positional: format
options:
  _input:
    description:
      - The hosts, as O(hypervisor.vnet.vnet_dhcp#module:networks[].hosts).
    type: list
    elements: dict
    required: true
  format:
    description:
      - V(dnsmasq) gives lines of C(dhcp-host=).
      - V(isc) gives C(host) declarations for C(dhcpd.conf).
      - V(kea) gives the JSON list that C(reservations) of a subnet is.
    type: str
    choices: [dnsmasq, isc, kea]
    default: dnsmasq
  family:
    description:
      - V(4) for DHCP, V(6) for DHCPv6, where ISC and Kea have a server of its own. Hosts that have only addresses of the other are left out.
      - dnsmasq does both, so V(dnsmasq) gives both whatever this says.
    type: int
    choices: [4, 6]
    default: 4
seealso:
  - module: hypervisor.vnet.vnet_dhcp
"""

EXAMPLES = r"""
- name: Hosts for the dnsmasq of the office
  ansible.builtin.copy:
    content: "{{ hosts | hypervisor.vnet.dhcp_hosts }}"
    dest: /etc/dnsmasq.d/guests.conf
    mode: "0644"
  vars:
    hosts:
      - {mac: "00:16:3e:27:95:c0", addresses: [10.0.0.1, "2001:db8::10"], name: rhel4}

- name: Hosts for ISC's dhcpd, which are included in its dhcpd.conf
  ansible.builtin.copy:
    content: "{{ hosts | hypervisor.vnet.dhcp_hosts('isc') }}"
    dest: /etc/dhcp/guests.conf
    mode: "0644"
  vars:
    hosts:
      - {mac: "00:16:3e:27:95:c0", addresses: [10.0.0.1], name: rhel4}

- name: Reservations for Kea
  ansible.builtin.debug:
    msg: "{{ hosts | hypervisor.vnet.dhcp_hosts('kea', family=6) }}"
  vars:
    hosts:
      - {mac: "00:16:3e:27:95:c0", addresses: ["2001:db8::10"], name: rhel4}
"""

RETURN = r"""
_value:
  description: The text, which ends with a newline.
  type: str
  sample: |
    dhcp-host=00:16:3e:27:95:c0,id:*,10.0.0.1,[2001:db8::10],rhel4
"""

import typing as t

from ansible.errors import AnsibleFilterError


def dhcp_hosts(hosts: t.Any, format: t.Any = "dnsmasq", family: t.Any = 4) -> str:  # noqa: A002
    """The hosts in the words of a DHCP server."""
    # Ansible loads every filter that stands before the one that it looks for, for every task of every host.
    from ..plugin_utils.dhcp_hosts import hosts_text

    try:
        return hosts_text(hosts, format, family)
    except ValueError as error:
        raise AnsibleFilterError(f"dhcp_hosts: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"dhcp_hosts": dhcp_hosts}
