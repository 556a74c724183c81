# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The host's own program, asked through whatever connection plugin the task has, at the old address or a new one."""

from __future__ import annotations

import json
import shlex
import socket
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ..module_utils.model.paths import PROGRAM
from .confirm import Seen
from .contact import Attempt, Contact, race
from .kept_action import ASKED
from .place import Place, place_of

# For people; it brings its own interpreter.
CONSOLE_PROGRAM = "/usr/local/sbin/hypervisor-vnet"
# Seconds. A login with sudo and Python may take CONNECTING, and a busy or emulated host more: each attempt in vain gives the next
# one twice as much. An existing connection is given up sooner.
CONNECTING = 15.0
SLOWEST = 60.0
ANSWERING = 3.0
# How long the likeliest addresses are tried alone, and each address before the next joins in.
ALONE = 5.0
STAGGER = 1.0
RESETTING = 10.0
FIRST = 60.0
display = Display()


class Reach:
    """Implements confirm.Host. ``action`` is the action plugin, ``task_vars`` the variables of the host that it works on.

    ``program`` is the hash of the sources of the program that the host has, empty when it has none; known when it was greeted.
    """

    def __init__(self, action: t.Any, task_vars: t.Mapping[str, t.Any]) -> None:
        self._action = action
        self._task_vars = task_vars
        self._connection = action._connection
        self.place: Place = place_of(self._connection)
        self.program = ""
        self._others: list[str] = []
        self._addresses: list[str] = []
        self._leaves = self._hangs = False
        self._patience = CONNECTING

    def learn(self, addresses: t.Sequence[str], complete: bool = False) -> None:
        """Where else the host may be reached; ``complete`` when these are all the addresses that it will have."""
        self._others = [address for address in addresses if address != self.place.name]
        self._leaves = complete and bool(self._addresses) and not set(self._addresses) & set(addresses)

    def greet(self) -> None:
        """Prove that the host can be reached at all; raises as the connection plugin does."""
        limit = FIRST + (self._option("reconnection_retries") or 0) * (FIRST / 2)
        for _dummy in (1, 2):
            with Contact(self._greeting) as contact:
                if contact.answered(limit):
                    self.program, self._addresses = contact.answer()
                    return
            self.drop(force=True)
        raise AnsibleConnectionFailure(f"{self.place.name} takes the connection, but has not answered within {limit:.0f} s")

    def ask(self, words: t.Sequence[str], wait: float, fresh: bool = False) -> Seen:
        """Run the program; the first place that answers is where the host is from now on."""
        attempts, places = [], []
        if not fresh and not self._hangs:
            places.append(self.place)
            attempts.append(Attempt(self.place.name, 0.0, lambda: self._question(words)))
        start = 0.0 if fresh or not attempts else STAGGER if self._leaves else wait + ANSWERING
        for place, delay in self._places().items():
            places.append(place)
            attempts.append(Attempt(place.name, start + delay, _bind(self._question, words, place)))
        index, answer, errors = race(attempts, wait + self._patience)
        if not fresh:
            self._hangs = self._hangs or index != 0
        if index is None:
            self._patience = min(self._patience * 2, SLOWEST)
            return Seen(errors=errors)
        self._leaves = self._leaves and answer.get("state") == "running"
        if places[index] != self.place:
            self._move(places[index])
        return Seen(answer, self.place.name, errors)

    def drop(self, force: bool = False) -> None:
        """Close what the connection plugin keeps open beyond a task, when it hangs or leads to where the host was."""
        if force or self._hangs:
            self._hangs = False
            with Contact(self._reset) as contact:
                try:
                    if contact.answered(RESETTING):
                        contact.answer()
                except AnsibleError as error:
                    display.vv(f"{self.place.name}: the connection cannot be reset: {error}")

    def _greeting(self) -> tuple[str, list[str]]:
        """What the program ends with, and what addresses the name of the host stands for, as far as this machine knows."""
        ending = str(self._run(ASKED).get("stdout") or "").strip()
        try:
            return ending, sorted({str(found[4][0]) for found in socket.getaddrinfo(self.place.name, None)})
        except OSError:
            return ending, []

    def _reset(self) -> None:
        self.place.abandon(self._connection)
        if getattr(type(self._connection), "reset", None) is not ConnectionBase.reset:
            self._connection.reset()

    def _places(self) -> dict[Place, float]:
        """Most likely first, each with the seconds after which it is tried. Another family than was reached before may be filtered."""
        if not self.place.movable:
            return {self.place: 0.0}
        families = {":" in address for address in self._addresses} or {False, True}
        new = [self.place.at(address) for address in self._others if (":" in address) in families]
        other = [self.place.at(address) for address in self._others if (":" in address) not in families]
        old = self.place.at("")
        delays: dict[Place, float] = {}
        for group in ([*new, self.place, old], other) if self._leaves else ([self.place], [old, *new], other):
            start = max(delays.values()) + ALONE if delays else 0.0
            for number, place in enumerate(place for place in dict.fromkeys(group) if place not in delays):
                delays[place] = start + number * STAGGER
        return delays

    def _move(self, place: Place) -> None:
        """The rest of this task goes there too."""
        display.vv(f"{self.place.name} is reached at {place.name} now")
        self.drop(force=True)
        self.place = place
        place.apply(self._connection)

    def _question(self, words: t.Sequence[str], place: Place | None = None) -> t.Mapping[str, t.Any]:
        """In a process of its own, so that options which are set here are set for this question only."""
        if self._connection.has_option("reconnection_retries"):
            self._connection.set_option("reconnection_retries", 0)
        if place is not None:
            place.apply(self._connection)
            place.stand_alone(self._connection)
        return read_answer(words, self._run(f"{self._program()} {' '.join(shlex.quote(word) for word in words)}"))

    def _run(self, command: str) -> t.Mapping[str, t.Any]:
        self._action._connection = self._connection
        return t.cast("t.Mapping[str, t.Any]", self._action._low_level_execute_command(command, sudoable=True))

    def _option(self, name: str) -> t.Any:
        return self._connection.get_option(name) if self._connection.has_option(name) else None

    def _program(self) -> str:
        """With the Python that modules run with; ansible-core may still have to find it."""
        python = C.config.get_config_value("INTERPRETER_PYTHON", variables=self._task_vars)
        python = self._action._templar.template(python) if python else ""
        if not python or python.startswith("auto"):
            python = (self._task_vars.get("ansible_facts") or {}).get("discovered_interpreter_python")
        return f"{python} {PROGRAM}" if python else CONSOLE_PROGRAM


def _bind(work: t.Callable[..., t.Any], *args: t.Any) -> t.Callable[[], t.Any]:
    return lambda: work(*args)


def read_answer(words: t.Sequence[str], ran: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """The JSON object that the program printed, whatever stands around it. Raises AnsibleError with what came instead."""
    text = str(ran.get("stdout") or "")
    decoder = json.JSONDecoder()
    for index, line in enumerate(text.splitlines()):
        if line.lstrip().startswith("{"):
            try:
                answer = decoder.raw_decode("\n".join(text.splitlines()[index:]).lstrip())[0]
            except ValueError:
                continue
            if isinstance(answer, dict):
                return answer
    said = " ".join(f"{text} {ran.get('stderr') or ''}".split())
    if "No such file" in said or "not found" in said:
        return {"state": "unknown"}
    raise AnsibleError(f"hypervisor-vnet {words[0]} ended with {ran.get('rc')}: {said[-300:]}")
