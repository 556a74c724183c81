# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What systemd(1) is told about units of ours. Hosts without it have files only."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.step import Action, Phase, Run, Step

READ_UNITS = Run(("systemctl", "daemon-reload"), may_fail=True)


def unit_verbs(unit: str) -> tuple[Run, Run, Run, Run]:
    """To enable, disable, start and stop it."""
    enable, disable, start, stop = (Run(("systemctl", verb, unit), may_fail=True) for verb in ("enable", "disable", "start", "stop"))
    return enable, disable, start, stop


def read_once(steps: t.Sequence[Step]) -> list[Step]:
    """The steps of services such that systemd reads all units once, which takes a tenth of a second and longer.

    Each kind has them read, and so does each `systemctl enable`. They are read behind all of these: a unit that others want is not
    started with them before, however it stands in their folders; and before the first service starts.
    """
    linked, others, read = list[Step](), list[Step](), False
    for step in steps:
        do = tuple(_unread(action) for action in step.do if action != READ_UNITS)
        read = read or do != step.do
        (linked if any(_links(action) for action in do) else others).append(replace(step, do=do))
    again = [Step(Phase.SERVICE, "systemd reads its units again", (READ_UNITS,))] if read else []
    return [step for step in (*linked, *again, *others) if step.do or step.undo]


def _unread(action: Action) -> Action:
    if not isinstance(action, Run) or not _links(action):
        return action
    return replace(action, argv=(*action.argv[:2], "--no-reload", *action.argv[2:]))


def _links(action: Action) -> bool:
    return isinstance(action, Run) and action.argv[:2] in (("systemctl", "enable"), ("systemctl", "disable"))
