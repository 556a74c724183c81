# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts do by themselves with a change whose controller never comes back: each has its old network again.

Some steps are tried of those at which the power can fail; VNET_SOAK=1 tries every one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from conftest import lab_name
from product import Product, RunFailed
from spans import ABSENT, LATE, PRESENT, SOAK, answers, begin, done, each, is_restored, journal, lost_controller, say, undone, write
from steps import Steps
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import Snapshot, diff_snapshots
from vnet_lab.util import wait_until

HOSTS = {"wd-networkd": ("d12-networkd", "rich"), "wd-ifupdown": ("d12-ifupdown", "rich"), "wd-nm": ("d13-nm", "rich")}
# The module takes it, the host stands there, and nobody reaches it any more.
WRONG = {"bridges": [{"name": "xenbr0", "uplink": "eth0", "addresses": ["10.99.0.9/24"], "gateway4": "10.99.0.1"}]}
OTHER = {"bridges": [{"name": "xenbr1", "addresses": ["10.98.0.1/24"]}]}
NO_OTHER = {"bridges": [{"name": "xenbr1"}], "state": "absent"}
# Long enough for the change on a busy machine, short enough to wait for.
SOON = 8
LATER = 120
# Steps, by what is in their words.
FILE, NETWORK, MEMORY = "os.rename /etc/", "-batch", "applied.json"


@pytest.fixture(scope="module")
def trio() -> Iterator[Lab]:
    """One host of each back end."""
    if os.geteuid() != 0:
        pytest.skip("whole hosts need root")
    with Lab(lab_name("watchdog"), owner=os.getpid()) as made:
        made.start_many(HOSTS)
        yield made


@pytest.fixture(scope="module")
def lost(trio: Lab) -> Product:
    return lost_controller(trio)


@pytest.fixture
def host(trio: Lab) -> Iterator[Machine]:
    """Where one host tells as much as three."""
    found = trio.host("wd-networkd")
    before = found.snapshot()
    yield found
    assert restored(before, found) == []


def restored(before: Snapshot, host: Machine) -> list[str]:
    return diff_snapshots(before, host.snapshot())


def test_nobody_confirms(trio: Lab, lost: Product) -> None:
    def cut_off(host: Machine) -> None:
        before = host.snapshot()
        id_ = begin(lost, host, WRONG, SOON)
        done(host, id_)
        assert not answers(host)
        report = undone(host, id_, SOON + LATE)
        assert answers(host)
        assert restored(before, host) == []
        assert is_restored(report), report
        assert report["id"] == id_
        assert report["why"].startswith(f"not confirmed within {SOON} s; gateway4: 10.99.0.1 on xenbr0 answers neither ARP nor ICMP"), (
            report
        )
        assert {"bridge xenbr0", report["step"]} <= set(report["undone"])
        assert set(report["probes"]) == {"gateway4", "gateway6"}
        assert say(host, "confirm", id_, "--wait", "1") == {"confirmed": False, "state": "undone", "probes": {}, "report": report}

    each(cut_off, trio)


def power_fails(lost: Product, host: Machine, at: int | str) -> bool:
    """Pull the plug before step ``at`` of an armed change; false when all of it, undone in the end, has no such step."""
    before = host.snapshot()
    steps = Steps(host)
    steps.hold(at)
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(begin, lost, host, WRONG, SOON)
        wait_until(lambda: steps.reached or _is_over(host, asked), 60, f"{host.name} comes to step {at}, or undoes its change")
        what = steps.reached
        if what:
            host.power_off_hard()
            host.power_on()
            host.wait_ready()
        _answered(asked)
    print(f"{host.name}: the power fails before step {at}: {what or 'there is none'}", flush=True)
    assert restored(before, host) == []
    assert journal(host) == []
    return bool(what)


def _is_over(host: Machine, asked: Future[str]) -> bool:
    return asked.done() and say(host, "result", asked.result())["state"] == "undone"


def _answered(asked: Future[str]) -> None:
    """The answer may have been cut off."""
    try:
        asked.result()
    except RunFailed as error:
        assert "UNREACHABLE" in str(error) or "unreachable" in str(error)


