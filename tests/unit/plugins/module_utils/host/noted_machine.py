# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine that only remembers what it is told."""

from __future__ import annotations

import typing as t

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState


class NotedMachine(Machine):
    """The fake host: keeps files in memory and what was run; ``wrong`` are lines that ip(8) refuses, ``deadly`` those that end it."""

    def __init__(self, wrong: t.Collection[str] = (), deadly: t.Collection[str] = ()) -> None:
        super().__init__()
        self.files: dict[str, str] = {}
        self.batches: list[tuple[list[str], list[str]]] = []
        self.done: list[str] = []
        self.wrong, self.deadly = wrong, deadly

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        lines = stdin.splitlines()
        self.batches.append((list(argv), lines))
        rc, err, out = 0, "", ""
        for number, line in enumerate(lines, 1):
            if line in self.deadly:
                return Completed(255, out, f'Error: argument "{line}" is wrong')
            if line in self.wrong:
                rc, err = 1, err + f"RTNETLINK answers: No\nCommand failed -:{number}\n"
                if "-force" not in argv:
                    break
                continue
            out += "1: lo: <LOOPBACK>\n" if line == "link show dev lo" else ""
            self.done.append(line)
        return Completed(rc, out, err)

    def read(self, path: str) -> FileState | None:
        return FileState(self.files[path], 0o600) if path in self.files else None

    def first_line(self, path: str) -> str:
        return self.files.get(path, "").partition("\n")[0]

    def text(self, path: str) -> str:
        return "boot" if path.endswith("boot_id") else self.files.get(path, "").strip()

    def write(self, path: str, file: FileState) -> None:
        self.files[path] = file.content

    def append(self, path: str, text: str) -> None:
        self.files[path] += text

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def rename(self, old: str, new: str) -> None:
        self.files[new] = self.files.pop(old)

    @staticmethod
    def uptime() -> float:
        return 100.0

    def exists(self, path: str) -> bool:
        return path in self.files

    def entries(self, path: str) -> tuple[str, ...]:
        return tuple(sorted(name[len(path) + 1 :] for name in self.files if name.startswith(f"{path}/")))

    def set_sysctl(self, key: str, value: str) -> None:
        self.files[f"/proc/sys/{key}"] = value
        self.done.append(f"{key}={value}")
