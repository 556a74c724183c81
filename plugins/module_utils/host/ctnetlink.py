# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Delete connections by their first direction, as the kernel takes it: conntrack(8) walks its whole table for each one.

Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h and include/uapi/linux/netlink.h.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import typing as t

from ..model.problem import VnetError

_NETLINK_NETFILTER = 12
_CT_DELETE = 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
_REQUEST_ACK = 1 | 4
_NESTED = 1 << 15
_TUPLE_ORIG, _TUPLE_IP, _TUPLE_PROTO = 1, 1, 2
_ADDRESSES = {4: (1, 2), 6: (3, 4)}
_PROTO_NUM, _PORTS = 1, (2, 3)
# The protocol's number -> where its id, type and code stand.
_ICMP = {1: (4, 5, 6), 58: (7, 8, 9)}
_ENOENT = 2
_SECONDS = 5.0


class Connection(t.NamedTuple):
    """The first direction of an entry. ``protocol``: its number. ``ports``: source and destination; ``icmp``: id, type and code; empty where it has none."""

    protocol: int
    source: str
    destination: str
    ports: tuple[int, ...] = ()
    icmp: tuple[int, ...] = ()


def request(connection: Connection, number: int) -> bytes:
    """The message that deletes one connection."""
    version = ipaddress.ip_address(connection.source).version
    ends = zip(_ADDRESSES[version], (connection.source, connection.destination))
    addresses = b"".join(_attribute(kind, ipaddress.ip_address(end).packed) for kind, end in ends)
    protocol = _attribute(_PROTO_NUM, struct.pack("B", connection.protocol))
    protocol += b"".join(_attribute(kind, struct.pack("!H", port)) for kind, port in zip(_PORTS, connection.ports))
    for kind, form, value in zip(_ICMP.get(connection.protocol, ()), ("!H", "B", "B"), connection.icmp):
        protocol += _attribute(kind, struct.pack(form, value))
    inner = _attribute(_TUPLE_IP | _NESTED, addresses) + _attribute(_TUPLE_PROTO | _NESTED, protocol)
    body = struct.pack("BBH", socket.AF_INET6 if version == 6 else socket.AF_INET, 0, 0) + _attribute(_TUPLE_ORIG | _NESTED, inner)
    return struct.pack("=IHHII", 16 + len(body), _CT_DELETE, _REQUEST_ACK, number, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    """Length and kind, then the value, filled up to four octets."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def delete(connections: t.Iterable[Connection]) -> None:
    """Delete them one after the other. One that has ended meanwhile is no error; VnetError names another."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
        kernel.settimeout(_SECONDS)
        for number, connection in enumerate(connections, 1):
            kernel.send(request(connection, number))
            error = -struct.unpack_from("=i", kernel.recv(8192), 16)[0]
            if error not in (0, _ENOENT):
                raise VnetError(f"the connection from {connection.source} to {connection.destination} does not end: {os.strerror(error)}")
