# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The write-ahead undo journal: error, crash, cut-off and lost-connection recovery are one mechanism.

``/var/lib/hypervisor-vnet/journal`` holds one JSON object a line: a header (boot id, the span when it is armed), then for each
run what had been observed, an entry for each group of steps with what undoes them - written and synced before the steps
run - and, when all is verified, how the host looks then. The memory is written like any other file, with its undo before
it. A finished journal is renamed to ``last``: that confirms the change, and keeps what undoes it for `rollback --last`. A
journal whose lock is free is stale, unless it is armed and its time is not over.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .host.machine import Machine
from .host.perform import perform, perform_batch, try_batch
from .host.session import past_undoing, uninterrupted
from .model.paths import APPLIED, JOURNAL, LAST, STATE
from .model.problem import VnetError
from .model.span import Span, span_from_json
from .model.state import FileState
from .model.step import Action, Ip, Json, Remove, Step, Sysctl, Write, action_from_json, action_to_json

MEMORY = "what was applied is remembered"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Undone(t.NamedTuple):
    """What unwinding did: the whys of the undone groups, and what could not be undone."""

    groups: list[str]
    failures: list[str]

    def __str__(self) -> str:
        left = f"; could not be undone: {'; '.join(self.failures)}" if self.failures else ""
        return f"{len(self.groups)} recorded groups of steps were undone{left}"


def read_journal(machine: Machine, path: str = JOURNAL) -> list[Json]:
    """The entries of the journal, empty without one. A torn last line was never synced, so its steps never ran."""
    file = machine.read(path)
    return _entries((file.content if file else "").splitlines())


def read_header(machine: Machine) -> list[Json]:
    """The first entry of the journal alone: the others hold all that was observed."""
    return _entries([machine.first_line(JOURNAL)])


def _entries(lines: t.Iterable[str]) -> list[Json]:
    entries: list[Json] = []
    for line in lines:
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries


def span_of(entries: t.Sequence[Json]) -> Span | None:
    return span_from_json(entries[0]["span"]) if entries else None


def same_boot(machine: Machine, entries: t.Sequence[Json]) -> bool:
    return bool(entries) and entries[0]["boot_id"] == machine.text(_BOOT_ID)


def standing_span(machine: Machine) -> Span | None:
    """The span that waits for its confirmation now: armed since this boot, and its time not over."""
    entries = read_header(machine)
    span = span_of(entries)
    return span if span and same_boot(machine, entries) and machine.uptime() < span.deadline else None


def is_finished(entries: t.Sequence[Json]) -> bool:
    """Did every run of the journal come to its end? True for a checkpoint without runs."""
    return bool(entries) and ("after" in entries[-1] or len(entries) == 1)


def is_unwinding(entries: t.Sequence[Json]) -> bool:
    """Did somebody begin to undo all of it?"""
    return bool(entries) and "unwinding" in entries[-1]


def last_run(entries: t.Sequence[Json]) -> int:
    """The index of the entry that begins the last run; 0 when there is none."""
    return max((index for index, entry in enumerate(entries) if "run" in entry), default=0)


