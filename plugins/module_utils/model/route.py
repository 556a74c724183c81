# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Routes, policy rules and neighbours as the kernel keeps them."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, replace

# Route attributes that ip(8) can print and that a batch line below can say again; anything else is refused, not lost.
METRICS = frozenset(
    {"mtu", "advmss", "window", "rtt", "rttvar", "cwnd", "initcwnd", "initrwnd", "hoplimit", "quickack", "congctl", "rto_min"}
)


@dataclass(frozen=True)
class NextHop:
    """One leg of a multipath route."""

    dev: str
    gateway: str = ""
    weight: int = 1
    onlink: bool = False

    def words(self) -> list[str]:
        return ["nexthop", *_via(self.gateway), "dev", self.dev, "weight", str(self.weight), *(["onlink"] if self.onlink else [])]


@dataclass(frozen=True)
class Route:
    """One route of one table. ``expires`` is seconds, 0 without an end; ``unknown`` names attributes that we cannot write again."""

    family: int
    dst: str
    dev: str = ""
    gateway: str = ""
    table: str = "main"
    type: str = "unicast"
    protocol: str = "boot"
    scope: str = ""
    prefsrc: str = ""
    source: str = ""
    metric: int = 0
    tos: str = ""
    pref: str = ""
    onlink: bool = False
    expires: int = 0
    metrics: tuple[tuple[str, str], ...] = ()
    nexthops: tuple[NextHop, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[t.Any, ...]:
        """What the kernel takes for the same route when it replaces one. IPv6 has no metric 0 (IP6_RT_PRIO_USER)."""
        return (self.family, self.table, self.dst, self.source, self.tos, self.metric or (1024 if self.family == 6 else 0))

    @property
    def meaning(self) -> tuple[t.Any, ...]:
        """What a packet sees of the route, whoever made it: managers differ in protocol, onlink and lifetimes."""
        return (
            *self.key,
            self.dev,
            self.gateway,
            self.prefsrc,
            self.metrics,
            tuple(sorted((hop.dev, hop.gateway) for hop in self.nexthops)),
        )

    def leads_through(self, dev: str) -> bool:
        return self.dev == dev or any(hop.dev == dev for hop in self.nexthops)

    def moved(self, source: str, target: str) -> Route:
        hops = tuple(replace(hop, dev=target) if hop.dev == source else hop for hop in self.nexthops)
        return replace(self, dev=target if self.dev == source else self.dev, nexthops=hops)

    def words(self) -> list[str]:
        """ip-route(8) words behind the verb."""
        words = [] if self.type == "unicast" else [self.type]
        words.append(self.dst if self.dst != "default" else ("default" if self.family == 4 else "::/0"))
        if self.source:
            words += ["from", self.source]
        if self.tos:
            words += ["tos", self.tos]
        words += _via(self.gateway)
        if self.dev:
            words += ["dev", self.dev]
        words += ["table", self.table, "proto", self.protocol]
        if self.scope and self.family == 4:
            words += ["scope", self.scope]
        if self.prefsrc:
            words += ["src", self.prefsrc]
        if self.metric:
            words += ["metric", str(self.metric)]
        for name, value in self.metrics:
            words += [name, value]
        if self.onlink:
            words.append("onlink")
        if self.pref and self.pref != "medium":
            words += ["pref", self.pref]
        if self.expires:
            words += ["expires", str(self.expires)]
        for hop in self.nexthops:
            words += hop.words()
        return words

    def line(self, verb: str) -> str:
        """``replace`` makes or re-points the route, ``del`` takes it away."""
        return " ".join(["route", verb, *self.words()])

    def describe(self) -> str:
        """What people read in a diff."""
        words = [self.dst, *_via(self.gateway)]
        for hop in self.nexthops:
            words += ["nexthop", *_via(hop.gateway), "dev", hop.dev]
        if self.table != "main":
            words += ["table", self.table]
        if self.prefsrc:
            words += ["src", self.prefsrc]
        if self.metric:
            words += ["metric", str(self.metric)]
        for name, value in self.metrics:
            words += [name, value]
        return " ".join(words)


def _via(gateway: str) -> list[str]:
    # An IPv4 route's IPv6 gateway is kept as "inet6 2001:db8::1".
    return ["via", *gateway.split()] if gateway else []


@dataclass(frozen=True)
class Neighbour:
    """One entry of the neighbour table; ``proxy`` entries answer for others and have no MAC."""

    address: str
    dev: str
    mac: str = ""
    permanent: bool = False
    router: bool = False
    proxy: bool = False

    def add_line(self, dev: str) -> str:
        if self.proxy:
            return f"neigh replace proxy {self.address} dev {dev}"
        router = " router" if self.router else ""
        return f"neigh replace {self.address} lladdr {self.mac} dev {dev} nud {'permanent' if self.permanent else 'stale'}{router}"

    def delete_line(self, dev: str) -> str:
        return f"neigh del {'proxy ' if self.proxy else ''}{self.address} dev {dev}"


@dataclass(frozen=True)
class Rule:
    """A policy rule that names an interface; the others hold whatever the interface is called. ``unknown`` as in a route."""

    family: int
    priority: int
    words: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    def moved(self, source: str, target: str) -> Rule:
        words = list(self.words)
        for index in range(1, len(words)):
            if words[index - 1] in ("iif", "oif") and words[index] == source:
                words[index] = target
        return replace(self, words=tuple(words))

    def line(self, verb: str) -> str:
        """Rules of IPv6 say so: unlike those of a route, their addresses do not tell ip(8)."""
        return " ".join([*(["-6"] if self.family == 6 else []), "rule", verb, "priority", str(self.priority), *self.words])

    def describe(self) -> str:
        return " ".join([str(self.priority), *self.words])


def normal_destination(text: str) -> str:
    """``default`` or a network in canonical spelling. ValueError when it is neither."""
    if text.strip() in ("default", "0.0.0.0/0", "::/0"):
        return "default"
    return str(ipaddress.ip_network(text.strip()))
