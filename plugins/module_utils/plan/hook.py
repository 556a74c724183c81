# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Xen's hotplug hook stands as long as something is declared that a vif may need when it comes."""

from __future__ import annotations

from ..model.applied import Applied
from ..model.hook import HookFacts
from ..model.state import FileState, HostState
from ..render.hook import hook_files


def kept_hook(applied: Applied, state: HostState) -> dict[str, FileState]:
    """The hook's files. Every kind that it serves names them among its own."""
    facts: HookFacts = state.kinds.get("hook") or HookFacts()
    needed = applied.vifs or applied.guards or applied.guard_settings.unlisted
    vifs = [item.vif for _name, item in sorted(applied.vifs.items())]
    return hook_files(vifs) if facts.scripts and needed else {}