class Journal:
    """The journal of one run. The lock must be held."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def begin(self, span: Span | None = None) -> None:
        header = {"boot_id": self._machine.text(_BOOT_ID), "span": span.to_json() if span else None}
        self._machine.write(JOURNAL, FileState(json.dumps(header) + "\n", 0o600))

    def start_run(self, run: Json) -> None:
        """``run``: what had been observed, and the names to look at when it was undone."""
        self._append({"run": run})

    def run(self, steps: t.Sequence[Step]) -> None:
        """Run the steps in order, each recorded with its undo before it runs."""
        for group in grouped(steps):
            undo = [action_to_json(action) for step in reversed(group) for action in step.undo]
            if undo:
                self._append({"why": group[0].why, "undo": undo, "lasting": group[0].lasting})
            try:
                _do(self._machine, group)
            except VnetError as error:
                # Of a batch, the error names the line itself.
                raise type(error)(f"{group[0].why}: {error}" if len(group) == 1 else str(error)) from error

    def finish(self, applied: str, after: Json) -> None:
        """Make ``applied`` the memory of the host and end the run; ``after`` is how the host looks now. Unless armed, it is kept."""
        with uninterrupted():
            memory = self._machine.read(APPLIED)
            undo = Write(APPLIED, memory.content, 0o600) if memory else Remove(APPLIED)
            self._append({"why": MEMORY, "undo": [action_to_json(undo)], "lasting": True})
            self._machine.write(APPLIED, FileState(applied, 0o600))
            self._append({"after": after})
            if not span_of(read_header(self._machine)):
                self.keep()
            past_undoing()

    def keep(self) -> None:
        """The change holds: one rename(2)."""
        try:
            self._machine.rename(JOURNAL, LAST)
        except VnetError:
            # It may have failed behind the rename: then the change holds.
            if self._machine.exists(JOURNAL):
                raise

    def recover(self, own: str = "") -> str:
        """Unwind what a run that was killed left behind; says what was done, empty when there was nothing.

        In the span of the id ``own`` only its unfinished run is unwound. There must be no other; span.recover sees to one that is over.
        """
        entries = read_journal(self._machine)
        self._machine.sweep(STATE)
        if not entries:
            if self._machine.exists(JOURNAL):
                self._machine.remove(JOURNAL)
            return ""
        span = span_of(entries)
        if not span:
            return f"an earlier run was stopped in the middle; its {self.unwind()}"
        if span.id != own:
            raise VnetError(f"{JOURNAL}: is armed for another change (span {span.id}); confirm or roll it back on the host")
        if is_finished(entries):
            return ""
        return f"an earlier run of this checkpoint was stopped in the middle; its {self.unwind_run()}"

    def unwind(self) -> Undone:
        """Undo everything recorded, last first. After a reboot the kernel forgot by itself; files did not."""
        entries = read_journal(self._machine)
        with uninterrupted():
            with contextlib.suppress(VnetError):
                self._append({"unwinding": True})
            undone = self._unwind(entries, entries[1:])
            self._machine.remove(JOURNAL)
        return undone

    def unwind_run(self) -> Undone:
        """Undo the last run; of a checkpoint, the runs before it stay."""
        entries = read_journal(self._machine)
        span = span_of(entries)
        if not (span and span.checkpoint):
            return self.unwind()
        # One that has not begun has nothing to undo: the last is another's then.
        start = len(entries) if is_finished(entries) else last_run(entries)
        with uninterrupted():
            undone = self._unwind(entries, entries[start:])
            text = "".join(json.dumps(entry) + "\n" for entry in entries[:start])
            self._machine.write(JOURNAL, FileState(text, 0o600))
        return undone

    def _unwind(self, entries: t.Sequence[Json], part: t.Sequence[Json]) -> Undone:
        rebooted = not same_boot(self._machine, entries)
        for folder in sorted(_folders(part)):
            self._machine.sweep(folder)
        undone = Undone([], [])
        for entry in reversed([entry for entry in part if "undo" in entry]):
            if entry["lasting"] or not rebooted:
                undone.groups.append(entry["why"])
                undone.failures.extend(self._undo([action_from_json(data) for data in entry["undo"]]))
        return undone

    def _undo(self, actions: t.Sequence[Action]) -> list[str]:
        failures = []
        for group in _ip_groups(actions):
            try:
                if isinstance(group[0], Ip):
                    try_batch(self._machine, [action for action in group if isinstance(action, Ip)])
                elif not isinstance(group[0], Sysctl) or self._machine.exists(f"/proc/sys/{group[0].key}"):
                    perform(self._machine, group[0])
            except VnetError as error:
                failures.append(str(error))
        return failures

    def _append(self, entry: Json) -> None:
        self._machine.append(JOURNAL, json.dumps(entry) + "\n")


def _folders(entries: t.Iterable[Json]) -> set[str]:
    """Where the run had files to write: a kill may have left a temporary one."""
    actions = [action for entry in entries for action in entry.get("undo", ())]
    return {os.path.dirname(action["path"]) for action in actions if action["action"] in ("write", "remove")}


def grouped(steps: t.Sequence[Step]) -> list[list[Step]]:
    """Consecutive steps of `ip` lines only become one batch: one process instead of thousands, and no pause inside."""
    groups: list[list[Step]] = []
    for step in steps:
        if groups and _only_ip(step) and _only_ip(groups[-1][0]) and step.lasting == groups[-1][0].lasting:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _only_ip(step: Step) -> bool:
    return bool(step.do) and all(isinstance(action, Ip) for action in step.do)


def _do(machine: Machine, group: t.Sequence[Step]) -> None:
    actions = [action for step in group for action in step.do]
    for part in _ip_groups(actions):
        if isinstance(part[0], Ip):
            run = try_batch if part[0].may_fail else perform_batch
            run(machine, [action for action in part if isinstance(action, Ip)])
        else:
            perform(machine, part[0])


def _ip_groups(actions: t.Sequence[Action]) -> list[list[Action]]:
    groups: list[list[Action]] = []
    for action in actions:
        last = groups[-1][0] if groups else None
        if isinstance(action, Ip) and isinstance(last, Ip) and action.may_fail == last.may_fail:
            groups[-1].append(action)
        else:
            groups.append([action])
    return groups
