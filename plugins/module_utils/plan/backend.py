# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a persistence back end is: systemd-networkd, ifupdown or NetworkManager behind one set of pure functions.

Every change of a bridge goes the same way, so that a manager never sees half of it::

    freeze (FREEZE)  files (FILES)  kernel (LINK, SWITCH, SETTLE)  thaw (THAW)

``freeze`` makes the manager look away without touching addresses, routes or leases; then its files and the kernel are
changed; ``thaw`` makes it take over what it finds, and checks that it agrees. Unwinding runs backwards: the undo of
``thaw`` makes it look away again, the kernel and the files go back, the undo of ``freeze`` makes it look at the old state.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..model.applied import AppliedBridge
from ..model.bridge import Bridge
from ..model.problem import Problem
from ..model.state import FileState, HostState
from ..model.step import Step


@dataclass(frozen=True)
class Transfer:
    """A layer 3 profile changes its interface: an uplink's to its bridge, or a bridge's back to its uplink."""

    source: str
    target: str
    bridge: str


@dataclass(frozen=True)
class Handover:
    """One change as a back end sees it. ``before`` and ``after`` hold only bridges of this back end that change.

    ``files``: path -> new text, or None when the file goes away; only what differs from the host.
    """

    state: HostState
    facts: t.Any
    before: t.Mapping[str, AppliedBridge]
    after: t.Mapping[str, AppliedBridge]
    transfers: tuple[Transfer, ...] = ()
    files: t.Mapping[str, FileState | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Backend:
    """The functions of one back end; all pure.

    ``claims(facts, link)``: does the manager configure this interface now?
    ``active(facts)``: does the manager run on this host at all?
    ``problems(facts, bridge, path)``: what of this declared bridge the back end cannot keep, each with its cure.
    ``capture(facts, state, bridge)``: what must be remembered of the uplink's own profile before it moves.
    ``files(name, bridge)``: our own files of one bridge, path -> text; rendered from the applied bridge alone.
    ``edits(facts, bridges)``: foreign files as they must read when exactly ``bridges`` stand; only files that we must change.
    ``freeze(handover)`` / ``thaw(handover)``: the steps before and after the kernel's.
    """

    name: str
    active: t.Callable[[t.Any], bool]
    claims: t.Callable[[t.Any, str], bool]
    problems: t.Callable[[t.Any, Bridge, str], list[Problem]]
    capture: t.Callable[[t.Any, HostState, Bridge], t.Mapping[str, str]]
    files: t.Callable[[str, AppliedBridge], t.Mapping[str, FileState]]
    edits: t.Callable[[t.Any, t.Mapping[str, AppliedBridge]], t.Mapping[str, FileState]]
    freeze: t.Callable[[Handover], tuple[Step, ...]]
    thaw: t.Callable[[Handover], tuple[Step, ...]]


def no_edits(facts: t.Any, bridges: t.Mapping[str, AppliedBridge]) -> t.Mapping[str, FileState]:
    """For back ends whose files can stand beside the user's own."""
    return {}
