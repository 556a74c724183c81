# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugins as ansible-core calls them, on a connection that speaks the contract through files."""

from __future__ import annotations

import json
import os
import shlex
import time
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ansible_collections.hypervisor.vnet.plugins.action import vnet_checkpoint, xen_bridge
from ansible_collections.hypervisor.vnet.plugins.plugin_utils import armed as armed_run
from ansible_collections.hypervisor.vnet.plugins.plugin_utils import reach
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.armed_action import controller, declared_addresses
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.reach import read_answer

DONE = {"state": "done", "result": {"failed": False, "msg": "", "warnings": ["vif1.0 appeared"], "problems": []}}
CONFIRMED = {"confirmed": True, "probes": {"gateway4": ""}}
UNDONE = {"state": "undone", "report": {"why": "not confirmed within 1 s", "undone": ["x"], "failures": [], "left": [], "probes": {}}}
PLANNED = {"changed": True, "commands": ["ip link set eth0 master xenbr0"]}
OPTIONS = {"ssh_args": "", "ssh_common_args": "", "ssh_extra_args": "", "sftp_extra_args": "", "scp_extra_args": ""}


class Pretended(ConnectionBase):
    """Answers from files: what was lost with a contact's process would be lost with that of a real plugin, too."""

    transport = "ssh"
    has_pipelining = True

    def __init__(self, folder, host="web1"):
        super().__init__(PlayContext())
        self._load_name = "ssh"
        self.folder = folder
        self.values = {"host": host, "port": None, "remote_user": "root", "timeout": 10, "ssh_executable": "/bin/false", **OPTIONS}

    def has_option(self, option, hostvars=None):
        return option in self.values

    def get_option(self, option, hostvars=None):
        if option == "pipelining":
            return True
        return self.values[option]

    def set_option(self, option, value):
        self.values[option] = value

    @property
    def where(self):
        words = self.values["ssh_extra_args"].split()
        return words[1].partition("=")[2] if words else self.values["host"]

    def _connect(self):
        return self

    def _build_command(self, *words):
        return ["true", *words]

    def put_file(self, in_path, out_path):
        raise NotImplementedError

    fetch_file = put_file

    def close(self):
        pass

    def reset(self):
        self._note("reset")

    def _note(self, text):
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            log.write(f"{self.where}: {text}\n")

    def exec_command(self, cmd, in_data=None, sudoable=True):
        words = shlex.split(shlex.split(cmd)[-1].partition(" && ")[0])
        if any(word.startswith("/var/lib") or word.endswith("sbin/hypervisor-vnet") for word in words):
            words = words[-2:] if words[-2] == "rollback" else words[-4:]
        self._note(" ".join(words))
        if (self.folder / f"cut {self.where}").exists():
            raise AnsibleConnectionFailure(f"{self.where} is cut off")
        if words[0] in ("result", "confirm", "rollback", "module"):
            return self._answer(words[0])
        return 0, b"", b""

    def _answer(self, word):
        for number in range(99):
            try:
                path = self.folder / f"{word}.{number}"
                os.rename(path, self.folder / "taken")
            except FileNotFoundError:
                continue
            return 0, (self.folder / "taken").read_bytes(), b""
        path = self.folder / word
        if not path.exists():
            return 127, b"", b"sh: 1: /usr/local/sbin/hypervisor-vnet: not found"
        return 0, path.read_bytes(), b""


class OneHost:
    """One action on one host. `say` writes what the host answers: the same each time, or one after the other."""

    def __init__(self, folder):
        self.folder = folder
        self.connection = Pretended(folder)
        self.task = SimpleNamespace(
            action="hypervisor.vnet.xen_bridge",
            args={},
            async_val=0,
            check_mode=False,
            delegate_to=None,
            delegate_facts=False,
            no_log=False,
        )
        self.vars = {"inventory_hostname": "web1", "ansible_python_interpreter": "/usr/bin/python3", "ansible_facts": {}}
        self.shown = []

    def say(self, word, *answers):
        for number, answer in enumerate(answers):
            name = word if number == len(answers) - 1 else f"{word}.{number}"
            (self.folder / name).write_text(answer if isinstance(answer, str) else json.dumps(answer), encoding="utf-8")

    def cut(self, place="web1"):
        (self.folder / f"cut {place}").touch()

    def run(self, plugin=xen_bridge, **args):
        self.task.args = args
        loader = DataLoader()
        action = plugin.ActionModule(self.task, self.connection, PlayContext(), loader, Templar(loader))
        action._display = SimpleNamespace(display=self.shown.append, vv=self.shown.append)
        action._execute_module = lambda module_args, task_vars: self._module(action, module_args)
        self.connection._shell = SimpleNamespace(tmpdir=None, append_command=lambda cmd, other: f"{cmd} && {other}")
        try:
            return action.run(task_vars=self.vars)
        finally:
            action.cleanup()

    def _module(self, action, args):
        """As _execute_module does: the module runs over the action's connection."""
        (self.folder / "args").write_text(json.dumps(args), encoding="utf-8")
        return json.loads(action._low_level_execute_command("module")["stdout"])

    @property
    def args(self):
        return json.loads((self.folder / "args").read_text(encoding="utf-8"))

    @property
    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8").splitlines()

    def logged(self, word):
        return [line for line in self.log if f": {word}" in line]


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(armed_run, "GRACE", 0.3)
    return OneHost(tmp_path)


