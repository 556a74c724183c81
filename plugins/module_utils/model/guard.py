# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A guard: what one guest's interface may send, as the user declares it."""

from __future__ import annotations

import functools
import ipaddress
import re
import typing as t
from dataclasses import dataclass, field, replace

from .interface import NAME_LENGTH, eui64_address, mac_problems, name_problems, normal_mac
from .problem import Problem

# The tables: of bridged interfaces, and of routed ones.
NAME = "vnet_guard"
TABLES = (("bridge", NAME), ("inet", NAME), ("arp", NAME))
Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Options = t.Mapping[str, t.Any]

# Assigned by IANA; the numbers are what the kernel and `nft -n` say.
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "sctp": 132}
_WITH_PORTS = frozenset({"tcp", "udp", "sctp"})
_NONE: dict[str, tuple[int, ...]] = {"none": (4, 6), "none4": (4,), "none6": (6,)}
_AUTO = "auto"
# libxl calls the emulated card of an HVM guest like its paravirtual one, with this behind.
EMULATED = "-emu"
_PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,13}\*")


@dataclass(frozen=True)
class GuardRule:
    """What may pass (``allow``) or may not (``deny``). ``address`` is the other side's network; empty and 0 mean any.

    ``direction``: ``from`` the guest or ``to`` it. ``port`` is the destination's.
    """

    direction: str
    address: str = ""
    protocol: str = ""
    port: int = 0


@dataclass(frozen=True)
class Guard:
    """One guarded interface. ``addresses`` are networks in canonical form, the link-local one of ``mac`` not among them.

    ``pairs`` are further (MAC, network) that the guest may use, such as those of VRRP. ``families``: 4 and 6, without those that
    are blocked. ``routed``: the interface is no port of a bridge. ``bridge`` is where it is plugged in, if the user says.
    ``auto``: it has a free address of each family that its bridge has one of; which one, is known when it is applied.
    ``guest``: the name by which its network's DHCP and DNS know it, if its record says whose interface it is.
    """

    interface: str
    mac: str
    addresses: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    families: tuple[int, ...] = (4, 6)
    bridge: str = ""
    dhcp_client: bool = True
    dhcp_server: bool = False
    router_advertisements: bool = False
    enforce: bool = True
    log: bool = False
    routed: bool = False
    emulated: bool = False
    allow: tuple[GuardRule, ...] = ()
    deny: tuple[GuardRule, ...] = ()
    auto: bool = False
    guest: str = ""

    @property
    def name(self) -> str:
        return self.interface

    @property
    def interfaces(self) -> tuple[str, ...]:
        return (self.interface, self.interface + EMULATED) if self.emulated else (self.interface,)

    @property
    def macs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.mac, *(mac for mac, _network in self.pairs))))

    def networks(self, version: int) -> tuple[Network, ...]:
        """All that the guest may send from in this family, link-local included."""
        if version not in self.families:
            return ()
        own = [f"{link_local(self.mac)}/128"] if version == 6 else []
        texts = dict.fromkeys([*own, *self.addresses, *(network for _mac, network in self.pairs)])
        return tuple(network for network in map(to_network, texts) if network.version == version)


@dataclass(frozen=True)
class GuardSettings:
    """What holds for all guards of a host. ``unlisted``: drop what ports without a guard send whose name matches ``match``;
    ``persist``: that comes back after a reboot. ``bypass``: frames between ports of bridges are not tracked as connections;
    ``host_macs`` are the bridges' own then, to which the host itself listens.
    """

    unlisted: bool = False
    match: tuple[str, ...] = ()
    log_group: int = 0
    persist: bool = True
    bypass: bool = False
    host_macs: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppliedGuard:
    """One guard as applied. ``persist``: it comes back after a reboot."""

    owner: str
    guard: Guard
    persist: bool = True


@dataclass(frozen=True)
class Guards:
    """All guards of a host, by interface."""

    guards: t.Mapping[str, Guard] = field(default_factory=dict)
    settings: GuardSettings = field(default_factory=GuardSettings)

    @property
    def needed(self) -> bool:
        return bool(self.guards) or self.settings.unlisted


@functools.cache
def to_network(text: str) -> Network:
    """Each text is asked for several times in one run, and reading it takes longer than all else."""
    return ipaddress.ip_network(text)


def link_local(mac: str) -> str:
    """The address that SLAAC derives from the MAC (RFC 4291, appendix A)."""
    return str(ipaddress.IPv6Address(0xFE80 << 112 | int(eui64_address(mac), 16)))


def guard_from_json(data: t.Mapping[str, t.Any]) -> Guard:
    """The inverse of dataclasses.asdict after its way through JSON."""
    rules = {name: tuple(GuardRule(**rule) for rule in data[name]) for name in ("allow", "deny")}
    pairs = tuple((mac, network) for mac, network in data["pairs"])
    return Guard(**{**data, **rules, "pairs": pairs, "addresses": tuple(data["addresses"]), "families": tuple(data["families"])})


def applied_guard(data: t.Mapping[str, t.Any]) -> AppliedGuard:
    return AppliedGuard(data["owner"], guard_from_json(data["guard"]), data["persist"])


