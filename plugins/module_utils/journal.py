# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The write-ahead undo journal: error, crash and lost-connection recovery are one mechanism.

``/var/lib/hypervisor-vnet/journal`` holds one JSON object a line: a header (what had been observed, the boot id), then an
entry for each group of steps with what undoes them - written and synced before the steps run - and, when all is verified,
the new memory. A journal is stale when its lock is free: without the new memory it is unwound, with it completed.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .host.machine import Machine
from .host.perform import perform, perform_batch, try_batch
from .host.session import past_undoing, uninterrupted
from .model.problem import VnetError
from .model.state import FileState
from .model.step import Action, Ip, Json, Step, Sysctl, action_from_json, action_to_json

STATE = "/var/lib/hypervisor-vnet"
LOCK = f"{STATE}/lock"
APPLIED = f"{STATE}/applied.json"
JOURNAL = f"{STATE}/journal"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def read_journal(machine: Machine) -> list[Json]:
    """The entries of the journal, empty without one. A torn last line was never synced, so its steps never ran."""
    file = machine.read(JOURNAL)
    entries: list[Json] = []
    for line in (file.content if file else "").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries


class Journal:
    """The journal of one run. The lock must be held."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def begin(self, observed: t.Mapping[str, t.Any]) -> None:
        header = {"boot_id": self._machine.text(_BOOT_ID), "observed": observed}
        self._machine.write(JOURNAL, FileState(json.dumps(header) + "\n", 0o600))

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
                raise VnetError(f"{group[0].why}: {error}" if len(group) == 1 else str(error)) from error

    def commit(self, applied: str) -> None:
        """Make ``applied`` the memory of the host and end the journal; killed in between, the next run completes it."""
        with uninterrupted():
            self._append({"applied": applied})
            self._complete(applied)
            past_undoing()

    def recover(self) -> str:
        """Complete or unwind what an earlier run left behind; says what was done, empty when there was nothing."""
        entries = read_journal(self._machine)
        for folder in sorted({STATE, *_folders(entries)}):
            self._machine.sweep(folder)
        if not entries:
            if self._machine.exists(JOURNAL):
                self._machine.remove(JOURNAL)
            return ""
        if "applied" in entries[-1]:
            with uninterrupted():
                self._complete(entries[-1]["applied"])
            return "an earlier run was stopped after its last step; its memory was completed"
        failures = self.unwind()
        left = f"; could not be undone: {'; '.join(failures)}" if failures else ""
        return f"an earlier run was stopped in the middle; its {len(entries) - 1} recorded groups of steps were undone{left}"

    def unwind(self) -> list[str]:
        """Undo everything recorded, last first. After a reboot the kernel forgot by itself; files did not."""
        entries = read_journal(self._machine)
        rebooted = bool(entries) and entries[0]["boot_id"] != self._machine.text(_BOOT_ID)
        failures: list[str] = []
        with uninterrupted():
            # A commit that failed leaves its record, which has nothing to undo.
            for entry in reversed([entry for entry in entries[1:] if "undo" in entry]):
                if entry["lasting"] or not rebooted:
                    failures += self._undo([action_from_json(data) for data in entry["undo"]])
            self._machine.remove(JOURNAL)
        return failures

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

    def _complete(self, applied: str) -> None:
        try:
            self._machine.write(APPLIED, FileState(applied, 0o600))
        except VnetError:
            # It may have failed behind the rename: then the memory is there.
            if self._machine.read(APPLIED) != FileState(applied, 0o600):
                raise
        # The memory holds from here on. A journal that cannot be removed is completed again by the next run.
        with contextlib.suppress(VnetError):
            self._machine.remove(JOURNAL)


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
