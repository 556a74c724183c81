# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Killed, stopped or failing at any single step: the host is as it was, or the next run makes it as it shall be."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from faults import COUNT, SOAK, at_step, at_steps, chosen, fail, hang_up, kill, shell, terminate
from harness import STATE, Answer, Namespace, Snapshot, assert_same
from hosts import cable, no_waiting

JOURNAL = f"{STATE}/journal"
XENBR0 = {"name": "xenbr0", "uplink": "eth0"}
PRESENT: dict[str, Any] = {"bridges": [XENBR0]}
ABSENT: dict[str, Any] = {"bridges": [{"name": "xenbr0"}], "state": "absent"}
# What stays in the state folder of a host with no change on its way.
QUIET = {"applied.json", "hypervisor-vnet", "last", "lock"}
UNDONE = "an earlier run was stopped in the middle"


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    """A host whose uplink has one of everything that takes a different way when it is undone."""
    no_waiting(empty)
    cable(empty, world)
    empty.sysctl("net/ipv4/conf/all/rp_filter", "1")
    empty.ip(
        """
        address add 10.1.0.2/24 broadcast 10.1.0.255 dev eth0
        address add 10.1.0.3/24 label eth0:1 dev eth0
        address add 2001:db8:1::2/64 dev eth0
        route add default via 10.1.0.1 dev eth0 metric 100
        route add 192.0.2.0/24 via 10.1.0.9 dev eth0 mtu 1400
        route add default via 10.1.0.1 dev eth0 table 100 src 10.1.0.3
        route add default via 2001:db8:1::1 dev eth0
        rule add iif eth0 table 100 priority 1001
        neigh add 10.1.0.77 lladdr 00:11:22:33:44:77 nud permanent dev eth0
        link add eth1 address 52:54:00:bb:00:01 type veth peer name eth1-far
        link set eth1-far up
        link set eth1 up
        address add 10.8.0.2/24 dev eth1
        """
    )
    empty.ip("rule add iif eth0 table 100 priority 1002", family="-6")
    empty.settle()
    return empty


def moved(host: Namespace, before: Snapshot) -> Snapshot:
    """The state that every path must end in."""
    host.settle()
    now = host.snapshot()
    assert now.layer3("xenbr0") == before.layer3("eth0")
    assert now.links["eth0"]["master"] == "xenbr0"
    assert set(now.state) == QUIET
    return now


def restored(host: Namespace, before: Snapshot) -> None:
    host.settle()
    now = host.snapshot()
    assert_same(before, now)
    assert not {*now.state} - QUIET


def steps(host: Namespace, **options: Any) -> int:
    """How many steps a run makes; it makes them."""
    host.module("xen_bridge", prepare=at_steps({}), **options).ok()
    return int(host.read(COUNT))


Recovered = Callable[[Answer], None]


def kill_at(host: Namespace, number: int, options: dict[str, Any]) -> list[str]:
    """Kill the run at that step; what the next runs say of it. Check mode changes nothing and foretells the next run's diff."""
    answer = host.module("xen_bridge", prepare=at_step(number, kill), **options)
    assert answer.rc == -signal.SIGKILL
    # What takes time is looked at often enough with every third.
    stale = _settled(host) if number % 3 == 0 else None
    check = host.module("xen_bridge", check=True, **options).ok()
    if stale:
        assert_same(stale, host.snapshot(), memory=True)
    real = host.module("xen_bridge", **options).ok()
    assert check.diff_bytes == real.diff_bytes, number
    assert [line[:39] for line in check.warnings] == [line[:39] for line in real.warnings], number
    if stale:
        assert not host.module("xen_bridge", check=True, **options).ok().changed
    return real.warnings


def _settled(host: Namespace) -> Snapshot:
    host.settle()
    return host.snapshot()


