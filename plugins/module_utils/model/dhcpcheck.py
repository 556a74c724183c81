# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What does not go together in DHCP and DNS: addresses and their subnets, hosts, and networks."""

from __future__ import annotations

import ipaddress
import typing as t

from .dhcp import NO_ROUTER, Dhcp, DhcpHost, Interface, own_interfaces
from .problem import Problem

Address = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_SLAAC = 64  # RFC 4862 with the interface identifiers of RFC 4291


def subnet_problems(network: Dhcp, addresses: t.Sequence[str], path: str, places: t.Sequence[str] = ()) -> list[Problem]:
    """What is wrong once it is known that the host has these ``addresses`` (CIDR) on the network.

    ``places``: where each range stands, when not all that were written are in the network.
    """
    own = own_interfaces(addresses)
    if not own:
        cure = "give the bridge one, or say addresses: [10.0.0.254/16]"
        return [Problem(f"{path}.addresses", f"the host has no IPv4 and no IPv6 subnet on {network.bridge}; {cure}")]
    return [
        *_range_problems(network, own, places or range_places(network, path)),
        *_host_problems(network, own, path),
        *_six_problems(network, own, path),
    ]


def _home(address: Address, own: t.Sequence[Interface]) -> Interface | None:
    return next((item for item in own if address in item.network), None)


def _subnets(own: t.Sequence[Interface], version: int) -> str:
    return ", ".join(str(item.network) for item in own if item.version == version) or f"all of them: the host has no IPv{version} here"


def range_places(network: Dhcp, path: str) -> list[str]:
    """Where the user wrote each range."""
    places, counts = [], {"ranges": 0, "dhcp6": 0}
    for first, _last in network.ranges:
        option = "dhcp6" if ":" in first else "ranges"
        places.append(f"{path}.{option}[{counts[option]}]")
        counts[option] += 1
    return places


def _range_problems(network: Dhcp, own: t.Sequence[Interface], places: t.Sequence[str]) -> list[Problem]:
    problems = []
    seen: list[tuple[int, int, int, str]] = []
    for (start, end), place in zip(network.ranges, places):
        first, last = ipaddress.ip_address(start), ipaddress.ip_address(end)
        home, text = _home(first, own), f"{start}-{end}"
        if home is None or last not in home.network:
            problems.append(Problem(place, f"{text} is outside {_subnets(own, first.version)}; keep it inside one subnet"))
            continue
        for item in own:
            if item.version == first.version and int(first) <= int(item.ip) <= int(last):
                problems.append(Problem(place, f"{text} holds the host's own address {item.ip}; {_without(first, last, item.ip)}"))
        if first.version == 4 and first == home.network.network_address:
            problems.append(Problem(place, f"{text} begins with the network's own address; begin with {first + 1}"))
        if first.version == 4 and last == home.network.broadcast_address:
            problems.append(Problem(place, f"{text} ends with the broadcast address; end with {last - 1}"))
        for version, low, high, where in seen:
            if version == first.version and int(first) <= high and low <= int(last):
                problems.append(Problem(place, f"{text} overlaps with {where}; an address belongs to one range"))
        seen.append((first.version, int(first), int(last), place))
    return problems


def _without(first: Address, last: Address, own: Address) -> str:
    parts = [f"{first}-{own - 1}"] * (first < own) + [f"{own + 1}-{last}"] * (own < last)  # type: ignore[operator]
    return f"write {' and '.join(parts)}" if parts else "leave it out"


def _host_problems(network: Dhcp, own: t.Sequence[Interface], path: str) -> list[Problem]:
    problems = []
    mine = {item.ip for item in own}
    for index, host in enumerate(network.hosts):
        for text in host.addresses:
            place, address = f"{path}.hosts[{index}].addresses", ipaddress.ip_address(text)
            home = _home(address, own)
            if home is None:
                problems.append(Problem(place, f"{text} is outside {_subnets(own, address.version)}"))
            elif address in mine:
                problems.append(Problem(place, f"{text} is the host's own address on {network.bridge}; give the guest another"))
            elif address.version == 4 and address in (home.network.network_address, home.network.broadcast_address):
                problems.append(Problem(place, f"{text} is the network's own or the broadcast address of {home.network}; take another"))
    if network.router and network.router != NO_ROUTER:
        try:
            router = ipaddress.ip_address(network.router)
        except ValueError:
            return problems
        if router.version == 4 and _home(router, own) is None:
            problems.append(Problem(f"{path}.router", f"{router} is outside {_subnets(own, 4)}; guests could not reach it"))
    return problems


def _six_problems(network: Dhcp, own: t.Sequence[Interface], path: str) -> list[Problem]:
    problems = []
    six = [item for item in own if item.version == 6]
    for option in ("ra", "slaac"):
        if getattr(network, option) and not six:
            problems.append(Problem(f"{path}.{option}", f"true, but the host has no IPv6 subnet on {network.bridge}; give it an address"))
    if network.slaac and network.ra is False:
        problems.append(
            Problem(f"{path}.slaac", "guests learn by router advertisements that they may choose their address; leave ra: true")
        )
    for item in six:
        if item.network.prefixlen < _SLAAC:
            problems.append(Problem(f"{path}.addresses", f"{item}: dnsmasq serves IPv6 subnets of /64 and smaller; write {item.ip}/64"))
        elif network.slaac and item.network.prefixlen != _SLAAC:
            problems.append(Problem(f"{path}.slaac", f"works in a /64 only, and {item} is none; say slaac: false and give dhcp6 ranges"))
    return problems


def host_clashes(hosts: t.Sequence[DhcpHost], path: str) -> list[Problem]:
    """The same MAC, address or name of two hosts."""
    problems = []
    seen: dict[str, str] = {}
    for index, host in enumerate(hosts):
        words = [("mac", host.mac), *(("addresses", text) for text in host.addresses), ("name", host.name)]
        for option, word in words:
            place = f"{path}[{index}].{option}"
            if word and word in seen:
                problems.append(
                    Problem(place, f"{word} is already {seen[word]}; a host is declared once, with an address and a name of its own")
                )
            seen.setdefault(word, place)
    return problems


def network_clashes(networks: t.Sequence[tuple[Dhcp, str]]) -> list[Problem]:
    """The same name or bridge twice. Each network with its place."""
    problems = []
    seen: dict[tuple[str, str], str] = {}
    for network, place in networks:
        cures = {"name": "declare a network once", "bridge": "one dnsmasq serves a bridge, so say all of it in one network"}
        for option, cure in cures.items():
            word = getattr(network, option)
            if (option, word) in seen:
                problems.append(Problem(f"{place}.{option}", f"{word} is already {seen[option, word]}; {cure}"))
                break
            seen[option, word] = f"{place}.{option}"
    return problems


def subnet_clashes(networks: t.Sequence[tuple[Dhcp, t.Sequence[str], str]]) -> list[Problem]:
    """Subnets that two networks would serve. Each network with the host's addresses on it, and its place."""
    problems = []
    seen: list[tuple[Dhcp, Interface, str]] = []
    for network, addresses, place in networks:
        own = own_interfaces(addresses)
        for item in own:
            for other, theirs, where in seen:
                if other.bridge != network.bridge and item.version == theirs.version and item.network.overlaps(theirs.network):
                    cure = "give each network of a host subnets of its own"
                    problems.append(Problem(f"{place}.addresses", f"{item.network} overlaps {theirs.network} of {where}; {cure}"))
        seen += [(network, item, place) for item in own]
    return problems
