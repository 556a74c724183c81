# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users are shown: the tasks on a module's page and in its guide."""

from __future__ import annotations

import importlib
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

_GUIDES = Path(__file__).parents[2] / "docs/docsite/rst"


def on_page(module: str) -> list[dict[str, Any]]:
    """The options of every task that calls the module in its examples."""
    return _tasks(importlib.import_module(f"ansible_collections.hypervisor.vnet.plugins.modules.{module}").EXAMPLES, module)


def in_guide(name: str, module: str) -> list[dict[str, Any]]:
    """Those in the YAML blocks of a guide."""
    blocks = re.findall(r"code-block:: yaml\n\n((?:    .*\n|\n)+)", (_GUIDES / name).read_text(encoding="utf-8"))
    return [task for block in blocks for task in _tasks(textwrap.dedent(block), module)]


def _tasks(text: str, module: str) -> list[dict[str, Any]]:
    name = f"hypervisor.vnet.{module}"
    return [task[name] for task in yaml.safe_load(text) if name in task]
