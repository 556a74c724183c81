# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Guests whose records came without their networks: hosts of the DHCP that serves their bridge, as their guards know them."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import replace

from .applied import Applied
from .dhcp import AppliedDhcp, DhcpHost, own_interfaces
from .dhcpread import HOST_NAME
from .guard import Guard


def with_guests(applied: Applied) -> dict[str, AppliedDhcp]:
    """The applied networks with those guests that they do not name themselves. What is declared with a network comes first."""
    return {
        name: replace(item, network=replace(item.network, hosts=(*item.network.hosts, *_further(item, applied))))
        for name, item in applied.dhcp.items()
    }


def _further(item: AppliedDhcp, applied: Applied) -> t.Iterator[DhcpHost]:
    macs = {host.mac for host in item.network.hosts}
    taken = {word for host in item.network.hosts for word in (*host.addresses, host.name)}
    for guard in (known.guard for _name, known in sorted(applied.guards.items()) if known.guard.guest):
        if guard.bridge != item.network.bridge or guard.mac in macs:
            continue
        addresses = tuple(text for text in _addresses(guard, item) if text not in taken)
        name = guard.guest if guard.guest not in taken and HOST_NAME.fullmatch(guard.guest) else ""
        if addresses or name:
            yield DhcpHost(guard.mac, addresses, name)
            macs.add(guard.mac)
            taken.update((*addresses, name))


def _addresses(guard: Guard, item: AppliedDhcp) -> t.Iterator[str]:
    """Single ones inside the subnets that are served, of IPv4 the first."""
    own = own_interfaces(item.addresses)
    four = False
    for network in map(ipaddress.ip_network, guard.addresses):
        address = network.network_address
        served = any(address.version == mine.version and address in mine.network for mine in own)
        if network.prefixlen == network.max_prefixlen and served and not (four and address.version == 4):
            four = four or address.version == 4
            yield str(address)
