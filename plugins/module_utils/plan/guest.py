# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Addresses for guests that shall have any: free ones of their network, which they keep as long as they are declared."""

from __future__ import annotations

import hashlib
import ipaddress
import typing as t
from dataclasses import replace

from ..model.applied import Applied
from ..model.guard import AppliedGuard, Guard, Network, to_network
from ..model.problem import Problem
from .libvirtbridges import libvirt_bridges

_Interface = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
# In a network with so few left the search would try every address.
_TRIES = 1 << 16


def assign_addresses(
    placed: t.Sequence[tuple[str, Guard]], others: t.Iterable[AppliedGuard], applied: Applied
) -> tuple[list[Guard], list[Problem]]:
    """The declared guards with their addresses. ``others``: the guards that stay beside them; ``applied`` knows the bridges.

    Who had an address of the network before keeps it, unless somebody else is now declared with it. For the others the search
    begins where the interface's name says, so that those who come and go seldom meet.
    """
    if not any(guard.auto for _place, guard in placed):
        return [guard for _place, guard in placed], []
    taken = [network for item in others for network in _own(item.guard)]
    used = _Used([*taken, *(network for _place, guard in placed for network in _own(guard))])
    problems: list[Problem] = []
    places: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    waiting: list[tuple[str, _Interface]] = []
    for place, guard in placed:
        nets, wrong = _networks(guard, place, applied)
        problems += wrong
        for net in nets:
            kept = used.keep(applied.guards.get(guard.name), net)
            if kept:
                found.setdefault(guard.name, []).append(kept)
            else:
                waiting.append((guard.name, net))
        places[guard.name] = place
    for name, net in sorted(waiting, key=lambda item: item[0]):
        address = used.search(name, net)
        if address:
            found.setdefault(name, []).append(address)
        else:
            problems.append(Problem(f"{places[name]}.addresses", f"{net.network} has no free address; widen it, or write one"))
    settled = [replace(guard, addresses=tuple(sorted(found.get(guard.name, ())))) if guard.auto else guard for _place, guard in placed]
    return settled, problems


def _own(guard: Guard) -> list[Network]:
    return [] if guard.auto else [to_network(text) for text in (*guard.addresses, *(network for _mac, network in guard.pairs))]


def _networks(guard: Guard, place: str, applied: Applied) -> tuple[list[_Interface], list[Problem]]:
    """Where a guard that shall have any address gets one: the host's first on its bridge in each family, with its network."""
    if not guard.auto:
        return [], []
    known = applied.bridges.get(guard.bridge)
    where = f"{place}.addresses"
    if guard.bridge in libvirt_bridges(applied):
        return [], [Problem(where, f"auto takes an address of a network of ours, and {guard.bridge} is libvirt's; write the address")]
    if known is None:
        return [], [Problem(where, f"auto takes an address of a network that is declared, and {guard.bridge} is not; write the address")]
    if known.bridge.uplink:
        why = f"{guard.bridge} has the uplink {known.bridge.uplink}, behind which others have addresses that this host cannot know"
        return [], [Problem(where, f"auto is not possible: {why}; write the address")]
    found: dict[int, _Interface] = {}
    for text in known.bridge.addresses:
        own = ipaddress.ip_interface(text)
        if own.version in guard.families and not own.is_link_local:
            found.setdefault(own.version, own)
    if not found:
        cure = f"give {guard.bridge} addresses, or write the guest's"
        return [], [Problem(where, f"auto takes an address of the network, and {guard.bridge} has none of a family that is open; {cure}")]
    return list(found.values()), []


class _Used:
    """What is taken: single addresses, and the few networks that are wider."""

    def __init__(self, networks: t.Iterable[Network]) -> None:
        self._single: set[t.Any] = set()
        self._wide: list[Network] = []
        for network in networks:
            if network.prefixlen == network.max_prefixlen:
                self._single.add(network.network_address)
            else:
                self._wide.append(network)

    def keep(self, known: AppliedGuard | None, net: _Interface) -> str:
        """The address that somebody had there, if it is still free; it is taken then."""
        self._single.add(net.ip)
        for text in known.guard.addresses if known else ():
            own = to_network(text)
            if own.prefixlen == own.max_prefixlen and own.network_address in net.network and self._is_free(own.network_address):
                self._single.add(own.network_address)
                return text
        return ""

    def search(self, name: str, net: _Interface) -> str:
        """The first free one from where the name says, in canonical form as a network; empty when there is none."""
        network = net.network
        # The first is the network's or its routers', the last is everybody's.
        first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
        count = last - first + 1
        if count < 1:
            return ""
        kind = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
        digest = int.from_bytes(hashlib.sha256(f"{name}/{network}".encode()).digest(), "big")
        for step in range(min(count, _TRIES)):
            address = kind(first + (digest + step) % count)
            if self._is_free(address):
                self._single.add(address)
                return f"{address}/{network.max_prefixlen}"
        return ""

    def _is_free(self, address: t.Any) -> bool:
        return address not in self._single and not any(address in network for network in self._wide)
