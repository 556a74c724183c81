# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of every module that changes a host: how a change is confirmed."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragment V(hypervisor.vnet._confirm)."""

    DOCUMENTATION = r"""
options:
  confirm_timeout:
    description:
      - Seconds, from the first step of a change that touches the connection of the controller, after which the host undoes it by itself
        unless it was confirmed. 5 to 3600.
      - The controller confirms over a fresh connection, after the O(probes) that passed before have passed again.
        Where it cannot, the task fails once the host has returned to what it was.
      - V(0) leaves the host without this watchdog, with a warning.
    type: int
    default: 120
  confirm:
    description:
      - Which changes must be confirmed. V(auto) means those that touch the connection of the controller, V(always) means all.
    type: str
    choices: [auto, always]
    default: auto
"""

    # What is asked before and after, and by what name.
    PROBES = r"""
options:
  probes:
    description:
      - What the host must still reach after the change. All of it is tried before the first step too,
        and what fails there already is not required later.
    type: dict
    suboptions:
      gateway:
        description:
          - The default gateways of IPv4 and IPv6, as they are at that time, answer ARP or neighbour discovery, or ICMP echo.
          - Of an IPv4 route with several gateways all must answer, of several IPv6 gateways one.
            Of a route without a gateway the interface must have its carrier.
        type: bool
        default: true
      tcp:
        description:
          - Services that accept a connection, as in V(10.0.0.1:22), V(host.example.org:22) or V([2001:db8::1]:22).
        type: list
        elements: str
        default: []
      dns:
        description:
          - Names that the host can resolve in the way that it resolves all names.
        type: list
        elements: str
        default: []
  checkpoint:
    description:
      - Identifies the change between the controller and the host. The collection sets it by itself; leave it alone.
    type: str
    default: ""
"""
