# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The run of a module that may arm: its answer, also when its connection was lost or hangs.

No I/O: the host, the clock and the run come from outside.
"""

from __future__ import annotations

import typing as t

from .confirm import LATE, PAUSE, Clock, Host, Seen, Span

Result = dict[str, t.Any]
# Seconds. A run that says nothing is asked about after PATIENCE; an answer that is on its way has GRACE to arrive.
PATIENCE = 15.0
GRACE = 5.0
# The host answers, but knows nothing of the run, and the run's own connection says nothing. It may wait for another's
# change to be confirmed, which takes an hour at most, and take its time then.
ENDLESS = 4500.0


class ConnectionLost(Exception):
    """The connection of the module broke; the cause is what the connection plugin raised."""


class Overtaken(Exception):
    """The host has the change although the module's answer never came."""


class Armed(t.NamedTuple):
    """The module's result, and the span when something is armed. ``addresses`` is where the plan says the host can be reached."""

    result: Result
    span: Span | None = None
    addresses: t.Sequence[str] = ()


Run = t.Callable[[t.Callable[[float], float]], Result]


class ArmedRun:
    """Runs the module under a span. ``timeout`` is in seconds; ``joined`` says that the span is a checkpoint's."""

    def __init__(self, host: Host, span_id: str, timeout: float, clock: Clock, joined: bool = False) -> None:
        self._host = host
        self._id = span_id
        self._timeout = timeout
        self._clock = clock
        self._joined = joined
        self._began = self._heard = clock.now()
        self._has_it = False

    def result(self, run: Run) -> Armed:
        """What ``run`` returns; it is given what to call while it waits. What it raises is raised when nothing is armed."""
        self._began = self._heard = self._clock.now()
        try:
            result = run(self.watch)
        except ConnectionLost as lost:
            seen = self._find()
            if seen is None:
                raise lost
        except Overtaken:
            seen = self._ask()
        else:
            if "armed" in result:
                return self._armed(result)
            # The module was killed: nobody has told whether it had armed.
            seen = self._ask() if result.get("failed") and ("module_stdout" in result or "module_stderr" in result) else None
            if seen is None or not self._is_known(seen):
                return Armed(result)
        return self._armed(_found(seen))

    def watch(self, waited: float) -> float:
        """Called while the run says nothing. Raises Overtaken or ConnectionLost when there is no use in waiting."""
        if waited < min(PATIENCE, self._timeout / 2):
            return min(PATIENCE, self._timeout / 2) - waited
        if self._has_it:
            raise Overtaken
        seen = self._ask()
        now = self._clock.now()
        if seen.answer is not None:
            self._heard = now
            self._has_it = self._is_known(seen)
        if now >= self._heard + self._timeout + LATE or waited >= ENDLESS:
            raise ConnectionLost
        return GRACE if self._has_it else PATIENCE

    def _find(self) -> Seen | None:
        """What the host says of the span after the connection was lost; None when it has none, or is not back in time."""
        unknown_since = None
        while self._clock.now() < self._heard + self._timeout + LATE:
            seen = self._ask()
            if seen.answer is not None and not self._is_known(seen):
                # A module that has lost its connection goes on, and may be about to arm.
                unknown_since = unknown_since or self._clock.now()
                if self._clock.now() >= unknown_since + GRACE:
                    return None
            elif seen.answer is not None:
                return seen
            self._clock.sleep(PAUSE)
        return None

    def _is_known(self, seen: Seen) -> bool:
        """The run, to the host. A run of the same checkpoint that is done may be an earlier one."""
        return _state(seen) not in ("", "unknown", *(["done"] if self._joined else []))

    def _ask(self) -> Seen:
        return self._host.ask(("result", self._id, "--wait", "0"), 0.0, fresh=True)

    def _armed(self, result: Result) -> Armed:
        armed = result.pop("armed", {})
        timeout = float(armed.get("timeout") or self._timeout)
        span = Span(
            id=str(armed.get("id") or self._id),
            earliest=self._began + timeout,
            latest=self._clock.now() + timeout,
            joined=bool(armed.get("joined", self._joined)),
        )
        return Armed(result, span, tuple(armed.get("addresses") or ()))


def _state(seen: Seen) -> str:
    return str(seen.answer.get("state") or "") if seen.answer else ""


def _found(seen: Seen) -> Result:
    """The module's answer as the host has kept it."""
    kept = dict((seen.answer or {}).get("answer") or {})
    if kept:
        return kept
    return {"changed": True, "warnings": ["the module's answer was lost with its connection; what it did is not known in detail"]}
