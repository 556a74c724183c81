# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.
"""Address translation as a table of nftables: whatever the number of forwards, a new connection costs one lookup for each way
in which forwards are told apart (by address, interface, and length of the source's prefix).

A forward is an element of a map, or as many as it has ports. Established connections ask no map: conntrack keeps what they got.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict

from ..model.guard import to_network
from ..model.nat import NAME, PROTOCOLS, UNPRIVILEGED, Forward, Nat
from ..model.ruleset import Chain, Set, Table
from .ruleset import mask_words

_PREROUTING = "type nat hook prerouting priority -100; policy accept;"
_OUTPUT = "type nat hook output priority -100; policy accept;"
_POSTROUTING = "type nat hook postrouting priority 100; policy accept;"
_FAMILY = {4: "ip", 6: "ip6"}
# nft 1.0.6 cannot declare a map with typeof once more: "conflicting protocols specified: inet-service vs. th".
_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}

Elements = dict[str, set[str]]


class Way(t.NamedTuple):
    """How the forwards of one map are told apart. ``source``: prefix length of who may come, -1 for everybody."""

    version: int
    address: bool
    interface: bool
    source: int

    @property
    def name(self) -> str:
        words = [f"forward{self.version}"]
        words += ["address"] if self.address else []
        words += ["interface"] if self.interface else []
        words += [f"from_{self.source}"] if self.source >= 0 else []
        return "_".join(words)

    def type(self) -> str:
        address = _TYPE[self.version]
        key = [*([address] if self.source >= 0 else []), *(["ifname"] if self.interface else []), *([address] if self.address else [])]
        return f"type {' . '.join([*key, 'inet_proto', 'inet_service'])} : {address} . inet_service"

    def rule(self) -> str:
        family = _FAMILY[self.version]
        # nft 1.0.6 takes a mask in the first place only.
        key = [f"{family} saddr{mask_words(self.version, self.source)}"] if self.source >= 0 else []
        key += ["iifname"] if self.interface else []
        key += [f"{family} daddr"] if self.address else []
        return f"dnat {family} to {' . '.join([*key, 'meta l4proto', 'th dport'])} map @{self.name}"


def nat_tables(networks: t.Iterable[Nat], managed: t.Iterable[str] = ()) -> tuple[Table, ...]:
    """The table of all networks, none without one. ``managed``: further subnets to which packets go with their own source."""
    nats = sorted(networks, key=lambda nat: nat.name)
    if not nats:
        return ()
    elements: Elements = defaultdict(set, bridges={f'"{name}"' for nat in nats for name in nat.interfaces})
    ways = _forwards(nats, elements)
    sets = {"bridges": Set("type ifname"), **{way.name: Set(way.type()) for way in ways}}
    chains = {"prerouting": _prerouting(nats, ways), "output": _output(nats, ways)}
    postrouting, further = _postrouting(nats, managed, elements, sets)
    chains.update(postrouting=postrouting, **further)
    filled = {name: Set(item.type, frozenset(elements[name])) for name, item in sorted(sets.items())}
    return (Table("inet", NAME, filled, chains, ("custom_prerouting", "custom_output", "custom_postrouting")),)


def _forwards(nats: t.Sequence[Nat], elements: Elements) -> list[Way]:
    """The ways in use, those that say the most first; their elements are filled in."""
    ways = set()
    for forward in [forward for nat in nats for forward in nat.forwards]:
        for source in forward.sources or ("",):
            length = to_network(source).prefixlen if source else -1
            way = Way(forward.version, bool(forward.listen_address), bool(forward.listen_interface), length)
            ways.add(way)
            elements[way.name] |= _elements(forward, source)
    return sorted(ways, key=lambda way: (way.version, not way.address, -way.source, not way.interface))


def _elements(forward: Forward, source: str) -> set[str]:
    begin = [str(to_network(source).network_address)] if source else []
    begin += [f'"{forward.listen_interface}"'] if forward.listen_interface else []
    begin += [forward.listen_address] if forward.listen_address else []
    first, last = forward.ports
    return {
        " . ".join([*begin, str(PROTOCOLS[protocol]), f"{port} : {forward.to} . {forward.to_ports[0] + port - first}"])
        for protocol in forward.protocols
        for port in range(first, last + 1)
    }


def _versions(nats: t.Sequence[Nat]) -> list[int]:
    """Families with an address that stands for a guest's."""
    return sorted({6 if ":" in outside else 4 for nat in nats for outside, _inside in nat.one_to_one})


