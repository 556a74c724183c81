# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody else took a bridge of ours away, or its uplink out of it: removing it still gives the uplink back what it had."""

from __future__ import annotations

from typing import Any

import pytest
from faults import COUNT, at_step, chosen, fail
from harness import Answer, Namespace, assert_same
from hosts import cable, foreign, no_waiting, rich

XENBR0 = {"name": "xenbr0", "uplink": "eth0"}
# More steps than any way back takes.
MOST = 100
PLAIN = """
    address add 10.1.0.2/24 dev eth0
    address add 10.1.0.3/24 dev eth0
    route add default via 10.1.0.1 dev eth0
    route add 192.0.2.0/24 via 10.1.0.9 dev eth0
"""
PRUNED: dict[str, Any] = {"prune": True, "allow_empty": True}


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    no_waiting(empty)
    no_waiting(world)
    cable(empty, world)
    empty.settle()
    return empty


@pytest.fixture
def plain(host: Namespace) -> Namespace:
    host.ip(PLAIN)
    host.settle()
    return host


def remove(host: Namespace, **options: Any) -> Answer:
    """Check, remove, and remove again: the same diff, then nothing."""
    bridges = [] if options else [{"name": "xenbr0"}]
    options = options or {"state": "absent"}
    before = host.snapshot()
    check = host.bridge(*bridges, check=True, **options).ok()
    assert_same(before, host.snapshot(), memory=True)
    real = host.bridge(*bridges, **options).ok()
    assert check.diff_bytes == real.diff_bytes
    assert check.commands == real.commands
    again = host.bridge(*bridges, **options).ok()
    assert (again.changed, again.diff, again.commands) == (False, [], [])
    host.settle()
    return real


def four(host: Namespace, name: str) -> list[str]:
    found = host.json("-4", "address", "show", "dev", name)[0]["addr_info"]
    return [f"{item['local']}/{item['prefixlen']}" for item in found]


def gateways(host: Namespace) -> set[tuple[Any, ...]]:
    found = host.json("-4", "route", "show", "table", "main")
    return {(item["dst"], item["gateway"], item["dev"], item.get("metric", 0)) for item in found if "gateway" in item}


@pytest.mark.parametrize("options", [{}, PRUNED], ids=["absent", "prune"])
def test_everything_that_an_uplink_can_carry_comes_back(host: Namespace, options: dict[str, Any]) -> None:
    foreign(host)
    rich(host)
    # Nobody knows how long what has an end would have lasted.
    host.ip("address del 10.3.0.2/24 dev eth0\naddress del 2001:db8:1::4/64 dev eth0")
    host.settle()
    before = host.snapshot()
    host.bridge(XENBR0).ok()
    host.ip("link del xenbr0")
    assert remove(host, **options).changed
    assert_same(before, host.snapshot())


def test_a_route_with_a_source_does_not_wait_for_duplicate_address_detection(empty: Namespace, world: Namespace) -> None:
    cable(empty, world)
    empty.ip("address add 2001:db8:1::2/64 dev eth0")
    empty.settle()
    empty.ip("route add 2001:db8:9::/48 via 2001:db8:1::1 src 2001:db8:1::2 dev eth0")
    before = empty.snapshot()
    empty.bridge(XENBR0).ok()
    empty.ip("link del xenbr0")
    remove(empty)
    assert_same(before, empty.snapshot())


@pytest.mark.parametrize("declared", [{}, {"addresses": ["10.1.0.2/24", "10.9.0.2/24"], "gateway4": "10.9.0.1"}], ids=["moved", "declared"])
@pytest.mark.parametrize("damage", ["link del xenbr0", "link set eth0 nomaster", "link set eth0 nomaster down"])
def test_the_uplink_is_as_before(plain: Namespace, declared: dict[str, Any], damage: str) -> None:
    before = plain.snapshot()
    plain.bridge({**XENBR0, **declared}).ok()
    plain.ip(damage)
    assert remove(plain).changed
    assert_same(before, plain.snapshot())


def test_what_its_manager_gave_back_is_not_doubled(plain: Namespace) -> None:
    """A manager's routes have a protocol and a metric of their own."""
    plain.bridge(XENBR0).ok()
    plain.ip(
        """
        link del xenbr0
        address add 10.1.0.2/24 dev eth0
        route add default via 10.1.0.1 dev eth0 proto static metric 100
        """
    )
    remove(plain)
    assert four(plain, "eth0") == ["10.1.0.2/24", "10.1.0.3/24"]
    assert gateways(plain) == {("default", "10.1.0.1", "eth0", 100), ("192.0.2.0/24", "10.1.0.9", "eth0", 0)}


def test_nothing_is_done_where_nothing_is_missing(plain: Namespace) -> None:
    """As after a reboot, when the bridge is gone and the uplink's manager has configured it."""
    before = plain.snapshot()
    plain.bridge(XENBR0).ok()
    plain.ip(f"link del xenbr0\n{PLAIN}")
    for key in ("accept_ra", "addr_gen_mode"):
        plain.sysctl(f"net/ipv6/conf/eth0/{key}", before.sysctls[f"net/ipv6/conf/eth0/{key}"])
    plain.settle()
    answer = remove(plain)
    assert (answer.changed, answer.diff, answer.commands) == (False, [], [])
    assert_same(before, plain.snapshot())


