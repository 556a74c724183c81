# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Killed or failing at any single step of taps: the host is as it was, or the next run makes it as it shall be."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from faults import COUNT, at_step, at_steps, chosen, fail, kill
from harness import STATE, Namespace, assert_same
from hosts import no_waiting

OLD: list[dict[str, Any]] = [{"name": "tap0", "bridge": "br0"}, {"name": "tap1", "bridge": "br0"}, {"name": "tap2", "bridge": "br0"}]
# One goes, one is made anew, one changes hot, one comes.
NEW: list[dict[str, Any]] = [{**OLD[0], "owner": "daemon"}, {**OLD[1], "mtu": 2000, "isolated": True}, {"name": "tap3", "bridge": "br0"}]
CHANGE = {"taps": NEW, "prune": True}


@pytest.fixture
def host(empty: Namespace) -> Namespace:
    no_waiting(empty)
    empty.ip("link add br0 address 52:54:00:00:b0:00 type bridge\nlink set br0 up\ntuntap add dev theirs mode tap")
    empty.module("kvm_tap", taps=OLD).ok()
    return empty


def steps(host: Namespace) -> int:
    """How many steps the change makes; the host is as it was afterwards."""
    host.module("kvm_tap", prepare=at_steps({}), **CHANGE).ok()
    count = int(host.read(COUNT))
    host.module("kvm_tap", taps=OLD, prune=True).ok()
    return count


def test_killed_behind_each_step(host: Namespace) -> None:
    before, count = host.snapshot(), steps(host)
    assert_same(before, host.snapshot())
    for number in chosen(count, 1):
        answer = host.module("kvm_tap", prepare=at_step(number, kill), **CHANGE)
        assert answer.rc == -signal.SIGKILL
        check = host.module("kvm_tap", check=True, **CHANGE).ok()
        real = host.module("kvm_tap", **CHANGE).ok()
        assert check.diff_bytes == real.diff_bytes, number
        assert not host.module("kvm_tap", **CHANGE).ok().changed
        host.module("kvm_tap", taps=OLD, prune=True).ok()
        assert_same(before, host.snapshot())


@pytest.mark.parametrize("instead", [True, False], ids=["before", "behind"])
def test_a_failure_at_each_step_leaves_the_host_as_it_was(host: Namespace, instead: bool) -> None:
    before, count = host.snapshot(), steps(host)
    for number in chosen(count + instead - 1, 2 + instead):
        answer = host.module("kvm_tap", prepare=at_step(number, fail, instead), **CHANGE)
        assert "the host is as it was before" in answer.failed(), number
        assert_same(before, host.snapshot())
        assert f"{STATE}/journal" not in host.snapshot().state