def test_killed_behind_each_step_of_the_move_and_of_the_way_back(host: Namespace) -> None:
    before = host.snapshot()
    forth = steps(host, **PRESENT)
    after = moved(host, before)
    back = steps(host, **ABSENT)
    restored(host, before)
    numbers = chosen(max(forth, back), 1)
    print(f"\nkilled behind {len(numbers)} of {forth} + {back} steps")
    said = set()
    for number in numbers:
        if number <= forth:
            said.update(line[:39] for line in kill_at(host, number, PRESENT))
        else:
            host.module("xen_bridge", **PRESENT).ok()
        assert_same(after, moved(host, before))
        if number <= back:
            said.update(line[:39] for line in kill_at(host, number, ABSENT))
        else:
            host.module("xen_bridge", **ABSENT).ok()
        restored(host, before)
    assert said == {UNDONE[:39]}


@pytest.mark.parametrize("instead", [True, False], ids=["before", "behind"])
def test_a_failure_at_each_step_leaves_the_host_as_it_was(host: Namespace, instead: bool) -> None:
    before = host.snapshot()
    forth = steps(host, **PRESENT)
    after = moved(host, before)
    back = steps(host, **ABSENT)
    restored(host, before)
    # The last step renames the journal: behind that there is nothing left that could fail.
    for number in chosen(forth + instead - 1, 2 + instead):
        _fails(host, number, instead, PRESENT, before)
    host.module("xen_bridge", prepare=at_step(forth + instead, fail, instead), **PRESENT).ok()
    moved(host, before)
    for number in chosen(back + instead - 1, 2 + instead):
        _fails(host, number, instead, ABSENT, after)
    host.module("xen_bridge", prepare=at_step(back + instead, fail, instead), **ABSENT).ok()
    restored(host, before)


def test_a_card_that_was_down_is_down_and_without_addresses_again(host: Namespace) -> None:
    host.ip("address flush dev eth1\nlink set eth1 down")
    before = host.snapshot()
    port = {"bridges": [{"name": "xenbr1", "uplink": "eth1"}]}
    count = steps(host, **port)
    host.bridge({"name": "xenbr1"}, state="absent").ok()
    assert_same(before, host.snapshot())
    for number in chosen(count - 1, 1):
        _fails(host, number, False, port, before)


def _fails(host: Namespace, number: int, instead: bool, options: dict[str, Any], before: Snapshot) -> None:
    answer = host.module("xen_bridge", prepare=at_step(number, fail, instead), **options)
    message = answer.failed()
    assert "injected" in message, (number, message)
    assert "not everything could be undone" not in message, (number, message)
    host.settle()
    assert_same(before, host.snapshot())
    assert "journal" not in host.snapshot().state, number


def test_stopped_by_sigterm_at_each_step(host: Namespace) -> None:
    before = host.snapshot()
    forth = steps(host, **PRESENT)
    host.module("xen_bridge", **ABSENT).ok()
    for number in chosen(forth, 4):
        answer = host.module("xen_bridge", prepare=at_step(number, terminate), **PRESENT)
        if answer.rc == 0:
            moved(host, before)
            host.module("xen_bridge", **ABSENT).ok()
        else:
            assert "the run was stopped and was undone: " in answer.failed(), number
            assert "stopped by SIGTERM" in answer.failed(), number
        restored(host, before)


def test_a_lost_connection_does_not_stop_it(host: Namespace) -> None:
    before = host.snapshot()
    forth = steps(host, **PRESENT)
    host.module("xen_bridge", **ABSENT).ok()

    def deaf() -> None:
        """Nobody reads what we print any more, and the terminal hangs up at every step."""
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        at_steps(dict.fromkeys(range(1, forth + 1), hang_up))()

    host.module("xen_bridge", prepare=deaf, **PRESENT)
    moved(host, before)
    assert not host.module("xen_bridge", **PRESENT).ok().changed


