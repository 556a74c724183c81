# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Killed or failing at any single step of address translation: the host is as it was, or the next run makes it as it shall be."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from faults import COUNT, at_step, at_steps, chosen, fail, kill
from harness import STATE, Namespace, assert_same
from hosts import cable, no_waiting

FORWARDS = [{"port": str(port), "to": "10.0.0.1", "protocol": "both"} for port in range(7000, 7003)]
OLD: dict[str, Any] = {"networks": [{"name": "vnat0", "sources": ["10.0.0.0/16"], "forwards": FORWARDS}]}
# One forward leads elsewhere, one goes, one comes, another network comes along, and IPv6 with it.
CHANGE: dict[str, Any] = {
    "networks": [
        {
            "name": "vnat0",
            "sources": ["10.0.0.0/16", "2001:db8:98::/64"],
            "nat66": True,
            "snat": "192.0.2.7",
            "forwards": [{**FORWARDS[0], "to": "10.0.0.2"}, FORWARDS[1], {"port": "7009", "to": "2001:db8:98::1"}],
        },
        {"name": "vnat1", "sources": ["10.1.0.0/16"]},
    ]
}
KEPT = {"persist": "auto", "prune": True}


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    no_waiting(empty)
    cable(empty, world)
    empty.ip("address add 192.0.2.1/24 dev eth0\nlink add vnat0 type bridge\nlink set vnat0 up")
    empty.ip("route add default via fe80::1 dev eth0 proto ra", family="-6")
    empty.settle()
    empty.run("mkdir", "-p", "/etc/systemd/system")
    empty.sysctl("net/ipv4/conf/all/accept_redirects", "0")
    return empty


def steps(host: Namespace, change: dict[str, Any], back: dict[str, Any]) -> int:
    """How many steps the change makes; the host is as it was afterwards."""
    host.module("vnet_nat", prepare=at_steps({}), **KEPT, **change).ok()
    count = int(host.read(COUNT))
    host.module("vnet_nat", allow_empty=True, **KEPT, **back).ok()
    return count


@pytest.mark.parametrize("old", [OLD, {"networks": []}], ids=["changed", "new"])
def test_killed_behind_each_step(host: Namespace, old: dict[str, Any]) -> None:
    host.module("vnet_nat", allow_empty=True, **KEPT, **old).ok()
    before, count = host.snapshot(), steps(host, CHANGE, old)
    assert_same(before, host.snapshot())
    for number in chosen(count, 1):
        answer = host.module("vnet_nat", prepare=at_step(number, kill), **KEPT, **CHANGE)
        assert answer.rc == -signal.SIGKILL
        check = host.module("vnet_nat", check=True, **KEPT, **CHANGE).ok()
        real = host.module("vnet_nat", **KEPT, **CHANGE).ok()
        assert check.diff_bytes == real.diff_bytes, number
        assert not host.module("vnet_nat", **KEPT, **CHANGE).ok().changed
        host.module("vnet_nat", allow_empty=True, **KEPT, **old).ok()
        assert_same(before, host.snapshot())


@pytest.mark.parametrize("instead", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize(
    ("old", "new"), [(OLD, CHANGE), ({"networks": []}, CHANGE), (CHANGE, {"networks": []})], ids=["changed", "new", "gone"]
)
def test_a_failure_at_each_step_leaves_the_host_as_it_was(host: Namespace, old: dict[str, Any], new: dict[str, Any], instead: bool) -> None:
    host.module("vnet_nat", allow_empty=True, **KEPT, **old).ok()
    before, count = host.snapshot(), steps(host, {"allow_empty": True, **new}, old)
    assert_same(before, host.snapshot())
    for number in chosen(count + instead - 1, 2 + instead):
        answer = host.module("vnet_nat", allow_empty=True, prepare=at_step(number, fail, instead), **KEPT, **new)
        assert "the host is as it was before" in answer.failed(), number
        assert_same(before, host.snapshot())
        assert f"{STATE}/journal" not in host.snapshot().state
