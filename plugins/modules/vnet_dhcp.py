#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_dhcp
short_description: DHCP and DNS for the networks of a host
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Runs one dnsmasq for each network, as the service C(hypervisor-vnet-dhcp@NAME.service). It answers on its bridge only, beside libvirt's,
    the system's own and those of other networks.
  - Name all networks of a host in one call.
  - Hosts and records change while it runs. Whatever else changes is a restart of that one dnsmasq. Leases outlive both, and a reboot.
  - It starts when its bridge appears, also long after the boot, and stops when that goes.
  - The configuration is checked by C(dnsmasq --test) before anything is restarted. A dnsmasq that does not start is undone, and its own words
    are in the error.
requirements:
  - dnsmasq on the host, which is dnsmasq-base on Debian and its kin, and dnsmasq elsewhere
  - systemd
options:
  state:
    description:
      - V(present) makes what the list declares; V(absent) removes what it names, if it is ours.
    type: str
    choices: [present, absent]
    default: present
  persist:
    description:
      - V(auto) brings the service back with its bridge. With V(none) it runs until the bridge goes or the host is rebooted.
    type: str
    choices: [auto, none]
    default: auto
extends_documentation_fragment:
  - hypervisor.vnet._common
  - hypervisor.vnet._network.dhcp
  - hypervisor.vnet._coexist
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
seealso:
  - module: hypervisor.vnet.xen_bridge
  - module: hypervisor.vnet.vnet_info
  - plugin: hypervisor.vnet.dhcp_hosts
    plugin_type: filter
"""

EXAMPLES = r"""
- name: The network that the guests are in
  hypervisor.vnet.xen_bridge:
    bridges:
      - {name: vnat0, addresses: [10.0.0.254/16, "2001:db8:98::1/64"]}

- name: Its guests get addresses and names
  hypervisor.vnet.vnet_dhcp:
    networks:
      - name: vnat0
        ranges: [10.0.2.1-10.0.2.254]
        domain: lab.example
        hosts:
          - {mac: "00:16:3e:27:95:c0", addresses: [10.0.0.1, "2001:db8:98::10"], name: rhel4}
          - {mac: "00:16:3e:27:95:c1", addresses: [10.0.0.2], name: web}

- name: No router, no DNS, an NTP server, and no other network of ours
  hypervisor.vnet.vnet_dhcp:
    prune: true
    networks:
      - name: storage
        bridge: xenbr1
        ranges: [192.168.77.100-192.168.77.200]
        router: none
        dns: false
        options:
          - {name: ntp-server, values: [192.168.77.1]}

- name: It goes, with its leases
  hypervisor.vnet.vnet_dhcp:
    state: absent
    networks:
      - name: storage
"""

RETURN = r"""
commands:
  description:
    - What was done, or would be done in check mode, in the words an administrator would have typed.
  returned: success
  type: list
  elements: str
  sample:
    - write /etc/hypervisor-vnet/dhcp/vnat0.hosts
    - systemctl reload hypervisor-vnet-dhcp@vnat0.service
disrupts:
  description:
    - What the change disturbs on the controller's connection.
  returned: success
  type: list
  elements: str
  sample: []
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
      sample: networks[0].ranges[0]
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: 10.0.0.200-10.0.1.9 holds the host's own address 10.0.0.254; write 10.0.0.200-10.0.0.253 and 10.0.0.255-10.0.1.9
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["vnet_dhcp"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