def test_killed_while_it_unwinds(host: Namespace) -> None:
    before = host.snapshot()
    forth = steps(host, **PRESENT)
    host.module("xen_bridge", **ABSENT).ok()
    # the last step but a few: everything is done and must be undone, and the undoing is killed at every fifth step
    failing = forth - 4
    for number in range(failing + 1, 2 * forth, 1 if SOAK else 5):
        answer = host.module("xen_bridge", prepare=at_steps({failing: fail, number: kill}), **PRESENT)
        if answer.rc == 1:
            assert "injected" in answer.failed()
            break
        assert answer.rc == -signal.SIGKILL
        # Killed behind the very last step, it left nothing to tell of.
        assert all(UNDONE in line for line in host.module("xen_bridge", **PRESENT).ok().warnings)
        moved(host, before)
        host.module("xen_bridge", **ABSENT).ok()
        restored(host, before)
    else:
        raise AssertionError("the unwinding never came to its end")


def test_killed_while_a_file_is_being_written(host: Namespace) -> None:
    """Between the temporary file and its rename: nothing of it stays."""
    before = host.snapshot()

    def prepare() -> None:
        rename = os.rename

        def strike(source: str, target: str) -> None:
            if target.endswith("applied.json"):
                kill()
            rename(source, target)

        os.rename = strike  # type: ignore[assignment]

    assert host.module("xen_bridge", prepare=prepare, **PRESENT).rc == -signal.SIGKILL
    assert host.module("xen_bridge", **PRESENT).ok().warnings[0].startswith(UNDONE)
    moved(host, before)


