# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Batches of ip(8) as they reach the machine, and the journal of a run, against a machine that only remembers."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.perform import perform, perform_batch, try_batch
from ansible_collections.hypervisor.vnet.plugins.module_utils.journal import (
    MEMORY,
    Journal,
    grouped,
    is_finished,
    read_journal,
    standing_span,
)
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.paths import APPLIED, JOURNAL, LAST
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.span import Span
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import (
    Batch,
    Ip,
    Phase,
    Step,
    Sysctl,
    Write,
    action_from_json,
    action_to_json,
    ip_step,
)
from ansible_collections.hypervisor.vnet.tests.unit.plugins.module_utils.host.noted_machine import NotedMachine


def ips(*lines: str) -> list[Ip]:
    return [Ip(line) for line in lines]


def test_one_process_for_each_family_in_a_row() -> None:
    machine = NotedMachine()
    perform_batch(machine, ips("link add a", "rule add x", "-6 rule add y", "-6 rule add z", "link add b"))
    assert machine.batches == [
        (["ip", "-batch", "-"], ["link add a", "rule add x"]),
        (["ip", "-6", "-batch", "-"], ["rule add y", "rule add z"]),
        (["ip", "-batch", "-"], ["link add b"]),
    ]


def test_the_failing_line_is_named() -> None:
    machine = NotedMachine(wrong={"rule add z"})
    with pytest.raises(VnetError, match=re.escape("ip -6 rule add z: RTNETLINK answers: No")):
        perform_batch(machine, ips("link add a", "-6 rule add y", "-6 rule add z", "link add b"))
    assert machine.done == ["link add a", "rule add y"]


def test_batches_of_other_programs() -> None:
    machine = NotedMachine(wrong={"qdisc b"})
    with pytest.raises(VnetError, match=r"^tc qdisc b: RTNETLINK answers: No$"):
        perform(machine, Batch("tc", ("qdisc a", "qdisc b", "qdisc c")))
    undo = Batch("tc", ("qdisc a", "qdisc b", "qdisc c"), may_fail=True)
    perform(machine, action_from_json(json.loads(json.dumps(action_to_json(undo)))))
    assert machine.done == ["qdisc a", "qdisc a", "qdisc c"]
    assert machine.batches[1] == (["tc", "-force", "-batch", "-"], ["qdisc a", "qdisc b", "qdisc c"])


def test_unwinding_goes_on_behind_lines_that_fail() -> None:
    machine = NotedMachine(wrong={"link del b"})
    try_batch(machine, ips("link del a", "link del b", "link del c"))
    assert machine.done == ["link del a", "link del c", "link show dev lo"]


def test_unwinding_goes_on_behind_lines_that_end_ip() -> None:
    machine = NotedMachine(deadly={"link set b master gone"})
    try_batch(machine, ips("link del a", "link set b master gone", "-6 rule del c", "link del d"))
    assert set(machine.done) >= {"link del a", "rule del c", "link del d"}


def test_groups_are_made_of_lines_only() -> None:
    a, b = ip_step(Phase.LINK, "a", "link add a", "link del a"), ip_step(Phase.LINK, "b", "link add b")
    other = Step(Phase.LINK, "c", (Sysctl("k", "1"),))
    undo_only = Step(Phase.LINK, "d", (), (Ip("link del d"),))
    assert grouped([a, b, other, a, undo_only, b]) == [[a, b], [other], [a], [undo_only], [b]]


STEPS = (
    ip_step(Phase.LINK, "a", "link add a", "link del a"),
    ip_step(Phase.LINK, "b", "link add b", "link del b"),
    Step(Phase.SETTLE, "k", (Sysctl("k", "1"),), (Sysctl("k", "0"),)),
    Step(Phase.FILES, "file", (Write("/etc/f", "new"),), (Write("/etc/f", "old"),), lasting=True),
)


def begun(machine: NotedMachine, span: Span | None = None) -> Journal:
    journal = Journal(machine)
    journal.begin(span)
    journal.start_run({"observed": {"seen": 1}})
    return journal


def armed(checkpoint: bool = False, deadline: float = 200.0) -> Span:
    return Span("span1", 100, deadline, ("gateway4",), checkpoint)


def test_a_run_and_its_end() -> None:
    machine = NotedMachine()
    journal = begun(machine)
    journal.run(STEPS)
    journal.finish("memory\n", {"links": {}})
    assert machine.files[APPLIED] == "memory\n"
    assert JOURNAL not in machine.files
    entries = [json.loads(line) for line in machine.files[LAST].splitlines()]
    assert entries[0] == {"boot_id": "boot", "span": None}
    assert entries[1] == {"run": {"observed": {"seen": 1}}}
    assert [entry["why"] for entry in entries[2:-1]] == ["a", "k", "file", MEMORY]
    assert entries[-1] == {"after": {"links": {}}}


