# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""End connections whose translation is not valid any more, and no others: conntrack(8) alone cannot say `but not those`."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections import defaultdict

from ..model.problem import VnetError
from ..model.step import Forget
from .ctnetlink import Connection
from .machine import Machine

_TUPLE = re.compile(r"\b(src|dst|sport|dport|srckey|dstkey|type|code|id)=(\S+)")
# Options that our flows have -> where an entry says it: of the first or of the reply direction.
_WORDS = {
    "--orig-src": (0, "src"),
    "--orig-dst": (0, "dst"),
    "--orig-port-dst": (0, "dport"),
    "--reply-src": (1, "src"),
    "--reply-dst": (1, "dst"),
    "--reply-port-src": (1, "sport"),
}
# GRE has keys where others have ports.
_ENDS = (("sport", "dport"), ("srckey", "dstkey"))
_ICMP = ("id", "type", "code")
_PORTS = ("--orig-port-dst", "--reply-port-src")


class _Entry(t.NamedTuple):
    """One connection: the protocol's name and number, and the words of both directions."""

    family: str
    protocol: str
    number: int
    sides: tuple[dict[str, str], dict[str, str]]


class _Flow(t.NamedTuple):
    """What an entry must be like. ``ports`` of the first direction; ``translated``: its source is another in the reply."""

    family: str
    protocol: str
    ports: tuple[int, int]
    reply_ports: tuple[int, int]
    words: tuple[tuple[int, str, str], ...]
    translated: bool

    def fits(self, entry: _Entry) -> bool:
        if self.family != entry.family or self.protocol not in ("", entry.protocol):
            return False
        if self.translated and entry.sides[0]["src"] == entry.sides[1]["dst"]:
            return False
        if self.ports[0] and self.reply_ports[0]:
            first, reply = int(entry.sides[0].get("dport", 0)), int(entry.sides[1].get("sport", 0))
            if first - self.ports[0] != reply - self.reply_ports[0]:
                return False
        return all(_is_in(entry.sides[side][word], text) for side, word, text in self.words)


def _is_in(address: str, text: str) -> bool:
    first, dash, last = text.partition("-")
    if dash:
        return int(ipaddress.ip_address(first)) <= int(ipaddress.ip_address(address)) <= int(ipaddress.ip_address(last))
    return address == text or ("/" in text and ipaddress.ip_address(address) in ipaddress.ip_network(text))


class _Flows:
    """Many flows, found by protocol and port."""

    def __init__(self, texts: t.Iterable[str]) -> None:
        self._by_port: dict[tuple[str, int], list[_Flow]] = defaultdict(list)
        self._others: list[_Flow] = []
        for flow in map(_parse, texts):
            if not flow.ports[0]:
                self._others.append(flow)
            for port in range(flow.ports[0], flow.ports[1] + 1) if flow.ports[0] else ():
                self._by_port[(flow.protocol, port)].append(flow)

    def fit(self, entry: _Entry) -> bool:
        flows = self._by_port.get((entry.protocol, int(entry.sides[0].get("dport", 0))), [])
        return any(flow.fits(entry) for flow in (*flows, *self._others))


def _parse(text: str) -> _Flow:
    words = text.split()
    values = {word: words[at + 1] for at, word in enumerate(words[:-1]) if word.startswith("-") and not words[at + 1].startswith("-")}
    first, reply = (_ports(values.get(option, "0")) for option in _PORTS)
    known = tuple((*_WORDS[word], value) for word, value in values.items() if word in _WORDS and word not in _PORTS)
    return _Flow(values["-f"], values.get("-p", ""), first, reply, known, "--src-nat" in words)


def _ports(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    return int(first), int(last if colon else first)


def forget(machine: Machine, action: Forget) -> None:
    """Delete the entries that fit. One that has ended meanwhile is no error."""
    flows, kept = _Flows(action.flows), _Flows(action.kept)
    gone = []
    for family in sorted({text.split()[1] for text in action.flows}):
        done = machine.run(("conntrack", "-L", "-f", family))
        if done.rc:
            raise VnetError(f"conntrack -L -f {family}: exit status {done.rc}: {done.err.strip()}")
        for line in done.out.splitlines():
            entry = _read(family, line)
            if entry and flows.fit(entry) and not kept.fit(entry):
                gone.append(_first(entry))
    machine.delete_connections(gone)


def _read(family: str, line: str) -> _Entry | None:
    """`tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… dst=… sport=… dport=… [ASSURED] mark=0 use=1`."""
    sides: list[dict[str, str]] = []
    for word, value in _TUPLE.findall(line):
        if word == "src":
            sides.append({})
        if sides:
            sides[-1][word] = value
    words = line.split(maxsplit=2)
    return _Entry(family, words[0], int(words[1]), (sides[0], sides[1])) if len(sides) == 2 else None


def _first(entry: _Entry) -> Connection:
    first = entry.sides[0]
    ports = next((tuple(int(first[word], 0) for word in words) for words in _ENDS if words[0] in first), ())
    return Connection(entry.number, first["src"], first["dst"], ports, tuple(int(first[word]) for word in _ICMP if word in first))
