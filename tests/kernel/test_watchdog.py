# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watchdog of a host without systemd: a process of its own, which is there for as long as the change is armed."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from harness import STATE, Namespace, assert_same
from hosts import cable, no_waiting

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.journal import standing_span

PROGRAM = f"{STATE}/hypervisor-vnet"
XENBR0 = {"name": "xenbr0", "uplink": "eth0"}


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    no_waiting(empty)
    cable(empty, world)
    empty.ip("address add 10.1.0.2/24 dev eth0")
    empty.settle()
    return empty


def arm(host: Namespace, timeout: int) -> str:
    """Arm the move of the uplink, as the action plugin does."""
    id_ = uuid.uuid4().hex
    answer = host.bridge(XENBR0, checkpoint=id_, confirm="always", confirm_timeout=timeout).ok()
    assert answer.data["armed"]["id"] == id_
    assert any("no systemd" in warning and "not when the host is reset" in warning for warning in answer.warnings), answer.warnings
    assert say(host, "result", id_, "--wait", "20")["state"] == "done"
    assert "xenbr0" in host.snapshot().links
    return id_


def say(host: Namespace, *words: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(host.run(sys.executable, PROGRAM, *words).stdout)
    return answer


def processes(host: Namespace) -> list[str]:
    """The command lines of all that runs on the host."""
    inode = os.fstat(host.mnt).st_ino
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "ns/mnt").stat().st_ino == inode:
                found.append((folder / "cmdline").read_text(encoding="utf-8"))
        except OSError:
            continue
    return found


def awaited(condition: Callable[[], bool], limit: float) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"not within {limit:g} s"
        time.sleep(0.05)


def test_it_undoes_what_nobody_confirms(host: Namespace) -> None:
    before = host.snapshot()
    id_ = arm(host, 5)
    assert len(processes(host)) == 1
    awaited(lambda: say(host, "result", id_)["state"] == "undone", 20)
    report = say(host, "result", id_)["report"]
    assert (report["why"], report["failures"], report["left"]) == ("not confirmed within 5 s", [], [])
    assert_same(before, host.snapshot())
    awaited(lambda: not processes(host), 5)


def test_what_was_undone_is_not_taken_up_again(host: Namespace) -> None:
    """A later task of a checkpoint that is over must not stand alone."""
    before = host.snapshot()
    id_ = arm(host, 60)
    assert say(host, "rollback", id_)["state"] == "undone"
    late = host.bridge(XENBR0, checkpoint=id_, confirm="always")
    assert "the checkpoint of this task is over: asked for; vnet_checkpoint with state: undone ends it" in late.failed()
    assert_same(before, host.snapshot())


def wait_for_the_end() -> None:
    """The module holds the lock, and looks at the host for so long that the time of its checkpoint runs out."""
    run = Machine.run

    def late(self: Machine, argv: Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        while standing_span(self):
            time.sleep(0.02)
        return run(self, argv, stdin, limit)

    Machine.run = late  # type: ignore[method-assign]


def undo_it_slowly() -> None:
    """The module finds the checkpoint over before the watchdog does, which would stop a run that goes on."""
    run = Machine.run

    def slow(self: Machine, argv: Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        end = time.monotonic() + 3.0
        while "-batch" in argv and time.monotonic() < end:
            time.sleep(0.02)
        return run(self, argv, stdin, limit)

    Machine.run = slow  # type: ignore[method-assign]
    while standing_span(Machine()):
        time.sleep(0.02)


@pytest.mark.parametrize(("confirm", "hold"), [("auto", wait_for_the_end), ("always", wait_for_the_end), ("auto", undo_it_slowly)])
def test_a_task_that_joins_while_time_runs_out_finds_it_over(host: Namespace, confirm: str, hold: Callable[[], None]) -> None:
    before = host.snapshot()
    id_ = uuid.uuid4().hex
    host.module("vnet_checkpoint", state="open", checkpoint=id_, timeout=5).ok()
    host.bridge({"name": "xenbr1"}, checkpoint=id_).ok()
    late = host.bridge({"name": "xenbr2"}, checkpoint=id_, confirm=confirm, prepare=hold)
    assert "the checkpoint of this task is over: not confirmed within 5 s" in late.failed()
    report = say(host, "result", id_)["report"]
    assert "bridge xenbr1" in report["undone"] and (report["failures"], report["left"]) == ([], [])
    assert_same(before, host.snapshot())
    awaited(lambda: not processes(host), 5)


def test_it_ends_with_the_confirmation(host: Namespace) -> None:
    id_ = arm(host, 60)
    assert say(host, "confirm", id_)["confirmed"]
    awaited(lambda: not processes(host), 5)
    assert "xenbr0" in host.snapshot().links
