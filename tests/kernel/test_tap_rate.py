# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kvm_tap's rate: limits that hold for real frames, changed while a guest runs, and beside what others do with tc.

Its taps have names of their own: whoever holds a tap open is looked for in the whole machine, by the tap's name.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import time
from typing import Any

import pytest
from harness import Namespace, assert_same
from test_tap import _IFF_NO_PI, _IFF_TAP, _TUNSETIFF, apply, host, link, opened, refused

from ansible_collections.hypervisor.vnet.plugins.module_utils.facts import host_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

__all__ = ["host"]

SECOND = 1.0
FRAME = bytes.fromhex("ffffffffffff020000000001") + b"\x88\xb5" + bytes(1486)


def tap(**rate: Any) -> dict[str, Any]:
    return {"name": "shaped0", "bridge": "br0", "rate": rate or None}


def qdiscs(host: Namespace, name: str = "shaped0") -> list[str]:
    """Those that somebody made, in tc's words."""
    lines = host.run("tc", "qdisc", "show", "dev", name).stdout.splitlines()
    return [line.strip() for line in lines if " 0: " not in line]


def through(host: Namespace) -> float:
    """Bytes a second that a guest on shaped0 gets of far more."""

    def flood() -> float:
        guest = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(guest, _TUNSETIFF, struct.pack("16sH22x", b"shaped0", _IFF_TAP | _IFF_NO_PI))
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("shaped0", 0))
        sender.setblocking(False)
        got, start = 0, time.monotonic()
        while time.monotonic() < start + SECOND:
            with contextlib.suppress(OSError):
                sender.send(FRAME)
            with contextlib.suppress(BlockingIOError):
                while frame := os.read(guest, 65536):
                    got += len(frame)
        return got / (time.monotonic() - start)

    return float(host.call(flood))


def out_of(host: Namespace) -> float:
    """Bytes a second that come through of far more that a guest on shaped0 sends."""

    def flood() -> float:
        guest = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(guest, _TUNSETIFF, struct.pack("16sH22x", b"shaped0", _IFF_TAP | _IFF_NO_PI))
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
        ear.bind(("br0", 0))
        ear.setblocking(False)
        got, start = 0, time.monotonic()
        while time.monotonic() < start + SECOND:
            os.write(guest, FRAME)
            with contextlib.suppress(BlockingIOError):
                while True:
                    got += len(ear.recv(65536))
        return got / (time.monotonic() - start)

    return float(host.call(flood))


def test_a_guest_gets_what_it_may_and_no_more(host: Namespace) -> None:
    apply(host, tap())
    free = through(host)
    assert free > 8_000_000, "too slow here to tell a limit"
    apply(host, tap(to_guest="16mbit"))
    # the bucket is full at first
    assert 1_400_000 < through(host) < 2_000_000 + 2 * 32768
    apply(host, tap(to_guest="4mbit"))
    assert 300_000 < through(host) < 500_000 + 2 * 32768
    apply(host, tap())
    assert through(host) > 8_000_000


def test_changed_while_its_guest_runs_and_undone(host: Namespace) -> None:
    apply(host, tap())
    guest = opened(host, "shaped0")
    made = apply(host, tap(to_guest="100mbit"))
    assert made.commands == ["tc qdisc replace dev shaped0 root handle 766e: tbf rate 100mbit burst 125000 latency 50ms"]
    assert [(item["before"].count("rate"), item["after"].count("rate to_guest 100mbit")) for item in made.diff] == [(0, 1)]
    assert made.data["disrupts"] == [] and not guest.poll()
    assert qdiscs(host) == ["qdisc tbf 766e: root refcnt 2 rate 100Mbit burst 125000b lat 50ms"]
    host.run(
        "tc", "qdisc", "replace", "dev", "shaped0", "root", "handle", "766e:", "tbf", "rate", "1mbit", "burst", "9000", "latency", "50ms"
    )
    assert "rate to_guest 1mbit" in apply(host, tap(to_guest="100mbit")).diff[0]["before"]
    assert apply(host, tap()).commands == ["tc qdisc delete dev shaped0 root handle 766e:"]
    assert qdiscs(host) == [] and not guest.poll()


def test_a_thousand_in_one_batch_and_made_anew(host: Namespace) -> None:
    taps = [{"name": f"tap{number}", "bridge": "br0", "rate": {"to_guest": "1gbit"}} for number in range(1000)]
    made = apply(host, *taps)
    assert made.commands[-1].count("\n") == 999
    first = link(host, "tap7")["ifindex"]
    taps[7]["multi_queue"] = True
    apply(host, *taps)
    assert link(host, "tap7")["ifindex"] != first
    assert "tbf 766e:" in qdiscs(host, "tap7")[0]
    facts = host.call(lambda: host_facts(Machine()))
    assert {item["name"]: item["rate"] for item in facts["taps"]}["tap7"] == {"to_guest": "1gbit", "from_guest": ""}


