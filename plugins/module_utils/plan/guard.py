# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.
"""The kind ``guards`` of a document: one nft transaction, and the files that bring the filter back before any guest."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.applied import Applied
from ..model.document import Document
from ..model.guard import TABLES, AppliedGuard, Guard, Guards, GuardSettings, guard_clashes
from ..model.hook import HookFacts, standing_guards
from ..model.problem import Problem
from ..model.ruleset import Seen, SeenTable, Table, as_seen
from ..model.state import FileState, HostState
from ..model.step import Phase
from ..render.guard import guard_tables
from .guest import assign_addresses
from .hook import kept_hook
from .kind import Kind, KindPlan
from .port import plugged
from .ruleset import table_files, table_step, tool_problems


def plan_guards(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """From the tables as the kernel has them to those of all guards that are applied then."""
    seen: Seen = state.kinds.get("guards") or {}
    own = plugged(document.guards.items, state, applied)
    renamed = own != document.guards.items
    document = replace(document, guards=replace(document.guards, items=own))
    gone = document.guards.gone(applied.owners("guards"), document.owner)
    memory = {name: guard for name, guard in applied.guards.items() if name not in gone}
    declared = {guard.name for guard in document.guards.items}
    others = [item for name, item in memory.items() if name not in declared]
    guards, problems = assign_addresses(list(document.guards.placed()), others, applied)
    memory.update({guard.name: AppliedGuard(document.owner, guard, document.persist != "none") for guard in guards})
    settings = _settings(document, state, applied, memory)
    problems += _problems(document, state, applied, memory)
    # Two names may mean one bridge.
    problems += guard_clashes([(guard, place) for place, guard in document.guards.placed()]) if renamed else []
    if problems:
        return KindPlan(problems=tuple(dict.fromkeys(problems)))
    facts: HookFacts = state.kinds.get("hook") or HookFacts()
    before = _tables(applied.guards, applied.guard_settings, facts, state)
    same = memory == applied.guards and settings == applied.guard_settings
    wanted = before if same else _tables(memory, settings, facts, state)
    steps = []
    parting = {name: applied.guards[name] for name in gone} if document.taps.spoken else {}
    if parting:
        # Their taps go in the same run, and are guarded until then.
        still = _tables({**memory, **parting}, settings, facts, state)
        steps += table_step(Phase.FILTER, "what guests may send", seen, still, before, TABLES)
        then = {table.key: as_seen(table) for table in still}
        steps += table_step(Phase.SETTLE, "guests that are gone need no guard", then, wanted, still, TABLES)
    else:
        steps += table_step(Phase.FILTER, "what guests may send", seen, wanted, before, TABLES)
    return KindPlan(
        memory=memory,
        further={"guard_settings": settings},
        steps=tuple(steps),
        texts=_texts(seen, wanted, applied),
        warnings=tuple(_warnings(guards, state, applied)),
        assigned={guard.name: tuple(text.partition("/")[0] for text in guard.addresses) for guard in guards if guard.auto},
    )


def _tables(memory: t.Mapping[str, AppliedGuard], settings: GuardSettings, facts: HookFacts, state: HostState) -> tuple[Table, ...]:
    """With what the hook has put into them for vifs without a name."""
    return guard_tables(standing_guards(memory, settings, facts.domains, state.links))


def _settings(document: Document, state: HostState, applied: Applied, memory: t.Mapping[str, AppliedGuard]) -> GuardSettings:
    """Without a guard nothing stays, unless it is said with the same breath."""
    kept = applied.guard_settings if memory else GuardSettings()
    given = dict(document.guard_settings)
    if "unlisted" in given:
        given["persist"] = document.persist != "none"
    settings = replace(kept, **given)
    return replace(settings, host_macs=_host_macs(state, applied) if settings.bypass else ())


def _host_macs(state: HostState, applied: Applied) -> tuple[str, ...]:
    """Of all bridges, those that come in the same run included, and of what stands on them."""
    bridges = {name for name, link in state.links.items() if link.bridge is not None}
    there = {link.mac for link in state.links.values() if link.name in bridges or link.lower in bridges}
    return tuple(sorted(there | {bridge.mac for bridge in applied.bridges.values()}))


def _problems(document: Document, state: HostState, applied: Applied, memory: t.Mapping[str, AppliedGuard]) -> list[Problem]:
    needs = bool(memory or applied.guards or document.guard_settings.get("unlisted"))
    problems = tool_problems(state) if needs else []
    owners = applied.owners("guards")
    for name in [*document.guards.removed, *(guard.name for guard in document.guards.items)]:
        label = owners.get(name, document.owner)
        if label != document.owner:
            place = f"{document.guards.place(name)}.interface"
            problems.append(Problem(place, f"{name} is guarded by owner {label!r}, not {document.owner!r}; change it there"))
    declared = {guard.name for guard in document.guards.items}
    others = {name: item for name, item in memory.items() if name not in declared}
    if others and declared:
        known = [(item.guard, f"the guard {name} of owner {item.owner!r}") for name, item in others.items()]
        clashes = guard_clashes([*known, *((guard, place) for place, guard in document.guards.placed())])
        problems += [problem for problem in clashes if problem.path.startswith(document.guards.path)]
    return problems


def _warnings(guards: t.Sequence[Guard], state: HostState, applied: Applied) -> list[str]:
    """What makes a guard worth less than it looks, on the host as it is once the bridges and taps are as declared."""
    lines, leaky = [], set()
    for guard in guards:
        for name in guard.interfaces:
            tap, link = applied.taps.get(name), state.links.get(name)
            bridge = tap.tap.bridge if tap else link.master if link else ""
            master, ours = state.links.get(bridge), applied.bridges.get(bridge)
            if (tap or link) and not (master or ours) and not guard.routed:
                lines.append(f"{name} is no port of a bridge, so its guard does nothing; if the host routes for it, say routed: true")
            settings = ours.bridge.settings if ours else master.bridge if master else None
            if settings is not None and not settings.no_linklocal_learn:
                leaky.add(bridge)
    for name in sorted(leaky):
        cure = f"set ip link set {name} type bridge no_linklocal_learn 1"
        cure = "declare it with no_linklocal_learn: true" if name in applied.bridges else cure
        lines.append(f"{name} learns from link-local frames, by which a guest can still take another's MAC there; {cure}")
    return lines


def _texts(seen: Seen, wanted: t.Sequence[Table], applied: Applied) -> dict[str, tuple[str, str]]:
    """What people are told: the rules of each table that change, and each guard with what it has in the sets."""
    texts = {}
    ports: dict[str, tuple[list[str], list[str]]] = {}
    after = {table.key: as_seen(table) for table in wanted}
    for key in TABLES:
        old, new = seen.get(key, SeenTable()), after.get(key, SeenTable())
        texts[f"table {' '.join(key)} (nft)"] = (_rules(old), _rules(new))
        for name in sorted({*old.sets, *new.sets}):
            was, will = old.sets.get(name, frozenset()), new.sets.get(name, frozenset())
            for element in filter(_is_of_port, was ^ will):
                ports.setdefault(element.split('"')[1], ([], []))
    for side, tables in enumerate((seen, after) if ports else ()):
        for key, table in tables.items():
            for name, elements in sorted(table.sets.items()):
                for element in sorted(filter(_is_of_port, elements)):
                    port, _dot, rest = element[1:].partition('"')
                    if port in ports:
                        ports[port][side].append(f"  {key[0]} {name} {rest.removeprefix(' . ')}".rstrip())
    for port, (had, gets) in sorted(ports.items()):
        lost = port in applied.guards and not had
        before = [f"guard {port}: UNGUARDED, its rules are gone"] if lost else [f"guard {port}", *had] if had else []
        texts[f"guard {port} (nft)"] = ("\n".join([*before, ""]) if before else "", "\n".join([f"guard {port}", *gets, ""]) if gets else "")
    return texts


def _is_of_port(element: str) -> bool:
    return element.startswith('"')


def _rules(table: SeenTable) -> str:
    """The chains, and the sets that are nobody's alone."""
    shared = {name: sorted(item for item in elements if not _is_of_port(item)) for name, elements in sorted(table.sets.items())}
    lines = [line for name, items in shared.items() if items for line in (f"set {name}", *(f"  {item}" for item in items))]
    for name, rules in sorted(table.ours.items()):
        lines += [f"chain {name}", *(f"  {' '.join([*(f'@{item}' for item in rule[:-1]), rule[-1]]).strip()}" for rule in rules)]
    return "\n".join([*lines, ""]) if lines else ""


def files(applied: Applied, state: HostState) -> dict[str, FileState]:
    """The ruleset of what is kept, and the unit that loads it."""
    kept = {name: item for name, item in applied.guards.items() if item.persist}
    settings = applied.guard_settings
    if not settings.persist:
        settings = replace(settings, unlisted=False, match=())
    guards = Guards({name: item.guard for name, item in kept.items()}, settings)
    return {**table_files("guards", guard_tables(guards)), **kept_hook(applied, state)}


KIND = Kind("guards", lambda document, applied: frozenset(), plan_guards, files, lambda change: ())
