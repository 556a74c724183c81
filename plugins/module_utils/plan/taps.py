# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``taps`` of a document: what each declaration means on this host, what goes, and who keeps it over a reboot."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import replace

from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import Problem
from ..model.qemu import QemuSettings
from ..model.state import FileState, HostState
from ..model.step import Step
from ..model.tap import Account, AppliedTap, Tap, TapFacts, tap_clashes
from ..render.qemu import qemu_files
from ..render.rate import rate_files
from ..render.tap import link_files
from .kind import Kind, KindChange, KindPlan
from .port import plugged
from .tap import plan_links
from .tapcheck import tap_problems
from .tapkeep import KEEPERS, choose_keeper, libvirt_problems, vlan_problems


def plan_taps(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """All taps of the document, those that go first."""
    facts = state.kinds.get("taps") or TapFacts()
    document = replace(document, taps=replace(document.taps, items=plugged(document.taps.items, state, applied)))
    problems = tap_clashes(list(document.taps.placed()))
    problems += tap_problems(document, state, applied, facts)
    wanted, wrong = _resolve(document, state, applied, facts)
    problems += wrong
    if problems:
        return KindPlan(problems=tuple(problems))
    gone = document.taps.gone(applied.owners("taps"), document.owner)
    memory = {name: tap for name, tap in applied.taps.items() if name not in gone}
    memory.update(wanted)
    plan = plan_links(gone, dict(sorted(wanted.items())), applied, state, facts)
    # Without a tap nothing stays of QEMU's files, unless it is said with the same breath.
    kept = applied.qemu if memory else QemuSettings()
    further = {"qemu": replace(kept, **document.qemu)}
    return KindPlan(memory=memory, further=further, steps=plan.steps, views=plan.views, disrupts=plan.disrupts)


def _resolve(document: Document, state: HostState, applied: Applied, facts: TapFacts) -> tuple[dict[str, AppliedTap], list[Problem]]:
    """Each declared tap with everything that the declaration leaves open: MAC, MTU, back end, numbers of user and group."""
    resolved, problems = {}, []
    for place, tap in document.taps.placed():
        persist, wrong = choose_keeper(document, tap, state, applied, place)
        problems += wrong
        user, group = _account(tap.user, facts.users), _account(tap.group, facts.groups)
        new = AppliedTap(document.owner, tap, _mac(tap, state), _mtu(tap, applied.taps.get(tap.name), state, applied), persist, user, group)
        keeper = KEEPERS.get(persist)
        problems += keeper.problems(state.managers.get(persist), tap, place) if keeper else []
        problems += [*vlan_problems(persist, tap, facts.systemd, place), *libvirt_problems(persist, tap, applied, place)]
        resolved[tap.name] = new
    return resolved, problems


def _account(text: str, found: t.Mapping[str, Account]) -> Account | None:
    return found.get(text) if text else None


def _mac(tap: Tap, state: HostState) -> str:
    """Declared, or one of its own that stays the same for this host and name. It begins with fe, as libvirt's do: a bridge whose
    MAC is not pinned takes its lowest port's, which then is its uplink's."""
    digest = hashlib.sha256(f"{state.machine_id}/{tap.name}".encode()).hexdigest()
    return tap.mac or ":".join(["fe", *(digest[at : at + 2] for at in range(0, 10, 2))])


def _mtu(tap: Tap, known: AppliedTap | None, state: HostState, applied: Applied) -> int:
    """Declared, or its bridge's: a smaller one would make the kernel lower the bridge's.

    What it got once it keeps, because another tap with a smaller MTU may lower the bridge's any time; so 1500 at least, too.
    """
    bridge, link = applied.bridges.get(tap.bridge), state.links.get(tap.bridge)
    declared = tap.mtu or (bridge.bridge.mtu if bridge else 0)
    if not declared and known and not known.tap.mtu and known.tap.bridge == tap.bridge:
        return known.mtu
    return declared or max(1500, link.mtu if link else 0)


def _reads(document: Document, applied: Applied) -> frozenset[str]:
    """The bridges: whoever keeps them keeps their taps. Thousands of taps are read with one command and no more."""
    named = {tap.bridge for tap in document.taps.items if tap.bridge}
    return frozenset(named | {name for name, bridge in applied.bridges.items() if bridge.bridge.network in named})


def _files(applied: Applied, state: HostState) -> dict[str, FileState]:
    files: dict[str, FileState] = {}
    for tap in applied.taps.values():
        keeper = KEEPERS.get(tap.persist)
        files.update(keeper.files(tap) if keeper else {})
    return {**files, **link_files(applied.taps), **rate_files(applied.taps), **qemu_files(applied.qemu, applied.taps, state.files)}


def _handover(change: KindChange) -> list[Step]:
    """Each back end takes note of its taps; one whose taps stay is left alone."""
    steps: list[Step] = []
    for name, keeper in KEEPERS.items():
        before = {key: tap for key, tap in change.before.taps.items() if tap.persist == name}
        after = {key: tap for key, tap in change.after.taps.items() if tap.persist == name}
        if before != after or any(path in change.files for tap in after.values() for path in keeper.files(tap)):
            steps += keeper.handover(change.state.managers.get(name), before, after)
    return steps


KIND = Kind("taps", _reads, plan_taps, _files, _handover)
