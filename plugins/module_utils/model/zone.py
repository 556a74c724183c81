# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Zones: sets of networks and uplinks, and the policies that say what passes from one to another."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .interface import name_problems
from .problem import Problem
from .ruleset import Seen

Options = t.Mapping[str, t.Any]
Ports = tuple[int, int]

NAME = "vnet_zones"
TABLES = (("inet", NAME),)
# The zone that nobody declares: the host itself.
HOST = "host"
ANY = "any"
# Assigned by IANA; `nft -n` says the numbers. ICMP is that of both families.
PROTOCOLS = {"tcp": (6,), "udp": (17,), "icmp": (1, 58)}
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_LENGTH = 31
_PORTS = re.compile(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?")
_FORMS = "write it as in tcp/443, tcp/8000-8010, udp/53, icmp or any"


@dataclass(frozen=True)
class Zone:
    """``networks``: bridges of guests, to whom the host may give addresses and names; ``interfaces``: all others, as uplinks."""

    name: str
    networks: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()

    @property
    def members(self) -> tuple[str, ...]:
        return (*self.networks, *self.interfaces)


@dataclass(frozen=True)
class Allowed:
    """``protocol``: one of PROTOCOLS or ANY. ``ports`` are first and last, of tcp and udp only."""

    protocol: str
    ports: Ports = (0, 0)

    def __str__(self) -> str:
        first, last = self.ports
        return self.protocol + (f"/{first}" if first else "") + (f"-{last}" if last != first else "")


@dataclass(frozen=True)
class Policy:
    """What may begin a connection from one zone to another. ``log``: what may not is logged."""

    source: str
    target: str
    allow: tuple[Allowed, ...] = ()
    log: bool = False

    @property
    def name(self) -> str:
        return policy_name(self.source, self.target)

    def allows(self, protocol: str, port: int) -> bool:
        return any(item.protocol == ANY or (item.protocol == protocol and item.ports[0] <= port <= item.ports[1]) for item in self.allow)


@dataclass(frozen=True)
class AppliedZone:
    """One zone as applied. ``persist``: it comes back after a reboot."""

    owner: str
    zone: Zone
    persist: bool = True


@dataclass(frozen=True)
class AppliedPolicy:
    """One policy as applied. ``persist``: it comes back after a reboot, if its zones do; ``coexist``: the filters of others let pass
    what it allows."""

    owner: str
    policy: Policy
    persist: bool = True
    coexist: bool = False


@dataclass(frozen=True)
class ZoneFacts:
    """Our table as the kernel has it."""

    tables: Seen = field(default_factory=dict)


def policy_name(source: str, target: str) -> str:
    return f"{source} to {target}"


def applied_zone(data: t.Mapping[str, t.Any]) -> AppliedZone:
    zone = data["zone"]
    return AppliedZone(data["owner"], Zone(zone["name"], tuple(zone["networks"]), tuple(zone["interfaces"])), data["persist"])


def applied_policy(data: t.Mapping[str, t.Any]) -> AppliedPolicy:
    policy = data["policy"]
    allow = tuple(Allowed(item["protocol"], (item["ports"][0], item["ports"][1])) for item in policy["allow"])
    return AppliedPolicy(data["owner"], Policy(**{**policy, "allow": allow}), data["persist"], data.get("coexist", False))


def read_zones(items: t.Sequence[Options], path: str = "zones") -> tuple[tuple[Zone, ...], list[Problem]]:
    """All items of a list of zones, with the problems of each and those between them."""
    zones, problems = [], []
    for index, item in enumerate(items):
        place = f"{path}[{index}]"
        zone = Zone(item["name"], tuple(item.get("networks") or ()), tuple(item.get("interfaces") or ()))
        problems += _zone_name_problems(zone.name, f"{place}.name")
        for option in ("networks", "interfaces"):
            for at, name in enumerate(getattr(zone, option)):
                problems += name_problems(name, f"{place}.{option}[{at}]")
        zones.append(zone)
    placed = [(f"{path}[{index}]", zone) for index, zone in enumerate(zones)]
    return tuple(zones), problems + _twice([(f"{place}.name", zone.name) for place, zone in placed], "a zone") + zone_clashes(placed)


def joined_zones(
    items: t.Sequence[Options], networks: t.Sequence[tuple[str, str, str]]
) -> tuple[tuple[Zone, ...], tuple[str, ...], list[Problem]]:
    """Declared zones with the networks that say by themselves which one is theirs, each zone's place, and the problems.

    ``networks``: the place of the word, the zone's name, the bridge. A zone that is named there alone is declared by that.
    """
    zones: list[dict[str, t.Any]] = [{**item, "networks": list(item.get("networks") or ())} for item in items]
    places = [f"zones[{index}]" for index in range(len(items))]
    said: dict[str, str] = {}
    for place, name, bridge in networks:
        names = [zone["name"] for zone in zones]
        if name not in names:
            said[f"zones[{len(zones)}].name"] = place
            zones.append({"name": name, "networks": []})
            places.append(place)
        at = names.index(name) if name in names else len(zones) - 1
        said[f"zones[{at}].networks[{len(zones[at]['networks'])}]"] = place
        zones[at]["networks"].append(bridge)
    found, problems = read_zones(zones)
    for there, place in said.items():
        problems = [Problem(problem.path.replace(there, place), problem.message.replace(there, place)) for problem in problems]
    return found, tuple(places), problems


def _zone_name_problems(name: str, path: str) -> list[Problem]:
    if name == HOST:
        return [Problem(path, f"{HOST} is the host itself and needs no declaration; name it in policies only")]
    # Names of chains are made of two zones with `to` in between, and must not be those of two others.
    if not _NAME.fullmatch(name) or len(name) > _LENGTH or "to" in name.split("_"):
        rule = f"use up to {_LENGTH} small letters, digits and single '_' in between, a letter first, and no _to_"
        return [Problem(path, f"{name!r} is no name for a zone; {rule}")]
    return []


def _twice(placed: t.Iterable[tuple[str, str]], what: str) -> list[Problem]:
    problems = []
    seen: dict[str, str] = {}
    for place, name in placed:
        if name in seen:
            problems.append(Problem(place, f"{name} is already {seen[name]}; declare {what} once"))
        seen.setdefault(name, place)
    return problems


def zone_clashes(zones: t.Iterable[tuple[str, Zone]]) -> list[Problem]:
    """An interface in two zones, or twice in one. Each zone with its place."""
    problems = []
    seen: dict[str, str] = {}
    for path, zone in zones:
        for option in ("networks", "interfaces"):
            for at, name in enumerate(getattr(zone, option)):
                place = f"{path}.{option}[{at}]"
                if name in seen:
                    problems.append(Problem(place, f"{name} is already {seen[name]}; an interface is in one zone, and once"))
                seen.setdefault(name, place)
    return problems


def read_policies(items: t.Sequence[Options], path: str = "policies") -> tuple[tuple[Policy, ...], list[Problem]]:
    """All items of a list of policies, with the problems of each and those between them."""
    policies, problems = [], []
    for index, item in enumerate(items):
        place = f"{path}[{index}]"
        allow, wrong = _read_allow(item.get("allow") or (), f"{place}.allow")
        policy = Policy(item["from"], item["to"], allow, bool(item.get("log")))
        problems += wrong
        if policy.source == policy.target:
            problems.append(
                Problem(f"{place}.to", f"{policy.target} is where it comes from; inside a zone everything passes, drop the policy")
            )
        elif policy.source == HOST:
            problems.append(Problem(f"{place}.from", "what the host itself sends is not filtered; drop the policy"))
        policies.append(policy)
    return tuple(policies), problems + _twice([(f"{path}[{index}]", policy.name) for index, policy in enumerate(policies)], "a policy")


def _read_allow(texts: t.Sequence[str], path: str) -> tuple[tuple[Allowed, ...], list[Problem]]:
    allow, problems = [], []
    for at, text in enumerate(texts):
        found = _PORTS.fullmatch(text)
        if found:
            first, last = int(found[2]), int(found[3] or found[2])
            allow.append(Allowed(found[1], (first, last)))
            if not 1 <= first <= last <= 65535:
                problems.append(Problem(f"{path}[{at}]", f"{text!r} has no ports from 1 to 65535, the lower first; {_FORMS}"))
        elif text in (ANY, "icmp"):
            allow.append(Allowed(text))
        else:
            problems.append(Problem(f"{path}[{at}]", f"{text!r} is not understood; {_FORMS}"))
    return tuple(allow), problems + _twice([(f"{path}[{at}]", text) for at, text in enumerate(texts)], "what is allowed")
