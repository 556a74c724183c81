# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declared bridge may say. The kernel tests show the same refusals through the module, with the host untouched."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge, StaticRoute, read_bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import read_bridges
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings


def problems(**options: t.Any) -> list[str]:
    return [str(problem) for problem in read_bridge({"name": "br0", **options}, "b")[1]]


def places(**options: t.Any) -> list[str]:
    return [problem.path for problem in read_bridge({"name": "br0", **options}, "b")[1]]


@pytest.mark.parametrize("name", ["br0", "xenbr0", "br-lan_1", "eth0.100", "0br", "_", "a23456789012345"])
def test_good_names(name: str) -> None:
    assert problems(name=name) == []


BAD_NAMES = [
    "",
    "a234567890123456",
    "br/0",
    "br 0",
    "br\t0",
    "br\n",
    "-br",
    ".",
    "..",
    ".br",
    "br:0",
    "br;reboot",
    "$(id)",
    "`id`",
    "br'0",
    "brü",
    "all",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(name: str) -> None:
    assert set(places(name=name)) == {"b.name"}
    if name:
        assert set(places(uplink=name)) == {"b.uplink"}
    assert set(places(ports=[name])) == {"b.ports[0]"}


# what is written, where it is wrong
TABLE: list[tuple[dict[str, t.Any], list[str]]] = [
    ({}, []),
    ({"uplink": "br0"}, ["b.uplink"]),
    ({"ports": ["eth1", "eth1"]}, ["b.ports[1]"]),
    ({"uplink": "eth1", "ports": ["eth2", "eth1"]}, ["b.ports[1]"]),
    ({"stp": True, "forward_delay": 2}, []),
    ({"stp": True, "forward_delay": 30}, []),
    ({"stp": True, "forward_delay": 1}, ["b.forward_delay"]),
    ({"stp": True, "forward_delay": 0}, ["b.forward_delay"]),
    ({"stp": True, "forward_delay": 31}, ["b.forward_delay"]),
    ({"forward_delay": 0}, []),
    ({"forward_delay": 1}, []),
    ({"forward_delay": 31}, ["b.forward_delay"]),
    ({"priority": 0}, []),
    ({"priority": 65535}, []),
    ({"priority": 65536}, ["b.priority"]),
    ({"ageing_time": 0}, []),
    ({"ageing_time": -1}, ["b.ageing_time"]),
    ({"mtu": 68}, []),
    ({"mtu": 67}, ["b.mtu"]),
    ({"mtu": 65535}, []),
    ({"mtu": 65536}, ["b.mtu"]),
    ({"mtu": 1279, "addresses": ["2001:db8::1/64"]}, ["b.mtu"]),
    ({"mtu": 1280, "addresses": ["2001:db8::1/64"]}, []),
    ({"mtu": 1000, "accept_ra": True}, ["b.mtu"]),
    ({"mac": "52:54:00:12:34:56"}, []),
    ({"mac": "52-54-00-12-34-56"}, []),
    ({"mac": "52:54:00:12:34:5G"}, ["b.mac"]),
    ({"mac": "52:54:00:12:34:56:78"}, ["b.mac"]),
    ({"mac": "01:00:5e:00:00:01"}, ["b.mac"]),
    ({"mac": "ff:ff:ff:ff:ff:ff"}, ["b.mac"]),
    ({"mac": "00:00:00:00:00:00"}, ["b.mac"]),
    ({"addresses": ["10.0.0.1/8", "10.0.0.0/31", "10.0.0.9/32", "2001:db8::/64"]}, []),
    ({"addresses": ["10.0.0.1"]}, ["b.addresses[0]"]),
    ({"addresses": ["10.0.0.1/8", "10.0.0.1/8"]}, ["b.addresses[1]"]),
    ({"addresses": ["10.0.0.0/8", "10.255.255.255/8"]}, ["b.addresses[0]", "b.addresses[1]"]),
    ({"addresses": ["::1/128", "0.0.0.0/0", "::/0", "239.0.0.1/24"]}, [f"b.addresses[{at}]" for at in range(4)]),
    ({"addresses": ["10.0.0.2/24"], "gateway4": "10.0.0.1"}, []),
    ({"addresses": ["10.0.0.2/24"], "gateway4": "10.0.0.2"}, ["b.gateway4"]),
    ({"addresses": ["10.0.0.2/24"], "gateway4": "10.0.1.1"}, ["b.gateway4"]),
    ({"addresses": ["10.0.0.2/24"], "gateway4": "gateway"}, ["b.gateway4"]),
    ({"gateway4": "10.0.0.1"}, ["b.gateway4"]),
    ({"addresses": ["2001:db8::2/64"], "gateway6": "2001:db8::1"}, []),
    ({"addresses": ["2001:db8::2/64"], "gateway6": "fe80::1"}, []),
    ({"addresses": ["2001:db8::2/64"], "gateway6": "2001:db9::1"}, ["b.gateway6"]),
    ({"addresses": ["10.0.0.2/24"], "routes": [{"to": "192.0.2.0/24", "via": "10.0.0.1"}]}, []),
    ({"addresses": ["10.0.0.2/24"], "routes": [{"to": "192.0.2.0/24", "via": "10.0.1.1"}]}, ["b.routes[0].via"]),
    ({"addresses": ["10.0.0.2/24"], "routes": [{"to": "10.9.0.0/24"}, {"to": "192.0.2.0/24", "via": "10.9.0.1"}]}, []),
    ({"dhcp4": True, "routes": [{"to": "192.0.2.0/24", "via": "10.0.1.1"}]}, []),
    ({"dhcp4": True, "routes": [{"to": "2001:db8:9::/48", "via": "2001:db8::1"}]}, ["b.routes[0].via"]),
    ({"addresses": ["10.0.0.2/24"], "routes": [{"to": "2001:db8:9::/48", "via": "fe80::1"}]}, []),
    ({"routes": [{"to": "192.0.2.1/24"}]}, ["b.routes[0].to"]),
    ({"routes": [{"to": "default"}]}, ["b.routes[0].via"]),
    ({"addresses": ["10.0.0.2/24"], "dns": ["8.8.8.8", "2001:4860:4860::8888"], "dns_search": ["example.com"]}, []),
    ({"addresses": ["10.0.0.2/24"], "dns": ["one.one.one.one"]}, ["b.dns[0]"]),
    ({"addresses": ["10.0.0.2/24"], "dns_search": ["exa mple", ""]}, ["b.dns_search[0]", "b.dns_search[1]"]),
    ({"uplink": "eth0", "dns": ["8.8.8.8"]}, ["b.dns"]),
]


@pytest.mark.parametrize(("options", "wrong"), TABLE)
def test_where_it_is_wrong(options: dict[str, t.Any], wrong: list[str]) -> None:
    assert places(**options) == wrong


def test_defaults() -> None:
    bridge, wrong = read_bridge({"name": "br0"}, "b")
    assert (bridge, wrong) == (Bridge("br0"), [])
    assert bridge.settings == BridgeSettings(False, 0, 32768, 300, True, False, True)
    assert read_bridge({"name": "br0", "stp": True}, "b")[0].settings.forward_delay == 15


@pytest.mark.parametrize(
    ("options", "moves"),
    [
        ({"uplink": "eth0"}, True),
        ({"uplink": "eth0", "addresses": []}, True),
        ({"uplink": "eth0", "stp": True, "mtu": 1400}, True),
        ({}, False),
        ({"uplink": "eth0", "addresses": ["10.0.0.1/24"]}, False),
        ({"uplink": "eth0", "dhcp4": False}, False),
        ({"uplink": "eth0", "accept_ra": True}, False),
    ],
)
def test_a_profile_moves_unless_one_is_declared(options: dict[str, t.Any], moves: bool) -> None:
    assert read_bridge({"name": "br0", **options}, "b")[0].moves_profile is moves


def test_normal_forms() -> None:
    bridge, wrong = read_bridge(
        {
            "name": "br0",
            "mac": " 52-54-00-AB-CD-EF ",
            "addresses": ["2001:DB8:0:0::1/64", " 10.0.0.1/24"],
            "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.9", "table": 7}],
        },
        "b",
    )
    assert wrong == []
    assert bridge.mac == "52:54:00:ab:cd:ef"
    assert bridge.addresses == ("2001:db8::1/64", "10.0.0.1/24")
    assert bridge.routes == (StaticRoute("default", "10.0.0.9", table="7"),)


