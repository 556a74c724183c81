# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stream of ICMP echo requests, one a millisecond, and what became of each."""

from __future__ import annotations

import os
import socket
import struct
import time
from dataclasses import dataclass

INTERVAL = 0.001
GRACE = 0.5  # an answer may be this late


@dataclass(frozen=True)
class Stream:
    """``gap``: the longest time in ms from the last answered request before a loss to the first one after it."""

    target: str
    sent: int
    lost: int
    gap: float

    def __str__(self) -> str:
        return f"{self.target}: {self.lost} of {self.sent} lost, longest gap {self.gap:.1f} ms"


def ping(targets: tuple[str, ...], stop: str, limit: float = 30.0) -> list[Stream]:
    """Ask all targets every millisecond until the file ``stop`` is there."""
    pingers = [_Pinger(target) for target in targets]
    end = time.monotonic() + limit
    due = time.monotonic()
    while not os.path.exists(stop) and time.monotonic() < end:
        for pinger in pingers:
            pinger.send()
        # A machine that was busy goes on from now: no burst makes up for it.
        due = max(due + INTERVAL, time.monotonic() - 0.01)
        while time.monotonic() < due:
            for pinger in pingers:
                pinger.receive()
            time.sleep(0.0001)
    end = time.monotonic() + GRACE
    while time.monotonic() < end:
        for pinger in pingers:
            pinger.receive()
        time.sleep(0.001)
    return [pinger.result() for pinger in pingers]


class _Pinger:
    def __init__(self, target: str) -> None:
        self.target, self.six = target, ":" in target
        family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if self.six else (socket.AF_INET, socket.IPPROTO_ICMP)
        self.socket = socket.socket(family, socket.SOCK_RAW, protocol)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.sent: list[float] = []
        self.answered: set[int] = set()

    def send(self) -> None:
        number = len(self.sent)
        body = struct.pack("!HHI", 77, number & 0xFFFF, number)
        kind = 128 if self.six else 8
        check = 0 if self.six else _checksum(struct.pack("!BBH", kind, 0, 0) + body)
        self.sent.append(time.monotonic())
        try:
            self.socket.sendto(struct.pack("!BBH", kind, 0, check) + body, (self.target, 0))
        except OSError:
            return  # lost, which is the finding

    def receive(self) -> None:
        while True:
            try:
                data = self.socket.recv(512)
            except BlockingIOError:
                return
            data = data if self.six else data[(data[0] & 15) * 4 :]
            kind, _code, _check, ident, _short, number = struct.unpack("!BBHHHI", data[:12]) if len(data) >= 12 else (0,) * 6
            if kind == (129 if self.six else 0) and ident == 77:
                self.answered.add(number)

    def result(self) -> Stream:
        gap, last, broken = 0.0, self.sent[0], False
        for number, sent in enumerate(self.sent):
            if number not in self.answered:
                broken = True
                continue
            if broken:
                gap, broken = max(gap, sent - last), False
            last = sent
        if broken:
            gap = max(gap, self.sent[-1] - last)
        return Stream(self.target, len(self.sent), len(self.sent) - len(self.answered), gap * 1000)


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - ((total + (total >> 16)) & 0xFFFF)
