#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_info
short_description: What a host has now, and what of it is ours
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Reads links, bridges, taps, addresses, routes and DNS of a host, who declared what, and which network manager configures what.
  - It changes nothing and starts nothing.
options: {}
extends_documentation_fragment:
  - hypervisor.vnet._attributes.info_module
seealso:
  - module: hypervisor.vnet.vnet_host
  - module: hypervisor.vnet.xen_bridge
  - module: hypervisor.vnet.kvm_tap
  - module: hypervisor.vnet.vnet_dhcp
"""

EXAMPLES = r"""
- name: Look
  hypervisor.vnet.vnet_info:
  register: vnet

- name: Show which bridge has which ports
  ansible.builtin.debug:
    msg: "{{ vnet.bridges | items2dict(key_name='name', value_name='ports') }}"

- name: Stop when an earlier run was killed in the middle
  ansible.builtin.assert:
    that: vnet.journal.state != 'stale'
    fail_msg: The next run of a changing module undoes it first.
"""

RETURN = r"""
links:
  description: Every interface, in the kernel's order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: eth0
    index:
      description: Its number.
      type: int
      sample: 2
    kind:
      description: What the kernel calls its kind, empty for a network card.
      type: str
      sample: bridge
    type:
      description: The link layer.
      type: str
      sample: ether
    mac:
      description: MAC address.
      type: str
      sample: 52:54:00:12:34:56
    mtu:
      description: MTU.
      type: int
      sample: 1500
    up:
      description: Whether it is switched on.
      type: bool
      sample: true
    carrier:
      description: Whether the other end is there.
      type: bool
      sample: true
    master:
      description: The bridge or bond that it is a port of, empty without.
      type: str
      sample: xenbr0
    lower:
      description: The interface that it stands on, as a VLAN does; empty without.
      type: str
      sample: ""
bridges:
  description: Every bridge, ours or not, and ours that somebody removed.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: xenbr0
    exists:
      description: Whether the kernel has it now.
      type: bool
      sample: true
    mac:
      description: MAC address.
      type: str
      sample: 52:54:00:12:34:56
    mtu:
      description: MTU.
      type: int
      sample: 1500
    up:
      description: Whether it is switched on.
      type: bool
      sample: true
    settings:
      description: The settings of the bridge, times in seconds.
      type: dict
      sample:
        stp: false
        forward_delay: 0
        priority: 32768
        ageing_time: 300
        multicast_snooping: true
        vlan_filtering: false
        no_linklocal_learn: true
    ports:
      description: All its ports, those of guests included.
      type: list
      elements: str
      sample: [eth0, vif1.0]
    addresses:
      description: Its addresses, in the kernel's order.
      type: list
      elements: str
      sample: [192.0.2.10/24]
    routes:
      description: The routes through it, without those that the kernel makes by itself.
      type: list
      elements: str
      sample: [default via 192.0.2.1]
    owner:
      description: The label under which it was declared, empty when it is not ours.
      type: str
      sample: site
    uplink:
      description: Its declared uplink.
      type: str
      sample: eth0
    fixed_ports:
      description: Its further declared ports.
      type: list
      elements: str
      sample: []
    persist:
      description: What keeps it over a reboot, V(foreign) when an adopted bridge is kept by files of its own.
      type: str
      sample: networkd
    adopted:
      description: Whether it was there before us.
      type: bool
      sample: false
    files:
      description: The files of ours that make it after a reboot.
      type: list
      elements: str
      sample: [/etc/systemd/network/05-hypervisor-vnet-xenbr0.netdev]
