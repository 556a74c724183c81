#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libvirt_network
short_description: Networks of libvirt, changed live where libvirt can, and with their guests where it cannot
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Defines, changes, starts, stops and removes networks of libvirt, such as its C(default) on C(virbr0).
  - What is declared is compared with both definitions that libvirt has, the stored one and the one that runs. What libvirt adds by itself is no
    difference, as UUIDs, generated MACs and defaults.
  - Hosts and ranges of DHCP, records of DNS, portgroups and the interfaces of pools change while the network runs, and guests do not notice.
    Everything else needs a restart of the network, which guests notice as a short gap. O(allow_disruption=true) allows that where guests are
    connected; afterwards each of them is plugged in again, with its isolation, its VLANs and its MTU.
  - A network with V(open) for O(networks[].forward.mode) gets its rules from M(hypervisor.vnet.vnet_nat) and M(hypervisor.vnet.vnet_zones), port
    forwards included. libvirt's own rules of V(nat) reject what is forwarded into the network.
  - Networks and guests that are not declared are left alone.
requirements:
  - libvirt with virsh on the host, as Debian's libvirt-daemon-system and libvirt-clients. The monolithic libvirtd will do as well as the modular
    virtnetworkd.
notes:
  - virsh is asked, and not python3-libvirt, which only the distribution's own Python has, whichever one Ansible uses on the host. Nothing is lost by
    it; all networks are read in two calls, and RV(commands) are what was run.
  - Where a network restarts, what is guaranteed to a guest (C(floor) in its own definition) comes back when the guest restarts.
options:
  state:
    description:
      - V(present) makes what the list declares; V(absent) removes what it names, or gives it back as it was when it was adopted.
    type: str
    choices: [present, absent]
    default: present
  adopt:
    description:
      - Take over networks that libvirt has already, as its C(default). O(state=absent) gives them back as they were.
    type: bool
    default: false
extends_documentation_fragment:
  - hypervisor.vnet._libvirt
  - hypervisor.vnet._common
  - hypervisor.vnet._common.disruption
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
seealso:
  - module: hypervisor.vnet.vnet_nat
  - module: hypervisor.vnet.vnet_zones
  - module: hypervisor.vnet.vnet_info
  - name: libvirt's network format
    description: What the elements of O(networks[].xml) mean.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: A network of guests behind NAT
  hypervisor.vnet.libvirt_network:
    networks:
      - name: office
        bridge: virbr10
        stp: false
        domain: {name: office.example, local_only: true}
        addresses:
          - address: 192.168.130.1/24
            ranges: [192.168.130.100-192.168.130.199]
            hosts:
              - {mac: "52:54:00:12:34:56", name: web, address: 192.168.130.10}
          - address: 2001:db8:130::1/64

- name: Switch off the network that libvirt comes with
  hypervisor.vnet.libvirt_network:
    adopt: true
    networks:
      - {name: default, active: false, autostart: false}

- name: Give it back as it was
  hypervisor.vnet.libvirt_network:
    state: absent
    networks:
      - name: default

- name: A network whose firewall is ours, so that ports can be forwarded into it
  hypervisor.vnet.libvirt_network:
    owner: web
    networks:
      - name: web
        bridge: virbr11
        forward: {mode: open}
        addresses:
          - {address: 192.168.131.1/24, ranges: [192.168.131.2-192.168.131.99]}

- name: Guests on a bridge of the host, in two VLANs
  hypervisor.vnet.libvirt_network:
    owner: lan
    networks:
      - name: lan
        bridge: br0
        forward: {mode: bridge}
        portgroups:
          - {name: staff, default: true, vlan: {tags: [10]}}
          - {name: lab, vlan: {tags: [20]}}

- name: A definition from elsewhere
  hypervisor.vnet.libvirt_network:
    owner: legacy
    allow_disruption: true
    networks:
      - name: legacy
        xml: "{{ lookup('ansible.builtin.file', 'legacy.xml') }}"
"""

RETURN = r"""
commands:
  description:
    - What was done, or would be done in check mode, in the words an administrator would have typed.
  returned: success
  type: list
  elements: str
  sample:
    - virsh net-update office add-last ip-dhcp-host '<host ip="192.168.130.11" mac="52:54:00:12:34:57"/>' --live --parent-index 0
disrupts:
  description:
    - What the change disturbs. It needs O(allow_disruption=true).
  returned: success
  type: list
  elements: str
  sample: ["network office is restarted, and these lose it for a moment: vnet0 of web"]
confirmed:
  description:
    - How it was proven over a fresh connection that the host is still reachable. See O(confirm_timeout).
  returned: when the change touched the connection and was confirmed
  type: dict
  contains:
    id:
      description:
        - What the host calls this change, in its journal and its reports.
      type: str
      sample: 6f1c2a9e0b7d4c58a3e4d1f09b2c7a65
    seconds:
      description:
        - Seconds from the answer of the module until the host had taken note of the confirmation.
      type: float
      sample: 0.9
    address:
      description:
        - Where the host was reached.
      type: str
      sample: 10.20.190.2
    probes:
      description:
        - The O(probes) that were required, and passed.
      type: list
      elements: str
      sample: [gateway4, tcp 10.20.190.1:22]
problems:
  description:
    - Everything that is wrong with the input or the host, each with its place. Nothing was touched.
  returned: when the input or the host is refused
  type: list
  elements: dict
  contains:
    path:
      description:
        - Where it is wrong.
      type: str
      sample: networks[0].addresses[0]
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: "192.168.122.0/24 is in use: eth0 has 192.168.122.31/24; take another subnet"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["libvirt_network"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
