# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The host as a router: which kernel parameters that takes, and what our memory says of them."""

from __future__ import annotations

import typing as t

from .applied import Applied
from .route import Route
from .state import Link

# Kinds whose applied objects say `forwards` (address families, 4 and 6, between whose networks the host must forward) and
# `persist` (they come back after a reboot).
ROUTED_KINDS: tuple[str, ...] = ("nat", "routes")
IP4, IP6 = "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"
SWITCHES = {4: IP4, 6: IP6}
# Written along with ip_forward (inet_forward_change in net/ipv4/devinet.c).
REDIRECTS = "net/ipv4/conf/all/accept_redirects"


def forwarded(applied: Applied, lasting: bool = False) -> frozenset[int]:
    """The families that the applied objects need forwarded; with ``lasting`` those that need it after a reboot, too."""
    items = [item for kind in ROUTED_KINDS for item in getattr(applied, kind).values()]
    return frozenset(family for item in items if item.persist or not lasting for family in item.forwards)


def own_keys(family: int) -> str:
    """How the keys of a family begin."""
    return f"net/ipv{family}/"


def accept_ra(link: str) -> str:
    return f"net/ipv6/conf/{link}/accept_ra"


def is_accept_ra(key: str) -> bool:
    return key.startswith("net/ipv6/conf/") and key.endswith("/accept_ra")


def advertised(links: t.Mapping[str, Link], routes: t.Iterable[Route]) -> list[str]:
    """The links that live by router advertisements, sorted."""
    by_route = {route.dev for route in routes if route.family == 6 and route.protocol == "ra"}
    by_address = {name for name, link in links.items() if any(address.protocol == "kernel_ra" for address in link.addresses)}
    return sorted((by_route | by_address) & set(links))


def routing_values(originals: t.Mapping[str, str], families: t.Iterable[int]) -> dict[str, str]:
    """Key -> value of all that routing takes, in the order in which it must be written.

    ``originals``: what stood there before. IPv6 forwarding ends router advertisements where accept_ra is not 2 first, and
    ip_forward writes others, which then get back what they had.
    """
    values = {}
    if 6 in families:
        values.update({key: "2" for key in sorted(originals) if is_accept_ra(key)})
        values[IP6] = "1"
    if 4 in families:
        values[IP4] = "1"
        values.update({key: value for key, value in originals.items() if key == REDIRECTS})
    return values
