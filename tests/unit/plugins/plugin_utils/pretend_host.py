# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that speaks the contract of the program `hypervisor-vnet`, on a clock that stands still unless somebody waits."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.hypervisor.vnet.plugins.plugin_utils.confirm import Clock, Seen

HOME = "10.0.0.5"
NEW = "10.0.0.9"
CONNECTING = 15.0
FOREVER = 1e9


class Time:
    """Seconds since the test began."""

    def __init__(self):
        self.now = 0.0

    def clock(self):
        return Clock(now=lambda: self.now, sleep=self.pass_by)

    def pass_by(self, seconds):
        self.now += seconds


@dataclass
class PretendHost:
    """Armed at 0 unless said otherwise; its change ends after `takes` seconds, and is undone `timeout` seconds after arming.

    `reached`: (from, until, address) says when it answers where; `fails` is what the run itself says when it has undone
    itself; `probes` gives the probes that fail at a time; `told_twice` loses the first answer to a confirmation.
    """

    time: Time
    timeout: float = 120.0
    armed_at: float = 0.0
    takes: float = 2.0
    fails: str = ""
    undoing: float = 1.0
    reached: tuple = ((0.0, FOREVER, HOME),)
    probes: object = staticmethod(lambda now: {})
    told_twice: bool = False
    forgotten_at: float = FOREVER
    confirmed_at: float = FOREVER
    undone_at: float = FOREVER
    answer: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def ask(self, words, wait, fresh=False):
        self.asked.append((self.time.now, *words, fresh))
        place = self._place()
        if not place:
            self.time.pass_by(CONNECTING)
            return Seen(errors={HOME: "Connection timed out"})
        self.time.pass_by(0.2)
        said = None
        if self._place() == place:
            said = {"result": self._result, "confirm": self._confirm, "rollback": self._rollback}[words[0]](float(wait))
            self.time.pass_by(0.1)
        return Seen(said, place) if said is not None and self._place() == place else Seen(errors={place: "the connection was closed"})

    def words(self, word):
        return [asked for asked in self.asked if asked[1] == word]

    def _place(self):
        return next((place for start, end, place in self.reached if start <= self.time.now < end), "")

    def _state(self):
        now = self.time.now
        if now < self.armed_at or now >= self.forgotten_at:
            return "unknown"
        if now >= self.confirmed_at:
            return "confirmed"
        if now >= min(self.undone_at, self.armed_at + self.timeout) + self.undoing:
            return "undone"
        return "done" if now >= self.armed_at + self.takes else "running"

    def _report(self):
        return {
            "id": "s1",
            "why": "asked for" if self.undone_at < FOREVER else f"not confirmed within {self.timeout:g} s",
            "step": "eth0 moves into xenbr0",
            "undone": ["eth0 moves into xenbr0"],
            "failures": [],
            "left": [],
            "probes": {"gateway4": ""},
        }

    def _result(self, wait):
        end = self.time.now + wait
        while self._state() == "running" and self.time.now < end:
            self.time.pass_by(0.5)
        state = self._state()
        said = {"state": state, **({"answer": self.answer} if self.answer and state != "unknown" else {})}
        if state == "done":
            said["result"] = {"failed": bool(self.fails), "msg": self.fails, "warnings": ["vif1.0 appeared"]}
        if state == "undone":
            said["report"] = self._report()
        return said

    def _confirm(self, wait):
        end = self.time.now + wait
        while True:
            state = "armed" if self._state() == "done" else self._state()
            wrong = self.probes(self.time.now)
            if state == "armed" and not wrong:
                self.confirmed_at = self.time.now
                if self.told_twice:
                    self.told_twice = False
                    return None
            if state == "confirmed" or self.confirmed_at <= self.time.now:
                return {"confirmed": True, "probes": {"gateway4": "", "dns a": ""}}
            if state != "armed" or self.time.now >= end:
                return {"confirmed": False, "state": state, "probes": wrong, "report": self._report() if state == "undone" else None}
            self.time.pass_by(0.5)

    def _rollback(self, dummy):
        if self._state() in ("unknown", "confirmed"):
            return {"state": self._state()}
        self.undone_at = min(self.undone_at, self.time.now)
        self.time.pass_by(self.undoing)
        return {"state": "undone", "report": self._report()}
