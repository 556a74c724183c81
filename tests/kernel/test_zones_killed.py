# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed or failing at any single step of zones: the host is as it was, or the next run makes it as it shall be."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from typing import Any

import pytest
from faults import COUNT, at_step, at_steps, chosen, fail, kill
from harness import Namespace, Snapshot, assert_same
from hosts import foreign, no_waiting

DMZ, DATA, WORLD = {"name": "dmz", "networks": ["dmz0"]}, {"name": "data", "networks": ["data0"]}, {"name": "world", "interfaces": ["eth0"]}
NONE: dict[str, Any] = {"zones": [], "policies": []}
OLD: dict[str, Any] = {
    "zones": [DMZ, DATA, WORLD],
    "policies": [
        {"from": "dmz", "to": "world", "allow": ["tcp/80", "tcp/8000-8010"]},
        {"from": "dmz", "to": "data", "allow": ["any"]},
        {"from": "data", "to": "host", "allow": ["icmp"]},
    ],
}
# A zone goes and its network moves, intervals overlap those before, the host is filtered for another zone.
CHANGE: dict[str, Any] = {
    "zones": [{**DMZ, "networks": ["dmz0", "data0"]}, WORLD],
    "policies": [{"from": "dmz", "to": "world", "allow": ["tcp/8005-8020"], "log": True}, {"from": "dmz", "to": "host"}],
}
KEPT = {"persist": "auto", "prune": True, "allow_empty": True}


@pytest.fixture
def host(empty: Namespace) -> Namespace:
    no_waiting(empty)
    foreign(empty)
    empty.settle()
    empty.run("mkdir", "-p", "/etc/systemd/system")
    return empty


def look(host: Namespace) -> Snapshot:
    """The host, its chains, sets and maps in the order of their names: nft lists first what was made first, and nothing asks for that."""
    there = host.snapshot()
    blocks = re.findall(r"\t(?:chain|map|set) .*?\n\t}\n", there.nft, re.DOTALL)
    rest = re.sub(r"\t(?:chain|map|set) .*?\n\t}\n", "", there.nft, flags=re.DOTALL)
    return replace(there, nft=re.sub(r"\n+", "\n", "".join([rest, *sorted(blocks)])))


def steps(host: Namespace, change: dict[str, Any], back: dict[str, Any]) -> int:
    """How many steps the change makes; the host is as it was afterwards."""
    host.module("vnet_zones", prepare=at_steps({}), **KEPT, **change).ok()
    count = int(host.read(COUNT))
    host.module("vnet_zones", **KEPT, **back).ok()
    return count


@pytest.mark.parametrize("old", [OLD, NONE], ids=["changed", "new"])
def test_killed_behind_each_step(host: Namespace, old: dict[str, Any]) -> None:
    host.module("vnet_zones", **KEPT, **old).ok()
    before, count = look(host), steps(host, CHANGE, old)
    assert_same(before, look(host))
    for number in chosen(count, 1):
        answer = host.module("vnet_zones", prepare=at_step(number, kill), **KEPT, **CHANGE)
        assert answer.rc == -signal.SIGKILL
        check = host.module("vnet_zones", check=True, **KEPT, **CHANGE).ok()
        real = host.module("vnet_zones", **KEPT, **CHANGE).ok()
        assert check.diff_bytes == real.diff_bytes, number
        assert not host.module("vnet_zones", **KEPT, **CHANGE).ok().changed
        host.module("vnet_zones", **KEPT, **old).ok()
        assert_same(before, look(host))


@pytest.mark.parametrize("instead", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize(("old", "new"), [(OLD, CHANGE), (NONE, CHANGE), (CHANGE, NONE)], ids=["changed", "new", "gone"])
def test_a_failure_at_each_step_leaves_the_host_as_it_was(host: Namespace, old: dict[str, Any], new: dict[str, Any], instead: bool) -> None:
    host.module("vnet_zones", **KEPT, **old).ok()
    before, count = look(host), steps(host, new, old)
    assert_same(before, look(host))
    for number in chosen(count + instead - 1, 2 + instead):
        answer = host.module("vnet_zones", prepare=at_step(number, fail, instead), **KEPT, **new)
        assert "the host is as it was before" in answer.failed(), number
        assert_same(before, look(host))
