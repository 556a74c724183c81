# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""QEMU that runs Xen: emulated (a kernel dies under the KVM of many rented machines), dead with its parent, told by QMP."""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import subprocess
import time
from pathlib import Path
from typing import Any

from vnet_lab.util import LabError, run

from .image import Dom0Image

PROGRAM = "qemu-system-x86_64"
# Soaked, its clock counts instructions, which takes longer: libxl gives a hotplug script 40 s, in which a busy machine gets little done.
_CLOCK = ["-icount", "shift=2"] if os.environ.get("VNET_SOAK") else []
_THREADS = "single" if _CLOCK else "multi"
# SMAP and SMEP of newer processors crash the dom0 in QEMU 7.2; a second processor costs twice the time.
_MACHINE = ["-machine", "pc", "-accel", f"tcg,thread={_THREADS},tb-size=512", *_CLOCK, "-cpu", "Nehalem", "-smp", "1", "-m", "1536"]
_XEN = (
    "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning dom0_mem=900M,max:900M dom0_max_vcpus=1 noreboot"
    " sched=credit spec-ctrl=no xpti=no mitigations=off ucode=no watchdog=0"
)
_LINUX = "console=hvc0 root=/dev/vda rw net.ifnames=0 mitigations=off audit=0 systemd.show_status=0 quiet"
_CRASHED = re.compile(r"Dom0 crashed|Panic on CPU|Kernel panic")
_LIMIT = 30.0


class Qemu:
    """One running machine. ``resume``: the tag of a snapshot in ``disk``."""

    def __init__(self, image: Dom0Image, disk: Path, console: Path, resume: str = "") -> None:
        self.console = console
        self.errors = console.with_name("qemu.log")
        with open(self.errors, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", PROGRAM, *_words(image, disk, console), *(["-loadvm", resume] if resume else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._rest = b""
        try:
            self._message()
            self._ask("qmp_capabilities")
            self.port = self._forwarded()
        except BaseException:
            self.kill()
            raise

    def alive(self) -> None:
        """LabError when the machine is no longer, with its last words."""
        text = self.console.read_text(encoding="utf-8", errors="replace") if self.console.exists() else ""
        if self.process.poll() is not None or _CRASHED.search(text):
            said = self.errors.read_text(encoding="utf-8", errors="replace")
            raise LabError(f"the machine is dead: {said[-500:]}\n{text[-2000:]}")

    def monitor(self, line: str) -> str:
        """A command of the human monitor; what it says, which is nothing when all is well for most."""
        return str(self._ask("human-monitor-command", **{"command-line": line})).replace("\r", "")

    def save(self, tag: str) -> None:
        said = self.monitor(f"savevm {tag}")
        if said.strip():
            raise LabError(f"savevm: {said}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(_LIMIT)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _forwarded(self) -> int:
        """The port of this machine that leads to the dom0's SSH: the kernel has chosen one that nobody has."""
        found = re.search(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)", self.monitor("info usernet"))
        if not found:
            raise LabError(f"QEMU does not say where it listens: {self.monitor('info usernet')}")
        return int(found[1])

    def _ask(self, command: str, **arguments: Any) -> Any:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.process.stdin.flush()
        while True:
            message = self._message()
            if "error" in message:
                raise LabError(f"QEMU: {message['error']['desc']}")
            if "return" in message:
                return message["return"]

    def _message(self) -> dict[str, Any]:
        assert self.process.stdout
        end = time.monotonic() + _LIMIT
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise LabError(f"QEMU says nothing for {_LIMIT:g} s")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                self.process.wait(_LIMIT)
                raise LabError(f"QEMU ended: {self.errors.read_text(encoding='utf-8', errors='replace')[-2000:]}")
            self._rest += piece
        line, self._rest = self._rest.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message


def edition() -> str:
    """What a snapshot belongs to: it is of no use to any other QEMU or machine."""
    version = run([PROGRAM, "--version"]).stdout
    return hashlib.sha256("\0".join([version, *_MACHINE, _XEN, _LINUX]).encode()).hexdigest()[:12]


def new_disk(image: Dom0Image, path: Path) -> None:
    """What the machine writes, over the image."""
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.disk, path])


def _words(image: Dom0Image, disk: Path, console: Path) -> list[str]:
    modules = f"{image.kernel} {_LINUX.replace(',', ',,')},{image.initrd}"
    return [
        *["-name", "xenlab", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-qmp", "stdio", *_MACHINE],
        *["-kernel", str(image.xen), "-append", _XEN, "-initrd", modules],
        *["-drive", f"file={disk},if=virtio,format=qcow2,cache=unsafe,discard=unmap"],
        *["-netdev", "user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22", "-device", "virtio-net-pci,netdev=n0,romfile="],
        *["-device", "virtio-rng-pci", "-serial", f"file:{console}"],
    ]
