# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a kind of the document is to the planner: one row of pure functions, and what its plan says."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import Problem
from ..model.profile import Profile
from ..model.state import FileState, HostState
from ..model.step import Step
from ..model.view import Views
from .backend import Transfer


@dataclass(frozen=True)
class KindPlan:
    """What one kind needs. With ``problems`` the rest means nothing.

    ``memory``: the kind's field of the applied model afterwards, name -> applied object; ``further``: its other fields.
    ``texts``: what people are told of objects that are no links, header -> text before and after. ``transfers``: profiles that
    change their interface. ``disrupts``: lines that need consent. ``expects``: profiles that must stand afterwards.
    ``warnings``: lines that are told and no more. ``assigned``: interface -> the addresses that were chosen for its guest.
    """

    problems: tuple[Problem, ...] = ()
    memory: t.Mapping[str, t.Any] = field(default_factory=dict)
    further: t.Mapping[str, t.Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    views: Views = field(default_factory=dict)
    texts: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)
    transfers: tuple[Transfer, ...] = ()
    disrupts: tuple[str, ...] = ()
    expects: t.Mapping[str, Profile] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    assigned: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class KindChange:
    """One plan as whoever keeps its objects sees it. ``files``: those that change, None where one goes away."""

    plan: KindPlan
    files: t.Mapping[str, FileState | None]
    before: Applied
    after: Applied
    state: HostState


@dataclass(frozen=True)
class Kind:
    """The functions of one kind; all pure.

    ``name``: its field of the document and of the applied model.
    ``reads(document, applied)``: the links that must be observed in every detail.
    ``plan(document, state, applied)``: from what is there to what is declared; called only for a kind that is spoken of.
    The memory says of the kinds before it what will be, of itself and those behind it what was.
    ``files(applied, state)``: every file that keeps the applied objects over a reboot; from the memory alone, but for
    foreign files that we must edit.
    ``handover(change)``: what makes those who keep the objects look away before and take over after; in every phase.
    """

    name: str
    reads: t.Callable[[Document, Applied], frozenset[str]]
    plan: t.Callable[[Document, HostState, Applied], KindPlan]
    files: t.Callable[[Applied, HostState], dict[str, FileState]]
    handover: t.Callable[[KindChange], t.Sequence[Step]]
