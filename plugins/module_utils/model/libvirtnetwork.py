# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A network of the document that libvirt keeps: from the words of all networks to those of libvirt's own."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import typing as t

from .libvirt import LibvirtNetwork
from .libvirtread import BRIDGED, read_network
from .problem import Problem

Options = t.Mapping[str, t.Any]
# What the bridge of such a network does not have, with what it says when nothing was said.
_NOT_THERE: dict[str, t.Any] = {
    "priority": 32768,
    "ageing_time": 300,
    "multicast_snooping": True,
    "vlan_filtering": False,
    "no_linklocal_learn": True,
    **dict.fromkeys(("ports", "gateway4", "gateway6", "dns", "dns_search", "dhcp4", "dhcp6", "accept_ra", "point_to_point"), False),
}
_NO_DHCP: dict[str, t.Any] = {"lease_time": "1h", **dict.fromkeys(("router", "mtu", "ra", "slaac", "options"))}
_NO_ROUTE = ("table", "source", "mtu")
# Whose firewall is ours alone.
OPEN = "open"
_CLOSED = {"", *BRIDGED} - {OPEN}
# Libvirt's words that another word of the network stands for.
_WORDS = {"delay": "forward_delay", "forward.dev": "uplink", "domain": "dhcp.domain"}


def read_libvirt_network(
    given: Options, place: str, guests: t.Mapping[str, Options], routed_options: t.Sequence[str]
) -> tuple[LibvirtNetwork, list[Problem]]:
    """One network. ``guests``: the hosts of its DHCP that guests' interfaces are, behind their places."""
    words = _Words(given, place, guests)
    problems = [*_unfit(given, place), *_rules_problems(given, place, routed_options)]
    network, wrong = read_network(words.options(), place)
    return network, [*problems, *words.problems, *map(words.said, wrong)]


def _unfit(given: Options, place: str) -> list[Problem]:
    """What libvirt has no word for."""
    why = "is not known to libvirt, which makes this bridge; leave it out"
    problems = [Problem(f"{place}.{option}", why) for option, usual in _NOT_THERE.items() if _says(given, option, usual)]
    dhcp = given.get("dhcp") or {}
    why = "is not known to libvirt, which serves this network; leave it out, or write dnsmasq's own word in libvirt.dnsmasq_options"
    problems += [Problem(f"{place}.dhcp.{option}", why) for option, usual in _NO_DHCP.items() if _says(dhcp, option, usual)]
    for at, route in enumerate(given.get("routes") or []):
        problems += [
            Problem(f"{place}.routes[{at}].{option}", "is not known to libvirt's routes; leave it out")
            for option in _NO_ROUTE
            if route.get(option)
        ]
        if not route.get("via"):
            problems.append(Problem(f"{place}.routes[{at}].via", "is missing; name the guest that the route leads to"))
    return problems


def _says(options: Options, option: str, usual: t.Any) -> bool:
    return options.get(option) not in (None, [], usual)


def _rules_problems(given: Options, place: str, routed_options: t.Sequence[str]) -> list[Problem]:
    """No table of ours can allow what libvirt's own rejects."""
    said = (given["libvirt"].get("forward") or {}).get("mode") or ""
    asked = [option for option in (*routed_options, "zone") if given.get(option)]
    if given.get("routed"):
        why = f"libvirt's own rules for {said} reject what ours allow; leave it out, because of routed: true it is {OPEN}"
        return [Problem(f"{place}.libvirt.forward.mode", why)] if said not in ("", OPEN) else []
    cure = f"say routed: true, with which libvirt makes no rules (forward mode {OPEN}), and they are ours"
    why = f"needs rules of ours, and libvirt's own for forward mode {said or 'nat'} reject what they allow; {cure}"
    if said and said not in BRIDGED:
        why = f"is for networks that the host routes for, and forward mode {said} has guests elsewhere; leave it out"
    return [Problem(f"{place}.{option}", why) for option in asked if option != "zone" or said in _CLOSED]


