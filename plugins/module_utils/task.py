# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""wanted -> observed -> plan -> diff -> apply -> verify -> result: the one place that knows check mode."""

from __future__ import annotations

import time
import typing as t
from dataclasses import asdict, dataclass, replace

from ansible.module_utils.basic import AnsibleModule

from .facts import host_facts
from .host.machine import Machine
from .host.recording import Memory, RecordingMachine, ReplayingMachine
from .host.session import Interrupted, exclusive, own_session, wait_until_free
from .journal import APPLIED, LOCK, STATE, Journal, read_journal
from .model.applied import Applied, applied_from_text
from .model.document import Document
from .model.problem import Problem, Refused, VnetError
from .model.profile import Profile, profile_of
from .model.state import FileState, HostState
from .model.view import LinkView, view_of
from .observe.host import observe
from .plan.document import Plan, plan_document
from .render.diff import Diff, commands, file_diffs, link_diffs, setting_diffs

# What settles by itself (carrier, leases, duplicate address detection) has this long.
VERIFY_LIMIT = 10.0
RESTORE_LIMIT = 3.0
Reader = t.Callable[[t.Mapping[str, t.Any]], Document]


@dataclass(frozen=True)
class Result:
    """What a module returns."""

    changed: bool
    diff: list[Diff]
    commands: list[str]
    disrupts: list[str]
    warnings: list[str]


def run_module(module: AnsibleModule, read: Reader) -> None:
    """Read the options, bring the host there, and answer."""
    try:
        result = execute(read(module.params), check_mode=module.check_mode)
    except Refused as error:
        module.fail_json(msg=str(error), problems=[{"path": problem.path, "message": problem.message} for problem in error.problems])
    except VnetError as error:
        module.fail_json(msg=str(error))
    for warning in result.warnings:
        module.warn(warning)
    module.exit_json(changed=result.changed, diff=result.diff, commands=result.commands, disrupts=result.disrupts)


def run_info(module: AnsibleModule) -> None:
    """Look and answer."""
    try:
        facts = host_facts(Machine())
    except (Refused, VnetError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **facts)


def execute(document: Document, *, check_mode: bool, machine: Machine | None = None) -> Result:
    """Bring the host to the document, or say what that would do. Refused and VnetError leave the host as it was."""
    real = machine or Machine()
    refuse_unusable(real)
    if check_mode:
        return _check(document, real)
    with own_session(), exclusive(LOCK):
        journal = Journal(real)
        recovered = journal.recover()
        recorder = RecordingMachine()
        applied, state = observed(document, recorder)
        plan = plan_document(document, state, applied)
        if plan.disrupts and not document.allow_disruption:
            raise Refused([Problem("", f"{line}; allow_disruption: true says that this may be") for line in plan.disrupts])
        warnings = [recovered] if recovered else []
        if plan.steps or plan.applied != applied:
            warnings += _apply(document, plan, state, journal, recorder.memory)
        return _result(plan, warnings)


def _check(document: Document, machine: Machine) -> Result:
    wait_until_free(LOCK)
    entries = read_journal(machine)
    warnings = []
    if entries and "applied" in entries[-1]:
        machine = ReplayingMachine({f"read {APPLIED}": asdict(FileState(entries[-1]["applied"], 0o600))})
        warnings.append("an earlier run was stopped after its last step; the next run completes its memory")
    elif entries:
        machine = ReplayingMachine(entries[0]["observed"])
        warnings.append("an earlier run was stopped in the middle; the next run undoes it first, and this is what it would do then")
    applied, state = observed(document, machine)
    return _result(plan_document(document, state, applied), warnings)


def _result(plan: Plan, warnings: list[str]) -> Result:
    diff = link_diffs(plan.views) + setting_diffs(plan.settings) + file_diffs(plan.files)
    return Result(bool(plan.steps or diff), diff, commands(plan.steps), list(plan.disrupts), warnings)


def refuse_unusable(machine: Machine) -> None:
    """What every run needs of its host."""
    problems = []
    if not machine.is_root():
        problems.append(Problem("", "only root can change the network; add become: true"))
    if not machine.which("ip"):
        problems.append(Problem("", "ip is missing on this host; install iproute2"))
    for folder in ("/etc", STATE):
        why = machine.why_not_writable(folder)
        if why and machine.is_root():
            problems.append(Problem(folder, f"cannot be written ({why}); what is declared could not be kept over a reboot"))
    if problems:
        raise Refused(problems)