def test_what_others_do_with_tc_stays(host: Namespace) -> None:
    apply(host, tap(), {"name": "shaped1"})
    host.run("tc", "qdisc", "add", "dev", "shaped0", "root", "handle", "5:", "htb")
    host.run("tc", "qdisc", "add", "dev", "shaped1", "ingress")
    # as long as no rate is declared, nobody looks
    apply(host, tap(), {"name": "shaped1"})
    wrong = refused(host, tap(to_guest="1mbit"), {"name": "shaped1", "rate": {"from_guest": "1mbit"}})
    assert wrong == [
        "taps[0].rate.to_guest: shaped0 has a qdisc htb that is not ours; remove it (tc qdisc delete dev shaped0 root), or leave to_guest out",
        "taps[1].rate.from_guest: shaped1 has a qdisc ingress that is not ours; "
        "remove it (tc qdisc delete dev shaped1 ingress), or leave from_guest out",
    ]
    apply(host, {"name": "shaped1", "rate": {"to_guest": "1mbit"}})
    apply(host, {"name": "shaped1"})
    assert qdiscs(host) == ["qdisc htb 5: root refcnt 2 r2q 10 default 0 direct_packets_stat 0 direct_qlen 1000"]
    assert qdiscs(host, "shaped1") == ["qdisc ingress ffff: parent ffff:fff1 ----------------"]


def test_what_fails_is_undone(host: Namespace) -> None:
    """tc fails behind the lines that it has done: everything is as it was, whatever this kernel can."""
    apply(host, tap(to_guest="2mbit"))
    before, had = host.snapshot(), qdiscs(host)
    broken = host.module("kvm_tap", prepare=_without_filters, taps=[tap(to_guest="9mbit", from_guest="1mbit"), {"name": "shaped1"}])
    assert "tc filter add dev shaped0 ingress" in broken.failed()
    assert_same(before, host.snapshot(), memory=True)
    assert qdiscs(host) == had


def _without_filters() -> None:
    """A tc that cannot do policers, as where the kernel has none."""
    path = "/usr/local/sbin/tc"
    with open(path, "w", encoding="ascii") as file:
        file.write('#!/bin/sh\n[ "$1" = -batch ] && exec sed \'s/matchall/nonesuch/\' | /usr/sbin/tc -batch -\nexec /usr/sbin/tc "$@"\n')
    os.chmod(path, 0o755)


def test_what_a_guest_sends(host: Namespace) -> None:
    host.ip("tuntap add dev probe mode tap")
    host.run("tc", "qdisc", "add", "dev", "probe", "clsact")
    words = "filter add dev probe ingress protocol all matchall action police rate 1mbit burst 128k conform-exceed drop/continue"
    if host.run("tc", *words.split(), check=False).returncode:
        pytest.skip("this kernel has no matchall or police; the lines and what tc says of them were tried on Debian's")
    host.ip("link del probe")
    apply(host, tap())
    assert out_of(host) > 4_000_000, "too slow here to tell a limit"
    apply(host, tap(from_guest="8mbit"))
    # the bucket of 128 KiB is full at first
    assert 900_000 < out_of(host) < 1_000_000 + 2 * 131_072
    apply(host, tap(from_guest="2mbit", to_guest="1mbit"))
    assert 200_000 < out_of(host) < 250_000 + 2 * 131_072
    apply(host, tap())
    assert out_of(host) > 4_000_000
    assert qdiscs(host) == []


def test_bad_rates(host: Namespace) -> None:
    assert refused(host, tap(to_guest="fast", from_guest="1bit"), {"name": "shaped1", "rate": {"to_guest": "2tbit"}}) == [
        "taps[0].rate.to_guest: 'fast' is no rate; write it as tc does: 10mbit, 1.5gbit, 500kbit, 2mbps (bytes)",
        "taps[0].rate.from_guest: 1bit is outside 8kbit to 1tbit",
        "taps[1].rate.to_guest: 2tbit is outside 8kbit to 1tbit",
    ]
    answer = host.module("kvm_tap", taps=[{"name": "shaped0", "rate": {"peak": "1mbit"}}])
    assert "Unsupported parameters" in answer.failed() and "taps.rate.peak" in answer.failed()
