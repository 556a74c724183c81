# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What does not go together in the definition of a libvirt network."""

from __future__ import annotations

import ipaddress
import typing as t

from .libvirt import Element
from .problem import Problem

Interface = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def subnet_problems(own: Interface, ranges: t.Sequence[Element], hosts: t.Sequence[Element], path: str) -> list[Problem]:
    """DHCP's addresses must be guests' own in the subnet of ``own``, the host's address; ranges must not meet."""
    problems = []
    if own.ip == own.network.network_address and own.network.prefixlen < own.max_prefixlen - 1:
        problems.append(Problem(f"{path}.address", f"{own} is the network's own address; take one inside it, as in {own.ip + 1}"))
    seen: list[tuple[int, int, str]] = []
    for at, item in enumerate(ranges):
        place, first, last = f"{path}.ranges[{at}]", ipaddress.ip_address(item.get("start")), ipaddress.ip_address(item.get("end"))
        text = f"{first}-{last}"
        if first not in own.network or last not in own.network:
            problems.append(Problem(place, f"{text} is outside {own.network}; keep it inside"))
        elif int(first) <= int(own.ip) <= int(last):
            problems.append(Problem(place, f"{text} holds the host's own address {own.ip}; leave that out"))
        for low, high, other in seen:
            if int(first) <= high and low <= int(last):
                problems.append(Problem(place, f"{text} overlaps with {other}; an address belongs to one range"))
        seen.append((int(first), int(last), place))
    for at, item in enumerate(hosts):
        place, address = f"{path}.hosts[{at}].address", ipaddress.ip_address(item.get("ip"))
        if address not in own.network:
            problems.append(Problem(place, f"{address} is outside {own.network}; keep it inside"))
        elif address == own.ip:
            problems.append(Problem(place, f"{address} is the host's own address; give the guest another"))
    return problems


def host_clashes(hosts: t.Sequence[Element], path: str) -> list[Problem]:
    """The same MAC, DUID, address or name of two hosts."""
    problems = []
    seen: dict[str, str] = {}
    for at, host in enumerate(hosts):
        for word, option in (("mac", "mac"), ("id", "id"), ("ip", "address"), ("name", "name")):
            text, place = host.get(word), f"{path}[{at}].{option}"
            if text and text in seen:
                problems.append(Problem(place, f"{text} is already {seen[text]}; declare a host once"))
            seen.setdefault(text, place)
    return problems


def definition_problems(definition: Element, path: str) -> list[Problem]:
    """What libvirt would refuse late, or take without a word: subnets that meet, and portgroups."""
    problems = []
    subnets = subnets_of(definition)
    for at, (subnet, _own) in enumerate(subnets):
        for before, (other, _theirs) in enumerate(subnets[:at]):
            if subnet.version == other.version and subnet.overlaps(other):
                problems.append(Problem(f"{path}.addresses[{at}]", f"{subnet} overlaps with addresses[{before}]; take another subnet"))
    groups = definition.all("portgroup")
    names = [group.get("name") for group in groups]
    for at, name in enumerate(names):
        if name in names[:at]:
            problems.append(
                Problem(f"{path}.portgroups[{at}].name", f"{name} is already portgroups[{names.index(name)}].name; name it once")
            )
    if sum(group.get("default") == "yes" for group in groups) > 1:
        problems.append(Problem(f"{path}.portgroups", "more than one is the default; leave default: true at one"))
    return problems


def subnets_of(definition: Element) -> list[tuple[Network, Interface]]:
    """Each subnet with the host's address in it."""
    found: list[tuple[Network, Interface]] = []
    for item in definition.all("ip"):
        try:
            own = ipaddress.ip_interface(f"{item.get('address')}/{item.get('prefix')}" if item.get("prefix") else item.get("address"))
        except ValueError:
            continue
        found.append((own.network, own))
    return found