taps:
  description: Every tap, ours or not, and ours that somebody removed.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: web-0
    exists:
      description: Whether the kernel has it now.
      type: bool
      sample: true
    bridge:
      description: The bridge that it is a port of, empty without.
      type: str
      sample: br0
    mac:
      description: MAC address of the host's end.
      type: str
      sample: fe:5c:1b:02:99:10
    mtu:
      description: MTU.
      type: int
      sample: 1500
    up:
      description: Whether it is switched on.
      type: bool
      sample: true
    isolated:
      description: Whether it is an isolated port.
      type: bool
      sample: false
    rate:
      description: The limits that stand on a tap of ours, empty without.
      type: dict
      contains:
        to_guest:
          description: What its guest may get.
          type: str
          sample: 100mbit
        from_guest:
          description: What its guest may send.
          type: str
          sample: 10mbit
    persistent:
      description: Whether it stays when no program holds it open.
      type: bool
      sample: true
    multi_queue:
      description: Whether it can be opened several times.
      type: bool
      sample: false
    vnet_hdr:
      description: Whether frames carry a virtio header now.
      type: bool
      sample: true
    user:
      description: The user who may open it, empty without.
      type: str
      sample: libvirt-qemu
    group:
      description: The group that may open it, empty without.
      type: str
      sample: kvm
    held_by:
      description: The programs that hold it open.
      type: list
      elements: str
      sample: [qemu-system-x86 (pid 4711)]
    owner:
      description: The label under which it was declared, empty when it is not ours.
      type: str
      sample: site
    persist:
      description: What keeps it over a reboot.
      type: str
      sample: networkd
    files:
      description: The files of ours that make it after a reboot.
      type: list
      elements: str
      sample: [/etc/systemd/network/05-hypervisor-vnet-web-0.netdev]
addresses:
  description: Every address.
  returned: success
  type: list
  elements: dict
  contains:
    dev:
      description: Its interface.
      type: str
      sample: xenbr0
    family:
      description: 4 or 6.
      type: int
      sample: 4
    cidr:
      description: The address with its prefix length.
      type: str
      sample: 192.0.2.10/24
    peer:
      description: The other end of a point-to-point link, empty without.
      type: str
      sample: ""
    broadcast:
      description: Broadcast address.
      type: str
      sample: 192.0.2.255
    scope:
      description: Scope.
      type: str
      sample: global
    label:
      description: Label.
      type: str
      sample: xenbr0
    metric:
      description: Metric of its prefix route.
      type: int
      sample: 0
    protocol:
      description: Who made it, where the host's iproute2 tells.
      type: str
      sample: kernel_ll
    noprefixroute:
      description: Whether it comes without a prefix route.
      type: bool
      sample: false
    mngtmpaddr:
      description: Whether temporary addresses are made from it.
      type: bool
      sample: false
    dynamic:
      description: Whether it is leased or from a router advertisement.
      type: bool
      sample: false
    nodad:
      description: Whether duplicate address detection is switched off for it.
      type: bool
      sample: false
    valid_lft:
      description: Seconds that it is valid, null without an end.
      type: int
      sample: 3600
    preferred_lft:
      description: Seconds that it is preferred, null without an end.
      type: int
      sample: 1800
routes:
  description: The routes of all tables, without local and broadcast ones.
  returned: success
  type: list
  elements: dict
  contains:
    family:
      description: 4 or 6.
      type: int
      sample: 4
    dst:
      description: Destination network, or V(default).
      type: str
      sample: default
    dev:
      description: Its interface.
      type: str
      sample: xenbr0
    gateway:
      description: The next router, empty without.
      type: str
      sample: 192.0.2.1
    table:
      description: Routing table.
      type: str
      sample: main
    type:
      description: Type of route.
      type: str
      sample: unicast
    protocol:
      description: Who made it.
      type: str
      sample: static
    scope:
      description: Scope.
      type: str
      sample: global
    prefsrc:
      description: Preferred source address.
      type: str
      sample: 192.0.2.10
    source:
      description: Source network that it is for, empty for all.
      type: str
      sample: ""
    metric:
      description: Metric.
      type: int
      sample: 100
    tos:
      description: Type of service that it is for.
      type: str
      sample: ""
    pref:
      description: Router preference of an IPv6 route.
      type: str
      sample: medium
    onlink:
      description: Whether the gateway is taken to be on the link.
      type: bool
      sample: false
    expires:
      description: Seconds until it goes away, 0 without an end.
      type: int
      sample: 0
    metrics:
      description: MTU and other attributes of the path.
      type: dict
      sample:
        mtu: "1400"
    nexthops:
      description: The legs of a multipath route.
      type: list
      elements: dict
      sample:
        - dev: xenbr0
          gateway: 192.0.2.1
          weight: 1
          onlink: false
