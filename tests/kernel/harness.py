# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throw-away hosts: a network and a mount namespace each, on the real kernel, in which the modules run by their real main().

A namespace has its own /etc, /run, /sys and /var/lib/hypervisor-vnet, nothing of them on the machine's disk. It lives by
open handles of the test process alone, and every process in it dies with that process: after a crash nothing stays.
A module runs in a forked child: Python and Ansible are loaded once, for all runs.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import linux
from ansible.module_utils import _internal as ansible_internal
from ansible.module_utils.testing import patch_module_args
from child import LIMIT, Answer, Child
from snapshot import STATE, Snapshot, assert_same, take

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.paths import PROGRAM

# What tests need of the files beside this one.
__all__ = ["STATE", "Answer", "Namespace", "Snapshot", "assert_same"]

COLLECTION = "ansible_collections.hypervisor.vnet.plugins"
MACHINE_ID = "00112233445566778899aabbccddeeff"
# How ansible is where modules run. A test file that imports a filter makes the process a controller, where warnings go to the screen.
_AS_MODULE = dict(vars(ansible_internal))
# What ip(8), Python and the loader read below /etc; everything else is not there, no network manager either.
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "iproute2", "passwd", "group", "localtime", "nsswitch.conf", "protocols", "services")
_TOOLS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _program() -> bytes:
    """What stands there now."""
    if not os.path.exists(PROGRAM):
        return b""
    with open(PROGRAM, "rb") as file:
        return file.read()


