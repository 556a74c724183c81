# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Gives interfaces their routes whenever they appear, and again when somebody takes them: what the unit of routes runs.

The kernel tells of every change (rtnetlink(7)). Network managers take from an interface what they do not know, and a route
goes with its interface.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
import typing as t

from .host.machine import Machine
from .host.perform import try_batch
from .model.problem import VnetError
from .model.routed import FOLDER
from .model.step import Ip
from .model.vif import CONNECTED

# linux/rtnetlink.h: groups and messages.
_LINK, _IP4_ADDRESS, _IP4_ROUTE, _IP6_ADDRESS, _IP6_ROUTE = 0x1, 0x10, 0x40, 0x100, 0x400
_GROUPS = _LINK | _IP4_ADDRESS | _IP4_ROUTE | _IP6_ADDRESS | _IP6_ROUTE
_NEW_LINK, _DELETED_LINK, _DELETED_ADDRESS, _DELETED_ROUTE = 16, 17, 21, 25
_IFNAME, _OIF = 3, 4
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_BUFFER = 1 << 16
# libxl ends a vif's script after 40 s.
_SCRIPT_LIMIT, _PAUSE = 40.0, 0.1
# What a thousand guests say in one go.
_QUEUE = 1 << 22


class Kept(t.NamedTuple):
    """What one interface gets. ``names``: it, and those that its lines speak of besides."""

    settings: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    names: frozenset[str]


def follow(machine: Machine) -> t.NoReturn:
    """Set up every interface that is there, then each one of which the kernel tells; never ends."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as ear:
        # root may have more than net.core.rmem_max.
        ear.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), _QUEUE)
        ear.bind((0, _GROUPS))
        kept = read_kept(machine)
        set_up(machine, kept, kept)
        while True:
            set_up(machine, kept, _heard(ear, kept))


def read_kept(machine: Machine) -> dict[str, Kept]:
    """Interface -> what it gets, as our files have it."""
    kept = {}
    for name in machine.entries(FOLDER):
        file = machine.read(f"{FOLDER}/{name}")
        lines = [line.split(" ", 1) for line in file.content.splitlines()] if file else []
        settings = tuple((words[1].rpartition(" ")[0], words[1].rpartition(" ")[2]) for words in lines if words[0] == "sysctl")
        commands = tuple(words[1] for words in lines if words[0] == "ip")
        names = {name, *(key.split("/")[3] for key, _value in settings), *(line.rpartition(" dev ")[2].split(" ")[0] for line in commands)}
        kept[name] = Kept(settings, commands, frozenset(names))
    return kept


def set_up(machine: Machine, kept: t.Mapping[str, Kept], told: t.Container[str]) -> None:
    """Those of which something was told; where an interface is gone, nobody answers for its guests."""
    lines: list[str] = []
    for name, item in kept.items():
        if not any(other in told for other in item.names):
            continue
        _await_script(machine, name)
        if machine.exists(f"/sys/class/net/{name}"):
            for key, value in item.settings:
                if machine.text(f"/proc/sys/{key}") not in ("", value):
                    with contextlib.suppress(VnetError):
                        machine.set_sysctl(key, value)
            lines += item.lines
        elif name in told:
            lines += [line.replace("replace", "del", 1) for line in item.lines if line.startswith("neigh replace proxy")]
    if lines:
        try_batch(machine, [Ip(line) for line in lines])


def _await_script(machine: Machine, name: str) -> None:
    """Let the script of one of Xen's vifs end, which has no other sign of that than xenstore's.

    vif-nat fails where its address is there already, and where a route is it goes without telling libxl that it is done.
    """
    node = machine.text(f"/sys/class/net/{name}/device/nodename")
    end = time.monotonic() + _SCRIPT_LIMIT
    while node.startswith("backend/vif/") and machine.exists(f"/sys/class/net/{name}") and time.monotonic() < end:
        if machine.run(("xenstore-read", f"{node}/hotplug-status")).out.strip() in (CONNECTED, "error"):
            return
        time.sleep(_PAUSE)


def _heard(ear: socket.socket, kept: t.Mapping[str, Kept]) -> t.Container[str]:
    """The interfaces of which was told since; all of them when more was told than could be heard."""
    try:
        names = told_by(ear.recv(_BUFFER))
        while True:
            names |= told_by(ear.recv(_BUFFER, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return names
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        return kept


def told_by(messages: bytes) -> set[str]:
    """The interfaces that came or changed, and those that lost something (netlink(7))."""
    names = set()
    while len(messages) >= _HEADER.size:
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(messages)
        if length < _HEADER.size:
            break
        name = _named(kind, messages[_HEADER.size : length])
        names |= {name} if name else set()
        messages = messages[_aligned(length) :]
    return names


def _named(kind: int, body: bytes) -> str:
    if kind in (_NEW_LINK, _DELETED_LINK):
        return _attribute(body[16:], _IFNAME).rstrip(b"\0").decode()
    if kind == _DELETED_ADDRESS:
        return _name_of(struct.unpack_from("=I", body, 4)[0])
    if kind == _DELETED_ROUTE:
        index = _attribute(body[12:], _OIF)
        return _name_of(struct.unpack("=I", index)[0]) if len(index) == 4 else ""
    return ""


def _attribute(data: bytes, wanted: int) -> bytes:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        if kind == wanted:
            return data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]
    return b""


def _name_of(index: int) -> str:
    """Empty for one that is gone."""
    with contextlib.suppress(OSError):
        return socket.if_indextoname(index)
    return ""


def _aligned(length: int) -> int:
    return (length + 3) & ~3
