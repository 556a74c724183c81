# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the move of an uplink costs the traffic through it. The figures are printed; what is asserted holds on a busy machine too."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from harness import Namespace
from hosts import cable, foreign, no_waiting, rich, router
from ping import Stream, ping

XENBR0 = {"name": "xenbr0", "uplink": "eth0"}
TARGETS = ("10.1.0.2", "10.1.0.3", "2001:db8:1::2")
# A gap of the kind that this guards against (a bridge that learns, a new MAC, an address that is away) takes 1000 and more.
MOST = 50


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    no_waiting(empty)
    no_waiting(world)
    cable(empty, world)
    foreign(empty)
    rich(empty)
    router(world)
    for key in ("all", "eth0"):
        empty.sysctl(f"net/ipv4/conf/{key}/rp_filter", "1")
    empty.settle()
    world.settle()
    return empty


def measured(world: Namespace, change: Callable[[], Any]) -> list[Stream]:
    """Run ``change`` in the middle of the streams."""
    stop = "/run/stop"
    world.call(lambda: os.path.exists(stop) and os.unlink(stop))
    child = world.start(lambda: ping(TARGETS, stop))
    time.sleep(0.3)
    change()
    time.sleep(0.3)
    world.write(stop, "")
    return list(child.value())


def test_the_move_and_the_way_back_lose_nearly_nothing(host: Namespace, world: Namespace, capfd: pytest.CaptureFixture[str]) -> None:
    changes = {
        "nothing": lambda: time.sleep(0.5),
        "into the bridge": lambda: host.bridge(XENBR0).ok(),
        "nothing to do": lambda: host.bridge(XENBR0).ok(),
        "out of it": lambda: host.bridge({"name": "xenbr0"}, state="absent").ok(),
    }
    for name, change in changes.items():
        streams = measured(world, change)
        with capfd.disabled():
            for stream in streams:
                print(f"\n  {name}: {stream}", end="")
        for stream in streams:
            assert stream.lost < MOST, f"{name}: {stream}"
            assert stream.sent > 100


def test_a_failing_move_loses_nearly_nothing_either(host: Namespace, world: Namespace, capfd: pytest.CaptureFixture[str]) -> None:
    from faults import at_step, fail

    streams = measured(world, lambda: host.bridge(XENBR0, prepare=at_step(80, fail)).failed())
    with capfd.disabled():
        for stream in streams:
            print(f"\n  undone: {stream}", end="")
    for stream in streams:
        # One process for each line here: slower than in earnest, and the machine may be busy.
        assert stream.lost < 10 * MOST, str(stream)


def test_a_session_that_was_open_before_is_open_after(host: Namespace, world: Namespace) -> None:
    """TCP through the uplink, both ways, while it moves there and back."""
    import socket

    def listen() -> int:
        server = socket.create_server(("10.1.0.2", 7777))
        server.settimeout(20)
        peer, _address = server.accept()
        peer.settimeout(20)
        heard = 0
        while data := peer.recv(4096):
            peer.sendall(data)
            heard += len(data)
        return heard

    def talk() -> int:
        end = time.monotonic() + 20
        while True:
            try:
                peer = socket.create_connection(("10.1.0.2", 7777), timeout=20)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        told = 0
        while not os.path.exists("/run/stop"):
            peer.sendall(b"x" * 100)
            told += 100
            assert len(peer.recv(100, socket.MSG_WAITALL)) == 100
            time.sleep(0.002)
        peer.close()
        return told

    server, client = host.start(listen), world.start(talk)
    time.sleep(0.3)
    host.bridge(XENBR0).ok()
    host.bridge({"name": "xenbr0"}, state="absent").ok()
    world.write("/run/stop", "")
    told = client.value()
    assert told > 0
    assert server.value() == told
