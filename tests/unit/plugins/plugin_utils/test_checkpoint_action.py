# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of the checkpoint, and what a checkpoint means to the other modules."""

from __future__ import annotations

import time

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.hypervisor.vnet.plugins.action import vnet_checkpoint
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.armed_action import controller
from ansible_collections.hypervisor.vnet.tests.unit.plugins.plugin_utils.pretend_connection import (
    CONFIRMED,
    DONE,
    PLANNED,
    UNDONE,
    armed,
)

ASKED = {**UNDONE, "report": {**UNDONE["report"], "why": "asked for"}}


def open_fact(**more):
    return {"ansible_facts": {"vnet_checkpoint": {"id": "c1", "until": time.time() + 60, "controller": controller(), **more}}}


def test_a_task_within_a_checkpoint_joins_it(host):
    host.vars.update(open_fact())
    host.say("module", armed(id="c1", joined=True))
    host.say("result", DONE)
    assert host.run() == {**PLANNED, "warnings": ["vif1.0 appeared"]}
    assert host.args["checkpoint"] == "c1"
    assert not host.logged("confirm")


@pytest.mark.parametrize("check_mode", [False, True])
def test_every_task_within_a_checkpoint_is_known_to_be_of_it(host, check_mode):
    host.vars.update(open_fact())
    host.task.check_mode = check_mode
    host.say("module", PLANNED)
    assert host.run(confirm_timeout=0) == PLANNED
    assert host.args["checkpoint"] == "c1"


def test_a_checkpoint_of_an_earlier_run_in_a_fact_cache_is_none(host):
    host.vars.update(open_fact(controller="elsewhere-1"))
    host.say("module", PLANNED)
    host.run()
    assert host.args["checkpoint"] != "c1"


def test_a_checkpoint_is_opened(host):
    host.say("module", {"changed": False})
    result = host.run(vnet_checkpoint, state="open", timeout=300)
    assert not result["changed"]
    fact = result["ansible_facts"]["vnet_checkpoint"]
    assert fact["id"] == host.args["checkpoint"]
    assert 290 < fact["until"] - time.time() <= 300
    assert not host.logged("confirm")


def test_a_second_one_is_refused(host):
    host.vars.update(open_fact())
    with pytest.raises(AnsibleActionFail, match="open already"):
        host.run(vnet_checkpoint, state="open")


def test_a_checkpoint_is_confirmed(host):
    host.vars.update(open_fact())
    host.say("confirm", CONFIRMED)
    result = host.run(vnet_checkpoint, state="confirmed")
    assert not result["changed"]
    assert result["confirmed"]["id"] == "c1"
    assert result["ansible_facts"]["vnet_checkpoint"] == {"id": ""}
    assert host.log == ["web1: confirm c1 --wait 10"]


def test_a_checkpoint_that_has_moved_says_so_when_it_stays(host):
    host.vars.update(open_fact())
    host.connection.values["ssh_extra_args"] = "-o HostName=10.0.0.9"
    host.say("confirm", CONFIRMED)
    result = host.run(vnet_checkpoint, state="confirmed")
    assert result["warnings"] == ["web1 is reached at 10.0.0.9 now; set ansible_host in the inventory before the next run"]


def test_a_checkpoint_that_was_undone_fails(host):
    host.vars.update(open_fact())
    host.say("confirm", {"confirmed": False, "state": "undone", "probes": {}, "report": UNDONE["report"]})
    result = host.run(vnet_checkpoint, state="confirmed")
    assert result["failed"]
    assert result["report"] == UNDONE["report"]


def test_without_one_there_is_nothing_to_confirm_and_nothing_to_undo(host):
    with pytest.raises(AnsibleActionFail, match="No checkpoint of this host is open"):
        host.run(vnet_checkpoint, state="confirmed")
    assert host.run(vnet_checkpoint, state="undone") == {"changed": False}


def test_a_checkpoint_is_undone(host):
    host.vars.update(open_fact())
    host.say("rollback", ASKED)
    assert host.run(vnet_checkpoint, state="undone") == {
        "changed": True,
        "report": ASKED["report"],
        "ansible_facts": {"vnet_checkpoint": {"id": ""}},
    }


@pytest.mark.parametrize("report", [UNDONE["report"], {**ASKED["report"], "undone": []}], ids=["by the host itself before", "empty"])
def test_where_nothing_is_left_to_undo_nothing_changes(host, report):
    host.vars.update(open_fact())
    host.say("rollback", {"state": "undone", "report": report})
    result = host.run(vnet_checkpoint, state="undone")
    assert (result["changed"], "failed" in result) == (False, False)
    assert result["ansible_facts"]["vnet_checkpoint"] == {"id": ""}


def test_what_could_not_be_undone_is_a_failure(host):
    host.vars.update(open_fact())
    host.say("rollback", {"state": "undone", "report": {**ASKED["report"], "left": ["eth0 is not as it was before"]}})
    result = host.run(vnet_checkpoint, state="undone")
    assert (result["failed"], result["changed"]) == (True, True)
    assert "Not undone: eth0 is not as it was before." in result["msg"]


def test_a_confirmed_checkpoint_cannot_be_undone(host):
    host.vars.update(open_fact())
    host.say("rollback", {"state": "confirmed"})
    with pytest.raises(AnsibleActionFail, match="the host says that it is confirmed"):
        host.run(vnet_checkpoint, state="undone")


@pytest.mark.parametrize("state", ["open", "confirmed", "undone"])
def test_check_mode_leaves_checkpoints_alone(host, state):
    host.task.check_mode = True
    host.say("module", {"changed": True})
    assert host.run(vnet_checkpoint, state=state) == {"changed": True}
    assert host.log == ["web1: greeting", "web1: module"]


def test_a_delegated_checkpoint_needs_a_place_for_its_fact(host):
    host.task.delegate_to = "web2"
    with pytest.raises(AnsibleActionFail, match="delegate_facts: true"):
        host.run(vnet_checkpoint, state="open")
