# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders and failures, as those see them who are not root or not there."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host import machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.perform import perform
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Run


def test_services_find_what_is_written_whatever_the_umask(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "one" / "two" / "file"
    before = os.umask(0o077)
    try:
        Machine().write(str(path), FileState("x", 0o644, os.getuid(), os.getgid()))
    finally:
        os.umask(before)
    assert [folder.stat().st_mode & 0o777 for folder in (path.parent.parent, path.parent, path)] == [0o755, 0o755, 0o644]


def test_folders_of_ours_go_with_their_last_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_OWN_FOLDERS", (f"{tmp_path}/ours-",))
    folder = tmp_path / "ours-x.service.d"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).touch()
    Machine().remove(str(folder / "a"))
    assert folder.exists()
    Machine().remove(str(folder / "b"))
    assert not folder.exists() and tmp_path.exists()


def test_a_failure_is_explained_by_who_knows() -> None:
    with pytest.raises(VnetError, match=r"^false: exit status 1: because$"):
        perform(Machine(), Run(("false",), explain=("echo", "because")))
    with pytest.raises(VnetError, match="exit status 1: no message"):
        perform(Machine(), Run(("false",), explain=("true",)))


def test_the_end_of_what_is_no_text(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "archive"
    assert Machine().end(str(path), 4) == ""
    path.write_bytes(b"\xff\x00digest")
    assert (Machine().end(str(path), 6), Machine().end(str(path), 100)) == ("digest", "\N{REPLACEMENT CHARACTER}\0digest")
    with pytest.raises(VnetError, match="cannot be read: Is a directory"):
        Machine().end(str(tmp_path), 6)
