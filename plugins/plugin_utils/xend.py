# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""xend-config.sxp: the S-expressions in it, and the calls of network scripts that it and wrappers around them make."""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass, field

_TOKEN = re.compile(r"""\s+|\#[^\n]*|(?P<mark>[()])|'(?P<one>[^']*)'|"(?P<two>(?:[^"\\]|\\.)*)"|(?P<word>[^\s()'"]+)""", re.DOTALL)
_SCRIPTS = ("network-bridge", "network-route", "network-nat", "network-virtual")
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)=(\S*|\"[^\"]*\"|'[^']*'|\"?\$\(.*\)\"?|`.*`)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# What the wrapper was called with: start, stop or status, and nothing that says more of the network.
_PASSED = frozenset({"$@", "$*", "$1", "${1}", "start"})
_QUIET = re.compile(
    r"(?:#|set\s|shift\b|exit\b|esac\b|case\s|;;|\.\s|source\s|:\s*$|(?:\"?[\w*|]+\"?)\)\s*(?:;;)?$|(?:do|done|then|else|fi|\}|\{)$)"
)
# The branch of a case with a command behind it, and its end.
_BRANCH = re.compile(r"^\"?[\w*|-]+\"?\)\s+(?=\S)|\s*;;$")
_BLOCK = re.compile(r"(?:if|for|while|until)\s")
_BLOCK_END = re.compile(r"(?:fi|done)\b")
_FUNCTION = re.compile(r"(?:function\s+)?[\w-]+\s*\(\s*\)")


@dataclass(frozen=True)
class Call:
    """A script that Xen brings along, and the variables that it is given."""

    script: str
    variables: t.Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wrapper:
    """What a script of the user's own calls. ``left``: the lines that were not understood, each behind its number."""

    calls: tuple[Call, ...] = ()
    left: tuple[str, ...] = ()


def settings(text: str) -> dict[str, str]:
    """Key -> the first word behind it, of all lists at the top; of a key that is there twice the first, as xend does.

    ValueError names the line of a bracket or quote that is missing.
    """
    found: dict[str, str] = {}
    words: list[str] = []
    depth = at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        line = text.count("\n", 0, at) + 1
        if not match:
            raise ValueError(f"line {line}: a quote is not closed")
        at = match.end()
        if match["mark"] == "(":
            words = [] if not depth else words
            depth += 1
        elif match["mark"] == ")":
            depth -= 1
            if depth < 0:
                raise ValueError(f"line {line}: a bracket closes that was not opened")
            if not depth and words:
                found.setdefault(words[0], words[1] if len(words) > 1 else "")
        elif depth == 1 and match.lastgroup:
            words.append(match[match.lastgroup])
    if depth:
        raise ValueError(f"line {text.count(chr(10)) + 1}: a bracket is not closed")
    return found


def call_of(value: str) -> Call | None:
    """``network-bridge netdev=eth1`` as xend reads it; None for none. ValueError names what is no variable."""
    words = shlex.split(value)
    if not words:
        return None
    variables = {}
    for word in words[1:]:
        key, equals, text = word.partition("=")
        if not equals:
            raise ValueError(f"{word!r} is no variable of {words[0]}; write it as in netdev=eth0")
        variables[key] = text
    return Call(words[0], variables)


def is_stock(script: str) -> bool:
    return script in _SCRIPTS


def read_wrapper(text: str) -> Wrapper:
    """The calls in a shell script. Those that depend on a condition or a loop, and other commands, are left."""
    calls: list[Call] = []
    left = []
    names: dict[str, str] = {}
    depth = 0
    for number, line in _lines(text):
        line = _BRANCH.sub("", line)
        opens = bool(_BLOCK.match(line)) + bool(_FUNCTION.match(line))
        closes = bool(_BLOCK_END.search(line)) + line.startswith("}")
        inside = depth or opens
        depth = max(0, depth + opens - closes)
        assignment = _ASSIGNMENT.fullmatch(line)
        call = None if inside or assignment else _call(line, names)
        if call and call.variables.get("") in ("stop", "status"):
            continue
        if call and "" not in call.variables:
            calls += [call] if call not in calls else []
        elif assignment and not inside:
            names[assignment[1]] = _expanded(assignment[2].strip("\"'"), names)
        elif line and not _QUIET.match(line):
            left.append(f"line {number}: {line}")
    return Wrapper(tuple(calls), tuple(left))


def _lines(text: str) -> t.Iterator[tuple[int, str]]:
    """Each command with the number of its first line; without comments and continuations."""
    kept, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first if kept else number
        kept += line
        if kept.endswith("\\"):
            kept = kept[:-1] + " "
            continue
        for part in re.split(r"(?<!;);(?!;)", re.sub(r"(?:^|\s)#.*", "", kept)):
            if part.strip():
                yield first, part.strip()
        kept = ""


def _call(line: str, names: t.Mapping[str, str]) -> Call | None:
    """A call of one of Xen's scripts. A word that is none of its variables stands under the empty key."""
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    script = _expanded(words[0], names).rpartition("/")[2] if words else ""
    if script not in _SCRIPTS:
        return None
    variables = {}
    for word in words[1:]:
        if word in _PASSED:
            continue
        word = _expanded(word, names)
        key, equals, value = word.partition("=")
        if not equals or "$" in value or "`" in value:
            key, value = "", word
        variables[key] = value
    return Call(script, variables)


def _expanded(word: str, names: t.Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: names.get(match[1] or match[2], match[0]), word)