def _into(nats: t.Sequence[Nat]) -> list[str]:
    return [f"dnat {_FAMILY[version]} to {_FAMILY[version]} daddr map @outside{version}" for version in _versions(nats)]


def _prerouting(nats: t.Sequence[Nat], ways: t.Sequence[Way]) -> Chain:
    """What names an address comes first; the others are about the host's own addresses, but not about those that its networks have
    it by: there guests find its DHCP and DNS."""
    local = ["iifname @bridges fib daddr . iif type local return", "fib daddr type != local return"]
    return Chain(
        (
            "jump custom_prerouting",
            *(way.rule() for way in ways if way.address),
            *_into(nats),
            *local,
            *(way.rule() for way in ways if not way.address),
        ),
        _PREROUTING,
    )


def _output(nats: t.Sequence[Nat], ways: t.Sequence[Way]) -> Chain:
    """The host itself comes through no interface, and keeps its own loopback."""
    usable = [way for way in ways if not way.interface]
    return Chain(
        (
            "jump custom_output",
            "ip daddr 127.0.0.0/8 return",
            "ip6 daddr ::1 return",
            *(way.rule() for way in usable if way.address),
            *_into(nats),
            "fib daddr type != local return",
            *(way.rule() for way in usable if not way.address),
        ),
        _OUTPUT,
    )


def _postrouting(
    nats: t.Sequence[Nat], managed: t.Iterable[str], elements: Elements, sets: dict[str, Set]
) -> tuple[Chain, dict[str, Chain]]:
    """What comes from a network and leaves by no other; with a chain for each translation in use."""
    for nat in nats:
        for outside, inside in nat.one_to_one:
            elements[f"outside{6 if ':' in inside else 4}"].add(f"{outside} : {inside}")
            elements[f"inside{6 if ':' in inside else 4}"].add(f"{inside} : {outside}")
    for version in _versions(nats):
        sets.update({f"{side}{version}": Set(f"type {_TYPE[version]} : {_TYPE[version]}") for side in ("outside", "inside")})
    kept = [*_managed(managed, elements, sets), *_untranslated(nats, elements, sets)]
    leaving, chains = _translations(nats, elements, sets)
    rules = (
        "jump custom_postrouting",
        *_hairpin(nats, elements, sets),
        "oifname @bridges return",
        "ip daddr 224.0.0.0/4 return",
        "ip daddr 255.255.255.255 return",
        "ip6 daddr ff00::/8 return",
        *kept,
        *(f"snat {_FAMILY[version]} to {_FAMILY[version]} saddr map @inside{version}" for version in _versions(nats)),
        *leaving,
    )
    return Chain(rules, _POSTROUTING), chains


def _hairpin(nats: t.Sequence[Nat], elements: Elements, sets: dict[str, Set]) -> list[str]:
    """A guest that asks for its neighbour by the host's address must be answered by the host. The interface that it came in by is
    not known here where br_netfilter is at work."""
    lengths = set()
    for nat in nats:
        for interface, network in (way for version in (4, 6) for way in nat.ways(version)):
            name = f"hairpin{network.version}_{network.prefixlen}"
            lengths.add((network.version, network.prefixlen))
            sets[name] = Set(f"type ifname . {_TYPE[network.version]}")
            elements[name].add(f'"{interface}" . {network.network_address}')
    return [
        f"oifname . {_FAMILY[version]} saddr{mask_words(version, length)} @hairpin{version}_{length} ct status dnat masquerade"
        for version, length in sorted(lengths)
    ]


