# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: guest_network_config
short_description: The guest's own side of its interfaces
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Renders what has to stand inside a guest, so that it has the addresses that the inventory says.
  - Everything that is wrong is said at once, with its place and its cure.
notes:
  - DNS servers come into effect by C(resolvconf) or C(systemd-resolved) with V(interfaces), and not at all with the kernel's C(ip=) on its own,
    which leaves them in F(/proc/net/pnp).
options:
  _input:
    description:
      - The guest's interfaces, or one of them. Of their options these are taken - C(network), C(mac), C(addresses), C(dhcp4), C(dhcp6), C(accept_ra),
        C(gateway4), C(gateway6), C(dns), C(dns_search), C(mtu), and C(device), the name of the interface in the guest (C(eth0) and so on without it).
      - Without addresses an interface uses DHCP for IPv4, unless C(dhcp4) says otherwise.
    type: list
    elements: dict
    required: true
  format:
    description:
      - V(cloud-init) is version 2 of its network configuration, as NoCloud's F(network-config) has it. Below a key C(network) netplan reads it, too.
      - V(interfaces) is for F(/etc/network/interfaces.d).
      - V(ifcfg) is a file of F(/etc/sysconfig/network-scripts) for each interface.
      - V(kernel) is the C(ip=) of the kernel's command line, for one interface and IPv4.
    type: str
    choices: [cloud-init, interfaces, ifcfg, kernel]
    default: cloud-init
  networks:
    description:
      - The networks, as O(hypervisor.vnet.vnet_host#module:networks) has them. What an interface does not say is taken from its network.
      - That is the prefix length of its addresses, the gateway, C(dns), C(dns_search) and C(mtu).
      - The gateway is the network's C(gateway4) or C(gateway6). Where the host routes, as in the layouts nat, route, brouter and libvirt, it is the
        host's own address in the network. Only the first interface that has one gets it.
    type: list
    elements: dict
    default: []
  hostname:
    description:
      - Name of the guest, for V(kernel).
    type: str
    default: ''
seealso:
  - plugin: hypervisor.vnet.qemu_netdev
    plugin_type: filter
"""

EXAMPLES = r"""
- name: cloud-init's network-config
  ansible.builtin.copy:
    dest: /tmp/network-config
    content: "{{ interfaces | hypervisor.vnet.guest_network_config(networks=vnet_networks) }}"
    mode: "0644"
  vars:
    vnet_networks:
      - {name: vnat0, layout: nat, addresses: [10.0.0.254/16]}
    interfaces:
      - {network: vnat0, name: rhel4-0, mac: "00:16:3e:27:95:c0", addresses: [10.0.0.1], dns: [10.0.0.254]}

- name: Debian's interfaces
  ansible.builtin.debug:
    msg: "{{ [{'addresses': ['192.0.2.7/24', '2001:db8::7/64'], 'gateway4': '192.0.2.1'}] | hypervisor.vnet.guest_network_config('interfaces') }}"

- name: Red Hat's files, one for each interface
  ansible.builtin.debug:
    msg: "{{ item.key }}: {{ item.value }}"
  loop: "{{ interfaces | hypervisor.vnet.guest_network_config('ifcfg') | dict2items }}"
  vars:
    interfaces:
      - {mac: "52:54:00:27:95:c0", addresses: [192.0.2.7/24], gateway4: 192.0.2.1}
      - {mac: "52:54:00:27:95:c1", dhcp4: true}

- name: ip=192.0.2.7::192.0.2.1:255.255.255.0:web1:eth0:off
  ansible.builtin.debug:
    msg: "{{ {'addresses': ['192.0.2.7/24'], 'gateway4': '192.0.2.1'} | hypervisor.vnet.guest_network_config('kernel', hostname='web1') }}"
"""

RETURN = r"""
_value:
  description: The text. For V(ifcfg), a dictionary of texts by the names of their files.
  type: raw
  sample: |
    version: 2
    ethernets:
      eth0:
        match:
          macaddress: 00:16:3e:27:95:c0
        set-name: eth0
        dhcp4: false
        dhcp6: false
        addresses:
        - 10.0.0.1/16
        routes:
        - to: 0.0.0.0/0
          via: 10.0.0.254
        nameservers:
          addresses:
          - 10.0.0.254
"""

import re
import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils.model.problem import Problem, Refused
from ..plugin_utils.guest_network import read_interfaces
from ..plugin_utils.guest_render import FORMATS

_HOSTNAME = re.compile(r"[A-Za-z0-9.-]*")


def guest_network_config(interfaces: t.Any, format: t.Any = "cloud-init", networks: t.Any = None, hostname: t.Any = "") -> t.Any:  # noqa: A002
    """The guest's own side; an error names all problems."""
    records = [interfaces] if isinstance(interfaces, dict) else interfaces
    problems: list[Problem] = []
    if not isinstance(records, list):
        raise AnsibleFilterError(
            "guest_network_config needs a guest's interfaces, as in [{'network': 'xenbr0', 'addresses': ['192.0.2.7/24']}]"
        )
    if format not in FORMATS:
        problems.append(Problem("format", f"{format!r} does not exist; there is: {', '.join(FORMATS)}"))
    if networks is not None and not isinstance(networks, list):
        problems.append(Problem("networks", "is no list of networks; hand over vnet_networks"))
    if not isinstance(hostname, str) or not _HOSTNAME.fullmatch(hostname):
        problems.append(Problem("hostname", f"{hostname!r} is no host name; use letters, digits, '-' and '.' only"))
    found, wrong = read_interfaces(records, networks if isinstance(networks, list) else [], "interfaces")
    problems += wrong
    try:
        if not problems:
            return FORMATS[format](found, hostname)
    except Refused as refused:
        problems += refused.problems
    raise AnsibleFilterError("The guest's network configuration:\n" + "\n".join(str(problem) for problem in problems))


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"guest_network_config": guest_network_config}
