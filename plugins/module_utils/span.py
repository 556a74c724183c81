# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The life of a span on its host: opened, then confirmed, rolled back, or undone by the watchdog or the next boot."""

from __future__ import annotations

import contextlib
import json
import time
import types
import typing as t

from .host.machine import Machine
from .host.probe import measure, still
from .host.session import end_holder, exclusive, is_held, uninterrupted
from .journal import MEMORY, Journal, Undone, is_finished, is_unwinding, read_journal, same_boot, span_of, standing_span
from .model.paths import ANSWER, JOURNAL, LAST, LOCK, REPORT, RESULT
from .model.problem import Problem, Refused, VnetError
from .model.span import Confirm, Span
from .model.state import FileState
from .model.step import Json
from .watchdog import arm, disarm, release_reserve

# A run that holds the lock at the deadline may be about to end by itself.
_GRACE = 1.0
# Only what fails takes so long; what passed late on a busy host is still required afterwards.
_MEASURING = 3.0
_PROBES_LIMIT = 5.0
# Every second of looking is one more that the host may be cut off.
_LOOK_LIMIT = 1.0
_BEAT = 0.05
RESET = "the host was reset while armed"


def load_snapshot() -> types.ModuleType:
    """What looks at the host after an undoing, with all kinds of objects: somebody who only asks need not wait for its imports.

    Whoever undoes loads it before waiting for anything: another version may replace the program meanwhile that it is imported from.
    """
    from . import snapshot

    return snapshot


@contextlib.contextmanager
def turn(machine: Machine, own: str) -> t.Iterator[float]:
    """Hold the host's lock while no span but ``own`` stands; says how many seconds others' spans were waited for.

    Another's span is over at its deadline at the latest.
    """
    began = time.monotonic()
    waited = 0.0
    while True:
        if await_others(machine, own):
            waited = time.monotonic() - began
        with exclusive(LOCK):
            if not _other(machine, own):
                yield waited
                return


def await_others(machine: Machine, own: str) -> bool:
    """Wait while a span of somebody else stands; was there one?"""
    found = False
    while _other(machine, own):
        found = True
        time.sleep(_BEAT)
    return found


def _other(machine: Machine, own: str) -> bool:
    span = standing_span(machine)
    return span is not None and span.id != own


def open_span(machine: Machine, wanted: Confirm, checkpoint: bool = False) -> tuple[Span, list[str]]:
    """Measure the probes and set the watchdog, before the first step; the span, and warnings. The lock must be held."""
    measured = measure(machine, wanted.probes, _MEASURING)
    passed = tuple(name for name, why in measured.items() if not why)
    span = Span(wanted.id, wanted.timeout, machine.uptime() + wanted.timeout, passed, checkpoint)
    warnings = [
        f"probe {name} does not pass before the change ({why}), so it is not asked for after it" for name, why in measured.items() if why
    ]
    machine.remove(RESULT)
    Journal(machine).begin(span)
    try:
        warnings += arm(machine, span)
    except VnetError:
        disarm(machine, span)
        machine.remove(JOURNAL)
        raise
    return span, warnings


def join(machine: Machine, own: str) -> Span | None:
    """The span that a run with the id ``own`` begins in; None for none. Refused when its time ran out since the lock was taken.

    The watchdog may be waiting for the lock then. The span is unwound here, as nothing may begin on top of it.
    """
    span = standing_span(machine)
    if span is None and machine.exists(JOURNAL):
        recover(machine, own)
        refuse_undone(machine, own)
    return span


def refuse_undone(machine: Machine, id_: str) -> None:
    """A task of a checkpoint that is over must not begin one of its own: Refused."""
    report = _kept(machine, REPORT)
    if id_ and report.get("id") == id_:
        over = f"the checkpoint of this task is over: {report['why']}; vnet_checkpoint with state: undone ends it for the play, too"
        raise Refused([Problem("", over)])


