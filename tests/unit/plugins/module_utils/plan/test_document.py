# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden folders: a recorded host and a document; the plan's commands, their undo, what people read, and our memory afterwards.

VNET_GOLDEN=write pytest tests/unit rewrites what is expected; look at the difference before you believe it.
observed.json is made on a real kernel by tests/kernel/record.py.
"""

from __future__ import annotations

import json
import os
import pathlib
import typing as t
from dataclasses import dataclass, replace

import pytest
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import XEN_BRIDGE_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.paths import APPLIED
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import action_from_json, action_to_json
from ansible_collections.hypervisor.vnet.plugins.module_utils.options import bridges_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.diff import commands, file_diffs, link_diffs, setting_diffs
from ansible_collections.hypervisor.vnet.plugins.module_utils.task import observed

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "bridge"
REWRITE = os.environ.get("VNET_GOLDEN") == "write"


class RecordedMachine(Machine):
    """The fake host: answers from what was recorded, and nothing else is there."""

    def __init__(self, memory: t.Mapping[str, t.Any]) -> None:
        super().__init__()
        self._memory = memory

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        kept = self._memory.get("run " + " ".join(argv))
        return Completed(127, "", f"{argv[0]}: not found") if kept is None else Completed(0, json.dumps(kept), "")

    def read(self, path: str) -> FileState | None:
        kept = self._memory.get(f"read {path}")
        return None if kept is None else FileState(json.dumps(kept), 0o600)

    def text(self, path: str) -> str:
        return str(self._memory.get(f"text {path}", ""))

    def entries(self, path: str) -> tuple[str, ...]:
        return ()

    def exists(self, path: str) -> bool:
        return False

    def inherited(self, variable: str) -> str:
        return str(self._memory.get(f"inherited {variable}", ""))


@dataclass(frozen=True)
class Case:
    folder: pathlib.Path

    def json(self, name: str) -> t.Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    @property
    def document(self) -> Document:
        result = ModuleArgumentSpecValidator(XEN_BRIDGE_OPTIONS).validate({"persist": "none", **self.json("document.json")})
        assert not result.error_messages
        return bridges_document(result.validated_parameters)

    def plan(self) -> Plan:
        applied, state = observed(self.document, RecordedMachine(self.json("observed.json")))
        return plan_document(self.document, state, applied)

    def expect(self, name: str, text: str) -> None:
        path = self.folder / name
        if REWRITE and text:
            path.write_text(text, encoding="utf-8")
        elif REWRITE:
            path.unlink(missing_ok=True)
        assert (path.read_text(encoding="utf-8") if path.exists() else "") == text


NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str) -> None:
    case = Case(CASES / name)
    try:
        plan = case.plan()
    except Refused as error:
        case.expect("refused.txt", f"{error}\n")
        for file in ("commands.txt", "undo.txt", "diff.txt", "disrupts.txt", "control.txt", "addresses.txt"):
            case.expect(file, "")
        return
    case.expect("refused.txt", "")
    case.expect("commands.txt", _lines(commands(plan.steps)))
    case.expect("undo.txt", _lines([action.command() for step in reversed(plan.steps) for action in step.undo]))
    diffs = link_diffs(plan.views) + setting_diffs(plan.settings) + file_diffs(plan.files)
    case.expect(
        "diff.txt", "".join(f"--- {item['before_header']}\n{item['before']}+++ {item['after_header']}\n{item['after']}" for item in diffs)
    )
    case.expect("disrupts.txt", _lines(plan.disrupts))
    case.expect("control.txt", _lines(plan.control))
    case.expect("addresses.txt", _lines(plan.addresses))


def _lines(texts: t.Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"refused"}))
def test_what_is_remembered_is_read_back_the_same(name: str) -> None:
    plan = Case(CASES / name).plan()
    assert applied_from_text(plan.applied.to_text()) == plan.applied


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"refused"}))
def test_every_step_survives_the_journal(name: str) -> None:
    for step in Case(CASES / name).plan().steps:
        for action in (*step.do, *step.undo):
            assert action_from_json(json.loads(json.dumps(action_to_json(action)))) == action


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"refused"}))
def test_steps_are_in_the_order_of_their_phases(name: str) -> None:
    phases = [step.phase for step in Case(CASES / name).plan().steps]
    assert phases == sorted(phases)


def test_nothing_to_do_is_an_empty_plan() -> None:
    case = Case(CASES / "nothing-to-do")
    plan = case.plan()
    assert plan.steps == ()
    assert plan.applied == applied_from_text(json.dumps(case.json("observed.json")[f"read {APPLIED}"]))


def test_the_plan_does_not_depend_on_the_order_of_declarations() -> None:
    case = Case(CASES / "two-nic-xen")
    applied, state = observed(case.document, RecordedMachine(case.json("observed.json")))
    turned = replace(case.document, bridges=replace(case.document.bridges, items=case.document.bridges.items[::-1]))
    assert plan_document(turned, state, applied).steps == plan_document(case.document, state, applied).steps


def test_memory_of_the_first_version_is_read() -> None:
    """It knew bridges only."""
    case = Case(CASES / "nothing-to-do")
    first = case.json("observed.json")[f"read {APPLIED}"]
    assert applied_from_text(json.dumps({**first, "version": 1})) == case.plan().applied


def test_a_kind_that_is_not_spoken_of_stays_as_it_is() -> None:
    """Its objects and its files, also where they differ from what was applied."""
    case = Case(CASES / "nothing-to-do")
    applied, state = observed(case.document, RecordedMachine(case.json("observed.json")))
    edited = replace(state, files={path: replace(file, content="") for path, file in state.files.items()}, links={})
    plan = plan_document(Document(owner="another"), edited, applied)
    assert (plan.steps, plan.files, plan.applied) == ((), {}, applied)
