# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""xen_bridge: made, changed, repaired, removed, with everything beside it as it was."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from apply import addresses, apply, details, routes
from harness import Namespace, assert_same
from hosts import cable, no_waiting


def test_made_with_its_defaults_and_removed(host: Namespace) -> None:
    before = host.snapshot()
    apply(host, {"name": "xenbr1"})
    link = details(host, "xenbr1")
    data = link["linkinfo"]["info_data"]
    assert {name: data[name] for name in ("stp_state", "forward_delay", "priority", "ageing_time", "vlan_filtering")} == {
        "stp_state": 0,
        "forward_delay": 0,
        "priority": 32768,
        "ageing_time": 30000,
        "vlan_filtering": 0,
    }
    assert data["no_linklocal_learn"] == 1
    assert "UP" in link["flags"]
    assert addresses(host, "xenbr1") == []
    assert_same(before, host.snapshot().without("xenbr1"))
    apply(host, {"name": "xenbr1"}, state="absent")
    assert_same(before, host.snapshot())


def test_the_mac_without_an_uplink_is_always_the_same(host: Namespace) -> None:
    apply(host, {"name": "xenbr1"}, {"name": "xenbr2"})
    first, other = details(host, "xenbr1")["address"], details(host, "xenbr2")["address"]
    assert first.startswith("02:") and other.startswith("02:") and first != other
    host.bridge({"name": "xenbr1"}, state="absent").ok()
    apply(host, {"name": "xenbr1"})
    assert details(host, "xenbr1")["address"] == first
    # guests that are plugged in do not change it
    host.ip("link set eth2 address 00:00:5e:00:01:01 master xenbr1 up")
    assert details(host, "xenbr1")["address"] == first


# option, value, the kernel's name, the kernel's value
ATTRIBUTES = [
    ({"stp": True}, {"stp_state": 1, "forward_delay": 1500}),
    ({"stp": True, "forward_delay": 2}, {"stp_state": 1, "forward_delay": 200}),
    ({"stp": True, "forward_delay": 30}, {"stp_state": 1, "forward_delay": 3000}),
    ({"forward_delay": 7}, {"stp_state": 0, "forward_delay": 700}),
    ({"priority": 4096}, {"priority": 4096}),
    ({"priority": 0}, {"priority": 0}),
    ({"ageing_time": 0}, {"ageing_time": 0}),
    ({"ageing_time": 3600}, {"ageing_time": 360000}),
    ({"multicast_snooping": False}, {"mcast_snooping": 0}),
    ({"vlan_filtering": True}, {"vlan_filtering": 1}),
    ({"no_linklocal_learn": False}, {"no_linklocal_learn": 0}),
]


@pytest.mark.parametrize(("options", "kernel"), ATTRIBUTES)
def test_each_attribute_at_birth_changed_and_changed_back(host: Namespace, options: dict[str, Any], kernel: dict[str, int]) -> None:
    if (
        "vlan_filtering" in options
        and host.run("ip", "link", "add", "probe", "type", "bridge", "vlan_filtering", "1", check=False).returncode
    ):
        pytest.skip("this kernel's bridges know no VLANs")
    apply(host, {"name": "young", **options}, {"name": "old"})
    plain = details(host, "old")["linkinfo"]["info_data"]
    assert {name: details(host, "young")["linkinfo"]["info_data"][name] for name in kernel} == kernel
    assert {name: plain[name] for name in kernel} != kernel
    assert apply(host, {"name": "old", **options}).changed
    assert {name: details(host, "old")["linkinfo"]["info_data"][name] for name in kernel} == kernel
    assert apply(host, {"name": "old"}).changed
    now = details(host, "old")["linkinfo"]["info_data"]
    assert {name: now[name] for name in kernel} == {name: plain[name] for name in kernel}


def test_stp_goes_off_and_on_with_delays_that_the_other_state_refuses(host: Namespace) -> None:
    apply(host, {"name": "br0", "forward_delay": 0})
    apply(host, {"name": "br0", "stp": True, "forward_delay": 2})
    apply(host, {"name": "br0", "forward_delay": 0})
    assert details(host, "br0")["linkinfo"]["info_data"]["forward_delay"] == 0


def test_mac_and_mtu_change(host: Namespace) -> None:
    apply(host, {"name": "br0"})
    own = details(host, "br0")["address"]
    apply(host, {"name": "br0", "mac": "52:54:00:12:34:56", "mtu": 1400})
    assert (details(host, "br0")["address"], details(host, "br0")["mtu"]) == ("52:54:00:12:34:56", 1400)
    apply(host, {"name": "br0", "mtu": 9000})
    assert (details(host, "br0")["address"], details(host, "br0")["mtu"]) == (own, 9000)


