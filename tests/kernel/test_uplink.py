# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An uplink's profile moves to its bridge, whole, and comes back, whole."""

from __future__ import annotations

import pytest
from harness import Namespace, Snapshot, assert_same
from hosts import MAC, cable, foreign, no_waiting, rich

XENBR0 = {"name": "xenbr0", "uplink": "eth0"}
NOTHING = {"addresses": [], "routes": [], "rules": [[], []], "neighbours": []}


def there_and_back(host: Namespace, **bridge: object) -> Snapshot:
    """Check, do, do again, and take it back; what must hold for every uplink is asserted, the host in between returned."""
    wanted = {**XENBR0, **bridge}
    before = host.snapshot()
    check = host.bridge(wanted, check=True).ok()
    assert_same(before, host.snapshot(), memory=True)
    real = host.bridge(wanted).ok()
    assert real.changed and check.changed
    assert check.diff_bytes == real.diff_bytes
    assert real.warnings == []
    host.settle()
    between = host.snapshot()
    assert between.links["eth0"]["master"] == "xenbr0"
    assert between.layer3("eth0") == NOTHING
    assert between.state == ["applied.json", "hypervisor-vnet", "last", "lock"]
    assert_same(before.without("eth0", "xenbr0"), between.without("eth0", "xenbr0"))
    again = host.bridge(wanted).ok()
    assert not again.changed and again.diff == [] and again.commands == []
    assert_same(between, host.snapshot(), memory=True)
    check = host.bridge({"name": "xenbr0"}, state="absent", check=True).ok()
    assert_same(between, host.snapshot(), memory=True)
    real = host.bridge({"name": "xenbr0"}, state="absent").ok()
    assert check.diff_bytes == real.diff_bytes
    host.settle()
    assert_same(before, host.snapshot())
    assert not host.bridge({"name": "xenbr0"}, state="absent").ok().changed
    return between


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    no_waiting(empty)
    no_waiting(world)
    cable(empty, world)
    empty.settle()
    return empty


def test_everything_that_an_uplink_can_carry(host: Namespace) -> None:
    foreign(host)
    rich(host)
    host.settle()
    before = host.snapshot()
    between = there_and_back(host)
    assert between.layer3("xenbr0") == before.layer3("eth0")
    assert between.links["xenbr0"]["address"] == MAC


@pytest.mark.parametrize(("all_", "own"), [("0", "0"), ("1", "0"), ("0", "1"), ("2", "1"), ("1", "2")])
def test_reverse_path_filter_holds_on_the_bridge(host: Namespace, all_: str, own: str) -> None:
    host.ip("address add 10.1.0.2/24 dev eth0")
    host.sysctl("net/ipv4/conf/all/rp_filter", all_)
    host.sysctl("net/ipv4/conf/eth0/rp_filter", own)
    between = there_and_back(host)
    assert between.sysctls["net/ipv4/conf/all/rp_filter"] == all_
    assert between.sysctls["net/ipv4/conf/xenbr0/rp_filter"] == own


def test_duplicate_address_detection_is_not_needed_again(empty: Namespace, world: Namespace) -> None:
    cable(empty, world)
    empty.ip("address add 2001:db8:1::2/64 dev eth0")
    empty.settle()
    before = empty.snapshot()
    between = there_and_back(empty)
    assert between.layer3("xenbr0") == before.layer3("eth0")


def test_an_uplink_without_ipv6_makes_a_bridge_without(host: Namespace) -> None:
    host.ip("address add 10.1.0.2/24 dev eth0")
    host.sysctl("net/ipv6/conf/eth0/disable_ipv6", "1")
    between = there_and_back(host)
    assert [address["local"] for address in between.links["xenbr0"]["addr_info"]] == ["10.1.0.2"]
    assert between.sysctls["net/ipv6/conf/xenbr0/disable_ipv6"] == "1"


def test_settings_of_ipv6_move(host: Namespace) -> None:
    for key, value in (("accept_ra", "2"), ("addr_gen_mode", "1"), ("use_tempaddr", "2"), ("autoconf", "0"), ("accept_ra_defrtr", "0")):
        host.sysctl(f"net/ipv6/conf/eth0/{key}", value)
    host.ip("address add 10.1.0.2/24 dev eth0")
    between = there_and_back(host)
    assert between.sysctls["net/ipv6/conf/xenbr0/accept_ra"] == "2"
    assert between.sysctls["net/ipv6/conf/xenbr0/addr_gen_mode"] == "1"


@pytest.mark.parametrize("mtu", [1280, 9000])
def test_the_bridge_has_the_mtu_of_its_uplink(empty: Namespace, world: Namespace, mtu: int) -> None:
    cable(empty, world, mtu=mtu)
    empty.ip("address add 10.1.0.2/24 dev eth0")
    empty.settle()
    assert there_and_back(empty).links["xenbr0"]["mtu"] == mtu


def test_an_uplink_that_was_down_is_down_again(host: Namespace) -> None:
    host.ip("link set eth0 down\naddress add 10.1.0.2/24 dev eth0")
    assert "UP" in there_and_back(host).links["eth0"]["flags"]


def test_an_uplink_without_a_carrier(host: Namespace, world: Namespace) -> None:
    host.ip("address add 10.1.0.2/24 dev eth0\nroute add default via 10.1.0.1 dev eth0")
    host.settle()
    world.ip("link set eth0 down")
    host.settle()
    between = there_and_back(host)
    assert any(route["dst"] == "default" and route["dev"] == "xenbr0" for route in between.routes)


