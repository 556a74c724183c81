# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of zones and policies."""

from __future__ import annotations

from ansible_collections.hypervisor.vnet.plugins.doc_fragments._bridge import indented

_ZONE = r"""
name:
  description:
    - Name of the zone, up to 31 small letters, digits and single underscores. V(host) is the host itself and needs no declaration.
  type: str
  required: true
networks:
  description:
    - The bridges of guests that belong to it. They need not exist yet.
  type: list
  elements: str
interfaces:
  description:
    - Other interfaces that belong to it, as uplinks. A port of a bridge is refused, because its packets come by the bridge.
  type: list
  elements: str
"""

_POLICY = r"""
from:
  description:
    - The zone in which the connection begins.
  type: str
  required: true
to:
  description:
    - The zone in which it ends, or V(host).
  type: str
  required: true
allow:
  description:
    - What may begin there, as V(tcp/443), V(tcp/8000-8010), V(udp/53), V(icmp) for ICMP and ICMPv6, or V(any).
    - Nothing without it. Towards V(host) that closes the host to the zone.
  type: list
  elements: str
log:
  description:
    - Log what is refused to the NFLOG group 0, ten packets a second at most. C(tcpdump -i nflog:0) or ulogd read it.
  type: bool
  default: false
"""


class ModuleDocFragment:
    """Fragments V(hypervisor.vnet._zone) and V(.host)."""

    DOCUMENTATION: str = f"""
options:
  zones:
    description:
      - The zones, all in one call. With O(state=absent) only their names count.
    type: list
    elements: dict
    default: []
    suboptions:
{indented(_ZONE, 6)}
  policies:
    description:
      - What may pass from one zone to another, all in one call. With O(state=absent) only O(policies[].from) and O(policies[].to) count.
    type: list
    elements: dict
    default: []
    suboptions:
{indented(_POLICY, 6)}
"""

    HOST: str = f"""
options:
  zones:
    description:
      - The zones, beside those that O(networks[].zone) names. With O(state=absent) only their names count.
      - Where neither they nor O(policies) nor O(networks[].zone) are given, zones and policies stay as they are.
    type: list
    elements: dict
    suboptions:
{indented(_ZONE, 6)}
  policies:
    description:
      - What may pass from one zone to another, as M(hypervisor.vnet.vnet_zones) does it. With O(state=absent) only O(policies[].from) and
        O(policies[].to) count.
    type: list
    elements: dict
    suboptions:
{indented(_POLICY, 6)}
"""
