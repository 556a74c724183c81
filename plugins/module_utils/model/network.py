# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Networks as the user writes them, and the bridges and translations that they mean."""

from __future__ import annotations

import contextlib
import ipaddress
import typing as t
from dataclasses import dataclass, field

from .dhcp import Dhcp
from .dhcpcheck import network_clashes
from .dhcpread import read_network
from .interface import name_problems
from .layout import LAYOUTS
from .libvirt import LibvirtNetwork
from .libvirtnetwork import bridge_clashes, read_libvirt_network
from .nat import Nat, read_nat
from .natcheck import nat_problems
from .problem import Problem

Options = t.Mapping[str, t.Any]
# What a network has of its own, and what it has only where the host routes for it.
_OWN = ("layout", "bridge", "routed", "dhcp", "zone", "libvirt")
ROUTED_OPTIONS = (
    "sources",
    "masquerade",
    "snat",
    "nat_ports",
    "no_nat_to",
    "forwards",
    "nat66",
    "one_to_one",
    "point_to_point",
    "guests",
    "proxy_arp",
)
# What is on a bridge and nowhere else; the rest has a default, which says nothing.
_ON_BRIDGE = ("bridge", "ports", "addresses", "gateway4", "gateway6", "routes", "dns", "dhcp4", "dhcp6", "mac", "mtu", "dhcp")


