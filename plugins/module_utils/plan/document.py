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

from ..model.applied import Applied, AppliedBridge, AppliedFile, UplinkBefore
from ..model.bridge import Bridge
from ..model.document import Document
from ..model.problem import Problem, Refused
from ..model.profile import Profile, profile_of
from ..model.state import FileState, HostState
from ..model.step import Phase, Remove, Run, Step, Write, sysctl_step
from ..model.view import Views
from .backend import Handover, Transfer
from .bridge import BridgePlan, plan_absent, plan_present
from .check import adoption_problems, host_problems
from .control import addresses, touched
from .persist import BACKENDS, capture, changed_files, choose, unedited_files, wanted_files
from .port import is_free

_KEPT_SYSCTLS = ("disable_ipv6", "accept_ra", "addr_gen_mode")


@dataclass(frozen=True)
class Plan:
    """Steps in order, what they lead to, and what people are told of it. ``expects``: profiles that must stand afterwards.

    ``disrupts`` are lines that need consent. ``control`` says how the steps touch the controller's connection, ``addresses``
    where it finds the host afterwards.
    """

    steps: tuple[Step, ...] = ()
    applied: Applied = field(default_factory=Applied)
    views: Views = field(default_factory=dict)
    files: t.Mapping[str, tuple[FileState | None, FileState | None]] = field(default_factory=dict)
    settings: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)
    disrupts: tuple[str, ...] = ()
    expects: t.Mapping[str, Profile] = field(default_factory=dict)
    control: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def plan_document(document: Document, state: HostState, applied: Applied) -> Plan:
    """The plan that brings the host to the document. Refused, with all problems at once, when it cannot."""
    state = _settled(document, state, applied)
    problems = host_problems(document, state, applied)
    wanted, wrong = _resolve(document, state, applied)
    problems += wrong
    if problems:
        raise Refused(problems)
    gone = _removed(document, applied)
    bridges = {name: bridge for name, bridge in applied.bridges.items() if name not in gone}
    bridges.update(wanted)
    after = replace(applied, bridges=bridges)
    if document.bridge_netfilter != "keep":
        after = replace(after, bridge_netfilter=document.bridge_netfilter)
    if not bridges:
        after = replace(after, bridge_netfilter="keep")
    plans = {name: plan_absent(name, applied.bridges[name], state) for name in sorted(gone)}
    plans.update({name: plan_present(name, applied.bridges.get(name), bridge, state) for name, bridge in sorted(wanted.items())})
    _refuse_foreign_changes(wanted, plans, document)
    _refuse_what_is_not_back(wanted, [applied.bridges[name] for name in sorted(gone) if plans[name].steps], document, state)
    return _compose(plans, applied, after, state)


def _settled(document: Document, state: HostState, applied: Applied) -> HostState:
    """The state without a passing topology change, which hides the ageing time that was set (__br_set_topology_change)."""
    known = {bridge.name: bridge.settings for bridge in document.bridges}
    known.update({name: bridge.bridge.settings for name, bridge in applied.bridges.items()})
    links = dict(state.links)
    for name, link in state.links.items():
        if link.bridge is not None and link.topology_change and name in known:
            links[name] = replace(link, bridge=replace(link.bridge, ageing_time=known[name].ageing_time))
    return replace(state, links=links)


def _removed(document: Document, applied: Applied) -> set[str]:
    names = {name for name in document.removed if name in applied.bridges}
    if document.prune:
        names |= set(applied.owned_by(document.owner)) - {bridge.name for bridge in document.bridges}
    return names


def _resolve(document: Document, state: HostState, applied: Applied) -> tuple[dict[str, AppliedBridge], list[Problem]]:
    """Each declared bridge with everything that the declaration leaves open: MAC, back end, what its links were before."""
    resolved, problems = {}, []
    for bridge in document.bridges:
        place = document.place(bridge.name)
        if bridge.uplink and bridge.uplink not in state.links:
            continue
        known = applied.bridges.get(bridge.name)
        persist, wrong = choose(document, bridge, state, applied, place)
        problems += wrong
        there = state.links.get(bridge.name)
        adopted = known.adopted if known else (there.bridge if there else None)
        backend = BACKENDS.get(persist)
        if backend and known is None and adopted is not None and backend.claims(state.managers.get(persist), bridge.name):
            persist = "foreign"
        if backend and persist != "foreign":
            problems += backend.problems(state.managers.get(persist), bridge, place)
        named = (bridge.uplink, *bridge.ports, *((bridge.name,) if adopted is not None else ()))
        links = {name: _link_before(name, bridge, known, state) for name in named if name in state.links}
        new = AppliedBridge(document.owner, bridge, _mac(bridge, known, state), persist, links, adopted)
        if not problems:
            resolved[bridge.name] = capture(new, known, state)
    return resolved, problems


def _mac(bridge: Bridge, known: AppliedBridge | None, state: HostState) -> str:
    """Declared, or the one that it has, or its uplink's, or one of its own that stays the same for this host and name."""
    if bridge.mac:
        return bridge.mac
    if known and known.bridge.uplink == bridge.uplink and not known.bridge.mac:
        return known.mac
    if known is None and bridge.name in state.links:
        return state.links[bridge.name].mac
    if bridge.uplink:
        return state.links[bridge.uplink].mac
    digest = hashlib.sha256(f"{state.machine_id}/{bridge.name}".encode()).hexdigest()
    return ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])


