# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of ``hypervisor-vnet``, what it says to them and its exit status, on a machine that only remembers.

How it looks at a host and changes one is tested on a real kernel, in tests/kernel.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils import console, span
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.session import exclusive
from ansible_collections.hypervisor.vnet.plugins.module_utils.journal import Journal
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.paths import APPLIED, JOURNAL, LAST, REPORT
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.span import Span
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Phase, Step, Write, ip_step
from ansible_collections.hypervisor.vnet.tests.unit.plugins.module_utils.host.noted_machine import NotedMachine

STEPS = (
    ip_step(Phase.LINK, "bridge br0", "link add br0", "link del br0"),
    Step(Phase.FILES, "file /etc/f", (Write("/etc/f", "new"),), (Write("/etc/f", "old"),), lasting=True),
)
UNDONE = ["file /etc/f", "bridge br0"]
LATER = 200.0


class Rooted(NotedMachine):
    root = True
    full = False

    def is_root(self) -> bool:
        return self.root

    def write(self, path: str, file: FileState) -> None:
        if self.full and path.startswith("/etc"):
            raise VnetError(f"{path}: cannot be written: No space left on device")
        super().write(path, file)


class Said(t.NamedTuple):
    rc: int
    out: str
    err: str

    @property
    def json(self) -> t.Any:
        assert (self.rc, self.err) == (0, "")
        return json.loads(self.out)


@pytest.fixture
def machine() -> Rooted:
    return Rooted()


