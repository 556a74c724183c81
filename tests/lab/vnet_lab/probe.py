# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measuring process: runs inside the fabric's network namespace, started by measure.py.

Talks JSON lines. In: the plan, then "begin", then "end". Out: "ready" (or what is wrong), then the report. It stops
when its input ends, so it never outlives its starter, and after the plan's limit in any case."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from typing import Any

SSH = (
    "ssh -F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    " -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=0"
).split()
TICK = 'exec python3 -uc "import time\nwhile 1: print(1); time.sleep(.01)"'
GRACE = 1.0  # an answer may be this late before its probe counts as lost
PR_SET_PDEATHSIG = 1


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - ((total + (total >> 16)) & 0xFFFF)


class Pinger:
    """One stream. The sequence number that counts is 32 bits in the payload: ICMP's own wraps after a minute."""

    def __init__(self, spec: dict[str, Any], ident: int) -> None:
        self.name, self.target, self.interval, self.ident = spec["name"], spec["target"], spec["interval"], ident
        self.v6 = ":" in self.target
        family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if self.v6 else (socket.AF_INET, socket.IPPROTO_ICMP)
        self.socket = socket.socket(family, socket.SOCK_RAW, protocol)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.bind((spec["source"], 0))
        self.socket.setblocking(False)
        self.sent: list[float] = []
        self.heard: list[float] = []  # 0.0 = no answer
        self.next = 0.0

    def send(self, now: float) -> None:
        number = len(self.sent)
        kind = 128 if self.v6 else 8
        body = struct.pack("!HHI", self.ident, number & 0xFFFF, number)
        check = 0 if self.v6 else _checksum(struct.pack("!BBH", kind, 0, 0) + body)
        self.sent.append(now)
        self.heard.append(0.0)
        with contextlib.suppress(OSError):  # no route, no neighbour: that probe is lost, which is the finding
            self.socket.sendto(struct.pack("!BBH", kind, 0, check) + body, (self.target, 0))
        self.next += self.interval
        if self.next < now - 0.02:  # this machine was busy: do not make up for it with a burst
            self.next = now + self.interval

    def receive(self) -> None:
        for _dummy in range(64):
            try:
                data = self.socket.recv(512)
            except OSError:
                return
            if not self.v6:
                data = data[(data[0] & 15) * 4 :]
            if len(data) < 12:
                continue
            kind, _code, _check, ident, _short, number = struct.unpack("!BBHHHI", data[:12])
            if kind in (0, 129) and ident == self.ident and number < len(self.heard) and not self.heard[number]:
                self.heard[number] = time.monotonic()

    def report(self, begin: float, end: float) -> dict[str, Any]:
        lost, gap, slowest, previous, broken = 0, 0.0, 0.0, begin, False
        chosen = [at for at, sent in enumerate(self.sent) if begin <= sent <= end]
        for at in chosen:
            if not self.heard[at]:
                lost, broken = lost + 1, True
                continue
            if broken:
                gap, broken = max(gap, self.sent[at] - previous), False
            previous = self.sent[at]
            slowest = max(slowest, self.heard[at] - self.sent[at])
        if broken:
            gap = max(gap, end - previous)
        return {
            "name": self.name,
            "sent": len(chosen),
            "lost": lost,
            "longest_gap_ms": round(gap * 1000, 1),
            "max_rtt_ms": round(slowest * 1000, 1),
        }


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Session:
    """An SSH session with a steady stream of output."""

    def __init__(self, spec: dict[str, Any], key: str) -> None:
        self.name = spec["name"]
        # dies with this process, however that ends
        argv = ["setpriv", "--pdeathsig", "KILL", *SSH, "-i", key, "-b", spec["source"], f"root@{spec['target']}", TICK]
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.child.stdout is not None
        self.handle = self.child.stdout.fileno()
        os.set_blocking(self.handle, False)
        self.times: list[float] = []
        self.closed = False

    def receive(self) -> None:
        try:
            data = os.read(self.handle, 65536)
        except BlockingIOError:
            return
        if data:
            self.times.append(time.monotonic())
        else:
            self.closed = True

    def report(self, begin: float, end: float) -> dict[str, Any]:
        times = [moment for moment in self.times if begin - 0.5 <= moment]
        stall = max((late - early for early, late in zip(times, [*times[1:], max(end, times[-1])])), default=0.0) if times else end - begin
        alive = self.child.poll() is None and not self.closed and bool(times) and end - times[-1] < 1
        return {"name": self.name, "alive": alive, "longest_stall_ms": round(stall * 1000, 1), "lines": len(self.times)}

    def close(self) -> None:
        self.child.kill()
        self.child.wait(timeout=5)
        assert self.child.stdout is not None
        self.child.stdout.close()