def settings_from_json(data: t.Mapping[str, t.Any]) -> GuardSettings:
    macs = tuple(data.get("host_macs", ()))
    return GuardSettings(data["unlisted"], tuple(data["match"]), data["log_group"], data["persist"], data.get("bypass", False), macs)


def read_guards(items: t.Sequence[Options], path: str = "guards") -> tuple[tuple[Guard, ...], list[Problem]]:
    """All items of a list of guards, with the problems of each and those between them."""
    problems: list[Problem] = []
    guards = []
    for index, item in enumerate(items):
        guard, wrong = read_guard(item, f"{path}[{index}]")
        problems += wrong
        guards.append(guard)
    return tuple(guards), problems + guard_clashes([(guard, f"{path}[{index}]") for index, guard in enumerate(guards)])


def read_guard(options: Options, path: str) -> tuple[Guard, list[Problem]]:
    """One item of ``guards`` with everything that is wrong with it in itself."""
    name, mac = options["interface"], normal_mac(options.get("mac") or "")
    problems = name_problems(name, f"{path}.interface") + mac_problems(mac, f"{path}.mac")
    wrong_mac = bool(mac_problems(mac, ""))
    if options.get("emulated") and len(name + EMULATED) > NAME_LENGTH:
        most = NAME_LENGTH - len(EMULATED)
        problems.append(Problem(f"{path}.interface", f"{name!r} has {len(name)} characters; with emulated: true it is {most} at most"))
    texts = options.get("addresses") or []
    auto = _AUTO in texts
    addresses, families, wrong = _read_addresses(texts, f"{path}.addresses")
    problems += wrong
    if auto and not options.get("bridge"):
        problems.append(Problem(f"{path}.addresses", "auto takes an address of a network; name the bridge that the interface is in"))
    pairs, wrong = _read_pairs(options.get("allowed_pairs") or [], mac, f"{path}.allowed_pairs")
    problems += wrong
    guard = Guard(
        interface=name,
        mac=mac if not wrong_mac else "",
        addresses=addresses,
        pairs=pairs,
        families=families,
        bridge=options.get("bridge") or "",
        dhcp_client=options.get("dhcp_client") is not False,
        dhcp_server=bool(options.get("dhcp_server")),
        router_advertisements=bool(options.get("router_advertisements")),
        enforce=options.get("mode") != "observe",
        log=bool(options.get("log")),
        routed=bool(options.get("routed")),
        emulated=bool(options.get("emulated")),
        auto=auto,
    )
    for option in ("allow", "deny"):
        rules, wrong = _read_rules(options.get(option) or [], f"{path}.{option}")
        problems += wrong
        guard = replace(guard, allow=rules) if option == "allow" else replace(guard, deny=rules)
    return guard, problems


def read_settings(options: Options) -> tuple[dict[str, t.Any], list[Problem]]:
    """The options beside the list of guards: those fields of GuardSettings that are given."""
    problems: list[Problem] = []
    settings: dict[str, t.Any] = {}
    choice, match, group = options.get("unlisted_ports") or "keep", tuple(options.get("match") or ()), options.get("log_group")
    for index, pattern in enumerate(match):
        if not _PATTERN.fullmatch(pattern):
            problems.append(Problem(f"match[{index}]", f"{pattern!r} is not the beginning of interface names; write it as in vif*"))
    if choice == "drop" and not match:
        problems.append(Problem("match", "is empty, so unlisted_ports: drop closes nothing; name the guests' ports, as in [vif*, tap*]"))
    if choice != "keep":
        settings.update(unlisted=choice == "drop", match=match if choice == "drop" else ())
    if group is not None and not 0 <= group <= 65535:
        problems.append(Problem("log_group", f"{group} is outside 0-65535"))
    if group is not None:
        settings["log_group"] = group
    if options.get("conntrack", "keep") != "keep":
        settings["bypass"] = options["conntrack"] == "bypass"
    return settings, problems


def _read_addresses(texts: t.Sequence[str], path: str) -> tuple[tuple[str, ...], tuple[int, ...], list[Problem]]:
    if not texts:
        cure = "list those of the guest, or say addresses: none for a guest that must not send any IP"
        return (), (), [Problem(path, f"the guard has no address, so the guest could send next to nothing; {cure}")]
    problems: list[Problem] = []
    found: dict[Network, str] = {}
    blocked: dict[int, str] = {}
    for index, text in enumerate(texts):
        place = f"{path}[{index}]"
        if text == _AUTO:
            continue
        if text in _NONE:
            blocked.update(dict.fromkeys(_NONE[text], text))
            continue
        network, wrong = _read_network(text, place)
        problems += wrong
        if network and network in found:
            problems.append(Problem(place, f"{text} is already {found[network]}; write it once"))
        if network:
            found.setdefault(network, place)
    for network, place in found.items():
        if _AUTO in texts:
            problems.append(Problem(place, f"{network} stands beside 'auto', which takes an address by itself; leave one of them out"))
        if network.version in blocked:
            problems.append(Problem(place, f"{network} contradicts {blocked[network.version]!r} in the same list; leave one of them out"))
    return tuple(map(str, found)), tuple(version for version in (4, 6) if version not in blocked), problems


