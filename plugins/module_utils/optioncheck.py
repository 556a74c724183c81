# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What is wrong with the options that changing modules share."""

from __future__ import annotations

import re
import typing as t

from .model.probe import read_probes
from .model.problem import Problem

# Less is not enough to reconnect in; who wants more wants no watchdog.
SHORTEST, LONGEST = 5, 3600
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def change_problems(params: t.Mapping[str, t.Any], lists: t.Mapping[str, t.Sized]) -> list[Problem]:
    """What is wrong with the options that every changing module has. ``lists`` are what it declares, by the options' names."""
    problems = []
    if not _OWNER.fullmatch(params["owner"]):
        problems.append(Problem("owner", f"{params['owner']!r} is no label; use 1 to 64 letters, digits, '_', '-' or '.'"))
    for path, items in lists.items():
        if params["prune"] and not items and not params["allow_empty"]:
            why = "is empty, and prune: true would remove everything of this owner"
            problems.append(Problem(path, f"{why}; allow_empty: true says that this is meant"))
    if params["prune"] and params["state"] == "absent":
        problems.append(Problem("prune", "goes with state: present only; state: absent removes what the list names"))
    return problems + confirm_problems(params)


def confirm_problems(params: t.Mapping[str, t.Any], option: str = "confirm_timeout") -> list[Problem]:
    """What is wrong with the options of confirming alone. ``option`` is the name of the timeout."""
    timeout = params[option]
    problems = []
    off = "; 0 says that the host shall not watch over it" if option == "confirm_timeout" else ""
    if not SHORTEST <= timeout <= LONGEST and not (off and timeout == 0):
        problems.append(Problem(option, f"{timeout} is outside {SHORTEST} to {LONGEST} seconds{off}"))
    return problems + read_probes(params["probes"])[1]
