# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of QEMU's own networks, as the filter qemu_netdev has them."""

from __future__ import annotations


class ModuleDocFragment:
    """``hypervisor.vnet._qemu.user`` and ``hypervisor.vnet._qemu.passt``."""

    USER = r"""
options:
  net:
    description:
      - O(type=user) The guest's network, with its prefix length. QEMU's own is 10.0.2.0/24.
    type: str
  dhcpstart:
    description:
      - O(type=user) First of the 16 addresses that the guest may get. QEMU's own is x.x.2.15.
    type: str
  ipv6_net:
    description:
      - O(type=user) The guest's IPv6 network, with its prefix length. QEMU's own is fec0::/64.
    type: str
  ipv6_host:
    description:
      - O(type=user) The host's IPv6 address as the guest sees it.
    type: str
  ipv6_dns:
    description:
      - O(type=user) IPv6 address of the DNS server in the guest's network.
    type: str
  restrict:
    description:
      - O(type=user) Keep the guest from the host and the world, and tell it neither a router nor a DNS server.
        O(hostfwd) and O(guestfwd) still work.
    type: bool
  hostname:
    description:
      - O(type=user) Name that DHCP gives the guest.
    type: str
  domainname:
    description:
      - O(type=user) Domain that DHCP gives the guest.
    type: str
  dnssearch:
    description:
      - O(type=user) Domains that the guest searches.
    type: list
    elements: str
  tftp:
    description:
      - O(type=user) Folder of a TFTP server for the guest.
    type: str
  tftp_server_name:
    description:
      - O(type=user) Name of the TFTP server that DHCP tells.
    type: str
  bootfile:
    description:
      - O(type=user) File that DHCP tells the guest to boot, below O(tftp).
    type: str
  smb:
    description:
      - O(type=user) Folder of an SMB server for the guest. Needs C(smbd) on the host.
    type: str
  smbserver:
    description:
      - O(type=user) Address of the SMB server in the guest's network. QEMU's own is x.x.2.4.
    type: str
  hostfwd:
    description:
      - O(type=user) Ports of the host that lead to the guest.
    type: list
    elements: dict
    suboptions:
      protocol:
        description: What is forwarded. V(unix), a socket file of the host that leads to a TCP port, came with QEMU 10.2.
        type: str
        choices: [tcp, udp, unix]
        default: tcp
      listen_address:
        description: IPv4 address of the host. All of them without it. QEMU's parser has no place for an IPv6 one.
        type: str
      port:
        description: Port of the host. With V(0) the kernel chooses a free one, which C(info usernet) in the monitor tells.
        type: int
      path:
        description: For V(unix), the socket file. Without a dash, which QEMU would take for the end of the path.
        type: str
      to:
        description: Address of the guest. QEMU takes the first that its DHCP server gives, without it.
        type: str
      to_port:
        description: Port of the guest. The same as on the host, without it.
        type: int
  guestfwd:
    description:
      - O(type=user) Addresses of the guest's network at which something of the host answers over TCP.
    type: list
    elements: dict
    suboptions:
      address:
        description: Address in O(net), neither O(host) nor O(dns).
        type: str
        required: true
      port:
        description: Port there.
        type: int
        required: true
      command:
        description: Program to run for each connection, with the connection as its input and output.
        type: str
      to:
        description: Character device in QEMU's words, as in V(tcp:192.0.2.7:80) or V(chardev:ID), in place of O(guestfwd[].command).
        type: str
"""

    PASST = r"""
options:
  socket:
    description:
      - O(type=passt) Socket of a C(passt) that is already running. Its options are then given to it, not to QEMU.
    type: str
  reconnect_ms:
    description:
      - O(type=passt) Milliseconds after which QEMU connects to O(socket) again, since QEMU 9.2.
    type: int
  path:
    description:
      - O(type=passt) The program, when it is not in the search path.
    type: str
  quiet:
    description:
      - O(type=passt) V(false) shows what passt has to say.
    type: bool
  vhost_user:
    description:
      - O(type=passt) Frames go by shared memory. The guest's memory must be shared.
    type: bool
  mtu:
    description:
      - O(type=passt) MTU that the guest is told by DHCP and router advertisements, V(0) for none.
    type: int
  address:
    description:
      - O(type=passt) Address for the guest. The host's own, without it.
    type: str
  netmask:
    description:
      - O(type=passt) Its netmask or prefix length.
    type: str
  gateway:
    description:
      - O(type=passt) Gateway that the guest is told.
    type: str
  interface:
    description:
      - O(type=passt) Interface of the host whose addresses and routes the guest gets.
    type: str
  outbound:
    description:
      - O(type=passt) Address that connections leave from.
    type: str
  outbound_if4:
    description:
      - O(type=passt) Interface that IPv4 leaves by.
    type: str
  outbound_if6:
    description:
      - O(type=passt) Interface that IPv6 leaves by.
    type: str
  search:
    description:
      - O(type=passt) Domains that the guest searches.
    type: list
    elements: str
  fqdn:
    description:
      - O(type=passt) Full name that the guest is told.
    type: str
  dhcp_dns:
    description:
      - O(type=passt) V(false) tells the guest no DNS servers.
    type: bool
  dhcp_search:
    description:
      - O(type=passt) V(false) tells the guest no domains.
    type: bool
  map_host_loopback:
    description:
      - O(type=passt) Address that leads the guest to the host's loopback, or V(none).
    type: str
  map_guest_addr:
    description:
      - O(type=passt) Address that leads the guest to its own address as the host has it, or V(none).
    type: str
  dns_forward:
    description:
      - O(type=passt) Address at which the guest's queries are taken and handed to the host's DNS server.
    type: str
  dns_host:
    description:
      - O(type=passt) The DNS server that they are handed to.
    type: str
  tcp:
    description:
      - O(type=passt) V(false) switches TCP off.
    type: bool
  udp:
    description:
      - O(type=passt) V(false) switches UDP off.
    type: bool
  icmp:
    description:
      - O(type=passt) V(false) switches ICMP off.
    type: bool
  dhcp:
    description:
      - O(type=passt) V(false) switches the DHCP server off.
    type: bool
  dhcpv6:
    description:
      - O(type=passt) V(false) switches the DHCPv6 server off.
    type: bool
  ndp:
    description:
      - O(type=passt) V(false) leaves neighbour discovery unanswered.
    type: bool
  ra:
    description:
      - O(type=passt) V(false) sends no router advertisements.
    type: bool
  freebind:
    description:
      - O(type=passt) Allow forwards from addresses that the host does not have yet.
    type: bool
  tcp_ports:
    description:
      - O(type=passt) TCP ports of the host that lead to the guest, each as C(passt --tcp-ports) has it, as in V(127.0.0.1/5022:22).
    type: list
    elements: str
  udp_ports:
    description:
      - O(type=passt) The same for UDP.
    type: list
    elements: str
  param:
    description:
      - O(type=passt) Further arguments for passt, as they are.
    type: list
    elements: str
"""
