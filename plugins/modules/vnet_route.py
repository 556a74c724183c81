#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_route
short_description: The host routes to guests and networks, also to those whose interfaces come later
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Leads packets to guests that have addresses which the world knows the way to, or for which the host answers there, as Xen's network-route
    and vif-route did. Nothing is translated.
  - With O(routes[].guests), each guest is alone behind its vif or tap. That carries an address of the host, which the guest has for its router, and a
    route leads to each address of the guest. The host answers for the guest on its uplink (proxy ARP, and proxy NDP for IPv6), and for
    everybody else towards the guest. The guest needs no network in common with the host.
  - With O(routes[].subnets), or none of both, a whole network is behind a bridge that has an address in it. M(hypervisor.vnet.xen_bridge) makes one.
  - With O(routes[].via), it is a static route to what is behind another router.
  - An interface gets what it needs whenever it appears, after a reboot, and again when a network manager takes it away. For that
    C(hypervisor-vnet-routes.service) listens to the kernel. Only whoever makes the interface has to bring it up.
  - From an interface with guests the host takes packets only from addresses to which it would answer by it (a strict reverse-path filter, for IPv4
    and IPv6). It forwards only what comes from the declared addresses and goes to them.
  - The host forwards IPv4, and IPv6 where it is needed, as long as there are such routes, also after a reboot. Behind the last one it is as it
    was before.
notes:
  - What other tables of nftables or iptables drop does not pass. The module opens no firewall of others.
  - All routes are C(proto 119). Rules of your own have their place in the chains C(custom_prerouting) and C(custom_forward) of the table
    C(inet vnet_route), which come first and are never touched.
options:
  persist:
    description:
      - V(auto) keeps the routes over a reboot, V(none) changes the running kernel only, and nothing for an interface that comes later.
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
  - hypervisor.vnet._route
  - hypervisor.vnet._coexist
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
seealso:
  - module: hypervisor.vnet.vnet_nat
  - module: hypervisor.vnet.xen_bridge
  - module: hypervisor.vnet.vnet_info
"""

EXAMPLES = r"""
- name: Guests of a Xen host, each with an address of the host's own network, as vif-route has it
  hypervisor.vnet.vnet_route:
    routes:
      - {name: n1, guests: [192.168.42.190, "2001:db8:42::190"], uplink: eth0}
      - {name: vif2.0, guests: [192.168.42.191], uplink: eth0, metric: 2}

- name: A network of its own behind a bridge, to which the world's routers know the way
  hypervisor.vnet.vnet_route:
    routes:
      - name: routed0

- name: A part of the host's own network behind a bridge, for which the host answers
  hypervisor.vnet.vnet_route:
    routes:
      - {name: routed1, subnets: [192.0.2.128/28], proxy_arp: true, uplink: eth0}

- name: A network behind a guest that is a router, and one behind another router of the world
  hypervisor.vnet.vnet_route:
    routes:
      - {name: behind-n1, interface: n1, subnets: [10.50.0.0/16], via: 192.168.42.190}
      - {name: office, interface: eth0, subnets: [10.20.0.0/16], via: 192.0.2.9}

- name: Take one away
  hypervisor.vnet.vnet_route:
    state: absent
    routes:
      - name: n1
"""

RETURN = r"""
commands:
  description:
    - What was done, or would be done in check mode, in the words an administrator would have typed.
  returned: success
  type: list
  elements: str
  sample:
    - ip route replace 192.168.42.190 dev n1 table main proto 119 src 192.168.42.1
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
      sample: routes[0].guests[1]
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: 192.168.42.190 is already at routes[0].guests[0]; it can be in one place only
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["vnet_route"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