def _link_before(name: str, bridge: Bridge, known: AppliedBridge | None, state: HostState) -> UplinkBefore:
    if known and name in known.links:
        return known.links[name]
    link = state.links[name]
    keys = [f"net/ipv6/conf/{name}/{key}" for key in _KEPT_SYSCTLS]
    kept = tuple((key, state.sysctls[key]) for key in keys if key in state.sysctls)
    if link.master == bridge.name:
        return UplinkBefore(up=True, sysctls=kept, master=link.master, mac=link.mac, mtu=link.mtu)
    return UplinkBefore(link.up, profile_of(state, name), kept, link.master, link.mac, link.mtu)


def _refuse_foreign_changes(wanted: t.Mapping[str, AppliedBridge], plans: t.Mapping[str, BridgePlan], document: Document) -> None:
    differs = {name: [step.why for step in plans[name].steps] for name, bridge in wanted.items() if bridge.persist == "foreign"}
    problems = adoption_problems(sorted(differs), differs, document)
    if problems:
        raise Refused(problems)


def _refuse_what_is_not_back(
    wanted: t.Mapping[str, AppliedBridge], gone: t.Sequence[AppliedBridge], document: Document, state: HostState
) -> None:
    """A link that others took out of a bridge of ours has first to get back what it had; only then another bridge can take it."""
    problems = []
    for new in wanted.values():
        places = {new.bridge.uplink: "uplink", **{port: f"ports[{at}]" for at, port in enumerate(new.bridge.ports)}}
        for old in gone:
            for link in (old.bridge.uplink, *old.bridge.ports):
                if link in places and is_free(link, old, state):
                    why = f"{link} was in {old.bridge.name}, from which somebody else took it, and has not got back yet what it had"
                    cure = f"remove {old.bridge.name} in a run of its own first"
                    problems.append(Problem(f"{document.place(new.bridge.name)}.{places[link]}", f"{why}; {cure}"))
    if problems:
        raise Refused(problems)


def _compose(plans: t.Mapping[str, BridgePlan], before: Applied, after: Applied, state: HostState) -> Plan:
    files = wanted_files(after, state)
    changes = changed_files(files, before, state)
    _refuse_edited(changes, files, before, state)
    after = replace(after, files=_file_memory(files, before, state))
    kernel = [step for plan in plans.values() for step in plan.steps]
    settings, netfilter = _netfilter(before, after, state)
    transfers = tuple(transfer for plan in plans.values() for transfer in plan.transfers)
    order = dict.fromkeys([*files, *reversed(list(wanted_files(before, state))), *sorted(changes)])
    steps = _file_steps(changes, order, state) + kernel + netfilter
    steps += _handovers(kernel, changes, transfers, before, after, state)
    steps.sort(key=lambda step: step.phase)
    views: Views = {}
    for plan in plans.values():
        views.update(plan.views)
    return Plan(
        steps=tuple(steps),
        applied=replace(after, sysctls=_sysctl_memory(before, after, state)),
        views=views,
        files={path: (state.files.get(path), file) for path, file in changes.items()},
        settings=settings,
        disrupts=tuple(line for plan in plans.values() for line in plan.disrupts),
        expects={name: profile for plan in plans.values() for name, profile in plan.expects.items()},
        control=touched(steps, state),
        addresses=addresses(views, state),
    )


def _handovers(
    kernel: t.Sequence[Step],
    changes: t.Mapping[str, FileState | None],
    transfers: tuple[Transfer, ...],
    before: Applied,
    after: Applied,
    state: HostState,
) -> list[Step]:
    """Each back end looks away before its bridges change and takes over afterwards; one whose bridges stay is left alone."""
    steps: list[Step] = []
    for name, backend in BACKENDS.items():
        old = {key: bridge for key, bridge in before.bridges.items() if bridge.persist == name}
        new = {key: bridge for key, bridge in after.bridges.items() if bridge.persist == name}
        touched = {key for key in {*old, *new} if old.get(key) != new.get(key)} | {move.bridge for move in transfers}
        touched |= {key for key in new if any(path in changes for path in backend.files(key, new[key]))}
        if not kernel and not changes:
            continue
        was = {key: bridge for key, bridge in old.items() if key in touched}
        will = {key: bridge for key, bridge in new.items() if key in touched}
        if was or will:
            moves = tuple(move for move in transfers if move.bridge in was or move.bridge in will)
            handover = Handover(state, state.managers.get(name), was, will, moves, changes)
            steps += [*backend.freeze(handover), *backend.thaw(handover)]
    return steps


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
    if any("/udev/rules.d/" in path for path in changes):
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


def _netfilter(before: Applied, after: Applied, state: HostState) -> tuple[dict[str, tuple[str, str]], list[Step]]:
    """br_netfilter's switches, where the module is loaded; where it is not, the files wait for it."""
    there = _netfilter_keys(state)
    wanted = {"enable": dict.fromkeys(there, "1"), "disable": dict.fromkeys(there, "0")}.get(after.bridge_netfilter, {})
    if after.bridge_netfilter == "keep" and before.bridge_netfilter != "keep":
        wanted = {key: value for key, value in before.sysctls.items() if key in there}
    settings = {key: (state.sysctls[key], value) for key, value in wanted.items() if state.sysctls[key] != value}
    steps = [sysctl_step(Phase.SETTLE, "bridged frames and iptables", key, new, old) for key, (old, new) in settings.items()]
    if after.bridge_netfilter == "enable" and not there:
        steps.append(Step(Phase.LINK, "bridged frames and iptables", (Run(("modprobe", "br_netfilter")),)))
    return settings, steps


def _netfilter_keys(state: HostState) -> list[str]:
    return [key for key in state.sysctls if key.startswith("net/bridge/")]


def _sysctl_memory(before: Applied, after: Applied, state: HostState) -> dict[str, str]:
    if after.bridge_netfilter == "keep":
        return {}
    return {**{key: state.sysctls[key] for key in _netfilter_keys(state)}, **before.sysctls}
