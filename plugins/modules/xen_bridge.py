#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: xen_bridge
short_description: Linux bridges of Xen and KVM hosts
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Makes, changes and removes the bridges that guests are plugged into. It serves Xen dom0s and KVM hosts alike, whatever its name says.
  - The NIC that the host itself is reached by can become the uplink of a bridge. Its addresses, routes, rules, neighbours, DNS servers and
    leases move to the bridge, while SSH sessions through it go on.
  - The configuration is kept over a reboot by the network manager that the host has, systemd-networkd, ifupdown or NetworkManager.
  - Every step is written to a journal with what undoes it before it is done. A change that fails is undone, and a run that was killed is
    undone by the next.
options: {}
extends_documentation_fragment:
  - hypervisor.vnet._bridge
  - hypervisor.vnet._bridge.change
  - hypervisor.vnet._common
  - hypervisor.vnet._common.disruption
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
"""

EXAMPLES = r"""
- name: A bridge over the NIC that the host is reached by, and one for guests only
  hypervisor.vnet.xen_bridge:
    bridges:
      - name: xenbr0
        uplink: eth0
      - name: xenbr1

- name: A bridge with an address of its own and STP
  hypervisor.vnet.xen_bridge:
    bridges:
      - name: br0
        uplink: ens1f0
        addresses: [10.20.190.2/24]
        gateway4: 10.20.190.1
        dns: [8.8.8.8]
        stp: true

- name: Keep the change only if the host still reaches its DNS server and its storage
  hypervisor.vnet.xen_bridge:
    confirm_timeout: 60
    probes:
      dns: [example.org]
      tcp: ["10.20.190.5:3260"]
    bridges:
      - name: xenbr0
        uplink: eth0

- name: These bridges and no others of ours
  hypervisor.vnet.xen_bridge:
    prune: true
    bridges:
      - name: xenbr0
        uplink: eth0

- name: Give eth0 back what it had
  hypervisor.vnet.xen_bridge:
    state: absent
    bridges:
      - name: xenbr0
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
      sample: bridges[0].uplink
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: eth7 does not exist on this host; it has eth0, eth1
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["xen_bridge"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
