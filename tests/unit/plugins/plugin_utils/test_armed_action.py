# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of the modules, on a connection that speaks the contract."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ansible_collections.hypervisor.vnet.plugins.action import vnet_info, xen_bridge
from ansible_collections.hypervisor.vnet.plugins.plugin_utils import reach
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.armed_action import declared_addresses
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.kept_action import SOURCES
from ansible_collections.hypervisor.vnet.tests.unit.plugins.plugin_utils.pretend_connection import (
    CONFIRMED,
    DONE,
    PLANNED,
    UNDONE,
    Pretended,
    armed,
    keep_in,
)


def test_a_run_that_arms_nothing_is_returned_as_it_is(host):
    host.say("module", PLANNED)
    assert host.run(bridges=[]) == PLANNED
    assert host.args["bridges"] == []
    assert len(host.args["checkpoint"]) == 32
    assert not host.logged("confirm")


@pytest.mark.parametrize("args", [{"confirm_timeout": 0}, {"confirm_timeout": "0"}])
def test_without_a_watchdog_the_module_runs_alone(host, args):
    host.say("module", PLANNED)
    assert host.run(**args) == PLANNED
    assert host.args["confirm_timeout"] == args["confirm_timeout"]
    assert host.args["checkpoint"]
    assert host.log == ["web1: greeting", "web1: module"]


def test_check_mode_arms_nothing(host):
    host.say("module", armed())
    host.task.check_mode = True
    assert host.run() == armed()
    assert host.args == {"checkpoint": ""}


def test_each_run_has_an_id_of_its_own(host):
    host.say("module", PLANNED)
    host.run()
    first = host.args["checkpoint"]
    host.run()
    assert host.args["checkpoint"] != first


def test_async_is_refused(host):
    host.task.async_val = 60
    with pytest.raises(AnsibleActionFail, match="Remove async and poll"):
        host.run()


def test_an_armed_change_is_confirmed(host):
    host.say("module", armed())
    host.say("result", {"state": "running"}, DONE)
    host.say("confirm", CONFIRMED)
    result = host.run()
    confirmed = result.pop("confirmed")
    assert result == {**PLANNED, "warnings": ["vif1.0 appeared"]} or result == PLANNED
    assert (confirmed["id"], confirmed["address"], confirmed["probes"]) == ("s1", "web1", {"gateway4": ""})
    assert confirmed["seconds"] < 30
    assert host.log[:2] == ["web1: greeting", "web1: module"]
    assert host.logged("result") == ["web1: result s1 --wait 3"] * 2
    assert host.logged("confirm") == ["web1: confirm s1 --wait 10"]
    assert not host.logged("reset")


def test_a_host_that_is_down_is_unreachable(host):
    host.cut()
    with pytest.raises(AnsibleConnectionFailure, match="web1 is cut off"):
        host.run()
    assert host.log == ["web1: greeting"]


def cut_by_the_module(host, place="web1", slow=""):
    """The host is not reached there any more; at the ``slow`` place it takes its time."""
    run = Pretended.exec_command

    def cuts(self, cmd, in_data=None, sudoable=True):
        if self.where == slow:
            time.sleep(0.5)
        found = run(self, cmd, in_data, sudoable)
        if "module" in cmd:
            host.cut(place)
        return found

    host.connection.exec_command = cuts.__get__(host.connection)


def test_the_host_has_moved_and_so_does_the_play(host):
    host.say("module", armed(addresses=["10.0.0.9"]))
    host.say("result", DONE)
    host.say("confirm", CONFIRMED)
    cut_by_the_module(host)
    moved = {}
    plugin = SimpleNamespace(ActionModule=type("Moving", (xen_bridge.ActionModule,), {"_register": keep_in(moved)}))
    result = host.run(plugin)
    assert result["confirmed"]["address"] == "10.0.0.9"
    assert result["warnings"] == ["web1 is reached at 10.0.0.9 now; set ansible_host in the inventory before the next run"]
    assert host.logged("confirm") == ["10.0.0.9: confirm s1 --wait 10"]
    assert moved["web1"]["ansible_host"] == "10.0.0.9"
    assert moved["web1"]["ansible_ssh_host"] == "web1"
    assert host.logged("reset") == ["web1: reset"]


