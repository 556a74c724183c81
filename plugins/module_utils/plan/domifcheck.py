# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What of the declared interfaces of domains this host cannot do, said before anything is touched."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.document import Document
from ..model.domif import Domif, DomifFacts, is_plugged, mac_of
from ..model.libvirt import Element, element
from ..model.problem import Problem
from ..model.state import HostState
from .libvirtbridges import libvirt_bridges
from .port import bridge_named


def place_of(domif: Domif, state: HostState, applied: Applied, facts: DomifFacts) -> tuple[str, Element]:
    """Where the interface is plugged in, as in the model's words, and as libvirt's XML says it."""
    networks = {**facts.networks, **{network: bridge for bridge, network in libvirt_bridges(applied).items()}}
    if domif.place in networks:
        return networks[domif.place] or f"network {domif.place}", element("source", network=domif.place)
    bridge = bridge_named(domif.place, state, applied)
    network = next((name for name, other in networks.items() if other == bridge), "")
    return bridge, element("source", network=network) if network else element("source", bridge=bridge)


def domif_problems(document: Document, gone: t.Sequence[str], state: HostState, applied: Applied, facts: DomifFacts) -> list[Problem]:
    """All problems of all interfaces with this host."""
    domifs, owners = document.domifs, applied.owners("domifs")
    problems = [problem for name in domifs.removed for problem in domifs.owner_problems(name, owners, document.owner)]
    if facts.missing and (domifs.items or gone):
        return [*problems, Problem(domifs.path, facts.missing)]
    for place, domif in domifs.placed():
        problems += domifs.owner_problems(domif.name, owners, document.owner)
        if domif.domain not in facts.domains:
            have = ", ".join(sorted(facts.domains)[:12]) or "none"
            why = f"libvirt has no domain {domif.domain} on this host, there are: {have}"
            problems.append(Problem(f"{place.partition('.')[0]}.name", f"{why}; define it first, or correct the name"))
            continue
        problems += [*_mac_problems(domif, state, facts, place), *_name_problems(domif, state, facts, place)]
        problems += _place_problems(domif, state, applied, facts, place)
    # A guest that is not there is told once.
    return list(dict.fromkeys(problems))


def _interfaces(facts: DomifFacts) -> t.Iterator[tuple[str, Element]]:
    for domain in facts.domains.values():
        for item in domain.all():
            yield domain.name, item


def _mac_problems(domif: Domif, state: HostState, facts: DomifFacts, place: str) -> list[Problem]:
    own = [item for domain, item in _interfaces(facts) if domain == domif.domain and mac_of(item) == domif.mac]
    others = [f"in domain {domain}" for domain, item in _interfaces(facts) if domain != domif.domain and mac_of(item) == domif.mac]
    others += [f"the host's own {name}" for name, link in state.links.items() if link.mac == domif.mac]
    if others:
        return [Problem(f"{place}.mac", f"{domif.mac} is {others[0]} already; give each interface its own")]
    strange = next((item.get("type") for item in own if not is_plugged(item)), "")
    if strange:
        why = f"{domif.mac} is an interface of type {strange} in domain {domif.domain}, which is in no network"
        return [Problem(f"{place}.mac", f"{why}; detach it first, or give the guest another")]
    return []


def _name_problems(domif: Domif, state: HostState, facts: DomifFacts, place: str) -> list[Problem]:
    named = [(domain, item) for domain, item in _interfaces(facts) if item.one("target").get("dev") == domif.name]
    others = [domain for domain, item in named if (domain, mac_of(item)) != (domif.domain, domif.mac)]
    if others:
        return [Problem(f"{place}.name", f"{domif.name} is an interface of domain {others[0]} already; choose another name")]
    if domif.name in state.links and not named:
        return [Problem(f"{place}.name", f"{domif.name} is there already, and is no domain's; choose another name")]
    return []


def _place_problems(domif: Domif, state: HostState, applied: Applied, facts: DomifFacts, place: str) -> list[Problem]:
    where, source = place_of(domif, state, applied, facts)
    link = state.links.get(where)
    if where in state.leaving:
        return [Problem(f"{place}.network", f"{where} is removed in the same run; leave it there, or plug the guest in elsewhere")]
    if source.get("network") or where in applied.bridges or (link and link.bridge is not None):
        return []
    bridges = sorted(name for name, other in state.links.items() if other.bridge is not None)
    have = ", ".join([*sorted(facts.networks)[:12], *bridges[:12]]) or "none"
    return [
        Problem(
            f"{place}.network", f"{domif.place} is no network of libvirt and no bridge of this host, there are: {have}; declare it first"
        )
    ]
