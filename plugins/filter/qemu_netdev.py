# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: qemu_netdev
short_description: QEMU's arguments for a guest's interface
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Turns an interface of a guest, as the inventory has it, into the words after C(qemu-system-x86_64) that make it - C(-netdev) and C(-device).
  - Everything that is wrong is said at once, with its place and its cure.
  - Names, and what they take, are QEMU's own. Commas in values are doubled, as QEMU wants them.
notes:
  - The words are arguments, not text for a shell. For a shell use C(map('quote') | join(' ')). In a systemd unit, double every C(%) and C($), too.
  - What C(-net nic,vlan=N) of QEMU before version 3 did is O(hub).
extends_documentation_fragment:
  - hypervisor.vnet._qemu.user
  - hypervisor.vnet._qemu.passt
options:
  _input:
    description:
      - An interface of a guest. Of its options these are taken - C(name) (also of a tap), C(mac), C(model), C(mtu) (tells the guest, with virtio on a
        tap), C(multi_queue) (must agree with O(queues)), C(bridge) and C(network) (for O(type=bridge)). Those of other tools are left to them.
      - C(qemu) may hold a dictionary of the options below. An option given to the filter itself comes before one there.
    type: dict
    required: true
  version:
    description:
      - Version of the QEMU that will get the arguments, as in V(10.0), or what C(qemu-system-x86_64 --version) prints.
      - What it does not have is refused. Without it, whatever any version has goes through.
    type: str
  models:
    description:
      - The NIC models of the QEMU in question. A list, or the whole of what C(qemu-system-x86_64 -device help) prints.
      - Without it, a table of what the x86 machines of QEMU 7.2, 10.0 and 11.1 have.
    type: raw
  type:
    description:
      - V(tap) opens a tap of the host, which M(hypervisor.vnet.vnet_host) or another made.
      - V(bridge) lets QEMU's setuid helper make a tap and put it into O(br). QEMU needs no privileges then.
      - V(user) is a network inside QEMU with NAT, DHCP and DNS of its own, and needs no privileges either. ICMP may not get out of it.
      - V(passt) hands the guest the host's own addresses by the program C(passt). QEMU starts it by itself since 10.1, and it needs no privileges.
        With an older QEMU, since 7.2, start C(passt --socket PATH) beside it and set O(socket).
      - V(vfio) gives the guest a PCI device of the host, as a NIC or one of its virtual functions.
    type: str
    choices: [tap, bridge, user, passt, vfio]
    default: tap
  id:
    description:
      - Name of the device in QEMU's monitor. Its other end is C(host-) and this name.
      - Without it, the interface's name.
    type: str
  model:
    description:
      - NIC model. V(virtio) is V(virtio-net-pci).
      - Without it, the interface's C(model), then V(virtio-net-pci).
    type: str
  hub:
    description:
      - Number of a hub inside QEMU that both ends are put into. Whatever else is in the same hub sees the same frames.
    type: int
  mac:
    description:
      - MAC address of the guest. Without it, the interface's C(mac), else QEMU counts up from 52:54:00:12:34:56, the same in each guest.
    type: str
  bus:
    description:
      - Bus that the device sits on, as in V(pcie.0).
    type: str
  addr:
    description:
      - Slot and function on the bus, in hexadecimal and in quotes.
    type: str
  multifunction:
    description:
      - Whether the slot has further functions.
    type: bool
  bootindex:
    description:
      - Place in the boot order.
    type: int
  rombar:
    description:
      - V(0) hides the boot ROM from the guest.
    type: int
  romfile:
    description:
      - File with the boot ROM. An empty one is no ROM.
    type: str
  mq:
    description:
      - Several queues in a virtio device. On by itself when O(queues) or O(fds) say so.
    type: bool
  vectors:
    description:
      - MSI-X vectors of a virtio device, V(0) for none. Two for each queue and two more, when there are several queues.
    type: int
  host_mtu:
    description:
      - MTU that a virtio device tells the guest. For a tap or a bridge without it, the interface's C(mtu).
    type: int
  rx_queue_size:
    description:
      - Length of a virtio device's receive queue, V(64) to V(1024).
    type: int
  tx_queue_size:
    description:
      - Length of a virtio device's send queue. More than 256 only where the other end allows it.
    type: int
  ifname:
    description:
      - O(type=tap) The tap. Without it, the interface's name.
    type: str
  fd:
    description:
      - O(type=tap) Number of the file descriptor of a tap that is already open.
    type: int
  fds:
    description:
      - O(type=tap) The same for each queue of a tap with several.
    type: list
    elements: int
  script:
    description:
      - O(type=tap) Program that QEMU runs with the tap's name when it has opened it. V(no) for none.
    type: str
    default: "no"
  downscript:
    description:
      - O(type=tap) Program that QEMU runs before it closes the tap. V(no) for none.
    type: str
    default: "no"
  br:
    description:
      - The bridge for a helper. For O(type=bridge) without it, the interface's C(bridge), then its C(network).
    type: str
  helper:
    description:
      - O(type=tap) or O(type=bridge) Program that makes the tap and hands it over. C(/etc/qemu/bridge.conf) must allow the bridge.
    type: str
  sndbuf:
    description:
      - O(type=tap) Limit of the send buffer in bytes, V(0) for none.
    type: str
  vnet_hdr:
    description:
      - O(type=tap) V(true) fails where the tap cannot carry offloads, V(false) does without.
    type: bool
  vhost:
    description:
      - O(type=tap) Let the kernel move the frames of a virtio device. Needs F(/dev/vhost-net).
    type: bool
  vhostfd:
    description:
      - O(type=tap) Number of the file descriptor of a vhost device that is already open.
    type: int
  vhostfds:
    description:
      - O(type=tap) The same for each of O(fds).
    type: list
    elements: int
  vhostforce:
    description:
      - O(type=tap) vhost also for a guest without MSI-X.
    type: bool
  queues:
    description:
      - O(type=tap) Number of queues. The tap must have been made with C(multi_queue).
    type: int
  poll_us:
    description:
      - O(type=tap) Microseconds that vhost may poll.
    type: int
  ipv4:
    description:
      - O(type=user) or O(type=passt) V(false) switches IPv4 off.
    type: bool
  ipv6:
    description:
      - O(type=user) or O(type=passt) V(false) switches IPv6 off.
    type: bool
  host:
    description:
      - O(type=user) The host's address as the guest sees it. QEMU's own is x.x.2.2.
      - O(type=vfio) The PCI device on the host, as in V(0000:03:10.0).
    type: str
  sysfsdev:
    description:
      - O(type=vfio) The device by its folder in sysfs, in place of O(host).
    type: str
  dns:
    description:
      - O(type=user) Address of the DNS server in the guest's network. QEMU's own is x.x.2.3.
      - O(type=passt) DNS server that the guest is told.
    type: str
