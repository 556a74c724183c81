# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What every kind with tables of nftables needs: a step, the files, and one unit that loads the tables of all."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.problem import Problem
from ..model.ruleset import CUSTOM, OLDEST, TABLE_KINDS, UNIT, Key, RulesetFacts, Seen, SeenTable, Table, as_seen
from ..model.state import FileState, HostState
from ..model.step import Action, Nft, Phase, Remove, Step, Write
from ..render.nftables import UNIT_PATH, UPHOLD_PATH, ruleset_files
from ..render.ruleset import change_text, reload_text, undo_text
from .units import READ_UNITS, unit_verbs


def table_step(
    phase: Phase, why: str, seen: Seen, wanted: t.Sequence[Table], before: t.Sequence[Table], known: t.Iterable[Key]
) -> list[Step]:
    """One transaction from the tables as ``seen`` to those ``wanted``, none where nothing differs.

    ``before``: the tables as last applied. ``known``: all that the kind can have; those that are not wanted go.
    """
    text = change_text(seen, wanted, known)
    return [Step(phase, why, (Nft(text),), (Nft(undo_text(seen, wanted, before)),))] if text else []


def table_files(name: str, tables: t.Sequence[Table]) -> dict[str, FileState]:
    """What brings one kind's tables back after a reboot; nothing where there are none."""
    return ruleset_files(name, reload_text(tables))


def table_texts(seen: Seen, wanted: t.Sequence[Table], known: t.Iterable[Key]) -> dict[str, tuple[str, str]]:
    """What people are told: each table before and after, its rules, and what its sets and maps hold."""
    after = {table.key: as_seen(table) for table in wanted}
    return {f"table {' '.join(key)} (nft)": (_text(seen.get(key)), _text(after.get(key))) for key in known}


def _text(table: SeenTable | None) -> str:
    if table is None:
        return ""
    lines = []
    for name, rules in sorted(table.ours.items()):
        lines += [f"chain {name}", *(f"  {' '.join([*(f'@{item}' for item in rule[:-1]), rule[-1]]).strip()}" for rule in rules)]
    for name, elements in sorted(table.sets.items()):
        lines += [f"{name} {element}" for element in sorted(elements) if not name.startswith(CUSTOM)]
    return "\n".join([*lines, ""])


def tool_problems(state: HostState) -> list[Problem]:
    """What is wrong with nft on a host that needs it."""
    facts: RulesetFacts = state.kinds.get("ruleset") or RulesetFacts()
    needed, found = (".".join(str(number) for number in version) for version in (OLDEST, facts.version))
    if not facts.version:
        return [Problem("", f"nft is missing on this host; install nftables {needed} or newer")]
    if facts.version < OLDEST:
        return [Problem("", f"nftables {found} is too old; {needed} or newer is needed")]
    return []


def unit_handover(spoken: t.Iterable[str], changes: t.Mapping[str, FileState | None], after: Applied, state: HostState) -> list[Step]:
    """Once a document, whichever kinds of it have tables: the unit is enabled when it comes, and disabled before it goes.

    It is active, or it would not be reloaded with nftables. ``spoken``: names of kinds; ``changes``: path -> new file.
    """
    facts: RulesetFacts = state.kinds.get("ruleset") or RulesetFacts()
    if not any(name in TABLE_KINDS for name in spoken):
        return []
    enable, disable, start, stop = unit_verbs(UNIT)
    comes = any(changes.get(path) is not None for path in (UNIT_PATH, UPHOLD_PATH))
    stands = UNIT_PATH not in changes and UNIT_PATH in after.files
    steps = []
    if UNIT_PATH in changes or UPHOLD_PATH in changes:
        steps.append(Step(Phase.PREPARE, "systemd forgets the unit again", (), (READ_UNITS,), lasting=True))
        if comes:
            steps.append(Step(Phase.SERVICE, "the filter comes back at boot", (READ_UNITS, enable), (disable,), lasting=True))
        else:
            # firewalld would have it started again.
            away: tuple[Action, ...] = (Remove(UPHOLD_PATH), READ_UNITS, stop, disable)
            back: tuple[Action, ...] = (*_written(UPHOLD_PATH, state), READ_UNITS, enable, start)
            steps.append(Step(Phase.FREEZE, "the filter does not come back", away, back, lasting=True))
            steps.append(Step(Phase.SERVICE, "systemd forgets the unit", (READ_UNITS,)))
    if comes or (stands and not facts.loads):
        steps.append(Step(Phase.SERVICE, "the filter is loaded again with nftables' own", (start,), (stop,)))
    return steps


def _written(path: str, state: HostState) -> tuple[Write, ...]:
    """A file as it is now; nothing where there is none."""
    file = state.files.get(path)
    return (Write(path, file.content, file.mode, file.uid, file.gid),) if file else ()
