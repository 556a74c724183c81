# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The files of xm, which are Python: read without running them. What would have to be run is refused with its line."""

from __future__ import annotations

import ast
import re
import typing as t
import warnings

from .domaintext import Literal, Setting, Unreadable, is_gap

_LINE = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"[uU]?('(?P<one>[^'\\\r\n]*)'|\"(?P<two>[^\"\\\r\n]*)\")")
# A call of one of these could set anything.
_OPAQUE = frozenset({"exec", "eval", "execfile", "globals", "locals", "vars", "setattr"})


def xm_settings(text: str, keys: t.Collection[str]) -> list[Setting]:
    """The settings of ``keys`` in their order. Raises Unreadable with the line that would have to be run."""
    # A character is a byte then, as offsets of the syntax tree are in bytes. Texts are taken from the original.
    plain = re.sub(r"[^\x00-\x7f]", "?", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(plain)
        return _Reader(text, frozenset(keys)).read(tree)
    except SyntaxError as error:
        raise Unreadable(error.lineno or 1, "is no Python 3") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(1, f"is no Python 3 ({type(error).__name__})") from None


class _Reader:
    def __init__(self, text: str, keys: frozenset[str]) -> None:
        self._text = text
        self._keys = keys
        self._starts = [0, *(match.end() for match in _LINE.finditer(text))]
        self._names: dict[str, str] = {}
        self._globals: frozenset[str] = frozenset()
        self._found: list[Setting] = []

    def read(self, tree: ast.Module) -> list[Setting]:
        nodes = list(ast.walk(tree))
        self._globals = frozenset(name for node in nodes if isinstance(node, ast.Global) for name in node.names)
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OPAQUE:
                raise Unreadable(node.lineno, f"{node.func.id}() could set anything; write its settings here")
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                raise Unreadable(node.lineno, "it takes all names of another file; write its settings here")
            if isinstance(node, ast.Global) and self._keys.intersection(node.names):
                raise Unreadable(node.lineno, "a function sets it; set it once, outside")
            if isinstance(node, ast.Name) and node.id == "vif" and isinstance(node.ctx, ast.Load):
                raise Unreadable(node.lineno, "vif is used by other code, which could change it; write the whole list in one place")
        for statement in tree.body:
            self._statement(statement)
        return self._found

    def _statement(self, node: ast.stmt) -> None:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name):
            self._assign(target.id, False, node.value, node)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and isinstance(node.op, ast.Add):
            self._assign(node.target.id, True, node.value, node)
        else:
            self._other(node)

    def _assign(self, name: str, adds: bool, value: ast.expr, node: ast.stmt) -> None:
        """One that is not of ``keys`` is kept for those that use it, if it is a text."""
        line = node.lineno
        if name in self._keys:
            setting = self._setting(name, adds, value, node)
            self._found.append(setting)
            text = setting.text
        else:
            try:
                text = self._literal(value)
            except Unreadable:
                text = None
        known = self._names.pop(name, None)
        if text is None or name in self._globals:
            return
        if adds and known is None:
            if name in self._keys:
                raise Unreadable(line, f"it adds to {name}, which is not known here; write it in one piece")
            return
        self._names[name] = (known or "") + text.value if adds else text.value

    def _setting(self, name: str, adds: bool, value: ast.expr, node: ast.stmt) -> Setting:
        place = (name, adds, *self._span(node), node.lineno)
        lists = _lists(value)
        if lists is None:
            return Setting(*place, text=self._literal(value))
        items = tuple(item for part in lists for item in self._items(part))
        start, end = self._span(lists[-1])
        return Setting(*place, items=items, brackets=(start + 1, end - 1) if isinstance(lists[-1], ast.List) else (0, 0))

    def _items(self, node: ast.List | ast.Tuple) -> list[Literal]:
        items = [self._literal(item) for item in node.elts]
        ends = [self._span(node)[0] + 1, *(item.end for item in items)]
        starts = [*(item.start for item in items), self._span(node)[1] - 1]
        if isinstance(node, ast.List) and not all(is_gap(self._text, end, start) for end, start in zip(ends, starts)):
            raise Unreadable(node.lineno, "an entry has brackets around it; take them away")
        return items

    def _literal(self, node: ast.expr) -> Literal:
        """Raises Unreadable for what is neither a text nor a number, nor put together from such."""
        start, end = self._span(node)
        source = self._text[start:end]
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float)) and not isinstance(node.value, bool):
            plain = _PLAIN.fullmatch(source)
            if plain:
                return Literal(plain["one"] or plain["two"] or "", start, end, node.lineno)
            if not source.isascii():
                raise Unreadable(node.lineno, "a text of several pieces has other characters than ASCII; write it in one")
            return Literal(str(node.value), start, end, node.lineno, "joined" if isinstance(node.value, str) else "plain")
        if isinstance(node, ast.Name):
            if node.id not in self._names:
                raise Unreadable(node.lineno, f"{node.id} is not known without running the file; write its text here")
            return Literal(self._names[node.id], start, end, node.lineno, "computed")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self._literal(node.left), self._literal(node.right)
            sort = "computed" if "computed" in (left.sort, right.sort) else "joined"
            return Literal(left.value + right.value, start, end, node.lineno, sort)
        raise Unreadable(node.lineno, "a text is computed; write the text itself")

    def _other(self, node: ast.stmt) -> None:
        """Whatever it sets is not known afterwards; of ``keys`` it may set none."""
        inside = [] if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else list(ast.walk(node))
        names = {node.name: node.lineno} if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else {}
        for item in inside:
            if isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load):
                names[item.id] = item.lineno
            elif isinstance(item, (ast.FunctionDef, ast.ClassDef)):
                names[item.name] = item.lineno
            elif isinstance(item, ast.alias):
                names[(item.asname or item.name).partition(".")[0]] = node.lineno
            elif isinstance(item, ast.ExceptHandler) and item.name:
                names[item.name] = item.lineno
        for name, line in names.items():
            self._names.pop(name, None)
            if name in self._keys:
                raise Unreadable(line, f"{name} is set by code that would have to run; set it once, at the beginning of a line")

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[end_line - 1] + end


def _lists(node: ast.expr) -> list[ast.List | ast.Tuple] | None:
    """The lists that ``node`` is the sum of; None if it is something else."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return [node]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _lists(node.left), _lists(node.right)
        return left + right if left is not None and right is not None else None
    return None