class Probe:
    def __init__(self, plan: dict[str, Any]) -> None:
        base = os.getpid() * 8
        self.pingers = [Pinger(spec, (base + at) & 0xFFFF) for at, spec in enumerate(plan["streams"])]
        self.sessions = [Session(spec, plan["key"]) for spec in plan["sessions"]]
        self.after, self.end = float(plan["after"]), time.monotonic() + float(plan["limit"])
        self.command = b""

    def turn(self) -> None:
        """Send what is due, take what has come, note a command."""
        now = time.monotonic()
        for pinger in self.pingers:
            if now >= pinger.next:
                pinger.send(now)
        due = min((pinger.next for pinger in self.pingers), default=now + 0.01)
        sockets = {pinger.socket.fileno(): pinger for pinger in self.pingers}
        streams = {session.handle: session for session in self.sessions if not session.closed}
        ready = select.select([0, *sockets, *streams], [], [], max(0.0, min(due - time.monotonic(), 0.05)))[0]
        for handle in ready:
            if handle == 0:
                data = os.read(0, 4096)
                if not data:
                    raise SystemExit(0)
                self.command += data
            elif handle in sockets:
                sockets[handle].receive()
            else:
                streams[handle].receive()

    def run_until(self, moment: float, word: bytes = b"") -> bool:
        """Go on until a moment, or until a command comes (True)."""
        while time.monotonic() < min(moment, self.end):
            self.turn()
            if word and self.command.startswith(word + b"\n"):
                self.command = self.command[len(word) + 1 :]
                return True
        return False

    def settled(self) -> str:
        """Everything answers before it may be measured: neighbours are resolved, sessions stream."""
        limit = time.monotonic() + 15
        missing = "?"
        while time.monotonic() < limit:
            for pinger in self.pingers:
                pinger.next = max(pinger.next, time.monotonic())
            self.run_until(time.monotonic() + 0.3)
            recent = time.monotonic() - 0.3
            silent = [p.name for p in self.pingers if not all(h for s, h in zip(p.sent, p.heard) if recent < s < recent + 0.2)]
            silent += [session.name for session in self.sessions if len(session.times) < 20]
            if not silent:
                return ""
            missing = f"no answers on {', '.join(silent)}"
        return missing

    def main(self) -> Any:
        problem = self.settled()
        print(json.dumps(problem or "ready"), flush=True)
        if problem or not self.run_until(self.end, b"begin"):
            return "nobody said begin"
        begin = time.monotonic()
        if not self.run_until(self.end, b"end"):
            return "no end within the limit"
        until = time.monotonic() + self.after
        self.run_until(until)
        streams_end = time.monotonic()
        self.run_until(streams_end + GRACE)
        return {
            "streams": [pinger.report(begin, streams_end) for pinger in self.pingers],
            "sessions": [session.report(begin, streams_end) for session in self.sessions],
        }

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        for pinger in self.pingers:
            pinger.socket.close()


def main() -> int:
    plan = b""
    while not plan.endswith(b"\n"):  # byte by byte: Python's own buffer would swallow a command that follows
        plan += os.read(0, 1) or b"\n"
    probe = Probe(json.loads(plan))
    try:
        print(json.dumps(probe.main()), flush=True)
    finally:
        probe.close()
    return 0


if __name__ == "__main__":
    _die_with_parent()
    sys.exit(main())
