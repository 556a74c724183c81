# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Networks behind address translation: what leaves them, and what is forwarded into them."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass, field, replace

from .guard import Network, to_network
from .interface import name_problems
from .problem import Problem
from .ruleset import Seen

Options = t.Mapping[str, t.Any]
Ports = tuple[int, int]

NAME = "vnet_nat"
TABLES = (("inet", NAME),)
# Assigned by IANA; `nft -n` and conntrack -L say the numbers.
PROTOCOLS = {"tcp": 6, "udp": 17}
# Guests are given none that only root may take: NFS and others trust those.
UNPRIVILEGED: Ports = (1024, 65535)
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


@dataclass(frozen=True)
class Forward:
    """A port, or as many in a row, of the host that leads to a guest. Ports are first and last.

    ``listen_address`` and ``listen_interface`` are empty for all of the host's; ``sources`` are the networks that may come, empty
    for all.
    """

    protocols: tuple[str, ...]
    ports: Ports
    to: str
    to_ports: Ports
    listen_address: str = ""
    listen_interface: str = ""
    sources: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        return 6 if ":" in self.to else 4


@dataclass(frozen=True)
class NatGuest:
    """A guest's address behind an interface of the host; ``router`` is the host's address there, empty for the network's own."""

    interface: str
    address: str
    router: str = ""


@dataclass(frozen=True)
class Nat:
    """One network. ``sources`` are its subnets, empty for those of the bridge's addresses; ``uplink`` is empty for any interface
    that is no bridge of such a network; ``snat`` is an address or FIRST-LAST, empty for the uplink's own one.

    ``one_to_one``: pairs of an address outside and the guest's, which stands for it in both directions. With ``point_to_point``
    there is no bridge: each guest is alone behind its interface. ``proxy_on``: the interface where ``proxy_arp`` is done.
    """

    name: str
    bridge: str
    sources: tuple[str, ...] = ()
    uplink: str = ""
    masquerade: bool = True
    snat: str = ""
    nat_ports: Ports = UNPRIVILEGED
    no_nat_to: tuple[str, ...] = ()
    forwards: tuple[Forward, ...] = ()
    nat66: bool = False
    one_to_one: tuple[tuple[str, str], ...] = ()
    point_to_point: bool = False
    proxy_arp: bool = False
    guests: tuple[NatGuest, ...] = ()
    proxy_on: str = ""

    @property
    def interfaces(self) -> tuple[str, ...]:
        """By which its guests come."""
        return tuple(dict.fromkeys(guest.interface for guest in self.guests)) if self.point_to_point else (self.bridge,)

    @property
    def translates(self) -> bool:
        """Do its guests have another address outside?"""
        return self.masquerade or bool(self.snat)

    def is_known(self, version: int) -> bool:
        """Does the world know the guests by their own addresses of this family?"""
        return not self.translates and not (version == 6 and self.nat66)

    def ways(self, version: int) -> list[tuple[str, Network]]:
        """Each interface by which guests come, and what is behind it."""
        if self.point_to_point:
            found = [(guest.interface, to_network(guest.address)) for guest in self.guests]
            return [(interface, network) for interface, network in found if network.version == version]
        return [(self.bridge, network) for network in self.networks(version)]

    def networks(self, version: int) -> list[Network]:
        return [network for network in map(to_network, self.sources) if network.version == version]


@dataclass(frozen=True)
class AppliedNat:
    """One network as applied, its ``sources`` and ``uplink`` settled. ``persist``: it comes back after a reboot; ``coexist``: the
    filters of others let it pass."""

    owner: str
    network: Nat
    persist: bool = True
    coexist: bool = False

    @property
    def forwards(self) -> tuple[int, ...]:
        """The families that the host must forward for it. Behind IPv4's translation, only nat66 and what is forwarded into it need IPv6."""
        led = any(item.version == 6 for item in self.network.forwards) or any(":" in inside for _outside, inside in self.network.one_to_one)
        six = self.network.nat66 or led or not self.network.translates
        return tuple(version for version in (4, 6) if self.network.networks(version) and (version == 4 or six))


@dataclass(frozen=True)
class NatFacts:
    """``conntrack``: the tool that ends connections is there."""

    tables: Seen = field(default_factory=dict)
    conntrack: bool = False


def nat_from_json(data: t.Mapping[str, t.Any]) -> Nat:
    """The inverse of dataclasses.asdict after its way through JSON."""
    lists = {key: tuple(data[key]) for key in ("sources", "no_nat_to", "nat_ports")}
    lists["forwards"] = tuple(_forward_from_json(item) for item in data["forwards"])
    lists["guests"] = tuple(NatGuest(**item) for item in data.get("guests", ()))
    return Nat(**{**data, **lists, "one_to_one": tuple((outside, inside) for outside, inside in data["one_to_one"])})


def _forward_from_json(data: t.Mapping[str, t.Any]) -> Forward:
    lists = {key: tuple(data[key]) for key in ("protocols", "ports", "to_ports", "sources")}
    return Forward(**{**data, **lists})


