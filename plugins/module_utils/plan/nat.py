# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``nat`` of a document: one nft transaction, and the end of those connections that it leaves with a stale translation."""

from __future__ import annotations

import ipaddress
import typing as t

from ..model.applied import Applied
from ..model.control import ControlPath
from ..model.document import Document
from ..model.guard import to_network
from ..model.managed import managed_networks
from ..model.nat import AppliedNat, Forward, Nat, NatFacts, settle, settle_guests
from ..model.natcheck import nat_problems
from ..model.problem import Problem
from ..model.state import FileState, HostState
from ..model.step import Phase, Step
from ..render.boot import sysctl_file
from ..render.nat import nat_tables
from .coexist import coexist_files
from .kind import Kind, KindPlan
from .libvirtbridges import closed_bridges, libvirt_bridges
from .natstale import forget
from .ruleset import table_files, tool_problems
from .wayout import host_addresses, leads_by, way_out


def plan_nat(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """What the networks mean on this host, and the connections that end. Their table is made when all kinds are known: plan_translation."""
    facts: NatFacts = state.kinds.get("nat") or NatFacts()
    gone = document.nat.gone(applied.owners("nat"), document.owner)
    memory = {name: item for name, item in applied.nat.items() if name not in gone}
    placed = [(place, _settled(nat, applied, state)) for place, nat in document.nat.placed()]
    problems = _problems(document, state, applied, placed, memory)
    if problems:
        return KindPlan(problems=tuple(problems))
    memory.update({nat.name: AppliedNat(document.owner, nat, document.persist != "none", document.coexist) for _place, nat in placed})
    before, after = ([item.network for item in side.values()] for side in (applied.nat, memory))
    stale = forget(before, after, _local(state))
    ends = Step(Phase.SETTLE, "connections with a translation that is not valid any more end", (stale,)) if stale else None
    return KindPlan(
        memory=memory,
        steps=(ends,) if ends and facts.conntrack else (),
        warnings=(*_warnings(placed, applied, state), *_without_tool(bool(stale), facts)),
    )


def _settled(nat: Nat, applied: Applied, state: HostState) -> Nat:
    sources = _sources(nat, applied, state)
    settled = settle(nat, sources, leads_by(nat.uplink, applied, state))
    if not (nat.point_to_point or nat.proxy_arp):
        return settled
    uplink = way_out(settled.uplink, applied, state)
    hosts = host_addresses(uplink, applied, state) if nat.point_to_point or not sources else {}
    return settle_guests(settled, hosts, uplink if nat.proxy_arp else "")


def _sources(nat: Nat, applied: Applied, state: HostState) -> list[str]:
    """The subnets of the bridge's addresses, as declared or as it has them."""
    ours, link = applied.bridges.get(nat.bridge), state.links.get(nat.bridge)
    texts = list(ours.bridge.addresses) if ours else []
    if not texts and link:
        texts = [address.cidr for address in link.addresses if address.scope == "global"]
    return list(dict.fromkeys(str(ipaddress.ip_interface(text).network) for text in texts))


def _local(state: HostState) -> list[str]:
    """The host's own addresses, without those that are for itself or its neighbours only."""
    texts = [address.cidr.split("/")[0] for link in state.links.values() for address in link.addresses if address.scope == "global"]
    return list(dict.fromkeys(texts))


def _problems(
    document: Document, state: HostState, applied: Applied, placed: t.Sequence[tuple[str, Nat]], memory: t.Mapping[str, AppliedNat]
) -> list[Problem]:
    problems = tool_problems(state) if placed or applied.nat else []
    owners = applied.owners("nat")
    for name in [*document.nat.removed, *(nat.name for _place, nat in placed)]:
        problems += document.nat.owner_problems(name, owners, document.owner)
    declared = {nat.name for _place, nat in placed}
    others = [(f"the network {name} of owner {item.owner!r}", item.network) for name, item in memory.items() if name not in declared]
    return problems + nat_problems(placed, others) + _takes_the_controller(placed, state) + _rejected(placed, applied)


def _takes_the_controller(placed: t.Sequence[tuple[str, Nat]], state: HostState) -> list[Problem]:
    """What would lead the controller's next connection to a guest. Its present one asks no rule any more."""
    control, problems = state.control, []
    if control is None:
        return []
    # Towards the guests of a network, the address of its bridge stays the host's.
    home = state.links.get(control.dev)
    own = [address.cidr.split("/")[0] for address in home.addresses] if home else []
    from_guest = control.local in own and any(control.dev in nat.interfaces for _path, nat in placed)
    for path, nat in placed:
        for at, item in enumerate(nat.forwards):
            if _is_heard(item, control) and (item.listen_address or not from_guest):
                text = f"{control.port} is where the controller reaches this host, and would lead it to {item.to}"
                problems.append(
                    Problem(f"{path}.forwards[{at}].port", f"{text}; take another port, or say with listen_address: which other is meant")
                )
        for at, (outside, inside) in enumerate(nat.one_to_one):
            if outside == control.local:
                text = f"{outside} is where the controller reaches this host, and would lead it to {inside}; take another address"
                problems.append(Problem(f"{path}.one_to_one[{at}].address", text))
    return problems


def _rejected(placed: t.Sequence[tuple[str, Nat]], applied: Applied) -> list[Problem]:
    """No table of ours can allow what libvirt's own rejects."""
    closed, problems = closed_bridges(applied), []
    for path, nat in placed:
        for option in ("forwards", "one_to_one"):
            if getattr(nat, option) and nat.bridge in closed:
                cure = "declare it with forward: {mode: open}, and its translation here"
                problems.append(Problem(f"{path}.{option}", f"{nat.bridge} is {closed[nat.bridge]}, whose rules reject them; {cure}"))
    return problems


def _is_heard(item: Forward, control: ControlPath) -> bool:
    """Does the controller's connection come to this forward?"""
    port = item.ports[0] <= control.port <= item.ports[1] and "tcp" in item.protocols
    here = item.listen_address in ("", control.local) and item.listen_interface in ("", control.dev)
    comes = not item.sources or any(ipaddress.ip_address(control.peer) in to_network(text) for text in item.sources)
    return port and here and comes and (":" in control.local) == (item.version == 6)


def _warnings(placed: t.Sequence[tuple[str, Nat]], applied: Applied, state: HostState) -> list[str]:
    """Names that lead nowhere as yet: rules by name may stand before what they name."""
    lines, coming = [], {*state.links, *applied.bridges, *libvirt_bridges(applied)}
    for path, nat in placed:
        interfaces = [("bridge", "" if nat.point_to_point else nat.bridge), ("uplink", nat.uplink)]
        interfaces += [(f"forwards[{at}].listen_interface", item.listen_interface) for at, item in enumerate(nat.forwards)]
        for option, name in interfaces:
            if name and name not in coming:
                lines.append(f"{path}.{option}: {name} is not there; nothing is translated for it until it is")
    return list(dict.fromkeys(lines))


def _without_tool(stale: bool, facts: NatFacts) -> list[str]:
    if not stale or facts.conntrack:
        return []
    return [
        "connections that are open keep the address translation that they have, because the host has no conntrack(8); install conntrack"
    ]


def files(applied: Applied, state: HostState) -> dict[str, FileState]:
    """The table of what is kept, the unit that loads it, and the kernel's forwarding."""
    kept = [item.network for item in applied.nat.values() if item.persist]
    return {**table_files("nat", nat_tables(kept, managed_networks(applied))), **sysctl_file(applied), **coexist_files(applied)}


KIND = Kind("nat", lambda document, applied: frozenset(), plan_nat, files, lambda change: ())
