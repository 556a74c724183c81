#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_nat
short_description: Guests reach the world by the host's address, and the world reaches ports of guests
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Translates the addresses of networks of guests, as Xen's network-nat and libvirt's NAT networks do, and forwards ports of the host to them.
    Such a network is a bridge with an address of the host, which its guests have for their router. M(hypervisor.vnet.xen_bridge) makes one.
  - All networks share one nftables table, C(vnet_nat), in which a new connection costs the same for one forward as for a thousand. A change
    is one transaction; connections that are open and still right go on. Those by a forward, a source address or a network that is gone
    end, if the host has conntrack(8).
  - A forward works for the world, for other networks, for the guest's own neighbours and for the host itself. It is about all addresses of the
    host but loopback and, for guests, the address that their own bridge has, where they find the host's DHCP and DNS.
  - The host forwards IPv4, and IPv6 where it is needed, as long as there is such a network, also after a reboot. What the kernel writes along with
    that keeps its value, and an uplink that lives by router advertisements goes on doing so. Behind the last network it is as it was before.
  - Packets to other networks of this host that this collection manages, whichever module and O(owner) declared them, to multicast groups and broadcasts are
    never translated. O(networks[].no_nat_to) adds to these. Networks are those with routes, of libvirt, and bridges with an address
    and without an uplink, ports or a gateway.
  - Rules of your own have their place in the chains C(custom_prerouting), C(custom_output) and C(custom_postrouting), which come first and
    are never touched. Files C(/etc/hypervisor-vnet/nftables.d/*.nft) are loaded along with ours, and can fill them at boot.
notes:
  - What is not forbidden by other tables of nftables or by iptables passes. The module opens no firewall of others, unless O(coexist=true) says so.
  - The table is loaded again when C(nftables.service) is restarted or reloaded. After a C(nft flush ruleset) by hand
    M(hypervisor.vnet.vnet_info) reports RV(hypervisor.vnet.vnet_info#module:nat[].state=BROKEN), and the next run repairs it.
  - A forward of the port by which the controller reaches the host is refused.
options:
  persist:
    description:
      - V(auto) keeps the networks over a reboot, V(none) changes the running kernel only.
    type: str
    choices: [auto, none]
    default: auto
  state:
    description:
      - V(present) makes what the list declares; V(absent) removes what it names.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - hypervisor.vnet._common
  - hypervisor.vnet._network.nat
  - hypervisor.vnet._coexist
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
seealso:
  - module: hypervisor.vnet.xen_bridge
  - module: hypervisor.vnet.vnet_info
"""

EXAMPLES = r"""
- name: A bridge for guests, with no way out by itself
  hypervisor.vnet.xen_bridge:
    bridges:
      - name: vnat0
        addresses: [10.0.0.254/16]

- name: Its guests reach the world, and the world reaches SSH of one of them
  hypervisor.vnet.vnet_nat:
    networks:
      - name: vnat0
        forwards:
          - {port: 5022, to: 10.0.0.1, to_port: 22}

- name: Services of two guests, one of them for the management network only
  hypervisor.vnet.vnet_nat:
    owner: web
    networks:
      - name: dmz
        sources: [10.98.98.0/24, "2001:db8:98::/64"]
        uplink: eth0
        nat66: true
        no_nat_to: [10.20.0.0/16]
        forwards:
          - {port: 80, to: 10.98.98.10}
          - {port: 80, to: "2001:db8:98::10"}
          - {protocol: both, port: 8000-8010, to: 10.98.98.10, to_port: 9000-9010, listen_address: 192.0.2.7}
          - {port: 3306, to: 10.98.98.11, from: [10.20.190.0/24]}

- name: A guest with an address of its own outside, the others by two more
  hypervisor.vnet.vnet_nat:
    owner: mail
    networks:
      - name: office
        sources: [10.30.0.0/24]
        snat: 192.0.2.20-192.0.2.21
        one_to_one:
          - {address: 192.0.2.10, to: 10.30.0.10}

- name: A guest alone behind its vif, as Xen's vif-nat has it, with 10.0.0.128 for its router
  hypervisor.vnet.vnet_nat:
    owner: xen
    networks:
      - name: xennat
        point_to_point: true
        guests:
          - {interface: vif1.0, addresses: [10.0.0.1]}

- name: On a host with Docker or firewalld, whose filters let them pass
  hypervisor.vnet.vnet_nat:
    owner: lab
    coexist: true
    networks:
      - {name: lab0, sources: [10.40.0.0/24]}

- name: These networks and no others of ours
  hypervisor.vnet.vnet_nat:
    prune: true
    networks:
      - name: vnat0

- name: Take a network away
  hypervisor.vnet.vnet_nat:
    state: absent
    networks:
      - name: vnat0
"""

RETURN = r"""
commands:
  description:
    - What was done, or would be done in check mode, in the words an administrator would have typed.
  returned: success
  type: list
  elements: str
  sample:
    - |
      nft -f - <<'EOF'
      add element inet vnet_nat forward4 { 6 . 5022 : 10.0.0.1 . 22 }
      EOF
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
      sample: networks[0].forwards[1].to
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: 10.9.9.9 is outside 10.0.0.0/16; name an address of a guest in this network
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["vnet_nat"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
