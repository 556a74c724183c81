# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a bridge and of every module that changes a host."""

from __future__ import annotations

BRIDGE = r"""
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


def indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line if line else line for line in text.strip("\n").split("\n"))


class ModuleDocFragment:
    """Fragments V(hypervisor.vnet._bridge) and V(.change)."""

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
{indented(BRIDGE.replace("LIST", "bridges"), 6)}
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