def test_an_address_that_the_plan_gives_up_is_not_waited_for(host):
    host.connection.values["host"] = "10.0.0.5"
    host.say("module", armed(addresses=["10.0.0.9"]))
    host.say("result", DONE)
    host.say("confirm", CONFIRMED)
    run = Pretended.exec_command

    def hangs(self, cmd, in_data=None, sudoable=True):
        if "hypervisor-vnet" in cmd and "tail" not in cmd and self.where == "10.0.0.5":
            self._note("hangs")
            time.sleep(1000)
        return run(self, cmd, in_data, sudoable)

    host.connection.exec_command = hangs.__get__(host.connection)
    plugin = SimpleNamespace(ActionModule=type("Moving", (xen_bridge.ActionModule,), {"_register": keep_in({})}))
    result = host.run(plugin)
    assert result["confirmed"]["address"] == "10.0.0.9"
    assert result["confirmed"]["seconds"] < 3


@pytest.mark.parametrize(("old", "new"), [("10.0.0.5", "10.0.0.9"), ("fd00::5", "fd00::9")])
def test_an_address_of_the_family_in_use_is_preferred(host, monkeypatch, old, new):
    monkeypatch.setattr(reach, "STAGGER", 0.1)
    host.connection.values["host"] = old
    host.say("module", armed(addresses=["10.0.0.9", "fd00::9"]))
    host.say("result", DONE)
    host.say("confirm", CONFIRMED)
    cut_by_the_module(host, old, slow=new)
    plugin = SimpleNamespace(ActionModule=type("Moving", (xen_bridge.ActionModule,), {"_register": keep_in({})}))
    assert host.run(plugin)["confirmed"]["address"] == new


def test_without_one_of_its_family_the_other_is_found(host, monkeypatch):
    monkeypatch.setattr(reach, "ALONE", 0.5)
    host.connection.values["host"] = "fd00::5"
    host.say("module", armed(addresses=["10.0.0.9", "fd00::9"]))
    host.say("result", DONE)
    host.say("confirm", CONFIRMED)
    cut_by_the_module(host, "fd00::5")
    host.cut("fd00::9")
    plugin = SimpleNamespace(ActionModule=type("Moving", (xen_bridge.ActionModule,), {"_register": keep_in({})}))
    assert host.run(plugin)["confirmed"]["address"] == "10.0.0.9"


def test_until_core_2_20_variables_go_with_the_result():
    plugin = SimpleNamespace(_task=SimpleNamespace(delegate_to=None))
    found = xen_bridge.ActionModule._register(plugin, {"changed": True}, "web1", {"ansible_host": "10.0.0.9"})
    assert found == {"changed": True, "add_host": {"host_name": "web1", "host_vars": {"ansible_host": "10.0.0.9"}}}


def test_the_host_has_undone_the_change(host):
    host.say("module", armed(timeout=1))
    host.say("result", DONE, UNDONE)
    host.say("confirm", {"confirmed": False, "state": "armed", "probes": {"gateway4": "no answer"}, "report": None})
    result = host.run()
    assert (result["failed"], result["changed"], result["report"]) == (True, False, UNDONE["report"])
    assert "not confirmed within 1 s" in result["msg"]
    assert "Probes that failed: gateway4: no answer." in result["msg"]


def test_a_run_that_undid_itself_fails_in_its_own_words(host):
    host.say("module", armed())
    host.say("result", {"state": "done", "result": {"failed": True, "msg": "the change failed and was undone", "warnings": []}})
    assert host.run() == {"failed": True, "changed": False, "msg": "the change failed and was undone"}
    assert not host.logged("confirm")