def observed(document: Document, machine: Machine, planned: t.Iterable[str] = ()) -> tuple[Applied, HostState]:
    """Our memory, and the host as far as the document, the memory and the ``planned`` files speak of it."""
    memory = machine.read(APPLIED)
    applied = applied_from_text(memory.content if memory else "")
    links = {bridge.name for bridge in document.bridges} | set(document.removed)
    for bridge in (*document.bridges, *(item.bridge for item in applied.bridges.values())):
        links |= {bridge.name, bridge.uplink, *bridge.ports}
    return applied, observe(machine, frozenset(links - {""}), frozenset({*applied.files, *planned}))


def _apply(document: Document, plan: Plan, before: HostState, journal: Journal, memory: Memory) -> list[str]:
    """Run the plan and verify it; anything that goes wrong is undone."""
    try:
        journal.begin(memory)
        journal.run(plan.steps)
        after = _verify(document, plan)
        journal.commit(plan.applied.to_text())
    except (VnetError, Refused, OSError) as error:
        failures = [*journal.unwind(), *_not_restored(document, plan, before)]
        kept = "the host is as it was before" if not failures else f"not everything could be undone: {'; '.join(failures)}"
        stopped = "the run was stopped" if isinstance(error, Interrupted) else "the change failed"
        raise VnetError(f"{stopped} and was undone: {error}; {kept}") from error
    return _foreign(before, after, plan)


def _not_restored(document: Document, plan: Plan, before: HostState) -> list[str]:
    """What still differs from before once the journal is unwound; managers may need a moment to take it back."""
    end = time.monotonic() + RESTORE_LIMIT
    while True:
        try:
            after = observed(document, Machine(), plan.files)[1]
        except VnetError as error:
            return [f"the host cannot be read: {error}"]
        names = [name for name in sorted(plan.views) if _looks(before, name) != _looks(after, name)]
        names += [path for path in sorted(plan.files) if before.files.get(path) != after.files.get(path)]
        if not names or time.monotonic() >= end:
            return [f"{name} is not as it was before" for name in names]
        time.sleep(0.1)


def _looks(state: HostState, name: str) -> LinkView | None:
    """A link as people see it, wherever the kernel lists its IPv6 addresses."""
    view = view_of(state, name)
    return view and replace(view, addresses=tuple(sorted(view.addresses)))


def _verify(document: Document, plan: Plan) -> HostState:
    """The plan of what is observed now must be empty, and profiles that moved must stand."""
    end = time.monotonic() + VERIFY_LIMIT
    while True:
        left = ""
        state = observed(document, Machine(), plan.applied.files)[1]
        try:
            again = plan_document(document, state, plan.applied)
            left = "; ".join(commands(again.steps)[:8]) or _missing(plan.expects, state)
        except Refused as error:
            left = str(error)
        if not left:
            return state
        if time.monotonic() >= end:
            raise VnetError(f"the host is not as declared after {VERIFY_LIMIT:g} s; still to do: {left}")
        time.sleep(0.1)


def _missing(expects: t.Mapping[str, Profile], state: HostState) -> str:
    """Addresses and routes of moved profiles that are not there. Managers have their own protocols, sources and metrics."""
    lacking = []
    for name, wanted in expects.items():
        there = profile_of(state, name) if name in state.links else Profile()
        have = {address.cidr for address in there.addresses}
        lacking += [
            f"address {address.cidr} on {name}" for address in wanted.addresses if address.cidr not in have and not address.is_link_local
        ]
        routes = {(route.family, route.table, route.dst, route.gateway) for route in state.routes_through(name)}
        lacking += [
            f"route {route.describe()} on {name}"
            for route in wanted.routes
            if (route.family, route.table, route.dst, route.gateway) not in routes
        ]
    return "; ".join(lacking)


def _foreign(before: HostState, after: HostState, plan: Plan) -> list[str]:
    """What others did meanwhile is told, never undone."""
    lines = [f"{name} appeared meanwhile" for name in after.links if name not in before.links and name not in plan.views]
    lines += [f"{name} went away meanwhile" for name in before.links if name not in after.links and name not in plan.views]
    return lines