def test_a_new_mac_keeps_permanent_neighbours(host: Namespace) -> None:
    wanted = {"name": "br0", "addresses": ["10.20.0.2/24", "2001:db8:20::2/64"]}
    apply(host, wanted)
    host.ip(
        """
        neigh add 10.20.0.9 lladdr 00:11:22:33:44:55 nud permanent dev br0
        neigh add 2001:db8:20::9 lladdr 00:11:22:33:44:55 nud permanent dev br0
        """
    )
    before = host.snapshot()
    apply(host, {**wanted, "mac": "52:54:00:12:34:56"})
    assert host.snapshot().neighbours == before.neighbours


def test_the_mtu_holds_when_ports_differ(host: Namespace) -> None:
    host.ip("link set eth2 mtu 1300")
    apply(host, {"name": "br0", "mtu": 1400, "ports": ["eth3"]})
    host.ip("link set eth2 master br0")
    assert details(host, "br0")["mtu"] == 1400
    assert not host.bridge({"name": "br0", "mtu": 1400, "ports": ["eth3"]}).ok().changed


def test_addresses_come_and_go_and_foreign_ones_stay(host: Namespace) -> None:
    apply(host, {"name": "br0", "addresses": ["10.20.0.2/24", "10.20.0.3/24", "2001:db8:20::2/64"]})
    assert addresses(host, "br0") == ["10.20.0.2/24", "10.20.0.3/24", "2001:db8:20::2/64"]
    host.ip("address add 10.20.0.9/24 dev br0\naddress add 10.30.0.9/24 dev br0\naddress add 2001:db8:20::9/64 nodad dev br0")
    assert not host.bridge({"name": "br0", "addresses": ["10.20.0.2/24", "10.20.0.3/24", "2001:db8:20::2/64"]}).ok().changed
    # the primary goes: the kernel would take its secondaries along, the foreign one included
    apply(host, {"name": "br0", "addresses": ["10.20.0.3/24", "10.21.0.2/24", "2001:db8:20::3/64"]})
    assert sorted(addresses(host, "br0")) == sorted(
        ["10.20.0.3/24", "10.20.0.9/24", "10.30.0.9/24", "10.21.0.2/24", "2001:db8:20::9/64", "2001:db8:20::3/64"]
    )
    apply(host, {"name": "br0"})
    assert sorted(addresses(host, "br0")) == ["10.20.0.9/24", "10.30.0.9/24", "2001:db8:20::9/64"]


def test_foreign_routes_stay_when_the_primary_address_is_replaced(host: Namespace) -> None:
    first = {"name": "br0", "addresses": ["10.20.0.2/24"], "gateway4": "10.20.0.1"}
    apply(host, first)
    host.ip(
        "route add 192.0.2.0/24 via 10.20.0.7 dev br0\nroute add 192.0.3.0/24 via 10.20.0.7 dev br0 table 55 src 10.20.0.2\naddress add 10.20.0.9/24 dev br0"
    )
    apply(host, {**first, "addresses": ["10.20.0.4/24"]})
    # the one with the address as its source goes with it, as ever
    assert routes(host, "br0") == [("default", "10.20.0.1", 0), ("192.0.2.0/24", "10.20.0.7", 0)]


def test_gateways_and_routes_change(host: Namespace) -> None:
    base = {"name": "br0", "addresses": ["10.20.0.2/24", "2001:db8:20::2/64"]}
    apply(host, {**base, "gateway4": "10.20.0.1", "gateway6": "2001:db8:20::1"})
    assert routes(host, "br0") == [("default", "10.20.0.1", 0), ("default", "2001:db8:20::1", 1024)]
    apply(host, {**base, "gateway4": "10.20.0.254", "gateway6": "fe80::1"})
    assert routes(host, "br0") == [("default", "10.20.0.254", 0), ("default", "fe80::1", 1024)]
    declared = [
        {"to": "192.0.2.0/24", "via": "10.20.0.7", "metric": 50, "mtu": 1400},
        {"to": "192.0.3.0/24"},
        {"to": "default", "via": "10.20.0.8", "table": "77", "source": "10.20.0.2"},
        {"to": "2001:db8:99::/48", "via": "2001:db8:20::7"},
    ]
    apply(host, {**base, "routes": declared})
    assert routes(host, "br0") == [
        ("default", "10.20.0.8", 0),
        ("192.0.2.0/24", "10.20.0.7", 50),
        ("192.0.3.0/24", "", 0),
        ("2001:db8:99::/48", "2001:db8:20::7", 1024),
    ]
    apply(host, {**base, "routes": [{"to": "192.0.2.0/24", "via": "10.20.0.9", "metric": 60}]})
    assert routes(host, "br0") == [("192.0.2.0/24", "10.20.0.9", 60)]
    apply(host, base)
    assert routes(host, "br0") == []


