# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What stops guests' packets: those that our networks and policies let pass, on their way through the tables of others.

A match is true, false, or cannot be judged. Packets are ordinary ones: those of a policy have its protocol and ports, all
others are TCP between ports that no rule has in mind.
"""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field, replace

from ..model.applied import Applied
from ..model.blocker import ROUTED_GUESTS, SPECIAL, UNKNOWN, Blocker, BlockerFacts, ForeignChain, ForeignTable, Match
from ..model.forwarding import SWITCHES, forwarded
from ..model.guard import Network, to_network
from ..model.routed import network_of
from ..model.state import HostState
from ..model.zone import ANY, HOST, Policy, Zone

Ports = tuple[int, int]
_DEEP = 16  # the kernel's limit of chains in chains (NFT_JUMP_STACK_SIZE)
_VERSIONS = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_FAMILIES = {4: ("ip", "ipv4"), 6: ("ip6", "ipv6")}
_OF_MEMBERS = ("iif", "oif", "saddr", "daddr")
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1"}


@dataclass(frozen=True)
class Packet:
    """``source`` and ``target``: subnets that it may come from and go to, empty for the world at large. ``ports`` are those of
    the side that was asked, none in particular without."""

    iif: str
    oif: str
    family: int
    source: tuple[Network, ...] = ()
    target: tuple[Network, ...] = ()
    protocol: str = "tcp"
    ports: Ports | None = None
    answer: bool = False
    forwarded: bool = False

    def reply(self) -> Packet:
        return replace(self, iif=self.oif, oif=self.iif, source=self.target, target=self.source, answer=True)

    def __str__(self) -> str:
        ports = "-".join(dict.fromkeys(str(port) for port in self.ports)) if self.ports else ""
        what = f"{self.protocol}/{ports}" if ports else self.protocol if self.protocol == "icmp" else "packets"
        return f"IPv{self.family} {'answers to ' if self.answer else ''}{what} from {self.iif} to {self.oif}"


def blocker_warnings(
    spoken: t.Container[str], applied: Applied, state: HostState, opened: t.Callable[[ForeignTable], bool] = lambda table: False
) -> tuple[str, ...]:
    """Once a document, whichever of its kinds route guests. ``opened``: does the table let pass, from this plan on, what is exempted?"""
    facts: BlockerFacts | None = state.kinds.get("blockers")
    if facts is None or not any(kind in spoken for kind in ROUTED_GUESTS):
        return ()
    theirs = tuple(table for table in facts.tables if opened(table))
    found = blockers(replace(facts, tables=tuple(table for table in facts.tables if table not in theirs)), applied, state)
    found += blockers(BlockerFacts(theirs), _not_exempted(applied), state)
    return tuple(str(blocker) for blocker in found)


def _not_exempted(applied: Applied) -> Applied:
    nat = {name: item for name, item in applied.nat.items() if not item.coexist}
    routes = {name: item for name, item in applied.routes.items() if not item.coexist}
    policies = {name: item for name, item in applied.policies.items() if not item.coexist}
    return replace(applied, nat=nat, routes=routes, policies=policies)


def blockers(facts: BlockerFacts, applied: Applied, state: HostState) -> list[Blocker]:
    """What stops packets that the applied networks and policies are for, in the order of the tables."""
    asked = [match for table in facts.tables for chain in table.chains.values() for rule in chain.rules for match in rule.matches]
    names = list(dict.fromkeys(match for match in asked if match.asks in _OF_MEMBERS))
    packets = list(dict.fromkeys(_packets(applied, state, names))) if facts.tables else []
    packets += [packet.reply() for packet in packets]
    found: dict[tuple[str, bool], Blocker] = {}
    for table in facts.tables:
        for name, chain in table.chains.items():
            if chain.hook != "forward":
                continue
            for packet in (packet for packet in packets if packet.family in _VERSIONS[table.family]):
                walk = _Walk(table, packet)
                for where, certain in walk.stops(name, chain):
                    key = (f"table {table.family} {table.name} ({table.tool}), {where}", certain)
                    before = found[key].stops if key in found else ()
                    found[key] = Blocker(key[0], (*before, str(packet)), certain, _cure(table, packet))
    return [*found.values(), *_overridden(facts, applied)]


def _overridden(facts: BlockerFacts, applied: Applied) -> list[Blocker]:
    keys = {SWITCHES[family]: family for family in forwarded(applied, lasting=True)}
    return [
        Blocker(
            f"{item.file}: {item.key.replace('/', '.')} = {item.value}",
            (f"all that the host forwards of IPv{keys[item.key]} after a reboot",),
            True,
            "it is read after /etc/sysctl.d/60-hypervisor-vnet.conf; take the line out of it",
        )
        for item in facts.settings
        if item.key in keys and item.value == "0"
    ]


def _cure(table: ForeignTable, packet: Packet) -> str:
    bridge = packet.oif if packet.answer or packet.forwarded else packet.iif
    if "DOCKER-USER" in table.chains:
        return f"say coexist: true, or accept them in Docker's chain for that: {table.tool} -I DOCKER-USER -i {packet.iif} -o {packet.oif} -j ACCEPT"
    if any(name.startswith("ufw") for name in table.chains):
        return f"tell ufw: ufw route allow in on {packet.iif} out on {packet.oif}"
    if table.name == "firewalld":
        return f"say coexist: true, or put it into a zone of firewalld that forwards: firewall-cmd --permanent --zone=trusted --add-interface={bridge}"
    return "a packet has to pass every table; accept them there before that"


def _packets(applied: Applied, state: HostState, names: t.Sequence[Match]) -> t.Iterator[Packet]:
    """The first packet of every kind of connection that our networks are for. ``names``: what rules ask of interfaces."""
    for nat in applied.nat.values():
        network = nat.network
        for family in nat.forwards:
            ups = [network.uplink] if network.uplink else default_links(family, applied, state)
            own = tuple(network.networks(family))
            homes = {guest.address: guest.interface for guest in network.guests}
            for uplink in ups:
                if not network.point_to_point:
                    yield Packet(network.bridge, uplink, family, own)
                    if network.is_known(family):
                        yield Packet(uplink, network.bridge, family, (), own)
                for item in network.forwards:
                    home = homes.get(item.to, network.bridge)
                    if item.version == family:
                        for protocol in item.protocols:
                            yield Packet(uplink, home, family, (), (to_network(item.to),), protocol, item.to_ports, forwarded=True)
    for name, routed in applied.routes.items():
        origin = applied.nat.get(network_of(name))
        for family in routed.forwards:
            own = tuple(inside for inside in routed.routed.inside if inside.version == family)
            for uplink in [routed.routed.uplink] if routed.routed.uplink else default_links(family, applied, state):
                yield Packet(routed.routed.interface, uplink, family, own)
                if origin is None or origin.network.is_known(family):
                    yield Packet(uplink, routed.routed.interface, family, (), own)
    for policy in (item.policy for item in applied.policies.values() if item.policy.target != HOST):
        yield from _of_policy(policy, applied, state, names)


def _of_policy(policy: Policy, applied: Applied, state: HostState, names: t.Sequence[Match]) -> t.Iterator[Packet]:
    source, target = applied.zones[policy.source].zone, applied.zones[policy.target].zone
    for family in (4, 6):
        for iif, come in _ends(source, family, applied, state, names):
            for oif, go in _ends(target, family, applied, state, names):
                for item in policy.allow:
                    ports = item.ports if item.ports[0] else None
                    yield Packet(iif, oif, family, come, go, "tcp" if item.protocol == ANY else item.protocol, ports)


def _ends(zone: Zone, family: int, applied: Applied, state: HostState, names: t.Sequence[Match]) -> list[tuple[str, tuple[Network, ...]]]:
    """The members with their subnets, without networks that have none of this family. Of those that are alike to all rules, one."""
    found: dict[tuple[bool | None, ...], tuple[str, tuple[Network, ...]]] = {}
    for member in zone.members:
        subnets = _subnets(member, family, applied, state) if member in zone.networks else ()
        if subnets or member in zone.interfaces:
            both = Packet(member, member, family, subnets, subnets)
            found.setdefault(tuple(_truth(match, both) for match in names), (member, subnets))
    return list(found.values())


def _subnets(name: str, family: int, applied: Applied, state: HostState) -> tuple[Network, ...]:
    ours, link = applied.bridges.get(name), state.links.get(name)
    texts = list(ours.bridge.addresses) if ours else []
    texts += [address.cidr for address in link.addresses if address.scope == "global"] if link else []
    networks = [ipaddress.ip_interface(text).network for text in texts]
    return tuple(dict.fromkeys(network for network in networks if network.version == family))


def default_links(family: int, applied: Applied, state: HostState) -> list[str]:
    """Where the default routes lead. One through a port of a bridge leads there once the bridge has its profile."""
    homes = {item.bridge.uplink: name for name, item in applied.bridges.items() if item.bridge.uplink}
    found = [route.dev for route in state.routes if route.family == family and route.dst == "default" and route.dev]
    return list(dict.fromkeys(homes.get(name, name) for name in found))


@dataclass
class _Walk:
    """One packet on its way through one base chain. ``spared``: something before may have let it pass."""

    table: ForeignTable
    packet: Packet
    spared: bool = False
    found: list[tuple[str, bool]] = field(default_factory=list)

    def stops(self, name: str, chain: ForeignChain) -> list[tuple[str, bool]]:
        """Each place that stops it, and whether that is certain."""
        end = self._chain(name, True, 0)
        if end == "" and chain.policy == "drop":
            self.found.append((f"chain {name}, policy drop", not self.spared))
        return self.found

    def _chain(self, name: str, sure: bool, depth: int) -> str:
        """`accept` or `drop` when that is sure, empty when the chain ends without."""
        chain = self.table.chains.get(name, ForeignChain())
        for rule in chain.rules if depth < _DEEP else ():
            fits = _all(_fits(match, self.packet) for match in rule.matches)
            if fits is False:
                continue
            surely = sure and fits is True
            word, _space, to = rule.verdict.partition(" ")
            if word in ("goto", "jump"):
                end = self._chain(to, surely, depth + 1)
                if surely and (end or word == "goto"):
                    return end
            elif word == "return" and surely:
                return ""
            elif word == "accept" and surely:
                return "accept"
            elif word in ("drop", "reject"):
                self.found.append((f"chain {name}, rule `{rule.text}`", surely and not self.spared))
                if surely:
                    return "drop"
            elif word in ("accept", "return", UNKNOWN):
                self.spared = True
        return ""


def _all(truths: t.Iterable[bool | None]) -> bool | None:
    found = list(truths)
    return False if False in found else None if None in found else True


def _fits(match: Match, packet: Packet) -> bool | None:
    truth = _truth(match, packet)
    return truth if truth is None else truth != match.negated


def _truth(match: Match, packet: Packet) -> bool | None:
    asks, values = match.asks, match.values
    if asks in ("iif", "oif"):
        name = packet.iif if asks == "iif" else packet.oif
        return any(name.startswith(value[:-1]) if value.endswith("*") else name == value for value in values)
    if asks in ("saddr", "daddr"):
        return _inside(packet.source if asks == "saddr" else packet.target, values)
    if asks == "protocol":
        return packet.protocol in values or _NUMBERS[packet.protocol] in values or "all" in values
    if asks == "family":
        return any(value in _FAMILIES[packet.family] for value in values)
    if asks == "state":
        return ("established" if packet.answer else "new") in values or (packet.forwarded and "dnat" in values)
    if asks == "status":
        return (packet.forwarded and "dnat" in values) or (None if {*values} - {"dnat"} else False)
    if asks.endswith(("sport", "dport")):
        return _port(asks, values, packet)
    return False if asks == SPECIAL else None


def _port(asks: str, values: tuple[str, ...], packet: Packet) -> bool | None:
    protocol, _space, side = asks.partition(" ")
    if protocol not in ("th", packet.protocol):
        return False
    ranges = []
    for value in values:
        first, dash, last = value.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            return None
        ranges.append((int(first), int(last or first)))
    if any(first <= 1 and last == 65535 for first, last in ranges):
        return True
    if packet.ports is None or (side == "sport") != packet.answer:
        return False
    low, high = packet.ports
    if any(first <= low and high <= last for first, last in ranges):
        return True
    return None if any(first <= high and low <= last for first, last in ranges) else False


def _inside(own: tuple[Network, ...], values: tuple[str, ...]) -> bool | None:
    """The world at large is in no network but that of all addresses."""
    try:
        named = [network for value in values for network in _networks(value)]
    except ValueError:
        return None
    if any(network.prefixlen == 0 for network in named):
        return True
    found = [_covered(network, named) for network in own]
    return (found[0] if len(set(found)) == 1 else None) if found else False


def _covered(own: Network, named: t.Sequence[Network]) -> bool | None:
    near = [network for network in named if network.version == own.version and network.overlaps(own)]
    if any(network.prefixlen <= own.prefixlen for network in near):
        return True
    return None if near else False


def _networks(value: str) -> list[t.Any]:
    first, dash, last = value.partition("-")
    if not dash:
        return [to_network(value)]
    return [*ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last))]
