# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""wanted -> observed -> plan -> diff -> apply -> verify -> result: the one place that knows check mode."""

from __future__ import annotations

import contextlib
import gc
import os
import time
import typing as t
from dataclasses import dataclass, field

from ansible.module_utils.basic import AnsibleModule

# First: what is imported after it need not be compiled.
from . import bytecode  # noqa: F401 pylint: disable=unused-import
from .facts import host_facts
from .host.machine import LookingMachine, Machine
from .host.recording import RecordingMachine, ReplayingMachine
from .host.session import Interrupted, await_end, detach, own_session, sign_lock, wait_until_free
from .journal import Journal, is_finished, last_run, read_journal, standing_span
from .model.applied import Applied, applied_from_text
from .model.document import Document
from .model.paths import APPLIED, LOCK, STATE
from .model.probe import read_probes
from .model.problem import Problem, Refused, VnetError
from .model.profile import Profile, profile_of
from .model.qemu import PATHS as QEMU_PATHS
from .model.span import Confirm, Span, confirm_from
from .model.state import HostState
from .model.step import Json
from .model.xl import CONFIG as XL_CONFIG
from .observe.host import About, observe
from .optioncheck import confirm_problems
from .plan.document import Plan, linked, plan_document
from .program import install_program
from .render.diff import Diff, commands, file_diffs, lacking, link_diffs, setting_diffs, text_diffs
from .snapshot import Scope, left_behind, looks, record
from .span import await_others, join, keep_answer, keep_result, open_span, recover, refuse_undone, turn
from .watchdog import disarm, leave_session, release_reserve, reserve

# What settles by itself (carrier, leases, duplicate address detection) has this long.
VERIFY_LIMIT = 10.0
Reader = t.Callable[[t.Mapping[str, t.Any]], Document]