seealso:
  - plugin: hypervisor.vnet.vif_name
    plugin_type: filter
  - plugin: hypervisor.vnet.guest_network_config
    plugin_type: filter
  - name: QEMU's manual
    description: What each word means.
    link: https://www.qemu.org/docs/master/system/invocation.html
"""

EXAMPLES = r"""
- name: The guest's interfaces are taps that are ports of our bridges
  ansible.builtin.debug:
    msg: "{{ guest.interfaces | map('hypervisor.vnet.qemu_netdev') | flatten }}"
  vars:
    guest:
      name: web1
      interfaces:
        - {network: xenbr0, name: web1-0, mac: "52:54:00:27:95:c0"}
        - {network: xenbr1, name: web1-1, mac: "52:54:00:27:95:c1", model: e1000e, qemu: {addr: '08'}}

- name: As one line for a shell
  ansible.builtin.debug:
    msg: "qemu-system-x86_64 {{ interface | hypervisor.vnet.qemu_netdev(queues=4, vhost=true) | map('quote') | join(' ') }}"
  vars:
    interface: {network: xenbr0, name: web1-0, mac: "52:54:00:27:95:c0"}

- name: User mode, with SSH on port 5022 of the host
  ansible.builtin.debug:
    msg: "{{ interface | hypervisor.vnet.qemu_netdev }}"
  vars:
    interface:
      name: net0
      mac: 52:54:00:27:95:c2
      qemu:
        type: user
        net: 10.0.2.0/24
        dhcpstart: 10.0.2.15
        hostfwd:
          - {port: 5022, to_port: 22}
          - {protocol: udp, listen_address: 127.0.0.1, port: 5353, to: 10.0.2.15, to_port: 53}

- name: A virtual function of the NIC
  ansible.builtin.debug:
    msg: "{{ {'name': 'vf0'} | hypervisor.vnet.qemu_netdev(type='vfio', host='0000:03:10.0') }}"

- name: The user mode network of Debian 13's QEMU and of nobody newer
  ansible.builtin.debug:
    msg: "{{ {'name': 'net0', 'model': 'igb'} | hypervisor.vnet.qemu_netdev(type='user', version='10.0') }}"
"""

RETURN = r"""
_value:
  description: The arguments, one item for each word.
  type: list
  elements: str
  sample:
    - -netdev
    - tap,id=host-web1-0,ifname=web1-0,script=no,downscript=no
    - -device
    - virtio-net-pci,netdev=host-web1-0,id=web1-0,mac=52:54:00:27:95:c0
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils.model.problem import Problem
from ..plugin_utils.qemu import arguments
from ..plugin_utils.qemu_models import read_models, read_version


def qemu_netdev(interface: t.Any, version: t.Any = None, models: t.Any = None, **options: t.Any) -> list[str]:
    """The words for ``-netdev`` and ``-device``; an error names all problems."""
    if not isinstance(interface, dict):
        raise AnsibleFilterError("qemu_netdev needs a guest's interface, as in {'name': 'web1-0', 'mac': '52:54:00:27:95:c0'}")
    known: dict[str, t.Any] = {}
    problems: list[Problem] = []
    for name, said, read in (("version", version, read_version), ("models", models, read_models)):
        try:
            known[name] = None if said is None else read(said)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    argv, wrong = arguments(interface, options, known.get("version"), known.get("models"))
    problems += wrong
    if problems:
        lines = "\n".join(str(problem) for problem in problems)
        raise AnsibleFilterError(f"QEMU's arguments for the interface {interface.get('name', 'without a name')}:\n{lines}")
    return argv


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"qemu_netdev": qemu_netdev}
