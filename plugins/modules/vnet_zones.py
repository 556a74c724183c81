#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_zones
short_description: Which network may begin a connection to which other, and to the host
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Puts networks of guests and uplinks into zones such as V(dmz), V(hosting) or V(world). Between zones nothing passes but what a policy allows,
    its answers, and what a port forward leads to a guest. Inside a zone everything passes. It holds for IPv4 and IPv6 alike.
  - What comes from or goes to an interface without a zone is untouched, and so is what a bridge carries between its own guests.
  - The host itself is the zone V(host). It is filtered only for those zones from which there is a policy to V(host); then neighbour discovery
    passes besides, DHCP and DNS from the networks of the zone, and answers to what the host has asked. What the host sends is not filtered.
  - All zones share one nftables table, C(vnet_zones), in which a packet costs the same for two zones as for hundreds. A change is one
    transaction; connections that are open go on.
  - Rules of your own have their place in the chains C(custom_forward) and C(custom_input), which are asked before the policies about each
    packet that begins a connection, and are never touched. Files C(/etc/hypervisor-vnet/nftables.d/*.nft) are loaded along with ours, and can fill
    them at boot.
  - A policy that would shut out the controller is refused.
notes:
  - A packet has to pass every table. Where that of another program stops what a policy allows, the module warns and names it, and so does
    M(hypervisor.vnet.vnet_info).
  - The table is loaded again when C(nftables.service) is restarted or reloaded. After a C(nft flush ruleset) by hand
    M(hypervisor.vnet.vnet_info) reports RV(hypervisor.vnet.vnet_info#module:zones[].state=BROKEN), and the next run repairs it.
options:
  persist:
    description:
      - V(auto) keeps zones and policies over a reboot, V(none) changes the running kernel only.
    type: str
    choices: [auto, none]
    default: auto
  state:
    description:
      - V(present) makes what the lists declare; V(absent) removes what they name.
    type: str
    choices: [present, absent]
    default: present
  prune:
    description:
      - Remove what was declared under the same O(owner) before and is not in the lists any more.
    type: bool
    default: false
  allow_empty:
    description:
      - Say that O(prune=true) with empty O(zones) is meant, which removes everything of this O(owner).
    type: bool
    default: false
  owner:
    description:
      - Label under which zones and policies are declared. O(prune) acts inside one label only, and one label cannot change those of another.
    type: str
    default: site
extends_documentation_fragment:
  - hypervisor.vnet._zone
  - hypervisor.vnet._coexist
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
seealso:
  - module: hypervisor.vnet.vnet_nat
  - module: hypervisor.vnet.vnet_info
"""

EXAMPLES = r"""
- name: Guests of the DMZ reach the world, and the world reaches the web server that is forwarded to
  hypervisor.vnet.vnet_zones:
    zones:
      - {name: dmz, networks: [dmz]}
      - {name: world, interfaces: [eth0]}
    policies:
      - {from: dmz, to: world, allow: [any]}

- name: Three networks that see of each other what they need
  hypervisor.vnet.vnet_zones:
    owner: hosting
    zones:
      - {name: hosting, networks: [vnat0, vnat1]}
      - {name: data, networks: [data0]}
      - {name: office, interfaces: [eth1]}
    policies:
      - {from: hosting, to: data, allow: [tcp/3306, tcp/5432]}
      - {from: hosting, to: office, allow: [tcp/443, udp/53, icmp]}
      - {from: office, to: hosting, allow: [tcp/22, tcp/8000-8010, icmp], log: true}

- name: Guests reach nothing of the host but DHCP and DNS, the office reaches SSH
  hypervisor.vnet.vnet_zones:
    owner: hosting
    policies:
      - {from: hosting, to: host}
      - {from: office, to: host, allow: [tcp/22, icmp]}

- name: Take zones away, with the policies that name them
  hypervisor.vnet.vnet_zones:
    state: absent
    zones:
      - name: dmz
      - name: world
    policies:
      - {from: dmz, to: world}
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
      add element inet vnet_zones ports_dmz_to_world { 6 . 443 }
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
      sample: policies[1].to
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: wrld is no zone of this host; declare it, or take one of dmz, world, host
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["vnet_zones"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