def _managed(managed: t.Iterable[str], elements: Elements, sets: dict[str, Set]) -> list[str]:
    lengths = set()
    for network in map(to_network, managed):
        name = f"managed{network.version}_{network.prefixlen}"
        lengths.add((network.version, network.prefixlen))
        sets[name] = Set(f"type {_TYPE[network.version]}")
        elements[name].add(str(network.network_address))
    return [
        f"{_FAMILY[version]} daddr{mask_words(version, length)} @managed{version}_{length} return" for version, length in sorted(lengths)
    ]


def _untranslated(nats: t.Sequence[Nat], elements: Elements, sets: dict[str, Set]) -> list[str]:
    lengths = set()
    for nat in nats:
        for network in map(to_network, nat.no_nat_to):
            name = f"no_nat{network.version}_{network.prefixlen}"
            lengths.add((network.version, network.prefixlen))
            sets[name] = Set(f"type ifname . {_TYPE[network.version]}")
            elements[name] |= {f'"{interface}" . {network.network_address}' for interface in nat.interfaces}
    return [
        f"iifname . {_FAMILY[version]} daddr{mask_words(version, length)} @no_nat{version}_{length} return"
        for version, length in sorted(lengths)
    ]


def _translations(nats: t.Sequence[Nat], elements: Elements, sets: dict[str, Set]) -> tuple[list[str], dict[str, Chain]]:
    """Networks whose packets get the same source share a chain, and a set for each prefix length."""
    uses: dict[tuple[int, str], list[Nat]] = defaultdict(list)
    for nat in nats:
        for version in (4, 6):
            how = translation(nat, version)
            if how and nat.networks(version):
                uses[(version, how)].append(nat)
    rules, chains = [], {}
    for index, ((version, how), users) in enumerate(sorted(uses.items())):
        chain = f"leave{index}"
        chains[chain] = _leave(how)
        ways: dict[str, str] = {}
        for nat in users:
            for interface, network in nat.ways(version):
                name = f"{chain}_{'by_' if nat.uplink else ''}ip{version}_{network.prefixlen}"
                key = f"iifname{' . oifname' if nat.uplink else ''} . {_FAMILY[version]} saddr"
                sets[name] = Set(f"type ifname{' . ifname' if nat.uplink else ''} . {_TYPE[version]}")
                ways[name] = f"{key}{mask_words(version, network.prefixlen)} @{name} jump {chain}"
                uplink = f'"{nat.uplink}" . ' if nat.uplink else ""
                elements[name].add(f'"{interface}" . {uplink}{network.network_address}')
        rules += [rule for _name, rule in sorted(ways.items())]
    return rules, chains


def translation(nat: Nat, version: int) -> str:
    """The statement that gives packets of the network another source, with the ports that TCP and UDP get; empty for none."""
    first, last = nat.nat_ports
    if version == 4 and nat.snat:
        return f"snat ip to {nat.snat}:{first}-{last}"
    if nat.nat66 if version == 6 else nat.masquerade:
        return f"masquerade to :{first}-{last}"
    return ""


def _leave(how: str) -> Chain:
    plain = how.rpartition(":")[0].removesuffix(" to ")
    return Chain((f"meta l4proto 6 {how}", f"meta l4proto 17 {how}", plain))


def describe(nat: Nat) -> str:
    """What happens to the source of packets that leave the network, in words for people."""
    ports = "" if nat.nat_ports == UNPRIVILEGED else f", ports {nat.nat_ports[0]}-{nat.nat_ports[1]}"
    four = f"source {nat.snat}{ports}" if nat.snat else f"masqueraded{ports}" if nat.masquerade else "not translated"
    return f"{four}, IPv6 masqueraded" if nat.nat66 else four
