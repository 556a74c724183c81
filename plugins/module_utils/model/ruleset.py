# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A table of nftables as data: what we want of it, and what is seen of it."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

# Loads our tables at boot, and whenever nftables' own are loaded.
UNIT = "hypervisor-vnet-nftables.service"
# Kinds of a document that have tables.
TABLE_KINDS = ("guards", "nat", "zones", "routes")
# The first nft with which every set and rule of ours was tried; Debian 12 has it.
OLDEST = (1, 0, 6)
# Chains of the user in tables of ours begin like this: made by us, never filled, flushed or removed.
CUSTOM = "custom_"
_SET = re.compile(r"@([a-z]\w*)(?![\w,])")
_VERDICT = re.compile(r"\b(accept|drop|return|(?:goto|jump) \w+)")
# A translation ends its rule; where it asks a map, that says to what.
_TRANSLATION = re.compile(r"\b(masquerade|[sd]nat)(?: ip6?)?(?: to (\S+))?$")
_BY_MAP = re.compile(r"\b([sd]nat) .*map @\w+$")

# What can be told of a rule from its text and from nft's JSON alike: the sets and maps that it asks, and where it leads.
Shape = tuple[str, ...]
Counter = tuple[int, int]
# Family and name.
Key = tuple[str, str]


@dataclass(frozen=True)
class Set:
    """``type`` as nft wants it (``type ifname``, ``typeof iifname . ether saddr``); elements as nft writes them.

    With a colon in the type (``typeof th dport : ip daddr``) it is a map, and in each element, too.
    """

    type: str
    elements: frozenset[str] = frozenset()
    counter: bool = False

    @property
    def word(self) -> str:
        """What nft calls it."""
        return "map" if " : " in self.type else "set"

    @property
    def refilled(self) -> bool:
        """Not every element can be added beside what may be there: a key of a map leads to one place, and intervals do not overlap."""
        return self.word == "map" or "interval" in self.type


@dataclass(frozen=True)
class Chain:
    """``hook`` is empty for a chain that others lead to."""

    rules: tuple[str, ...] = ()
    hook: str = ""


@dataclass(frozen=True)
class Table:
    """One table of ours."""

    family: str
    name: str
    sets: t.Mapping[str, Set] = field(default_factory=dict)
    chains: t.Mapping[str, Chain] = field(default_factory=dict)
    custom: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return (self.family, self.name)


@dataclass(frozen=True)
class SeenTable:
    """One table as the kernel has it. ``counters``: packets and bytes of each element that counts; ``maps``: which sets are maps."""

    sets: t.Mapping[str, frozenset[str]] = field(default_factory=dict)
    chains: t.Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)
    counters: t.Mapping[str, t.Mapping[str, Counter]] = field(default_factory=dict)
    maps: frozenset[str] = frozenset()

    @property
    def ours(self) -> dict[str, tuple[Shape, ...]]:
        return {name: rules for name, rules in self.chains.items() if not name.startswith(CUSTOM)}


Seen = t.Mapping[Key, SeenTable]


@dataclass(frozen=True)
class RulesetFacts:
    """``version``: nft's, empty where there is none. ``loads``: the unit that brings our tables back is active."""

    version: tuple[int, ...] = ()
    loads: bool = False


def shape_of(rule: str) -> Shape:
    text = rule.split(" comment ")[0]
    asked = _SET.findall(text)
    if by_map := _BY_MAP.search(text):
        return (*asked, by_map.group(1))
    if found := _TRANSLATION.search(text):
        return (*asked, " to ".join(word for word in found.groups() if word))
    verdicts = _VERDICT.findall(text)
    return (*asked, verdicts[-1] if verdicts else "")


def as_seen(table: Table) -> SeenTable:
    """How the table looks once it is there."""
    chains = {name: tuple(shape_of(rule) for rule in chain.rules) for name, chain in table.chains.items()}
    sets = {name: item.elements for name, item in table.sets.items()}
    maps = frozenset(name for name, item in table.sets.items() if item.word == "map")
    return SeenTable(sets, {**chains, **dict.fromkeys(table.custom, ())}, maps=maps)
