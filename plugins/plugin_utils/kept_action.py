# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Modules run from the program that the host has kept, where that holds the very sources of this collection.

Ansible packs all sources of a module and sends them in every task. For modules of 200 files that is most of what a run costs.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils.model.paths import PROGRAM
from ..module_utils.sources import DIGITS, read_sources, sources_digest
from .armed import Result

# Once, where ansible loads this plugin, and not in each of the processes that it forks for the tasks.
SOURCES = sources_digest(read_sources())
# What tells the hash of the sources of the host's program.
ASKED = f"tail -c {DIGITS} {PROGRAM}"


class KeptAction(ActionBase):  # type: ignore[misc]
    """Runs the module of its own name."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        return {**result, **self._act(task_vars or {})}

    def _act(self, task_vars: dict[str, t.Any]) -> Result:
        if self._task.async_val:
            return t.cast(Result, self._execute_module(task_vars=task_vars, wrap_async=not self._connection.has_native_async))
        ending = str(self._low_level_execute_command(ASKED).get("stdout") or "").strip()
        return self._module({}, task_vars, ending)

    def _module(self, extra: t.Mapping[str, t.Any], task_vars: dict[str, t.Any], ending: str) -> Result:
        """``ending`` is what the host has answered."""
        arguments = {**self._task.args, **extra}
        if ending == SOURCES:
            kept = {"module": self._task.action.rpartition(".")[2], "digest": SOURCES, "arguments": arguments}
            result = self._execute_module(module_name="hypervisor.vnet.vnet_program", module_args=kept, task_vars=task_vars)
            if result.get("ran") is not False:
                return t.cast(Result, result)
        return t.cast(Result, self._execute_module(module_args=arguments, task_vars=task_vars))
