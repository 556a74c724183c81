# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``dhcp`` of a document: one dnsmasq for each network."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.applied import Applied
from ..model.dhcp import AppliedDhcp, Dhcp, DhcpFacts, Listener, UnitFacts, own_interfaces, parse_leases, unit_of
from ..model.dhcpcheck import network_clashes, subnet_clashes, subnet_problems
from ..model.dhcpguests import with_guests
from ..model.document import Document
from ..model.problem import Problem
from ..model.state import FileState, HostState
from ..render.dhcp import dhcp_files
from .coexist import coexist_files
from .dhcpkeep import handover, header
from .kind import Kind, KindPlan

_SERVICES = {53: "DNS", 67: "DHCP", 547: "DHCPv6"}
_MISSING = "dnsmasq is missing on this host; install dnsmasq-base (Debian and its kin) or dnsmasq (elsewhere)"
_NO_SYSTEMD = "systemd does not run on this host, and it is what keeps dnsmasq running"


def plan_dhcp(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """Every network of the document with the addresses that its bridge has; the files and units follow from that."""
    facts: DhcpFacts = state.kinds.get("dhcp") or DhcpFacts()
    owners = applied.owners("dhcp")
    gone = document.dhcp.gone(owners, document.owner)
    memory = {name: item for name, item in applied.dhcp.items() if name not in gone}
    problems: list[Problem] = []
    for place, declared in document.dhcp.placed():
        network = _with_chosen(declared, applied)
        addresses, wrong = _addresses(network, state, applied, place)
        problems += [*wrong, *document.dhcp.owner_problems(network.name, owners, document.owner)]
        if not wrong:
            problems += [] if network.addresses else subnet_problems(network, addresses, place)
            problems += _taken(network, addresses, facts, place)
        user = "dnsmasq" if facts.user else ""
        memory[network.name] = AppliedDhcp(document.owner, network, addresses, user, document.persist != "none", document.coexist)
    problems += [problem for name in document.dhcp.removed for problem in document.dhcp.owner_problems(name, owners, document.owner)]
    problems += [*_host_problems(document, facts), *_clashes(document, memory)]
    if problems:
        return KindPlan(problems=tuple(problems))
    spoken = sorted({*gone, *(network.name for network in document.dhcp.items)})
    texts = _texts(spoken, applied.dhcp, memory, facts)
    return KindPlan(memory=memory, texts=texts, warnings=tuple(_warnings(document, state, applied, facts)))


def _with_chosen(network: Dhcp, applied: Applied) -> Dhcp:
    """Hosts without an address have the one that was chosen for the guest, which its guard knows."""
    chosen = {item.guard.mac: item.guard.addresses for item in applied.guards.values() if item.guard.auto}
    hosts = (
        replace(host, addresses=tuple(text.partition("/")[0] for text in chosen[host.mac]))
        if not host.addresses and host.mac in chosen
        else host
        for host in network.hosts
    )
    return replace(network, hosts=tuple(hosts))


def _addresses(network: Dhcp, state: HostState, applied: Applied, path: str) -> tuple[tuple[str, ...], list[Problem]]:
    """The host's addresses on the network: declared here, or what the bridge is declared with, or what it has."""
    ours, link = applied.bridges.get(network.bridge), state.links.get(network.bridge)
    place = f"{path}.bridge" if network.bridge != network.name else f"{path}.name"
    if not ours and (link is None or network.bridge in state.leaving):
        why = "is removed in the same run" if link else "is neither there nor declared"
        return (), [Problem(place, f"{network.bridge} {why}; declare it with xen_bridge, or name the network's own with bridge:")]
    if link is not None and link.bridge is None:
        return (), [Problem(place, f"{network.bridge} is no bridge; name the network's own with bridge:")]
    declared = ours.bridge.addresses if ours else ()
    observed = tuple(address.cidr for address in link.addresses if not address.is_link_local) if link else ()
    if not network.addresses:
        return declared or observed, []
    problems = []
    if not (ours and ours.bridge.uplink):
        has = ", ".join(dict.fromkeys([*declared, *observed])) or "none"
        for index, text in enumerate(network.addresses):
            if text not in declared and text not in observed:
                cure = f"give it to {network.bridge}, or leave addresses out to take those that it has"
                problems.append(Problem(f"{path}.addresses[{index}]", f"{network.bridge} does not have {text} (it has: {has}); {cure}"))
    return network.addresses, problems


def _host_problems(document: Document, facts: DhcpFacts) -> list[Problem]:
    if not document.dhcp.items:
        return []
    lacks = [] if facts.version else [Problem("", _MISSING)]
    return lacks if facts.systemd else [*lacks, Problem("", _NO_SYSTEMD)]


def _clashes(document: Document, memory: t.Mapping[str, AppliedDhcp]) -> list[Problem]:
    """With networks that were declared elsewhere, and of subnets with any."""
    declared = {network.name for network in document.dhcp.items}
    others = [(item.network, f"{name} of owner {item.owner!r}") for name, item in memory.items() if name not in declared]
    placed = [(network, place) for place, network in document.dhcp.placed()]
    found = network_clashes([*others, *placed]) if others else []
    ours = [problem for problem in found if problem.path.startswith(f"{document.dhcp.path}[") and " of owner " in problem.message]
    served = [(network, memory[network.name].addresses, place) for network, place in [*others, *placed]]
    return ours + [problem for problem in subnet_clashes(served) if problem.path.startswith(f"{document.dhcp.path}[")]


def _taken(network: Dhcp, addresses: t.Sequence[str], facts: DhcpFacts, path: str) -> list[Problem]:
    """Others that listen where this network's dnsmasq would."""
    ours = {unit.pid for unit in facts.units.values() if unit.pid}
    own = own_interfaces(addresses)
    versions = {interface.version for interface in own}
    wanted = {port for port, needed in ((53, network.dns), (67, 4 in versions), (547, 6 in versions)) if needed}
    texts = {str(interface.ip) for interface in own}
    problems: dict[tuple[int, int], Problem] = {}
    for item in facts.listeners:
        if item.port not in wanted or item.pid in ours or not _meets(item, network.bridge, texts, facts.listeners):
            continue
        where = f"on {network.bridge}" if item.dev or item.address != "*" else "on all interfaces"
        who = f"{item.program} (pid {item.pid})" if item.pid else item.program
        cure = "stop it, or have it bind to its own interfaces only (dnsmasq: bind-dynamic with interface=)"
        cure += "; dns: false goes without DNS" if item.port == 53 else ""
        problem = Problem(path, f"port {item.port} ({_SERVICES[item.port]}) is taken {where} by {who}; {cure}")
        problems.setdefault((item.port, item.pid), problem)
    return list(problems.values())


def _meets(item: Listener, bridge: str, addresses: t.Collection[str], listeners: t.Sequence[Listener]) -> bool:
    if item.dev:
        return item.dev == bridge
    if item.address != "*":
        return item.port == 53 and item.address in addresses
    # A dnsmasq that binds addresses lets others on its DHCP port, though it serves several interfaces through one socket.
    names = [other for other in listeners if other.pid == item.pid and other.port == 53]
    shares = item.program == "dnsmasq" and names and all(other.address != "*" for other in names)
    return item.port == 53 or not shares


def _texts(
    names: t.Iterable[str], before: t.Mapping[str, AppliedDhcp], after: t.Mapping[str, AppliedDhcp], facts: DhcpFacts
) -> dict[str, tuple[str, str]]:
    """Of every network that the document speaks of."""
    texts = {}
    for name in names:
        unit, will = facts.units.get(name, UnitFacts()), after.get(name)
        had = _service(name, unit.active, unit.enabled) if name in before else ""
        texts[header(name)] = (had, _service(name, True, will.persist) if will else "")
    return texts


def _service(name: str, active: bool, enabled: bool) -> str:
    return f"{unit_of(name)}\n  {'running' if active else 'NOT RUNNING'}\n  {'comes' if enabled else 'does not come'} with its bridge at boot\n"


def _warnings(document: Document, state: HostState, applied: Applied, facts: DhcpFacts) -> list[str]:
    """What serves others than guests, and what takes effect later."""
    lines = []
    for network in document.dhcp.items:
        ours = applied.bridges.get(network.bridge)
        if ours and ours.bridge.uplink:
            what = f"{network.bridge} has the uplink {ours.bridge.uplink}"
            lines.append(f"{what}: whoever asks for an address on that LAN may get one from {network.name}, and not from its own server")
        leased = {lease.address: lease for lease in parse_leases(facts.leases.get(network.name, ""))}
        for host in network.hosts:
            lease = next((leased[text] for text in host.addresses if text in leased), None)
            if lease and ":" not in lease.address and lease.client != host.mac:
                who = f"{lease.address} of {host.name or host.mac}"
                lines.append(f"{network.name}: {who} is leased to {lease.client}; {host.mac} gets it when that lease ends or is given back")
    return lines


def files(applied: Applied, state: HostState) -> dict[str, FileState]:
    """Configuration, hosts, names and units of every network."""
    return {**dhcp_files(with_guests(applied)), **coexist_files(applied)}


KIND = Kind("dhcp", lambda document, applied: frozenset(), plan_dhcp, files, handover)