dns:
  description: Whom the host asks for names.
  returned: success
  type: dict
  contains:
    source:
      description: V(resolved) for systemd-resolved, else the file that was read.
      type: str
      sample: resolved
    servers:
      description: Servers of the whole host.
      type: list
      elements: str
      sample: [192.0.2.53]
    search:
      description: Search domains of the whole host.
      type: list
      elements: str
      sample: [example.org]
    links:
      description: Servers and domains of single interfaces, which systemd-resolved alone knows.
      type: list
      elements: dict
      sample:
        - name: xenbr0
          servers: [192.0.2.53]
          search: [example.org]
guards:
  description: The guards that were applied by M(hypervisor.vnet.antispoof), and what they have seen since their tables were loaded.
  returned: success
  type: list
  elements: dict
  contains:
    interface:
      description: The guest's interface on the host, which need not be there.
      type: str
      sample: vif1.0
    owner:
      description: The label under which it was declared.
      type: str
      sample: site
    mac:
      description: The guest's MAC.
      type: str
      sample: 00:16:3e:27:95:c0
    addresses:
      description: What the guest may send from, as networks.
      type: list
      elements: str
      sample: [10.0.0.1/32, 2001:db8::1/128]
    mode:
      description: What was declared, V(enforce) or V(observe).
      type: str
      sample: enforce
    state:
      description:
        - The mode where the kernel has everything of the guard, V(UNGUARDED) where somebody has removed or changed its rules or elements.
      type: str
      sample: enforce
    persist:
      description: Whether it comes back after a reboot.
      type: bool
      sample: true
    sent:
      description: Frames that the guest has sent, refused ones included.
      type: dict
      contains:
        packets:
          description: How many.
          type: int
          sample: 8123
        bytes:
          description: Their size together.
          type: int
          sample: 912311
    received:
      description: Frames that were delivered to the guest.
      type: dict
      contains:
        packets:
          description: How many.
          type: int
          sample: 9214
        bytes:
          description: Their size together.
          type: int
          sample: 7120012
    refused:
      description: Frames from or to the guest that were dropped, or would have been.
      type: dict
      contains:
        packets:
          description: How many.
          type: int
          sample: 3
        bytes:
          description: Their size together.
          type: int
          sample: 126
nat:
  description: The networks behind address translation that were applied by M(hypervisor.vnet.vnet_nat).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the network.
      type: str
      sample: vnat0
    owner:
      description: Label under which it was declared.
      type: str
      sample: site
    state:
      description: V(active), or V(BROKEN) where the kernel's table is not what was applied. The next run repairs it.
      type: str
      sample: active
    bridge:
      description: The bridge of its guests.
      type: str
      sample: vnat0
    sources:
      description: Its subnets.
      type: list
      elements: str
      sample: [10.0.0.0/16]
    uplink:
      description: The only interface on whose way packets are translated; empty for every one that is no bridge of such a network.
      type: str
      sample: ""
    translation:
      description: What happens to the source of packets that leave the network.
      type: str
      sample: masqueraded
    no_nat_to:
      description: Where its packets go as they are.
      type: list
      elements: str
      sample: [10.20.0.0/16]
    forwards:
      description: Ports of the host that lead to its guests.
      type: list
      elements: dict
      sample:
        - protocol: tcp
          port: "5022"
          listen_address: ""
          listen_interface: ""
          to: 10.0.0.1
          to_port: "22"
          from: []
    one_to_one:
      description: Addresses of the host that stand for a guest's, in both directions.
      type: list
      elements: dict
      sample: [{address: 192.0.2.10, to: 10.0.0.10}]
    persist:
      description: Whether it comes back after a reboot.
      type: bool
      sample: true
    coexist:
      description: Whether exemptions in the filters of others let it pass.
      type: bool
      sample: false
