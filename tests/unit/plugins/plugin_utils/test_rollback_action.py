# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of the rollback as ansible-core calls it."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.hypervisor.vnet.plugins.action import vnet_rollback
from ansible_collections.hypervisor.vnet.plugins.plugin_utils import reach, rollback_action
from ansible_collections.hypervisor.vnet.tests.unit.plugins.plugin_utils.pretend_connection import keep_in

UNDONE = ["eth0 becomes a port of xenbr0", "bridge xenbr0"]
OLD = {"why": "not confirmed within 120 s", "at": "2026-11-01T06:00:00Z", "undone": ["x"], "failures": [], "left": []}
REPORT = {"why": "asked for", "at": "2026-11-21T06:00:00Z", "undone": UNDONE, "failures": [], "left": []}
PENDING = {"undo": UNDONE, "address": "10.0.0.5"}
LAST = {**PENDING, "why_not": ""}
NOTHING = {"pending": None, "last": None, "report": OLD}
ARMED = {"pending": PENDING, "last": None, "report": OLD}
KEPT = {"pending": None, "last": LAST, "report": OLD}
AFTERWARDS = {"pending": None, "last": None, "report": REPORT}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(rollback_action, "PAUSE", 0.01)
    monkeypatch.setattr(reach, "STAGGER", 0.1)


def back(host, **args):
    return host.run(vnet_rollback, **args)


@pytest.mark.parametrize("args", [{}, {"last": True}])
@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_to_undo(host, args, check_mode):
    host.task.check_mode = check_mode
    host.say("status", NOTHING)
    assert back(host, **args) == {"changed": False, "undone": []}
    assert not host.logged("rollback")


def test_a_host_that_has_never_been_changed(host):
    assert back(host) == {"changed": False, "undone": []}


@pytest.mark.parametrize("args, facts", [({}, ARMED), ({"last": "yes"}, KEPT)])
def test_check_mode_says_what_would_be_undone(host, args, facts):
    host.task.check_mode = True
    host.say("status", facts)
    assert back(host, **args) == {"changed": True, "undone": UNDONE}
    assert not host.logged("rollback")


@pytest.mark.parametrize("args, facts, words", [({}, ARMED, "rollback --json"), ({"last": True}, KEPT, "rollback --json --last")])
def test_undone(host, args, facts, words):
    host.say("status", facts)
    host.say("rollback", {"report": REPORT})
    assert back(host, **args) == {"changed": True, "undone": UNDONE, "report": REPORT}
    assert host.logged("rollback") == [f"web1: {words}"]


def test_what_cannot_be_undone_is_not_tried(host):
    host.say("status", {**KEPT, "last": {**LAST, "why_not": "changed since by others, or by hand: xenbr0"}})
    with pytest.raises(AnsibleActionFail, match="Nothing was undone: changed since by others, or by hand: xenbr0"):
        back(host, last=True)
    assert not host.logged("rollback")


def test_not_everything_could_be_undone(host):
    report = {**REPORT, "failures": ["/etc/f: cannot be written"], "left": ["eth0 is not as it was before"]}
    host.say("status", ARMED)
    host.say("rollback", {"report": report})
    result = back(host)
    assert result["failed"] and result["report"] == report
    assert result["msg"] == "Not everything could be undone: /etc/f: cannot be written; eth0 is not as it was before."


def test_the_host_refuses(host):
    host.say("status", KEPT)
    host.say("rollback", {"error": "the host was booted since its last change"})
    with pytest.raises(AnsibleActionFail, match="Nothing was undone: the host was booted since"):
        back(host, last=True)


def test_the_answer_was_lost(host):
    host.say("status", KEPT, KEPT, {**AFTERWARDS, "report": OLD}, AFTERWARDS)
    host.say("rollback", "")
    assert back(host, last=True) == {"changed": True, "undone": UNDONE, "report": REPORT}


def test_a_second_contact_was_too_late_with_the_same_question(host):
    host.say("status", KEPT, {**AFTERWARDS, "report": OLD}, AFTERWARDS)
    host.say("rollback", {"error": "there is no change to roll back"})
    assert back(host, last=True)["report"] == REPORT


def test_the_host_is_found_where_it_was_before_the_change(host, monkeypatch):
    moved = {}
    monkeypatch.setattr(vnet_rollback.ActionModule, "_register", keep_in(moved))
    monkeypatch.setattr(vnet_rollback.ActionModule, "_look", lambda self, reach: host.cut() or KEPT)
    host.say("rollback", {"report": REPORT})
    result = back(host, last=True)
    assert result["undone"] == UNDONE
    assert host.logged("rollback")[-1] == "10.0.0.5: rollback --json --last"
    assert any("10.0.0.5" in warning for warning in result["warnings"])
    assert moved["web1"]["ansible_host"] == "10.0.0.5"


def test_a_host_that_does_not_answer_at_all(host):
    host.cut()
    with pytest.raises(AnsibleConnectionFailure):
        back(host)


def test_a_host_that_does_not_come_back(host, monkeypatch):
    monkeypatch.setattr(rollback_action, "LATE", 0.2)
    monkeypatch.setattr(vnet_rollback.ActionModule, "_look", lambda self, reach: host.cut() or host.cut("10.0.0.5") or ARMED)
    with pytest.raises(AnsibleActionFail, match=r"(?s)not known whether the change was undone .*web1 is cut off.*hypervisor-vnet status"):
        back(host)


def test_unknown_options(host):
    with pytest.raises(Exception, match="lasst"):
        back(host, lasst=True)
