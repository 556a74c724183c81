# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller ends in the middle of a change: every host ends wholly before it or wholly after it, and the next run converges.

VNET_SOAK=1 kills it thirty times.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterable
from typing import Any

import pytest
from controller import QUARTET, WRONG, Controller, play, settled, task
from product import LIMIT
from spans import ABSENT, LATE, PRESENT, SOAK, each, journal, some
from steps import Steps
from vnet_lab.machine import Machine
from vnet_lab.snapshot import Snapshot, diff_snapshots
from vnet_lab.util import wait_until

HOSTS = QUARTET
SOON = 15
ROUNDS = 30 if SOAK else 1
# How long a controller that has lost its host, and a host that has lost its controller, may go on.
OVER = SOON + 60 + LATE
# So that nothing holds a session open when all is over.
SSH = {"ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=1s"}


def start(controller: Controller, options: dict[str, Any]) -> subprocess.Popen[str]:
    argv, null = controller.argv([play(task({**options, "confirm_timeout": SOON}))], SSH), subprocess.DEVNULL
    environment = {**controller.environment(), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(argv, env=environment, stdin=null, stdout=subprocess.PIPE, stderr=null, text=True, start_new_session=True)


def begun(process: subprocess.Popen[str]) -> float:
    """Wait until its task begins; when that was."""
    assert process.stdout
    assert any(line.startswith("TASK [Change]") for line in iter(process.stdout.readline, ""))
    return time.monotonic()


def await_end(controller: Controller) -> None:
    """Wait until nothing runs any more, here and on the hosts."""
    controller.await_end(OVER)
    each(lambda host: wait_until(lambda: settled(host), OVER, f"{host.name} is done with it", poll=0.2), controller.lab)


@pytest.mark.parametrize("number", some(signal.SIGINT, more=(signal.SIGTERM,)))
def test_interrupted_it_leaves_nothing_and_the_hosts_undo(controller: Controller, number: int) -> None:
    """One host is about to set its watchdog, one in the middle of its change, the others have cut themselves off and wait."""
    arming, changing, *_waiting = controller.lab
    held = {arming: Steps(arming), changing: Steps(changing)}
    held[arming].hold("systemd-run")
    held[changing].hold("-batch")

    def there(host: Machine) -> bool:
        return bool(held[host].reached) if host in held else stands(host)

    process = start(controller, WRONG)
    each(lambda host: wait_until(lambda: there(host), 60, f"{host.name} comes to where it shall be"), controller.lab)
    os.killpg(process.pid, number)
    process.wait(30)
    controller.await_end(15)
    for steps in held.values():
        steps.release()
    await_end(controller)


def stands(host: Machine) -> bool:
    """Its change is done, and waits to be confirmed."""
    entries = journal(host)
    return bool(entries) and "after" in entries[-1]


def run(controller: Controller, options: dict[str, Any]) -> None:
    made = controller.play([play(task(options))], **SSH)
    assert made.rc == 0, made.output


@pytest.mark.skipif(not SOAK, reason="a signal at a chosen moment stands for all of them: make soak")
def test_killed_at_any_moment(controller: Controller) -> None:
    dice = random.Random()
    ways = {"absent": each(Machine.snapshot, controller.lab)}
    process = start(controller, PRESENT)
    began = begun(process)
    assert process.wait(LIMIT) == 0
    usual = time.monotonic() - began
    ways["present"] = each(Machine.snapshot, controller.lab)
    for number in range(ROUNDS):
        way, options = ("absent", ABSENT) if number % 2 == 0 else ("present", PRESENT)
        moment, alone = dice.uniform(0.0, usual), number % 3 == 1
        process = start(controller, options)
        begun(process)
        time.sleep(moment)
        everything = controller.processes()
        assert process.pid in everything or process.poll() is not None
        kill([process.pid] if alone else everything)
        killed = process.wait(30) != 0
        await_end(controller)
        at = standing(controller, ways)
        what = f"{'ansible-playbook' if alone else 'everything'} was {'' if killed else 'to be '}killed"
        print(f"round {number + 1}: {way}, {what} after {moment:.1f} of {usual:.1f} s: {at}", flush=True)
        assert all(at.values())
        run(controller, options)
        assert set(standing(controller, ways).values()) == {way}
    run(controller, ABSENT)


def kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def standing(controller: Controller, ways: dict[str, list[Snapshot]]) -> dict[str, str]:
    """Which of the ways each host looks now; the differences are printed when it is none."""
    found = {}
    for index, (host, now) in enumerate(zip(controller.lab, each(Machine.snapshot, controller.lab))):
        differences = {way: diff_snapshots(snapshots[index], now) for way, snapshots in ways.items()}
        found[host.name] = next((way for way, lines in differences.items() if not lines), "")
        if not found[host.name]:
            print(host.name, json.dumps(differences, indent=1), flush=True)
    return found