routed:
  description: The guests and networks that the host routes to by M(hypervisor.vnet.vnet_route), and those of networks without a bridge.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the item. One that follows from a network has the network's name, a slash and its interface.
      type: str
      sample: n1
    owner:
      description: Label under which it was declared.
      type: str
      sample: site
    state:
      description: V(active), or V(BROKEN) where the kernel's table is not what was applied. The next run repairs it.
      type: str
      sample: active
    interface:
      description: Behind which they are. It need not be there.
      type: str
      sample: n1
    guests:
      description: Each guest's address, and the host's address that the interface carries for it.
      type: list
      elements: dict
      sample: [{address: 192.168.42.190, source: 192.168.42.1}]
    subnets:
      description: Networks behind the interface.
      type: list
      elements: str
      sample: []
    via:
      description: The router by which they are reached; empty for none.
      type: str
      sample: ""
    metric:
      description: Metric of the routes, 0 for the kernel's own.
      type: int
      sample: 0
    proxy_arp:
      description: Whether the host answers for them on the uplink.
      type: bool
      sample: true
    uplink:
      description: The interface that leads to the world; empty where the host answers for nobody.
      type: str
      sample: eth0
    persist:
      description: Whether it comes back after a reboot.
      type: bool
      sample: true
    coexist:
      description: Whether exemptions in the filters of others let it pass.
      type: bool
      sample: false
zones:
  description: The zones that were applied by M(hypervisor.vnet.vnet_zones).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the zone.
      type: str
      sample: dmz
    owner:
      description: Label under which it was declared.
      type: str
      sample: site
    state:
      description: V(active), or V(BROKEN) where the kernel's table is not what was applied. The next run repairs it.
      type: str
      sample: active
    networks:
      description: The bridges of guests that belong to it.
      type: list
      elements: str
      sample: [dmz]
    interfaces:
      description: The other interfaces that belong to it.
      type: list
      elements: str
      sample: [eth0]
    persist:
      description: Whether it comes back after a reboot.
      type: bool
      sample: true
policies:
  description: The policies between zones that were applied by M(hypervisor.vnet.vnet_zones).
  returned: success
  type: list
  elements: dict
  contains:
    from:
      description: The zone in which a connection begins.
      type: str
      sample: dmz
    to:
      description: The zone in which it ends, or V(host).
      type: str
      sample: world
    owner:
      description: Label under which it was declared.
      type: str
      sample: site
    allow:
      description: What may begin there.
      type: list
      elements: str
      sample: [tcp/443, udp/53]
    log:
      description: Whether what is refused is logged.
      type: bool
      sample: false
    persist:
      description: Whether it comes back after a reboot.
      type: bool
      sample: true
    coexist:
      description: Whether exemptions in the filters of others let it pass.
      type: bool
      sample: false
