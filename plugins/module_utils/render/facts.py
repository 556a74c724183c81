# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The model as the plain lists and dictionaries that M(hypervisor.vnet.vnet_info) returns."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ..model.address import FOREVER
from ..model.applied import Applied
from ..model.route import Route
from ..model.state import HostState, Link

Facts = dict[str, t.Any]
# Of no use without the kernel's own context.
_LINK_DETAILS = frozenset({"bridge", "addresses", "token", "topology_change"})


def link_facts(state: HostState) -> list[Facts]:
    """Every interface, in the kernel's order."""
    return [{key: value for key, value in asdict(link).items() if key not in _LINK_DETAILS} for link in state.links.values()]


def address_facts(state: HostState) -> list[Facts]:
    return [_address(link, index) for link in state.links.values() for index in range(len(link.addresses))]


def _address(link: Link, index: int) -> Facts:
    """A lifetime without an end is null."""
    address = link.addresses[index]
    facts = {"dev": link.name, "family": address.family, **asdict(address)}
    return {key: None if key.endswith("_lft") and value == FOREVER else value for key, value in facts.items()}


def route_facts(state: HostState) -> list[Facts]:
    return [_route(route) for route in state.routes]


def _route(route: Route) -> Facts:
    facts = asdict(route)
    del facts["unknown"]
    return {**facts, "metrics": dict(route.metrics), "nexthops": [asdict(hop) for hop in route.nexthops]}


def bridge_facts(state: HostState, applied: Applied, files: t.Mapping[str, t.Sequence[str]]) -> list[Facts]:
    """Every bridge that is there or was applied. ``files``: those of each bridge that keep it over a reboot."""
    there = {link.name for link in state.links.values() if link.bridge is not None}
    return [_bridge(name, state, applied, files.get(name, ())) for name in sorted(there | set(applied.bridges))]


def _bridge(name: str, state: HostState, applied: Applied, files: t.Sequence[str]) -> Facts:
    link, ours = state.links.get(name), applied.bridges.get(name)
    routes = sorted({route.describe() for route in state.routes_through(name) if route.protocol != "kernel"})
    return {
        "name": name,
        "exists": link is not None,
        "mac": link.mac if link else "",
        "mtu": link.mtu if link else 0,
        "up": link.up if link else False,
        "settings": asdict(link.bridge) if link and link.bridge else {},
        "ports": list(state.ports_of(name)),
        "addresses": [address.cidr for address in link.addresses] if link else [],
        "routes": routes,
        "owner": ours.owner if ours else "",
        "uplink": ours.bridge.uplink if ours else "",
        "fixed_ports": list(ours.bridge.ports) if ours else [],
        "persist": ours.persist if ours else "",
        "adopted": bool(ours and ours.adopted is not None),
        "files": sorted(files),
    }


def owner_facts(applied: Applied, kinds: t.Sequence[str]) -> list[Facts]:
    """Each label and the names of what it declared, kind by kind."""
    labels = {kind: applied.owners(kind) for kind in kinds}
    owners = sorted({label for names in labels.values() for label in names.values()})
    return [
        {"name": owner, **{kind: sorted(name for name, label in names.items() if label == owner) for kind, names in labels.items()}}
        for owner in owners
    ]
