# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names and the ground of one lab: its folder, network namespaces, cgroup, and the processes in it.

Every process of a lab lives in the lab's own cgroup. So killing that cgroup ends all of them, and nothing else, no
matter how the lab's starter ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .images import cache_dir
from .util import ENV, LabError, remove_tree, run, wait_until

CONTROL_SOCKETS = Path("/run/vnet-lab")  # short, because the path of a socket has at most 107 bytes


def cgroup_root() -> Path:
    hybrid = Path("/sys/fs/cgroup/unified")
    root = hybrid if hybrid.is_dir() else Path("/sys/fs/cgroup")
    if not (root / "cgroup.procs").exists():
        raise LabError(f"no cgroup v2 tree at {root}")
    return root


class Site:
    """What is called how in lab NAME."""

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", name):
            raise LabError(f"lab name {name!r}: lower case letters, digits and dashes, at most 20")
        self.name = name
        self.dir = cache_dir() / "labs" / name
        self.lock = cache_dir() / "labs" / f".{name}.lock"
        self.hosts_dir = self.dir / "hosts"
        self.key = self.dir / "id_lab"
        self.state = self.dir / "lab.json"
        self.inventory = self.dir / "inventory.yml"
        self.leases = self.dir / "dnsmasq.leases"
        self.sockets = CONTROL_SOCKETS / name
        self.fabric_netns = self.netns("fab")
        self.cgroup = cgroup_root() / "vnet-lab" / name
        self._children: list[subprocess.Popen[bytes]] = []

    # --- network namespaces: "LAB.THING"; no lab name has a dot, so no lab sees another's

    def netns(self, thing: str) -> str:
        return f"{self.name}.{thing}"

    def enter(self, netns: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{netns}"]

    def all_netns(self) -> list[str]:
        return sorted(path.name for path in Path("/run/netns").glob(f"{self.name}.*"))

    def remove_netns(self, netns: str) -> None:
        if Path("/run/netns", netns).exists():
            run(["ip", "netns", "del", netns], check=False)

    # --- processes

    def spawn(self, group: str, argv: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
        """Start a process that outlives us, inside the cgroup LAB/group from its first moment."""
        home = self.cgroup / group
        home.mkdir(parents=True, exist_ok=True)
        words: list[Any] = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', home / "cgroup.procs", *argv]
        with open(log, "ab") as output:
            child = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=ENV, start_new_session=True, cwd="/"
            )
        self._children.append(child)
        return child

    def reap(self) -> None:
        """Take note of ended children: a long test run must not collect zombies."""
        self._children = [child for child in self._children if child.poll() is None]

    def kill_group(self, group: str = "") -> None:
        """End every process of the lab (or of one host) and remove its cgroups. Safe to repeat."""
        home = self.cgroup / group if group else self.cgroup
        if not home.is_dir():
            return
        kill = home / "cgroup.kill"
        end = time.monotonic() + 10
        while _populated(home):
            if kill.exists():
                kill.write_text("1", encoding="ascii")
            else:  # kernels before 5.14
                for procs in home.rglob("cgroup.procs"):
                    for pid in procs.read_text(encoding="ascii").split():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(int(pid), signal.SIGKILL)
            if time.monotonic() > end:
                raise LabError(f"processes in {home} do not die")
            with contextlib.suppress(LabError):
                wait_until(lambda: not _populated(home), 1, "killed")
        self.reap()
        self.remove_cgroups(home)

    def remove_cgroups(self, home: Path) -> None:
        """A cgroup of a process that has just died may be busy for a moment."""

        def gone() -> bool:
            for path in sorted(home.rglob("*/"), reverse=True):
                if path.is_dir():
                    with contextlib.suppress(OSError):
                        path.rmdir()
            with contextlib.suppress(OSError):
                home.rmdir()
            return not home.exists()

        wait_until(gone, 10, f"the empty cgroup {home} is removed")

    # --- the end

    def close_ssh(self) -> None:
        """Connections that ansible keeps open would otherwise linger for seconds, talking to nobody."""
        if self.sockets.is_dir():
            for socket in self.sockets.iterdir():
                run(["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={socket}", "lab"], timeout=5, check=False)
        remove_tree(self.sockets)

    def wipe(self) -> None:
        """Remove everything of this lab from the machine. Idempotent, and works on the ruins of a crash."""
        with contextlib.suppress(LabError):
            self.close_ssh()
        self.kill_group()
        for netns in self.all_netns():
            self.remove_netns(netns)
        remove_tree(self.dir)
        for path in Path("/run/systemd/nspawn/propagate").glob(f"{self.name}.*"):
            remove_tree(path)
        self.lock.unlink(missing_ok=True)
        for path in (self.cgroup.parent, CONTROL_SOCKETS):  # the last lab turns off the light
            with contextlib.suppress(OSError):
                path.rmdir()


def _populated(cgroup: Path) -> bool:
    try:
        return "populated 1" in (cgroup / "cgroup.events").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