@dataclass(frozen=True)
class Networks:
    """What all networks need, each behind its place: the options of their bridges, where they have one, and what they have besides.

    ``names``: each one's bridge, empty for none. ``zones``: the name of a network's zone, and of its bridge.
    """

    bridges: list[tuple[str, dict[str, t.Any]]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    nat: list[tuple[str, Nat]] = field(default_factory=list)
    dhcp: list[tuple[str, Dhcp]] = field(default_factory=list)
    zones: list[tuple[str, str, str]] = field(default_factory=list)
    libvirt: list[tuple[str, LibvirtNetwork]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_networks(networks: t.Sequence[Options], path: str, guests: t.Sequence[Options] | None = None) -> Networks:
    """All networks of a list. ``guests``: those to whose names forwards may lead; None when it is not known who they are."""
    found = Networks()
    names: dict[str, tuple[str, str]] = {}
    for index, network in enumerate(networks):
        place = f"{path}[{index}]"
        layout = network.get("layout") or ""
        if layout not in LAYOUTS:
            there = ", ".join(LAYOUTS)
            found.problems.append(Problem(f"{place}.layout", f"{layout!r} does not exist in this version; there is: {there}"))
        own = {key: value for key, value in network.items() if value is not None}
        given = {**LAYOUTS.get(layout, {}), **own}
        theirs = given.get("libvirt") is not None
        if network.get("bridge") and not theirs:
            found.problems.extend(name_problems(network["name"], f"{place}.name"))
        bridge = _bridge(given)
        first, other = names.setdefault(given["name"], (place, bridge["name"]))
        alone = bool(given.get("routed") and given.get("point_to_point"))
        # the same bridge twice is told by read_bridges
        if first != place and (alone or theirs or other != bridge["name"]):
            found.problems.append(Problem(f"{place}.name", f"{given['name']} is already {first}.name; declare a network once"))
        if theirs:
            _libvirt(given, place, guests or (), found)
        elif not alone:
            found.bridges.append((place, bridge))
        found.names.setdefault(given["name"], "" if alone else bridge["name"])
        members = [bridge["name"]]
        if given.get("routed"):
            nat, wrong = _nat(given, own, place, guests)
            found.nat.append((place, nat))
            found.problems.extend(wrong)
            members = list(nat.interfaces)
            found.problems.extend(_without_bridge(given, place, guests or ()) if alone else [])
        elif not theirs:
            found.problems.extend(_bridged_problems(network, place))
        if given.get("zone"):
            found.zones.extend((f"{place}.zone", given["zone"], member) for member in members)
        if given.get("dhcp") is not None and not (alone or theirs):
            dhcp, wrong = _dhcp(given, place, guests or ())
            found.dhcp.append((f"{place}.dhcp", dhcp))
            found.problems.extend(wrong)
    found.problems.extend(network_clashes([(dhcp, place) for place, dhcp in found.dhcp]))
    found.problems.extend(nat_problems([(place, nat) for place, nat in found.nat if nat.sources], []))
    found.problems.extend(bridge_clashes(found.libvirt) if len(found.names) == len(networks) else [])
    return found


def _libvirt(given: Options, place: str, guests: t.Sequence[Options], found: Networks) -> None:
    """What libvirt keeps has no bridge and no DHCP of ours."""
    network, wrong = read_libvirt_network(given, place, dict(_guest_hosts(given, guests)), ROUTED_OPTIONS)
    found.libvirt.append((place, network))
    found.problems.extend(wrong)


def _bridge(given: Options) -> dict[str, t.Any]:
    """The bridge is named like its network unless ``bridge`` says otherwise. The uplink of a routed one is no port of it."""
    without = (*_OWN, *ROUTED_OPTIONS, *(("uplink",) if given.get("routed") else ()))
    own = given.get("bridge") or given["name"]
    options = {key: value for key, value in given.items() if key not in without}
    return {**options, "name": own, **({"network": given["name"]} if given["name"] != own else {})}


def _bridged_problems(network: Options, place: str) -> list[Problem]:
    cure = "say routed: true, or take one of the layouts nat, route and brouter"
    return [
        Problem(f"{place}.{option}", f"is for networks that the host routes for; {cure}")
        for option in ROUTED_OPTIONS
        if network.get(option)
    ]


def _without_bridge(given: Options, place: str, guests: t.Sequence[Options]) -> list[Problem]:
    """What a network has only on its bridge, and guests who are known by their address alone."""
    why = "is a matter of the network's bridge, and with point_to_point it has none; leave one of them out"
    problems = [Problem(f"{place}.{option}", why) for option in _ON_BRIDGE if given.get(option)]
    for at, guest in enumerate(guests):
        for index, item in enumerate(guest.get("interfaces") or []):
            if item.get("network") == given["name"] and not _fixed(item):
                cure = "give it one; a guest that is alone behind its interface is known by it"
                problems.append(Problem(f"guests[{at}].interfaces[{index}].addresses", f"has no fixed address; {cure}"))
    return problems


def _fixed(interface: Options) -> list[str]:
    """The addresses of a guest's interface that stand in its record."""
    return [text.split("/")[0] for text in interface.get("addresses") or [] if text not in ("auto", "none")]


def _inside(given: Options, guests: t.Sequence[Options]) -> list[dict[str, t.Any]]:
    """The guests of the network for whom the host does something, each with the interface that they are behind."""
    if not (given.get("point_to_point") or given.get("proxy_arp")):
        return []
    bridge = given.get("bridge") or given["name"]
    interfaces = [item for guest in guests for item in guest.get("interfaces") or [] if item.get("network") in (given["name"], bridge)]
    behind = [(item.get("name") or "" if given.get("point_to_point") else bridge, _fixed(item)) for item in interfaces]
    return [{"interface": interface, "addresses": addresses} for interface, addresses in behind if addresses]


def _nat(given: Options, said: Options, place: str, guests: t.Sequence[Options] | None) -> tuple[Nat, list[Problem]]:
    problems: list[Problem] = []
    sources = given.get("sources") or _subnets(given.get("addresses") or [])
    forwards = []
    for at, forward in enumerate(given.get("forwards") or []):
        to, wrong = _target(forward["to"], given, guests)
        problems += [Problem(f"{place}.forwards[{at}].to", wrong)] if wrong else []
        forwards.append({**forward, "to": to or _any_address(forward, sources)})
    options = {**{key: given[key] for key in ("name", "bridge", "uplink", *ROUTED_OPTIONS) if key in given}, "sources": sources}
    bridge = "" if given.get("point_to_point") else options.get("bridge") or given["name"]
    own = [{**item, "interface": bridge or item["interface"]} for item in given.get("guests") or []]
    options["guests"] = [*own, *_inside(given, guests or ())]
    if options.get("snat") and "masquerade" not in said:
        # A preset, which the user's word replaces.
        options.pop("masquerade", None)
    nat, wrong_nat = read_nat({**options, "forwards": forwards}, place)
    return nat, problems + wrong_nat


def _dhcp(given: Options, place: str, guests: t.Sequence[Options]) -> tuple[Dhcp, list[Problem]]:
    """The DHCP and DNS of a network; its guests are hosts behind those that it names itself."""
    own = given["dhcp"].get("hosts") or []
    hosts = dict(_guest_hosts(given, guests))
    options = {**given["dhcp"], "name": given["name"], "bridge": given.get("bridge"), "addresses": given.get("addresses")}
    dhcp, problems = read_network({**options, "hosts": [*own, *hosts.values()]}, f"{place}.dhcp")
    theirs = {f"{place}.dhcp.hosts[{len(own) + at}]": where for at, where in enumerate(hosts)}
    # What is wrong with these is told of the bridge.
    bridges = tuple(f"{place}.dhcp.{option}" for option in ("name", "bridge", "addresses"))
    return dhcp, [_said_of(problem, theirs) for problem in problems if not problem.path.startswith(bridges)]


def _guest_hosts(network: Options, guests: t.Sequence[Options]) -> t.Iterator[tuple[str, Options]]:
    """The interfaces in the network that can be known by their MAC, each behind its place. Only one has its guest's name."""
    names = (network["name"], network.get("bridge"))
    for at, guest in enumerate(guests):
        name = guest["name"]
        for index, item in enumerate(guest.get("interfaces") or []):
            addresses = [text for text in item.get("addresses") or [] if text not in ("auto", "none")]
            if item.get("network") in names and item.get("mac"):
                yield f"guests[{at}].interfaces[{index}]", {"mac": item["mac"], "addresses": addresses, "name": name}
                name = ""


def _said_of(problem: Problem, places: t.Mapping[str, str]) -> Problem:
    """A problem of a host that follows from a guest's interface, said of that."""
    path, message = problem.path, problem.message
    for host, interface in places.items():
        path, message = path.replace(host, interface), message.replace(host, interface)
    return Problem(path, message)


def _subnets(addresses: t.Sequence[str]) -> list[str]:
    """Those of the host's addresses. What is wrong with these is told of the bridge."""
    found = []
    for text in addresses:
        with contextlib.suppress(ValueError):
            found.append(str(ipaddress.ip_interface(text.strip()).network))
    return list(dict.fromkeys(found))


def _any_address(forward: Options, sources: t.Sequence[str]) -> str:
    """One that is right for the rest of a forward, so that the rest can be looked at."""
    six = any(":" in text for text in [forward.get("listen_address") or "", *(forward.get("from") or [])])
    for text in sources:
        with contextlib.suppress(ValueError):
            network = ipaddress.ip_network(text)
            if (network.version == 6) == six:
                return str(network.network_address + 1)
    return "2001:db8::1" if six else "192.0.2.1"


def _target(to: str, network: Options, guests: t.Sequence[Options] | None) -> tuple[str, str]:
    """The address that a forward leads to, and what is wrong with it. A guest stands for its first address in the network."""
    try:
        return str(ipaddress.ip_address(to.strip())), ""
    except ValueError:
        pass
    if guests is None:
        return "", ""
    interfaces = [item for guest in guests if guest["name"] == to for item in guest.get("interfaces") or []]
    if not interfaces:
        return (
            "",
            f"{to!r} is no address, and no guest of this host; its guests are: {', '.join(item['name'] for item in guests) or 'none'}",
        )
    inside = [item for item in interfaces if item.get("network") in (network["name"], network.get("bridge"))]
    addresses = [text.split("/")[0] for item in inside for text in item.get("addresses") or []]
    for address in addresses:
        if address not in ("auto", "none"):
            return address, ""
    return "", f"guest {to} has no fixed address in {network['name']}; give it one there, or name an address"
