# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The grammar of xl's files (libxlu_cfg_l.l and libxlu_cfg_y.y of Xen): what xl refuses is refused here, and so are numbers in escapes."""

from __future__ import annotations

import re
import typing as t

from .domaintext import Literal, Setting, Unreadable

_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+)|(?P<newline>\n|\#.*\n)|(?P<ident>[a-z][._0-9a-z]*)|(?P<number>[0-9][0-9a-fx]*)
    |(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|(?P<mark>\+=|[,\[\]=;])""",
    re.VERBOSE,
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", '"': '"', "\\": "\\"}
_DEEPEST = 20


class Token(t.NamedTuple):
    kind: str
    text: str
    start: int
    end: int
    line: int


def xl_settings(text: str) -> list[Setting]:
    """All settings in their order. Raises Unreadable with the first line that xl would refuse."""
    return _Parser(_tokens(text)).settings()


def _tokens(text: str) -> list[Token]:
    found, at, line = [], 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise Unreadable(line, f"{_word(text, at)} is no word of xl's")
        kind = match.lastgroup or ""
        if kind == "mark":
            kind = match.group()
        if kind != "blank":
            found.append(Token(kind, match.group(), at, match.end(), line))
        line += match.group().count("\n")
        at = match.end()
    return [*found, Token("end", "", at, at, line)]


def _word(text: str, at: int) -> str:
    return repr(text[at]) if text[at].isspace() else text[at : at + 20].split()[0]


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def settings(self) -> list[Setting]:
        found = []
        while self._kind != "end":
            if self._kind in ("newline", ";"):
                self._next()
                continue
            found.append(self._setting())
            if self._kind not in ("newline", ";", "end"):
                raise self._unexpected("the end of the line")
        return found

    @property
    def _kind(self) -> str:
        return self._tokens[self._at].kind

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *kinds: str) -> Token:
        if self._kind not in kinds:
            raise self._unexpected(" or ".join(kinds))
        return self._next()

    def _unexpected(self, wanted: str) -> Unreadable:
        token = self._tokens[self._at]
        return Unreadable(token.line, f"{token.text.strip() or token.kind} stands where xl expects {wanted}")

    def _setting(self) -> Setting:
        key = self._take("ident")
        adds = self._take("=", "+=").kind == "+="
        place = (key.text, adds, key.start)
        if self._kind != "[":
            text = self._literal()
            return Setting(*place, text.end, key.line, text=text)
        opening = self._tokens[self._at].end
        items = self._list(0)
        closing = self._tokens[self._at - 1]
        return Setting(*place, closing.end, key.line, items=items, brackets=(opening, closing.start))

    def _literal(self) -> Literal:
        token = self._take("string", "number")
        if token.kind == "number":
            return Literal(token.text, token.start, token.end, token.line)
        value = _dequoted(token)
        return Literal(value, token.start, token.end, token.line, "plain" if value == token.text[1:-1] else "joined")

    def _list(self, depth: int) -> tuple[Literal, ...]:
        first = self._take("[")
        if depth > _DEEPEST:
            raise Unreadable(first.line, "has too many lists in lists")
        items: list[Literal] = []
        self._blank_lines()
        while self._kind != "]":
            if self._kind == "[":
                token = self._tokens[self._at]
                self._list(depth + 1)
                items.append(Literal("", token.start, self._tokens[self._at - 1].end, token.line, "nested"))
            else:
                items.append(self._literal())
            self._blank_lines()
            if self._kind != "]":
                self._take(",")
                self._blank_lines()
        self._next()
        return tuple(items)

    def _blank_lines(self) -> None:
        while self._kind == "newline":
            self._next()


def _dequoted(token: Token) -> str:
    def escape(match: re.Match[str]) -> str:
        if match.group(1) not in _ESCAPES:
            raise Unreadable(token.line, f"{match.group()} is no escape of xl's")
        return _ESCAPES[match.group(1)]

    return re.sub(r"\\(.)", escape, token.text[1:-1])
