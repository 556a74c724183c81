# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a host is reached, in the options of connection plugins and in variables."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from ansible_collections.hypervisor.vnet.plugins.plugin_utils.place import OptionPlace, Place, SshPlace, place_of

SSH = {
    "host": "web1",
    "port": None,
    "remote_user": None,
    "timeout": 30,
    "ssh_args": "-C -o ControlPersist=60s",
    "ssh_common_args": "",
    "ssh_extra_args": "",
    "sftp_extra_args": "",
    "scp_extra_args": None,
}
TOLD = "#!/bin/sh\necho \"$@\" > {folder}/asked\nprintf '{config}'\n"
NEW = "-o HostName=10.0.0.9 -o HostKeyAlias=web1"


class Connection:
    """A connection plugin's options."""

    def __init__(self, options, name="ssh"):
        self.options = dict(options)
        self._play_context = SimpleNamespace(remote_addr="web1")
        self._load_name = self.transport = name

    def has_option(self, name):
        return name in self.options

    def get_option(self, name):
        return self.options[name]

    def set_option(self, name, value):
        assert name in self.options
        self.options[name] = value


@pytest.fixture
def ssh(tmp_path):
    """Makes a connection whose `ssh -G` says what the argument says."""

    def make(config="hostname web1\nport 22\n", **options):
        program = tmp_path / "ssh"
        program.write_text(TOLD.format(folder=tmp_path, config=config), encoding="utf-8")
        program.chmod(0o755)
        return Connection({**SSH, "ssh_executable": str(program), **options})

    return make


def test_a_connection_is_at_home_until_it_was_moved(ssh):
    assert place_of(ssh()) == SshPlace("web1")
    assert place_of(ssh(ssh_extra_args=NEW)) == SshPlace("web1", "10.0.0.9")
    assert place_of(Connection({"remote_addr": "web1"}, "paramiko")) == OptionPlace("web1", "", "remote_addr")
    assert place_of(Connection({}, "local")) == Place("web1")


def test_ssh_keeps_the_name_of_the_inventory_for_its_configuration_and_its_key(ssh):
    connection = ssh()
    place_of(connection).at("10.0.0.9").apply(connection)
    assert connection.options["host"] == "web1"
    assert [connection.options[f"{program}_extra_args"] for program in ("ssh", "sftp", "scp")] == [NEW] * 3
    assert connection.options["ssh_args"] == SSH["ssh_args"]
    assert place_of(connection) == SshPlace("web1", "10.0.0.9")


KEYS = [
    ("hostname web1\nport 22\n", "web1"),
    ("hostname 10.0.0.5\nport 22\n", "10.0.0.5"),
    ("hostname 10.0.0.5\nport 2222\n", "[10.0.0.5]:2222"),
    ("hostname web1\nport 22\nhostkeyalias web1.example.org\n", ""),
    ("", "web1"),
]


@pytest.mark.parametrize(("config", "alias"), KEYS, ids=[row[1] or "already" for row in KEYS])
def test_the_key_is_looked_for_where_ssh_would_have_looked(ssh, config, alias):
    connection = ssh(config)
    SshPlace("web1", "10.0.0.9").apply(connection)
    expected = ["-o", "HostName=10.0.0.9", *(["-o", f"HostKeyAlias={alias}"] if alias else [])]
    assert connection.options["ssh_extra_args"].replace("'", "").split() == expected


def test_without_ssh_the_port_is_thought_of(ssh):
    connection = ssh(ssh_executable="/no/such/ssh", port=2222)
    SshPlace("web1", "10.0.0.9").apply(connection)
    assert "HostKeyAlias=[web1]:2222" in connection.options["ssh_extra_args"].replace("'", "")


def test_ssh_is_asked_with_all_that_it_is_called_with(ssh, tmp_path):
    connection = ssh(port=2222, remote_user="ops", ssh_common_args="-F 'my config'", ssh_extra_args="-o HostName=10.0.0.7 -4")
    SshPlace("web1", "10.0.0.9").apply(connection)
    asked = (tmp_path / "asked").read_text(encoding="utf-8").strip()
    assert asked == "-C -o ControlPersist=60s -F my config -4 -o Port=2222 -o User=ops -G web1"