def applied_nat(data: t.Mapping[str, t.Any]) -> AppliedNat:
    return AppliedNat(data["owner"], nat_from_json(data["network"]), data["persist"], data.get("coexist", False))


def read_nats(items: t.Sequence[Options], path: str = "networks") -> tuple[tuple[Nat, ...], list[Problem]]:
    """All items of a list of networks, with the problems of each. Those between them show when their sources are known."""
    problems: list[Problem] = []
    nats = []
    names: dict[str, str] = {}
    for index, item in enumerate(items):
        place = f"{path}[{index}]"
        nat, wrong = read_nat(item, place)
        problems += wrong
        nats.append(nat)
        if nat.name in names:
            problems.append(Problem(f"{place}.name", f"{nat.name} is already {names[nat.name]}.name; declare a network once"))
        names.setdefault(nat.name, place)
    return tuple(nats), problems


def read_nat(options: Options, path: str) -> tuple[Nat, list[Problem]]:
    """One item of ``networks`` with everything that is wrong with it in itself."""
    reader = _Reader(path)
    name, bridge, uplink = options["name"], options.get("bridge") or options["name"], options.get("uplink") or ""
    reader.problems += name_problems(bridge, f"{path}.{'bridge' if options.get('bridge') else 'name'}")
    if bridge != name and not _LABEL.fullmatch(name):
        reader.add("name", f"{name!r} is no name; use 1 to 64 letters, digits, '_', '-' or '.'")
    reader.problems += name_problems(uplink, f"{path}.uplink") if uplink else []
    snat = reader.snat(options.get("snat") or "")
    guests = reader.guests(options.get("guests") or [])
    reader.alone(options)
    if options.get("snat") and options.get("masquerade"):
        reader.add("masquerade", "snat gives the source address already; leave one of them out")
    nat = Nat(
        name=name,
        bridge=bridge,
        sources=reader.networks("sources", options.get("sources") or []),
        uplink=uplink,
        masquerade=options.get("masquerade") is not False and not options.get("snat"),
        snat=snat,
        nat_ports=reader.ports("nat_ports", options["nat_ports"]) if options.get("nat_ports") else UNPRIVILEGED,
        no_nat_to=reader.networks("no_nat_to", options.get("no_nat_to") or []),
        forwards=tuple(reader.forward(f"forwards[{at}]", item) for at, item in enumerate(options.get("forwards") or [])),
        nat66=bool(options.get("nat66")),
        one_to_one=tuple(reader.pair(f"one_to_one[{at}]", item) for at, item in enumerate(options.get("one_to_one") or [])),
        point_to_point=bool(options.get("point_to_point")),
        proxy_arp=bool(options.get("proxy_arp")),
        guests=guests,
    )
    return nat, reader.problems


