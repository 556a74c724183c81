# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network of libvirt has, in the words of both modules that make them."""

from __future__ import annotations

LIBVIRT = r"""
name:
  description:
    - The name of the network in libvirt.
  type: str
  required: true
active:
  description:
    - Whether it runs.
  type: bool
  default: true
autostart:
  description:
    - Whether libvirt starts it at boot.
  type: bool
  default: true
xml:
  description:
    - The whole definition as libvirt's C(<network>) element, in place of the options below. Its name may be left out.
  type: str
bridge:
  description:
    - The bridge that libvirt makes, which is named like the network unless said otherwise. With V(bridge) for O(networks[].forward.mode),
      the bridge that is there.
  type: str
mac:
  description:
    - The MAC of that bridge. Without it libvirt chooses one once.
  type: str
stp:
  description:
    - Spanning tree on that bridge. libvirt switches it on, and then a guest waits four seconds until its port forwards.
  type: bool
delay:
  description:
    - The bridge's forward delay in seconds. libvirt's own is 0.
  type: int
mtu:
  description:
    - MTU of the bridge and of guests' interfaces.
  type: int
zone:
  description:
    - The zone of firewalld that the bridge is put into, for which firewalld must run. Without it networks of V(nat) and V(route) are in libvirt's
      own zones, and one of V(open) is in none, where firewalld stops its guests; say V(libvirt) for it. libvirt 9.0 does not heed that for V(open).
  type: str
ipv6:
  description:
    - Let guests of a network without an IPv6 address of the host talk IPv6 among themselves.
  type: bool
forward:
  description:
    - How guests reach what is outside.
  type: dict
  suboptions:
    mode:
      description:
        - V(nat) translates, V(route) does not, V(open) leaves the firewall to others, as M(hypervisor.vnet.vnet_nat) and
          M(hypervisor.vnet.vnet_zones), and V(isolated) goes nowhere.
        - V(bridge) plugs guests into a bridge of the host. V(private), V(vepa) and V(passthrough) are macvtap's on interfaces of the host,
          V(hostdev) hands out virtual functions.
      type: str
      choices: [nat, route, open, isolated, bridge, private, vepa, passthrough, hostdev]
      default: nat
    dev:
      description:
        - The only interface that packets leave by.
      type: str
    interfaces:
      description:
        - Interfaces that are handed out to guests, or that macvtap stands on.
      type: list
      elements: str
    pf:
      description:
        - The physical function whose virtual functions are handed out.
      type: str
    addresses:
      description:
        - PCI addresses of virtual functions, as in V(0000:03:10.1).
      type: list
      elements: str
    driver:
      description:
        - The driver for V(hostdev), as V(vfio).
      type: str
    managed:
      description:
        - Whether libvirt takes a device from its host driver and gives it back.
      type: bool
      default: false
    nat_addresses:
      description:
        - The addresses that guests appear as, one or first and last.
      type: str
    nat_ports:
      description:
        - The ports that they appear with. libvirt's own are 1024-65535.
      type: str
    nat_ipv6:
      description:
        - Translate IPv6, too. Otherwise libvirt routes it.
      type: bool
      default: false
domain:
  description:
    - The DNS domain of guests.
  type: dict
  suboptions:
    name:
      description:
        - The domain.
      type: str
      required: true
    local_only:
      description:
        - Never ask others about it.
      type: bool
      default: false
    register:
      description:
        - Tell systemd-resolved of it. Needs libvirt 10.1.
      type: bool
      default: false
addresses:
  description:
    - The host's addresses, and what DHCP gives in their subnets.
  type: list
  elements: dict
  suboptions:
    address:
      description:
        - An address with its prefix length.
      type: str
      required: true
    ranges:
      description:
        - What DHCP may give, each as first and last address.
      type: list
      elements: str
    hosts:
      description:
        - Guests that always get the same address.
      type: list
      elements: dict
      suboptions:
        mac:
          description:
            - How IPv4 knows the guest.
          type: str
        id:
          description:
            - How DHCPv6 knows the guest, its DUID.
          type: str
        name:
          description:
            - The guest's name in DNS.
          type: str
        address:
          description:
            - What it gets.
          type: str
          required: true
    bootp:
      description:
        - What guests boot from.
      type: dict
      suboptions:
        file:
          description:
            - The file.
          type: str
          required: true
        server:
          description:
            - Who has it, when it is not the host.
          type: str
    tftp:
      description:
        - The folder of the host that is served by TFTP.
      type: str
    local_ptr:
      description:
        - Never ask others for names of addresses in the subnet.
      type: bool
      default: false
dns:
  description:
    - The DNS that guests are offered.
  type: dict
  suboptions:
    enable:
      description:
        - Whether there is one.
      type: bool
      default: true
    forward_plain_names:
      description:
        - Whether names without a domain are asked of others.
      type: bool
    forwarders:
      description:
        - Who is asked what is not known here.
      type: list
      elements: dict
      suboptions:
        address:
          description:
            - A server.
          type: str
        domain:
          description:
            - The only domain that it is asked for.
          type: str
    hosts:
      description:
        - Addresses and their names.
      type: list
      elements: dict
      suboptions:
        address:
          description:
            - The address.
          type: str
          required: true
        names:
          description:
            - Its names.
          type: list
          elements: str
          required: true
    txt:
      description:
        - TXT records.
      type: list
      elements: dict
      suboptions:
        name:
          description:
            - The name.
          type: str
          required: true
        value:
          description:
            - The text.
          type: str
          required: true
    srv:
      description:
        - SRV records.
      type: list
      elements: dict
      suboptions:
        service:
          description:
            - The service.
          type: str
          required: true
        protocol:
          description:
            - Its protocol.
          type: str
          required: true
        domain:
          description:
            - The domain that it is in.
          type: str
        target:
          description:
            - Who serves it.
          type: str
        port:
          description:
            - The port there.
          type: int
        priority:
          description:
            - Lower ones are tried first.
          type: int
        weight:
          description:
            - How often among the same priority.
          type: int
routes:
  description:
    - Routes of the host to what is behind guests.
  type: list
  elements: dict
  suboptions:
    to:
      description:
        - The destination.
      type: str
      required: true
    via:
      description:
        - The guest.
      type: str
      required: true
    metric:
      description:
        - The route's metric.
      type: int
vlan:
  description:
    - The VLANs of guests' ports. On a bridge of Linux this needs libvirt 11.0.
  type: dict
  suboptions: &vlan
    tags:
      description:
        - The VLANs.
      type: list
      elements: int
      required: true
    trunk:
      description:
        - Tag frames of a single VLAN, too. Those of several always are.
      type: bool
      default: false
    native:
      description:
        - The one of the tags that frames without a tag belong to.
      type: int
portgroups:
  description:
    - Classes of guests' ports.
  type: list
  elements: dict
  suboptions:
    name:
      description:
        - Its name.
      type: str
      required: true
    default:
      description:
        - Whether guests that name none belong to it.
      type: bool
      default: false
    vlan:
      description:
        - As O(networks[].vlan).
      type: dict
      suboptions: *vlan
    bandwidth: &bandwidth
      description:
        - The limits of traffic, seen from the guests.
      type: dict
      suboptions:
        inbound: &flow
          description:
            - One direction.
          type: dict
          suboptions:
            average:
              description:
                - KiB a second.
              type: int
            peak:
              description:
                - KiB a second in a burst.
              type: int
            burst:
              description:
                - KiB that may pass at the peak.
              type: int
        outbound: *flow
bandwidth: *bandwidth
port_isolation:
  description:
    - Keep guests apart, so that they only reach the host and what is behind it.
  type: bool
dnsmasq_options:
  description:
    - Lines of dnsmasq's own configuration.
  type: list
  elements: str
"""
