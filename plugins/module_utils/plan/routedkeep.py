# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What the unit takes that gives an interface its routes whenever it appears: it looks away while they change."""

from __future__ import annotations

from ..model.routed import UNIT, RoutedFacts
from ..model.step import Phase, Run, Step
from ..render.routed import UNIT_PATH
from .kind import KindChange
from .units import READ_UNITS, unit_verbs


def handover(change: KindChange) -> list[Step]:
    """Else it would bring back at once what goes, and what is undone."""
    facts: RoutedFacts = change.state.kinds.get("routes") or RoutedFacts()
    stays = UNIT_PATH in change.after.files
    comes, goes = change.files.get(UNIT_PATH) is not None, UNIT_PATH in change.files and not stays
    enable, disable, start, stop = unit_verbs(UNIT)
    moves = bool(change.plan.steps) or bool(change.files)
    steps = []
    if facts.active and moves:
        steps.append(Step(Phase.FREEZE, "routes stay as they are set", (stop,), (start,)))
    if goes:
        steps.append(Step(Phase.FREEZE, "routes do not come back", (disable,), (READ_UNITS, enable), lasting=True))
        steps.append(Step(Phase.SERVICE, "systemd forgets the unit", (READ_UNITS,)))
    if comes:
        steps.append(Step(Phase.PREPARE, "systemd forgets the unit again", (), (READ_UNITS,), lasting=True))
    if comes or (stays and not facts.enabled):
        steps.append(Step(Phase.SERVICE, "routes come back at boot", (READ_UNITS, enable), (disable,), lasting=True))
    if stays and (moves or not facts.active):
        why = "interfaces get their routes whenever they appear"
        steps.append(Step(Phase.SERVICE, why, (Run(("systemctl", "start", UNIT)),), (stop,)))
    return steps
