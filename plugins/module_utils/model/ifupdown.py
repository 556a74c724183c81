# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""interfaces(5) as text: its stanzas, and the marks with which we take lines out of a user's file and put them back.

A user's line is never deleted. It is commented out with a mark that names the bridge, so that the file comes back byte for
byte whatever was edited around it::

    #hypervisor-vnet:xenbr0# iface eth0 inet static      out of use
    #hypervisor-vnet:xenbr0!# auto lo eth0:1             out of use; the next line stands in for it
    #hypervisor-vnet:xenbr0+# ...                        the next line is ours
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

# config.c of ifupdown: these begin a stanza; every other line is an option of the stanza before it.
_STANZAS = frozenset(
    {"iface", "auto", "mapping", "source", "source-dir", "source-directory", "template", "rename", "no-auto-down", "no-scripts"}
)
_MARK = re.compile(r"#hypervisor-vnet:([^#!+]*)([!+]?)# ?(.*)", re.DOTALL)
COMMANDS = frozenset({"up", "post-up", "pre-up", "down", "pre-down", "post-down"})
# interfaces(5): source-directory reads only files with such names.
DIRECTORY_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Line:
    """One logical line: ``text`` without the backslashes; it stands in the file's lines ``first`` to ``last``."""

    text: str
    first: int = 0
    last: int = 0

    @property
    def key(self) -> str:
        return self.text.split(None, 1)[0]

    @property
    def value(self) -> str:
        return self.text.split(None, 1)[1].strip() if len(self.text.split(None, 1)) > 1 else ""


@dataclass(frozen=True)
class Stanza:
    """A line that begins a stanza, and its options."""

    head: Line
    options: tuple[Line, ...] = ()

    @property
    def kind(self) -> str:
        return self.head.key

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.head.text.split()[1:])

    @property
    def name(self) -> str:
        """The interface of an ``iface`` stanza."""
        return self.words[0] if self.kind == "iface" and self.words else ""

    @property
    def family(self) -> str:
        return self.words[1] if len(self.words) > 2 and self.words[1] != "inherits" else ""

    @property
    def method(self) -> str:
        return self.words[2] if self.family else ""

    @property
    def raises(self) -> bool:
        """Does it say which interfaces come up by themselves?"""
        return self.kind == "auto" or self.kind.startswith("allow-")

    def option(self, *keys: str) -> str:
        return next((line.value for line in self.options if line.key in keys), "")

    def text(self) -> str:
        return "".join([self.head.text + "\n", *(f"    {line.text}\n" for line in self.options)])


def parse(text: str) -> tuple[Stanza, ...]:
    """All stanzas of one file. Options before the first stanza are ifupdown's to complain about."""
    stanzas: list[Stanza] = []
    options: list[Line] = []
    head: Line | None = None
    for line in logical_lines(text):
        if line.key in _STANZAS or line.key.startswith("allow-"):
            if head:
                stanzas.append(Stanza(head, tuple(options)))
            head, options = line, []
        else:
            options.append(line)
    return (*stanzas, Stanza(head, tuple(options))) if head else tuple(stanzas)


def logical_lines(text: str) -> t.Iterator[Line]:
    """As get_line() of ifupdown: a comment ends with its line, even with a backslash; any other line goes on behind one."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        first, joined = at, lines[at].strip()
        at += 1
        if not joined or joined.startswith("#"):
            continue
        while joined.endswith("\\") and at < len(lines):
            joined = joined[:-1] + lines[at].rstrip()
            at += 1
        joined = joined.rstrip("\\").strip()
        if joined:
            yield Line(joined, first, at - 1)


def is_of(name: str, link: str) -> bool:
    """Is ``name`` the interface or one of its aliases (eth0:1)?"""
    return name == link or name.startswith(f"{link}:")


def take_out(text: str, owners: t.Mapping[str, str]) -> str:
    """The file with the ``iface`` stanzas of some interfaces out of use. ``owners``: interface -> the bridge that has it now.

    `auto eth0` may stay: the bridge's own file has a stanza for eth0. It has none for the alias eth0:1.
    """
    lines = text.split("\n")
    insert: dict[int, str] = {}
    for stanza in parse(text):
        if stanza.kind == "iface":
            owner = _owner(stanza.name, owners)
            for line in (stanza.head, *stanza.options) if owner else ():
                _comment_out(lines, line, owner)
        elif stanza.raises:
            gone = {word: _owner(word, owners) for word in stanza.words if ":" in word and _owner(word, owners)}
            if gone:
                left = [word for word in stanza.words if word not in gone]
                _comment_out(lines, stanza.head, ",".join(sorted(set(gone.values()))), "!" if left else "")
                if left:
                    insert[stanza.head.last] = " ".join([stanza.kind, *left])
    return "\n".join(part for at, line in enumerate(lines) for part in ([line, insert[at]] if at in insert else [line]))


def _owner(name: str, owners: t.Mapping[str, str]) -> str:
    return next((bridge for link, bridge in owners.items() if is_of(name, link)), "")


def _comment_out(lines: list[str], line: Line, owner: str, last: str = "") -> None:
    for at in range(line.first, line.last + 1):
        lines[at] = f"#hypervisor-vnet:{owner}{last if at == line.last else ''}# {lines[at]}"


def added(bridge: str, line: str) -> str:
    """A line of ours for a user's file."""
    return f"#hypervisor-vnet:{bridge}+# the next line goes away with the bridge\n{line}\n"


def pristine(text: str) -> str:
    """The file as it would read without us."""
    result: list[str] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        mark = _MARK.fullmatch(lines[at])
        at += 1
        if mark is None:
            result.append(lines[at - 1])
        elif mark[2] == "+":
            at += at < len(lines) and "hypervisor-vnet-" in lines[at]
        else:
            result.append(mark[3])
            if mark[2] == "!" and at < len(lines):
                result[-1], used = _without_stand_in(result, lines[at])
                at += used
    return "\n".join(result)


def _without_stand_in(result: t.Sequence[str], stand_in: str) -> tuple[str, int]:
    """The last line as it was, or with what somebody added to its stand-in meanwhile; and how many lines that took."""
    words, original = stand_in.split(), result[-1]
    if not words or not (words[0] == "auto" or words[0].startswith("allow-")):
        return original, 0
    first = len(result) - 1
    while first and result[first - 1].endswith("\\"):
        first -= 1
    had = " ".join(result[first:]).split()
    new = [word for word in words if word not in had]
    return " ".join([original, *new]) if new else original, 1


def pid_path(link: str, family: int) -> str:
    """Where ifupdown's dhclient writes its process id (inet.defn, inet6.defn)."""
    return f"/run/dhclient{_six(family)}.{link}.pid"


def lease_path(link: str, family: int) -> str:
    """Where ifupdown's dhclient keeps its leases."""
    return f"/var/lib/dhcp/dhclient{_six(family)}.{link}.leases"


def _six(family: int) -> str:
    return "6" if family == 6 else ""