class _Reader:
    """Reads words into values, and keeps what is wrong. What cannot be read is empty, and concerns no other check."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.problems: list[Problem] = []

    def add(self, option: str, message: str) -> None:
        self.problems.append(Problem(f"{self._path}.{option}", message))

    def networks(self, option: str, texts: t.Sequence[str]) -> tuple[str, ...]:
        found = []
        for at, text in enumerate(texts):
            try:
                interface = ipaddress.ip_interface(text.strip())
            except ValueError:
                self.add(f"{option}[{at}]", f"{text!r} is no network; write it as in 10.0.0.0/16 or 2001:db8::/64")
                continue
            if interface.network.network_address != interface.ip:
                self.add(f"{option}[{at}]", f"{text} is an address inside a network; write {interface.network} for all of it")
            elif str(interface.network) in found:
                self.add(f"{option}[{at}]", f"{text} is in the list already; write it once")
            else:
                found.append(str(interface.network))
        return tuple(found)

    def address(self, option: str, text: str) -> str:
        try:
            address = ipaddress.ip_address(text.strip())
        except ValueError:
            self.add(option, f"{text!r} is no address; write it as in 10.0.0.1 or 2001:db8::1")
            return ""
        if address.is_unspecified or address.is_multicast or address.is_loopback:
            self.add(option, f"{text} is a multicast, loopback or unspecified address; nothing can be forwarded there")
            return ""
        return str(address)

    def ports(self, option: str, text: str) -> Ports:
        found = _PORTS.fullmatch(str(text).strip())
        if not found:
            self.add(option, f"{text!r} is no port; write one as in 8080, or several in a row as in 8000-8010")
            return (0, 0)
        first, last = int(found.group(1)), int(found.group(2) or found.group(1))
        if not 1 <= first <= 65535 or not 1 <= last <= 65535:
            self.add(option, f"{text} is outside 1-65535")
            return (0, 0)
        if last < first:
            self.add(option, f"{text} runs backwards; write {last}-{first}")
            return (0, 0)
        return (first, last)

    def snat(self, text: str) -> str:
        first, dash, last = text.partition("-")
        if not text:
            return ""
        ends = [self.address("snat", end) for end in ([first, last] if dash else [first])]
        if not all(ends):
            return ""
        if any(":" in end for end in ends):
            self.add("snat", f"{text}: only IPv4 has a fixed source address; nat66: true masquerades IPv6")
            return ""
        if dash and ipaddress.IPv4Address(ends[1]) <= ipaddress.IPv4Address(ends[0]):
            self.add("snat", f"{text} runs backwards or is one address; write the lower one first, or one alone")
            return ""
        return "-".join(ends)

    def forward(self, place: str, item: Options) -> Forward:
        before = len(self.problems)
        ports = self.ports(f"{place}.port", item["port"])
        to_ports = self.ports(f"{place}.to_port", item["to_port"]) if item.get("to_port") else ports
        if ports[0] and to_ports[0] and ports[1] - ports[0] != to_ports[1] - to_ports[0]:
            cure = "write as many, or leave to_port out to keep the numbers"
            self.add(f"{place}.to_port", f"{item['to_port']} are {_count(to_ports)}, but {item['port']} are {_count(ports)}; {cure}")
        to, listen = self.address(f"{place}.to", item["to"]), item.get("listen_address") or ""
        listen = self.address(f"{place}.listen_address", listen) if listen else ""
        interface = item.get("listen_interface") or ""
        self.problems += name_problems(interface, f"{self._path}.{place}.listen_interface") if interface else []
        sources = self.networks(f"{place}.from", item.get("from") or [])
        others = [("listen_address", [listen] if listen else []), ("from", list(sources))]
        for option, texts in others if to else []:
            for text in texts:
                if (":" in text) != (":" in to):
                    self.add(f"{place}.{option}", f"{text} and {to} are of different families; IPv4 leads to IPv4 only, and IPv6 to IPv6")
        protocols = ("tcp", "udp") if item.get("protocol") == "both" else (item.get("protocol") or "tcp",)
        if len(self.problems) > before:
            # Known to be wrong: nothing more is said of it.
            return Forward(protocols, (0, 0), "", (0, 0))
        return Forward(protocols, ports, to, to_ports, listen, interface, sources)

    def guests(self, items: t.Sequence[Options]) -> tuple[NatGuest, ...]:
        found = []
        for at, item in enumerate(items):
            place = f"guests[{at}]"
            self.problems += name_problems(item["interface"], f"{self._path}.{place}.interface")
            texts = [self.address(f"{place}.addresses[{index}]", text) for index, text in enumerate(item["addresses"])]
            if not texts:
                self.add(f"{place}.addresses", "is empty; the host finds the guest by its address alone")
            found += [NatGuest(item["interface"], text) for text in texts if text]
        return tuple(found)

    def alone(self, options: Options) -> None:
        """What goes with point_to_point, and what does not."""
        if options.get("point_to_point") and options.get("bridge"):
            self.add("bridge", "with point_to_point there is none; leave one of them out")
        if options.get("guests") and not options.get("point_to_point") and not options.get("proxy_arp"):
            self.add("guests", "are behind interfaces of their own with point_to_point: true; say that, or leave them out")

    def pair(self, place: str, item: Options) -> tuple[str, str]:
        outside, inside = self.address(f"{place}.address", item["address"]), self.address(f"{place}.to", item["to"])
        if outside and inside and (":" in outside) != (":" in inside):
            self.add(f"{place}.to", f"{outside} and {inside} are of different families; IPv4 stands for IPv4 only, and IPv6 for IPv6")
        return outside, inside


def _count(ports: Ports) -> str:
    count = ports[1] - ports[0] + 1
    return f"{count} port{'s' if count > 1 else ''}"


def ports_text(ports: Ports) -> str:
    """As the user writes them."""
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def settle(nat: Nat, sources: t.Sequence[str], uplink: str) -> Nat:
    """The network with what its declaration leaves to the host."""
    found = nat.sources or (() if nat.point_to_point else tuple(sources))
    own = dict.fromkeys(str(to_network(guest.address)) for guest in nat.guests)
    return replace(nat, sources=found or tuple(own), uplink=uplink)


def settle_guests(nat: Nat, hosts: t.Mapping[int, str], proxy_on: str) -> Nat:
    """The network with the host's addresses towards its guests. ``hosts``: family -> the host's own address; none where the
    bridge has addresses.
    """
    guests = (
        replace(
            guest,
            router=router_of(guest.address) if nat.translates and nat.point_to_point else hosts.get(6 if ":" in guest.address else 4, ""),
        )
        for guest in nat.guests
    )
    return replace(nat, guests=tuple(guests), proxy_on=proxy_on)


def router_of(address: str) -> str:
    """The router that Xen's vif-nat gives to a guest: its own address with 127 more in the last octet. Empty where that is none."""
    guest = ipaddress.ip_address(address)
    last = guest.packed[-1] + 127
    # 255 is a broadcast address to many.
    return str(guest + 127) if 127 < last < 255 else ""
