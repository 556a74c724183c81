# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes any checkout importable as ansible_collections.hypervisor.vnet, whatever its folder is called."""

from __future__ import annotations

import pathlib
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[1]


def _namespace(name: str, *path: str) -> None:
    """Register a namespace package whose children are searched for in ``path``."""
    package = sys.modules.setdefault(name, types.ModuleType(name))
    package.__path__ = list(path)
    parent, _dot, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)


# Under ansible-test the checkout already lies in an ansible_collections tree.
if ROOT.parents[1].name != "ansible_collections":
    _namespace("ansible_collections")
    _namespace("ansible_collections.hypervisor")
    _namespace("ansible_collections.hypervisor.vnet", str(ROOT))
