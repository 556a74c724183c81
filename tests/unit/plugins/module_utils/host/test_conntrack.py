# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which entries of conntrack's listing are deleted, and what the kernel is told."""

from __future__ import annotations

import struct
import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.conntrack import forget
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.ctnetlink import Connection, request
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Forget

# As conntrack 1.4.7 lists them.
FORWARDED = (
    "tcp      6 431999 ESTABLISHED src=192.0.2.99 dst=192.0.2.1 sport=4000 dport=8001 src=10.0.0.1 dst=192.0.2.99 sport=9001 dport=4000"
    " [ASSURED] mark=0 use=1"
)
ELSEWHERE = "tcp      6 100 ESTABLISHED src=192.0.2.98 dst=192.0.2.1 sport=4001 dport=8001 src=10.0.0.2 dst=192.0.2.98 sport=9001 dport=4001 mark=0 use=1"
SHIFTED = "tcp      6 100 ESTABLISHED src=192.0.2.98 dst=192.0.2.1 sport=4002 dport=8001 src=10.0.0.1 dst=192.0.2.98 sport=9000 dport=4002 mark=0 use=1"
LOCAL = "udp      17 29 src=192.0.2.99 dst=192.0.2.1 sport=5000 dport=53 [UNREPLIED] src=192.0.2.1 dst=192.0.2.99 sport=53 dport=5000 mark=0 use=1"
PASSING = "udp      17 29 src=10.0.0.1 dst=192.0.2.99 sport=5000 dport=53 src=192.0.2.99 dst=192.0.2.1 sport=53 dport=5000 mark=0 use=1"
PING = "icmp     1 29 src=10.0.0.1 dst=192.0.2.99 type=8 code=0 id=77 src=192.0.2.99 dst=192.0.2.20 type=0 code=0 id=77 mark=0 use=1"
INSIDE = "icmp     1 29 src=10.0.0.1 dst=10.1.0.3 type=8 code=0 id=78 src=10.1.0.3 dst=10.0.0.1 type=0 code=0 id=78 mark=0 use=1"
GRE = "gre      47 29 src=10.0.0.1 dst=192.0.2.98 srckey=0x0 dstkey=0x1f src=192.0.2.98 dst=192.0.2.20 srckey=0x1f dstkey=0x0 mark=0 use=1"
ALL = (FORWARDED, ELSEWHERE, SHIFTED, LOCAL, PASSING, PING, INSIDE, GRE)


class Tracking(Machine):
    """A machine whose conntrack knows some entries."""

    def __init__(self, rc: int = 0) -> None:
        super().__init__()
        self.deleted: list[Connection] = []
        self._rc = rc

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        return Completed(self._rc, "\n".join([*ALL, ""]) if argv[-1] == "ipv4" else "", "not permitted")

    def delete_connections(self, connections: t.Iterable[Connection]) -> None:
        self.deleted += connections


@pytest.mark.parametrize(
    ("flow", "kept", "entries"),
    [
        ("-f ipv4 -p tcp --orig-port-dst 8000:8010 --reply-src 10.0.0.1 --reply-port-src 9000:9010", (), [FORWARDED]),
        ("-f ipv4 -p tcp --orig-port-dst 8001 --reply-src 10.0.0.1 --reply-port-src 9001", (), [FORWARDED]),
        (
            "-f ipv4 -p tcp --orig-port-dst 8001 --reply-src 10.0.0.1 --reply-port-src 9001",
            ("-f ipv4 -p tcp --orig-src 192.0.2.0/24 --orig-port-dst 8001 --reply-src 10.0.0.1 --reply-port-src 9001",),
            [],
        ),
        ("-f ipv4 -p udp --orig-port-dst 8001 --reply-src 10.0.0.1 --reply-port-src 9001", (), []),
        ("-f ipv6 -p tcp --orig-port-dst 8001 --reply-src 10.0.0.1 --reply-port-src 9001", (), []),
        ("-f ipv4 -p udp --orig-port-dst 53 --orig-dst 192.0.2.1 --reply-src 192.0.2.1", (), [LOCAL]),
        ("-f ipv4 --orig-src 10.0.0.0/16 --src-nat", (), [PASSING, PING, GRE]),
        ("-f ipv4 --orig-src 10.0.0.0/16 --reply-dst 192.0.2.20", (), [PING, GRE]),
        ("-f ipv4 --orig-src 10.0.0.0/16 --reply-dst 192.0.2.19-192.0.2.21", (), [PING, GRE]),
    ],
)
def test_only_what_fits(flow: str, kept: tuple[str, ...], entries: list[str]) -> None:
    machine = Tracking()
    forget(machine, Forget((flow,), kept))
    assert [[one.source, one.destination] for one in machine.deleted] == [_who(entry.replace("=", " ")) for entry in entries]


def _who(words: str) -> list[str]:
    """Addresses of the first direction."""
    return [word for word in words.split() if word.count(".") == 3][:2]


def test_an_entry_is_named_exactly() -> None:
    machine = Tracking()
    forget(machine, Forget(("-f ipv4 --orig-src 10.0.0.1 --src-nat",)))
    assert machine.deleted == [
        Connection(17, "10.0.0.1", "192.0.2.99", (5000, 53)),
        Connection(1, "10.0.0.1", "192.0.2.99", (), (77, 8, 0)),
        Connection(47, "10.0.0.1", "192.0.2.98", (0, 0x1F)),
    ]


def test_what_the_kernel_is_told() -> None:
    told = request(Connection(17, "10.0.0.1", "192.0.2.99", (5000, 53)), 7)
    head, tuples = told[:20], told[20:]
    assert head == struct.pack("=IHHII", len(told), 0x102, 5, 7, 0) + bytes([2, 0, 0, 0])
    assert tuples.hex() == (
        struct.pack("=HH", 52, 0x8001).hex()
        + struct.pack("=HH", 20, 0x8001).hex()
        + struct.pack("=HH", 8, 1).hex()
        + "0a000001"
        + struct.pack("=HH", 8, 2).hex()
        + "c0000263"
        + struct.pack("=HH", 28, 0x8002).hex()
        + struct.pack("=HH", 5, 1).hex()
        + "11000000"
        + struct.pack("=HH", 6, 2).hex()
        + "13880000"
        + struct.pack("=HH", 6, 3).hex()
        + "00350000"
    )


def test_a_listing_that_fails_is_told() -> None:
    with pytest.raises(VnetError, match="conntrack -L -f ipv4: exit status 1: not permitted"):
        forget(Tracking(1), Forget(("-f ipv4 --orig-src 10.0.0.1 --src-nat",)))
