# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mirror.py SOURCE TARGET: makes TARGET hold what SOURCE holds, by touching only what differs, for others may be working in TARGET."""

from __future__ import annotations

import filecmp
import os
import pathlib
import shutil
import sys

KEPT = (".git", "tests/output", ".hypothesis", "__pycache__")


def files(root: pathlib.Path) -> set[pathlib.PurePath]:
    """The files below a folder, less those that belong to who works there."""
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file() or path.is_symlink())
    return {path for path in found if not any(f"/{kept}/" in f"/{path.as_posix()}" for kept in KEPT)}


def main() -> None:
    """Copy what is new or changed, each file in one rename; remove what is gone."""
    source, target = map(pathlib.Path, sys.argv[1:3])
    wanted = files(source)
    for gone in files(target) - wanted:
        (target / gone).unlink()
    for path in wanted:
        here, there = source / path, target / path
        mode_differs = there.exists() and here.stat().st_mode != there.stat().st_mode
        if there.exists() and not mode_differs and filecmp.cmp(here, there, shallow=False):
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        partial = there.with_name(f".{there.name}.partial")
        shutil.copy2(here, partial)
        os.replace(partial, there)
    for folder in sorted((path for path in target.rglob("*") if path.is_dir() and ".git" not in path.parts), reverse=True):
        if not (source / folder.relative_to(target)).exists() and not any(folder.iterdir()):
            folder.rmdir()


if __name__ == "__main__":
    main()
