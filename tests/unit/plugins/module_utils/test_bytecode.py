# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from zipimport import zipimporter

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils import bytecode
from ansible_collections.hypervisor.vnet.plugins.module_utils.bytecode import PACKAGE, KeptCode, pack, unpack

OURS = bytecode.__name__.rpartition(".")[0]
NAME = f"{OURS}.model.thing"


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def compiled(source: str, of: str = "") -> bytes:
    # Magic number, flags and the source's hash take 16 bytes.
    return pack(of or source, "thing.py")[:16] + pack(source, "thing.py")[16:]


@pytest.mark.parametrize(
    "data, found",
    [
        (compiled("X = 1"), True),
        (compiled("X = 2", of="X = 1"), True),
        (compiled("X = 1", of="X = 2"), False),
        (b"\x00\x00\x00\x00" + compiled("X = 1")[4:], False),
        (compiled("X = 1")[:12], False),
        (b"", False),
    ],
    ids=["made of it", "says so", "of another source", "by another Python", "cut off", "empty"],
)
def test_byte_code_is_taken_for_its_own_source_only(data: bytes, found: bool) -> None:
    assert (unpack(data, "X = 1") is not None) == found


# The kept code says where a value came from.
@pytest.mark.parametrize(
    "kept, value",
    [
        ({f"{PACKAGE}/model/thing.pyc": compiled("X = 'kept'", of="X = 'sent'")}, "kept"),
        ({f"{PACKAGE}/model/thing.pyc": compiled("X = 'old'")}, "sent"),
        ({f"{PACKAGE}/model/other.pyc": compiled("X = 'other'", of="X = 'sent'")}, "sent"),
        (None, "sent"),
    ],
    ids=["kept", "of another version", "not kept", "no program"],
)
def test_what_was_sent_is_what_runs(tmp_path: Path, kept: dict[str, bytes] | None, value: str) -> None:
    folder = OURS.replace(".", "/")
    path = tmp_path / "sent.zip"
    path.write_bytes(archive({f"{folder}/model/__init__.py": b"", f"{folder}/model/thing.py": b"X = 'sent'"}))
    finder = KeptCode(zipimporter(f"{path}/{folder}"), zipfile.ZipFile(io.BytesIO(archive(kept))) if kept else None)
    spec = finder.find_spec(NAME)
    assert spec is not None and spec.origin == f"{path}/{folder}/model/thing.py"
    found: dict[str, str] = {}
    exec(finder.get_code(NAME), found)
    assert found["X"] == value
    assert finder.get_source(NAME) == "X = 'sent'"


def test_a_damaged_program_is_no_reason_to_fail(tmp_path: Path) -> None:
    folder, code = OURS.replace(".", "/"), compiled("X = 'kept'", of="X = 'sent'")
    path = tmp_path / "sent.zip"
    path.write_bytes(archive({f"{folder}/model/thing.py": b"X = 'sent'"}))
    whole = archive({f"{PACKAGE}/model/thing.pyc": code})
    at = whole.index(b"kept")
    damaged = zipfile.ZipFile(io.BytesIO(whole[:at] + b"KEPT" + whole[at + 4 :]))
    found: dict[str, str] = {}
    exec(KeptCode(zipimporter(f"{path}/{folder}"), damaged).get_code(NAME), found)
    assert found["X"] == "sent"


@pytest.mark.parametrize("name", ["json", OURS, f"{OURS}.model", f"{OURS}.model.missing", "ansible.module_utils.basic"])
def test_everything_else_is_left_to_python(tmp_path: Path, name: str) -> None:
    path = tmp_path / "sent.zip"
    path.write_bytes(archive({f"{OURS.replace('.', '/')}/model/__init__.py": b""}))
    assert KeptCode(zipimporter(str(path)), None).find_spec(name) is None
