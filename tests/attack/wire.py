# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bridge on a host, guests on its ports, and an ear at every guest."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corpus import VICTIM
from harness import Namespace

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import Guards, GuardSettings, read_guards
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import Table
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.ruleset import list_command, parse_table
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.guard import guard_tables

ATTACKER, NEIGHBOUR, FREE, HERALD = "vif1.0", "vif2.0", "vif3.0", "herald"
NEIGHBOUR_GUARD = {"interface": NEIGHBOUR, "mac": VICTIM, "addresses": ["10.0.0.20", "2001:db8::20"]}
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 3
_MARK = b"\xa5vnet"
_WAIT = 10.0
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(namespace: Namespace) -> Iterator[None]:
    """A socket belongs for good to the network in which it was made; the test process itself goes home at once."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(namespace.net, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        if _libc.setns(home, _CLONE_NEWNET):
            os._exit(70)
        os.close(home)


def raw_socket(namespace: Namespace, name: str, protocol: int = _ETH_P_ALL) -> socket.socket:
    with inside(namespace):
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        ear.bind((name, 0))
    ear.setblocking(False)
    return ear


def switch(host: Namespace, guests: Namespace) -> None:
    """br0 with its ports; their other ends, of the same names, are in one namespace that says nothing by itself."""
    far = f"/proc/{os.getpid()}/fd/{guests.net}"
    for namespace in (host, guests):
        namespace.sysctl("net/ipv6/conf/default/disable_ipv6", "1")
    if host.run("ls", "/proc/sys/net/bridge", check=False).returncode == 0:
        # br_netfilter cuts off what stands behind an IP packet, and with it the name of the frame.
        for family in ("iptables", "ip6tables", "arptables"):
            host.sysctl(f"net/bridge/bridge-nf-call-{family}", "0")
    host.ip("link add br0 up type bridge stp_state 0 forward_delay 0 mcast_snooping 0 no_linklocal_learn 1")
    for name in (ATTACKER, NEIGHBOUR, FREE, HERALD):
        host.ip(f"link add {name} type veth peer name {name} netns {far}\nlink set {name} master br0 up")
        guests.ip(f"link set {name} up")
    host.settle()


def tables(*guards: Mapping[str, Any], **settings: Any) -> tuple[Table, ...]:
    found, problems = read_guards(guards)
    assert not problems, problems
    return guard_tables(Guards({guard.interface: guard for guard in found}, GuardSettings(**settings)))


def load(host: Namespace, text: str) -> None:
    host.run("nft", "-f", "-", stdin=text)


def counted(host: Namespace, set_name: str, port: str) -> int:
    """Packets of one port by one counter."""
    seen = parse_table(host.run(*list_command(("bridge", "vnet_guard"))).stdout)
    return seen.counters.get(set_name, {}).get(f'"{port}"', (0, 0))[0]


class Wire:
    """Sends frames from one guest and says which of them arrived at the others. Each is known by what stands behind it."""

    def __init__(self, guests: Namespace, sender: str, ears: Sequence[str] = (ATTACKER, NEIGHBOUR, FREE)) -> None:
        self._mouth = raw_socket(guests, sender, 0)
        self._ears = [raw_socket(guests, name) for name in ears if name != sender]
        self._herald = raw_socket(guests, HERALD, 0)
        self._round = 0

    def arrived(self, cases: Mapping[str, bytes]) -> set[str]:
        self._round += 1
        names = list(cases)
        for number, name in enumerate(names):
            self._mouth.send(cases[name].ljust(60, b"\0") + self._trailer(number))
        return {names[number] for number in self._listen(len(names))}

    def _trailer(self, number: int) -> bytes:
        return _MARK + self._round.to_bytes(2, "big") + number.to_bytes(3, "big")

    def _listen(self, last: int) -> set[int]:
        """The herald is sent when all frames are on their way, and comes to every ear when they have been delivered."""
        heard: set[int] = set()
        herald = bytes.fromhex("ffffffffffff 525400aa0001 88b6") + bytes(46) + self._trailer(last)
        self._herald.send(herald)
        end, waiting = time.monotonic() + _WAIT, set(self._ears)
        while waiting:
            assert time.monotonic() < end, "the herald did not arrive"
            for ear in select.select(self._ears, [], [], 0.05)[0]:
                numbers = set(self._read(ear))
                heard |= numbers
                if last in numbers:
                    waiting.discard(ear)
        return heard - {last}

    def _read(self, ear: socket.socket) -> Iterator[int]:
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = ear.recv(65536)
                if frame[-10:-5] == _MARK and int.from_bytes(frame[-5:-3], "big") == self._round:
                    yield int.from_bytes(frame[-3:], "big")

    def close(self) -> None:
        for end in (self._mouth, self._herald, *self._ears):
            end.close()


def learned(host: Namespace, port: str) -> set[str]:
    """The MACs that the bridge believes to be behind a port."""
    lines = host.run("bridge", "fdb", "show", "br", "br0", "dev", port).stdout.splitlines()
    return {line.split()[0] for line in lines if "permanent" not in line and "self" not in line}
