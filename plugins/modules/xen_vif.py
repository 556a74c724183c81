#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: xen_vif
short_description: Interfaces of Xen guests, in running domains and in their files
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Attaches network interfaces to running domains of Xen and detaches them, by C(xl), or writes them into the guests' own files, or both. In a second run
    nothing is attached again, which is not so with C(xl network-attach).
  - An interface is there when its hotplug script has said so. When the script fails, the error carries its reason (C(hotplug-error) in xenstore), and
    neither device nor interface nor keys in xenstore are left behind, as they are after C(xl network-attach).
  - libxl cannot change an interface, only detach it and attach it anew. The guest sees its card go and another one come under the same number,
    so that needs O(allow_disruption=true).
  - What is found wrong is found before C(xl) is called, such as a domain that does not run, a bridge that is not there, or a name or MAC that is taken.
  - What C(xl) attaches stays with the domain over C(xl reboot), and goes when the domain is destroyed, unless it is in the guest's file, too.
  - In C(/etc/xen/DOMAIN.cfg) only the words of the list C(vif) that differ are written, everything else stays as it is, byte for byte. A file that cannot be
    edited safely is refused with line and reason. It is never run, also not when it is the Python of C(xm).
  - Interfaces that are not declared here are never touched.
  - The hotplug hook C(/etc/xen/scripts/vif-post.d/50-hypervisor-vnet.hook) gives an interface what is declared of it whenever it comes, also after a reboot
    of the guest or the host. One that it cannot set up is set down, and C(hotplug-error) in xenstore says why.
