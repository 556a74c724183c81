# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a guest's file of Xen says, with the place of each word in it: the form that both grammars are read into."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

# What may stand between two entries of a list besides their comma.
_GAP = re.compile(r"(?:[ \t\r\n\f]|\\\r?\n|#[^\n]*\n)*")


class Unreadable(Exception):
    """The file is not written in this grammar. ``line`` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True)
class Literal:
    """A text or number, which stands in the file from ``start`` up to ``end``, quotes included.

    ``sort``: ``plain`` stands there as it is; ``joined`` has escapes or is put together from several texts; ``computed`` takes
    part of it from a name; ``nested`` is a list in a list, with no value.
    """

    value: str
    start: int
    end: int
    line: int
    sort: str = "plain"


@dataclass(frozen=True)
class Setting:
    """``key = value`` or, with ``adds``, ``key += value``, from ``start`` up to ``end``.

    ``items`` is None unless the value is a list; ``text`` is None then, and when the value is not known. ``brackets``: where the
    last list of it begins and ends, inside its brackets.
    """

    key: str
    adds: bool
    start: int
    end: int
    line: int
    text: Literal | None = None
    items: tuple[Literal, ...] | None = None
    brackets: tuple[int, int] = (0, 0)


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def comma_after(text: str, start: int) -> int | None:
    """Where the comma behind an entry stands that ends at ``start``."""
    end = _skip(text, start)
    return end if text[end : end + 1] == "," else None


def comma_before(text: str, start: int, previous: int) -> int | None:
    """Where the comma before an entry stands that begins at ``start``. ``previous``: where the entry before it ends."""
    comma = comma_after(text, previous)
    return comma if comma is not None and comma < start else None


def is_gap(text: str, start: int, end: int) -> bool:
    """Is there nothing but blanks, comments and at most one comma?"""
    at = _skip(text, start)
    return at >= end or (text[at] == "," and _skip(text, at + 1) >= end)


def _skip(text: str, start: int) -> int:
    found = _GAP.match(text, start)
    return found.end() if found else start


def effective(settings: t.Iterable[Setting], key: str) -> list[Setting]:
    """Those that the value of ``key`` comes from: the last ``=`` and what is added after it."""
    found: list[Setting] = []
    for setting in settings:
        if setting.key == key:
            found = [*found, setting] if setting.adds else [setting]
    return found