def test_the_power_fails_while_armed(trio: Lab, lost: Product) -> None:
    def armed(host: Machine) -> None:
        before = host.snapshot()
        steps = Steps(host)
        steps.hold()
        id_ = begin(lost, host, WRONG, LATER)
        done(host, id_)
        forward = steps.count
        host.power_cycle()
        assert restored(before, host) == []
        report = say(host, "result", id_)["report"]
        assert is_restored(report), report
        assert report["why"] == "the host was reset while armed"
        assert host.failed_units() == []
        if SOAK:
            at = 1
            while power_fails(lost, host, at):
                at += 1
            assert at > forward, "undoing has steps, too"
        else:
            # A file half written, the network on its way, and the undoing begun: one of them on each.
            at = dict(zip(HOSTS, (FILE, NETWORK, forward + 5), strict=True))[host.name]
            assert power_fails(lost, host, at)

    each(armed, trio)


def test_killed_in_the_middle(trio: Lab, lost: Product) -> None:
    def killed(host: Machine) -> None:
        before = host.snapshot()
        steps = Steps(host)
        steps.hold(NETWORK)
        id_ = begin(lost, host, WRONG, LATER)
        wait_until(lambda: steps.reached, 30, f"{host.name} comes to its network")
        assert say(host, "result", id_, "--wait", "0")["state"] == "running"
        host.exec(["kill", "-KILL", steps.process])
        steps.release()
        # Nobody has to wait for the deadline.
        report = undone(host, id_, LATE)
        assert report["why"] == "its run was killed"
        assert is_restored(report), report
        assert restored(before, host) == []

    each(killed, trio)


def test_hung_in_the_middle(trio: Lab, lost: Product) -> None:
    def hung(host: Machine) -> None:
        before = host.snapshot()
        steps = Steps(host)
        steps.hold(NETWORK)
        id_ = begin(lost, host, WRONG, SOON)
        wait_until(lambda: steps.reached, 30, f"{host.name} comes to its network")
        host.exec(["kill", "-STOP", steps.process])
        answer = wait_until(lambda: _ended(host, id_), SOON + LATE, f"{host.name} ends the run")
        assert answer["result"]["failed"]
        assert f"not done within confirm_timeout ({SOON} s)" in answer["result"]["msg"]
        assert answer["result"]["msg"].endswith("the host is as it was before")
        steps.release()
        assert restored(before, host) == []

    each(hung, trio)


def _ended(host: Machine, id_: str) -> dict[str, Any]:
    answer = say(host, "result", id_, "--wait", "0")
    return answer if answer["state"] == "done" else {}


# /etc and our folder as one file system, as on a host that has but one; the kernel's network and /usr are not on it.
SMALL_DISK = """
set -e
mkdir -p /run/disk /var/lib/hypervisor-vnet
mount -t tmpfs -o size=24m disk /run/disk
cp -a /etc /run/disk/etc
cp -a /var/lib/hypervisor-vnet /run/disk/ours
mount --bind /run/disk/etc /etc
mount --bind /run/disk/ours /var/lib/hypervisor-vnet
"""
FILL = "cat /dev/zero >/run/disk/filler; test $? = 1"


def test_the_disk_fills_up(trio: Lab, lost: Product) -> None:
    def full(host: Machine) -> None:
        host.exec(["sh", "-c", SMALL_DISK])
        before = host.snapshot()
        id_ = begin(lost, host, WRONG, SOON)
        done(host, id_)
        host.exec(["sh", "-c", FILL])
        report = undone(host, id_, SOON + LATE)
        assert is_restored(report), report
        assert restored(before, host) == []
        host.exec(["rm", "/run/disk/filler"])

        # In the middle of writing files.
        steps = Steps(host)
        steps.hold(FILE)
        id_ = begin(lost, host, PRESENT, LATER)
        wait_until(lambda: steps.reached, 30, f"{host.name} comes to its files")
        host.exec(["sh", "-c", FILL])
        steps.release()
        answer = wait_until(lambda: _ended(host, id_), LATE, f"{host.name} ends the run")
        assert answer["result"]["failed"]
        assert "cannot be written: No space left on device" in answer["result"]["msg"]
        assert answer["result"]["msg"].endswith("the host is as it was before")
        assert restored(before, host) == []
        host.exec(["rm", "/run/disk/filler"])

        # On the way back our own files are removed, and have to be written again when it is undone.
        id_ = begin(lost, host, PRESENT, LATER)
        done(host, id_)
        assert say(host, "confirm", id_)["confirmed"]
        before = host.snapshot()
        steps.hold(MEMORY)
        id_ = begin(lost, host, ABSENT, LATER)
        wait_until(lambda: steps.reached, 30, f"{host.name} has only its memory and the answer still to write")
        host.exec(["sh", "-c", FILL])
        host.exec(["kill", "-KILL", steps.process])
        steps.release()
        report = undone(host, id_, LATE)
        assert is_restored(report), report
        assert restored(before, host) == []
        host.power_cycle()

    each(full, trio)


