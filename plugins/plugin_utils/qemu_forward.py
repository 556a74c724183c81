# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.
"""The forwards of QEMU's user mode network: hostfwd leads from the host to the guest, guestfwd from the guest to a program or a device."""

from __future__ import annotations

import ipaddress
import typing as t

from ..module_utils.model.problem import Problem
from .qemu_fields import address, number, path, text
from .qemu_models import Version

_PORT = number(1, 65535)
# With port 0 the kernel chooses one that is free.
_LISTEN_PORT = number(0, 65535)
_HOSTFWD = ("protocol", "listen_address", "port", "path", "to", "to_port")
_GUESTFWD = ("address", "port", "command", "to")
UNIX_SINCE: Version = (10, 2)


def host_forwards(items: t.Any, place: str, net: ipaddress.IPv4Network, version: Version | None) -> tuple[list[str], list[Problem]]:
    """The values of ``hostfwd=``: ``tcp:127.0.0.1:5022-10.0.2.15:22``. ``net`` is the guest's network."""
    words: list[str] = []
    listeners: dict[str, str] = {}
    problems: list[Problem] = []
    for at, item in _items(items, place, _HOSTFWD, "{port: 5022, to_port: 22}", problems):
        read = _Item(item, at, problems)
        protocol = str(item.get("protocol", "tcp"))
        if protocol not in ("tcp", "udp", "unix"):
            problems.append(Problem(f"{at}.protocol", f"{protocol!r} does not exist; there is: tcp, udp, unix"))
            continue
        listen = _unix(read, version) if protocol == "unix" else _listen(read)
        guest = read.get("to", address(4)) if "to" in item else ""
        if guest and ipaddress.ip_address(guest) not in net:
            problems.append(Problem(f"{at}.to", f"{guest} is outside {net}, the guest's network; choose an address in it, or leave it out"))
        port = read.get("to_port", _PORT) if "to_port" in item or protocol == "unix" else read.get("port", _PORT)
        listener = f"{protocol}:{listen or at}"
        if listener in listeners and listen != ":0":
            problems.append(Problem(at, f"listens where {listeners[listener]} does already; choose another port or address"))
        listeners.setdefault(listener, at)
        words.append(f"{protocol}:{listen}-{guest}:{port}")
    return words, problems


def _listen(read: _Item) -> str:
    """ADDRESS:PORT, or nothing when there is no such port."""
    where = read.get("listen_address", address(4)) if "listen_address" in read.item else ""
    if "path" in read.item:
        read.say("path", "is for protocol unix only; use listen_address and port")
    port = read.get("port", _LISTEN_PORT)
    return f"{where}:{port}" if port else ""


def _unix(read: _Item, version: Version | None) -> str:
    for key in ("listen_address", "port"):
        if key in read.item:
            read.say(key, "is for tcp and udp only; a socket of protocol unix has a path")
    if version and version < UNIX_SINCE:
        read.say("protocol", f"unix came with QEMU {'.'.join(map(str, UNIX_SINCE))}; use tcp with listen_address 127.0.0.1")
    where = read.get("path", path)
    if "-" in where:
        # Up to QEMU 10.2 at least; the guest's end begins behind the dash.
        read.say("path", f"{where} has a dash, which QEMU may take for the end of the path; choose a path without")
    return where


def guest_forwards(items: t.Any, place: str, net: ipaddress.IPv4Network, taken: t.Sequence[str]) -> tuple[list[str], list[Problem]]:
    """The values of ``guestfwd=``: ``tcp:10.0.2.100:80-cmd:PROGRAM``. ``taken``: the network's own addresses of host and DNS."""
    words: list[str] = []
    problems: list[Problem] = []
    for at, item in _items(items, place, _GUESTFWD, "{address: 10.0.2.100, port: 80, command: cat /etc/motd}", problems):
        read = _Item(item, at, problems)
        where, port = read.get("address", address(4)), read.get("port", _PORT)
        if where and (where in taken or ipaddress.ip_address(where) not in net):
            read.say("address", f"{where} must be in {net}, and neither the host's address there nor the DNS server's")
        if ("command" in item) == ("to" in item):
            problems.append(Problem(at, "needs either command, a program run for each connection, or to, a character device"))
            continue
        target = f"cmd:{read.get('command', text)}" if "command" in item else read.get("to", text)
        words.append(f"tcp:{where}:{port}-{target}")
    return words, problems


class _Item:
    """One forward, and where what is wrong with it goes."""

    def __init__(self, item: t.Mapping[str, t.Any], place: str, problems: list[Problem]) -> None:
        self.item, self.place, self.problems = item, place, problems

    def say(self, key: str, message: str) -> None:
        self.problems.append(Problem(f"{self.place}.{key}", message))

    def get(self, key: str, check: t.Callable[[t.Any], str]) -> str:
        """The checked value; empty when it is wrong or not there, which is then among the problems."""
        if key not in self.item:
            self.say(key, "is missing; a forward cannot do without it")
            return ""
        try:
            return check(self.item[key])
        except ValueError as error:
            self.say(key, str(error))
            return ""


def _items(
    items: t.Any, place: str, keys: t.Sequence[str], example: str, problems: list[Problem]
) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    if not isinstance(items, list):
        problems.append(Problem(place, f"is no list of forwards; write each as an item with a dash before it, as in - {example}"))
        return
    for index, item in enumerate(items):
        at = f"{place}[{index}]"
        if not isinstance(item, dict):
            problems.append(Problem(at, f"{item!r} is no forward; write it as in {example}"))
            continue
        unknown = sorted(str(key) for key in item if key not in keys)
        if unknown:
            problems.append(Problem(at, f"{', '.join(unknown)}: no such option; a forward has: {', '.join(keys)}"))
        yield at, {str(key): value for key, value in item.items() if value is not None}
