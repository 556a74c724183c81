# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Exemptions in the filters of others for what our networks are for, where the user says coexist: true.

Docker's stand in a chain of ours behind its users' chain, firewalld's are policies of ours beside its own.
"""

from __future__ import annotations

import ipaddress
import shlex
import typing as t
from dataclasses import dataclass, field

from ..model.applied import Applied
from ..model.blocker import BlockerFacts, ForeignTable
from ..model.coexist import (
    ANSWERS,
    DOCKER_CHAIN,
    EXEMPTED_KINDS,
    FIREWALLD,
    FORWARDED,
    OUR_CHAIN,
    Coexist,
    CoexistFacts,
    Passage,
    Service,
)
from ..model.dhcp import own_interfaces
from ..model.nat import AppliedNat
from ..model.problem import Problem
from ..model.routed import AppliedRouted, network_of
from ..model.state import FileState, HostState
from ..model.step import Action, Phase, Remove, Run, Step, Write
from ..model.zone import ANY, HOST, Policy, Zone
from ..render.coexist import (
    FOLDER,
    HOST_POLICY,
    LINK,
    POLICIES,
    POLICY,
    UNIT,
    UNIT_PATH,
    docker_files,
    family_of,
    firewalld_files,
    policy_path,
    restore_text,
    rules,
)
from .blocker import default_links
from .units import READ_UNITS, unit_verbs

# nft's word for a variant of iptables, and the program's name.
_TOOLS = {"iptables": "iptables-nft", "ip6tables": "ip6tables-nft"}
_RELOAD = Run(("firewall-cmd", "--reload"))
_CURE = "firewall-cmd --runtime-to-permanent keeps them, firewall-cmd --reload drops them; then run again"


@dataclass(frozen=True)
class CoexistPlan:
    """``texts``: header -> text before and after, for people. ``opened``: tables whose exemptions come with this plan only."""

    problems: tuple[Problem, ...] = ()
    steps: tuple[Step, ...] = ()
    texts: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)
    opened: frozenset[str] = frozenset()


def coexist_memory(spoken: t.Iterable[str], before: Applied, after: Applied, state: HostState) -> Coexist:
    """Whose rules are exempted from: of those that are there now or were before, as long as something asks for it.

    A host that has lost its default route for a while keeps the way out that it had.
    """
    if not any(kind in EXEMPTED_KINDS for kind in spoken):
        return before.coexist
    if not _asking(after):
        return Coexist()
    facts: CoexistFacts = state.kinds.get("coexist") or CoexistFacts()
    found = {*before.coexist.hooks, *_docker_tables(state), *([FIREWALLD] if facts.firewalld else [])}
    return Coexist(tuple(sorted(found)), *(tuple(default_links(family, after, state)) or before.coexist.doors(family) for family in (4, 6)))


def _asking(applied: Applied) -> bool:
    return any(
        item.coexist for kind in (applied.nat, applied.routes, applied.policies, applied.dhcp) for item in t.cast("t.Any", kind).values()
    )


def _docker_tables(state: HostState) -> dict[str, ForeignTable]:
    """Each variant of iptables with Docker's users' chain, and its table."""
    facts: BlockerFacts = state.kinds.get("blockers") or BlockerFacts()
    tables = [table for table in facts.tables if table.name == "filter" and DOCKER_CHAIN in table.chains and table.tool != "nft"]
    return {hook_of(table): table for table in tables}


def hook_of(table: ForeignTable) -> str:
    return _TOOLS.get(table.tool, FIREWALLD if table.name == FIREWALLD else table.tool)


def passages(applied: Applied, lasting: bool = False) -> list[Passage]:
    """What shall pass of the applied networks, routes and policies; with ``lasting`` what shall after a reboot, too."""
    found: list[Passage] = []
    for item in (item for item in applied.nat.values() if item.coexist and (item.persist or not lasting)):
        found += _of_network(item, applied)
    for name, routed in applied.routes.items():
        if routed.coexist and (routed.persist or not lasting):
            found += _of_routed(name, routed, applied)
    for rule in (item for item in applied.policies.values() if item.coexist and (item.persist or not lasting)):
        found += _of_policy(rule.policy, applied)
    return list(dict.fromkeys(found))


def _of_network(item: AppliedNat, applied: Applied) -> t.Iterator[Passage]:
    """Guests that have no bridge pass as the host's routes to them do, but for the ports of the host that lead to them."""
    network = item.network
    for family in item.forwards:
        subnets = tuple(str(subnet) for subnet in network.networks(family))
        if not network.point_to_point:
            yield from _ways(network.bridge, network.uplink, family, subnets, network.is_known(family), applied)
        if network.forwards or network.one_to_one:
            for interface in network.interfaces if network.point_to_point else (network.bridge,):
                yield Passage(family, oif=interface, only=FORWARDED)