def test_clashes_between_bridges() -> None:
    items = [
        {"name": "br0", "uplink": "eth0", "ports": ["eth2"], "addresses": ["10.0.0.1/24"]},
        {"name": "br0", "uplink": "eth1"},
        {"name": "br2", "uplink": "eth0", "ports": ["eth2", "br0"], "addresses": ["10.0.0.1/16"]},
    ]
    assert [problem.path for problem in read_bridges(items)[1]] == [
        "bridges[1].name",
        "bridges[2].uplink",
        "bridges[2].ports[0]",
        "bridges[2].addresses[0]",
        "bridges[2].ports[1]",
    ]


def test_two_routes_that_the_kernel_takes_for_one() -> None:
    items = [
        {"name": "br0", "addresses": ["10.0.0.2/24", "2001:db8::2/64"], "gateway4": "10.0.0.1", "gateway6": "2001:db8::1"},
        {"name": "br1", "addresses": ["10.1.0.2/24"], "gateway4": "10.1.0.1"},
        {
            "name": "br2",
            "addresses": ["10.2.0.2/24", "2001:db8:2::2/64"],
            "routes": [
                {"to": "default", "via": "10.2.0.1", "metric": 10},
                {"to": "default", "via": "10.2.0.1", "table": "100"},
                {"to": "::/0", "via": "2001:db8:2::1", "metric": 1024},
                {"to": "192.0.2.0/24", "via": "10.2.0.1"},
                {"to": "192.0.2.0/24", "via": "10.2.0.9"},
            ],
        },
    ]
    assert [str(problem) for problem in read_bridges(items)[1]] == [
        "bridges[1].gateway4: a route to default is already at bridges[0].gateway4; give one of them another metric or table",
        "bridges[2].routes[2]: a route to default is already at bridges[0].gateway6; give one of them another metric or table",
        "bridges[2].routes[4]: a route to 192.0.2.0/24 is already at bridges[2].routes[3]; give one of them another metric or table",
    ]
