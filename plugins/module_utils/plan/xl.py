# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``xl`` of a document: the defaults that xl gives to vifs, a few lines in a file of the host's administrator."""

from __future__ import annotations

from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import Problem
from ..model.state import FileState, HostState
from ..model.vif import SCRIPTS
from ..model.xl import CONFIG, WORDS, AppliedXl, XlDefaults, XlFacts
from ..render.marks import with_ours
from .bridgecheck import bridge_problems
from .kind import Kind, KindPlan


def plan_xl(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """All or nothing of them; xl reads its file at each call, so that there is nothing else to do."""
    declared, owners = document.xl, applied.owners("xl")
    problems = [problem for name in declared.removed for problem in declared.owner_problems(name, owners, document.owner)]
    for place, item in declared.placed():
        problems += declared.owner_problems(item.name, owners, document.owner)
        problems += _problems(item, state, applied, place)
    gone = declared.gone(owners, document.owner)
    memory = {name: item for name, item in applied.xl.items() if name not in gone}
    memory.update({item.name: AppliedXl(document.owner, item.words) for item in declared.items})
    return KindPlan(problems=tuple(problems), memory=memory)


def _problems(item: XlDefaults, state: HostState, applied: Applied, place: str) -> list[Problem]:
    facts: XlFacts = state.kinds.get("xl") or XlFacts()
    if not facts.xl:
        return [
            Problem(place, "xl is missing on this host; install the tools of its Xen (Debian's package xen-utils), or leave it out here")
        ]
    problems = []
    script, bridge = item.words.get("script", ""), item.words.get("bridge", "")
    if script and "/" not in script and script not in facts.scripts:
        problems.append(Problem(f"{place}.script", f"there is no {SCRIPTS}/{script} on this host; install it, or correct the name"))
    if bridge:
        problems += bridge_problems(bridge, "guests", state, applied, f"{place}.bridge")
    return problems


def _files(applied: Applied, state: HostState) -> dict[str, FileState]:
    """Of two lines for one word xl takes the last."""
    lines = [f'vif.default.{word}="{item.words[word]}"' for item in applied.xl.values() for word in WORDS if word in item.words]
    return {CONFIG: with_ours(state.files.get(CONFIG, FileState("")), lines)} if lines else {}


KIND = Kind("xl", lambda document, applied: frozenset(), plan_xl, _files, lambda change: ())
