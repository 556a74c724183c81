#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kvm_tap
short_description: Taps of KVM guests
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Makes, changes and removes persistent taps, the host's ends of KVM guests' interfaces, and plugs them into bridges. QEMU then runs as an
    ordinary user, with C(-netdev tap,ifname=NAME,script=no,downscript=no).
  - Name all taps of a host in one call. A thousand are made at the speed of C(ip -batch), and removed together in less than a second.
  - What the kernel can change while a guest runs is changed so, which is bridge, MAC address, MTU, isolation, rate, VLANs, and up or down. A new user, group
    or number of queues needs a new tap.
  - A tap that a running program holds open is not removed, made anew, unplugged or lowered without O(allow_disruption=true).
  - The taps are kept over a reboot by the network manager that keeps their bridge.
  - Taps of libvirt's and others', which are not declared here, are never touched.
options:
  taps:
    description:
      - The taps, all in one call.
      - With O(state=absent) only their names count.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name of the tap, 1 to 15 characters.
        type: str
        required: true
      bridge:
        description:
          - The bridge that the guest is plugged into. It must exist, ours or not.
          - Or the name of a network that M(hypervisor.vnet.vnet_host) made on this host, whose bridge has another name.
          - Leave it out for a tap that is in no bridge.
        type: str
      owner:
        description:
          - The user who may open the tap, as a name or number of the host. Root only when it is left out.
          - Not to be confused with the label O(owner).
        type: str
      group:
        description:
          - The group whose members may open the tap, as a name or number of the host.
        type: str
      multi_queue:
        description:
          - Whether programs can open it several times, once for each queue, as QEMU's C(queues=) does. It must say the same as QEMU.
        type: bool
        default: false
      vnet_hdr:
        description:
          - Whether frames carry a virtio header. Each program that opens the tap says it anew, so that it is only what others find who do not.
        type: bool
        default: false
      mtu:
        description:
          - MTU of the host's end. Its bridge's, and 1500 at least, when it is left out, because the kernel may lower a bridge to the smallest
            of its ports.
        type: int
      mac:
        description:
          - MAC address of the host's end, not of the guest. One that is the same for this host and name in every run when it is left out.
        type: str
      isolated:
        description:
          - Whether the port is isolated. Isolated ports of a bridge reach its other ports, and not each other.
          - NetworkManager cannot keep it over a reboot.
        type: bool
        default: false
      up:
        description:
          - Whether the tap is switched on.
        type: bool
        default: true
      rate:
        description:
          - Limits for what goes to the guest and what comes from it. They are what libvirt calls C(inbound) and C(outbound) of a C(bandwidth)
            element, with its C(average) in kibibytes a second.
          - A number with a unit of tc, as in V(10mbit), V(1.5gbit), V(500kbit), or V(2mbps) for bytes. A bare number means bits a second.
          - A limit changes while the guest runs, and is taken away again when it is left out.
          - Nobody else's qdiscs and filters are touched. A tap with a root qdisc of somebody else takes no O(taps[].rate.to_guest), one with
            the old qdisc C(ingress) no O(taps[].rate.from_guest).
          - Needs C(tc), and in the kernel the qdisc C(tbf) for one direction, the classifier C(matchall) and the action C(police) for the other.
        type: dict
        suboptions:
          to_guest:
            description:
              - What the guest may get. Frames wait in a queue of 50 ms, then they are dropped.
            type: str
          from_guest:
            description:
              - What the guest may send. A tenth of a second's worth, and 128 KiB at least, may come at once. What is more is dropped.
            type: str
      vlan:
        description:
          - The VLANs of the port, on a bridge that is VLAN-aware (C(vlan_filtering)). Either O(taps[].vlan.access), or O(taps[].vlan.trunk) with or
            without O(taps[].vlan.native).
          - When it is left out the port is in the VLAN that the bridge gives to every port, which is 1 unless somebody said otherwise.
          - ifupdown keeps it over a reboot, and systemd-networkd from systemd 256 on. Older ones and NetworkManager would leave the port in the
            bridge's own VLAN besides, so that they are refused.
          - M(hypervisor.vnet.antispoof) refuses frames with a VLAN tag. A guest with a trunk has no guard.
        type: dict
        suboptions:
          access:
            description:
              - The one VLAN of a guest that knows of none, 1 to 4094.
            type: int
          trunk:
            description:
              - The VLANs of a guest that tags its frames, as numbers and ranges.
            type: list
            elements: str
          native:
            description:
              - The VLAN of frames without a tag, beside O(taps[].vlan.trunk). Without it they are dropped.
            type: int
  state:
    description:
      - V(present) makes what the list declares; V(absent) removes what it names, if it is ours.
    type: str
    choices: [present, absent]
    default: present
  persist:
    description:
      - What keeps the taps over a reboot. V(auto) takes what keeps their bridge, else what runs on the host.
      - V(none) changes the running kernel only.
    type: str
    choices: [auto, networkd, ifupdown, networkmanager, none]
    default: auto
extends_documentation_fragment:
  - hypervisor.vnet._common
  - hypervisor.vnet._common.disruption
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
seealso:
  - module: hypervisor.vnet.xen_bridge
  - module: hypervisor.vnet.vnet_info
"""

EXAMPLES = r"""
- name: Two guests of the user libvirt-qemu in one bridge
  hypervisor.vnet.kvm_tap:
    taps:
      - name: rhel4-0
        bridge: br0
        owner: libvirt-qemu
      - name: web-0
        bridge: br0
        owner: libvirt-qemu
        multi_queue: true

- name: These taps and no others of ours, whose guests cannot talk to each other
  hypervisor.vnet.kvm_tap:
    prune: true
    taps:
      - {name: tenant-a, bridge: br0, group: kvm, isolated: true}
      - {name: tenant-b, bridge: br0, group: kvm, isolated: true}

- name: A guest in the network vnat0, whatever its bridge is called
  hypervisor.vnet.kvm_tap:
    taps:
      - {name: rhel4-0, bridge: vnat0, owner: libvirt-qemu}

- name: A guest that gets 100 Mbit/s and sends 10
  hypervisor.vnet.kvm_tap:
    taps:
      - name: web-0
        bridge: br0
        owner: libvirt-qemu
        rate: {to_guest: 100mbit, from_guest: 10mbit}

- name: A guest in VLAN 10, and one that tags its frames, on a bridge with vlan_filtering
  hypervisor.vnet.kvm_tap:
    taps:
      - {name: web-0, bridge: br0, owner: libvirt-qemu, vlan: {access: 10}}
      - {name: router-0, bridge: br0, owner: libvirt-qemu, vlan: {trunk: [10, 20-29], native: 1}}

- name: A tap goes, though its guest is running
  hypervisor.vnet.kvm_tap:
    state: absent
    allow_disruption: true
    taps:
      - name: web-0
"""

RETURN = r"""
commands:
  description:
    - What was done, or would be done in check mode, in the words an administrator would have typed.
  returned: success
  type: list
  elements: str
  sample:
    - ip tuntap add dev web-0 mode tap user libvirt-qemu
    - ip link set dev web-0 address fe:5c:1b:02:99:10 addrgenmode none master br0 up
disrupts:
  description:
    - What the change disturbs, such as guests that lose their network. It needs O(allow_disruption=true).
  returned: success
  type: list
  elements: str
  sample: ['web-0 is removed, and qemu-system-x86 (pid 4711) holds it open: its guest has no network until it is started again']
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
      sample: taps[0].owner
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: this host has no user 'qemu'; make it first, or write a number
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["kvm_tap"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