def test_own_arguments_stay(ssh):
    connection = ssh(ssh_extra_args="-o 'ProxyCommand=nc %h %p' -4")
    place = place_of(connection)
    place.at("10.0.0.9").apply(connection)
    assert connection.options["ssh_extra_args"] == f"{NEW} -o 'ProxyCommand=nc %h %p' -4"
    place.at("").apply(connection)
    assert connection.options["ssh_extra_args"] == "-o 'ProxyCommand=nc %h %p' -4"


def test_it_can_move_again_and_come_home(ssh):
    connection = ssh(ssh_extra_args=f"{NEW} -4", sftp_extra_args=NEW)
    place = place_of(connection)
    place.at("10.0.0.11").apply(connection)
    assert connection.options["ssh_extra_args"] == "-o HostName=10.0.0.11 -o HostKeyAlias=web1 -4"
    place.at("web1").apply(connection)
    assert (connection.options["ssh_extra_args"], connection.options["sftp_extra_args"]) == ("-4", "")
    assert place_of(connection) == SshPlace("web1")


def test_alone_it_uses_no_connection_of_before_and_does_not_wait_long(ssh):
    connection = ssh()
    SshPlace("web1").stand_alone(connection)
    assert connection.options["ssh_args"] == "-o ControlMaster=no -o ControlPath=none -C -o ControlPersist=60s"
    assert connection.options["timeout"] == 10


TAKEN = {"ansible_ssh_extra_args": "-4"}
VARIABLES = [
    ("nothing is set", {}, {"ansible_ssh_extra_args", "ansible_sftp_extra_args", "ansible_scp_extra_args"}),
    ("moved before", {"ansible_ssh_extra_args": NEW}, {"ansible_ssh_extra_args", "ansible_sftp_extra_args", "ansible_scp_extra_args"}),
    ("one is taken", TAKEN, {"ansible_ssh_common_args"}),
    ("two are taken", {**TAKEN, "ansible_ssh_common_args": "-4"}, {"ansible_ssh_args"}),
]


@pytest.mark.parametrize(("case", "task_vars", "names"), VARIABLES, ids=[row[0] for row in VARIABLES])
def test_the_rest_of_the_play_is_led_by_variables_that_nobody_else_sets(ssh, case, task_vars, names):
    connection = ssh(ssh_common_args="-6")
    place = SshPlace("web1", "10.0.0.9")
    place.apply(connection)
    variables = place.variables(connection, task_vars)
    assert set(variables) == {*names, "ansible_host", "ansible_ssh_host"}
    assert (variables["ansible_host"], variables["ansible_ssh_host"]) == ("10.0.0.9", "web1")
    assert all(variables[name].startswith(NEW) for name in names)
    if "ansible_ssh_common_args" in names:
        assert variables["ansible_ssh_common_args"] == f"{NEW} -6"


def test_home_again_the_rest_of_the_play_is_too(ssh):
    connection = ssh(ssh_extra_args=NEW)
    place = place_of(connection).at("")
    place.apply(connection)
    variables = place.variables(connection, {"ansible_ssh_extra_args": NEW})
    assert variables["ansible_host"] == variables["ansible_ssh_host"] == "web1"
    assert "HostName" not in variables["ansible_ssh_extra_args"]


def test_other_plugins_have_an_option_for_the_address():
    context = PlayContext()
    connection = connection_loader.get("ssh", context)
    place = OptionPlace("web1").at("10.0.0.9")
    place.apply(connection)
    assert connection.get_option("host") == context.remote_addr == "10.0.0.9"
    variables = place.variables(connection, {})
    assert variables["ansible_host"] == variables["ansible_ssh_host"] == "10.0.0.9"
    assert "inventory_hostname" not in variables


def test_local_has_one_place():
    connection = Connection({}, "local")
    place = place_of(connection)
    place.apply(connection)
    place.stand_alone(connection)
    assert not place.movable
    assert place.variables(connection, {}) == {}