def _of_routed(name: str, item: AppliedRouted, applied: Applied) -> t.Iterator[Passage]:
    nat = applied.nat.get(network_of(name))
    for family in item.forwards:
        inside = tuple(str(network) for network in item.routed.inside if network.version == family)
        known = nat is None or nat.network.is_known(family)
        uplink = item.routed.uplink or (nat.network.uplink if nat else "")
        yield from _ways(item.routed.interface, uplink, family, inside, known, applied)


def _ways(home: str, uplink: str, family: int, inside: tuple[str, ...], known: bool, applied: Applied) -> t.Iterator[Passage]:
    """Out, and in where the world knows the guests by their own addresses."""
    for way in (uplink,) if uplink else applied.coexist.doors(family):
        yield Passage(family, home, way, inside)
        if known:
            yield Passage(family, way, home, (), inside)
    yield Passage(family, home, only=ANSWERS)
    yield Passage(family, oif=home, only=ANSWERS)


def _of_policy(policy: Policy, applied: Applied) -> t.Iterator[Passage]:
    """Not what may come to the host itself: that is not routed."""
    if policy.target == HOST:
        return
    source, target = applied.zones[policy.source].zone, applied.zones[policy.target].zone
    for family in (4, 6):
        for iif, come in _ends(source, family, applied):
            for oif, go in _ends(target, family, applied):
                for item in policy.allow:
                    protocol = "" if item.protocol == ANY else item.protocol
                    yield Passage(family, iif, oif, come, go, protocol, item.ports)
                yield Passage(family, iif, oif, only=ANSWERS)
                yield Passage(family, oif, iif, only=ANSWERS)


def _ends(zone: Zone, family: int, applied: Applied) -> t.Iterator[tuple[str, tuple[str, ...]]]:
    """Members with their subnets, as far as these are known to us."""
    for name in zone.members:
        texts = [text for item in applied.nat.values() if item.network.bridge == name for text in item.network.sources]
        texts += [text for item in applied.dhcp.values() if item.network.bridge == name for text in item.addresses]
        texts += list(applied.bridges[name].bridge.addresses) if name in applied.bridges else []
        subnets = dict.fromkeys(str(ipaddress.ip_interface(text).network) for text in texts)
        yield name, tuple(text for text in subnets if (":" in text) == (family == 6))


def _services(applied: Applied) -> t.Iterator[Service]:
    for item in (item for item in applied.dhcp.values() if item.coexist and item.persist):
        own = own_interfaces(item.addresses)
        for family in (4, 6):
            subnets = tuple(str(interface.network) for interface in own if interface.version == family)
            if subnets:
                yield Service(family, subnets)


def coexist_files(applied: Applied) -> dict[str, FileState]:
    """What keeps the exemptions over a reboot and the others' restarts. Every kind that can have some names these among its own."""
    lasting, hooks = passages(applied, lasting=True), applied.coexist.hooks
    texts = {tool: rules(lasting, family_of(tool)) for tool in hooks if tool != FIREWALLD}
    files = docker_files({tool: lines for tool, lines in texts.items() if lines})
    return {**files, **firewalld_files(lasting, _services(applied))} if FIREWALLD in hooks else files


