# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What the controller does about an armed change: find out how it went, and confirm it or await the host's return.

No I/O: the host and the clock come from outside.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field, replace

Answer = t.Mapping[str, t.Any]
# Seconds. How long the program on the host waits at a time for the end of a run, and for probes to pass.
RESULT_WAIT = 3.0
CONFIRM_WAIT = 10.0
# What probes need to pass at all.
PROBING = 1.0
# A confirmation should have been answered this long before the host undoes the change.
MARGIN = 2.0
# The host may be back this late: it undoes for a while, and neighbours and managers settle.
LATE = 60.0
PAUSE = 1.0
TELL_EVERY = 10.0


@dataclass(frozen=True)
class Clock:
    """Seconds on the controller that never jump."""

    now: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Seen:
    """What came of one question to the host.

    ``answer`` is None when it was not reached. ``place`` is the address that answered, ``errors`` says why others did not.
    """

    answer: Answer | None = None
    place: str = ""
    errors: t.Mapping[str, str] = field(default_factory=dict)


class Host(t.Protocol):
    """The host's own program, as far as it can be reached from here. Every question ends."""

    def ask(self, words: t.Sequence[str], wait: float, fresh: bool = False) -> Seen:
        """Run the program with these words. ``wait`` is how long it may think; ``fresh`` allows new connections only."""


@dataclass(frozen=True)
class Span:
    """One armed change. The host undoes it at some time between ``earliest`` and ``latest`` on the controller's clock."""

    id: str
    earliest: float
    latest: float
    joined: bool = False


@dataclass(frozen=True)
class Ending:
    """How a span ended.

    ``state`` is confirmed, done (of a joined run), failed (the run undid itself), undone, unknown (the host has forgotten
    the span), or lost (the host did not come back, or still has not done what it should). ``answer`` is what the host
    said last, ``errors`` why it was not reached (address -> why), ``probes`` those that failed last.
    """

    state: str
    answer: Answer = field(default_factory=dict)
    place: str = ""
    errors: t.Mapping[str, str] = field(default_factory=dict)
    probes: t.Mapping[str, str] = field(default_factory=dict)


class Confirmation:
    """Brings one span to its end. ``tell`` is given a line about what is awaited, now and then."""

    def __init__(self, host: Host, span: Span, tell: t.Callable[[str], None], clock: Clock) -> None:
        self._host = host
        self._span = span
        self._tell = tell
        self._clock = clock
        self._told = clock.now()
        self._last = Ending("lost")

    def settle(self) -> Ending:
        """Await the end of the run, then confirm the change unless it is one of several."""
        while self._clock.now() < self._span.latest + LATE:
            seen = self._ask("result", RESULT_WAIT)
            state = _state(seen)
            if state == "done":
                failed = bool(seen.answer and (seen.answer.get("result") or {}).get("failed"))
                return self._ending("failed" if failed else "done") if failed or self._span.joined else self.confirm()
            if state in ("undone", "confirmed", "unknown"):
                return self._ending(state)
            self._progress("for the change to end" if state else "for the host to answer again")
            if state != "running":
                self._clock.sleep(PAUSE)
        return self._ending("lost")

    def confirm(self) -> Ending:
        """Confirm over fresh connections for as long as the host waits for it."""
        while self._clock.now() < self._span.earliest:
            left = self._span.earliest - self._clock.now()
            seen = self._ask("confirm", max(PROBING, min(CONFIRM_WAIT, left - MARGIN)), fresh=True)
            if seen.answer:
                self._last = replace(self._last, probes={name: why for name, why in (seen.answer.get("probes") or {}).items() if why})
                if seen.answer.get("confirmed"):
                    return self._ending("confirmed")
                if _state(seen) in ("undone", "unknown"):
                    return self._ending(_state(seen))
            self._progress("for the probes to pass" if seen.answer else "for the host to answer at any of its addresses")
            self._clock.sleep(PAUSE)
        return self.await_return()

    def await_return(self) -> Ending:
        """Wait until the host has undone the change and can be reached again."""
        while self._clock.now() < self._span.latest + LATE:
            state = _state(self._ask("result", 0.0, fresh=True))
            if state in ("undone", "confirmed", "unknown"):
                return self._ending(state)
            self._progress("for the host to undo the change" if state else "for the host to undo the change and come back")
            self._clock.sleep(PAUSE)
        return self._ending("lost")

    def _ask(self, word: str, wait: float, fresh: bool = False) -> Seen:
        seen = self._host.ask((word, self._span.id, "--wait", f"{wait:.0f}"), wait, fresh)
        # Why it did not answer stays known when the host is back.
        answer = self._last.answer if seen.answer is None else seen.answer
        self._last = replace(self._last, answer=answer, place=seen.place, errors={**self._last.errors, **seen.errors})
        return seen

    def _ending(self, state: str) -> Ending:
        return replace(self._last, state=state)

    def _progress(self, what: str) -> None:
        now = self._clock.now()
        if now >= self._told + TELL_EVERY:
            self._told = now
            errors = "; ".join(f"{place}: {why}" for place, why in self._last.errors.items()) if not self._last.place else ""
            left = self._span.latest - now
            deadline = f"it undoes the change in {left:.0f} s" if left > 0 else f"its time was up {-left:.0f} s ago"
            self._tell(f"waiting {what}{f' ({errors})' if errors else ''}; {deadline}")


def _state(seen: Seen) -> str:
    return str(seen.answer.get("state") or "") if seen.answer else ""
