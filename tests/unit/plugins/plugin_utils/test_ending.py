# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a task, from how its span has ended."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.plugin_utils.confirm import Ending, Span
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.ending import task_result

SPAN = Span("s1", 120, 121)
PLANNED = {"changed": True, "commands": ["ip link set eth0 master xenbr0"], "warnings": ["one"]}
REPORT = {
    "id": "s1",
    "why": "not confirmed within 120 s",
    "at": "2026-11-21T06:00:00Z",
    "step": "the default route moves to xenbr0",
    "undone": ["the default route moves to xenbr0", "eth0 moves into xenbr0"],
    "failures": ["ip route add default via 10.0.0.1: no route to host"],
    "left": ["eth0 is not as it was before"],
    "probes": {"gateway4": "10.0.0.1 answers neither ARP nor ICMP", "dns a": ""},
}


def test_confirmed():
    ending = Ending("confirmed", {"confirmed": True, "probes": {"gateway4": "", "dns a": ""}}, "10.0.0.9", {"10.0.0.5": "refused"})
    assert task_result(PLANNED, ending, SPAN, 3.14159) == {
        **PLANNED,
        "confirmed": {"id": "s1", "seconds": 3.1, "address": "10.0.0.9", "probes": {"gateway4": "", "dns a": ""}},
    }


def test_a_joined_run_has_the_warnings_of_both():
    ending = Ending("done", {"state": "done", "result": {"failed": False, "warnings": ["two"]}}, "10.0.0.5")
    assert task_result(PLANNED, ending, SPAN, 1) == {**PLANNED, "warnings": ["one", "two"]}


def test_a_run_that_undid_itself_speaks_for_itself():
    told = {"failed": True, "msg": "the change failed and was undone: x; the host is as it was before", "warnings": ["w"], "problems": []}
    ending = Ending("failed", {"state": "done", "result": told}, "10.0.0.5")
    assert task_result(PLANNED, ending, SPAN, 1) == {"failed": True, "changed": False, "msg": told["msg"], "warnings": ["w"]}


def test_problems_are_passed_on():
    problems = [{"path": "", "message": "vif1.0 loses its bridge"}]
    ending = Ending("failed", {"state": "done", "result": {"failed": True, "problems": problems}}, "10.0.0.5")
    result = task_result(PLANNED, ending, SPAN, 1)
    assert result["problems"] == problems
    assert result["msg"] == "the change failed on the host, which does not say why"


def test_undone_says_all_that_is_known():
    errors = {"10.0.0.5": "no answer within 15 s", "10.0.0.9": "No route to host"}
    ending = Ending("undone", {"state": "undone", "report": REPORT}, "10.0.0.5", errors, {"tcp a:1": "refused"})
    assert task_result(PLANNED, ending, SPAN, 1) == {
        "failed": True,
        "changed": False,
        "report": REPORT,
        "msg": "The host has undone the change by itself: not confirmed within 120 s.\n"
        "The last step was: the default route moves to xenbr0.\n"
        "Seen from here: 10.0.0.5: no answer within 15 s; 10.0.0.9: No route to host.\n"
        "Probes that failed: tcp a:1: refused.\n"
        "Undone: 2 groups of steps, listed in report.undone.\n"
        "Not undone: ip route add default via 10.0.0.1: no route to host; eth0 is not as it was before.\n"
        "Probes that fail since: gateway4: 10.0.0.1 answers neither ARP nor ICMP.",
    }


def test_what_the_report_says_is_not_said_again():
    report = {**REPORT, "why": "not confirmed within 9 s; tcp a:1: refused", "failures": [], "left": [], "probes": {"tcp a:1": ""}}
    ending = Ending("undone", {"state": "undone", "report": report}, "10.0.0.5", {}, {"tcp a:1": "refused"})
    assert task_result(PLANNED, ending, SPAN, 1)["msg"] == (
        "The host has undone the change by itself: not confirmed within 9 s; tcp a:1: refused.\n"
        "The last step was: the default route moves to xenbr0.\n"
        "Undone: 2 groups of steps, listed in report.undone; the host is as it was before."
    )


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        (
            Ending("lost", errors={"10.0.0.5": "timed out"}),
            ["does not answer", "when it boots", "10.0.0.5: timed out", "hypervisor-vnet rollback"],
        ),
        (Ending("lost", {"state": "done"}, "10.0.0.5"), ["answers, but has not undone", "hypervisor-vnet status"]),
        (Ending("unknown", {"state": "unknown"}, "10.0.0.5"), ["knows nothing of the change s1", "hypervisor-vnet status"]),
        (Ending("undone", {"state": "undone", "report": None}, "10.0.0.5"), ["undone the change by itself: it does not say why"]),
    ],
)
def test_other_failures_say_what_to_do(ending, says):
    result = task_result(PLANNED, ending, SPAN, 1)
    assert result["failed"] is True
    assert result["changed"] is False
    assert "unreachable" not in result
    assert all(text in result["msg"] for text in says)
