# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The whole plan of a document: what is wanted, what is there, and what we did before, turned into ordered steps."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass, field, replace

from ..model.applied import Applied, AppliedFile
from ..model.document import Declared, Document
from ..model.guest import in_guest_words
from ..model.problem import Problem, Refused
from ..model.profile import Profile
from ..model.state import FileState, HostState
from ..model.step import Phase, Remove, Run, Step, Write
from ..model.view import Views
from . import bridges, dhcp, domif, guard, libvirt, nat, routed, taps, vif, xl, zone
from .advertised import advertisement_warnings
from .behind import behind_problems
from .blocker import blocker_warnings
from .coexist import coexist_memory, hook_of, plan_coexist
from .control import addresses, touched
from .forwarding import plan_forwarding
from .kind import Kind, KindChange, KindPlan
from .netfilter import netfilter_memory, plan_netfilter
from .persist import changed_files, unedited_files
from .ruleset import unit_handover
from .translation import plan_translation
from .units import read_once

# In the order in which their steps of one phase run: what others stand on comes first.
KINDS: tuple[Kind, ...] = (
    bridges.KIND,
    libvirt.KIND,
    taps.KIND,
    vif.KIND,
    domif.KIND,
    guard.KIND,
    nat.KIND,
    routed.KIND,
    zone.KIND,
    dhcp.KIND,
    xl.KIND,
)


@dataclass(frozen=True)
class Plan:
    """Steps in order, what they lead to, and what people are told of it. ``expects``: profiles that must stand afterwards.

    ``disrupts`` are lines that need consent. ``control`` says how the steps touch the controller's connection, ``addresses``
    where it finds the host afterwards.
    """

    steps: tuple[Step, ...] = ()
    applied: Applied = field(default_factory=Applied)
    views: Views = field(default_factory=dict)
    texts: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)
    files: t.Mapping[str, tuple[FileState | None, FileState | None]] = field(default_factory=dict)
    settings: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)
    disrupts: tuple[str, ...] = ()
    expects: t.Mapping[str, Profile] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    assigned: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    control: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def plan_document(document: Document, state: HostState, applied: Applied) -> Plan:
    """The plan that brings the host to the document. Refused, with all problems at once, when it cannot."""
    spoken = [kind for kind in KINDS if _declared(document, kind).spoken]
    plans: dict[str, KindPlan] = {}
    after, problems = applied, list[Problem]()
    for kind in spoken:
        plans[kind.name] = plan = kind.plan(document, state, after)
        problems += plan.problems
        state = replace(state, leaving=state.leaving | {name for name, (_was, will) in plan.views.items() if will is None})
        if not plan.problems:
            memory: dict[str, t.Any] = {kind.name: plan.memory, **plan.further}
            after = replace(after, **memory)
    problems = problems or behind_problems(document, applied, after)
    if problems:
        raise Refused([in_guest_words(problem) for problem in problems])
    if document.bridge_netfilter != "keep":
        after = replace(after, bridge_netfilter=document.bridge_netfilter)
    if not after.bridges:
        after = replace(after, bridge_netfilter="keep")
    return _compose(spoken, plans, applied, after, state)


def linked(document: Document, applied: Applied) -> frozenset[str]:
    """The links that the document and the memory speak of: to be observed in every detail."""
    return frozenset().union(*(kind.reads(document, applied) for kind in KINDS))


def _declared(document: Document, kind: Kind) -> Declared[t.Any]:
    declared: Declared[t.Any] = getattr(document, kind.name)
    return declared


