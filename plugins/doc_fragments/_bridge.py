# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a bridge and of every module that changes a host."""

from __future__ import annotations

_BRIDGE = r"""
name:
  description:
    - Name of the bridge, 1 to 15 characters.
  type: str
  required: true
uplink:
  description:
    - NIC, bond or VLAN through which the bridge reaches the world.
    - When no layer 3 option is given, the whole profile of the uplink moves to the bridge, and an SSH session through it survives.
    - Layer 3 options are O(LIST[].addresses), O(LIST[].gateway4), O(LIST[].gateway6), O(LIST[].routes), O(LIST[].dhcp4), O(LIST[].dhcp6)
      and O(LIST[].accept_ra).
    - Leave it out for a bridge among guests only.
  type: str
ports:
  description:
    - Further interfaces that are always ports of the bridge. They must not carry addresses.
    - Ports that come and go, as those of guests, are not named here and never touched.
  type: list
  elements: str
addresses:
  description:
    - Addresses of the host on the bridge, with their prefix length.
  type: list
  elements: str
gateway4:
  description:
    - Default gateway for IPv4. It must lie in the network of one of the O(LIST[].addresses).
  type: str
gateway6:
  description:
    - Default gateway for IPv6. It must lie in the network of one of the O(LIST[].addresses), or be link-local.
  type: str
routes:
  description:
    - Static routes through the bridge.
  type: list
  elements: dict
  suboptions:
    to:
      description:
        - Destination network, or V(default).
      type: str
      required: true
    via:
      description:
        - Address of the router. Without it the network is reached directly.
      type: str
    metric:
      description:
        - Metric of the route. Without it the network manager's own default holds.
      type: int
    table:
      description:
        - Routing table, V(main) unless said otherwise.
      type: str
    source:
      description:
        - Preferred source address.
      type: str
    mtu:
      description:
        - MTU towards this destination.
      type: int
dns:
  description:
    - Addresses of DNS servers. They need a declared profile; with a profile that moves, its servers move along.
  type: list
  elements: str
dns_search:
  description:
    - DNS search domains.
  type: list
  elements: str
dhcp4:
  description:
    - Configure IPv4 by DHCP. The bridge uses the identity of its uplink, so that it keeps the address.
  type: bool
dhcp6:
  description:
    - Configure IPv6 by DHCPv6.
  type: bool
accept_ra:
  description:
    - Configure IPv6 by router advertisements.
  type: bool
stp:
  description:
    - Run the spanning tree protocol. Switch ports stay closed for twice the O(LIST[].forward_delay) after each start.
  type: bool
  default: false
forward_delay:
  description:
    - Seconds that a port listens and learns before it forwards, 2 to 30 with O(LIST[].stp=true), 0 to 30 without.
    - The default is 15 with O(LIST[].stp=true) and 0 without.
  type: int
priority:
  description:
    - Priority in the spanning tree, 0 to 65535; the lowest becomes its root.
  type: int
  default: 32768
ageing_time:
  description:
    - Seconds after which an unheard MAC address is forgotten.
  type: int
  default: 300
mac:
  description:
    - MAC address of the bridge. The default is that of the uplink, or one derived from the host and the name, so that it is always the same.
  type: str
mtu:
  description:
    - MTU of the bridge, at most that of the uplink. The default is the uplink's.
  type: int
multicast_snooping:
  description:
    - Send multicast only to ports that have asked for it.
  type: bool
  default: true
vlan_filtering:
  description:
    - Make the bridge VLAN-aware.
  type: bool
  default: false
no_linklocal_learn:
  description:
    - Do not learn MAC addresses from link-local frames, with which a guest could take over the address of another.
  type: bool
  default: true
"""

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
    - Networks to which packets go with their own source.
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

_NAMED = "Name of the network, and of its bridge unless O(networks[].bridge) says otherwise,"
_UPLINK = "NIC, bond or VLAN through which the bridge reaches the world."
_EITHER_UPLINK = (
    "NIC, bond or VLAN through which the network reaches the world. That of a routed network is no port of its bridge; only what leaves by it\n"
    "      is translated, and without it all that leaves for anything but other such networks. The rest is about bridged ones."
)
_NETWORK = _BRIDGE.replace("LIST", "networks").replace("Name of the bridge,", _NAMED).replace(_UPLINK, _EITHER_UPLINK)
_TO = "The guest's address, IPv4 or IPv6, which is one of O(networks[].sources)."
_TO_GUEST = "The guest's address, IPv4 or IPv6, which is one of O(networks[].sources), or a name of O(guests), for its first address here."


def _without_defaults(text: str) -> str:
    """What stands where a network says nothing is its layout's word."""
    return text.replace('  default: "1024-65535"\n', "").replace("  type: bool\n  default: false\n", "  type: bool\n")


_NETWORK_ROUTED = (
    _without_defaults(_ROUTED).replace(_TO, _TO_GUEST).replace("those of the bridge's addresses", "those of O(networks[].addresses)")
)


def _indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line if line else line for line in text.strip("\n").split("\n"))


class ModuleDocFragment:
    """Fragments V(hypervisor.vnet._bridge), V(.networks), V(.nat) and V(.change)."""

    # Annotated, because linters that look for plain YAML in an assignment would read the placeholders as such.
    DOCUMENTATION: str = f"""
options:
  bridges:
    description:
      - The bridges, all in one call.
      - With O(state=absent) only their names count.
    type: list
    elements: dict
    default: []
    suboptions:
{_indented(_BRIDGE.replace("LIST", "bridges"), 6)}
"""

    NETWORKS: str = f"""
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
{_indented(_NETWORK, 6)}
{_indented(_NETWORK_ROUTED, 6)}
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
{_indented(_ROUTED, 6)}
"""

    CHANGE = r"""
options:
  state:
    description:
      - V(present) makes what the list declares; V(absent) removes what it names and gives uplinks back what they had.
    type: str
    choices: [present, absent]
    default: present
  persist:
    description:
      - What keeps the configuration over a reboot. V(auto) takes what manages the uplink now, else what runs on the host.
      - Hosts with netplan are kept by the back end below it.
      - V(none) changes the running kernel only.
    type: str
    choices: [auto, networkd, ifupdown, networkmanager, none]
    default: auto
  adopt:
    description:
      - Take over a bridge that exists and is not ours. Removing it later leaves it as it was before.
    type: bool
    default: false
  bridge_netfilter:
    description:
      - Whether bridged frames pass through iptables (V(enable)) or not (V(disable)), also after a reboot and when the module br_netfilter is
        loaded later. V(keep) leaves it as it is.
      - As long as every bridge is O(persist=none), it holds for the running kernel only.
      - It is a switch of the whole host.
    type: str
    choices: [keep, enable, disable]
    default: keep
"""
