# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""How a host looked, kept in the journal, to tell later whether it looks so again."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from .host.machine import LookingMachine, Machine
from .host.recording import Memory, ReplayingMachine
from .model.problem import VnetError
from .model.state import HostState
from .model.step import Json
from .model.view import view_of
from .observe.host import observe
from .plan.document import sha256
from .render.diff import describe

# Managers may need a moment to take back what they had.
_RESTORE_LIMIT = 3.0


class Scope(t.NamedTuple):
    """What a run speaks of: the links that it ``reads`` in detail, those that it ``changes``, and its files."""

    reads: frozenset[str]
    changes: frozenset[str]
    files: frozenset[str]


def record(memory: Memory, scope: Scope) -> Json:
    """The entry that begins a run in the journal. ``memory``: all that was observed."""
    return {"observed": memory, "reads": sorted(scope.reads), "changes": sorted(scope.changes), "files": sorted(scope.files)}


def looks(state: HostState, scope: Scope) -> Json:
    """Every link and file of the scope, in words and hashes that can be compared later."""
    return {
        "links": {name: _link(state, name) for name in sorted(scope.changes)},
        "files": {path: _file(state, path) for path in sorted(scope.files)},
    }


def left_behind(entries: t.Iterable[Json], limit: float = _RESTORE_LIMIT) -> list[str]:
    """What is not as it was before the runs of a journal, once they are undone."""
    runs = [entry["run"] for entry in entries if "run" in entry]
    befores = [looks(_state(ReplayingMachine(run["observed"]), _scope(run)), _scope(run)) for run in runs]
    end = time.monotonic() + limit
    while True:
        try:
            different = _differences(befores, [looks(_state(LookingMachine(), _scope(run)), _scope(run)) for run in runs])
        except VnetError as error:
            return [f"the host cannot be read: {error}"]
        if not different or time.monotonic() >= end:
            return [f"{name} is not as it was before" for name in different]
        time.sleep(0.1)


def changed_since(entries: t.Sequence[Json]) -> list[str]:
    """What somebody changed since the runs of a finished journal, by name."""
    runs = [entry["run"] for entry in entries if "run" in entry]
    afters = [entry["after"] for entry in entries if "after" in entry]
    now = [looks(_state(LookingMachine(), _scope(run)), _scope(run)) for run in runs]
    # Of what several runs changed, the last has the word.
    return _differences(afters[::-1], now[::-1])


def _scope(run: Json) -> Scope:
    return Scope(frozenset(run["reads"]), frozenset(run["changes"]), frozenset(run["files"]))


def _state(machine: Machine, scope: Scope) -> HostState:
    return observe(machine, scope.reads, scope.files)


def _differences(wanted: t.Sequence[Json], found: t.Sequence[Json]) -> list[str]:
    """The names that differ. The first of the row that speaks of a name has the word."""
    different: dict[str, bool] = {}
    for one, other in zip(wanted, found):
        for kind in ("links", "files"):
            for name, text in one[kind].items():
                different.setdefault(name, text != other[kind][name])
    return [name for name, differs in different.items() if differs]


def _link(state: HostState, name: str) -> str:
    """In words, wherever the kernel lists its IPv6 addresses, and whatever a program that opened a tap says of vnet_hdr."""
    view = view_of(state, name)
    if view is None:
        return ""
    tap = replace(view.tap, vnet_hdr=False) if view.tap and view.tap.vnet_hdr else view.tap
    addresses = tuple(sorted(view.addresses))
    # Of thousands of taps none has addresses, and a copy takes as long as the words.
    same = (addresses, tap) == (view.addresses, view.tap)
    return describe(view if same else replace(view, addresses=addresses, tap=tap))


def _file(state: HostState, path: str) -> str:
    file = state.files.get(path)
    return f"{sha256(file)} {file.mode:o} {file.uid}:{file.gid}" if file else ""
