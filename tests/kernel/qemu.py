# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real QEMU in a throw-away host, spoken to over QMP."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from harness import Namespace

PROGRAM = "qemu-system-x86_64"
LIMIT = 60.0


class QemuFailed(Exception):
    """QEMU ended before it could be asked; the text is what it said."""


def said(*words: str) -> str:
    """What QEMU prints and ends with."""
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=True, timeout=LIMIT).stdout


class Qemu:
    """One QEMU, stopped before its first instruction unless ``run``; its parent's death is its own.

    ``words`` are what a test is about; ``fds`` come to QEMU under their own numbers. Raises QemuFailed when it does not take the words.
    """

    def __init__(self, host: Namespace, *words: str, machine: str = "q35", run: bool = False, fds: Sequence[int] = ()) -> None:
        handles = (host.net, host.mnt)
        enter = ["nsenter", *(f"--{kind}=/proc/self/fd/{handle}" for kind, handle in zip(("net", "mount"), handles))]
        base = ["-nodefaults", "-no-user-config", "-display", "none", "-machine", machine, "-qmp", "stdio", *([] if run else ["-S"])]
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *enter, PROGRAM, *base, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            pass_fds=(*handles, *fds),
        )
        self._rest = b""
        try:
            self._message()
            self.ask("qmp_capabilities")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Qemu:
        return self

    def __exit__(self, *_about: object) -> None:
        self.close()

    def ask(self, command: str, **arguments: Any) -> Any:
        """One QMP command's answer."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.process.stdin.flush()
        while True:
            message = self._message()
            if "error" in message:
                raise QemuFailed(message["error"]["desc"])
            if "return" in message:
                return message["return"]

    def monitor(self, line: str) -> str:
        """A command of the human monitor."""
        return str(self.ask("human-monitor-command", **{"command-line": line})).replace("\r", "")

    def warnings(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def _message(self) -> dict[str, Any]:
        assert self.process.stdout
        end = time.monotonic() + LIMIT
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError(f"QEMU says nothing for {LIMIT:g} s: {self.warnings()}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                self.process.wait(LIMIT)
                raise QemuFailed(self.warnings())
            self._rest += piece
        line, self._rest = self._rest.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT)
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            if pipe:
                pipe.close()