def test_ports_come_and_go(host: Namespace) -> None:
    before = host.snapshot()
    apply(host, {"name": "br0", "ports": ["eth2"]})
    assert details(host, "eth2")["master"] == "br0" and "UP" in details(host, "eth2")["flags"]
    apply(host, {"name": "br0", "ports": ["eth3"]})
    host.settle()
    assert "master" not in details(host, "eth2") and details(host, "eth3")["master"] == "br0"
    assert_same(before.without("br0", "eth3", "eth3-far"), host.snapshot().without("br0", "eth3", "eth3-far"))
    apply(host, {"name": "br0", "ports": ["eth2", "eth3"]})
    apply(host, {"name": "br0"}, state="absent")
    assert_same(before, host.snapshot())


def test_what_others_broke_is_repaired(host: Namespace) -> None:
    wanted = {"name": "br0", "addresses": ["10.20.0.2/24"], "gateway4": "10.20.0.1", "ports": ["eth2"], "stp": True}
    apply(host, wanted)
    whole = host.snapshot()
    for damage in (
        "route del default dev br0",
        "address del 10.20.0.2/24 dev br0",
        "link set eth2 nomaster",
        "link set br0 type bridge stp_state 0",
        "link set br0 down",
        "link set br0 address 52:54:00:00:00:99",
        "link del br0",
    ):
        host.ip(damage)
        assert apply(host, wanted).changed, damage
        host.settle()
        assert_same(whole.without("eth2-far"), host.snapshot().without("eth2-far"))


def netfilter(host: Namespace) -> list[str]:
    return [host.sysctl(f"net/bridge/bridge-nf-call-{family}") for family in ("arptables", "ip6tables", "iptables")]


@pytest.mark.parametrize(("word", "value"), [("enable", "1"), ("disable", "0")])
def test_bridge_netfilter(host: Namespace, word: str, value: str) -> None:
    if "bridge" not in host.call(_list_net):
        pytest.skip("br_netfilter is not there on this kernel")
    for family, old in (("arptables", "0"), ("ip6tables", "1"), ("iptables", "0")):
        host.sysctl(f"net/bridge/bridge-nf-call-{family}", old)
    before = host.snapshot()
    apply(host, {"name": "br0"}, bridge_netfilter=word)
    assert netfilter(host) == [value] * 3
    apply(host, {"name": "br0"}, bridge_netfilter="keep")
    assert netfilter(host) == [value] * 3, "keep leaves what was set before"
    assert host.snapshot().files == before.files, "persist: none is for the running kernel only"
    apply(host, {"name": "br0"}, state="absent")
    assert netfilter(host) == ["0", "1", "0"]
    assert_same(before, host.snapshot())


def _list_net() -> list[str]:
    return os.listdir("/proc/sys/net")


def test_the_two_nic_xen_host_of_the_seeds(empty: Namespace, world: Namespace) -> None:
    """xenbr0 on eth0 with the host's addresses, xenbr1 on eth1 with none: STP off, forward delay 0."""
    no_waiting(empty)
    cable(empty, world)
    cable(empty, world, "eth1", "52:54:00:aa:00:02")
    empty.ip("address add 192.168.1.10/24 dev eth0\nroute add default via 192.168.1.1 dev eth0")
    empty.settle()
    before = empty.snapshot()
    apply(empty, {"name": "xenbr0", "uplink": "eth0"}, {"name": "xenbr1", "uplink": "eth1"})
    assert addresses(empty, "xenbr0") == ["192.168.1.10/24"]
    assert addresses(empty, "xenbr1") == []
    apply(empty, {"name": "xenbr0"}, {"name": "xenbr1"}, state="absent")
    empty.settle()
    assert_same(before, empty.snapshot())


def test_a_diff_that_people_can_read(host: Namespace) -> None:
    answer = host.bridge(
        {"name": "br0", "addresses": ["10.20.0.2/24"], "gateway4": "10.20.0.1", "mac": "52:54:00:12:34:56"}, check=True
    ).ok()
    assert answer.diff == [
        {
            "before_header": "br0 (kernel)",
            "after_header": "br0 (kernel)",
            "before": "",
            "after": "\n".join(
                [
                    "bridge br0",
                    "  owner site",
                    "  mac 52:54:00:12:34:56",
                    "  mtu 1500",
                    "  up",
                    "  stp no",
                    "  forward_delay 0",
                    "  priority 32768",
                    "  ageing_time 300",
                    "  multicast_snooping yes",
                    "  vlan_filtering no",
                    "  no_linklocal_learn yes",
                    "  address 10.20.0.2/24",
                    "  route default via 10.20.0.1",
                    "",
                ]
            ),
        }
    ]


def test_applied_json_is_for_root_alone(host: Namespace) -> None:
    host.bridge({"name": "br0"}).ok()
    modes = host.run("stat", "-c", "%a %U", "/var/lib/hypervisor-vnet", "/var/lib/hypervisor-vnet/applied.json").stdout.split("\n")
    assert modes[:2] == ["700 root", "600 root"]
    assert json.loads(host.read("/var/lib/hypervisor-vnet/applied.json"))["bridges"]["br0"]["owner"] == "site"
