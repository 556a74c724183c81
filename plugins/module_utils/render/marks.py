# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Our lines in files of others, between two marks."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.qemu import ACL
from ..model.state import FileState
from ..model.xl import CONFIG

MARKED = (ACL, CONFIG)
_BEGIN, _END = "# BEGIN hypervisor.vnet", "# END hypervisor.vnet"


def with_ours(there: FileState, lines: t.Sequence[str]) -> FileState:
    """A file with our lines behind all others."""
    return replace(there, content=_theirs(there.content) + "\n".join([_BEGIN, *lines, _END, ""]))


def without_ours(files: t.Mapping[str, FileState]) -> dict[str, FileState]:
    """The files with marks as others wrote them; nothing where all of one is ours."""
    plain = {path: replace(files[path], content=_theirs(files[path].content)) for path in MARKED if path in files}
    return {path: file for path, file in plain.items() if file.content}


def _theirs(text: str) -> str:
    lines, ours = [], False
    for line in text.splitlines(keepends=True):
        ours = ours or line.rstrip("\n") == _BEGIN
        if not ours:
            lines.append(line)
        ours = ours and line.rstrip("\n") != _END
    theirs = "".join(lines)
    return theirs if not theirs or theirs.endswith("\n") else f"{theirs}\n"