libvirt:
  description: The networks of libvirt, where there is one, whoever declared them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the network.
      type: str
      sample: default
    owner:
      description: Label under which M(hypervisor.vnet.libvirt_network) declared it, empty for others'.
      type: str
      sample: site
    exists:
      description: Whether libvirt knows it.
      type: bool
      sample: true
    active:
      description: Whether it runs.
      type: bool
      sample: true
    autostart:
      description: Whether it starts at boot.
      type: bool
      sample: true
    mode:
      description: How guests reach what is outside, in the words of O(hypervisor.vnet.libvirt_network#module:networks[].forward.mode).
      type: str
      sample: nat
    bridge:
      description: Its bridge, empty without one.
      type: str
      sample: virbr0
    addresses:
      description: The host's addresses in it.
      type: list
      elements: str
      sample: [192.168.122.1/24]
    interfaces:
      description: The interfaces of running guests that belong to it, each with its C(dev), C(guest) and C(mac).
      type: list
      elements: dict
      sample: [{dev: vnet0, guest: web, mac: "52:54:00:12:34:56"}]
    leases:
      description: What its DHCP has given, each with C(client), C(address), C(name) and when it C(expires), in seconds since 1970.
      type: list
      elements: dict
      sample: [{client: "52:54:00:12:34:56", address: 192.168.122.57, name: web, expires: 1767225600}]
blockers:
  description:
    - What of others' filters stops packets that networks of M(hypervisor.vnet.vnet_nat) and policies of M(hypervisor.vnet.vnet_zones) are for, or
      switches forwarding off at the next boot. A packet has to pass every table of nftables and iptables.
  returned: success
  type: list
  elements: dict
  contains:
    where:
      description: The table, chain and rule, or the file.
      type: str
      sample: table ip filter (iptables), chain FORWARD, policy drop
    stops:
      description: Whose packets it stops.
      type: list
      elements: str
      sample: [IPv4 packets from vnat0 to eth0]
    certain:
      description: Whether it is known that nothing before it lets them pass.
      type: bool
      sample: true
    cure:
      description: What helps.
      type: str
      sample: "say coexist: true, or accept them in Docker's chain for that: iptables -I DOCKER-USER -i vnat0 -o eth0 -j ACCEPT"
owners:
  description: The labels under which something was declared.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The label.
      type: str
      sample: site
    bridges:
      description: Its bridges.
      type: list
      elements: str
      sample: [xenbr0, xenbr1]
    taps:
      description: Its taps.
      type: list
      elements: str
      sample: [web-0]
    guards:
      description: The interfaces that it guards.
      type: list
      elements: str
      sample: [vif1.0, rhel4-0]
    nat:
      description: Its networks behind address translation.
      type: list
      elements: str
      sample: [vnat0]
    routes:
      description: Its routes to guests and networks.
      type: list
      elements: str
      sample: [n1]
    dhcp:
      description: The networks that it serves with DHCP and DNS.
      type: list
      elements: str
      sample: [vnat0]
    zones:
      description: Its zones.
      type: list
      elements: str
      sample: [dmz, world]
    policies:
      description: Its policies between zones.
      type: list
      elements: str
      sample: [dmz to world]
    libvirt:
      description: Its networks of libvirt.
      type: list
      elements: str
      sample: [default]
    vifs:
      description: The interfaces of Xen guests that it declared, each by its domain and what it is found again by.
      type: list
      elements: str
      sample: ["rhel4/00:16:3e:27:95:c1"]
    domifs:
      description: The interfaces of libvirt's domains that it declared.
      type: list
      elements: str
      sample: [web-0]
    xl:
      description: C(vif) where it declared the defaults of xl.
      type: list
      elements: str
      sample: [vif]
xl_defaults:
  description: What xl gives to vifs of whose guests' files nothing else is said, as C(/etc/xen/xl.conf) has it; empty for xl's own default.
  returned: success
  type: dict
  contains:
    script:
      description: The hotplug script.
      type: str
      sample: vif-bridge
    bridge:
      description: The bridge.
      type: str
      sample: xenbr0
    gatewaydev:
      description: The interface whose address C(vif-route) takes.
      type: str
      sample: ""
    backend:
      description: The domain that is the other end.
      type: str
      sample: ""
vifs:
  description: Every interface of every domain that runs on this host, if it is a dom0 of Xen.
  returned: success
  type: list
  elements: dict
  contains:
    interface:
      description: Its name on the host.
      type: str
      sample: rhel4-1
    domain:
      description: The domain.
      type: str
      sample: rhel4
    domid:
      description: The domain's number, which is another one at each start.
      type: int
      sample: 5
    devid:
      description: Its number in the guest.
      type: int
      sample: 1
    mac:
      description: The guest's MAC address.
      type: str
      sample: "00:16:3e:27:95:c1"
    bridge:
      description: The bridge that its script is told, also when the script needs none.
      type: str
      sample: xenbr1
    script:
      description: The hotplug script.
      type: str
      sample: /etc/xen/scripts/vif-bridge
    gatewaydev:
      description: The interface whose address C(vif-route) takes.
      type: str
      sample: ""
    backend:
      description: The domain that is the other end.
      type: str
      sample: Domain-0
    addresses:
      description: The addresses that its script is told.
      type: list
      elements: str
      sample: [10.0.0.1]
    rate:
      description: How much the guest may send, in xl's words, empty for no limit.
      type: str
      sample: 1250000B/s@50000us
    mtu:
      description: The MTU that libxl was told, 1500 when it was not.
      type: int
      sample: 1500
    trusted:
      description: Whether the guest trusts its other end.
      type: bool
      sample: true
    vlans:
      description: The VLANs of its port, in the words of C(bridge), empty where it is in no bridge.
      type: list
      elements: str
      sample: [10 pvid untagged, 20-29]
    isolated:
      description: Whether its port reaches no other isolated port of its bridge.
      type: bool
      sample: false
    state:
      description: V(connected), or V(NOT CONNECTED) when its script failed or never ended.
      type: str
      sample: connected
    error:
      description: Why its script failed.
      type: str
      sample: ""
    owner:
      description: The label under which it was declared, empty for others.
      type: str
      sample: site
domifs:
  description:
    - Every interface of libvirt's domains that is in a network or bridge, of those that run as they run, of the others as they are stored.
  returned: success
  type: list
  elements: dict
  contains:
    interface:
      description: The name of the host's end, empty where libvirt gives it one at every start.
      type: str
      sample: web-0
    domain:
      description: The domain.
      type: str
      sample: web
    mac:
      description: The guest's MAC address.
      type: str
      sample: "52:54:00:27:95:c0"
    network:
      description: The network of libvirt that it is in, empty for a bridge of others.
      type: str
      sample: dmz
    bridge:
      description: The bridge that it is in, empty for a network without one of its own.
      type: str
      sample: virbr1
    model:
      description: The guest's card.
      type: str
      sample: virtio
    mtu:
      description: Its MTU, 0 where libvirt takes that of the network.
      type: int
      sample: 0
    isolated:
      description: Whether it is kept apart from others that are.
      type: bool
      sample: true
    running:
      description: Whether the domain runs.
      type: bool
      sample: true
    owner:
      description: The label under which it was declared, empty for others.
      type: str
      sample: site
managers:
  description: The network managers that can keep a configuration over a reboot.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The word for it in O(hypervisor.vnet.vnet_host#module:persist).
      type: str
      sample: networkd
    active:
      description: Whether it runs on this host.
      type: bool
      sample: true
    claims:
      description: The interfaces that it configures now.
      type: list
      elements: str
      sample: [eth0, xenbr0]
journal:
  description: The undo journal, and the change that waits to be confirmed.
  returned: success
  type: dict
  contains:
    state:
      description:
        - V(none) when every change is confirmed or undone.
        - V(running) while a module changes the host.
        - V(armed) when a change is done and waits to be confirmed. Unless it is, the host undoes it by itself.
        - V(stale) when a run was killed, or a change was not confirmed and the host could not undo it in time. The next run undoes it first.
      type: str
      sample: none
    groups:
      description: How many groups of steps it can undo.
      type: int
      sample: 0
    seconds_left:
      description: How many seconds are left until the host undoes by itself what it has not been told to keep; 0 when nothing is armed.
      type: int
      sample: 0
dhcp:
  description: The networks that were applied by M(hypervisor.vnet.vnet_dhcp), whom they know, and who has an address.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The network's name.
      type: str
      sample: vnat0
    owner:
      description: The label under which it was declared.
      type: str
      sample: site
    bridge:
      description: Where it is served.
      type: str
      sample: vnat0
    addresses:
      description: The host's own addresses there.
      type: list
      elements: str
      sample: [10.0.0.254/16]
    ranges:
      description: What guests are given in turn, of both families.
      type: list
      elements: str
      sample: [10.0.2.1-10.0.2.254]
    state:
      description: V(running) or V(NOT RUNNING).
      type: str
      sample: running
    persist:
      description: Whether it comes back after a reboot.
      type: bool
      sample: true
    coexist:
      description: Whether exemptions in the filters of others let it pass.
      type: bool
      sample: false
    hosts:
      description: Guests that always get the same.
      type: list
      elements: dict
      contains:
        mac:
          description: The guest's MAC address.
          type: str
          sample: 00:16:3e:27:95:c0
        addresses:
          description: Its addresses.
          type: list
          elements: str
          sample: [10.0.0.1]
        name:
          description: Its name, which can be empty.
          type: str
          sample: rhel4
    leases:
      description: Who has an address now, as far as the server knows.
      type: list
      elements: dict
      contains:
        client:
          description: The guest's MAC address, or its DUID where it has asked by DHCPv6.
          type: str
          sample: 00:16:3e:27:95:c0
        address:
          description: The address.
          type: str
          sample: 10.0.0.1
        name:
          description: The guest's name, which can be empty.
          type: str
          sample: rhel4
        expires:
          description: When the lease ends, in seconds since 1970; 0 for never.
          type: int
          sample: 1795000000
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["vnet_info"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
