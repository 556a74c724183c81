# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What of our networks shall pass the filters of others: exemptions where these have a documented place for them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Ports = tuple[int, int]

# Docker asks its users' chain before its own rules, and leaves it alone; our rules stand in a chain of ours behind that.
DOCKER_CHAIN = "DOCKER-USER"
OUR_CHAIN = "HYPERVISOR-VNET"
FIREWALLD = "firewalld"
# Kinds of a document whose objects can have exemptions.
EXEMPTED_KINDS = ("nat", "routes", "zones", "dhcp")
# Of packets that begin no connection.
ANSWERS, FORWARDED = "RELATED,ESTABLISHED", "DNAT"


@dataclass(frozen=True)
class Passage:
    """Packets of one family that are routed. Empty words are for any.

    ``sources`` and ``targets``: subnets that they come from and go to, empty for the world at large. ``protocol``: tcp, udp or
    icmp; ``ports`` are first and last. ``only``: ANSWERS or FORWARDED, empty for those that begin a connection.
    """

    family: int
    iif: str = ""
    oif: str = ""
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    protocol: str = ""
    ports: Ports = (0, 0)
    only: str = ""


@dataclass(frozen=True)
class Service:
    """The DHCP and DNS of a network: its subnets of one family."""

    family: int
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coexist:
    """``hooks``: whose rules have exemptions of ours, FIREWALLD or a variant of iptables(8) as in iptables-nft.

    ``doors4`` and ``doors6``: where the default routes led.
    """

    hooks: tuple[str, ...] = ()
    doors4: tuple[str, ...] = ()
    doors6: tuple[str, ...] = ()

    def doors(self, family: int) -> tuple[str, ...]:
        return self.doors6 if family == 6 else self.doors4


@dataclass(frozen=True)
class CoexistFacts:
    """``firewalld``: it is installed, and new enough. ``policies``: those that it has loaded, None while it does not run.

    ``fleeting``: lines of its settings that a reload would take away, because they are not in its files.
    """

    firewalld: bool = False
    policies: tuple[str, ...] | None = None
    fleeting: tuple[str, ...] = ()


def coexist_from_json(data: t.Mapping[str, t.Any]) -> Coexist:
    return Coexist(**{name: tuple(words) for name, words in data.items()})