@pytest.fixture
def say(machine: Rooted, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Any:
    """say(*words): run the program."""
    for module in (console, span):
        monkeypatch.setattr(module, "LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(console, "Machine", lambda: machine)
    # The session and the signals of the test run stay what they are.
    monkeypatch.setattr(console, "own_session", contextlib.nullcontext)

    def run(*words: str) -> Said:
        try:
            rc = console.main(words)
        except SystemExit as end:
            rc = int(end.code or 0)
        return Said(rc, *capsys.readouterr())

    return run


def change(machine: NotedMachine, armed: bool = True, finished: bool = True, deadline: float = LATER) -> None:
    journal = Journal(machine)
    journal.begin(Span("span1", 100, deadline) if armed else None)
    journal.run(STEPS)
    if finished:
        journal.finish("memory\n", {"links": {}, "files": {}})


def kept(machine: NotedMachine, boot: str = "boot") -> None:
    change(machine)
    Journal(machine).keep()
    machine.files[LAST] = machine.files[LAST].replace('"boot"', f'"{boot}"')


@pytest.mark.parametrize(
    "words",
    [(), ("bogus",), ("result",), ("rollback", "--last", "span1"), ("confirm", "--wait", "soon"), ("confirm", "--last"), ("status", "x")],
)
def test_bad_words(say: t.Any, machine: Rooted, words: t.Sequence[str]) -> None:
    kept(machine)
    said = say(*words)
    assert (said.rc, said.out) == (2, "")
    assert said.err.startswith("usage: hypervisor-vnet")
    assert LAST in machine.files


@pytest.mark.parametrize("words", [("status",), ("confirm",), ("rollback",), ("rollback", "--last"), ("result", "x"), ("undo", "--boot")])
def test_only_for_root(say: t.Any, machine: Rooted, words: t.Sequence[str]) -> None:
    change(machine)
    machine.root = False
    said = say(*words)
    assert (said.rc, said.out) == (1, "")
    assert said.err.startswith("hypervisor-vnet: only root can") and "sudo hypervisor-vnet" in said.err
    assert JOURNAL in machine.files


@pytest.mark.parametrize(
    "words, why",
    [
        (("confirm",), "no change waits to be confirmed"),
        (("rollback",), "no change waits to be confirmed; hypervisor-vnet rollback --last"),
        (("rollback", "--last"), "there is no change to roll back"),
    ],
)
def test_nothing_to_do(say: t.Any, machine: Rooted, words: t.Sequence[str], why: str) -> None:
    said = say(*words)
    assert (said.rc, said.out) == (1, "")
    assert said.err.startswith(f"hypervisor-vnet: {why}")
    assert machine.files == {}


def test_nothing_to_do_for_programs(say: t.Any, machine: Rooted) -> None:
    assert say("result", "span1").json == {"state": "unknown"}
    assert say("rollback", "span1").json == {"state": "unknown"}
    assert say("confirm", "span1").json == {"confirmed": False, "state": "unknown", "probes": {}, "report": None}
    assert say("rollback", "--last", "--json").json == {"error": "there is no change to roll back"}
    assert "no change waits" in say("rollback", "--json").json["error"]
    assert say("undo") == say("undo", "--boot") == say("undo", "--span", "span1") == (0, "", "")
    assert machine.files == {}


def test_confirmed_by_a_person(say: t.Any, machine: Rooted) -> None:
    change(machine)
    assert say("confirm") == (0, "The change stays.\n", "")
    assert (JOURNAL in machine.files, LAST in machine.files, machine.files["/etc/f"]) == (False, True, "new")


def test_confirmed_by_the_controller(say: t.Any, machine: Rooted) -> None:
    change(machine)
    assert say("confirm", "other").json["confirmed"] is False
    assert JOURNAL in machine.files
    assert say("confirm", "span1", "--wait", "1").json == {"confirmed": True, "probes": {}}
    assert say("confirm", "span1").json["confirmed"] is True
    assert say("result", "span1").json == {"state": "confirmed"}


def test_not_confirmed_before_its_end(say: t.Any, machine: Rooted) -> None:
    change(machine, finished=False)
    assert say("confirm").rc == 1
    assert LAST not in machine.files


def test_confirmed_too_late(say: t.Any, machine: Rooted) -> None:
    change(machine, deadline=50.0)
    said = say("confirm")
    assert (said.rc, said.out) == (1, "")
    assert "not confirmed: it is not at its end yet" in said.err
    say("undo", "--span", "span1")
    assert say("confirm", "span1").json["state"] == "undone"


@pytest.mark.parametrize(
    "words", [("rollback",), ("rollback", "--json"), ("rollback", "span1"), ("undo", "--span", "span1"), ("undo", "--boot")]
)
def test_undone(say: t.Any, machine: Rooted, words: t.Sequence[str]) -> None:
    change(machine)
    said = say(*words)
    assert (said.rc, said.err) == (0, "")
    assert (JOURNAL in machine.files, machine.files["/etc/f"], APPLIED in machine.files) == (False, "old", False)
    report = json.loads(machine.files[REPORT])
    assert report["undone"][-2:] == UNDONE
    answers = {("rollback", "span1"): {"state": "undone", "report": report}, ("rollback", "--json"): {"report": report}}
    if words in answers:
        assert said.json == answers[words]
    else:
        assert ("bridge br0" in said.out) == (words == ("rollback",))


@pytest.mark.parametrize("words", [("rollback", "span2"), ("undo", "--span", "span2"), ("undo",)])
def test_another_change_is_not_undone(say: t.Any, machine: Rooted, words: t.Sequence[str]) -> None:
    change(machine)
    assert say(*words).rc == 0
    assert JOURNAL in machine.files


def test_a_killed_run_is_undone_though_it_was_not_armed(say: t.Any, machine: Rooted) -> None:
    change(machine, armed=False, finished=False)
    assert say("confirm").rc == 1
    assert say("rollback").rc == 0
    assert (JOURNAL in machine.files, machine.files["/etc/f"]) == (False, "old")


def test_a_run_that_goes_on_is_left_alone(say: t.Any, machine: Rooted) -> None:
    change(machine, armed=False, finished=False)
    with exclusive(console.LOCK):
        said = say("rollback")
    assert (said.rc, said.err) == (1, "hypervisor-vnet: a run is changing the host now; wait for its end\n")
    assert JOURNAL in machine.files


def test_the_last_kept_change(say: t.Any, machine: Rooted) -> None:
    kept(machine)
    said = say("rollback", "--last")
    assert (said.rc, said.err) == (0, "")
    assert "asked for, after it had been kept" in said.out
    assert (LAST in machine.files, machine.files["/etc/f"]) == (False, "old")
    assert "there is no change" in say("rollback", "--last").err


def test_the_last_kept_change_of_another_boot(say: t.Any, machine: Rooted) -> None:
    kept(machine, boot="before")
    said = say("rollback", "--last")
    assert said.rc == 1
    assert "booted since its last change" in said.err
    assert machine.files["/etc/f"] == "new"


@pytest.mark.parametrize("words", [("rollback",), ("rollback", "--json")])
def test_what_could_not_be_undone_is_told(say: t.Any, machine: Rooted, words: t.Sequence[str]) -> None:
    change(machine)
    machine.full = True
    said = say(*words)
    if words[-1] == "--json":
        assert said.json["report"]["failures"] == ["/etc/f: cannot be written: No space left on device"]
    else:
        assert said.rc == 1
        assert "  FAILED        /etc/f: cannot be written: No space left on device\n" in said.out


def test_the_machine_knows_when_a_file_was_written(tmp_path: pathlib.Path) -> None:
    machine, path = NotedMachine(), tmp_path / "f"
    assert machine.modified(str(path)) == 0.0
    path.write_text("x", encoding="utf-8")
    assert machine.modified(str(path)) == path.stat().st_mtime
