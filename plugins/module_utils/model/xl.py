# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What xl takes for vifs of whose guests' files nothing else is said: the defaults of xl.conf(5)."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .interface import name_problems
from .problem import Problem
from .vif import SCRIPTS, Words

CONFIG = "/etc/xen/xl.conf"
# Each as in vif.default.WORD.
WORDS = ("script", "bridge", "gatewaydev", "backend")
_SCRIPT = re.compile(r"(?:/[A-Za-z0-9_.+-]+)+|[A-Za-z0-9_+-][A-Za-z0-9_.+-]*")
_BACKEND = re.compile(r"[A-Za-z0-9_.+-]+")


@dataclass(frozen=True)
class XlDefaults:
    """Those that are declared, by xl's words."""

    words: Words = field(default_factory=dict)
    name: str = "vif"


@dataclass(frozen=True)
class AppliedXl:
    """The defaults as applied."""

    owner: str
    words: Words


@dataclass(frozen=True)
class XlFacts:
    """``xl``: the host has the program. ``scripts``: the names in /etc/xen/scripts."""

    xl: bool = False
    scripts: frozenset[str] = frozenset()


def applied_xl(data: dict[str, t.Any]) -> AppliedXl:
    """One item of the memory."""
    return AppliedXl(data["owner"], dict(data["words"]))


def read_xl_defaults(options: t.Mapping[str, t.Any], path: str = "xl_defaults") -> tuple[XlDefaults, list[Problem]]:
    """The option, with everything that is wrong with it."""
    words = {word: str(options[word]).strip() for word in WORDS if options.get(word)}
    problems = []
    for word in ("bridge", "gatewaydev"):
        problems += name_problems(words[word], f"{path}.{word}") if word in words else []
    script, backend = words.get("script", "vif-bridge"), words.get("backend", "0")
    if not _SCRIPT.fullmatch(script) or ".." in script:
        problems.append(Problem(f"{path}.script", f"{script!r} is no script; write its name in {SCRIPTS}, or its whole path"))
    if not _BACKEND.fullmatch(backend):
        problems.append(Problem(f"{path}.backend", f"{backend!r} is no domain; write its name or its number"))
    return XlDefaults(words), problems
