# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller as administrators have it: strict host keys, no keep-alive, perhaps an unprivileged login; and its plays."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from product import BIN, LIMIT, Played, Product, recap
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine

USER = "ops"
_MAKE_USER = f"""
id {USER} > /dev/null 2>&1 || useradd --create-home --shell /bin/bash {USER}
install -d -o {USER} -m 0700 ~{USER}/.ssh
install -o {USER} -m 0600 /root/.ssh/authorized_keys ~{USER}/.ssh/
echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}
"""


@dataclass(frozen=True)
class Controller:
    """One inventory for some hosts of a lab. Addresses stand where they cannot be overridden: in host_vars."""

    lab: Lab
    hosts: tuple[Machine, ...]
    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "host_vars").mkdir(parents=True)
        for host in self.hosts:
            self.address(host, host.address)

    def address(self, host: Machine, address: str) -> None:
        """Where the administrator believes the host to be; he knows its key under this address only."""
        self._write(f"host_vars/{host.name}.yml", {"ansible_host": address})
        key = " ".join(host.exec(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).stdout.split()[:2])
        (self.folder / f"known_hosts.{host.name}").write_text(f"{address} {key}\n", encoding="utf-8")

    def unprivileged(self) -> dict[str, Any]:
        """Makes the login on the hosts; the variables that use it."""
        for host in self.hosts:
            host.exec(["sh", "-euc", _MAKE_USER])
        return {"ansible_user": USER, "ansible_become": True}

    def play(self, plays: list[dict[str, Any]], *words: str, limit: float = LIMIT, **variables: Any) -> Played:
        """Run a playbook to its end."""
        done = subprocess.run(
            [*self.argv(plays, variables), *words], capture_output=True, text=True, timeout=limit, check=False, env=self.environment()
        )
        return Played(done.returncode, done.stdout + done.stderr, recap(done.stdout))

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
        self._write("hosts.yml", {"all": {"hosts": {host.name: {} for host in self.hosts}, "vars": common}})
        self._write("play.yml", plays)
        return [str(BIN / "ansible-playbook"), "-i", str(self.folder / "hosts.yml"), str(self.folder / "play.yml")]

    def environment(self) -> dict[str, str]:
        # short: the path of a socket has 108 characters
        return {
            **Product(self.lab).environment(),
            "ANSIBLE_HOST_KEY_CHECKING": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
        }

    def _write(self, name: str, content: Any) -> None:
        (self.folder / name).write_text(json.dumps(content), encoding="utf-8")