def test_lost_before_anything_was_armed_is_what_ansible_says(host):
    host.say("result", {"state": "unknown"})
    run = Pretended.exec_command

    def breaks(self, cmd, in_data=None, sudoable=True):
        if "module" in cmd:
            raise AnsibleConnectionFailure("Failed to connect to the host via ssh: Connection reset by peer")
        return run(self, cmd, in_data, sudoable)

    host.connection.exec_command = breaks.__get__(host.connection)
    with pytest.raises(AnsibleConnectionFailure, match="Connection reset by peer"):
        host.run()


def test_lost_after_arming_is_found_and_confirmed(host):
    host.say("result", {**DONE, "answer": armed()})
    host.say("confirm", CONFIRMED)
    run = Pretended.exec_command

    def breaks(self, cmd, in_data=None, sudoable=True):
        if "module" in cmd:
            raise AnsibleConnectionFailure("Connection reset by peer")
        return run(self, cmd, in_data, sudoable)

    host.connection.exec_command = breaks.__get__(host.connection)
    result = host.run()
    assert result["commands"] == PLANNED["commands"]
    assert result["confirmed"]["id"] == "s1"


def test_an_answer_that_went_with_the_address_is_found_at_the_declared_one(host):
    host.say("result", DONE)
    host.say("confirm", CONFIRMED)
    run = Pretended.exec_command

    def breaks(self, cmd, in_data=None, sudoable=True):
        if "module" in cmd:
            host.cut()
        return run(self, cmd, in_data, sudoable)

    host.connection.exec_command = breaks.__get__(host.connection)
    plugin = SimpleNamespace(ActionModule=type("Moving", (xen_bridge.ActionModule,), {"_register": keep_in({})}))
    result = host.run(plugin, bridges=[{"name": "xenbr0", "addresses": ["10.0.0.9/24"]}])
    assert result["confirmed"]["address"] == "10.0.0.9"


DECLARED = [
    ({}, []),
    ({"bridges": [{"name": "a"}, {"addresses": ["10.0.0.9/24", "2001:db8::9/64"]}]}, ["10.0.0.9", "2001:db8::9"]),
    ({"networks": [{"addresses": ["10.0.0.9/24"], "nat": {"addresses": ["10.1.0.1/16"]}}]}, ["10.0.0.9", "10.1.0.1"]),
    ({"bridges": "nonsense", "addresses": "10.0.0.9"}, []),
]


@pytest.mark.parametrize(("options", "addresses"), DECLARED)
def test_addresses_are_found_wherever_they_are_declared(options, addresses):
    assert declared_addresses(options) == addresses


def test_a_connection_that_hangs_is_given_up_and_the_change_confirmed(host):
    host.say("result", {**DONE, "answer": armed()})
    host.say("confirm", CONFIRMED)
    run = Pretended.exec_command

    def hangs(self, cmd, in_data=None, sudoable=True):
        if "module" in cmd:
            time.sleep(1000)
        return run(self, cmd, in_data, sudoable)

    host.connection.exec_command = hangs.__get__(host.connection)
    began = time.monotonic()
    assert host.run(confirm_timeout=4)["confirmed"]["id"] == "s1"
    assert time.monotonic() - began < 20


def test_a_connection_that_died_meanwhile_is_tried_once_and_closed(host, monkeypatch):
    monkeypatch.setattr(reach, "ANSWERING", -2.5)
    host.say("module", armed())
    host.say("result", {"state": "running"}, DONE)
    host.say("confirm", CONFIRMED)
    run = Pretended.exec_command

    def hangs(self, cmd, in_data=None, sudoable=True):
        if "result" in cmd and "ControlPath=none" not in self.values["ssh_args"]:
            self._note("hangs")
            time.sleep(1000)
        return run(self, cmd, in_data, sudoable)

    host.connection.exec_command = hangs.__get__(host.connection)
    assert host.run()["confirmed"]["id"] == "s1"
    assert host.log == [
        *("web1: greeting", "web1: module", "web1: hangs"),
        *("web1: result s1 --wait 3", "web1: result s1 --wait 3", "web1: confirm s1 --wait 10", "web1: reset"),
    ]


