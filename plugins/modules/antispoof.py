#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: antispoof
short_description: What guests may send, and nothing else
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Guards the interfaces of guests, bridged or routed, Xen or KVM. A guest under guard sends from its own MAC and addresses only, be it in
    Ethernet, ARP, IPv4, IPv6 or neighbour discovery. It cannot pretend to be a router, a DHCP server or its neighbour, nor take another's
    entry in the tables of the bridge. VLAN tags, LLC and unknown ethertypes are dropped.
  - Guards are kept by the name of the interface, which need not exist yet. They stand before the guest starts, and at every boot before the
    network.
  - All guards share one nftables ruleset, the table C(vnet_guard), in which a packet costs the same for one guard as for thousands. A change
    is one transaction, in which nothing leaks and nothing true is lost.
  - The module br_netfilter is not needed. Where it is on, O(conntrack=bypass) spares the host the tracking of what its guests say to each other.
  - Rules of your own have their place in the chains C(custom_from_guest) and C(custom_to_guest), which are never touched. Files
    C(/etc/hypervisor-vnet/nftables.d/*.nft) are loaded along with ours, and can fill them at boot.
notes:
  - Guards are loaded again when C(nftables.service) is restarted or reloaded. After a C(nft flush ruleset) by hand
    M(hypervisor.vnet.vnet_info) reports RV(hypervisor.vnet.vnet_info#module:guards[].state=UNGUARDED), and the next run repairs it.
  - On a Xen host, a vif without a name of its own (C(vif5.0)) that O(unlisted_ports=drop) closes is opened by the hotplug hook of this collection when a guard
    has its MAC, for what that guard lets pass, and closed again when it goes. The guard's own interface must not be there, and its O(guards[].bridge)
    must be the vif's.
  - A vif does not come up on a Xen host while the ruleset is not loaded.
  - A frame to a link-local group such as LLDP's passes by every filter of a bridge, and its source is learned. Bridges of this collection have
    C(no_linklocal_learn) against that; of others the module warns.
options:
  guards:
    description:
      - The guards, all in one call. With O(state=absent) only their interfaces count.
    type: list
    elements: dict
    default: []
    suboptions:
      interface:
        description:
          - Name of the guest's interface on the host, such as V(vif1.0), a C(vifname), or a tap. With libvirt it is the C(<target dev>).
        type: str
        required: true
      mac:
        description:
          - The guest's MAC. Required with O(state=present).
        type: str
      addresses:
        description:
          - What the guest may send from, single addresses and networks of both families. The link-local address that IPv6 derives from the MAC
            belongs to it.
          - V(none4) or V(none6) blocks a family altogether, V(none) both. A guard without any address is refused.
          - V(auto) alone takes a free address of each family of O(guards[].bridge), which must be one of ours and without an uplink. The guard
            keeps it. RV(assigned) tells it.
        type: list
        elements: str
      bridge:
        description:
          - The bridge that the interface is plugged into, or the name of a network whose bridge it is. The same MAC or address may be used
            again on another one.
        type: str
      dhcp_client:
        description:
          - The guest may ask for a lease, in IPv4 before it has an address.
        type: bool
        default: true
      dhcp_server:
        description:
          - The guest may give leases to others, DHCP and DHCPv6.
        type: bool
        default: false
      router_advertisements:
        description:
          - The guest is an IPv6 router and may say so. Redirects, multicast queries and renumbering come with it.
        type: bool
        default: false
      allowed_pairs:
        description:
          - Addresses that the guest shares with others, as VRRP and keepalived do. They may be in several guards.
        type: list
        elements: dict
        suboptions:
          mac:
            description:
              - The virtual MAC. Without it, the guest's own.
            type: str
          address:
            description:
              - Address or network.
            type: str
            required: true
      mode:
        description:
          - V(observe) counts what V(enforce) would drop, and lets it pass.
        type: str
        choices: [enforce, observe]
        default: enforce
      log:
        description:
          - Log what is refused, ten frames a second at most over all guards, to O(log_group).
        type: bool
        default: false
      routed:
        description:
          - The interface is no port of a bridge, the host routes for it. It is guarded in nftables' families inet and arp as well.
        type: bool
        default: false
      emulated:
        description:
          - Guard the emulated card of a Xen HVM guest as well, whose name has C(-emu) behind it.
        type: bool
        default: false
      allow:
        description:
          - Exceptions from O(guards[].deny).
        type: list
        elements: dict
        suboptions:
          direction:
            description:
              - V(from) the guest or V(to) it.
            type: str
            choices: [from, to]
            required: true
          address:
            description:
              - Address or network of the other side. Any without it.
            type: str
          protocol:
            description:
              - Any without it.
            type: str
            choices: [ah, esp, gre, icmp, icmpv6, sctp, tcp, udp]
          port:
            description:
              - Destination port of V(tcp), V(udp) or V(sctp).
            type: int
      deny:
        description:
          - What the guest may not send or get although its addresses are right. Every packet is judged by itself, so answers need their own rule.
          - ARP, neighbour discovery, multicast reports and DHCP are not concerned.
        type: list
        elements: dict
        suboptions:
          direction:
            description:
              - V(from) the guest or V(to) it.
            type: str
            choices: [from, to]
            required: true
          address:
            description:
              - Address or network of the other side. Any without it.
            type: str
          protocol:
            description:
              - Any without it.
            type: str
            choices: [ah, esp, gre, icmp, icmpv6, sctp, tcp, udp]
          port:
            description:
              - Destination port of V(tcp), V(udp) or V(sctp).
            type: int
  unlisted_ports:
    description:
      - What happens to frames from ports of bridges that have no guard. V(drop) closes those whose names O(match); V(untouched) opens them again.
      - V(keep) leaves it as it is, which is V(untouched) at first. It is one setting for the whole host, whatever the O(owner).
    type: str
    choices: [keep, untouched, drop]
    default: keep
  match:
    description:
      - Beginnings of the names that O(unlisted_ports=drop) is about.
    type: list
    elements: str
    default: [vif*, tap*]
  log_group:
    description:
      - The NFLOG group for O(guards[].log), to be read with C(tcpdump -i nflog:0) or ulogd.
      - It is one setting for the whole host, 0 at first.
    type: int
  conntrack:
    description:
      - Whether the host tracks, as connections, the packets of guarded guests that go from port to port of a bridge. It matters where
        br_netfilter is on (C(net.bridge.bridge-nf-call-iptables)), as Docker and older Xen hosts have it.
      - V(bypass) leaves them out, in both directions, as C(-t raw -j NOTRACK) does. What the host routes, what is meant for the host itself,
        and broadcasts stay tracked. A packet filter with states then sees those packets as C(untracked).
      - V(keep) leaves it as it is, which is V(track) at first. It is one setting for the whole host.
    type: str
    choices: [keep, track, bypass]
    default: keep
  persist:
    description:
      - V(auto) keeps the guards over a reboot, V(none) changes the running kernel only.
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
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
seealso:
  - module: hypervisor.vnet.vnet_info
  - module: hypervisor.vnet.xen_bridge
"""

EXAMPLES = r"""
- name: Two guests, and no port of a guest without a guard
  hypervisor.vnet.antispoof:
    unlisted_ports: drop
    guards:
      - interface: rhel4-0
        mac: "00:16:3e:27:95:c0"
        addresses: [10.0.0.1, "2001:db8::1"]
      - interface: tap7
        mac: "52:54:00:00:00:07"
        addresses: [10.0.0.7, 10.7.0.0/24, none6]

- name: Guests whose packets go from port to port untracked, on a host with br_netfilter
  hypervisor.vnet.antispoof:
    conntrack: bypass
    guards:
      - interface: rhel4-0
        mac: "00:16:3e:27:95:c0"
        addresses: [10.0.0.1]

- name: A router pair with keepalived, which is observed for a while first
  hypervisor.vnet.antispoof:
    owner: routers
    guards:
      - interface: vif3.0
        mac: "00:16:3e:00:00:03"
        addresses: [10.0.0.3]
        router_advertisements: true
        mode: observe
        log: true
        allowed_pairs:
          - mac: "00:00:5e:00:01:07"
            address: 10.0.0.254

- name: No mail except by the relay, and SSH from the management network only
  hypervisor.vnet.antispoof:
    guards:
      - interface: rhel4-0
        mac: "00:16:3e:27:95:c0"
        addresses: [10.0.0.1]
        allow:
          - {direction: from, protocol: tcp, port: 25, address: 10.0.0.25}
          - {direction: to, protocol: tcp, port: 22, address: 10.20.190.0/24}
        deny:
          - {direction: from, protocol: tcp, port: 25}
          - {direction: to, protocol: tcp, port: 22}

- name: These guards and no others of ours
  hypervisor.vnet.antispoof:
    prune: true
    guards:
      - interface: vif1.0
        mac: "00:16:3e:00:00:01"
        addresses: [10.0.0.1]

- name: Take a guard away
  hypervisor.vnet.antispoof:
    state: absent
    guards:
      - interface: vif1.0
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
      add element bridge vnet_guard from_guest { "vif1.0" }
      EOF
assigned:
  description:
    - The addresses of guards that are declared with V(auto), by interface.
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
      sample: guards[1].mac
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: 00:16:3e:27:95:c0 is already guards[0].mac; give each its own, or say with bridge that they are not on the same one
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["antispoof"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