def test_an_armed_run_waits_to_be_kept() -> None:
    machine = NotedMachine()
    journal = begun(machine, armed())
    assert not is_finished(read_journal(machine))
    journal.run(STEPS)
    journal.finish("memory\n", {})
    assert standing_span(machine) == armed()
    assert is_finished(read_journal(machine))
    journal.keep()
    assert standing_span(machine) is None
    assert LAST in machine.files


def test_the_memory_is_undone_too() -> None:
    machine = NotedMachine()
    machine.files[APPLIED] = "before\n"
    journal = begun(machine, armed())
    journal.run(STEPS)
    journal.finish("memory\n", {})
    assert journal.unwind().groups == [MEMORY, "file", "k", "a"]
    assert machine.files[APPLIED] == "before\n"


def test_a_checkpoint_keeps_what_ran_before_a_failing_run() -> None:
    machine = NotedMachine()
    journal = begun(machine, armed(checkpoint=True))
    journal.run(STEPS[:2])
    journal.finish("one\n", {})
    kept = machine.files[JOURNAL]
    journal.start_run({"observed": {}})
    journal.run(STEPS[2:])
    assert journal.unwind_run().groups == ["file", "k"]
    assert machine.files[JOURNAL] == kept
    assert machine.files[APPLIED] == "one\n"
    # A run that was stopped before it began is none.
    assert journal.unwind_run() == ([], []) and machine.files[JOURNAL] == kept
    assert journal.unwind().groups == [MEMORY, "a"]


def test_a_killed_run_of_a_checkpoint_is_undone_alone() -> None:
    machine = NotedMachine()
    journal = begun(machine, armed(checkpoint=True))
    journal.finish("one\n", {})
    assert journal.recover("span1") == ""
    journal.start_run({"observed": {}})
    journal.run(STEPS[2:])
    assert "of this checkpoint was stopped in the middle; its 2 recorded groups" in journal.recover("span1")
    assert machine.files[APPLIED] == "one\n"


def test_a_standing_span_of_others_is_not_touched() -> None:
    machine = NotedMachine()
    journal = begun(machine, armed())
    kept = machine.files[JOURNAL]
    with pytest.raises(VnetError, match="armed for another change"):
        journal.recover("span2")
    assert machine.files[JOURNAL] == kept


@pytest.mark.parametrize("machine_boot", ["boot", "before"])
def test_a_span_whose_time_is_over_does_not_stand(machine_boot: str) -> None:
    machine = NotedMachine()
    journal = begun(machine, armed(deadline=99.0 if machine_boot == "boot" else 200.0))
    journal.run(STEPS)
    journal.finish("memory\n", {})
    machine.files[JOURNAL] = machine.files[JOURNAL].replace('"boot"', f'"{machine_boot}"')
    assert standing_span(machine) is None
    assert journal.unwind().failures == []
    assert machine.files["/etc/f"] == "old"
    assert APPLIED not in machine.files


def test_undone_in_reverse() -> None:
    machine = NotedMachine()
    journal = begun(machine)
    journal.run(STEPS)
    machine.done.clear()
    assert journal.unwind() == (["file", "k", "a"], [])
    assert machine.done == ["k=0", "link del b", "link del a", "link show dev lo"]
    assert machine.files["/etc/f"] == "old"
    assert JOURNAL not in machine.files


def test_after_a_reboot_only_files_are_undone() -> None:
    machine = NotedMachine()
    journal = begun(machine)
    journal.run(STEPS)
    machine.files[JOURNAL] = machine.files[JOURNAL].replace('"boot"', '"before"')
    machine.done.clear()
    assert "undone" in journal.recover()
    assert machine.done == []
    assert machine.files["/etc/f"] == "old"


@pytest.mark.parametrize("tail", ["", '{"why": "torn', "\n", "nonsense\n"])
def test_a_torn_end_is_no_entry(tail: str) -> None:
    machine = NotedMachine()
    journal = begun(machine)
    journal.run(STEPS[:2])
    machine.files[JOURNAL] += tail
    assert "1 recorded group" in journal.recover()
    assert machine.done[-3:] == ["link del b", "link del a", "link show dev lo"]


def test_a_run_that_was_killed_before_it_was_kept_is_undone() -> None:
    machine = NotedMachine()
    journal = begun(machine)
    journal.run(STEPS)
    journal.finish("memory\n", {})
    machine.rename(LAST, JOURNAL)
    machine.done.clear()
    assert "4 recorded groups" in journal.recover()
    assert APPLIED not in machine.files
    assert journal.recover() == ""


def test_temporary_files_of_a_killed_run_are_swept() -> None:
    machine = NotedMachine()
    journal = begun(machine)
    journal.run(STEPS)
    machine.files["/etc/.hypervisor-vnet-x"] = machine.files["/var/lib/hypervisor-vnet/.hypervisor-vnet-y"] = "half"
    machine.files["/etc/.mine"] = "foreign"
    journal.recover()
    assert "/etc/.mine" in machine.files
    assert not [path for path in machine.files if "/.hypervisor-vnet-" in path]
