# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Items of a list of routes as the user writes them, and what is wrong with them."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .guard import to_network
from .interface import name_problems
from .problem import Problem
from .routed import MOST_PROXIES, Routed, RoutedGuest, is_proxied

Options = t.Mapping[str, t.Any]
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_MOST_METRIC = (1 << 32) - 1


def read_routes(items: t.Sequence[Options], path: str = "routes") -> tuple[tuple[Routed, ...], list[Problem]]:
    """All items of a list of routes, with the problems of each and those between them."""
    found, problems = [], []
    for index, item in enumerate(items):
        routed, wrong = read_routed(item, f"{path}[{index}]")
        found.append(routed)
        problems += wrong
    return tuple(found), problems + route_clashes([(f"{path}[{index}]", item) for index, item in enumerate(found)])


def read_routed(options: Options, path: str) -> tuple[Routed, list[Problem]]:
    """One item with everything that is wrong with it in itself."""
    name, interface = options["name"], options.get("interface") or options["name"]
    problems = name_problems(interface, f"{path}.{'interface' if options.get('interface') else 'name'}")
    if interface != name and not _LABEL.fullmatch(name):
        problems.append(Problem(f"{path}.name", f"{name!r} is no name; use 1 to 64 letters, digits, '_', '-' or '.'"))
    uplink = options.get("uplink") or ""
    problems += name_problems(uplink, f"{path}.uplink") if uplink else []
    guests, wrong = _addresses(options.get("guests") or [], f"{path}.guests")
    problems += wrong
    sources, wrong = _addresses(options.get("source") or [], f"{path}.source")
    problems += wrong
    subnets, wrong = _networks(options.get("subnets") or [], f"{path}.subnets")
    problems += wrong
    via, wrong = _addresses([options["via"]] if options.get("via") else [], f"{path}.via")
    problems += [Problem(f"{path}.via", problem.message) for problem in wrong]
    metric = options.get("metric") or 0
    if not 0 <= metric <= _MOST_METRIC:
        problems.append(Problem(f"{path}.metric", f"{metric} is outside 0-{_MOST_METRIC}"))
    proxy = options.get("proxy_arp")
    routed = Routed(
        name=name,
        interface=interface,
        guests=tuple(RoutedGuest(text) for text in guests),
        subnets=tuple(subnets),
        via="".join(via),
        source=tuple(sources),
        uplink=uplink,
        metric=metric,
        proxy_arp=bool(guests and not via) if proxy is None else proxy,
    )
    return routed, problems + _contradictions(routed, path)


def _addresses(texts: t.Sequence[str], path: str) -> tuple[list[str], list[Problem]]:
    found: list[str] = []
    problems = []
    for at, text in enumerate(texts):
        try:
            address = ipaddress.ip_address(text.strip())
        except ValueError:
            problems.append(Problem(f"{path}[{at}]", f"{text!r} is no address; write it as in 192.0.2.10 or 2001:db8::10"))
            continue
        if address.is_multicast or address.is_unspecified or address.is_loopback or (address.version == 6 and address.is_link_local):
            problems.append(Problem(f"{path}[{at}]", f"{text} is a multicast, loopback, link-local or unspecified address; name another"))
        elif str(address) in found:
            problems.append(Problem(f"{path}[{at}]", f"{text} is in the list already; write it once"))
        else:
            found.append(str(address))
    return found, problems


def _networks(texts: t.Sequence[str], path: str) -> tuple[list[str], list[Problem]]:
    found: list[str] = []
    problems = []
    for at, text in enumerate(texts):
        try:
            interface = ipaddress.ip_interface(text.strip())
        except ValueError:
            problems.append(Problem(f"{path}[{at}]", f"{text!r} is no network; write it as in 10.97.0.0/24 or 2001:db8:97::/64"))
            continue
        if interface.network.network_address != interface.ip:
            why = f"{text} is an address inside a network; write {interface.network} for all of it"
            problems.append(Problem(f"{path}[{at}]", why))
        elif str(interface.network) in found:
            problems.append(Problem(f"{path}[{at}]", f"{text} is in the list already; write it once"))
        else:
            found.append(str(interface.network))
    return found, problems


def _contradictions(routed: Routed, path: str) -> list[Problem]:
    problems = []
    if routed.via:
        if not routed.subnets:
            problems.append(Problem(f"{path}.subnets", f"is missing; say what is behind {routed.via}"))
        for option, given in (("guests", routed.guests), ("source", routed.source)):
            if given:
                problems.append(
                    Problem(f"{path}.{option}", "is for guests at the interface itself, and via leads to others; leave one out")
                )
        for text in routed.subnets:
            if (":" in text) != (":" in routed.via):
                problems.append(Problem(f"{path}.subnets", f"{text} and {routed.via} are of different families; make two items of it"))
    elif routed.source and not routed.guests:
        problems.append(Problem(f"{path}.source", "is what guests have for their router; name them in guests, or leave it out"))
    versions = [":" in text for text in routed.source]
    if len(versions) > len(set(versions)):
        problems.append(Problem(f"{path}.source", "has two addresses of one family; name one of each"))
    if routed.uplink and routed.uplink == routed.interface:
        problems.append(Problem(f"{path}.uplink", f"{routed.uplink} is the guests' own interface; name the one that leads to the world"))
    if routed.uplink and not routed.proxy_arp and not routed.guests:
        problems.append(Problem(f"{path}.uplink", "is where the host answers for guests; say proxy_arp: true, or leave it out"))
    if routed.proxy_arp:
        problems += [problem for text in routed.subnets for problem in _proxy_problems(text, f"{path}.subnets")]
    return problems


def _proxy_problems(text: str, path: str) -> list[Problem]:
    if is_proxied(to_network(text)):
        return []
    why = f"the host can answer for single addresses only, and {text} has more than {MOST_PROXIES}"
    return [Problem(path, f"{why}; list its guests, or say proxy_arp: false and have the world's routers know the way")]


def route_clashes(placed: t.Sequence[tuple[str, Routed]]) -> list[Problem]:
    """The same name, or the same destination, in two places."""
    problems = []
    names: dict[str, str] = {}
    seen: dict[tuple[str, int], str] = {}
    for place, item in placed:
        if item.name in names:
            problems.append(Problem(f"{place}.name", f"{item.name} is already {names[item.name]}.name; declare a route once"))
        names.setdefault(item.name, place)
        found = [(f"guests[{at}]", guest.address) for at, guest in enumerate(item.guests)]
        found += [(f"subnets[{at}]", text) for at, text in enumerate(item.subnets)]
        for option, text in found:
            # A guest has one interface; a network may have several ways.
            key = (str(to_network(text)), item.metric if option.startswith("subnets") else 0)
            if key in seen:
                cure = "it can be in one place only" if option.startswith("guests") else "give one of them another metric"
                problems.append(Problem(f"{place}.{option}", f"{text} is already at {seen[key]}; {cure}"))
            seen.setdefault(key, f"{place}.{option}")
    return problems
