# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit of routes makes of its files, and of what the kernel tells."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from ansible_collections.hypervisor.vnet.plugins.module_utils.follow import read_kept, set_up, told_by
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import FOLDER, Routed, RoutedGuest
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.routed import routed_files

ITEM = Routed("n1", "n1", (RoutedGuest("192.0.2.190", "192.0.2.1"), RoutedGuest("2001:db8::190")), uplink="eth0", proxy_arp=True)


class Files(Machine):
    """A machine with our files and nothing else."""

    def entries(self, path: str) -> tuple[str, ...]:
        return tuple(name.rpartition("/")[2] for name in routed_files([ITEM]) if name.startswith(f"{path}/"))

    def read(self, path: str) -> FileState | None:
        return routed_files([ITEM]).get(path)


def test_files_are_read_as_they_were_written() -> None:
    assert FOLDER == "/etc/hypervisor-vnet/routes"
    found = read_kept(Files())
    assert list(found) == ["n1"] and found["n1"].names == {"n1", "eth0"}
    assert dict(found["n1"].settings) == ITEM.sysctls()
    assert list(found["n1"].lines) == ITEM.lines()


class Attaching(Files):
    """A vif whose script says that it is done when it is asked for the third time."""

    def __init__(self) -> None:
        self.said: list[tuple[str, ...]] = []

    def exists(self, path: str) -> bool:
        return path == "/sys/class/net/n1"

    def text(self, path: str) -> str:
        return "backend/vif/5/0" if path == "/sys/class/net/n1/device/nodename" else ""

    def run(self, argv: Sequence[str], stdin: str = "", limit: float = 0.0) -> Completed:
        self.said.append(tuple(argv))
        return Completed(0, "connected\n" if len(self.said) > 2 else "\n", "")


def test_a_vif_of_xen_is_left_to_its_script_first() -> None:
    machine = Attaching()
    set_up(machine, read_kept(machine), {"n1"})
    status = ("xenstore-read", "backend/vif/5/0/hotplug-status")
    assert machine.said[:3] == [status] * 3 and machine.said[3][0] == "ip"


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body + b"\0" * (-len(body) % 4)


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def test_what_the_kernel_tells() -> None:
    lo = struct.pack("=I", socket.if_nametoindex("lo"))
    link = bytes(16) + attribute(1, b"xxxxxx") + attribute(3, b"vif1.0\0")
    assert told_by(message(16, link)) == {"vif1.0"}
    assert told_by(message(17, link) + message(16, bytes(16) + attribute(3, b"n1\0"))) == {"vif1.0", "n1"}
    assert told_by(message(21, bytes(4) + lo)) == {"lo"}
    assert told_by(message(25, bytes(12) + attribute(1, bytes(4)) + attribute(4, lo))) == {"lo"}
    # Of an interface that is gone, what comes, and what is none.
    assert told_by(message(21, bytes(4) + b"\xff\xff\xff\x7f")) == set()
    assert told_by(message(20, bytes(4) + lo) + message(24, bytes(12) + attribute(4, lo))) == set()
    assert told_by(b"") == told_by(bytes(16)) == told_by(message(16, bytes(16) + bytes(4))) == set()
