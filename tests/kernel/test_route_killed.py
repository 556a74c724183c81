# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Killed or failing at steps of routes to guests: the host is as it was, or the next run makes it as it shall be."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from faults import COUNT, SOAK, at_step, at_steps, chosen, fail, kill
from harness import STATE, Namespace, assert_same
from hosts import cable, no_waiting

N1 = {"name": "n1", "guests": ["192.0.2.190", "2001:db8:1::190"]}
OLD: list[dict[str, Any]] = [N1, {"name": "n2", "guests": ["192.0.2.191"]}]
# One gets another metric and a network behind its guest, one goes, one comes.
NEW: list[dict[str, Any]] = [
    {**N1, "metric": 2, "source": ["192.0.2.7"]},
    {"name": "behind", "interface": "n1", "subnets": ["10.50.0.0/16"], "via": "192.0.2.190"},
    {"name": "n3", "guests": ["192.0.2.192", "2001:db8:1::192"]},
]


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    no_waiting(empty)
    cable(empty, world)
    empty.ip("address add 192.0.2.1/24 dev eth0\naddress add 2001:db8:1::1/64 nodad dev eth0\nroute add default via 192.0.2.99")
    for name in ("n1", "n2", "n3"):
        empty.ip(f"link add {name} type veth peer name {name}-far\nlink set {name} up\nlink set {name}-far up")
    empty.settle()
    return empty


def run(host: Namespace, routes: list[dict[str, Any]], **more: Any) -> Any:
    return host.module("vnet_route", routes=routes, prune=True, allow_empty=True, **more)


@pytest.mark.parametrize(("old", "new"), [(OLD, NEW), *([(NEW, [])] if SOAK else [])])
def test_the_host_is_as_it_was_or_as_it_shall_be(host: Namespace, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    run(host, old).ok()
    before = host.snapshot()
    run(host, new, prepare=at_steps({})).ok()
    after, count = host.snapshot(), int(host.read(COUNT))
    run(host, old).ok()
    assert_same(before, host.snapshot())
    for number in chosen(count, 1):
        answer = run(host, new, prepare=at_step(number, fail, instead=True))
        assert "the host is as it was before" in answer.failed(), number
        assert_same(before, host.snapshot())
        assert f"{STATE}/journal" not in host.snapshot().state
    for number in chosen(count, 3):
        assert run(host, new, prepare=at_step(number, kill)).rc == -signal.SIGKILL
        run(host, new).ok()
        assert_same(after, host.snapshot())
        run(host, old).ok()
        assert_same(before, host.snapshot())
