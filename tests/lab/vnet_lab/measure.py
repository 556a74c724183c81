# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change costs the traffic through a host's uplink, seen from outside.

Streams of ICMP echo from the LAN and from the internet, IPv4 and IPv6, and SSH sessions opened before that print a
line every 10 ms. They run in a process of their own (probe.py), so nothing the caller does can disturb them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from .machine import Machine
from .util import ENV, LabError
from .world import REMOTE4, REMOTE6, ROUTER4, ROUTER6

PROBE = Path(__file__).with_name("probe.py")
# Between two echos on the LAN: fine enough to be quoted.
FINE = 0.001


@dataclass(frozen=True)
class Stream:
    """One ICMP stream; the gap runs from the last answered probe before a loss to the first one after it."""

    name: str
    sent: int
    lost: int
    longest_gap_ms: float
    max_rtt_ms: float


@dataclass(frozen=True)
class Session:
    """One SSH session that was open before; alive = it still runs and printed within the last second."""

    name: str
    alive: bool
    longest_stall_ms: float
    lines: int


@dataclass(frozen=True)
class Measurement:
    streams: tuple[Stream, ...]
    sessions: tuple[Session, ...]
    seconds: float  # how long the action took
    result: Any  # what the action returned

    @property
    def lost(self) -> int:
        return sum(stream.lost for stream in self.streams)

    @property
    def longest_gap_ms(self) -> float:
        return max((stream.longest_gap_ms for stream in self.streams), default=0.0)

    @property
    def ssh_alive(self) -> bool:
        return all(session.alive for session in self.sessions)

    @property
    def longest_stall_ms(self) -> float:
        return max((session.longest_stall_ms for session in self.sessions), default=0.0)

    def stream(self, name: str) -> Stream:
        return next(stream for stream in self.streams if stream.name == name)

    def text(self) -> str:
        lines = [f"action: {self.seconds:.2f} s"]
        if isinstance(self.result, subprocess.CompletedProcess):
            lines[0] += f", exit {self.result.returncode}"
            lines += [f"  | {line}" for line in (self.result.stdout + self.result.stderr).splitlines()[-20:]]
        for stream in self.streams:
            lines.append(
                f"{stream.name:10} sent {stream.sent:6}  lost {stream.lost:5}"
                f"  longest gap {stream.longest_gap_ms:7.1f} ms  slowest answer {stream.max_rtt_ms:7.1f} ms"
            )
        for session in self.sessions:
            state = "alive" if session.alive else "DEAD"
            lines.append(f"{session.name:10} {state:5} longest stall {session.longest_stall_ms:7.1f} ms")
        return "\n".join(lines)


def _plan(host: Machine, limit: float, after: float, every: float) -> dict[str, Any]:
    target4, target6 = host.address, host.address6
    # From the internet, through the host's default route, half as many: four streams at 1 ms are too much for two cores
    # that also run the hosts.
    streams = [
        {"name": "v4", "target": target4, "source": ROUTER4, "interval": every},
        {"name": "v4-remote", "target": target4, "source": REMOTE4, "interval": every * 2},
        {"name": "v6", "target": target6, "source": ROUTER6, "interval": every},
        {"name": "v6-remote", "target": target6, "source": REMOTE6, "interval": every * 2},
    ]
    sessions = [
        {"name": "ssh-v4", "target": target4, "source": ROUTER4},
        {"name": "ssh-remote", "target": target4, "source": REMOTE4},
        {"name": "ssh-v6", "target": target6, "source": ROUTER6},
    ]
    return {
        "streams": [stream for stream in streams if stream["target"]],
        "sessions": [session for session in sessions if session["target"]],
        "key": str(host.site.key),
        "limit": limit,
        "after": after,
    }


class _Probe:
    """The probing process; always ended by close()."""

    def __init__(self, host: Machine, limit: float, after: float, every: float) -> None:
        argv = [*host.site.enter(host.fabric.netns), sys.executable, "-B", "-I", str(PROBE)]
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=ENV)
        self._said: Queue[str] = Queue()
        self._ears = threading.Thread(target=self._listen, daemon=True)
        self._ears.start()
        self.tell(json.dumps(_plan(host, limit, after, every)))

    def _listen(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self._said.put(line)
        self._said.put("")

    def tell(self, line: str) -> None:
        assert self.child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.write(line + "\n")
            self.child.stdin.flush()

    def hear(self, timeout: float) -> Any:
        try:
            line = self._said.get(timeout=timeout)
        except Empty:
            raise LabError(f"the probe says nothing for {timeout:g} s") from None
        if not line:
            assert self.child.stderr is not None
            raise LabError(f"the probe ended: {self.child.stderr.read()[-2000:]}")
        return json.loads(line)

    def close(self) -> None:
        """End of input makes it stop its sessions and go; else it is killed, and its sessions with it."""
        assert self.child.stdin is not None and self.child.stdout is not None and self.child.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()
        try:
            self.child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(timeout=5)
        self._ears.join(timeout=5)
        self.child.stdout.close()
        self.child.stderr.close()


def measure(
    host: Machine, action: Callable[[], Any] | None = None, *, after: float = 3.0, limit: float = 300.0, every: float = 0.005
) -> Measurement:
    """Run `action` while measuring; go on for `after` seconds, because managers finish their work late.

    An echo is sent `every` that many seconds; FINE takes most of a core. `limit` bounds the probing as a whole; the action has to
    bound itself."""
    probe = _Probe(host, limit, after, every)
    try:
        hello = probe.hear(30)
        if hello != "ready":
            raise LabError(f"host {host.name} cannot be measured: {hello}")
        probe.tell("begin")
        began = time.monotonic()
        result = action() if action else None
        seconds = time.monotonic() - began
        probe.tell("end")
        report = probe.hear(after + 30)
    finally:
        probe.close()
    if isinstance(report, str):
        raise LabError(f"measuring {host.name}: {report}")
    streams = tuple(Stream(**found) for found in report["streams"])
    sessions = tuple(Session(**found) for found in report["sessions"])
    return Measurement(streams, sessions, seconds, result)
