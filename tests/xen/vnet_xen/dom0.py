# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dom0 as one more host of the lab: booted or resumed, reached by SSH, with guests of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from vnet_lab.util import ENV, LabError, locked, say, wait_until

from .compiled import archive
from .image import ensure_dom0, hold
from .qemu import Qemu, edition, new_disk
from .warm import FOLDER

_READY = "ready"
_FOLDER = "vnet-xen-"
# With what else runs on a busy machine; alone it takes 30 to 45 s, and 3 s from a snapshot.
_BOOT_LIMIT, _RESUME_LIMIT, _SSH_LIMIT = 900.0, 120.0, 120.0
# What every test begins with is in memory then.
_WARM_UP = "systemctl is-system-running --wait > /dev/null; xl list > /dev/null; python3 -c 'import json, re, subprocess'"


# Of the collection's modules. In emulation on a busy machine a new connection takes longer than their confirmation waits for it.
UNWATCHED = {"confirm_timeout": 0}


@dataclass(frozen=True)
class Site:
    """Where the runs of Ansible keep their things."""

    dir: Path


class Dom0:
    """One dom0, from its start until the end of the block, or of this process, however it ends."""

    name = "dom0"

    def __init__(self, release: str) -> None:
        self.release = release
        self.image = ensure_dom0(release)
        _sweep()
        # short: a socket is made in it
        self.site = Site(Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-")))
        self._lock = hold(self.image)
        self.qemu: Qemu | None = None

    def __enter__(self) -> Dom0:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self.qemu:
            self.qemu.kill()
        os.close(self._lock)
        shutil.rmtree(self.site.dir, ignore_errors=True)

    # --- life

    @property
    def is_prepared(self) -> bool:
        """Will :meth:`start` find a snapshot of the first boot? There is one for each image and edition of QEMU."""
        return self._snapshot.exists()

    @property
    def _snapshot(self) -> Path:
        return self.image.folder / f"{_READY}-{edition()}.qcow2"

    def start(self) -> None:
        """From the snapshot of its first boot, which it makes when there is none."""
        began, snapshot = time.monotonic(), self._snapshot
        with locked(self.image.folder / ".snapshot.lock", timeout=_BOOT_LIMIT):
            if not self.is_prepared:
                self._first_boot(snapshot)
                say(f"{self.image.name} has booted, {time.monotonic() - began:.0f} s")
                return
        shutil.copyfile(snapshot, self._disk)
        try:
            self._run(_READY, _RESUME_LIMIT)
        except LabError as error:
            # A snapshot that is good for nothing stops nobody.
            say(f"{snapshot.name} does not come up ({str(error).splitlines()[0]}); booting instead")
            snapshot.unlink(missing_ok=True)
            self.power_off()
            self._first_boot(snapshot)
        say(f"{self.image.name} is ready, {time.monotonic() - began:.0f} s")

    def _first_boot(self, snapshot: Path) -> None:
        new_disk(self.image, self._disk)
        self._run("", _BOOT_LIMIT)
        assert self.qemu
        self.ssh(_WARM_UP, timeout=_BOOT_LIMIT, check=False)
        self.qemu.save(_READY)
        self.power_off()
        fresh = snapshot.with_name(f".{snapshot.name}.{os.getpid()}")
        shutil.copyfile(self._disk, fresh)
        fresh.rename(snapshot)
        self._run(_READY, _RESUME_LIMIT)

    def power_off(self) -> None:
        """The cable is pulled."""
        if self.qemu:
            self.qemu.kill()
            self.qemu = None

    def boot(self) -> None:
        """From its disk as it is, after :meth:`power_off`."""
        self._run("", _BOOT_LIMIT)

    def _run(self, resume: str, limit: float) -> None:
        self.qemu = Qemu(self.image, self._disk, self.site.dir / "console.log", resume)
        began, said = time.monotonic(), 0.0

        def up() -> bool:
            nonlocal said
            assert self.qemu
            self.qemu.alive()
            if time.monotonic() - began > said + 15:
                said += 15
                say(f"  {self.release}: {said:.0f} s, waiting for its SSH")
            return self._greets()

        wait_until(up, limit, "the dom0 answers", poll=0.2)
        # The snapshot's clock stood still.
        clock = f"date --set=@{time.time():.0f} > /dev/null"
        self.ssh(f"{clock}; mkdir -p {FOLDER}; base64 -d | tar -xzC {FOLDER} --no-same-owner", timeout=_SSH_LIMIT, stdin=archive())

    def _greets(self) -> bool:
        """QEMU takes connections before the dom0 does: only sshd's first line says that it is there."""
        assert self.qemu
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.qemu.port), 2) as link:
            link.settimeout(5)
            return link.recv(4) == b"SSH-"
        return False

    @property
    def _disk(self) -> Path:
        return self.site.dir / "disk.qcow2"

    # --- ways in

    def ssh_argv(self, command: str = "") -> list[str]:
        assert self.qemu
        words = ["ssh", "-q", "-F", "none", "-p", str(self.qemu.port), "-i", str(self.image.key)]
        return [*words, *_OPTIONS, *_shared(self.site.dir), "root@127.0.0.1", *([command] if command else [])]

    def ssh(self, command: str, *, timeout: float = 60, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command line for the dom0's shell."""
        try:
            done = subprocess.run(
                self.ssh_argv(command), input=stdin, capture_output=True, text=True, timeout=timeout, env=ENV, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise LabError(f"no end after {timeout:g} s: {command}") from late
        if check and done.returncode:
            raise LabError(f"exit {done.returncode}: {command}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
        return done

    def write(self, path: str, text: str) -> None:
        self.ssh(f"mkdir -p {shlex.quote(os.path.dirname(path))}; printf %s {shlex.quote(text)} > {shlex.quote(path)}")

    def write_inventory(self) -> Path:
        """For ansible."""
        assert self.qemu
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.qemu.port,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/local/bin/warm-python",
            "ansible_ssh_private_key_file": str(self.image.key),
            "ansible_ssh_common_args": shlex.join(["-F", "none", *_OPTIONS]),
            "ansible_ssh_args": shlex.join(_shared(self.site.dir)),
            "ansible_timeout": 60,
            "ansible_ssh_retries": 3,
        }
        path = self.site.dir / "inventory.json"
        path.write_text(json.dumps({"all": {"hosts": {self.name: variables}}}), encoding="utf-8")
        return path

    # --- guests

    def create(self, name: str, vifs: Sequence[str], *, told: str = "", kind: str = "pv") -> None:
        """A guest, up. ``vifs`` are in xl's words; ``told`` is for its init: ip0=10.0.0.1/24 gw0=10.0.0.254."""
        config = {
            "name": name,
            "type": kind,
            "memory": 96,
            "vcpus": 1,
            "kernel": "/srv/domu/vmlinux",
            "ramdisk": "/srv/domu/initrd",
            "extra": f"console=hvc0 quiet name={name} {told}",
            "on_poweroff": "destroy",
            "on_reboot": "restart",
            "on_crash": "destroy",
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in config.items()]
        lines.append(f"vif = [ {', '.join(map(repr, vifs))} ]")
        self.write(f"/etc/xen/{name}.cfg", "\n".join([*lines, ""]))
        self.ssh(f"xl create -q /etc/xen/{name}.cfg", timeout=120)
        wait_until(lambda: self._answers(name), 120, f"the guest {name} answers", poll=0.5)

    def _answers(self, name: str) -> bool:
        return self.ssh(f"domu-exec {name} true 5", timeout=30, check=False).returncode == 0

    def domu(self, name: str, command: str, *, check: bool = True, limit: float = 30) -> subprocess.CompletedProcess[str]:
        """A command in a guest, by its console."""
        return self.ssh(f"domu-exec {name} {shlex.quote(command)} {limit:g}", timeout=limit + 30, check=check)

    def reaches(self, name: str, target: str, source: str = "", *, patience: float = 0) -> bool:
        """Is a guest answered by ``target``, from an address or by an interface of its own? Asked for up to ``patience`` seconds."""
        way = f" -I {source}" if source else ""
        end = time.monotonic() + patience
        while self.domu(name, f"ping -c1 -W2{way} {target}", check=False).returncode:
            if time.monotonic() >= end:
                return False
        return True


def _sweep() -> None:
    """What runs that were killed left behind."""
    for path in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        pid = path.name.removeprefix(_FOLDER).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(path, ignore_errors=True)


_OPTIONS = [
    word
    for option in (
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
        "ConnectTimeout=30",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=12",
    )
    for word in ("-o", option)
]


def _shared(folder: Path) -> list[str]:
    """A new connection takes seconds in emulation."""
    return ["-o", "ControlMaster=auto", "-o", "ControlPersist=300s", "-o", f"ControlPath={folder}/%C"]
