# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of networks, and of those modules that do one part of them."""

from __future__ import annotations

from ansible_collections.hypervisor.vnet.plugins.doc_fragments._bridge import BRIDGE, indented
from ansible_collections.hypervisor.vnet.plugins.doc_fragments._libvirt import LIBVIRT_OWN

_ROUTED = r"""
sources:
  description:
    - Its subnets. Without them, those of the bridge's addresses.
  type: list
  elements: str
masquerade:
  description:
    - Give IPv4 packets that leave the address of the interface by which they leave. Unless said, it is done where O(networks[].snat) is not
      given.
  type: bool
snat:
  description:
    - Give them this address instead, or one out of a range, as in V(192.0.2.10) or V(192.0.2.10-192.0.2.13). The host must have it.
  type: str
nat_ports:
  description:
    - The source ports that TCP and UDP get. Below 1024 are those that NFS and others take for root's.
  type: str
  default: "1024-65535"
no_nat_to:
  description:
    - Networks to which packets go with their own source, besides all that the collection manages on this host.
  type: list
  elements: str
forwards:
  description:
    - Ports of the host that lead to guests.
  type: list
  elements: dict
  suboptions:
    protocol:
      description:
        - V(both) is TCP and UDP.
      type: str
      choices: [tcp, udp, both]
      default: tcp
    port:
      description:
        - The port, or several in a row as in V(8000-8010).
      type: str
      required: true
    to:
      description:
        - The guest's address, IPv4 or IPv6, which is one of O(networks[].sources).
      type: str
      required: true
    to_port:
      description:
        - The guest's port, or as many as O(networks[].forwards[].port) has. Without it, the same.
      type: str
    listen_address:
      description:
        - Only packets to this address, which may be one that the host only routes. Without it, any of the host's.
      type: str
    listen_interface:
      description:
        - Only packets that come in by this interface. Others do not, nor do those of the host itself.
      type: str
    from:
      description:
        - Only packets from these networks. Without them, from anywhere. Of several forwards of one port, the narrowest counts.
      type: list
      elements: str
nat66:
  description:
    - Masquerade IPv6, too. Without it, IPv6 packets leave as they are.
  type: bool
  default: false
one_to_one:
  description:
    - Addresses of the host that stand for a guest's, in both directions and for all protocols.
  type: list
  elements: dict
  suboptions:
    address:
      description:
        - The address outside. The host must have it, or be the way to it.
      type: str
      required: true
    to:
      description:
        - The guest's address.
      type: str
      required: true
"""

_POINT_TO_POINT = r"""
point_to_point:
  description:
    - There is no bridge; each guest is alone behind its vif or tap, as Xen's vif-nat has it. Guests whose addresses are translated have for their router
      their own address with 127 more in the last octet, which must not be more than 127 then, so 10.0.0.1 has 10.0.0.128. The host answers
      there for everybody else.
    - An interface gets its address and routes whenever it appears, as M(hypervisor.vnet.vnet_route) tells.
  type: bool
  default: false
"""

_NAT_GUESTS = r"""
guests:
  description:
    - The guests of a network with O(networks[].point_to_point=true), each behind an interface of the host.
  type: list
  elements: dict
  suboptions:
    interface:
      description:
        - The host's end of the guest's interface. It need not be there yet.
      type: str
      required: true
    addresses:
      description:
        - The guest's addresses, IPv4 or IPv6.
      type: list
      elements: str
      required: true
"""

_PROXY_ARP = r"""
proxy_arp:
  description:
    - The host answers on the uplink for the guests, by ARP and by neighbour discovery, so that the world needs no route to them.
    - It answers for the addresses of O(guests) in the network, and for each one of its IPv4 networks with up to 256.
    - A bridge without O(networks[].addresses) carries the host's own for its guests then, and a route leads to each of them.
  type: bool
"""

