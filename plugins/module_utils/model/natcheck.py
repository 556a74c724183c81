# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What is wrong with networks behind address translation, once it is known which subnets they have."""

from __future__ import annotations

import ipaddress
import typing as t

from .guard import Network
from .nat import Forward, Nat, router_of
from .problem import Problem

# A network and where it was written, which is no place in the list for one that was applied before.
Placed = tuple[str, Nat]


def declared_problems(nats: t.Sequence[Nat], path: str) -> list[Problem]:
    """What can be said before the host has told which subnets the others have. Of a name that is there twice, the first counts."""
    placed: dict[str, Placed] = {}
    for index, nat in enumerate(nats):
        placed.setdefault(nat.name, (f"{path}[{index}]", nat))
    return nat_problems([(place, nat) for place, nat in placed.values() if nat.sources], [])


def nat_problems(placed: t.Sequence[Placed], others: t.Sequence[Placed]) -> list[Problem]:
    """The problems of each of ``placed``, and those between them and ``others``, which stand already."""
    problems = [problem for path, nat in placed for problem in _inside(path, nat)]
    everybody = [*others, *placed]
    paths = tuple(path for path, _nat in placed)
    found = [*_bridges(everybody), *_overlaps(everybody), *_forward_clashes(everybody), *_pair_clashes(everybody)]
    return problems + [problem for problem in found if problem.path.startswith(paths)]


def _inside(path: str, nat: Nat) -> list[Problem]:
    """Guests are in their network."""
    problems = []
    networks = [network for version in (4, 6) for network in nat.networks(version)]
    if not networks:
        cure = "list its guests" if nat.point_to_point else "list its subnets, or give the bridge addresses"
        return [Problem(f"{path}.sources", f"nothing says which subnets {nat.bridge} has; {cure}")]
    problems += _point_to_point(path, nat)
    if nat.uplink in nat.interfaces:
        why = "the uplink is the network's own bridge, or a port of it"
        problems.append(Problem(f"{path}.uplink", f"{why}; name the interface that leads to the world, or leave uplink out"))
    if nat.nat66 and not nat.networks(6):
        problems.append(Problem(f"{path}.nat66", "the network has no IPv6 subnet; add one to sources or to the bridge, or leave nat66 out"))
    targets = [(f"{path}.forwards[{at}].to", item.to) for at, item in enumerate(nat.forwards)]
    targets += [(f"{path}.one_to_one[{at}].to", inside) for at, (_outside, inside) in enumerate(nat.one_to_one)]
    problems += [problem for place, to in targets if to for problem in _target(place, to, networks)]
    for at, (outside, _inside) in enumerate(nat.one_to_one):
        if outside and any(ipaddress.ip_address(outside) in network for network in networks):
            place = f"{path}.one_to_one[{at}].address"
            problems.append(Problem(place, f"{outside} is inside the network itself; name the address that the world sees"))
    return problems


def _point_to_point(path: str, nat: Nat) -> list[Problem]:
    """What Xen's vif-nat cannot express, and guests that are none of the network."""
    problems = []
    seen: dict[str, str] = {}
    for guest in nat.guests:
        place = f"{path}.guests"
        networks = [network for version in (4, 6) for network in nat.networks(version)]
        problems += _target(place, guest.address, networks)
        if guest.address in seen:
            problems.append(Problem(place, f"{guest.address} is behind {seen[guest.address]} and {guest.interface}; a guest has one place"))
        seen.setdefault(guest.address, guest.interface)
        if nat.point_to_point and nat.translates and not router_of(guest.address):
            why = f"{guest.address} has no router: that is its own address with 127 more in the last octet"
            problems.append(Problem(place, f"{why}; take an address that ends in 1 to 127"))
    return problems


def _target(place: str, to: str, networks: t.Sequence[Network]) -> list[Problem]:
    address = ipaddress.ip_address(to)
    network = next((network for network in networks if address in network), None)
    if network is None:
        known = " and ".join(str(network) for network in networks)
        return [Problem(place, f"{to} is outside {known}; name an address of a guest in this network")]
    if network.version == 4 and network.prefixlen < 31 and address in (network.network_address, network.broadcast_address):
        return [Problem(place, f"{to} is the network's own or its broadcast address; name an address of a guest")]
    return []


def _bridges(everybody: t.Sequence[Placed]) -> list[Problem]:
    problems = []
    seen: dict[str, str] = {}
    for path, nat in everybody:
        option = "guests" if nat.point_to_point else "name" if nat.bridge == nat.name else "bridge"
        for name in nat.interfaces:
            if name in seen:
                problems.append(Problem(f"{path}.{option}", f"{name} is already the bridge of {seen[name]}; a bridge has one network"))
            seen.setdefault(name, path)
    return problems


def _overlaps(everybody: t.Sequence[Placed]) -> list[Problem]:
    """In the order of their first addresses, who overlaps stands behind the widest so far."""
    claims = []
    for order, (path, nat) in enumerate(everybody):
        for version in (4, 6):
            for network in nat.networks(version):
                claims.append((version, int(network.network_address), int(network.broadcast_address), order, path, network))
    problems = []
    widest = None
    for claim in sorted(claims, key=lambda item: item[:4]):
        if widest and claim[0] == widest[0] and claim[1] <= widest[2]:
            older, newer = sorted((widest, claim), key=lambda item: item[3])
            if older[4] != newer[4]:
                text = f"{newer[5]} overlaps {older[5]} of {older[4]}; give each network of a host subnets of its own"
                problems.append(Problem(f"{newer[4]}.sources", text))
        if not widest or claim[0] != widest[0] or claim[2] > widest[2]:
            widest = claim
    return problems


def _keys(item: Forward) -> t.Iterator[tuple[t.Any, ...]]:
    """What packets are known by; two forwards of one key would contradict each other."""
    for source in item.sources or ("",):
        for protocol in item.protocols:
            for port in range(item.ports[0], item.ports[1] + 1):
                yield item.version, item.listen_interface, item.listen_address, source, protocol, port


def _forward_clashes(everybody: t.Sequence[Placed]) -> list[Problem]:
    problems = []
    seen: dict[tuple[t.Any, ...], str] = {}
    for path, nat in everybody:
        for at, item in enumerate(nat.forwards):
            if not item.to:
                continue
            place = f"{path}.forwards[{at}]"
            taken = next(((key, seen[key]) for key in _keys(item) if key in seen), None)
            if taken:
                (_version, interface, address, source, protocol, port), first = taken
                where = "".join(
                    [f" of {address}" if address else "", f" on {interface}" if interface else "", f" from {source}" if source else ""]
                )
                text = f"{protocol} port {port}{where} is already at {first}; a port leads to one place"
                problems.append(Problem(f"{place}.port", f"{text}, so take another, or another listen_address"))
            for key in _keys(item):
                seen.setdefault(key, place)
    return problems


def _pair_clashes(everybody: t.Sequence[Placed]) -> list[Problem]:
    problems = []
    seen: dict[str, str] = {}
    for path, nat in everybody:
        for at, pair in enumerate(nat.one_to_one):
            for option, address in zip(("address", "to"), pair):
                place = f"{path}.one_to_one[{at}].{option}"
                if address and address in seen:
                    problems.append(Problem(place, f"{address} is already at {seen[address]}; one stands for one"))
                seen.setdefault(address, place)
    return problems