def test_no_clock_that_is_set_moves_the_deadline(host: Machine, lost: Product) -> None:
    """The machine's clock is everybody's here and must not be set: what the timer and the deadline count by is looked at."""
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    id_ = begin(lost, host, PRESENT, LATER)
    armed = time.clock_gettime(time.CLOCK_BOOTTIME)
    done(host, id_)
    assert began + LATER <= journal(host)[0]["span"]["deadline"] <= armed + LATER
    timer = f"hypervisor-vnet-watchdog-{id_}.timer"
    shown = host.exec(["systemctl", "show", timer]).stdout.splitlines()
    properties = dict(line.partition("=")[::2] for line in shown)
    assert "OnActiveUSec=" in properties["TimersMonotonic"]
    # systemctl shows of a timer only what it has: no time of the day, and no next elapse by the clock.
    assert not {"TimersCalendar", "NextElapseUSecRealtime"} & set(properties)
    assert properties["AccuracyUSec"] == "100ms"
    say(host, "rollback", id_)
    # A deadline that is over would be a trap for the next change.
    wait_until(lambda: timer not in host.exec(["systemctl", "list-timers", "--all"]).stdout, 10, "the timer is gone")


@pytest.mark.skipif(not SOAK, reason="another controller waits in test_controller: make soak")
def test_another_run_waits_for_its_turn(host: Machine, lost: Product) -> None:
    id_ = begin(lost, host, PRESENT, 2 * SOON)
    other = lost.module(host.name, "xen_bridge", OTHER)
    assert (other["failed"], other["changed"]) == (False, True), other
    assert any("for another change to be confirmed or undone" in warning for warning in other["warnings"]), other["warnings"]
    assert say(host, "result", id_)["report"]["why"] == f"not confirmed within {2 * SOON} s"
    assert not lost.module(host.name, "xen_bridge", OTHER)["changed"]
    assert lost.module(host.name, "xen_bridge", NO_OTHER)["changed"]


def test_the_next_run_undoes_what_no_watchdog_undid(host: Machine, lost: Product) -> None:
    id_ = begin(lost, host, PRESENT, SOON)
    host.exec(["systemctl", "stop", f"hypervisor-vnet-watchdog-{id_}.timer"])
    done(host, id_)
    deadline = journal(host)[0]["span"]["deadline"]
    wait_until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > deadline, SOON, "the deadline is over")
    assert not say(host, "confirm", id_, "--wait", "1")["confirmed"]
    stands = host.snapshot()
    foretold = lost.module(host.name, "xen_bridge", OTHER, check=True)
    assert restored(stands, host) == []
    other = lost.module(host.name, "xen_bridge", OTHER)
    assert any("was not confirmed in time" in warning and "undone" in warning for warning in other["warnings"]), other["warnings"]
    assert foretold["diff"] == other["diff"]
    assert say(host, "result", id_)["report"]["why"] == f"not confirmed within {SOON} s"
    assert lost.module(host.name, "xen_bridge", NO_OTHER)["changed"]


def test_what_others_do_meanwhile_stays(trio: Lab, lost: Product) -> None:
    theirs = "/etc/sysctl.d/10-theirs.conf"

    def beside(host: Machine) -> None:
        before = host.snapshot()
        id_ = begin(lost, host, WRONG, SOON)
        done(host, id_)
        host.exec(["ip", "link", "add", "theirs0", "type", "bridge"])
        host.exec(["ip", "address", "add", "10.97.0.1/24", "dev", "theirs0"])
        write(host, theirs, "# others wrote this\n")
        report = undone(host, id_, SOON + LATE)
        assert is_restored(report), report
        changed = restored(before, host)
        assert changed
        assert all("theirs" in line for line in changed), changed
        host.exec(["ip", "link", "del", "theirs0"])
        host.exec(["rm", theirs])
        assert restored(before, host) == []

    each(beside, trio)
