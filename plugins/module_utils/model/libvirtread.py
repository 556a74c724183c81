# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""From the options of a libvirt network to its definition, with everything that is wrong in itself."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .interface import mac_problems, name_problems, normal_mac
from .libvirt import DNSMASQ, Element, LibvirtNetwork, element
from .libvirtcheck import definition_problems, host_clashes, subnet_problems
from .libvirtxml import normal, parse
from .problem import Problem

Options = t.Mapping[str, t.Any]
# What is no part of the definition.
_APART = ("name", "active", "autostart", "xml")
# Modes by which libvirt makes a bridge of its own, and those by which guests share devices of the host.
BRIDGED = ("nat", "route", "open", "isolated")
MACVTAP = ("private", "vepa", "passthrough")
MODES = (*BRIDGED, "bridge", *MACVTAP, "hostdev")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@ -]{0,62}")
_RANGE = re.compile(r"\s*(\S+?)\s*-\s*(\S+)\s*")
_PCI = re.compile(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})\.([0-7])")
_WORDS = re.compile(r"\w+=\w+")


def read_libvirt(items: t.Sequence[Options], path: str = "networks") -> tuple[tuple[LibvirtNetwork, ...], list[Problem]]:
    """All items of a list of networks, with the problems of each and those between them."""
    problems: list[Problem] = []
    networks = []
    seen: dict[tuple[str, str], str] = {}
    for index, item in enumerate(items):
        place = f"{path}[{index}]"
        network, wrong = read_network(item, place)
        problems += wrong
        networks.append(network)
        bridge = network.definition.one("bridge").get("name") if network.definition and not wrong else ""
        own = bool(bridge) and network.definition is not None and network.definition.one("forward").get("mode") != "bridge"
        for option, word, cure in (("name", network.name, "declare a network once"), ("bridge", bridge if own else "", "name another")):
            if word and (option, word) in seen:
                problems.append(Problem(f"{place}.{option}", f"{word} is already {seen[option, word]}; {cure}"))
            seen.setdefault((option, word), f"{place}.{option}")
    return tuple(networks), problems


def read_network(options: Options, path: str) -> tuple[LibvirtNetwork, list[Problem]]:
    """One item of ``networks``. What depends on the host is judged by the plan."""
    problems = []
    name = options["name"]
    if not _NAME.fullmatch(name):
        problems.append(Problem(f"{path}.name", f"{name!r} is no name; use 1 to 63 letters, digits, '_', '-', '.', '@' or spaces"))
    given = sorted(option for option, value in options.items() if value is not None and option not in _APART)
    definition = None
    if options.get("xml") is not None:
        if given:
            problems.append(
                Problem(f"{path}.xml", f"is the whole definition, and {', '.join(given)} would be another; leave one of them out")
            )
        definition, wrong = _read_xml(options["xml"], name, f"{path}.xml")
        problems += wrong
    elif given:
        reader = _Reader(path)
        definition = normal(reader.network(options))
        problems += reader.problems
    if definition is not None and not problems:
        problems += definition_problems(definition, path)
    return LibvirtNetwork(name, definition, options.get("active") is not False, options.get("autostart") is not False), problems


def _read_xml(text: str, name: str, path: str) -> tuple[Element | None, list[Problem]]:
    try:
        root = parse(text)
    except ValueError as error:
        return None, [Problem(path, f"{error}; write a whole <network> element")]
    if root.tag != "network":
        return None, [Problem(path, f"is <{root.tag}>; write a whole <network> element")]
    said = root.one("name").text
    if said and said != name:
        return None, [Problem(path, f"is named {said}; write {name}, or leave <name> out")]
    named = (Element("name", text=name), *(child for child in root.children if child.tag != "name"))
    return normal(Element(root.tag, root.attributes, named)), []


