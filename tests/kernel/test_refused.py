# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input is refused before anything is touched: every problem at once, with its place and its cure."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Namespace, assert_same
from hosts import cable, foreign, no_waiting

NAME = "may hold only letters, digits, '_', '-' and '.', and cannot begin with '-' or '.'"
TWICE = "an interface can be in one bridge only"


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    """Cards eth0 (addresses), eth1 (foreign), eth2 (in docker0), a macvlan, and a bridge that is not ours."""
    no_waiting(empty)
    cable(empty, world)
    foreign(empty)
    empty.ip(
        """
        address add 10.1.0.2/24 dev eth0
        link add eth2 type veth peer name eth2-far
        link set eth2 master docker0
        link add eth3 mtu 1400 type veth peer name eth3-far
        link add eth4 type veth peer name eth4-far
        link add link eth4 name macv0 type macvlan
        link add bare0 type bridge
        """
    )
    empty.settle()
    return empty


def one(**options: Any) -> dict[str, Any]:
    return {"bridges": [{"name": "br0", **options}]}


# what is written, and everything that is said about it
REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no name", {"bridges": [{"name": ""}]}, ["bridges[0].name: the name is empty; give the interface a name of 1 to 15 characters"]),
    (
        "long name",
        {"bridges": [{"name": "a234567890123456"}]},
        ["bridges[0].name: 'a234567890123456' has 16 characters; Linux allows 15 at most, choose a shorter name"],
    ),
    ("slash", {"bridges": [{"name": "br/0"}]}, [f"bridges[0].name: 'br/0' {NAME}"]),
    ("space", {"bridges": [{"name": "br 0"}]}, [f"bridges[0].name: 'br 0' {NAME}"]),
    ("newline", {"bridges": [{"name": "br0\n"}]}, [f"bridges[0].name: 'br0\\n' {NAME}"]),
    ("shell", {"bridges": [{"name": "$(reboot)"}]}, [f"bridges[0].name: '$(reboot)' {NAME}"]),
    ("option", {"bridges": [{"name": "-batch"}]}, [f"bridges[0].name: '-batch' {NAME}"]),
    ("dots", {"bridges": [{"name": ".."}]}, [f"bridges[0].name: '..' {NAME}"]),
    ("colon", {"bridges": [{"name": "br0:1"}]}, [f"bridges[0].name: 'br0:1' {NAME}"]),
    ("not ASCII", {"bridges": [{"name": "brücke"}]}, [f"bridges[0].name: 'brücke' {NAME}"]),
    ("all", {"bridges": [{"name": "all"}]}, ["bridges[0].name: 'all' has a meaning of its own in Linux; choose another name"]),
    ("lo", {"bridges": [{"name": "lo"}]}, ["bridges[0].name: 'lo' has a meaning of its own in Linux; choose another name"]),
    (
        "missing uplink",
        one(uplink="eth9"),
        [
            "bridges[0].uplink: eth9 does not exist on this host; it has eth0, eth1, eth1-far, eth2-far, eth3, eth3-far, eth4, eth4-far,"
            " guest0-far, macv0"
        ],
    ),
    (
        "uplink in another bridge",
        one(uplink="eth2"),
        ["bridges[0].uplink: eth2 is already in bridge docker0; remove it there first"],
    ),
    (
        "uplink is a bridge",
        one(uplink="docker0"),
        [
            "bridges[0].uplink: docker0 is itself a bridge; a bridge cannot be a port of a bridge, name the NIC, bond or VLAN behind it",
        ],
    ),
    ("uplink is lo", one(uplink="lo"), ["bridges[0].uplink: 'lo' has a meaning of its own in Linux; choose another name"]),
    (
        "uplink is the bridge",
        one(uplink="br0"),
        [
            "bridges[0].uplink: br0 is the bridge itself; name the NIC, bond or VLAN behind it",
            "bridges[0].uplink: br0 is declared as a bridge at bridges[0]; a bridge cannot be a port of a bridge",
        ],
    ),
    ("macvlan", one(uplink="eth4"), ["bridges[0].uplink: macv0 on eth4 keeps it from becoming a bridge port; remove it first"]),
    (
        "port missing",
        one(ports=["eth3", "eth8"]),
        [
            "bridges[0].ports[1]: eth8 does not exist on this host; it has eth0, eth1, eth1-far, eth2-far, eth3, eth3-far, eth4, eth4-far,"
            " guest0-far, macv0"
        ],
    ),
    (
        "port with addresses",
        one(ports=["eth0"]),
        ["bridges[0].ports[0]: eth0 carries addresses; name it as uplink, so that they move to the bridge, or remove them first"],
    ),
    (
        "port twice",
        one(uplink="eth3", ports=["eth3"]),
        ["bridges[0].ports[0]: eth3 is named twice; a port belongs to a bridge once, the uplink included"],
    ),
    (
        "same name twice",
        {"bridges": [{"name": "br0"}, {"name": "br0"}]},
        ["bridges[1].name: br0 is already bridges[0].name; declare a bridge once"],
    ),
    (
        "same uplink twice",
        {"bridges": [{"name": "br0", "uplink": "eth0"}, {"name": "br1", "uplink": "eth0"}]},
        [f"bridges[1].uplink: eth0 is already bridges[0].uplink; {TWICE}"],
    ),
    (
        "uplink and port",
        {"bridges": [{"name": "br0", "uplink": "eth3"}, {"name": "br1", "ports": ["eth3"]}]},
        [f"bridges[1].ports[0]: eth3 is already bridges[0].uplink; {TWICE}"],
    ),
    (
        "no CIDR",
        one(addresses=["10.0.0.1", "nonsense", "10.0.0.1/33", "2001:db8::1/129", ""]),
        [
            f"bridges[0].addresses[{at}]: {text!r} is not an address with a prefix length; write it as in 10.20.190.2/24 or 2001:db8::1/64"
            for at, text in enumerate(["10.0.0.1", "nonsense", "10.0.0.1/33", "2001:db8::1/129", ""])
        ],
    ),
    (
        "network and broadcast address",
        one(addresses=["10.20.0.0/24", "10.20.0.255/24"]),
        [
            "bridges[0].addresses[0]: 10.20.0.0/24 is the address of the network itself; use one of its hosts, as in 10.20.0.1/24",
            "bridges[0].addresses[1]: 10.20.0.255/24 is the broadcast address of 10.20.0.0/24; use one of its hosts, as in 10.20.0.1/24",
        ],
    ),
    (
        "multicast and loopback",
        one(addresses=["224.0.0.1/24", "127.0.0.1/8", "ff02::1/64"]),
        [
            f"bridges[0].addresses[{at}]: {text} is a multicast, loopback or unspecified address; an interface needs one of its own"
            for at, text in enumerate(["224.0.0.1/24", "127.0.0.1/8", "ff02::1/64"])
        ],
    ),
    (
        "same address twice",
        one(addresses=["2001:db8:0::1/64", "2001:db8::1/64"]),
        ["bridges[0].addresses[1]: 2001:db8::1/64 is the same as bridges[0].addresses[0]; write it once"],
    ),
    (
        "same address on two bridges",
        {"bridges": [{"name": "br0", "addresses": ["10.20.0.1/24"]}, {"name": "br1", "addresses": ["10.20.0.1/16"]}]},
        ["bridges[1].addresses[0]: 10.20.0.1 is already at bridges[0].addresses[0]; an address belongs to one bridge"],
    ),
    (
        "gateway outside",
        one(addresses=["10.20.0.2/24"], gateway4="10.21.0.1", gateway6="2001:db8::1"),
        [
            "bridges[0].gateway4: 10.21.0.1 is outside the bridge's addresses (10.20.0.0/24); add an address of its network",
            "bridges[0].gateway6: 2001:db8::1 is outside the bridge's addresses (no IPv6 address at all); add an address of its network",
        ],
    ),
    (
        "gateway is us",
        one(addresses=["10.20.0.2/24"], gateway4="10.20.0.2"),
        ["bridges[0].gateway4: 10.20.0.2 is the bridge's own address; name the router's"],
    ),
    (
        "gateways of the wrong family",
        one(addresses=["10.20.0.2/24"], gateway4="2001:db8::1", gateway6="10.20.0.1"),
        [
            "bridges[0].gateway4: '2001:db8::1' is not an IPv4 address",
            "bridges[0].gateway6: '10.20.0.1' is not an IPv6 address",
        ],
    ),
    (
        "forward delay with STP",
        one(stp=True, forward_delay=1),
        ["bridges[0].forward_delay: 1 is out of range; with stp: true the kernel takes 2-30 seconds"],
    ),
    ("forward delay without", one(forward_delay=31), ["bridges[0].forward_delay: 31 is out of range; it is 0-30 seconds"]),
    ("negative forward delay", one(forward_delay=-1), ["bridges[0].forward_delay: -1 is out of range; it is 0-30 seconds"]),
    ("priority", one(priority=65536), ["bridges[0].priority: 65536 is outside 0-65535"]),
    ("ageing time", one(ageing_time=-1), ["bridges[0].ageing_time: -1 is outside 0-1000000"]),
    (
        "multicast MAC",
        one(mac="01:00:5e:00:00:01"),
        ["bridges[0].mac: 01:00:5e:00:00:01 is a multicast address; the second digit of an interface's own MAC is even"],
    ),
    (
        "malformed MAC",
        one(mac="52:54:00:12:34"),
        ["bridges[0].mac: '52:54:00:12:34' is not a MAC address; write six pairs of hexadecimal digits, as in 52:54:00:12:34:56"],
    ),
    (
        "zero MAC",
        one(mac="00:00:00:00:00:00"),
        ["bridges[0].mac: 00:00:00:00:00:00 cannot be used as an address; leave mac out to get a stable one"],
    ),
    ("MTU", one(mtu=67), ["bridges[0].mtu: 67 is outside 68-65535"]),
    (
        "MTU beyond the uplink",
        one(uplink="eth3", mtu=1500),
        ["bridges[0].mtu: 1500 is beyond the 1400 of its uplink eth3; raise the uplink's first, or lower this"],
    ),
    (
        "MTU too small for IPv6",
        one(mtu=1279, addresses=["2001:db8::1/64"]),
        ["bridges[0].mtu: 1279 is too small for IPv6, which needs 1280"],
    ),
    (
        "foreign bridge",
        {"bridges": [{"name": "docker0"}]},
        ["bridges[0].name: docker0 exists and is not ours; adopt: true takes it over as it is, or choose another name"],
    ),
    ("name of a NIC", {"bridges": [{"name": "eth1"}]}, ["bridges[0].name: eth1 exists and is no bridge but a veth; choose another name"]),
    ("owner", {**one(), "owner": "a b"}, ["owner: 'a b' is no label; use 1 to 64 letters, digits, '_', '-' or '.'"]),
    (
        "prune without a list",
        {"prune": True},
        ["bridges: is empty, and prune: true would remove everything of this owner; allow_empty: true says that this is meant"],
    ),
    (
        "prune and absent",
        {**one(), "prune": True, "state": "absent"},
        ["prune: goes with state: present only; state: absent removes what the list names"],
    ),
    (
        "routes",
        one(
            addresses=["10.20.0.2/24"],
            routes=[
                {"to": "nonsense"},
                {"to": "10.0.0.1/8"},
                {"to": "default"},
                {"to": "192.0.2.0/24", "via": "router"},
                {"to": "192.0.2.0/24", "via": "2001:db8::1"},
                {"to": "192.0.2.0/24", "via": "10.20.0.1", "source": "me"},
            ],
        ),
        [
            "bridges[0].routes[0].to: 'nonsense' is not a network; write it as in 192.0.2.0/24, or default",
            "bridges[0].routes[1].to: '10.0.0.1/8' is not a network; write it as in 192.0.2.0/24, or default",
            "bridges[0].routes[2].via: a default route needs a gateway; add via: with the router's address",
            "bridges[0].routes[3].via: 'router' is not an IP address",
            "bridges[0].routes[4].via: 2001:db8::1 is not of the same family as 192.0.2.0/24",
            "bridges[0].routes[5].source: 'me' is not an IP address",
        ],
    ),
    (
        "router outside",
        one(
            addresses=["10.20.0.2/24"], routes=[{"to": "192.0.2.0/24", "via": "10.21.0.1"}, {"to": "2001:db8:9::/48", "via": "2001:db8::1"}]
        ),
        [
            "bridges[0].routes[0].via: 10.21.0.1 is outside the bridge's addresses (10.20.0.0/24); add an address of its network",
            "bridges[0].routes[1].via: 2001:db8::1 is outside the bridge's addresses (no IPv6 address at all); add an address of its network",
        ],
    ),
    ("DNS", one(addresses=["10.20.0.2/24"], dns=["8.8.8.8", "dns.example"]), ["bridges[0].dns[1]: 'dns.example' is not an IP address"]),
    (
        "default route that moves to another bridge",
        {
            "bridges": [
                {"name": "br0", "uplink": "eth1"},
                {"name": "br1", "addresses": ["10.20.0.2/24"], "routes": [{"to": "203.0.113.0/24", "via": "10.20.0.1"}]},
            ]
        },
        [
            "bridges[1]: the host has a route 203.0.113.0/24 via 10.8.0.1 through eth1 already;"
            " remove that one, or declare this one in routes with a metric of its own"
        ],
    ),
    (
        "route of others",
        one(addresses=["10.20.0.2/24"], routes=[{"to": "203.0.113.0/24", "via": "10.20.0.1"}]),
        [
            "bridges[0]: the host has a route 203.0.113.0/24 via 10.8.0.1 through eth1 already;"
            " remove that one, or declare this one in routes with a metric of its own"
        ],
    ),
]


