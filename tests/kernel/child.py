# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process in a namespace, and what a module said in it."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from linux import die_with_parent

LIMIT = 60.0  # no single command or run may take longer
_STREAMS = ((0, "rb"), (1, "wb"), (2, "wb"))


@dataclass
class Answer:
    """What a module said. ``text`` is its JSON line, byte for byte."""

    rc: int
    text: str
    err: str
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.data["changed"])

    @property
    def diff(self) -> list[dict[str, str]]:
        return list(self.data["diff"])

    @property
    def diff_bytes(self) -> bytes:
        return json.dumps(self.data["diff"]).encode()

    @property
    def commands(self) -> list[str]:
        return list(self.data["commands"])

    @property
    def warnings(self) -> list[str]:
        """Newer ansible-core wraps each in an object."""
        found = self.data.get("warnings", [])
        return [item["event"]["msg"] if isinstance(item, dict) else str(item) for item in found]

    @property
    def problems(self) -> list[str]:
        """``path: message`` of everything that was refused."""
        return [f"{item['path']}: {item['message']}" if item["path"] else item["message"] for item in self.data["problems"]]

    def after(self, name: str) -> str:
        """The paragraph of one object after the change."""
        return next(item["after"] for item in self.diff if item["after_header"] == f"{name} (kernel)")

    def ok(self) -> Answer:
        assert self.rc == 0, self.data.get("msg") or self.err or self.text
        return self

    def failed(self) -> str:
        """The message of a run that must have failed."""
        assert self.rc == 1 and self.data.get("failed"), f"did not fail: rc {self.rc} {self.text} {self.err}"
        return str(self.data["msg"])


class Child:
    """A process that runs a Python function where ``enter`` takes it; what it returns or prints is read when it has ended."""

    def __init__(self, enter: Callable[[], None], function: Callable[[], Any]) -> None:
        self._out, self._err, self._result = (os.memfd_create(name) for name in ("out", "err", "result"))
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        self.rc: int | None = None
        if self.pid == 0:
            self._live(enter, function, parent)

    def _live(self, enter: Callable[[], None], function: Callable[[], Any], parent: int) -> None:
        rc = 70
        try:
            die_with_parent(parent)
            # Collecting would touch, and so copy, every page that is shared with the parent.
            gc.disable()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(self._out, 1)
            os.dup2(self._err, 2)
            sys.stdin, sys.stdout, sys.stderr = (io.TextIOWrapper(open(number, mode, closefd=False)) for number, mode in _STREAMS)  # noqa: SIM115
            enter()
            # Nobody's connection, wherever the tests are started from.
            os.environ["SSH_CONNECTION"] = ""
            rc = 0
            try:
                result = function()
            except SystemExit as end:
                rc, result = end.code if isinstance(end.code, int) else 1, None
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            os.write(self._result, pickle.dumps(result))
        except BaseException:
            rc = 70
            os.write(self._err, traceback.format_exc().encode())
        finally:
            os._exit(rc)

    def poll(self) -> bool:
        """Has it ended?"""
        if self.rc is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.rc = os.waitstatus_to_exitcode(status)
        return self.rc is not None

    def wait(self, limit: float = LIMIT) -> int:
        end = time.monotonic() + limit
        while not self.poll():
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise TimeoutError(f"no end after {limit:g} s: {self.err()}")
            time.sleep(0.001)
        assert self.rc is not None
        return self.rc

    def signal(self, number: signal.Signals) -> None:
        if not self.poll():
            os.kill(self.pid, number)

    @staticmethod
    def _text(handle: int) -> bytes:
        return os.pread(handle, os.fstat(handle).st_size, 0)

    def out(self) -> str:
        return self._text(self._out).decode("utf-8", "surrogateescape")

    def err(self) -> str:
        return self._text(self._err).decode("utf-8", "replace")

    def value(self) -> Any:
        """What the function returned."""
        if self.wait():
            raise RuntimeError(f"exit status {self.rc}: {self.err()}")
        return pickle.loads(self._text(self._result))

    def answer(self) -> Answer:
        """What the module said."""
        rc, text = self.wait(), self.out()
        try:
            data = json.loads(text)
        except ValueError:
            data = {}
        return Answer(rc, text, self.err(), data)

    def close(self) -> None:
        if not self.poll():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.rc = -9
        for handle in (self._out, self._err, self._result):
            os.close(handle)
