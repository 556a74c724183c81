# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network's DHCP may say: every refusal with its place and its cure."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcp import Lease, parse_leases
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcpread import read_dhcps

OWN = {"name": "vnat0", "addresses": ["10.0.0.254/24", "2001:db8::1/64"]}
MAC = "00:16:3e:27:95:c0"


def problems(*networks: dict[str, t.Any]) -> list[str]:
    return [str(problem) for problem in read_dhcps(networks)[1]]


def test_everything_that_a_network_can_say_is_read() -> None:
    (network,), wrong = read_dhcps(
        [
            {
                **OWN,
                "bridge": "br0",
                "ranges": ["10.0.0.10-10.0.0.20", "10.0.0.30 - 10.0.0.40"],
                "dhcp6": ["2001:db8::100-2001:db8::1FF"],
                "hosts": [{"mac": MAC.upper().replace(":", "-"), "addresses": ["10.0.0.15/24", "2001:db8::15"], "name": "Web"}],
                "forwarders": ["192.0.2.53", "2001:db8::53#5353", "/example.org/192.0.2.54"],
                "records": [{"name": "gw.lab.example", "addresses": ["10.0.0.254"]}],
                "options": [{"name": "ntp-server", "values": ["10.0.0.254"]}, {"name": "56", "ipv6": True, "values": ["2001:db8::1"]}],
                "lease_time": "12h",
                "router": "10.0.0.1",
            }
        ]
    )
    assert wrong == []
    assert network.ranges == (("10.0.0.10", "10.0.0.20"), ("10.0.0.30", "10.0.0.40"), ("2001:db8::100", "2001:db8::1ff"))
    assert network.hosts[0].describe() == f"{MAC} 10.0.0.15 2001:db8::15 web"
    assert [(option.number, option.family) for option in network.options] == [(42, 4), (56, 6)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ranges": ["10.0.0.9-10.0.1.9"]}, "ranges[0]: 10.0.0.9-10.0.1.9 is outside 10.0.0.0/24; keep it inside one subnet"),
        ({"ranges": ["10.9.0.1-10.9.0.9"]}, "ranges[0]: 10.9.0.1-10.9.0.9 is outside 10.0.0.0/24"),
        ({"ranges": ["10.0.0.250-10.0.0.254"]}, "holds the host's own address 10.0.0.254; write 10.0.0.250-10.0.0.253"),
        ({"ranges": ["10.0.0.9-10.0.0.1"]}, "ranges[0]: 10.0.0.9-10.0.0.1 runs backwards; write 10.0.0.1-10.0.0.9"),
        ({"ranges": ["10.0.0.0-10.0.0.9"]}, "begins with the network's own address; begin with 10.0.0.1"),
        ({"ranges": ["x", "10.0.0.1-10.0.0.9", "10.0.0.9-10.0.0.12"]}, "ranges[2]: 10.0.0.9-10.0.0.12 overlaps with networks[0].ranges[1]"),
        ({"ranges": ["2001:db8::1-2001:db8::9"]}, "ranges[0]: 2001:db8::1-2001:db8::9 is not IPv4; IPv6 goes to dhcp6"),
        ({"dhcp6": ["2001:db8:1::1-2001:db8:1::9"]}, "dhcp6[0]: 2001:db8:1::1-2001:db8:1::9 is outside 2001:db8::/64"),
        ({"hosts": [{"mac": MAC, "addresses": ["10.1.0.1"]}]}, "hosts[0].addresses: 10.1.0.1 is outside 10.0.0.0/24"),
        ({"hosts": [{"mac": MAC, "addresses": ["10.0.0.254"]}]}, "hosts[0].addresses: 10.0.0.254 is the host's own address on vnat0"),
        ({"hosts": [{"mac": MAC, "addresses": ["10.0.0.255"]}]}, "hosts[0].addresses: 10.0.0.255 is the network's own or the broadcast"),
        ({"hosts": [{"mac": MAC, "addresses": ["10.0.0.1", "10.0.0.2"]}]}, "hosts[0].addresses: holds more than one IPv4 address"),
        ({"hosts": [{"mac": MAC}]}, "hosts[0]: has neither addresses nor a name"),
        ({"hosts": [{"mac": "0:1", "name": "a"}]}, "hosts[0].mac: '0:1' is not a MAC address"),
        ({"hosts": [{"mac": MAC, "name": "a.b"}]}, "hosts[0].name: 'a.b' is no host's name"),
        ({"router": "10.9.0.1"}, "router: 10.9.0.1 is outside 10.0.0.0/24"),
        ({"router": "2001:db8::1"}, "router: '2001:db8::1' cannot be told to guests"),
        ({"slaac": True, "ra": False}, "slaac: guests learn by router advertisements"),
        ({"addresses": ["2001:db8::1/80"], "slaac": True}, "slaac: works in a /64 only"),
        (
            {"addresses": ["2001:db8::1/48"]},
            "addresses: 2001:db8::1/48: dnsmasq serves IPv6 subnets of /64 and smaller; write 2001:db8::1/64",
        ),
        ({"addresses": ["10.0.0.1/32"]}, "addresses: the host has no IPv4 and no IPv6 subnet on vnat0"),
        ({"addresses": ["10.0.0.1/24"], "ra": True}, "ra: true, but the host has no IPv6 subnet"),
        ({"addresses": ["10.0.0.1"]}, "addresses[0]: '10.0.0.1' is not an address with a prefix length"),
        ({"mtu": 100}, "mtu: 100 is outside 576 to 65535"),
        ({"lease_time": "1m"}, "lease_time: 1m is less than two minutes"),
        ({"lease_time": "soon"}, "lease_time: 'soon' is no time"),
        ({"domain": "-x"}, "domain: '-x' is no domain"),
        ({"forwarders": ["dns.example"]}, "forwarders[0]: 'dns.example' is no name server"),
        ({"forwarders": ["192.0.2.53#1"], "dns": False}, "forwarders[0]: with dns: false, guests are told"),
        ({"records": [{"name": "a b", "addresses": ["10.0.0.1"]}]}, "records[0].name: 'a b' is no name"),
        ({"records": [{"name": "a", "addresses": ["x"]}]}, "records[0].addresses[0]: 'x' is no address"),
        ({"options": [{"name": "3"}]}, "options[0].name: 3 is not an extra option, it is part of what is said anyway; say it with router:"),
        ({"options": [{"name": "foo"}]}, "options[0].name: 'foo' is not known here"),
        ({"options": [{"name": "42", "values": ['"']}]}, "options[0].values[0]: "),
        ({"name": "a/b", "bridge": "br0"}, "name: 'a/b' is no name"),
        ({"bridge": "much-too-long-for-one"}, "bridge: 'much-too-long-for-one' has 21 characters"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(options: dict[str, t.Any], said: str) -> None:
    assert said in "\n".join(problems({**OWN, **options}))


def test_the_same_twice() -> None:
    hosts = [{"mac": MAC, "addresses": ["10.0.0.1"], "name": "a"}, {"mac": MAC, "addresses": ["10.0.0.1"], "name": "a"}]
    found = problems({**OWN, "hosts": hosts})
    assert [line.partition(";")[0] for line in found] == [
        "networks[0].hosts[1].mac: 00:16:3e:27:95:c0 is already networks[0].hosts[0].mac",
        "networks[0].hosts[1].addresses: 10.0.0.1 is already networks[0].hosts[0].addresses",
        "networks[0].hosts[1].name: a is already networks[0].hosts[0].name",
    ]
    assert problems(OWN, OWN) == ["networks[1].name: vnat0 is already networks[0].name; declare a network once"]
    assert "networks[1].bridge: vnat0 is already" in problems(OWN, {**OWN, "name": "other", "bridge": "vnat0"})[0]


def test_leases_of_both_families() -> None:
    text = """1795000000 52:54:00:00:00:01 10.0.0.7 web 01:52:54:00:00:00:01
0 52:54:00:00:00:02 10.0.0.8 * *
duid 00:01:00:01:2a:2b:2c:2d:52:54:00:00:00:ff
1795000001 16777343 2001:db8::7 web 00:01:00:01:aa
"""
    assert parse_leases(text) == (
        Lease("52:54:00:00:00:01", "10.0.0.7", "web", 1795000000),
        Lease("52:54:00:00:00:02", "10.0.0.8", "", 0),
        Lease("00:01:00:01:aa", "2001:db8::7", "web", 1795000001),
    )
