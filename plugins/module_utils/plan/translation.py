# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The table of address translation, which depends on networks of other kinds as well: no packet between two of ours is translated."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.managed import managed_networks
from ..model.nat import TABLES, NatFacts
from ..model.state import HostState
from ..model.step import Phase, Step
from ..render.nat import nat_tables
from .ruleset import table_step, table_texts


class Translation(t.NamedTuple):
    """``texts`` as in KindPlan. ``kinds``: those whose files change along, though the document may not speak of them."""

    steps: tuple[Step, ...] = ()
    texts: t.Mapping[str, tuple[str, str]] = {}
    kinds: tuple[str, ...] = ()


def plan_translation(spoken: t.Container[str], before: Applied, after: Applied, state: HostState) -> Translation:
    """Once a document, behind all of its kinds. ``spoken``: their names."""
    managed, known = managed_networks(after), managed_networks(before)
    if "nat" not in spoken and (managed == known or not before.nat):
        return Translation()
    facts: NatFacts = state.kinds.get("nat") or NatFacts()
    wanted, had = (
        nat_tables((item.network for item in side.nat.values()), networks) for side, networks in ((after, managed), (before, known))
    )
    steps = table_step(Phase.FILTER, "address translation", facts.tables, wanted, had, TABLES)
    return Translation(tuple(steps), table_texts(facts.tables, wanted, TABLES), ("nat",))