def _compose(spoken: t.Sequence[Kind], plans: t.Mapping[str, KindPlan], before: Applied, after: Applied, state: HostState) -> Plan:
    settings, netfilter = plan_netfilter(before, after, state)
    forwarding = plan_forwarding(plans, before, after, state)
    after = replace(after, sysctls={**netfilter_memory(before, after, state), **forwarding.originals})
    after = replace(after, coexist=coexist_memory(plans, before, after, state))
    translation = plan_translation(plans, before, after, state)
    filed = [kind for kind in KINDS if kind in spoken or kind.name in translation.kinds]
    own = {kind.name: (kind.files(before, state), kind.files(after, state)) for kind in filed}
    files = {path: file for _had, wanted in own.values() for path, file in wanted.items()}
    changes = changed_files(files, before, state)
    # Files that several kinds share may be needed no longer by any.
    others = [path for kind in KINDS if kind not in filed for path in kind.files(after, state)]
    changes = {path: file for path, file in changes.items() if path in files or path not in others}
    _refuse_edited(changes, files, before, state)
    coexist = plan_coexist(plans, changes, before, after, state)
    if coexist.problems:
        raise Refused(coexist.problems)
    unspoken = {path: before.files[path] for path in others if path in before.files}
    after = replace(after, files={**unspoken, **_file_memory(files, before, state)})
    had = [path for old, _wanted in own.values() for path in old]
    order = dict.fromkeys([*files, *reversed(had), *sorted(changes)])
    steps = [*_file_steps(changes, order, state), *(step for plan in plans.values() for step in plan.steps)]
    steps += [*translation.steps, *netfilter, *forwarding.steps]
    for kind in spoken:
        theirs = {path for name, sides in own.items() if name != kind.name for side in sides for path in side}
        changed = {path: file for path, file in changes.items() if path not in theirs}
        steps += kind.handover(KindChange(plans[kind.name], changed, before, after, state))
    steps += [*unit_handover(plans, changes, after, state), *coexist.steps]
    steps.sort(key=lambda step: step.phase)
    steps = [*(step for step in steps if step.phase < Phase.SERVICE), *read_once([step for step in steps if step.phase == Phase.SERVICE])]
    views: Views = {name: view for plan in plans.values() for name, view in plan.views.items()}
    return Plan(
        steps=tuple(steps),
        applied=after,
        views=views,
        texts={**{header: texts for plan in plans.values() for header, texts in plan.texts.items()}, **translation.texts, **coexist.texts},
        files={path: (state.files.get(path), file) for path, file in changes.items()},
        settings={**settings, **forwarding.settings},
        disrupts=tuple(line for plan in plans.values() for line in plan.disrupts),
        expects={name: profile for plan in plans.values() for name, profile in plan.expects.items()},
        warnings=(
            *(line for plan in plans.values() for line in plan.warnings),
            *advertisement_warnings(plans, changes, after, state),
            *blocker_warnings(plans, after, state, lambda table: hook_of(table) in coexist.opened),
        ),
        assigned={name: texts for plan in plans.values() for name, texts in plan.assigned.items()},
        control=touched(steps, state),
        addresses=addresses(views, state),
    )


def _file_steps(changes: t.Mapping[str, FileState | None], order: t.Iterable[str], state: HostState) -> list[Step]:
    """Back ends name a bridge's files before its ports': so a host that is reset in between boots with the uplink's old
    profile, or with a bridge for its new one."""
    steps = []
    for path in order:
        if path not in changes:
            continue
        new, old = changes[path], state.files.get(path)
        do = Remove(path) if new is None else Write(path, new.content, new.mode, new.uid, new.gid)
        undo = Remove(path) if old is None else Write(path, old.content, old.mode, old.uid, old.gid)
        steps.append(Step(Phase.FILES, f"file {path}", (do,), (undo,), lasting=True))
    if any("/udev/rules.d/" in path or path.endswith(".link") for path in changes):
        reload = Run(("udevadm", "control", "--reload"), may_fail=True)
        steps.append(Step(Phase.FILES, "udev reads its rules again", (reload,), (reload,)))
    return steps


def _refuse_edited(changes: t.Mapping[str, FileState | None], files: t.Mapping[str, FileState], before: Applied, state: HostState) -> None:
    """What somebody wrote into a file of ours is not thrown away with it."""
    problems, users = [], unedited_files(state)
    for path in changes:
        memory, there = before.files.get(path), state.files.get(path)
        if path not in files and path not in users and memory and there and sha256(there) != memory.sha256:
            problems.append(Problem(path, "was edited since we wrote it; move the edit elsewhere and delete the file, then run again"))
    if problems:
        raise Refused(problems)


def _file_memory(files: t.Mapping[str, FileState], before: Applied, state: HostState) -> dict[str, AppliedFile]:
    memory = {}
    for path, file in files.items():
        original = before.files[path].original if path in before.files else state.files.get(path)
        memory[path] = AppliedFile(sha256(file), original)
    return memory


def sha256(file: FileState) -> str:
    return hashlib.sha256(file.content.encode("utf-8", "surrogateescape")).hexdigest()
