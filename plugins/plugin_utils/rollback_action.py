# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The action plugin of the rollback: the host undoes a change, and may be reached elsewhere afterwards, or over a new connection only."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from .armed import Result
from .armed_action import ArmedAction
from .confirm import LATE, PAUSE
from .reach import Reach

STATUS = ("status", "--json")
# Seconds. Looking may have to wait for slow network managers; undoing takes as long as the change itself took.
LOOKING = 10.0
UNDOING = 60.0
Facts = t.Mapping[str, t.Any]


class RollbackAction(ArmedAction):
    """Nothing of it runs as a module: the program that an earlier change has left on the host does it all."""

    def _act(self, task_vars: dict[str, t.Any]) -> Result:
        _dummy, options = self.validate_argument_spec({"last": {"type": "bool", "default": False}})
        which = "last" if options["last"] else "pending"
        reach = self._reached(task_vars)
        reach.greet()
        before = self._look(reach)
        change = before.get(which)
        if not change:
            return {"changed": False, "undone": []}
        if change.get("why_not"):
            raise AnsibleActionFail(f"Nothing was undone: {change['why_not']}.")
        if self._task.check_mode:
            return {"changed": True, "undone": change["undo"]}
        # There the controller reached it before that change.
        reach.learn([change["address"]] if change["address"] else [])
        result = _result(self._undo(reach, which, before))
        moved = reach.place != self._place
        result = self._moved(result, task_vars)
        return self._told_where(result, task_vars) if moved else result

    def _look(self, reach: Reach) -> Facts:
        seen = reach.ask(STATUS, LOOKING, fresh=True)
        if seen.answer is None:
            raise AnsibleConnectionFailure("; ".join(f"{place}: {why}" for place, why in seen.errors.items()))
        return seen.answer

    def _undo(self, reach: Reach, which: str, before: Facts) -> Facts:
        """The host's report, though its answer may be lost with the connection, or two contacts may have asked for the same."""
        words = ("rollback", "--json", *(["--last"] if which == "last" else []))
        seen = reach.ask(words, UNDOING, fresh=True)
        answer, end = seen.answer or {}, self._clock.now() + LATE
        while "report" not in answer:
            seen = reach.ask(STATUS, LOOKING, fresh=True)
            now = seen.answer or {}
            if now.get("report") and now["report"] != before.get("report"):
                return t.cast(Facts, now["report"])
            if "error" in answer and now.get(which):
                raise AnsibleActionFail(f"Nothing was undone: {answer['error']}.")
            if self._clock.now() >= end:
                raise AnsibleActionFail(_lost(seen.errors))
            self._clock.sleep(PAUSE)
        return t.cast(Facts, answer["report"])


def _lost(errors: t.Mapping[str, str]) -> str:
    reasons = "; ".join(f"{place}: {why}" for place, why in errors.items())
    return (
        f"It is not known whether the change was undone{f' ({reasons})' if reasons else ''}. "
        "The host goes on by itself; on its console, hypervisor-vnet status shows what it did."
    )


def _result(report: Facts) -> Result:
    result = {"changed": True, "undone": report["undone"], "report": report}
    wrong = [*report["failures"], *report["left"]]
    if wrong:
        result.update(failed=True, msg=f"Not everything could be undone: {'; '.join(wrong)}.")
    return result
