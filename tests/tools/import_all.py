# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports every file that runs on hosts, with the Python that runs this."""

from __future__ import annotations

import importlib
import pathlib
import platform
import runpy
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main() -> int:
    """Return 1 when a file does not import."""
    runpy.run_path(str(ROOT / "tests" / "conftest.py"))  # makes the collection importable
    files = [path for room in ("module_utils", "modules") for path in sorted((ROOT / "plugins" / room).rglob("*.py"))]
    broken = 0
    for path in files:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        try:
            importlib.import_module(f"ansible_collections.hypervisor.vnet.{name}")
        except Exception as error:
            broken += 1
            print(f"{path.relative_to(ROOT)}: {type(error).__name__}: {error}")
    print(f"Python {platform.python_version()}: {len(files) - broken} of {len(files)} files import")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
