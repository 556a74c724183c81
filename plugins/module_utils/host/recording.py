# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A machine that remembers what was read, and one that answers from such a memory.

The journal of a run begins with what the run had observed. A check run that finds a stale journal compares with that:
the host as it will be once the next real run has unwound it.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ..model.state import FileState
from .machine import Completed, LookingMachine

Memory = dict[str, t.Any]


def _command_key(argv: t.Sequence[str]) -> str:
    return "run " + "\0".join(argv)


class RecordingMachine(LookingMachine):
    """Reads through to the machine and keeps every answer."""

    def __init__(self, memory: Memory | None = None) -> None:
        super().__init__()
        self.memory: Memory = {} if memory is None else memory

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        done = super().run(argv, stdin, limit)
        if not stdin:
            self.memory[_command_key(argv)] = list(done)
        return done

    def read(self, path: str) -> FileState | None:
        file = super().read(path)
        self.memory[f"read {path}"] = None if file is None else asdict(file)
        return file

    def text(self, path: str) -> str:
        self.memory[f"text {path}"] = text = super().text(path)
        return text

    def entries(self, path: str) -> tuple[str, ...]:
        names = super().entries(path)
        self.memory[f"entries {path}"] = list(names)
        return names

    def inherited(self, variable: str) -> str:
        self.memory[f"inherited {variable}"] = value = super().inherited(variable)
        return value


class ReplayingMachine(LookingMachine):
    """Answers from a memory; what is not in it is read from the machine."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        kept = self.memory.get(_command_key(argv))
        return super().run(argv, stdin, limit) if kept is None else Completed(*kept)

    def read(self, path: str) -> FileState | None:
        if f"read {path}" not in self.memory:
            return super().read(path)
        kept = self.memory[f"read {path}"]
        return None if kept is None else FileState(**kept)

    def text(self, path: str) -> str:
        kept = self.memory.get(f"text {path}")
        return super().text(path) if kept is None else str(kept)

    def entries(self, path: str) -> tuple[str, ...]:
        kept = self.memory.get(f"entries {path}")
        return super().entries(path) if kept is None else tuple(kept)

    def inherited(self, variable: str) -> str:
        kept = self.memory.get(f"inherited {variable}")
        return super().inherited(variable) if kept is None else str(kept)