@dataclass(frozen=True)
class Result:
    """What a module returns. ``armed``: the change goes on in the background, and waits for its confirmation.

    ``assigned``: interface -> the addresses that were chosen for its guest.
    """

    changed: bool
    diff: list[Diff]
    commands: list[str]
    disrupts: list[str]
    warnings: list[str]
    armed: Json = field(default_factory=dict)
    assigned: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One plan on its way: what it was made from, and where it is recorded."""

    document: Document
    plan: Plan
    before: HostState
    journal: Journal
    run: Json
    scope: Scope


def run_module(module: AnsibleModule, read: Reader) -> None:
    """Read the options, bring the host there, and answer."""
    # What a run makes it needs until it ends; to look again and again for what could go takes an eighth of the time.
    gc.disable()
    try:
        document = read(module.params)
        confirm = confirm_from(module.params, read_probes(module.params["probes"])[0])
        result = execute(document, confirm, check_mode=module.check_mode)
    except (Refused, VnetError) as error:
        _fail(module, error)
    for warning in result.warnings:
        module.warn(warning)
    module.exit_json(**_answer(result))


def _answer(result: Result) -> Json:
    some = {"armed": result.armed, "assigned": result.assigned}
    said = {"changed": result.changed, "diff": result.diff, "commands": result.commands, "disrupts": result.disrupts}
    return {**said, **{word: value for word, value in some.items() if value}}


def run_info(module: AnsibleModule) -> None:
    """Look and answer."""
    try:
        facts = host_facts(LookingMachine())
    except (Refused, VnetError) as error:
        _fail(module, error)
    module.exit_json(changed=False, **facts)


def run_checkpoint(module: AnsibleModule) -> None:
    """Open a span around the runs that follow; the action plugin confirms it or has it undone."""
    params = module.params
    problems = confirm_problems(params, "timeout")
    if params["state"] == "open" and not module.check_mode:
        try:
            if problems:
                raise Refused(problems)
            warnings = _open_checkpoint(Confirm(params["checkpoint"], params["timeout"], True, read_probes(params["probes"])[0]))
        except (Refused, VnetError) as error:
            _fail(module, error)
        for warning in warnings:
            module.warn(warning)
    module.exit_json(changed=False)


def _open_checkpoint(confirm: Confirm) -> list[str]:
    machine = Machine()
    refuse_unusable(machine)
    if not confirm.id:
        raise Refused([Problem("checkpoint", "only the collection's action plugin opens one: it is what confirms it")])
    with own_session(), turn(machine, ""):
        recovered = recover(machine, "")
        return [*([recovered] if recovered else []), *install_program(machine), *open_span(machine, confirm, checkpoint=True)[1]]


def _fail(module: AnsibleModule, error: Refused | VnetError) -> t.NoReturn:
    raise SystemExit(module.fail_json(msg=str(error), **_problems(error)))


def _problems(error: Refused | VnetError) -> Json:
    if not isinstance(error, Refused):
        return {}
    return {"problems": [{"path": problem.path, "message": problem.message} for problem in error.problems]}


def execute(document: Document, confirm: Confirm, *, check_mode: bool, machine: Machine | None = None) -> Result:
    """Bring the host to the document, or say what that would do. Refused and VnetError leave the host as it was."""
    real = machine or (LookingMachine() if check_mode else Machine())
    refuse_unusable(real)
    if check_mode:
        return _check(document, confirm, real)
    with own_session(), turn(real, confirm.id) as waited:
        journal = Journal(real)
        warnings = [f"waited {waited:.0f} s for another change to be confirmed or undone"] if waited else []
        warnings += [recovered] if (recovered := recover(real, confirm.id)) else []
        refuse_undone(real, confirm.id)
        recorder = RecordingMachine()
        applied, state = observed(document, recorder)
        plan = plan_document(document, state, applied)
        if plan.disrupts and not document.allow_disruption:
            raise Refused([Problem("", f"{line}; allow_disruption: true says that this may be") for line in plan.disrupts])
        if not plan.steps and plan.applied == applied:
            # A host that has the program keeps up with the collection, and its modules need not be sent.
            return _result(plan, state, warnings + (install_program(real) if applied != Applied() else []))
        scope = Scope(linked(document, applied), frozenset(plan.views), frozenset({*plan.files, *applied.files}))
        change = Change(document, plan, state, journal, record(recorder.memory, scope), scope)
        return _start(change, confirm, real, warnings)


def _start(change: Change, confirm: Confirm, machine: Machine, warnings: list[str]) -> Result:
    """Watched over and in the background where it touches the controller's own connection, in the foreground else."""
    warnings += install_program(machine)
    plan, span = change.plan, join(machine, confirm.id)
    joined = span is not None
    # Where nothing tells the controller's connection (become by a service manager cuts the ancestry), any change may be on its path.
    hidden = bool(confirm.id and plan.steps and change.before.control is None)
    touches = bool(plan.control) or confirm.always or hidden
    if not span and touches and confirm.possible:
        span, told = open_span(machine, confirm)
        warnings += told
    if plan.control and confirm.id and not span:
        warnings.append("confirm_timeout: 0, so nothing undoes this change if it cuts the controller off")
    if not span or not touches:
        return _result(plan, change.before, warnings + _apply(change, span))
    armed = {"id": span.id, "timeout": span.timeout, "addresses": list(plan.addresses), "touches": list(plan.control), "joined": joined}
    result = _result(plan, change.before, warnings, armed)
    keep_answer(machine, span.id, _answer(result))
    module = os.getpid()
    pid = detach(lambda: _go_on(change, span, machine, module))
    leave_session(machine, pid)
    return result


def _go_on(change: Change, span: Span, machine: Machine, module: int) -> None:
    """In the background: nobody hears us but who asks for the result."""
    sign_lock(LOCK)
    # Its answer must be on its way before the network is.
    await_end(module)
    try:
        answer: Json = {"failed": False, "msg": "", "warnings": _apply(change, span)}
    except (Refused, VnetError) as error:
        answer = {"failed": True, "msg": str(error), "warnings": [], **_problems(error)}
    keep_result(machine, span.id, answer)