class _Reader:
    """Reads words into elements, and keeps what is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.problems: list[Problem] = []

    def add(self, option: str, message: str) -> None:
        self.problems.append(Problem(f"{self._path}.{option}", message))

    def network(self, options: Options) -> Element:
        mode = (options.get("forward") or {}).get("mode") or "nat"
        parts = [
            Element("name", text=options["name"]),
            self._forward(options.get("forward") or {}, mode),
            self._bridge(options, mode),
            self._mac(options.get("mac")),
            self._mtu(options.get("mtu")),
            self._domain(options.get("domain")),
            self._dns(options.get("dns")),
            self._vlan("vlan", options.get("vlan")),
            self._bandwidth("bandwidth", options.get("bandwidth")),
            element("port", isolated="yes") if options.get("port_isolation") else None,
            *(self._portgroup(f"portgroups[{at}]", item) for at, item in enumerate(options.get("portgroups") or [])),
            *(self._subnet(f"addresses[{at}]", item) for at, item in enumerate(options.get("addresses") or [])),
            *(self._route(f"routes[{at}]", item) for at, item in enumerate(options.get("routes") or [])),
            self._dnsmasq(options.get("dnsmasq_options") or []),
        ]
        if mode not in BRIDGED:
            for option in ("addresses", "routes", "domain", "dns", "dnsmasq_options", "stp", "delay", "zone", "mac", "ipv6"):
                if options.get(option):
                    self.add(option, f"is for a bridge that libvirt makes, and forward.mode {mode} has none; leave it out")
        return element("network", *parts, ipv6="yes" if options.get("ipv6") else None)

    def _forward(self, item: Options, mode: str) -> Element | None:
        if mode == "isolated":
            for option in sorted(option for option, value in item.items() if value and option != "mode"):
                self.add(f"forward.{option}", "is for networks that lead somewhere, and this one is isolated; leave it out")
            return None
        devs = [item["dev"]] if item.get("dev") else item.get("interfaces") or []
        for option in ("dev", "interfaces"):
            names = [item["dev"]] if option == "dev" and item.get("dev") else item.get("interfaces") or [] if option != "dev" else []
            for at, name in enumerate(names):
                self.problems += name_problems(name, f"{self._path}.forward.{option}" + (f"[{at}]" if option != "dev" else ""))
        pool = mode in (*MACVTAP, "hostdev")
        for option, fits in (("interfaces", pool or mode == "bridge"), ("addresses", mode == "hostdev"), ("pf", pool)):
            if item.get(option) and not fits:
                self.add(f"forward.{option}", f"means nothing to forward.mode {mode}; leave it out")
        for option in ("nat_addresses", "nat_ports", "nat_ipv6"):
            if item.get(option) and mode != "nat":
                self.add(f"forward.{option}", f"is for forward.mode nat, not {mode}; leave it out")
        if pool and not (devs or item.get("addresses") or item.get("pf")):
            self.add("forward", f"mode {mode} needs devices; name them with pf, interfaces or, for hostdev, addresses")
        return element(
            "forward",
            self._nat(item) if mode == "nat" else None,
            element("pf", dev=item["pf"]) if item.get("pf") else None,
            element("driver", name=item["driver"]) if item.get("driver") else None,
            *(element("interface", dev=name) for name in devs),
            *(self._pci(f"forward.addresses[{at}]", text) for at, text in enumerate(item.get("addresses") or [])),
            mode=mode,
            managed="yes" if item.get("managed") else None,
        )

    def _nat(self, item: Options) -> Element | None:
        parts = []
        if item.get("nat_addresses"):
            parts.append(element("address", **self.span("forward.nat_addresses", item["nat_addresses"], 4)))
        if item.get("nat_ports"):
            first, dash, last = str(item["nat_ports"]).partition("-")
            if not (dash and first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) < 65536):
                self.add("forward.nat_ports", f"{item['nat_ports']!r} is no range of ports; write it as in 1024-65535")
            parts.append(element("port", start=first, end=last))
        return element("nat", *parts, ipv6="yes" if item.get("nat_ipv6") else None)

    def _pci(self, option: str, text: str) -> Element | None:
        found = _PCI.fullmatch(text)
        if not found:
            self.add(option, f"{text!r} is no PCI address; write it as lspci -D does, as in 0000:03:10.1")
            return None
        return element("address", **{name: f"0x{word}" for name, word in zip(("domain", "bus", "slot", "function"), found.groups())})

    def _bridge(self, options: Options, mode: str) -> Element | None:
        if mode not in (*BRIDGED, "bridge"):
            if options.get("bridge"):
                self.add("bridge", f"means nothing to forward.mode {mode}; leave it out")
            return None
        forward = options.get("forward") or {}
        if mode == "bridge" and (forward.get("interfaces") or forward.get("dev")) and not options.get("bridge"):
            return None
        name = options.get("bridge") or options["name"]
        self.problems += name_problems(name, f"{self._path}.{'bridge' if options.get('bridge') else 'name'}")
        if mode == "bridge":
            return element("bridge", name=name)
        delay = options.get("delay")
        if delay is not None and not 0 <= delay <= 30:
            self.add("delay", f"{delay} is outside 0 to 30 seconds")
        stp = None if options.get("stp") is None else "on" if options["stp"] else "off"
        return element("bridge", name=name, stp=stp, delay=delay, zone=options.get("zone"))

    def _mac(self, text: str | None) -> Element | None:
        if not text:
            return None
        self.problems += mac_problems(normal_mac(text), f"{self._path}.mac")
        return element("mac", address=normal_mac(text))

    def _mtu(self, size: int | None) -> Element | None:
        if size is not None and not 68 <= size <= 65521:
            self.add("mtu", f"{size} is outside 68 to 65521 bytes")
        return None if size is None else element("mtu", size=size)

    def _domain(self, item: Options | None) -> Element | None:
        if not item:
            return None
        words = {"localOnly": item.get("local_only"), "register": item.get("register")}
        return element("domain", name=item["name"], **{word: "yes" for word, value in words.items() if value})

    def _dns(self, item: Options | None) -> Element | None:
        if not item:
            return None
        parts = [self._forwarder(f"dns.forwarders[{at}]", text) for at, text in enumerate(item.get("forwarders") or [])]
        for at, host in enumerate(item.get("hosts") or []):
            address = self.address(f"dns.hosts[{at}].address", host["address"])
            if not host["names"]:
                self.add(f"dns.hosts[{at}].names", "is empty; give the address a name")
            parts.append(element("host", *(Element("hostname", text=name) for name in host["names"]), ip=address))
        parts += [element("txt", name=txt["name"], value=txt["value"]) for txt in item.get("txt") or []]
        for srv in item.get("srv") or []:
            parts.append(element("srv", **{word: srv.get(word) for word in _SRV}))
        plain = item.get("forward_plain_names")
        enable = "no" if item.get("enable") is False else None
        return element("dns", *parts, enable=enable, forwardPlainNames=None if plain is None else "yes" if plain else "no")

    def _forwarder(self, option: str, item: Options) -> Element:
        if not item.get("address") and not item.get("domain"):
            self.add(option, "has neither address nor domain; give it one of them")
        address = self.address(f"{option}.address", item["address"]) if item.get("address") else None
        return element("forwarder", domain=item.get("domain"), addr=address)

    def _vlan(self, option: str, item: Options | None) -> Element | None:
        if not item:
            return None
        for at, number in enumerate(item["tags"]):
            if not 0 < number < 4095:
                self.add(f"{option}.tags[{at}]", f"{number} is outside 1 to 4094")
        if item.get("native") and item["native"] not in item["tags"]:
            self.add(f"{option}.native", f"{item['native']} is none of the tags; add it there")
        native = item.get("native")
        tags = (element("tag", id=number, nativeMode="untagged" if number == native else None) for number in item["tags"])
        return element("vlan", *tags, trunk="yes" if item.get("trunk") or native else None)

    def _bandwidth(self, option: str, item: Options | None) -> Element | None:
        if not item:
            return None
        for way in ("inbound", "outbound"):
            for word, value in (item.get(way) or {}).items():
                if value is not None and value < 1:
                    self.add(f"{option}.{way}.{word}", f"{value} is none; write a number of KiB (a second) from 1")
        ways = (element(way, **{word: item[way].get(word) for word in _RATES}) for way in ("inbound", "outbound") if item.get(way))
        return element("bandwidth", *ways)

    def _portgroup(self, place: str, item: Options) -> Element:
        return element(
            "portgroup",
            self._vlan(f"{place}.vlan", item.get("vlan")),
            self._bandwidth(f"{place}.bandwidth", item.get("bandwidth")),
            name=item["name"],
            default="yes" if item.get("default") else None,
        )

    def _subnet(self, place: str, item: Options) -> Element | None:
        try:
            own = ipaddress.ip_interface(item["address"].strip())
        except ValueError:
            self.add(f"{place}.address", f"{item['address']!r} is no address; write it as in 192.168.122.1/24 or 2001:db8::1/64")
            return None
        before = len(self.problems)
        ranges = [
            element("range", **self.span(f"{place}.ranges[{at}]", text, own.version)) for at, text in enumerate(item.get("ranges") or [])
        ]
        hosts = [self._host(f"{place}.hosts[{at}]", host, own.version) for at, host in enumerate(item.get("hosts") or [])]
        bootp = item.get("bootp")
        for option in ("bootp", "tftp"):
            if item.get(option) and own.version == 6:
                self.add(f"{place}.{option}", "is for IPv4 only; leave it out")
        subnet = element(
            "ip",
            element("tftp", root=item["tftp"]) if item.get("tftp") else None,
            element("dhcp", *ranges, *hosts, element("bootp", file=bootp["file"], server=bootp.get("server")) if bootp else None),
            address=own.ip,
            prefix=own.network.prefixlen,
            family="ipv6" if own.version == 6 else None,
            localPtr="yes" if item.get("local_ptr") else None,
        )
        if len(self.problems) == before:
            self.problems += subnet_problems(own, ranges, hosts, f"{self._path}.{place}")
        self.problems += host_clashes(hosts, f"{self._path}.{place}.hosts")
        return subnet

    def _host(self, place: str, item: Options, version: int) -> Element:
        mac = normal_mac(item.get("mac") or "")
        self.problems += mac_problems(mac, f"{self._path}.{place}.mac") if mac else []
        if version == 6 and mac:
            self.add(f"{place}.mac", "DHCPv6 does not know guests by their MAC; say id (the DUID) or name")
        if version == 4 and not mac and not item.get("name"):
            self.add(place, "has neither mac nor name; give it one of them")
        if version == 4 and item.get("id"):
            self.add(f"{place}.id", "is for DHCPv6; say mac")
        return element(
            "host", mac=mac, id=item.get("id"), name=item.get("name"), ip=self.address(f"{place}.address", item["address"], version)
        )

    def _route(self, place: str, item: Options) -> Element | None:
        try:
            to = ipaddress.ip_network(item["to"].strip())
        except ValueError as error:
            self.add(f"{place}.to", f"{item['to']!r} is no network: {error}; write it as in 10.0.0.0/16")
            return None
        words: dict[str, t.Any] = {
            "address": to.network_address,
            "prefix": to.prefixlen,
            "gateway": self.address(f"{place}.via", item["via"], to.version),
        }
        return element("route", **words, family="ipv6" if to.version == 6 else None, metric=item.get("metric"))

    def _dnsmasq(self, texts: t.Sequence[str]) -> Element | None:
        options = [element(f"{{{DNSMASQ}}}option", value=text) for text in texts]
        return element(f"{{{DNSMASQ}}}options", *options) if options else None

    def address(self, option: str, text: str, version: int = 0) -> str:
        try:
            address = ipaddress.ip_address(text.strip())
        except ValueError:
            self.add(option, f"{text!r} is no address; write it as in 192.168.122.10 or 2001:db8::10")
            return ""
        if version not in (0, address.version):
            self.add(option, f"{text} is not IPv{version}; write an address of the network's own family")
        return str(address)

    def span(self, option: str, text: str, version: int) -> dict[str, str]:
        """The first and the last address; one alone is both."""
        found = _RANGE.fullmatch(text) or re.fullmatch(r"\s*(\S+)()\s*", text)
        if not found:
            self.add(option, f"{text!r} is no range; write the first and the last address, as in 192.168.122.2-192.168.122.254")
            return {}
        first, last = (self.address(option, word, version) for word in (found[1], found[2] or found[1]))
        if first and last and int(ipaddress.ip_address(first)) > int(ipaddress.ip_address(last)):
            self.add(option, f"{text} runs backwards; write {last}-{first}")
        return {"start": first, "end": last}


_SRV = ("service", "protocol", "domain", "target", "port", "priority", "weight")
_RATES = ("average", "peak", "burst")