options:
  vifs:
    description:
      - The interfaces, all in one call.
      - One is found again by its O(vifs[].mac), else by its O(vifs[].devid), else by its O(vifs[].name), of which it needs one. What else is left out
        stays as it is, or is what C(xl) makes of it.
      - With O(state=absent) only these and O(vifs[].domain) count.
    type: list
    elements: dict
    default: []
    suboptions:
      domain:
        description:
          - Name of the running domain.
        type: str
        required: true
      devid:
        description:
          - Number of the interface in its guest, from 0. A new one gets the next number when it is left out.
        type: int
      name:
        description:
          - Name of the interface on the host (xl's C(vifname)), 1 to 15 characters, and 11 for an HVM guest. C(vifDOMID.DEVID) when it is left out, which is
            another one at each start of the guest.
          - M(hypervisor.vnet.antispoof) guards it by this name, before it is there.
        type: str
      mac:
        description:
          - The guest's MAC address. C(xl) makes one up when it is left out.
        type: str
      bridge:
        description:
          - The bridge that it is plugged into. It must exist. That of C(/etc/xen/xl.conf), else C(xenbr0), when it is left out.
        type: str
      addresses:
        description:
          - Addresses of the guest (xl's C(ip)), for scripts that need them, such as C(vif-route) and C(vif-nat).
          - Debian's scripts filter nothing by them. M(hypervisor.vnet.antispoof) does.
        type: list
        elements: str
      script:
        description:
          - The hotplug script, as a name in C(/etc/xen/scripts) or a whole path. That of C(/etc/xen/xl.conf), else C(vif-bridge), when it is left out.
        type: str
      rate:
        description:
          - How much the guest may send, in xl's words, as in V(10Mb/s) for bits, V(250KB/s) for bytes, or V(1MB/s@20ms) with the interval in which
            it is counted.
        type: str
      mtu:
        description:
          - MTU of the interface. Its bridge's when it is left out.
        type: int
      gatewaydev:
        description:
          - The interface of the host whose address C(vif-route) takes.
        type: str
      backend:
        description:
          - Name of the domain that is the other end, when that is not the host itself.
        type: str
      trusted:
        description:
          - Whether the guest trusts its other end.
        type: bool
      vlan:
        description:
          - The VLANs of its port, on a bridge that is VLAN-aware (O(hypervisor.vnet.xen_bridge#module:bridges[].vlan_filtering)), in xl's words.
            V(10) is the one VLAN of a guest that knows of none. V(10p/20/30-39) has frames without a tag in 10, and 20 and 30 to 39 with one.
            V(100+10x4) are 100, 110, 120, 130 and 140, and C(u) behind them means without a tag.
          - It is kept by our hotplug hook, with every Xen, and changed live without a new interface. It is not written into the guest's file, which xl
            before 4.19 would refuse. A C(vlan=) that somebody else wrote there is kept by the hook as well, unless this says otherwise.
          - When it is left out the port is in the VLAN that the bridge gives to every port.
          - M(hypervisor.vnet.antispoof) refuses frames with a VLAN tag. A guest that tags its frames has no guard.
        type: str
      isolated:
        description:
          - The port reaches no other port of its bridge that is isolated. It is kept and changed as O(vifs[].vlan) is.
        type: bool
      type:
        description:
          - V(vif) is the paravirtual card alone, V(ioemu) an emulated one beside it. It is for HVM guests, and comes with their start, so it needs
            O(scope=config) or O(scope=both).
        type: str
        choices: [vif, ioemu]
      model:
        description:
          - The emulated card, as in V(e1000) or V(rtl8139). See O(vifs[].type).
        type: str
  scope:
    description:
      - Where the interfaces are declared. V(live) is in running domains, V(config) in the guests' own files, which they have from their next start on.
      - With O(state=absent) and O(prune) an interface goes from where it was declared.
    type: str
    choices: [live, config, both]
    default: live
  toolstack:
    description:
      - Whose files those are. V(xm) takes eight interfaces at most. V(auto) is V(xm) on a host that has C(xm) and no C(xl).
      - Running domains are a matter of C(xl) only.
    type: str
    choices: [auto, xl, xm]
    default: auto
  state:
    description:
      - V(present) makes what the list declares; V(absent) takes away what it names, if it was declared here before.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - hypervisor.vnet._common
  - hypervisor.vnet._common.disruption
  - hypervisor.vnet._confirm
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
seealso:
  - module: hypervisor.vnet.xen_bridge
  - module: hypervisor.vnet.antispoof
  - module: hypervisor.vnet.vnet_info
"""

EXAMPLES = r"""
- name: A second interface for a running guest
  hypervisor.vnet.xen_vif:
    vifs:
      - domain: rhel4
        name: rhel4-1
        mac: "00:16:3e:27:95:c1"
        bridge: xenbr1

- name: These interfaces and no others of ours, and those that differ are attached anew
  hypervisor.vnet.xen_vif:
    prune: true
    allow_disruption: true
    vifs:
      - {domain: web, name: http, mac: "00:16:3e:00:00:01", bridge: xenbr0, rate: 10Mb/s}
      - {domain: db, name: db-0, mac: "00:16:3e:00:00:02", bridge: xenbr0}
      - {domain: db, name: db-1, mac: "00:16:3e:00:00:03", bridge: xenbr1}

- name: A guest that its host routes to
  hypervisor.vnet.xen_vif:
    vifs:
      - {domain: web, mac: "00:16:3e:00:00:04", script: vif-route, gatewaydev: xenbr0, addresses: [192.168.42.190]}

- name: An interface that a guest has now and after its next start
  hypervisor.vnet.xen_vif:
    scope: both
    vifs:
      - {domain: web, name: http, mac: "00:16:3e:00:00:01", bridge: xenbr0}

- name: What guests of a host that still runs xend have from their next start on
  hypervisor.vnet.xen_vif:
    scope: config
    toolstack: xm
    vifs:
      - {domain: old, mac: "00:16:3e:00:00:05", bridge: xenbr0}

- name: A guest in VLAN 10, and one that tags its frames, on a bridge with vlan_filtering
  hypervisor.vnet.xen_vif:
    scope: both
    vifs:
      - {domain: web, name: web-0, mac: "00:16:3e:00:00:06", bridge: xenbr0, vlan: "10", isolated: true}
      - {domain: router, name: router-0, mac: "00:16:3e:00:00:07", bridge: xenbr0, vlan: 1p/20-29}

- name: The emulated card of an HVM guest, from its next start on
  hypervisor.vnet.xen_vif:
    scope: config
    vifs:
      - {domain: win, name: win-0, mac: "00:16:3e:00:00:08", bridge: xenbr0, type: ioemu, model: e1000}

- name: Detach an interface
  hypervisor.vnet.xen_vif:
    state: absent
    allow_disruption: true
    vifs:
      - {domain: rhel4, mac: "00:16:3e:27:95:c1"}
"""

RETURN = r"""
commands:
  description:
    - What was done, or would be done in check mode, in the words an administrator would have typed.
  returned: success
  type: list
  elements: str
  sample:
    - xl network-attach rhel4 devid=1 mac=00:16:3e:27:95:c1 bridge=xenbr1 vifname=rhel4-1
    - '# wait until xenstore-read /local/domain/0/backend/vif/5/1/hotplug-status says connected'
disrupts:
  description:
    - What the change disturbs. It needs O(allow_disruption=true).
  returned: success
  type: list
  elements: str
  sample:
    - 'http of web is attached anew for another bridge: its guest loses this interface and gets a new one, some seconds without network'
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
      sample: vifs[0].bridge
    message:
      description:
        - What is wrong, and how to cure it.
      type: str
      sample: there is no bridge xenbr9 on this host, it has xenbr0; declare it with xen_bridge first
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["xen_vif"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