class Namespace:
    """One throw-away host."""

    # As the first run of a module wrote it: to make it costs half a second, and it is the same everywhere.
    _program = b""

    def __init__(self, folder: str) -> None:
        """``folder`` is an empty one on the machine; only this namespace ever sees something mounted there."""
        self._folder = folder
        self._children: list[Child] = []
        parent = os.getpid()
        ready, tell = os.pipe()
        hold, let_go = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = b"failed"
            try:
                linux.die_with_parent(parent)
                os.close(let_go)
                linux.unshare()
                self._furnish()
                status = b"ok"
            except BaseException:
                status = traceback.format_exc().encode()
            finally:
                os.write(tell, status)
                os.read(hold, 1)
                os._exit(0)
        os.close(tell)
        os.close(hold)
        status = os.read(ready, 65536)
        try:
            if status != b"ok":
                raise RuntimeError(status.decode())
            self.net = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            self.mnt = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(ready)
            os.close(let_go)
            os.waitpid(pid, 0)
        self.run("ip", "link", "set", "lo", "up")

    def _furnish(self) -> None:
        """Own mounts over everything that a module writes, and over what would show it the machine's network or services."""
        linux.private_mounts()
        linux.mount("tmpfs", self._folder, "tmpfs", options="size=16m")
        etc, lib = f"{self._folder}/etc", f"{self._folder}/lib"
        os.mkdir(etc)
        os.makedirs(f"{lib}/hypervisor-vnet")
        for folder in ("udev/rules.d", "sysctl.d", "modules-load.d", "network/interfaces.d"):
            os.makedirs(f"{etc}/{folder}")
        for name in _ETC:
            source = f"/etc/{name}"
            if os.path.isdir(source):
                shutil.copytree(source, f"{etc}/{name}", symlinks=True)
            elif os.path.exists(source):
                shutil.copy(source, f"{etc}/{name}")
        with open(f"{etc}/machine-id", "w", encoding="ascii") as file:
            file.write(f"{MACHINE_ID}\n")
        linux.bind(etc, "/etc")
        # /var/lib as a whole: our folder there may not exist on this machine, and must not be made on it.
        linux.bind(lib, "/var/lib")
        os.chmod(STATE, 0o700)
        if self._program:
            with open(os.open(PROGRAM, os.O_WRONLY | os.O_CREAT, 0o700), "wb") as file:
                file.write(self._program)
        linux.mount("tmpfs", "/usr/local/sbin", "tmpfs", options="size=4m")
        linux.mount("tmpfs", "/run", "tmpfs", options="size=4m")
        linux.mount("sysfs", "/sys", "sysfs")

    def enter(self) -> None:
        """Move the calling process in."""
        linux.enter(self.mnt, self.net)
        os.chdir("/")

    def close(self) -> None:
        for child in self._children:
            child.close()
        os.close(self.net)
        os.close(self.mnt)

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        parent = os.getpid()

        def prepare() -> None:
            linux.die_with_parent(parent)
            self.enter()

        return _run(argv, stdin, check, prepare)

    def ip(self, lines: str, family: str = "") -> None:
        """Lines of ip-batch(8); only rules and a bare ``default`` need the family."""
        self.run(
            "ip", *([family] if family else []), "-batch", "-", stdin="\n".join(line.strip() for line in lines.strip().splitlines()) + "\n"
        )

    def json(self, *argv: str) -> Any:
        return json.loads(self.run("ip", "-json", *argv).stdout or "[]")

    def sysctl(self, key: str, value: str | None = None) -> str:
        """Read or set a kernel parameter; ``key`` is the path below /proc/sys."""
        return str(self.call(lambda: linux.sysctl(key, value)))

    def start(self, function: Callable[[], Any]) -> Child:
        """Run a function here, in a process of its own, and go on."""
        child = Child(self.enter, function)
        self._children.append(child)
        return child

    def call(self, function: Callable[[], Any]) -> Any:
        child = Child(self.enter, function)
        try:
            return child.value()
        finally:
            child.close()

    def start_module(self, name: str, prepare: Callable[[], None] | None = None, check: bool = False, **options: Any) -> Child:
        """Begin a module run. ``prepare`` is called in its process before, to put something in the way of the machine."""
        kept = {} if name in ("vnet_checkpoint", "vnet_program") else {"persist": "none"}
        arguments = {**kept, **options, "_ansible_check_mode": check, "_ansible_diff": True}

        module = importlib.import_module(f"{COLLECTION}.modules.{name}")

        def function() -> None:
            vars(ansible_internal).update(_AS_MODULE)
            if prepare:
                prepare()
            with patch_module_args(arguments):
                module.main()

        return self.start(function)

    def module(self, name: str, prepare: Callable[[], None] | None = None, check: bool = False, **options: Any) -> Answer:
        child = self.start_module(name, prepare, check, **options)
        try:
            return child.answer()
        finally:
            self._children.remove(child)
            child.close()
            Namespace._program = Namespace._program or self.call(_program)

    def bridge(self, *bridges: dict[str, Any], **options: Any) -> Answer:
        """A run of xen_bridge."""
        return self.module("xen_bridge", bridges=list(bridges), **options)

    def read(self, path: str) -> str:
        return str(self.call(lambda: linux.read(path)))

    def write(self, path: str, text: str) -> None:
        self.call(lambda: linux.write(path, text))

    def settle(self, limit: float = 10.0) -> None:
        """Wait until duplicate address detection and carriers are done."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            links = self.json("-details", "address", "show")
            tentative = any(address.get("tentative") for link in links for address in link["addr_info"])
            rising = any((link["operstate"], "LOWER_UP" in link["flags"]) in (("UP", False), ("DOWN", True)) for link in links)
            if not tentative and not rising:
                # Answered under the lock of the kernel's own work: what a carrier brings, as IPv6's routes, is there afterwards.
                self.json("link", "show", "dev", "lo")
                return
            time.sleep(0.02)
        raise TimeoutError("addresses are still tentative")

    def snapshot(self) -> Snapshot:
        """Everything that "unchanged" and "restored" speak of."""
        found: Snapshot = self.call(lambda: take(_Inside()))
        return found


class _Inside:
    """The namespace for a process that has entered it: what it runs needs no copy of the process."""

    def run(self, *argv: str) -> str:
        return _run(argv, "", True, None).stdout

    def json(self, *argv: str) -> Any:
        return json.loads(self.run("ip", "-json", *argv) or "[]")


def _run(argv: Sequence[str], stdin: str, check: bool, prepare: Callable[[], None] | None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": _TOOLS, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, timeout=LIMIT, preexec_fn=prepare, env=environment
    )
    assert not check or done.returncode == 0, f"{' '.join(argv)}: {done.returncode}\n{stdin}\n{done.stderr}"
    return done