_NAMED = "Name of the network, and of its bridge unless O(networks[].bridge) says otherwise,"
_UPLINK = "NIC, bond or VLAN through which the bridge reaches the world."
_EITHER_UPLINK = (
    "NIC, bond or VLAN through which the network reaches the world. That of a routed network is no port of its bridge; only what leaves by it\n"
    "      is translated, and without it all that leaves for anything but other such networks. The rest is about bridged ones."
)
_NETWORK = BRIDGE.replace("LIST", "networks").replace("Name of the bridge,", _NAMED).replace(_UPLINK, _EITHER_UPLINK)
_TO = "The guest's address, IPv4 or IPv6, which is one of O(networks[].sources)."
_TO_GUEST = "The guest's address, IPv4 or IPv6, which is one of O(networks[].sources), or a name of O(guests), for its first address here."


def _without_defaults(text: str) -> str:
    """What stands where a network says nothing is its layout's word."""
    return text.replace('  default: "1024-65535"\n', "").replace("  type: bool\n  default: false\n", "  type: bool\n")


_NETWORK_ROUTED = (
    _without_defaults(_ROUTED + _POINT_TO_POINT + _NAT_GUESTS + _PROXY_ARP)
    .replace(_TO, _TO_GUEST)
    .replace("those of the bridge's addresses", "those of O(networks[].addresses)")
    .replace(
        "each behind an interface of the host.",
        "beside those of O(guests), which have an interface in it. With\n      O(networks[].proxy_arp=true), those for whom the host answers.",
    )
)

_DHCP = r"""
ranges:
  description:
    - First and last IPv4 address of what guests are given in turn, joined by C(-).
    - Without ranges only O(networks[].hosts) get an address.
  type: list
  elements: str
hosts:
  description:
    - Guests that always get the same addresses and name. They may be inside a range, which then leaves them out.
    - Their names are known to DNS at once, also of guests that do not ask for a lease.
  type: list
  elements: dict
  suboptions:
    mac:
      description:
        - MAC address of the guest's card.
      type: str
      required: true
    addresses:
      description:
        - At most one IPv4 address, and any number of IPv6 addresses. A prefix length behind them does not matter.
      type: list
      elements: str
    name:
      description:
        - Name of the guest, without a domain.
      type: str
router:
  description:
    - The default gateway that guests are told. The host's own address when it is left out, V(none) for no gateway at all.
    - With V(none), router advertisements tell addresses and no route.
  type: str
domain:
  description:
    - The domain of the guests' names.
  type: str
forwarders:
  description:
    - Name servers that are asked for everything else, as in V(192.0.2.53), V(192.0.2.53#5353), or V(/example.org/192.0.2.53) for one domain.
    - The host's own, from F(/etc/resolv.conf), when none is given that is asked for everything.
    - With O(networks[].dns=false) guests are told to ask these themselves.
  type: list
  elements: str
records:
  description:
    - Further names of the network's DNS.
  type: list
  elements: dict
  suboptions:
    name:
      description:
        - The name, with a domain or without.
      type: str
      required: true
    addresses:
      description:
        - Its addresses.
      type: list
      elements: str
      required: true
mtu:
  description:
    - MTU that guests are told. Nothing is said of it when it is left out.
  type: int
lease_time:
  description:
    - How long a lease holds, in seconds or as in V(45m), V(12h), V(2d), V(1w), or V(infinite).
  type: str
  default: 1h
ra:
  description:
    - Whether the host advertises itself as IPv6 router. V(true) where it has an IPv6 subnet, when it is left out.
  type: bool
slaac:
  description:
    - Whether guests may choose their IPv6 addresses. V(true) in a C(/64) with router advertisements, when it is left out.
  type: bool
dhcp6:
  description:
    - First and last IPv6 address of what guests are given by DHCPv6, joined by C(-).
  type: list
  elements: str
options:
  description:
    - Further options of DHCP. What has a word of its own above is not one of them.
  type: list
  elements: dict
  suboptions:
    name:
      description:
        - dnsmasq's name for it, as in V(ntp-server), or its number.
      type: str
      required: true
    values:
      description:
        - What it says, one value for each item. V(0.0.0.0) stands for the host's own address.
      type: list
      elements: str
    ipv6:
      description:
        - Whether it is an option of DHCPv6.
      type: bool
      default: false
    force:
      description:
        - Whether guests that did not ask for it are told, too.
      type: bool
      default: false
dns:
  description:
    - Whether it answers DNS, too.
  type: bool
  default: true
"""

