# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What the journals of a host tell: the change that waits, the one that can be rolled back, and what was undone last."""

from __future__ import annotations

import json
import time
import typing as t

from .host.machine import Machine
from .host.recording import ReplayingMachine
from .journal import read_journal, same_boot, span_of
from .model.paths import JOURNAL, LAST, REPORT
from .model.step import Json
from .observe.control import read_control
from .span import why_not_back


def change_facts(machine: Machine) -> Json:
    """``pending`` is the change that is neither kept nor undone, ``last`` the one that was kept last, ``report`` what was
    undone last; each None without one. ``id`` is empty unless the change was armed; then ``since`` is when its span began,
    else when its last step did."""
    return {"pending": _pending(machine), "last": _last(machine), "report": _report(machine)}


def _pending(machine: Machine) -> Json | None:
    entries = read_journal(machine)
    if not entries:
        return None
    span = span_of(entries)
    facts = {"id": "", "timeout": 0, "checkpoint": False, "probes": [], "since": _stamp(machine.modified(JOURNAL))}
    if span:
        facts.update(id=span.id, timeout=span.timeout, checkpoint=span.checkpoint, probes=list(span.probes))
    if span and same_boot(machine, entries):
        # By the clock that nobody can set, whatever it was set to meanwhile.
        facts["since"] = _stamp(time.time() - (machine.uptime() - span.deadline + span.timeout))
    return {**facts, **_contents(entries)}


def _last(machine: Machine) -> Json | None:
    entries = read_journal(machine, LAST)
    if not entries:
        return None
    obstacle = "another change has to be kept or undone before" if read_journal(machine) else why_not_back(machine, entries)
    return {"at": _stamp(machine.modified(LAST)), "why_not": obstacle, **_contents(entries)}


def _contents(entries: t.Sequence[Json]) -> Json:
    """What undoing would undo, last first; the links it is about; who made the change, and where they reached the host."""
    runs = [entry["run"] for entry in entries if "run" in entry]
    control = read_control(ReplayingMachine(runs[0]["observed"]), {}) if runs else None
    return {
        "undo": [entry["why"] for entry in reversed(entries) if "undo" in entry],
        "links": sorted({name for run in runs for name in run["changes"]}),
        "controller": control.peer if control else "",
        "address": control.local if control else "",
    }


def _report(machine: Machine) -> Json | None:
    file = machine.read(REPORT)
    report: Json | None = json.loads(file.content) if file else None
    return report


def _stamp(seconds: float) -> str:
    """UTC, as in reports."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