def outcome(machine: Machine, id_: str, wait: float) -> Json:
    """What became of the span and of its run that goes on now, waiting up to ``wait`` seconds for its end."""
    end = time.monotonic() + wait
    while True:
        answer = _outcome(machine, id_)
        if answer["state"] != "running" or time.monotonic() >= end:
            # The module's own may have been lost with its connection.
            kept = _kept(machine, ANSWER)
            return {**answer, "answer": kept["answer"]} if kept.get("id") == id_ else answer
        time.sleep(_BEAT)


def _outcome(machine: Machine, id_: str) -> Json:
    entries = read_journal(machine)
    if entries and _id(entries) == id_:
        if is_held(LOCK):
            return {"state": "running"}
        if not is_finished(entries):
            return _undo_killed(machine, id_)
    elif _id(read_journal(machine, LAST)) == id_:
        return {"state": "confirmed"}
    elif _kept(machine, REPORT).get("id") == id_:
        return {"state": "undone", "report": _kept(machine, REPORT)}
    # A run that has undone itself has no journal any more while it looks at what it left behind.
    ending = is_held(LOCK) and _kept(machine, ANSWER).get("id") == id_
    result = _kept(machine, RESULT)
    if result.get("id") == id_:
        return {"state": "done", "result": result}
    return {"state": "running" if ending else "unknown"}


def _undo_killed(machine: Machine, id_: str) -> Json:
    """A run whose lock is free and that did not finish was killed. Nobody needs to wait for the deadline."""
    with exclusive(LOCK):
        entries = read_journal(machine)
        if _id(entries) != id_ or is_finished(entries):
            return {"state": "running"}
        return {"state": "undone", "report": _undo(machine, "its run was killed")}


def confirm(machine: Machine, id_: str, wait: float) -> Json:
    """Make the change stay, once all that passed before passes again; up to ``wait`` seconds are given to that."""
    end = time.monotonic() + wait
    probes: dict[str, str] = {}
    while True:
        span = standing_span(machine)
        if span is None or span.id != id_:
            return _not_standing(machine, id_, probes)
        probes = still(machine, span.probes, min(1.0, wait))
        if not any(probes.values()):
            break
        if time.monotonic() >= end:
            return {"confirmed": False, "state": "armed", "probes": probes, "report": None}
    with exclusive(LOCK, max(end - time.monotonic(), 1.0)), uninterrupted():
        entries = read_journal(machine)
        if standing_span(machine) == span and is_finished(entries):
            Journal(machine).keep()
            disarm(machine, span)
            return {"confirmed": True, "probes": probes}
    return _not_standing(machine, id_, probes)


def _not_standing(machine: Machine, id_: str, probes: t.Mapping[str, str]) -> Json:
    found = _outcome(machine, id_)
    if found["state"] == "done":
        # Its time is over, and the watchdog is on its way.
        found = {"state": "armed"} if _id(read_journal(machine)) == id_ else found
    return {"confirmed": found["state"] == "confirmed", "state": found["state"], "probes": dict(probes), "report": found.get("report")}


def roll_back(machine: Machine, id_: str) -> Json:
    """Undo the span now; with an empty id, a run that was killed and was not armed."""
    load_snapshot()
    with exclusive(LOCK):
        entries = read_journal(machine)
        if entries and _id(entries) == id_:
            return {"state": "undone", "report": _undo(machine, "asked for")}
    return _outcome(machine, id_)


def roll_back_last(machine: Machine) -> Json:
    """Undo the last change that was kept; its report. VnetError, with nothing touched, when the host is not as that change left it."""
    load_snapshot()
    with turn(machine, ""):
        recovered = recover(machine, "")
        if recovered:
            raise VnetError(f"{recovered}; look at the host, and say it again if the last kept change shall go too")
        obstacle = why_not_back(machine, read_journal(machine, LAST))
        if obstacle:
            raise VnetError(obstacle)
        machine.rename(LAST, JOURNAL)
        return _undo(machine, "asked for, after it had been kept")


