# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The product as its users have it: the staged collection, run by ansible over real SSH on hosts of the lab."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import playbooks

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv/bin"
CALLBACKS = Path(__file__).with_name("callbacks")
LIMIT = 300.0


class Place(Protocol):
    """A folder for what a run of Ansible keeps."""

    @property
    def dir(self) -> Path: ...


class Hosts(Protocol):
    """What a product runs against: a lab, or a dom0."""

    @property
    def site(self) -> Place: ...

    def write_inventory(self) -> Path: ...


class RunFailed(Exception):
    """ansible-playbook ended with an error; the text is its output."""


@dataclass(frozen=True)
class Played:
    """What a playbook run said. ``recap``: host -> {ok, changed, failed, …}."""

    rc: int
    output: str
    recap: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Product:
    """Runs playbooks and modules against the hosts of one lab. ``forks``: not for what is to be measured, whose users start Ansible."""

    lab: Hosts
    pipelining: bool = True
    collections: Path = ROOT / "build"
    forks: bool = True

    def playbook(
        self, *words: str, variables: dict[str, Any] | None = None, limit: float = LIMIT, environment: dict[str, str] | None = None
    ) -> Played:
        """`ansible-playbook` with the lab's inventory; failing hosts are no error here."""
        argv, settings = self._argv(words, variables or {}), {**self.environment(), **(environment or {})}
        if self.forks:
            done = playbooks.run(str(BIN / "python"), argv, settings, limit)
        else:
            done = subprocess.run(argv, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=limit)
        return Played(done.returncode, done.stdout + done.stderr, recap(done.stdout))

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """The same in the background, with a process group of its own; nobody hears what it says."""
        argv, null = self._argv(words, {}), subprocess.DEVNULL
        return subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, env=self.environment(), start_new_session=True)

    def _argv(self, words: Sequence[str], variables: dict[str, Any]) -> list[str]:
        extra = json.dumps({**variables, "ansible_pipelining": self.pipelining})
        return [str(BIN / "ansible-playbook"), "-i", str(self.lab.write_inventory()), *words, "-e", extra]

    def module(self, host: str, name: str, options: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
        """One module on one host; its whole result, also when it failed."""
        with tempfile.TemporaryDirectory() as folder:
            play = Path(folder, "play.yml")
            result = Path(folder, "result.json")
            play.write_text(json.dumps(_play(host, name, options)), encoding="utf-8")
            played = self.playbook(str(play), *(["--check", "--diff"] if check else ["--diff"]), environment={"VNET_RESULT": str(result)})
            if not result.exists():
                raise RunFailed(played.output[-4000:])
            found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
            return found

    def bridges(self, host: str, bridges: list[dict[str, Any]], **options: Any) -> bool:
        """A run of xen_bridge, which must not fail: has it changed anything?"""
        result = self.module(host, "xen_bridge", {"bridges": bridges, **options})
        assert not result.get("failed"), result
        return bool(result["changed"])

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_CALLBACKS_ENABLED": "keep_result",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_HOME": str(self.lab.site.dir / "ansible"),
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "0",
            "LC_ALL": "C.UTF-8",
        }


def _play(host: str, name: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    call = {"name": "Call the module", f"hypervisor.vnet.{name}": options, "ignore_errors": True}
    return [{"name": "One module", "hosts": host, "gather_facts": False, "tasks": [call]}]


def recap(output: str) -> dict[str, dict[str, int]]:
    found = {}
    for line in output.rpartition("PLAY RECAP")[2].splitlines():
        name, colon, numbers = line.partition(":")
        if colon and "ok=" in numbers:
            found[name.strip()] = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", numbers)}
    return found