_NETWORK_DHCP = _DHCP.replace("O(networks[].", "O(networks[].dhcp.")


class ModuleDocFragment:
    """Fragments V(hypervisor.vnet._network), V(.nat) and V(.dhcp)."""

    DOCUMENTATION: str = f"""
options:
  networks:
    description:
      - The networks of the host, all in one call.
      - With O(state=absent) only their names count.
      - Without it, they stay as they are.
    type: list
    elements: dict
    suboptions:
      layout:
        description:
          - What the network is, which is what stands where it says nothing else.
          - V(bridge) is a switch, with or without an uplink.
          - V(nat) and V(brouter) have guests who reach the world by the host's address, V(route) guests with addresses to which the world knows
            the way. They are O(networks[].routed=true), with O(networks[].masquerade=true) and V(false).
          - V(libvirt) is one of libvirt's own networks, with a bridge, DHCP, DNS and translation that libvirt makes. It is O(networks[].libvirt)
            without a word in it.
        type: str
        default: bridge
      routed:
        description:
          - The host routes between the network and the world, and everything that M(hypervisor.vnet.vnet_nat) says holds. Give the host
            O(networks[].addresses) there; they are what guests have for their router.
        type: bool
      bridge:
        description:
          - Name of the network's bridge, when it is not named like the network.
        type: str
{indented(_NETWORK, 6)}
{indented(_NETWORK_ROUTED, 6)}
      zone:
        description:
          - The zone that the network is in. A zone that is not one of O(zones) is declared by that.
        type: str
      libvirt:
        description:
          - The network is one of libvirt's, as M(hypervisor.vnet.libvirt_network) makes them, with the addresses, routes, MAC, MTU and spanning tree of
            this network and what stands here besides.
          - With no more than its name, and C(active) or C(autostart), it keeps the definition that it has.
          - With O(networks[].routed=true) libvirt makes no rules for it (forward mode V(open)), and O(networks[].forwards), O(networks[].zone) and
            the rest of M(hypervisor.vnet.vnet_nat) hold. Without, libvirt's rules reject what these allow, and they are refused.
        type: dict
        suboptions:
{indented(LIBVIRT_OWN, 10)}
      dhcp:
        description:
          - Serve the network with DHCP and DNS, as M(hypervisor.vnet.vnet_dhcp) does. Without it, nobody does.
          - A network of libvirt's is served by libvirt, which takes what changes of hosts and names while it runs. It has no word for C(router), C(mtu), C(ra),
            C(slaac), C(options) and C(lease_time), and knows a guest's name for its first address. Its hosts are the guests of the same call.
          - The interfaces of O(guests) in the network are hosts of it, with their addresses and the name of their guest.
        type: dict
        suboptions:
{indented(_NETWORK_DHCP, 10)}
"""

    NAT: str = f"""
options:
  networks:
    description:
      - The networks, all in one call. With O(state=absent) only their names count.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name of the network.
        type: str
        required: true
      bridge:
        description:
          - The bridge of its guests. Without it, the one that is called like the network.
        type: str
      uplink:
        description:
          - Translate only what leaves by this interface. A port of a bridge stands for the bridge.
          - Without it, all that leaves the network by anything but the bridges of O(networks).
        type: str
{indented(_ROUTED, 6)}
{indented(_POINT_TO_POINT, 6)}
{indented(_NAT_GUESTS, 6)}
"""

    DHCP: str = f"""
options:
  networks:
    description:
      - The networks, all in one call.
      - With O(state=absent) only their names count. Their leases go, too.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name of the network, which the service has, too.
        type: str
        required: true
      bridge:
        description:
          - The bridge of the network, ours or not. The network's name when it is left out.
        type: str
      addresses:
        description:
          - Those of the host's addresses on the bridge whose subnets are served, with prefix length.
          - All that the bridge is declared with, or has, when it is left out.
        type: list
        elements: str
{indented(_DHCP, 6)}
"""