@pytest.mark.parametrize(("options", "problems"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED])
def test_refused_with_nothing_touched(host: Namespace, options: dict[str, Any], problems: list[str]) -> None:
    before = host.snapshot()
    for check in (True, False):
        answer = host.module("xen_bridge", check=check, **options)
        assert answer.failed() == "\n".join(answer.problems)
        assert answer.problems == problems
    assert_same(before, host.snapshot())


def test_all_problems_of_all_bridges_at_once(host: Namespace) -> None:
    bridges = [
        {"name": "bad name", "addresses": ["10.0.0.0/24"], "mac": "01:00:00:00:00:00"},
        {"name": "br1", "uplink": "eth0", "mtu": 1},
        {"name": "br1", "uplink": "eth0", "forward_delay": 99},
    ]
    problems = host.bridge(*bridges, owner="!", prune=True, state="absent").problems
    assert [line.split(":")[0] for line in problems] == [
        "owner",
        "prune",
        "bridges[0].name",
        "bridges[0].mac",
        "bridges[0].addresses[0]",
        "bridges[1].mtu",
        "bridges[2].forward_delay",
        "bridges[2].name",
        "bridges[2].uplink",
    ]


def test_all_problems_with_the_host_at_once(host: Namespace) -> None:
    problems = host.bridge({"name": "docker0", "uplink": "eth9"}, {"name": "br1", "uplink": "eth2"}, {"name": "eth1"}).problems
    assert [line.split(":")[0] for line in problems] == ["bridges[0].name", "bridges[0].uplink", "bridges[1].uplink", "bridges[2].name"]
