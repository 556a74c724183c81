# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""An address at which a host is reached, in the options of its connection plugin and in variables.

ssh is told the new address beside the name that the inventory has: -o HostName=NEW leaves everything that ~/.ssh/config
says about the old name in force, and -o HostKeyAlias=OLD has the host's key checked against the one that is known for it.
A host that answers at the new address with another key is not our host. known_hosts is neither read nor written here, and
no check is ever switched off.
"""

from __future__ import annotations

import shlex
import subprocess
import typing as t
from dataclasses import dataclass, replace

from ansible import constants as C
from ansible.utils.display import Display

# Each program of the ssh plugin has arguments of its own, which hardly anybody sets. The other two are the way round.
SSH_VARIABLES = (
    {"ansible_ssh_extra_args": "ssh_extra_args", "ansible_sftp_extra_args": "sftp_extra_args", "ansible_scp_extra_args": "scp_extra_args"},
    {"ansible_ssh_common_args": "ssh_common_args"},
    {"ansible_ssh_args": "ssh_args"},
)
ALONE = "-o ControlMaster=no -o ControlPath=none"
HOSTNAME = "HostName="
ALIAS = "HostKeyAlias="
CONNECT_TIMEOUT = 10
display = Display()


@dataclass(frozen=True)
class Place:
    """Where a host is reached: ``origin`` is its name in the inventory, ``address`` where it is instead (empty: there).

    This one is for connections without addresses, such as C(local): they have one place only.
    """

    origin: str
    address: str = ""

    movable: t.ClassVar[bool] = False

    @property
    def name(self) -> str:
        """For people."""
        return self.address or self.origin

    def at(self, address: str) -> Place:
        """The same host at another address; empty or its own name: where the inventory has it."""
        return replace(self, address="" if address == self.origin else address)

    def apply(self, connection: t.Any) -> None:
        """Lead the connection plugin here."""

    def stand_alone(self, connection: t.Any) -> None:
        """Make the next contact need nothing that is left of those before, and leave nothing."""

    def abandon(self, connection: t.Any) -> None:
        """End what hangs."""

    def variables(self, connection: t.Any, task_vars: t.Mapping[str, t.Any]) -> dict[str, str]:
        """What leads the tasks after this one here."""
        return {}


@dataclass(frozen=True)
class OptionPlace(Place):
    """The connection plugin has an option for the address."""

    option: str = "host"

    movable = True

    def apply(self, connection: t.Any) -> None:
        connection.set_option(self.option, self.name)
        connection._play_context.remote_addr = self.name

    def variables(self, connection: t.Any, task_vars: t.Mapping[str, t.Any]) -> dict[str, str]:
        """The last of the option's variables wins, so all of them are set."""
        entries = C.config.get_configuration_definitions("connection", connection._load_name)[self.option].get("vars") or []
        names = [entry["name"] for entry in entries if entry["name"] != "inventory_hostname" and "[" not in entry["name"]]
        return dict.fromkeys([*names, "ansible_host"], self.name)


@dataclass(frozen=True)
class SshPlace(Place):
    """The ssh plugin of ansible-core. The name in the inventory stays what ssh is called with."""

    movable = True

    def apply(self, connection: t.Any) -> None:
        alias = self._alias(connection)
        for option in (option for group in SSH_VARIABLES for option in group.values()):
            ours = option in SSH_VARIABLES[0].values()
            connection.set_option(option, self._arguments(connection.get_option(option), alias if ours else None))

    def stand_alone(self, connection: t.Any) -> None:
        connection.set_option("ssh_args", f"{ALONE} {connection.get_option('ssh_args') or ''}")
        connection.set_option("timeout", min(int(connection.get_option("timeout")), CONNECT_TIMEOUT))

    def abandon(self, connection: t.Any) -> None:
        """The master process of a dead connection would wait for it for a quarter of an hour."""
        argv = connection._build_command(connection.get_option("ssh_executable"), "ssh", "-O", "exit", self.origin)
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def variables(self, connection: t.Any, task_vars: t.Mapping[str, t.Any]) -> dict[str, str]:
        """Which of the arguments' variables is free: what is set in a host_vars file could not be overridden before ansible-core 2.21."""

        def free(group: t.Mapping[str, str]) -> bool:
            return all(HOSTNAME in str(task_vars.get(name, HOSTNAME)) for name in group)

        alias = self._alias(connection)
        group = next(filter(free, SSH_VARIABLES), SSH_VARIABLES[0])
        found = {name: self._arguments(connection.get_option(option), alias) for name, option in group.items()}
        # ssh is called with the name from the inventory, whatever variable that stood in; all others see where the host is.
        return {**found, "ansible_ssh_host": self.origin, "ansible_host": self.name}

    def _arguments(self, text: str | None, alias: str | None) -> str:
        """Without the place that they led to before; with this one unless ``alias`` is None."""
        words = _words(text)
        start = next((index for index, word in enumerate(words) if word.startswith(HOSTNAME)), 0)
        if start:
            end = start + (3 if "".join(words[start + 1 : start + 3]).startswith(f"-o{ALIAS}") else 1)
            words[start - 1 : end] = []
        if alias is not None and self.address:
            words[:0] = ["-o", HOSTNAME + self.address, *(["-o", ALIAS + alias] if alias else [])]
        return shlex.join(words)

    def _alias(self, connection: t.Any) -> str:
        """The name under which known_hosts has the host's key; empty when the configuration names one already."""
        port = connection.get_option("port")
        words = [self._arguments(connection.get_option(option), None) for option in ("ssh_args", "ssh_common_args", "ssh_extra_args")]
        argv = [connection.get_option("ssh_executable"), *_words(" ".join(words))]
        argv += ["-o", f"Port={port}"] if port else []
        argv += ["-o", f"User={connection.get_option('remote_user')}"] if connection.get_option("remote_user") else []
        settings = {"hostname": self.origin, "port": str(port or 22)}
        try:
            told = subprocess.run(
                [*argv, "-G", self.origin], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=5, check=False
            )
            for line in told.stdout.splitlines():
                key, _space, value = line.partition(" ")
                settings[key] = value
        except (OSError, subprocess.TimeoutExpired) as error:
            display.vv(f"{self.origin}: ssh does not tell its configuration: {error}")
        if "hostkeyalias" in settings:
            return ""
        return settings["hostname"] if settings["port"] == "22" else f"[{settings['hostname']}]:{settings['port']}"


def place_of(connection: t.Any) -> Place:
    """Where this connection leads now."""
    if connection.has_option("ssh_extra_args") and connection.has_option("host"):
        words = _words(" ".join(str(connection.get_option(option) or "") for group in SSH_VARIABLES for option in group.values()))
        addresses = [word[len(HOSTNAME) :] for word in words if word.startswith(HOSTNAME)]
        return SshPlace(str(connection.get_option("host") or connection._play_context.remote_addr), addresses[0] if addresses else "")
    for option in ("host", "remote_addr"):
        if connection.has_option(option):
            return OptionPlace(str(connection.get_option(option) or connection._play_context.remote_addr), "", option)
    return Place(str(connection._play_context.remote_addr or connection.transport))


def _words(text: str | None) -> list[str]:
    return shlex.split(text or "")