def test_what_others_gave_it_meanwhile_stays(plain: Namespace) -> None:
    plain.bridge(XENBR0).ok()
    plain.ip(
        """
        link del xenbr0
        address add 10.6.0.2/24 dev eth0
        route add default via 10.6.0.1 dev eth0
        """
    )
    remove(plain)
    assert four(plain, "eth0") == ["10.6.0.2/24", "10.1.0.2/24", "10.1.0.3/24"]
    assert gateways(plain) == {("default", "10.6.0.1", "eth0", 0), ("192.0.2.0/24", "10.1.0.9", "eth0", 0)}


def test_a_card_that_others_use_now_is_not_set_down(host: Namespace) -> None:
    host.ip("link set eth0 down\naddress add 10.1.0.2/24 dev eth0")
    host.bridge(XENBR0).ok()
    host.ip("link del xenbr0\naddress add 10.6.0.2/24 dev eth0")
    remove(host)
    assert "UP" in host.snapshot().links["eth0"]["flags"]


def test_an_address_that_stands_elsewhere_now_is_not_doubled(plain: Namespace, world: Namespace) -> None:
    cable(plain, world, "eth1", "52:54:00:aa:00:02")
    plain.bridge(XENBR0).ok()
    plain.ip("link del xenbr0\naddress add 10.1.0.2/24 dev eth1")
    remove(plain)
    assert (four(plain, "eth0"), four(plain, "eth1")) == (["10.1.0.3/24"], ["10.1.0.2/24"])


def test_an_uplink_that_others_bridged_is_theirs(plain: Namespace) -> None:
    plain.bridge(XENBR0).ok()
    plain.ip(
        "link del xenbr0\nlink add theirs type bridge\nlink set theirs up\nlink set eth0 master theirs\naddress add 10.1.0.2/24 dev theirs"
    )
    plain.settle()
    before = plain.snapshot()
    remove(plain)
    assert_same(before, plain.snapshot())


def test_an_uplink_that_was_taken_out_of_the_machine(plain: Namespace) -> None:
    plain.bridge(XENBR0).ok()
    plain.ip("link del xenbr0\nlink del eth0")
    before = plain.snapshot()
    remove(plain)
    assert_same(before, plain.snapshot())


def test_ports_get_their_settings_back(plain: Namespace, world: Namespace) -> None:
    cable(plain, world, "eth1", "52:54:00:aa:00:02")
    plain.settle()
    before = plain.snapshot()
    plain.bridge({**XENBR0, "ports": ["eth1"]}).ok()
    plain.ip("link del xenbr0")
    remove(plain)
    assert_same(before, plain.snapshot())


def test_an_adopted_bridge_that_vanished(plain: Namespace, world: Namespace) -> None:
    """The uplink came with us and gets back what it had; the bridge's own port was never ours."""
    cable(plain, world, "eth1", "52:54:00:aa:00:02")
    plain.ip("link add xenbr0 address 52:54:00:cc:00:01 type bridge\nlink set xenbr0 up\nlink set eth1 master xenbr0")
    plain.settle()
    before = plain.snapshot()
    plain.bridge({**XENBR0, "ports": ["eth1"]}, adopt=True).ok()
    plain.ip("link del xenbr0")
    card = plain.snapshot().links["eth1"]
    remove(plain)
    assert_same(before.without("xenbr0", "eth1"), plain.snapshot().without("xenbr0", "eth1"))
    assert plain.snapshot().links["eth1"] == card


def test_another_bridge_cannot_take_what_has_not_come_back_yet(plain: Namespace) -> None:
    plain.bridge(XENBR0).ok()
    plain.ip("link del xenbr0")
    before = plain.snapshot()
    for check in (True, False):
        answer = plain.bridge({"name": "xenbr1", "uplink": "eth0"}, prune=True, check=check)
        assert answer.failed()
        assert answer.problems == [
            "bridges[0].uplink: eth0 was in xenbr0, from which somebody else took it, and has not got back yet what it had;"
            " remove xenbr0 in a run of its own first"
        ]
    assert_same(before, plain.snapshot())
    remove(plain)
    plain.bridge({"name": "xenbr1", "uplink": "eth0"}, prune=True).ok()
    assert four(plain, "xenbr1") == ["10.1.0.2/24", "10.1.0.3/24"]


@pytest.mark.parametrize("damage", ["link del xenbr0", "link set eth0 nomaster"])
def test_a_failure_at_any_step_is_undone(plain: Namespace, damage: str) -> None:
    whole = plain.snapshot()
    for number in chosen(MOST, 1):
        plain.bridge(XENBR0).ok()
        plain.ip(damage)
        before = plain.snapshot()
        answer = plain.bridge({"name": "xenbr0"}, state="absent", prepare=at_step(number, fail, instead=True))
        if answer.rc == 0:
            break
        assert "the host is as it was before" in answer.failed(), number
        assert_same(before, plain.snapshot())
        remove(plain)
        assert_same(whole, plain.snapshot())
    assert number > int(plain.read(COUNT)) > 10
