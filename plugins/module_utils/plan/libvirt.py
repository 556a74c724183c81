# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``libvirt`` of a document: networks that libvirt keeps over a reboot by itself, so that no file of ours does."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import replace

from ..model.applied import Applied
from ..model.document import Document
from ..model.libvirt import AppliedLibvirt, Element, LibvirtFacts, LibvirtNetwork, Plug, SeenNetwork, Was
from ..model.libvirtcheck import Network, subnets_of
from ..model.libvirtxml import filled, normal_of, render
from ..model.problem import Problem
from ..model.state import HostState, Link
from ..model.view import LinkView, Views, view_of
from ..render.libvirt import describe, words
from .disrupt import is_idle_tap
from .kind import Kind, KindPlan
from .libvirtbridges import has_own_bridge
from .libvirtsteps import Change, Target, change, removal, running_of, stored_of

_NONE = SeenNetwork()


def plan_libvirt(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """Each network by itself, those that go first."""
    facts: LibvirtFacts = state.kinds.get("libvirt") or LibvirtFacts()
    gone = document.libvirt.gone(applied.owners("libvirt"), document.owner)
    if facts.missing and (gone or document.libvirt.items):
        return KindPlan(problems=(*document.wrong, Problem("", facts.missing)))
    problems = [*document.wrong, *_problems(document, *_without(gone, facts, state), applied)]
    if problems:
        return KindPlan(problems=tuple(problems))
    memory = {name: item for name, item in applied.libvirt.items() if name not in gone}
    changes: list[Change] = []
    views: Views = {}
    texts: dict[str, tuple[str, str]] = {}
    for name in gone:
        seen, was = facts.networks.get(name, _NONE), applied.libvirt[name].was
        target = Target(name, normal_of(was.xml), was.active, was.autostart, was.xml) if was else None
        _plan(target, name, (applied.libvirt[name].owner, ""), seen, facts, state, (changes, views, texts))
    for network in document.libvirt.items:
        seen, known = facts.networks.get(network.name, _NONE), applied.libvirt.get(network.name)
        definition = _definition(network, seen)
        target = Target(network.name, definition, network.active, network.autostart)
        _plan(target, network.name, (known.owner if known else "", document.owner), seen, facts, state, (changes, views, texts))
        memory[network.name] = _remembered(document.owner, network, seen, known)
    return KindPlan(
        memory=memory,
        steps=tuple(step for item in changes for step in item.steps),
        views=views,
        texts=texts,
        disrupts=tuple(line for item in changes for line in item.disrupts),
    )


def _plan(
    target: Target | None,
    name: str,
    owners: tuple[str, str],
    seen: SeenNetwork,
    facts: LibvirtFacts,
    state: HostState,
    into: tuple[list[Change], Views, dict[str, tuple[str, str]]],
) -> None:
    """One network, whose ``target`` is None when it goes; its part of the plan goes ``into`` the others'."""
    changes, views, texts = into
    plugs = plugs_of(name, seen, facts, state)
    if target is None and seen == _NONE:
        return
    done = change(target, seen, plugs, state) if target else removal(name, seen, plugs)
    changes.append(done)
    if done.steps:
        views.update(_views(target, seen, plugs, state))
    stored, running = stored_of(seen), running_of(seen)
    before = stored or running
    had = describe(name, owners[0], before, seen.active, seen.autostart) if before else ""
    will = describe(name, owners[1], target.definition, target.active, target.autostart) if target else ""
    texts[f"network {name} (libvirt)"] = (had, will)
    if stored and running and stored != running and target and target.active:
        texts[f"network {name} as it runs (libvirt)"] = (words(running), words(target.definition))


def _definition(network: LibvirtNetwork, seen: SeenNetwork) -> Element:
    there = stored_of(seen) or running_of(seen)
    if network.definition is None:
        return there or Element("network")
    return filled(network.definition, there)


def _remembered(owner: str, network: LibvirtNetwork, seen: SeenNetwork, known: AppliedLibvirt | None) -> AppliedLibvirt:
    was = Was(seen.stored or seen.running, seen.active, seen.autostart) if seen != _NONE else None
    xml = render(network.definition) if network.definition else ""
    return AppliedLibvirt(owner, xml, network.active, network.autostart, known.was if known else was)


def plugs_of(name: str, seen: SeenNetwork, facts: LibvirtFacts, state: HostState) -> list[Plug]:
    """The guests' interfaces in a network that runs, and those of running guests that should be in it."""
    running = running_of(seen) or stored_of(seen)
    bridge = running.one("bridge").get("name") if running else ""
    if not bridge or (running and running.one("forward").get("mode") == "bridge"):
        return []
    named = [plug for plug in facts.plugs if plug.network == name or plug.bridge == bridge]
    there = [plug for plug in named if plug.dev in state.links and state.links[plug.dev].master in ("", bridge)]
    known = {plug.dev for plug in there}
    others = [state.links[port] for port in state.ports_of(bridge) if port not in known]
    return [*there, *(_plug(link, bridge) for link in others)]


def _plug(link: Link, bridge: str) -> Plug:
    return Plug(link.name, mac=link.mac, bridge=bridge, isolated=link.isolated, idle=is_idle_tap(link))


def _views(target: Target | None, seen: SeenNetwork, plugs: t.Sequence[Plug], state: HostState) -> Views:
    """The bridge that libvirt makes, and what is plugged into it."""
    running = running_of(seen)
    old = running.one("bridge").get("name") if running and has_own_bridge(running) else ""
    new = target.bridge if target and target.active and has_own_bridge(target.definition) else ""
    views: Views = {}
    if old:
        views[old] = (view_of(state, old), None)
    if new and target:
        there = view_of(state, new)
        addresses = tuple(str(own) for _subnet, own in subnets_of(target.definition))
        mtu = int(target.definition.one("mtu").get("size", "1500"))
        mac = target.definition.one("mac").get("address") or (there.mac if there else "")
        views[new] = (there, replace(there or LinkView(new, kind="bridge", up=True), addresses=addresses, mtu=mtu, mac=mac))
    for plug in plugs:
        port = view_of(state, plug.dev)
        views[plug.dev] = (port, replace(port, master=new) if port else None)
    return views


def _without(gone: t.Collection[str], facts: LibvirtFacts, state: HostState) -> tuple[LibvirtFacts, HostState]:
    """The host as it is once some networks are gone, and their bridges with them."""
    running = [running_of(seen) for name, seen in facts.networks.items() if name in gone]
    bridges = {item.one("bridge").get("name") for item in running if item and has_own_bridge(item)}
    left = {name: seen for name, seen in facts.networks.items() if name not in gone}
    return replace(facts, networks=left), replace(state, links={name: link for name, link in state.links.items() if name not in bridges})


def _problems(document: Document, facts: LibvirtFacts, state: HostState, applied: Applied) -> list[Problem]:
    owners = applied.owners("libvirt")
    problems = []
    for name in document.libvirt.removed:
        problems += document.libvirt.owner_problems(name, owners, document.owner)
    for place, network in document.libvirt.placed():
        problems += document.libvirt.owner_problems(network.name, owners, document.owner)
        seen = facts.networks.get(network.name, _NONE)
        if network.name in facts.networks and network.name not in owners and not document.adopt:
            cure = "adopt: true takes it over, and state: absent gives it back as it was"
            problems.append(Problem(f"{place}.name", f"libvirt has a network {network.name} that was not declared here; {cure}"))
        if network.definition is None and network.name not in facts.networks:
            cure = "say what it shall be, with addresses, forward or xml"
            problems.append(Problem(f"{place}.name", f"libvirt has no network {network.name} that could stay as it is; {cure}"))
        if network.definition is not None:
            problems += _host_problems(place, _definition(network, seen), network, seen, facts, state, applied)
    return problems


def _host_problems(
    place: str, definition: Element, network: LibvirtNetwork, seen: SeenNetwork, facts: LibvirtFacts, state: HostState, applied: Applied
) -> list[Problem]:
    running = running_of(seen)
    runs_on = running.one("bridge").get("name") if running and has_own_bridge(running) else ""
    bridge, forward = definition.one("bridge").get("name"), definition.one("forward")
    problems = []
    if not has_own_bridge(definition):
        link = state.links.get(bridge)
        if bridge and bridge not in applied.bridges and (link is None or link.bridge is None):
            problems.append(Problem(f"{place}.bridge", f"{bridge} is no bridge of this host; declare it with xen_bridge"))
    elif bridge:
        problems += _bridge_problems(f"{place}.bridge", bridge, runs_on, network.name, facts, state, applied)
        problems += _route_problems(place, definition, {bridge, runs_on}, state) if network.active else []
    devs = [*forward.all("interface"), *forward.all("pf")]
    for item in devs:
        if item.get("dev") and item.get("dev") not in state.links and item.get("dev") not in applied.bridges:
            cure = "name one that is there"
            problems.append(Problem(f"{place}.forward", f"{item.get('dev')} is no interface of this host; {cure}"))
    return problems


def _bridge_problems(
    place: str, bridge: str, runs_on: str, name: str, facts: LibvirtFacts, state: HostState, applied: Applied
) -> list[Problem]:
    if bridge in applied.bridges or (bridge in state.links and bridge != runs_on and bridge not in _bridges_of_others(name, facts)):
        whose = "a bridge that is declared here" if bridge in applied.bridges else "there already, and not libvirt's"
        cure = "forward: {mode: bridge} uses it as it is; for a network of libvirt's own name another"
        return [Problem(place, f"{bridge} is {whose}; {cure}")]
    other = _bridges_of_others(name, facts).get(bridge)
    return [Problem(place, f"{bridge} is the bridge of libvirt's network {other} already; name another")] if other else []


def _bridges_of_others(name: str, facts: LibvirtFacts) -> dict[str, str]:
    found = {}
    for other, seen in facts.networks.items():
        for definition in (stored_of(seen), running_of(seen)):
            if other != name and definition and has_own_bridge(definition):
                found[definition.one("bridge").get("name")] = other
    return found


def _route_problems(place: str, definition: Element, own: t.AbstractSet[str], state: HostState) -> list[Problem]:
    """Subnets that the host reaches elsewhere, as a guest hypervisor does whose own host has the same default network."""
    links = [link for link in state.links.values() if link.name not in own]
    there = [(item.cidr, f"{link.name} has {item.cidr}") for link in links for item in link.addresses if not item.is_link_local]
    routes = [route for route in state.routes if route.table == "main" and route.dst != "default" and route.dev in state.links.keys() - own]
    problems = []
    for at, (subnet, _host) in enumerate(subnets_of(definition)):
        taken = [what for cidr, what in there if _meets(subnet, cidr)]
        # A longer prefix wins over a shorter one, so only routes into the subnet are a clash.
        led = [route for route in routes if _meets(subnet, route.dst) and int(route.dst.partition("/")[2] or 128) >= subnet.prefixlen]
        taken += [f"a route to {route.dst} leads through {route.dev}" for route in led]
        if taken:
            problems.append(Problem(f"{place}.addresses[{at}]", f"{subnet} is in use: {taken[0]}; take another subnet"))
    return problems


def _meets(subnet: Network, text: str) -> bool:
    other = ipaddress.ip_network(text, strict=False)
    return subnet.version == other.version and subnet.overlaps(other)


KIND = Kind("libvirt", lambda document, applied: frozenset(), plan_libvirt, lambda applied, state: {}, lambda change: ())