def plan_coexist(
    spoken: t.Iterable[str], changes: t.Mapping[str, FileState | None], before: Applied, after: Applied, state: HostState
) -> CoexistPlan:
    """Once a document, whichever kinds of it can have exemptions. ``changes``: path -> new file."""
    if not any(kind in EXEMPTED_KINDS for kind in spoken):
        return CoexistPlan()
    facts: CoexistFacts = state.kinds.get("coexist") or CoexistFacts()
    steps: list[Step] = []
    texts: dict[str, tuple[str, str]] = {}
    opened = set()
    for tool, table in _docker_tables(state).items():
        if tool not in before.coexist.hooks and tool not in after.coexist.hooks:
            continue
        wanted = rules(passages(after), family_of(tool)) if tool in after.coexist.hooks else []
        had, linked = _rules_there(table)
        if (had or []) != wanted or linked != bool(wanted):
            steps.append(_docker_step(tool, had, linked, wanted))
            texts[f"chain {OUR_CHAIN} ({tool})"] = (_text(had or []), _text(wanted))
            opened.add(tool)
    reload, problems = _firewalld(changes, after, facts)
    opened |= {FIREWALLD} if reload else set()
    return CoexistPlan(tuple(problems), (*steps, *reload, *_unit_steps(changes)), texts, frozenset(opened))


def _text(lines: t.Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _rules_there(table: ForeignTable) -> tuple[list[str] | None, bool]:
    """The rules of our chain, None without it, and whether Docker's users' chain leads to it."""
    chain = table.chains.get(OUR_CHAIN)
    linked = any(tuple(shlex.split(rule.text)) == LINK for rule in table.chains[DOCKER_CHAIN].rules)
    return None if chain is None else [rule.text for rule in chain.rules], linked


def _docker_step(tool: str, had: list[str] | None, linked: bool, wanted: list[str]) -> Step:
    do = _restore(tool, wanted, not linked) if wanted else _away(tool)
    undo = _away(tool) if had is None else (*(() if linked else (_unlink(tool),)), *_restore(tool, had, linked and not wanted))
    return Step(Phase.FILTER, "what passes Docker's filter", tuple(do), tuple(undo))


def _restore(tool: str, lines: t.Sequence[str], link: bool) -> tuple[Action, ...]:
    path = f"/run/hypervisor-vnet-{tool}.rules"
    return (Write(path, restore_text(lines, link)), Run((f"{tool}-restore", "--noflush", path)), Remove(path))


def _unlink(tool: str) -> Run:
    return Run((tool, "-D", DOCKER_CHAIN, *LINK), may_fail=True)


def _away(tool: str) -> tuple[Action, ...]:
    return (_unlink(tool), Run((tool, "-F", OUR_CHAIN), may_fail=True), Run((tool, "-X", OUR_CHAIN), may_fail=True))


def _firewalld(changes: t.Mapping[str, FileState | None], after: Applied, facts: CoexistFacts) -> tuple[list[Step], list[Problem]]:
    """Policies come with a reload only, and that drops what is not in firewalld's files."""
    files, loaded = coexist_files(after), facts.policies or ()
    missing = [name for name in (POLICY, HOST_POLICY) if policy_path(name) in files and name not in loaded]
    if facts.policies is None or not (missing or any(path.startswith(POLICIES) for path in changes)):
        return [], []
    if facts.fleeting:
        more = f" and {len(facts.fleeting) - 3} more" if len(facts.fleeting) > 3 else ""
        text = f"firewalld has settings that its reload would drop ({'; '.join(facts.fleeting[:3])}{more}); {_CURE}"
        return [], [Problem("coexist", text)]
    # The last of its phase is undone first, and that of the first one last: when the files are back.
    back = Step(Phase.PREPARE, "firewalld reads its files again", (), (_RELOAD,))
    return [back, Step(Phase.FILTER, "what passes firewalld", (_RELOAD,))], []


def _unit_steps(changes: t.Mapping[str, FileState | None]) -> list[Step]:
    """Docker brings it along from its next start on."""
    if UNIT_PATH not in changes:
        return []
    enable, disable, _start, stop = unit_verbs(UNIT)
    forget = Step(Phase.PREPARE, "systemd forgets the unit again", (), (READ_UNITS,), lasting=True)
    if changes[UNIT_PATH] is not None:
        return [forget, Step(Phase.SERVICE, "exemptions come with Docker", (READ_UNITS, enable), (disable,), lasting=True)]
    goes = Step(Phase.FREEZE, "exemptions do not come with Docker", (stop, disable), (READ_UNITS, enable), lasting=True)
    return [forget, goes, Step(Phase.SERVICE, "systemd forgets the unit", (READ_UNITS,))]


def is_ours(path: str) -> bool:
    """Is this about exemptions alone, which take nothing from the controller?"""
    return path.startswith((f"{FOLDER}/", "/run/hypervisor-vnet-ip", UNIT_PATH))
