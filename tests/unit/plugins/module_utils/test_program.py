# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the program on the host is written anew. That it runs is shown by tests/kernel/test_watchdog.py."""

from __future__ import annotations

import sys
import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.program import install_program


class Kept(Machine):
    """A host that keeps the one file, and runs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        return Completed(0, "", "")

    def exists(self, path: str) -> bool:
        return True

    def write(self, path: str, file: FileState) -> None:
        self.written.append(file.content)

    def end(self, path: str, count: int) -> str:
        return self.written[-1][-count:] if self.written else ""


def test_written_once_for_each_version(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Kept()
    assert (install_program(host), install_program(host), len(host.written)) == ([], [], 1)
    # compiled by another Python
    monkeypatch.setattr(sys, "executable", "/usr/bin/another-python")
    install_program(host)
    install_program(host)
    assert len(host.written) == 2 and host.written[1].startswith("#!/usr/bin/another-python\n")
    # not ours any more
    host.written[-1] += "damaged"
    install_program(host)
    assert len(host.written) == 3