class _Words:
    """Translates one network, and knows where each of libvirt's words came from."""

    def __init__(self, given: Options, place: str, guests: t.Mapping[str, Options]) -> None:
        self._given, self._place, self._guests = given, place, guests
        self._own = {key: value for key, value in given["libvirt"].items() if value is not None}
        self._dhcp: Options = given.get("dhcp") or {}
        self._subnets: list[dict[str, t.Any]] = [{"address": text, "ranges": [], "hosts": []} for text in given.get("addresses") or []]
        self._places: dict[str, str] = {f"{place}.{word}": f"{place}.{ours}" for word, ours in _WORDS.items() if word not in self._own}
        self._places.update({f"{place}.{option}": f"{place}.libvirt.{option}" for option in self._own})
        self.problems: list[Problem] = []

    def options(self) -> dict[str, t.Any]:
        """What M(hypervisor.vnet.libvirt_network) takes. One of which nothing is said stays as it is."""
        given = self._given
        apart = {"name": given["name"], "active": self._own.get("active"), "autostart": self._own.get("autostart")}
        words = ("bridge", "mac", "mtu", "addresses", "routes", "uplink", "dhcp", "forward_delay", "stp", "routed")
        if not any(given.get(word) for word in words) and not self._own.keys() - apart.keys():
            return apart
        self._serve()
        forward = self._forward()
        return {
            **self._own,
            **apart,
            **{word: given.get(word) for word in ("bridge", "mac", "mtu", "stp")},
            "delay": given.get("forward_delay"),
            "forward": forward,
            "addresses": self._subnets or None,
            "dns": self._dns() if forward["mode"] in BRIDGED else self._own.get("dns"),
            "domain": self._domain(),
            "routes": [{key: route.get(key) for key in ("to", "via", "metric")} for route in given.get("routes") or [] if route.get("via")],
        }

    def said(self, problem: Problem) -> Problem:
        """A problem of libvirt's words, said of the user's."""
        path, message = problem.path, problem.message
        for ours, theirs in sorted(self._places.items(), key=lambda item: -len(item[0])):
            if path == ours or path.startswith((f"{ours}.", f"{ours}[")):
                return Problem(_renamed(path, ours, theirs), self._in_words(message))
        return Problem(path, self._in_words(message))

    def _in_words(self, message: str) -> str:
        for ours, theirs in self._places.items():
            message = _renamed(message, ours, theirs)
        return message

    def _forward(self) -> dict[str, t.Any]:
        forward = {key: value for key, value in (self._own.get("forward") or {}).items() if value is not None}
        if self._given.get("routed"):
            return {**forward, "mode": OPEN}
        uplink = self._given.get("uplink")
        return {"mode": "nat", **forward, **({"dev": uplink} if uplink else {})}

    def _domain(self) -> t.Any:
        own, name = self._own.get("domain"), self._dhcp.get("domain")
        if own and name:
            self.problems.append(Problem(f"{self._place}.dhcp.domain", "is libvirt.domain.name, too; leave one of them out"))
        return own or ({"name": name} if name else None)

    def _serve(self) -> None:
        """Ranges and hosts go to the subnets that they are in."""
        for option in ("ranges", "dhcp6"):
            for at, text in enumerate(self._dhcp.get(option) or []):
                subnet = self._subnet_of(text.partition("-")[0].strip(), f"dhcp.{option}[{at}]", option == "dhcp6")
                if subnet >= 0:
                    self._add(subnet, "ranges", text, f"{self._place}.dhcp.{option}[{at}]")
        for where, host in self._hosts():
            for text in host.get("addresses") or []:
                address, six = text.partition("/")[0], ":" in text
                # DHCPv6 does not know guests by their MAC.
                if six and not (host.get("name") and self._dhcp.get("dhcp6")):
                    continue
                known = {"name": host["name"]} if six else {"mac": host["mac"], "name": host.get("name")}
                subnet = self._subnet_of(address, "", six)
                if subnet >= 0:
                    self._add(subnet, "hosts", {**known, "address": address}, where)

    def _hosts(self) -> t.Iterator[tuple[str, Options]]:
        if self._given.get("dhcp") is None:
            return
        for at, host in enumerate(self._dhcp.get("hosts") or []):
            yield f"{self._place}.dhcp.hosts[{at}]", host
        yield from self._guests.items()

    def _add(self, subnet: int, word: str, item: t.Any, where: str) -> None:
        items = self._subnets[subnet][word]
        self._places[f"{self._place}.addresses[{subnet}].{word}[{len(items)}]"] = where
        items.append(item)

    def _subnet_of(self, text: str, option: str, six: bool) -> int:
        """The number of the subnet that an address is in, else of the first of its family, where it is told that it is outside."""
        other = -1
        for at, subnet in enumerate(self._subnets):
            with contextlib.suppress(ValueError):
                own = ipaddress.ip_interface(subnet["address"].strip())
                if own.version != (6 if six else 4):
                    continue
                other = at if other < 0 else other
                if ipaddress.ip_address(text) in own.network:
                    return at
        if other < 0 and option:
            family = "IPv6" if six else "IPv4"
            self.problems.append(
                Problem(f"{self._place}.{option}", f"the network has no {family} address of the host; give it one in addresses")
            )
        return other

    def _dns(self) -> dict[str, t.Any]:
        """Without DHCP nobody serves the network, as in the other layouts."""
        own = {key: value for key, value in (self._own.get("dns") or {}).items() if value is not None}
        if self._given.get("dhcp") is None:
            return {"enable": False, **own}
        if self._dhcp.get("dns") is False:
            return {**own, "enable": False}
        names: dict[str, list[str]] = {}
        for where, host in self._hosts():
            # By net-update libvirt takes one address for a name.
            addresses = sorted((text.partition("/")[0] for text in host.get("addresses") or []), key=lambda text: ":" in text)
            if host.get("name") and addresses:
                self._name(names, addresses[0], host["name"], where)
        for at, record in enumerate(self._dhcp.get("records") or []):
            for text in record["addresses"]:
                self._name(names, text, record["name"], f"{self._place}.dhcp.records[{at}]")
        hosts = [{"address": address, "names": texts} for address, texts in names.items()]
        forwarders = []
        for at, text in enumerate(self._dhcp.get("forwarders") or []):
            domain, slash, address = text.removeprefix("/").partition("/")
            forwarders.append({"address": address, "domain": domain} if slash else {"address": domain})
            self._places[f"{self._place}.dns.forwarders[{at}]"] = f"{self._place}.dhcp.forwarders[{at}]"
        return {**own, "hosts": [*hosts, *own.get("hosts", [])], "forwarders": [*forwarders, *own.get("forwarders", [])]}

    def _name(self, names: dict[str, list[str]], address: str, name: str, where: str) -> None:
        if address not in names:
            self._places[f"{self._place}.dns.hosts[{len(names)}]"] = where
        found = names.setdefault(address, [])
        found += [name] if name not in found else []


def _renamed(text: str, ours: str, theirs: str) -> str:
    """What follows a word stays, but that a guest has several addresses, each of which is a host to libvirt."""
    word = rf"{re.escape(ours)}(?!\w)"
    text = re.sub(rf"{word}\.address\b", f"{theirs}.addresses", text) if ".hosts[" in ours else text
    return re.sub(word, theirs, text)


def bridge_clashes(placed: t.Sequence[tuple[str, LibvirtNetwork]]) -> list[Problem]:
    """A bridge that libvirt makes is one network's."""
    problems = []
    seen: dict[str, str] = {}
    for place, network in placed:
        definition = network.definition
        bridge = definition.one("bridge").get("name") if definition and definition.one("forward").get("mode", "isolated") in BRIDGED else ""
        if bridge in seen:
            problems.append(Problem(f"{place}.bridge", f"{bridge} is already the bridge of {seen[bridge]}; name another"))
        if bridge:
            seen.setdefault(bridge, place)
    return problems
