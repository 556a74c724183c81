# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller as administrators have it: strict host keys, no keep-alive, perhaps an unprivileged login; and its plays."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from product import BIN, LIMIT, Played, Product, recap
from spans import quiet
from vnet_lab.kinds import DEFAULT_HOSTS
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.util import LabError, wait_until

import playbooks

# One host of each manager.
QUARTET = {name: (kind, "static") for name, kind in DEFAULT_HOSTS.items()}
USER = "ops"
UNPRIVILEGED: dict[str, Any] = {"ansible_user": USER, "ansible_become": True}
_MAKE_USER = f"""
id {USER} > /dev/null 2>&1 || useradd --create-home --shell /bin/bash {USER}
install -d -o {USER} -m 0700 ~{USER}/.ssh
install -o {USER} -m 0600 /root/.ssh/authorized_keys ~{USER}/.ssh/
echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}
"""
# The module takes it, the host stands there, and nobody reaches it any more.
WRONG: dict[str, Any] = {"bridges": [{"name": "xenbr0", "uplink": "eth0", "addresses": ["10.99.0.9/24"], "gateway4": "10.99.0.1"}]}
# raw is one login; a module is many.
LOOK: dict[str, Any] = {"name": "Look", "ansible.builtin.raw": "hostname -I", "changed_when": False, "register": "look"}


def task(options: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "Change", "hypervisor.vnet.xen_bridge": options, "register": "change", **more}


def show(variable: str) -> dict[str, Any]:
    return {"name": "Show", "ansible.builtin.debug": {"var": variable}}


def play(*tasks: dict[str, Any], hosts: str = "all", **more: Any) -> dict[str, Any]:
    return {"name": "Test", "hosts": hosts, "gather_facts": False, "tasks": list(tasks), **more}


def shown(played: Played, host: Machine, variable: str = "change") -> list[Any]:
    """What the play has shown of a variable of the host, in that order."""
    texts = re.findall(rf"^ok: \[{host.name}\] => (\{{$.*?^\}})", played.output, re.MULTILINE | re.DOTALL)
    return [found[variable] for found in map(json.loads, texts) if variable in found]


def settled(host: Machine) -> bool:
    """No session, no module and no watchdog is at work any more, and nothing waits for them."""
    # Of sshd, the one that listens may stay.
    busy = "pgrep -f '^sshd[a-z-]*: [^/]' || pgrep -f '[p]ython3'"
    return host.exec(["sh", "-c", busy], check=False).returncode == 1 and quiet(host)


@dataclass(frozen=True)
class Controller:
    """One inventory for the hosts of a lab. Addresses stand where they cannot be overridden, in host_vars, unless told otherwise."""

    lab: Lab
    folder: Path
    hosts: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "host_vars").mkdir(parents=True)
        for host in self.lab:
            host.exec(["sh", "-euc", _MAKE_USER])
            self.believe(host, host.address)

    def believe(self, host: Machine, address: str, *, inventory: bool = False) -> None:
        """Where the administrator believes the host to be; its key is known under this address only."""
        place = {"ansible_host": address}
        self._write(f"host_vars/{host.name}.yml", {} if inventory else place)
        self.hosts[host.name] = place if inventory else {}
        key = " ".join(host.exec(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).stdout.split()[:2])
        (self.folder / f"known_hosts.{host.name}").write_text(f"{address} {key}\n", encoding="utf-8")

    def play(self, plays: list[dict[str, Any]], *words: str, limit: float = LIMIT, **variables: Any) -> Played:
        """Run a playbook to its end."""
        done = playbooks.run(str(BIN / "python"), [*self.argv(plays, variables), *words], self.environment(), limit)
        return Played(done.returncode, done.stdout + done.stderr, recap(done.stdout))

    def adhoc(self, host: Machine, module: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Run one module as administrators do by hand: the word that ansible says about it, and its result."""
        self.argv([], {})
        argv = [str(BIN / "ansible"), "-i", str(self.folder / "hosts.yml"), host.name, "-m", module, "-a", json.dumps(options)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False, env=self.environment())
        word, _arrow, result = done.stdout.partition(" | ")[2].partition(" => ")
        found: dict[str, Any] = json.JSONDecoder().raw_decode(result)[0]
        return word, found

    def argv(self, plays: list[dict[str, Any]], variables: dict[str, Any]) -> list[str]:
        proxy = f"nsenter --net=/run/netns/{self.lab.site.fabric_netns} busybox nc %h %p"
        keys = f"-o UserKnownHostsFile={self.folder}/known_hosts.{{{{ inventory_hostname }}}} -o GlobalKnownHostsFile=/dev/null"
        common = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.lab.site.key),
            "ansible_ssh_common_args": f"-F none -o IdentitiesOnly=yes {keys} -o StrictHostKeyChecking=yes -o ProxyCommand='{proxy}'",
            "ansible_python_interpreter": "/usr/bin/python3",
            **variables,
        }
        self._write("hosts.yml", {"all": {"hosts": self.hosts, "vars": common}})
        self._write("play.yml", plays)
        return [str(BIN / "ansible-playbook"), "-i", str(self.folder / "hosts.yml"), str(self.folder / "play.yml")]

    def environment(self) -> dict[str, str]:
        # short: the path of a socket has 108 characters
        return {
            **Product(self.lab).environment(),
            "ANSIBLE_HOST_KEY_CHECKING": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
        }

    def processes(self) -> dict[int, str]:
        """Those that have to do with this controller, and what they run; a master of ssh (ssh: SOCKET [mux]) ends when its connection does."""
        # As wide as it is: what stands further right than the terminal ends would be lost.
        listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout.splitlines()
        found = {int(pid): args for pid, args in (line.split(None, 1) for line in listed)}
        return {pid: args for pid, args in found.items() if str(self.folder) in args and not args.startswith("ssh: ")}

    def await_end(self, limit: float) -> None:
        """Wait until nothing of it runs any more; LabError says what does."""
        try:
            wait_until(lambda: not self.processes(), limit, "the end of the controller", poll=0.2)
        except LabError as late:
            raise LabError(f"{late}: {self.processes()}") from late

    def _write(self, name: str, content: Any) -> None:
        (self.folder / name).write_text(json.dumps(content), encoding="utf-8")