def _read_network(text: str, path: str) -> tuple[Network | None, list[Problem]]:
    # As it is asked for afterwards, so that it is read once.
    full = text.strip() if "/" in text else f"{text.strip()}/{128 if ':' in text else 32}"
    try:
        network = to_network(full)
    except ValueError:
        return None, [_unreadable(text, path)]
    ip = network.network_address
    if network.prefixlen == network.max_prefixlen and (ip.is_multicast or ip.is_unspecified or ip.is_loopback):
        return None, [Problem(path, f"{text} is a multicast, loopback or unspecified address; no guest sends from it")]
    return network, []


def _unreadable(text: str, path: str) -> Problem:
    try:
        interface = ipaddress.ip_interface(text.strip())
    except ValueError:
        cure = "write 10.0.0.1, 10.0.0.0/29, 2001:db8::1 or 2001:db8::/64"
        return Problem(path, f"{text!r} is neither an address nor a network; {cure}")
    cure = f"write {interface.ip} for the one address or {interface.network} for all of the network"
    return Problem(path, f"{text} is an address inside a network; {cure}")


def _read_pairs(items: t.Sequence[Options], own: str, path: str) -> tuple[tuple[tuple[str, str], ...], list[Problem]]:
    pairs, problems = [], []
    for index, item in enumerate(items):
        mac = normal_mac(item.get("mac") or own)
        if item.get("mac"):
            problems += mac_problems(mac, f"{path}[{index}].mac")
        network, wrong = _read_network(item["address"], f"{path}[{index}].address")
        problems += wrong
        if network:
            pairs.append((mac, str(network)))
    return tuple(pairs), problems


def _read_rules(items: t.Sequence[Options], path: str) -> tuple[tuple[GuardRule, ...], list[Problem]]:
    rules, problems = [], []
    for index, item in enumerate(items):
        place = f"{path}[{index}]"
        address, protocol, port = "", item.get("protocol") or "", item.get("port") or 0
        if item.get("address"):
            network, wrong = _read_network(item["address"], f"{place}.address")
            problems += wrong
            address = str(network) if network else ""
        if protocol and protocol not in PROTOCOLS:
            problems.append(Problem(f"{place}.protocol", f"{protocol!r} is not known here; there is: {', '.join(sorted(PROTOCOLS))}"))
        if port and protocol not in _WITH_PORTS:
            problems.append(Problem(f"{place}.port", f"{port} needs protocol: tcp, udp or sctp; the others have no ports"))
        if not 0 <= port <= 65535:
            problems.append(Problem(f"{place}.port", f"{port} is outside 1-65535"))
        rules.append(GuardRule(item["direction"], address, protocol, port))
    return tuple(rules), problems


def guard_clashes(guards: t.Sequence[tuple[Guard, str]]) -> list[Problem]:
    """The same interface twice; the same MAC or address on one bridge. Each guard with its place."""
    problems = []
    names: dict[str, str] = {}
    macs: dict[tuple[str, str], str] = {}
    for guard, place in guards:
        for name in guard.interfaces:
            if name in names:
                problems.append(Problem(f"{place}.interface", f"{name} is already {names[name]}.interface; an interface has one guard"))
            names.setdefault(name, place)
        key = (guard.bridge, guard.mac)
        if guard.mac and key in macs:
            cure = "give each its own" if guard.bridge else "give each its own, or say with bridge: that they are not on the same one"
            problems.append(Problem(f"{place}.mac", f"{guard.mac} is already {macs[key]}.mac; {cure}"))
        macs.setdefault(key, place)
    return problems + _overlaps(guards)


class _Claim(t.NamedTuple):
    """An address that somebody has, in the order in which overlaps stand side by side."""

    bridge: str
    version: int
    first: int
    last: int
    text: str
    guard: int
    place: str


def _overlaps(guards: t.Sequence[tuple[Guard, str]]) -> list[Problem]:
    claims = []
    for index, (guard, path) in enumerate(guards):
        for at, text in enumerate(guard.addresses):
            network = to_network(text)
            if not network.is_link_local:
                ends = int(network.network_address), int(network.broadcast_address)
                claims.append(_Claim(guard.bridge, network.version, *ends, text, index, f"{path}.addresses[{at}]"))
    problems = []
    widest: _Claim | None = None
    for claim in sorted(claims):
        near = widest is not None and (widest.bridge, widest.version) == (claim.bridge, claim.version)
        if widest is not None and near and claim.first <= widest.last and claim.guard != widest.guard:
            older, newer = sorted((widest, claim), key=lambda item: item.guard)
            cure = "give each guest its own; what guests share, as with VRRP, goes to allowed_pairs of each"
            problems.append(Problem(newer.place, f"{newer.text} overlaps {older.text} at {older.place}; {cure}"))
        if widest is None or not near or claim.last > widest.last:
            widest = claim
    return problems
