# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of routes to guests."""

from __future__ import annotations

from ansible_collections.hypervisor.vnet.plugins.doc_fragments._bridge import indented

_ROUTE = r"""
name:
  description:
    - Name of the item, and of its interface unless O(routes[].interface) says otherwise.
  type: str
  required: true
interface:
  description:
    - The vif, tap or bridge behind which they are. It need not be there yet.
  type: str
guests:
  description:
    - Addresses of guests, IPv4 or IPv6. Each gets a route of its own.
  type: list
  elements: str
subnets:
  description:
    - Networks behind the interface. Without O(routes[].guests), those of the interface's own addresses when it is left out.
  type: list
  elements: str
via:
  description:
    - The router by which O(routes[].subnets) are reached. Such an item is a route and no more, and nothing is filtered for it.
  type: str
source:
  description:
    - The host's address that the interface carries for its guests, at most one of each family, which is what they have for their router.
    - The first one of O(routes[].uplink) when it is left out, as Xen's vif-route has it. Name it where the uplink has its address by DHCP.
  type: list
  elements: str
metric:
  description:
    - Metric of the routes. The kernel's own when it is left out.
  type: int
proxy_arp:
  description:
    - Whether the host answers on O(routes[].uplink) for the guests, by ARP and by neighbour discovery, so that nobody else has to know the way.
    - It answers for single addresses, those of O(routes[].guests) and of IPv4 networks with up to 256.
    - Where there are O(routes[].guests) it does, when it is left out.
  type: bool
uplink:
  description:
    - The interface that leads to the world. A port of a bridge stands for the bridge.
    - That of the default route when it is left out.
  type: str
"""


class ModuleDocFragment:
    """Fragments V(hypervisor.vnet._route) and V(.host)."""

    DOCUMENTATION: str = f"""
options:
  routes:
    description:
      - The routes, all in one call. With O(state=absent) only their names count.
    type: list
    elements: dict
    default: []
    suboptions:
{indented(_ROUTE, 6)}
"""

    HOST: str = f"""
options:
  routes:
    description:
      - Guests and networks that the host routes to beside those of O(networks), as M(hypervisor.vnet.vnet_route) does.
      - Without it, they stay as they are.
    type: list
    elements: dict
    suboptions:
{indented(_ROUTE, 6)}
"""