def test_cleaning_up_cannot_fail_the_task(host):
    host.say("module", PLANNED)
    action = xen_bridge.ActionModule(host.task, host.connection, PlayContext(), DataLoader(), None)
    action._display = SimpleNamespace(vv=host.shown.append)
    action._cleanup_remote_tmp = True
    host.connection._shell = SimpleNamespace(
        tmpdir="/root/.ansible/tmp/ansible-tmp-1", remove=lambda path, recurse: f"rm {path}", append_command=lambda cmd, other: cmd
    )
    host.cut()
    action.cleanup()
    assert host.log == ["web1: rm /root/.ansible/tmp/ansible-tmp-1"]
    assert "stay on the host" in host.shown[0]


PROGRAM = """#!/bin/sh
echo "$@" >> {folder}/log
case $1 in
result) echo '{{"state": "done", "result": {{}}}}' ;;
confirm) echo '{{"confirmed": true, "probes": {{}}}}' ;;
esac
"""


def test_local_has_nobody_to_cut_off(host):
    connection = connection_loader.get("local", PlayContext())
    action = xen_bridge.ActionModule(host.task, connection, PlayContext(), DataLoader(), Templar(DataLoader()))
    seen = []
    action._execute_module = lambda module_args, task_vars: seen.append(module_args) or {"changed": True}
    assert action.run(task_vars=host.vars) == {"changed": True}
    assert [args["checkpoint"] for args in seen] == [""]


def test_local_is_confirmed_without_any_connection(host, tmp_path, monkeypatch):
    host.task.args["confirm"] = "always"
    program = tmp_path / "hypervisor-vnet"
    program.write_text(PROGRAM.format(folder=tmp_path), encoding="utf-8")
    monkeypatch.setattr(reach, "PROGRAM", str(program))
    host.vars["ansible_python_interpreter"] = "/bin/sh"
    connection = connection_loader.get("local", PlayContext())
    action = xen_bridge.ActionModule(host.task, connection, PlayContext(), DataLoader(), Templar(DataLoader()))
    action._execute_module = lambda module_args, task_vars: armed(addresses=["10.0.0.9"])
    assert action.run(task_vars=host.vars)["confirmed"]["probes"] == {}
    assert host.log == ["result s1 --wait 3", "confirm s1 --wait 10"]


def with_program(host, ending):
    (host.folder / "program").write_text(f"{ending}\n", encoding="utf-8")


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_host_with_the_very_sources_runs_the_module_from_them(host, check_mode):
    with_program(host, SOURCES)
    host.task.check_mode = check_mode
    host.say("module", PLANNED)
    assert host.run(bridges=[]) == PLANNED
    assert host.modules == ["hypervisor.vnet.vnet_program"]
    assert (host.args["module"], host.args["digest"]) == ("xen_bridge", SOURCES)
    assert host.args["arguments"]["bridges"] == []
    assert bool(host.args["arguments"]["checkpoint"]) != check_mode


@pytest.mark.parametrize("ending", ["0" * 64, "", f"Welcome!\n{SOURCES}"])
def test_a_host_with_others_is_sent_the_module(host, ending):
    with_program(host, ending)
    host.say("module", PLANNED)
    assert host.run(bridges=[]) == PLANNED
    assert host.modules == [""]


def test_a_host_that_cannot_run_it_after_all_is_sent_the_module(host):
    with_program(host, SOURCES)
    host.say("module", {"changed": False, "ran": False}, PLANNED)
    assert host.run(bridges=[]) == PLANNED
    assert host.modules == ["hypervisor.vnet.vnet_program", ""]
    assert host.args["bridges"] == []


@pytest.mark.parametrize(("ending", "module"), [(SOURCES, "hypervisor.vnet.vnet_program"), ("0" * 64, "")])
def test_what_only_looks_needs_no_more_than_the_question(host, ending, module):
    with_program(host, ending)
    host.task.action = "hypervisor.vnet.vnet_info"
    host.say("module", {"changed": False, "links": []})
    assert host.run(vnet_info) == {"changed": False, "links": []}
    assert (host.modules, host.log) == ([module], ["web1: greeting", "web1: module"])
