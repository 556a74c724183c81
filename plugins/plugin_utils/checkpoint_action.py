# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The action plugin of the checkpoint: it opens one span for several tasks, confirms it, or has it undone."""

from __future__ import annotations

import time
import typing as t
import uuid

from ansible.errors import AnsibleActionFail

from .armed import Result
from .armed_action import FACT, TIMEOUT, ArmedAction, controller, open_checkpoint
from .confirm import Confirmation, Ending, Span

# Seconds. Undoing takes the time of the change itself; a network manager may have to be restarted.
UNDOING = 60.0
# Why a host has undone something, in its report, when it was told to.
ASKED = "asked for"


class CheckpointAction(ArmedAction):
    """``state`` says which of the three."""

    def _act(self, task_vars: dict[str, t.Any]) -> Result:
        state = self._task.args.get("state")
        if self._task.delegate_to and not self._task.delegate_facts:
            raise AnsibleActionFail(
                f"The tasks on {self._task.delegate_to} would not find this checkpoint; "
                "add delegate_facts: true to this task, so that it belongs to the host it is opened on."
            )
        if state == "confirmed" and not self._task.check_mode:
            return self._confirm(task_vars)
        if state == "undone" and not self._task.check_mode:
            return self._undo(task_vars)
        if state == "open" and not self._task.check_mode:
            return self._open(task_vars)
        return self._unarmed({}, task_vars)

    def _open(self, task_vars: dict[str, t.Any]) -> Result:
        if open_checkpoint(self._host_vars(task_vars)):
            raise AnsibleActionFail("A checkpoint of this host is open already; confirm it or undo it first.")
        span_id = uuid.uuid4().hex
        until = time.time() + self._timeout("timeout")
        result = self._run_armed(span_id, self._timeout("timeout"), task_vars).result
        return result if result.get("failed") else _with_fact(result, {"id": span_id, "until": until, "controller": controller()})

    def _confirm(self, task_vars: dict[str, t.Any]) -> Result:
        span = self._span(task_vars)
        if span is None:
            raise AnsibleActionFail("No checkpoint of this host is open; state: open begins one, in the same run of ansible-playbook.")
        reach = self._reached(task_vars)
        began = self._clock.now()
        ending = Confirmation(reach, span, self._teller(task_vars), self._clock).confirm()
        result = self._ended({"changed": False}, ending, span, self._clock.now() - began, task_vars)
        return result if result.get("failed") else _with_fact(self._told_where(result, task_vars), {"id": ""})

    def _undo(self, task_vars: dict[str, t.Any]) -> Result:
        span = self._span(task_vars)
        if span is None:
            return {"changed": False}
        reach = self._reached(task_vars)
        seen = reach.ask(("rollback", span.id), UNDOING, fresh=True)
        if seen.answer:
            ending = Ending(str(seen.answer.get("state")), seen.answer, seen.place)
        else:
            # The way that the question came by may be what has been undone.
            ending = Confirmation(reach, span, self._teller(task_vars), self._clock).await_return()
        if ending.state not in ("undone", "lost"):
            raise AnsibleActionFail(f"The checkpoint {span.id} cannot be undone any more: the host says that it is {ending.state}.")
        final = self._ended({}, ending, span, 0.0, task_vars)
        report = final.get("report") or {}
        final["changed"] = report.get("why") == ASKED and bool(report.get("undone"))
        if ending.state == "undone" and not report.get("failures") and not report.get("left"):
            return _with_fact({key: value for key, value in final.items() if key not in ("failed", "msg")}, {"id": ""})
        return final

    def _span(self, task_vars: dict[str, t.Any]) -> Span | None:
        host_vars = self._host_vars(task_vars)
        span_id = open_checkpoint(host_vars)
        if not span_id:
            return None
        fact = host_vars["ansible_facts"][FACT]
        left = float(fact.get("until") or time.time() + TIMEOUT) - time.time()
        return Span(id=span_id, earliest=self._clock.now() + left, latest=self._clock.now() + max(left, 0.0))


def _with_fact(result: Result, fact: dict[str, t.Any]) -> Result:
    return {**result, "ansible_facts": {**(result.get("ansible_facts") or {}), FACT: fact}}
