# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host behind a connection that speaks the contract through files, and the action plugins as ansible-core calls them."""

from __future__ import annotations

import json
import os
import shlex
from types import SimpleNamespace

from ansible.errors import AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.connection import ConnectionBase
from ansible.template import Templar

from ansible_collections.hypervisor.vnet.plugins.action import xen_bridge

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
        if words[0] == "tail":
            self._note("greeting")
            self._refuse_when_cut()
            program = self.folder / "program"
            return (0, program.read_bytes(), b"") if program.exists() else (1, b"", b"tail: cannot open it")
        program = next((index for index, word in enumerate(words) if word.endswith("/hypervisor-vnet")), -1)
        words = words[program + 1 :]
        self._note(" ".join(words))
        self._refuse_when_cut()
        if words[0] in ("result", "confirm", "rollback", "status", "module"):
            return self._answer(words[0])
        return 0, b"", b""

    def _refuse_when_cut(self):
        if (self.folder / f"cut {self.where}").exists():
            raise AnsibleConnectionFailure(f"{self.where} is cut off")

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
        self.modules = []

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
        action._execute_module = lambda module_args, task_vars, module_name="": self._module(action, module_args, module_name)
        self.connection._shell = SimpleNamespace(tmpdir=None, append_command=lambda cmd, other: f"{cmd} && {other}")
        try:
            return action.run(task_vars=self.vars)
        finally:
            action.cleanup()

    def _module(self, action, args, name):
        """As _execute_module does: the module runs over the action's connection."""
        self.modules.append(name)
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


def armed(timeout=30, addresses=(), **more):
    return {**PLANNED, "armed": {"id": "s1", "timeout": timeout, "addresses": list(addresses), **more}}


def keep_in(moved):
    def register(self, result, name, variables):
        moved[name] = variables
        return result

    return register
