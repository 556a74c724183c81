# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of guests under guard: their accounts, and the frames that were refused."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from corpus import GUARD, bad, good
from harness import Namespace
from wire import ATTACKER, NEIGHBOUR, NEIGHBOUR_GUARD, Wire, inside

from ansible_collections.hypervisor.vnet.plugins.module_utils.facts import host_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

OWN = {"interface": ATTACKER, **GUARD}
GROUP = 5
# linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_log.h
_NETFILTER, _NETFILTER_LOG, _PACKET, _CONFIG = 12, 4, 0, 1
_BIND, _COPY_PACKET = 1, 2
_COMMAND, _MODE, _THRESHOLD = 1, 2, 5
_REQUEST, _ACKNOWLEDGE = 1, 4
# render/guard.py: frames at once, and in a second.
_BURST, _RATE = 20, 10


def guard(host: Namespace, *guards: dict[str, Any], **options: Any) -> None:
    host.module("antispoof", guards=list(guards), **options).ok()


def accounts(host: Namespace, interface: str) -> dict[str, Any]:
    def read() -> dict[str, Any]:
        return next(item for item in host_facts(Machine())["guards"] if item["interface"] == interface)

    found: dict[str, Any] = host.call(read)
    return {word: found[word]["packets"] for word in ("sent", "refused")}


def plug_anew(host: Namespace, guests: Namespace, name: str) -> None:
    """As Xen does when a guest is started again: another interface of the same name."""
    host.ip(f"link del {name}")
    host.ip(f"link add {name} type veth peer name {name} netns /proc/{os.getpid()}/fd/{guests.net}\nlink set {name} master br0 up")
    guests.ip(f"link set {name} up")
    host.settle()


def test_accounts_outlive_the_interface(host: Namespace, guests: Namespace) -> None:
    guard(host, OWN, NEIGHBOUR_GUARD)
    for turn in (1, 2):
        wire = Wire(guests, ATTACKER)
        assert wire.arrived(bad()) == set()
        wire.close()
        assert accounts(host, ATTACKER) == {"sent": turn * len(bad()), "refused": turn * len(bad())}
        # Somebody else's guard comes and goes meanwhile.
        guard(host, OWN, prune=True)
        guard(host, OWN, NEIGHBOUR_GUARD)
        plug_anew(host, guests, ATTACKER)
    assert accounts(host, NEIGHBOUR) == {"sent": 0, "refused": 0}


@contextlib.contextmanager
def log(host: Namespace) -> Iterator[socket.socket]:
    """What is logged to the group, as ulogd hears it."""
    with inside(host):
        ear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    with ear:
        ear.bind((0, 0))
        options = [
            (_COMMAND, struct.pack("=B", _BIND)),
            (_MODE, struct.pack("!IBx", 0xFFFF, _COPY_PACKET)),
            (_THRESHOLD, struct.pack("!I", 1)),
        ]
        for number, value in options:
            attribute = struct.pack("=HH", 4 + len(value), number) + value
            body = struct.pack("!BBH", 0, 0, GROUP) + attribute.ljust(-(-len(attribute) // 4) * 4, b"\0")
            kind = _NETFILTER_LOG << 8 | _CONFIG
            ear.send(struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | _ACKNOWLEDGE, number, 0) + body)
            answer = ear.recv(4096)
            assert struct.unpack_from("=i", answer, 16) == (0,), "the kernel takes no log of this group"
        ear.setblocking(False)
        yield ear


def heard(ear: socket.socket) -> list[bytes]:
    """The messages of packets; the kernel has handed over all that it will, since every frame has arrived or has been dropped."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(ear.recv(65536))
    return [message for message in found if struct.unpack_from("=H", message, 4)[0] == _NETFILTER_LOG << 8 | _PACKET]


def test_what_is_refused_is_logged_and_no_more_than_anybody_can_read(host: Namespace, wire: Wire) -> None:
    guard(host, {**OWN, "log": True}, NEIGHBOUR_GUARD, log_group=GROUP)
    with log(host) as ear:
        wire.arrived(good())
        assert heard(ear) == []
        start = time.monotonic()
        assert wire.arrived(bad()) == set()
        messages = heard(ear)
    assert 0 < len(messages) <= _BURST + _RATE * (time.monotonic() - start)
    assert all(b"vnet_guard: " in message for message in messages)


def test_what_docker_does_opens_nothing(host: Namespace, wire: Wire) -> None:
    """It empties and fills chains of iptables whenever it is started; with br_netfilter those see what bridges forward."""
    guard(host, OWN, NEIGHBOUR_GUARD)
    for verb in ("-N DOCKER-USER", "-I FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN", "-P FORWARD DROP", "-F FORWARD", "-t nat -F"):
        host.run("iptables-nft", *verb.split())
        assert wire.arrived(bad()) == set(), verb
    assert set(good()) - wire.arrived(good()) == set()