def why_not_back(machine: Machine, entries: t.Sequence[Json]) -> str:
    """Why the change that was kept last cannot be rolled back; empty when it can."""
    if not entries:
        return "there is no change to roll back"
    if not same_boot(machine, entries):
        return "the host was booted since its last change; bring it back by applying what was declared before"
    changed: list[str] = load_snapshot().changed_since(entries)
    if changed:
        return f"changed since by others, or by hand: {', '.join(changed)}; put that back first, or apply what was declared before"
    return ""


def recover(machine: Machine, own: str) -> str:
    """Undo what an earlier run left behind that was killed, or was not confirmed and no watchdog undid; says so, empty when there was nothing.

    The lock must be held, and no span but ``own`` stand.
    """
    entries = read_journal(machine)
    span = span_of(entries)
    if span is None or standing_span(machine):
        return Journal(machine).recover(own)
    report = _undo(machine, _late(machine, span) if same_boot(machine, entries) else RESET)
    return f"an earlier change was not confirmed in time; its {Undone(report['undone'], report['failures'])}"


def undo_expired(machine: Machine, id_: str) -> None:
    """What the watchdog does at the deadline: a run that still goes on is ended first, unless it is one that undoes this already."""
    load_snapshot()
    if not id_:
        return
    end = time.monotonic() + _GRACE
    while is_held(LOCK) and time.monotonic() < end:
        time.sleep(_BEAT)
    entries = read_journal(machine)
    if _id(entries) == id_ and not is_unwinding(entries):
        end_holder(LOCK)
    with exclusive(LOCK):
        span = span_of(read_journal(machine))
        if span and span.id == id_:
            _undo(machine, _late(machine, span))


def _late(machine: Machine, span: Span) -> str:
    """Why nobody confirmed, as far as the host itself can tell while the change stands."""
    failing = [f"{name}: {why}" for name, why in still(machine, span.probes, _LOOK_LIMIT).items() if why]
    return "; ".join([f"not confirmed within {span.timeout} s", *failing])


def undo_at_boot(machine: Machine) -> None:
    """The host was reset in the middle of a change, or before it was confirmed."""
    load_snapshot()
    with exclusive(LOCK):
        entries = read_journal(machine)
        if entries:
            _undo(machine, RESET if span_of(entries) else "the host was reset in the middle of the change")


def _undo(machine: Machine, why: str) -> Json:
    """Unwind the journal, look at what that left, and write the report: all of it, whoever asks us to stop."""
    with uninterrupted():
        return _undone(machine, why)


def _undone(machine: Machine, why: str) -> Json:
    snapshot = load_snapshot()
    entries = read_journal(machine)
    span = span_of(entries)
    steps = [entry["why"] for entry in entries if entry.get("why", MEMORY) != MEMORY]
    release_reserve(machine)
    rebooted = not same_boot(machine, entries)
    undone = Journal(machine).unwind()
    report = {
        "id": span.id if span else "",
        "why": why,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "step": steps[-1] if steps else "",
        "undone": undone.groups,
        "failures": undone.failures,
        # What the kernel had is gone with the reboot, and what the managers make of their files comes later.
        "left": [] if rebooted else snapshot.left_behind(entries),
        "probes": {} if rebooted or not span else still(machine, span.probes, _PROBES_LIMIT),
    }
    machine.write(REPORT, FileState(json.dumps(report, indent=1) + "\n", 0o600))
    if span:
        disarm(machine, span)
    return report


def keep_answer(machine: Machine, id_: str, answer: Json) -> None:
    """What the module answers while its change goes on in the background, in case that nobody hears it."""
    machine.remove(RESULT)
    machine.write(ANSWER, FileState(json.dumps({"id": id_, "answer": answer}) + "\n", 0o600))


def keep_result(machine: Machine, id_: str, result: Json) -> None:
    """The answer of a run in the background, for whoever asks for it."""
    machine.write(RESULT, FileState(json.dumps({"id": id_, **result}) + "\n", 0o600))


def _id(entries: t.Sequence[Json]) -> str:
    span = span_of(entries)
    return span.id if span else ""


def _kept(machine: Machine, path: str) -> Json:
    file = machine.read(path)
    found: Json = json.loads(file.content) if file else {}
    return found