def _check(document: Document, confirm: Confirm, machine: Machine) -> Result:
    await_others(machine, confirm.id)
    wait_until_free(LOCK)
    entries = read_journal(machine)
    warnings = []
    stands = standing_span(machine) is not None
    if entries and not (stands and is_finished(entries)):
        runs = entries[last_run(entries) if stands else 0 :]
        memory = {key: value for entry in reversed(runs) if "run" in entry for key, value in entry["run"]["observed"].items()}
        machine = ReplayingMachine(memory)
        warnings.append("an earlier run was stopped in the middle; the next run undoes it first, and this is what it would do then")
    applied, state = observed(document, machine)
    return _result(plan_document(document, state, applied), state, warnings)


def _result(plan: Plan, state: HostState, warnings: list[str], armed: Json | None = None) -> Result:
    diff = link_diffs(plan.views) + text_diffs(plan.texts) + setting_diffs(plan.settings) + file_diffs(plan.files)
    peer = state.control.peer if state.control else ""
    disrupts = [*plan.disrupts, *(f"the controller's connection from {peer}: {line}" for line in plan.control)]
    assigned = {name: list(texts) for name, texts in plan.assigned.items()}
    return Result(bool(plan.steps or diff), diff, commands(plan.steps), disrupts, [*warnings, *plan.warnings], armed or {}, assigned)


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
    paths = frozenset({*applied.files, *planned, *(QEMU_PATHS if document.qemu else ()), *((XL_CONFIG,) if document.xl.spoken else ())})
    return applied, observe(machine, linked(document, applied), paths, about=About(document, applied))


def _apply(change: Change, span: Span | None) -> list[str]:
    """Run the plan and verify it; anything that goes wrong is undone."""
    journal, plan = change.journal, change.plan
    try:
        if not span:
            journal.begin()
        journal.start_run(change.run)
        journal.run(plan.steps)
        after = _verify(change.document, plan)
        journal.finish(plan.applied.to_text(), looks(after, change.scope))
    except (VnetError, Refused, OSError) as error:
        release_reserve(Machine())
        undone = journal.unwind_run()
        failures = [*undone.failures, *left_behind([{"run": change.run}])]
        if span and not span.checkpoint:
            disarm(Machine(), span)
        elif span:
            # The other runs of the checkpoint may have to be undone, too.
            with contextlib.suppress(VnetError):
                reserve(Machine())
        kept = "the host is as it was before" if not failures else f"not everything could be undone: {'; '.join(failures)}"
        raise VnetError(f"{_what_stopped(error, span)} and was undone: {error}; {kept}") from error
    return _foreign(change.before, after, plan)


def _what_stopped(error: Exception, span: Span | None) -> str:
    if not isinstance(error, Interrupted):
        return "the change failed"
    late = span is not None and Machine.uptime() >= span.deadline
    return f"the change was not done within confirm_timeout ({span.timeout} s)" if span and late else "the run was stopped"


def _verify(document: Document, plan: Plan) -> HostState:
    """The plan of what is observed now must be empty, and profiles that moved must stand."""
    end = time.monotonic() + VERIFY_LIMIT
    while True:
        left = ""
        state = observed(document, LookingMachine(), plan.applied.files)[1]
        try:
            again = plan_document(document, state, plan.applied)
            left = _left(again) or _missing(plan.expects, state)
        except Refused as error:
            left = str(error)
        if not left:
            return state
        if time.monotonic() >= end:
            raise VnetError(f"the host is not as declared after {VERIFY_LIMIT:g} s; still to do: {left}")
        time.sleep(0.1)


def _left(plan: Plan) -> str:
    """What is still to do and what it is for, as programs take some things and drop them without a word."""
    if not plan.steps:
        return ""
    told = lacking(link_diffs(plan.views) + text_diffs(plan.texts) + setting_diffs(plan.settings))
    return "; ".join([*commands(plan.steps)[:8], *(f"not there: {line}" for line in told[:8])])


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
