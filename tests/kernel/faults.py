# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trouble at an exact step of a run: put in the way of the machine in the module's own process, nothing in the product knows of it.

A step is one line of an `ip -batch`, one file written or removed, one line of the journal, one kernel parameter.
Every kind of trouble strikes at every fourth step, each kind at others; VNET_SOAK=1 strikes at all of them.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.paths import PROGRAM
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError

Strike = Callable[[], None]
COUNT = "/run/steps"  # how many steps the last run made
SOAK = bool(os.environ.get("VNET_SOAK"))
_APART = 4


def chosen(last: int, first: int) -> list[int]:
    """The steps from 1 to ``last`` at which to strike. With ``first`` from 1 to 4, four kinds of trouble meet every step between them."""
    return [number for number in range(1, last + 1) if SOAK or number % _APART == first % _APART]


def at_step(number: int, strike: Strike, instead: bool = False) -> Callable[[], None]:
    """Call ``strike`` once, behind the step ``number`` (from 1), or ``instead`` of it. For ``prepare`` of a module run."""
    return lambda: _install({number: strike}, instead)


def at_steps(strikes: dict[int, Strike], instead: bool = False) -> Callable[[], None]:
    return lambda: _install(strikes, instead)


def _install(strikes: dict[int, Strike], instead: bool) -> None:
    """From here on every step goes through ``step``."""
    done = 0

    def step(work: Callable[[], Any]) -> Any:
        nonlocal done
        done += 1
        if instead and done in strikes:
            strikes[done]()
        result = work()
        with open(COUNT, "w", encoding="ascii") as file:
            file.write(str(done))
        if not instead and done in strikes:
            strikes[done]()
        return result

    run = Machine.run

    def by_lines(self: Machine, argv: Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        if "-batch" not in argv:
            return run(self, argv, stdin, limit)
        out, err, worst = "", "", 0
        for number, line in enumerate(stdin.splitlines(), 1):
            one = partial(run, self, argv, f"{line}\n", limit)
            # A question is no step.
            result = one() if line.startswith("link show") else step(one)
            out += result.out
            if result.rc:
                worst, err = result.rc, err + re.sub(r"Command failed -:1", f"Command failed -:{number}", result.err)
                if "-force" not in argv:
                    break
        return Completed(worst, out, err)

    Machine.run = by_lines  # type: ignore[method-assign]
    for name in ("write", "remove", "append", "rename", "set_sysctl"):
        _count(name, step)


def _count(name: str, step: Callable[[Callable[[], Any]], Any]) -> None:
    real = getattr(Machine, name)

    def counted(self: Machine, path: str, *args: Any) -> Any:
        # The program is written once for each version of ours, before anything begins.
        return real(self, path, *args) if path == PROGRAM else step(lambda: real(self, path, *args))

    setattr(Machine, name, counted)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


def fail() -> None:
    raise VnetError("injected")


def shell(script: str) -> Strike:
    """Somebody else changes the host at that moment."""

    def strike() -> None:
        subprocess.run(["sh", "-ec", script], check=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, timeout=10)

    return strike