def test_a_declared_profile_replaces_the_uplinks_and_absent_brings_it_back(host: Namespace) -> None:
    host.ip(
        """
        address add 10.1.0.2/24 dev eth0
        address add 10.1.0.3/24 dev eth0
        address add 10.9.0.3/24 dev eth0
        route add default via 10.1.0.1 dev eth0 metric 100
        route add 192.0.2.0/24 via 10.9.0.1 dev eth0
        """
    )
    host.settle()
    between = there_and_back(host, addresses=["10.1.0.2/24", "10.20.190.2/24"], gateway4="10.20.190.1")
    addresses = [address["local"] for address in between.links["xenbr0"]["addr_info"] if address["family"] == "inet"]
    assert addresses == ["10.1.0.2", "10.20.190.2"]
    routes = [(route["dst"], route["gateway"]) for route in between.routes if route.get("gateway")]
    assert routes == [("default", "10.20.190.1")]


def test_a_mac_of_its_own(host: Namespace) -> None:
    host.ip("address add 10.1.0.2/24 dev eth0")
    between = there_and_back(host, mac="52-54-00-CC-00-09")
    assert between.links["xenbr0"]["address"] == "52:54:00:cc:00:09"
    assert between.links["eth0"]["address"] == MAC


@pytest.fixture
def two_cards(host: Namespace, world: Namespace) -> Namespace:
    cable(host, world, "eth1", "52:54:00:aa:00:02")
    host.ip(
        """
        address add 10.1.0.2/24 dev eth0
        address add 10.1.0.3/24 dev eth0
        route add default via 10.1.0.1 dev eth0
        address add 10.2.0.2/24 dev eth1
        route add 192.0.2.0/24 via 10.2.0.1 dev eth1
        """
    )
    host.settle()
    return host


def test_the_uplink_is_replaced_and_each_profile_goes_its_way(two_cards: Namespace) -> None:
    before = two_cards.snapshot()
    two_cards.bridge(XENBR0).ok()
    wanted = {"name": "xenbr0", "uplink": "eth1"}
    check = two_cards.bridge(wanted, check=True).ok()
    assert two_cards.bridge(wanted).ok().diff_bytes == check.diff_bytes
    between = two_cards.snapshot()
    assert between.links["eth1"]["master"] == "xenbr0"
    assert between.layer3("eth0") == before.layer3("eth0")
    assert between.layer3("xenbr0") == before.layer3("eth1")
    assert between.links["xenbr0"]["address"] == "52:54:00:aa:00:02"
    assert not two_cards.bridge(wanted).ok().changed
    two_cards.bridge({"name": "xenbr0"}, state="absent").ok()
    assert_same(before, two_cards.snapshot())


def test_a_declared_profile_stays_when_the_uplink_is_replaced(two_cards: Namespace) -> None:
    declared = {"name": "xenbr0", "addresses": ["10.1.0.2/24"], "gateway4": "10.1.0.1"}
    two_cards.bridge({**declared, "uplink": "eth0"}).ok()
    wanted = {**declared, "uplink": "eth1"}
    check = two_cards.bridge(wanted, check=True).ok()
    assert two_cards.bridge(wanted).ok().diff_bytes == check.diff_bytes
    between = two_cards.snapshot()
    assert [item["local"] for item in between.links["xenbr0"]["addr_info"] if item["family"] == "inet"] == ["10.1.0.2"]
    assert [item["local"] for item in between.links["eth0"]["addr_info"] if item["family"] == "inet"] == ["10.1.0.3"]
    assert [route["dev"] for route in between.routes if route["dst"] == "default"] == ["xenbr0"]
    assert not two_cards.bridge(wanted).ok().changed


def test_the_bridge_keeps_what_it_declares_when_it_loses_its_uplink(two_cards: Namespace) -> None:
    declared = {"name": "xenbr0", "addresses": ["10.20.0.2/24"]}
    before = two_cards.snapshot()
    two_cards.bridge({**declared, "uplink": "eth0"}).ok()
    check = two_cards.bridge(declared, check=True).ok()
    assert two_cards.bridge(declared).ok().diff_bytes == check.diff_bytes
    between = two_cards.snapshot()
    assert [item["local"] for item in between.links["xenbr0"]["addr_info"] if item["family"] == "inet"] == ["10.20.0.2"]
    assert between.layer3("eth0") == before.layer3("eth0")
    assert not two_cards.bridge(declared).ok().changed


def test_what_happened_on_the_bridge_meanwhile_goes_back_with_it(host: Namespace) -> None:
    """The administrator added an address and a route to the bridge: they are the uplink's afterwards, as on any NIC."""
    host.ip("address add 10.1.0.2/24 dev eth0")
    host.settle()
    host.bridge(XENBR0).ok()
    host.ip("address add 10.6.0.2/24 dev xenbr0\nroute add 192.0.2.0/24 via 10.6.0.1 dev xenbr0")
    assert not host.bridge(XENBR0).ok().changed
    host.bridge({"name": "xenbr0"}, state="absent").ok()
    after = host.snapshot()
    assert [item["local"] for item in after.links["eth0"]["addr_info"] if item["family"] == "inet"] == ["10.1.0.2", "10.6.0.2"]
    assert any(route["dst"] == "192.0.2.0/24" and route["dev"] == "eth0" for route in after.routes)


def test_a_macvlan_keeps_its_card_from_becoming_a_port(host: Namespace) -> None:
    host.ip("link add link eth0 name macv0 type macvlan")
    answer = host.bridge(XENBR0)
    assert answer.failed()
    assert answer.problems == ["bridges[0].uplink: macv0 on eth0 keeps it from becoming a bridge port; remove it first"]
