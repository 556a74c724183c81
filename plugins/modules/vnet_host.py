#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_host
short_description: All virtual networks of a host, as one document
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Brings the virtual networks of a Xen dom0 or KVM host, and what its guests have of them, to what the inventory declares, all of it in one plan,
    one diff and one transaction.
  - At least one of O(networks), O(guests), O(zones), O(policies) and O(routes) must be given. What is not given stays as it is.
  - This version knows the layouts V(bridge), V(nat), V(route), V(brouter) and V(libvirt), and guests of the toolstacks V(qemu), V(xl), V(xm) and
    V(libvirt). Others are refused by their names.
  - Everything that M(hypervisor.vnet.xen_bridge) says about uplinks, about what is kept over a reboot and about undoing holds here too.
options: {}
extends_documentation_fragment:
  - hypervisor.vnet._network
  - hypervisor.vnet._route.host
  - hypervisor.vnet._zone.host
  - hypervisor.vnet._guest
  - hypervisor.vnet._guest.guards
  - hypervisor.vnet._guest.qemu
  - hypervisor.vnet._guest.xl
  - hypervisor.vnet._bridge.change
  - hypervisor.vnet._common
  - hypervisor.vnet._common.disruption
  - hypervisor.vnet._coexist
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
seealso:
  - module: hypervisor.vnet.xen_bridge
  - module: hypervisor.vnet.kvm_tap
  - module: hypervisor.vnet.antispoof
  - module: hypervisor.vnet.vnet_nat
  - module: hypervisor.vnet.vnet_dhcp
  - module: hypervisor.vnet.vnet_zones
  - module: hypervisor.vnet.libvirt_network
  - plugin: hypervisor.vnet.merge_guests
    plugin_type: filter
  - module: hypervisor.vnet.vnet_info
"""

EXAMPLES = r"""
- name: The two-NIC Xen host, whatever eth0 and eth1 have moves to the bridges
  hypervisor.vnet.vnet_host:
    networks:
      - name: xenbr0
        uplink: eth0
      - name: xenbr1
        uplink: eth1

- name: One network to the world and one that never leaves the host
  hypervisor.vnet.vnet_host:
    networks:
      - name: lan
        layout: bridge
        bridge: xenbr0
        uplink: eth0
      - name: backup
        layout: bridge
        bridge: xenbr1

- name: Guests behind the host's address, one of them reached from outside by a port of the host
  hypervisor.vnet.vnet_host:
    networks:
      - name: vnat0
        layout: nat
        addresses: [10.0.0.254/16]
        forwards:
          - {port: 5022, to: rhel4, to_port: 22}
    guests:
      - name: rhel4
        interfaces:
          - {network: vnat0, name: rhel4-0, mac: "52:54:00:27:95:c0", addresses: [10.0.2.1/16]}

- name: A guest without a bridge, as Xen's vif-nat and vif-route had them, and a way to another network
  hypervisor.vnet.vnet_host:
    networks:
      - name: xennat
        layout: nat
        point_to_point: true
        guests:
          - {interface: vif1.0, addresses: [10.0.0.1]}
      - name: routed
        layout: route
        point_to_point: true
        proxy_arp: true
        uplink: eth0
        guests:
          - {interface: n1, addresses: [192.168.42.190]}
    routes:
      - {name: office, interface: eth0, subnets: [10.20.0.0/16], via: 192.168.42.9}

- name: A network of the host's own, and two guests in it, one with whatever address is free
  hypervisor.vnet.vnet_host:
    networks:
      - name: dmz
        addresses: [10.98.98.1/24]
    guests:
      - name: web
        interfaces:
          - {network: dmz, name: web-0, mac: "52:54:00:27:95:c0", addresses: [10.98.98.2], tap: {owner: libvirt-qemu}}
      - name: cache
        interfaces:
          - {network: dmz, name: cache-0, mac: "52:54:00:27:95:c1", addresses: auto, tap: {owner: libvirt-qemu}}

- name: libvirt's own network, one beside it whose ports lead to guests, and a domain of libvirt in it
  hypervisor.vnet.vnet_host:
    adopt: true
    networks:
      - name: default
        layout: libvirt
        bridge: virbr0
        addresses: [192.168.122.1/24]
        dhcp: {ranges: [192.168.122.2-192.168.122.254]}
      - name: dmz
        layout: libvirt
        routed: true
        bridge: virbr1
        addresses: [10.98.98.1/24]
        dhcp: {ranges: [10.98.98.100-10.98.98.199]}
        forwards:
          - {port: 8080, to: web, to_port: 80}
    guests:
      - name: web
        toolstack: libvirt
        interfaces:
          - {network: dmz, name: web-0, mac: "52:54:00:27:95:c0", addresses: [10.98.98.2], tap: {isolated: true}}

- name: A dom0 whose guests have one bridge and one script for all interfaces of whose files nothing else is said
  hypervisor.vnet.vnet_host:
    networks:
      - {name: xenbr0, uplink: eth0}
    xl_defaults: {bridge: xenbr0, script: vif-bridge}

- name: Only a route, with the networks that are there already left as they are
  hypervisor.vnet.vnet_host:
    routes:
      - {name: office, interface: eth0, subnets: [10.20.0.0/16], via: 192.168.42.9}

- name: These networks, and no others of ours
  hypervisor.vnet.vnet_host:
    prune: true
    networks:
      - name: br0
        uplink: eth0

- name: Nothing of ours at all, every uplink gets back what it had
  hypervisor.vnet.vnet_host:
    prune: true
    allow_empty: true
    networks: []
    guests: []
"""

RETURN = r"""
commands:
  description:
    - What was done, or would be done in check mode, in the words an administrator would have typed.
  returned: success
  type: list
  elements: str
  sample:
    - ip link add name xenbr0 address 52:54:00:12:34:56 type bridge forward_delay 0 no_linklocal_learn 1
disrupts:
  description:
    - What the change disturbs, such as guests that lose their bridge. It needs O(allow_disruption=true).
  returned: success
  type: list
  elements: str
  sample: [vif1.0 loses its bridge xenbr0 until it is plugged in again]
assigned:
  description:
    - The addresses of guests that are declared with V(auto), by interface.
  returned: when there are any
  type: dict
  sample: {cache-0: [10.98.98.77]}
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
        - The O(probes) that were required, each by its name, with what was wrong with it, which is nothing.
      type: dict
      sample: {"gateway4": "", "tcp 10.20.190.1:22": ""}
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
      sample: networks[0].uplink
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: eth7 does not exist on this host; it has eth0, eth1
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["vnet_host"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