def test_a_torn_line_at_the_end_of_the_journal(host: Namespace) -> None:
    before = host.snapshot()
    forth = steps(host, **PRESENT)
    host.module("xen_bridge", **ABSENT).ok()
    for number in (3, forth // 2, forth - 3):
        assert host.module("xen_bridge", prepare=at_step(number, kill), **PRESENT).rc == -signal.SIGKILL
        text = host.read(JOURNAL)
        host.write(JOURNAL, text + '{"why": "torn", "undo": [{"action": "ip", "li')
        assert UNDONE in host.module("xen_bridge", **ABSENT).ok().warnings[0]
        restored(host, before)


def test_a_journal_that_was_never_begun(host: Namespace) -> None:
    for text in ("", "{", '{"boot_id": "'):
        host.write(JOURNAL, text)
        assert not host.bridge(state="absent").ok().changed
        assert "journal" not in host.snapshot().state


def test_killed_before_the_change_is_kept(host: Namespace) -> None:
    before = host.snapshot()
    forth = steps(host, **PRESENT)
    host.module("xen_bridge", **ABSENT).ok()
    # the last step renames the journal; before it, applied.json is written, and how the host looks
    for number in (forth - 2, forth - 1):
        assert host.module("xen_bridge", prepare=at_step(number, kill), **PRESENT).rc == -signal.SIGKILL
        check = host.module("xen_bridge", check=True, **PRESENT).ok()
        real = host.module("xen_bridge", **PRESENT).ok()
        assert UNDONE in real.warnings[0]
        assert (check.changed, check.data["diff"]) == (real.changed, real.data["diff"])
        moved(host, before)
        host.module("xen_bridge", **ABSENT).ok()
        restored(host, before)


def test_a_reset_in_the_middle(host: Namespace, tmp_path_factory: pytest.TempPathFactory) -> None:
    """After a reboot the kernel has forgotten by itself; only what is on disk is unwound."""
    forth = steps(host, **PRESENT)
    host.module("xen_bridge", **ABSENT).ok()
    before = host.snapshot()
    assert host.module("xen_bridge", prepare=at_step(forth - 4, kill), **PRESENT).rc == -signal.SIGKILL
    lines = host.read(JOURNAL).splitlines()
    header = {**json.loads(lines[0]), "boot_id": "another"}
    reborn = Namespace(str(tmp_path_factory.mktemp("reborn")))
    try:
        reborn.ip("link add eth0 type veth peer name eth0-far\nlink set eth0-far up\nlink set eth0 up\naddress add 10.99.0.2/24 dev eth0")
        reborn.write(JOURNAL, "\n".join([json.dumps(header), *lines[1:], ""]))
        reborn.settle()
        now = reborn.snapshot()
        assert UNDONE in reborn.bridge(state="absent").ok().warnings[0]
        assert_same(now, reborn.snapshot())
    finally:
        reborn.close()
    assert before


def test_two_runs_at_once_take_turns(host: Namespace) -> None:
    def wait() -> None:
        end = time.monotonic() + 20
        while not os.path.exists("/run/go") and time.monotonic() < end:
            time.sleep(0.01)

    first = host.start_module("xen_bridge", prepare=at_step(12, wait), **PRESENT)
    end = time.monotonic() + 20
    while int(host.read(COUNT) if host.call(lambda: os.path.exists(COUNT)) else 0) < 12 and time.monotonic() < end:
        time.sleep(0.01)
    second = host.start_module("xen_bridge", bridges=[{"name": "xenbr1", "addresses": ["10.20.0.2/24"]}])
    time.sleep(0.5)
    assert not second.poll(), "it did not wait for the lock"
    assert "xenbr1" not in host.snapshot().links
    host.write("/run/go", "")
    assert first.answer().ok().changed
    assert second.answer().ok().changed
    assert set(json.loads(host.read(f"{STATE}/applied.json"))["bridges"]) == {"xenbr0", "xenbr1"}


FOREIGN = "ip link add new0 type veth peer name new1; ip address add 10.9.0.1/24 dev eth1; ip route add 192.0.9.0/24 via 10.8.0.9 dev eth1"


def test_what_others_do_meanwhile_is_neither_undone_nor_a_reason_to_fail(host: Namespace) -> None:
    answer = host.module("xen_bridge", prepare=at_step(15, shell(FOREIGN)), **PRESENT).ok()
    assert sorted(answer.warnings) == ["new0 appeared meanwhile", "new1 appeared meanwhile"]
    _foreign_stands(host)
    assert not host.module("xen_bridge", **PRESENT).ok().changed


def test_what_others_did_meanwhile_stays_when_a_failing_run_is_undone(host: Namespace) -> None:
    before = host.snapshot()
    answer = host.module("xen_bridge", prepare=at_steps({15: shell(FOREIGN), 40: fail}), **PRESENT)
    assert "injected" in answer.failed()
    _foreign_stands(host)
    host.ip("link del new0\naddress del 10.9.0.1/24 dev eth1\nroute del 192.0.9.0/24 via 10.8.0.9 dev eth1")
    assert_same(before, host.snapshot())


def _foreign_stands(host: Namespace) -> None:
    now = host.snapshot()
    assert {"new0", "new1"} <= set(now.links)
    assert "10.9.0.1" in [item["local"] for item in now.links["eth1"]["addr_info"]]
    assert any(route["dst"] == "192.0.9.0/24" for route in now.routes)


def test_killed_at_any_moment_with_whole_batches(host: Namespace) -> None:
    """As it runs in earnest: the kill falls where it falls, and a batch in flight dies with the module."""
    before = host.snapshot()
    chance = random.Random(2)
    started = time.monotonic()
    host.module("xen_bridge", **PRESENT).ok()
    took = time.monotonic() - started
    host.module("xen_bridge", **ABSENT).ok()
    killed = 0
    for _dummy in range(60 if SOAK else 12):
        run = host.start_module("xen_bridge", **PRESENT)
        time.sleep(chance.uniform(0.2, 1.1) * took)
        run.signal(signal.SIGKILL)
        killed += run.wait() == -signal.SIGKILL
        at_once = host.snapshot()
        assert_same(at_once, host.snapshot())
        host.module("xen_bridge", **PRESENT).ok()
        moved(host, before)
        host.module("xen_bridge", **ABSENT).ok()
        restored(host, before)
    assert killed