def armed(timeout=30, addresses=(), **more):
    return {**PLANNED, "armed": {"id": "s1", "timeout": timeout, "addresses": list(addresses), **more}}


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
    assert host.log == ["web1: module"]


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
    assert host.log[:2] == ["web1: true", "web1: module"]
    assert host.logged("result") == ["web1: result s1 --wait 3"] * 2
    assert host.logged("confirm") == ["web1: confirm s1 --wait 10"]
    assert not host.logged("reset")


def test_a_host_that_is_down_is_unreachable(host):
    host.cut()
    with pytest.raises(AnsibleConnectionFailure, match="web1 is cut off"):
        host.run()
    assert host.log == ["web1: true"]


def test_the_host_has_moved_and_so_does_the_play(host):
    host.say("module", armed(addresses=["10.0.0.9"]))
    host.say("result", DONE)
    host.say("confirm", CONFIRMED)
    run = Pretended.exec_command

    def moves(self, cmd, in_data=None, sudoable=True):
        found = run(self, cmd, in_data, sudoable)
        if "module" in cmd:
            host.cut()
        return found

    host.connection.exec_command = moves.__get__(host.connection)
    moved = {}
    plugin = SimpleNamespace(ActionModule=type("Moving", (xen_bridge.ActionModule,), {"_register": keep_in(moved)}))
    result = host.run(plugin)
    assert result["confirmed"]["address"] == "10.0.0.9"
    assert result["warnings"] == ["web1 is reached at 10.0.0.9 now; set ansible_host in the inventory before the next run"]
    assert host.logged("confirm") == ["10.0.0.9: confirm s1 --wait 10"]
    assert moved["web1"]["ansible_host"] == "10.0.0.9"
    assert moved["web1"]["ansible_ssh_host"] == "web1"
    assert host.logged("reset") == ["web1: reset"]


def keep_in(moved):
    def register(self, result, name, variables):
        moved[name] = variables
        return result

    return register


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
        *("web1: true", "web1: module", "web1: hangs"),
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
    host.say("module", {"changed": True})
    fact = host.run(vnet_checkpoint, state="open", timeout=300)["ansible_facts"]["vnet_checkpoint"]
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
    assert result["changed"]
    assert result["confirmed"]["id"] == "c1"
    assert result["ansible_facts"]["vnet_checkpoint"] == {"id": ""}
    assert host.log == ["web1: confirm c1 --wait 10"]


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
    host.say("rollback", UNDONE)
    assert host.run(vnet_checkpoint, state="undone") == {
        "changed": True,
        "report": UNDONE["report"],
        "ansible_facts": {"vnet_checkpoint": {"id": ""}},
    }


def test_what_could_not_be_undone_is_a_failure(host):
    host.vars.update(open_fact())
    host.say("rollback", {"state": "undone", "report": {**UNDONE["report"], "left": ["eth0 is not as it was before"]}})
    result = host.run(vnet_checkpoint, state="undone")
    assert result["failed"]
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
    assert host.log == ["web1: module"]


def test_a_delegated_checkpoint_needs_a_place_for_its_fact(host):
    host.task.delegate_to = "web2"
    with pytest.raises(AnsibleActionFail, match="delegate_facts: true"):
        host.run(vnet_checkpoint, state="open")


ANSWERS = [
    ("one line", '{"state": "running"}', {"state": "running"}),
    ("a terminal's lines", 'Welcome {to} this host\r\n{"state":\r\n "running"}\r\n', {"state": "running"}),
    ("noise around it", '{"not json\nlecture\n  {"state": "running"} bye\n', {"state": "running"}),
]


@pytest.mark.parametrize(("case", "text", "answer"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_the_answer_is_found_in_what_the_shell_says(case, text, answer):
    assert read_answer(["result"], {"rc": 0, "stdout": text, "stderr": ""}) == answer


@pytest.mark.parametrize(
    "said",
    ["python3: can't open file '/var/lib/hypervisor-vnet/hypervisor-vnet': [Errno 2] No such file", "sh: 1: hypervisor-vnet: not found"],
)
def test_a_host_without_the_program_knows_nothing(said):
    assert read_answer(["result"], {"rc": 2, "stdout": "", "stderr": said}) == {"state": "unknown"}


def test_anything_else_is_told():
    with pytest.raises(AnsibleError, match="hypervisor-vnet result ended with 1: Traceback: boom"):
        read_answer(["result"], {"rc": 1, "stdout": "", "stderr": "Traceback:\n boom"})


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
