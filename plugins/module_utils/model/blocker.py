# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Filters of others as data, and what of them stops guests: a packet has to pass every table."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

# Kinds whose guests' packets the host routes, and whose runs tell what stops them.
ROUTED_GUESTS = ("nat", "zones", "routes")

# What a match asks. SPECIAL: what ordinary packets are not (marked, with odd flags); UNKNOWN: what cannot be judged here.
SPECIAL, UNKNOWN = "special", "unknown"


@dataclass(frozen=True)
class Match:
    """One condition of a rule. ``asks``: iif, oif, saddr, daddr, protocol, sport, dport, state, status, family, SPECIAL or UNKNOWN.

    ``values``: any of them fits; names may end in a star, ports are as in 8000-8010, addresses also networks or FIRST-LAST.
    """

    asks: str
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True)
class ForeignRule:
    """``verdict``: accept, drop, reject, return, `jump NAME`, `goto NAME`, UNKNOWN, or empty for a rule that goes on."""

    matches: tuple[Match, ...]
    verdict: str
    text: str


@dataclass(frozen=True)
class ForeignChain:
    """``hook`` and ``policy`` are empty for a chain that others lead to."""

    rules: tuple[ForeignRule, ...] = ()
    hook: str = ""
    policy: str = ""


@dataclass(frozen=True)
class ForeignTable:
    """``family``: ip, ip6 or inet. ``tool``: the program whose words name it."""

    family: str
    name: str
    tool: str
    chains: t.Mapping[str, ForeignChain] = field(default_factory=dict)


@dataclass(frozen=True)
class LaterSetting:
    """The last file that sets a kernel parameter after our own file. ``key`` is the path below /proc/sys."""

    file: str
    key: str
    value: str


@dataclass(frozen=True)
class BlockerFacts:
    """The tables of others that see routed packets, and the files that have the last word on forwarding."""

    tables: tuple[ForeignTable, ...] = ()
    settings: tuple[LaterSetting, ...] = ()


@dataclass(frozen=True)
class Blocker:
    """``where``: table, chain and rule, or file. ``certain``: nothing before it can let the packets pass. ``stops``: whose, in words."""

    where: str
    stops: tuple[str, ...]
    certain: bool
    cure: str

    def __str__(self) -> str:
        shown, more = self.stops[:3], len(self.stops) - 3
        what = "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])
        return f"{self.where} {'stops' if self.certain else 'may stop'} {what}; {self.cure}"
