# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of the document that libvirt keeps: what their words mean to libvirt, and what it has no word for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import GUEST_OPTIONS, NETWORK_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirtxml import render
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.network import Networks, read_networks

DEFAULT: dict[str, Any] = {
    "name": "default",
    "layout": "libvirt",
    "bridge": "virbr0",
    "addresses": ["192.168.122.1/24"],
    "dhcp": {"ranges": ["192.168.122.2-192.168.122.254"]},
}
GUESTS: list[dict[str, Any]] = [
    {
        "name": "web",
        "interfaces": [
            {"network": "default", "mac": "52:54:00:00:00:01", "addresses": ["192.168.122.10/24", "2001:db8::10/64"]},
            {"network": "virbr0", "mac": "52:54:00:00:00:02", "addresses": ["192.168.122.11/24"]},
        ],
    },
    {"name": "any", "interfaces": [{"network": "default", "mac": "52:54:00:00:00:03", "addresses": ["auto"]}]},
    {"name": "other", "interfaces": [{"network": "lan", "mac": "52:54:00:00:00:04", "addresses": ["192.168.122.12/24"]}]},
]


def typed(spec: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    checked = ArgumentSpecValidator(spec).validate(dict(item))
    assert checked.error_messages == []
    return dict(checked.validated_parameters)


def read(*networks: dict[str, Any], guests: list[dict[str, Any]] | None = None) -> Networks:
    return read_networks(
        [typed(NETWORK_OPTIONS, network) for network in networks], "networks", [typed(GUEST_OPTIONS, guest) for guest in guests or []]
    )


def xml(network: dict[str, Any], guests: list[dict[str, Any]] | None = None) -> str:
    found = read(network, guests=guests)
    assert found.problems == []
    [(_place, item)] = found.libvirt
    return render(item.definition) if item.definition else ""


def told(*networks: dict[str, Any], guests: list[dict[str, Any]] | None = None) -> list[str]:
    return [str(problem) for problem in read(*networks, guests=guests).problems]


def test_the_default_network() -> None:
    assert xml(DEFAULT).split("\n") == [
        "<network>",
        "  <name>default</name>",
        '  <forward mode="nat"/>',
        '  <bridge name="virbr0" stp="off"/>',
        '  <ip address="192.168.122.1" prefix="24">',
        "    <dhcp>",
        '      <range end="192.168.122.254" start="192.168.122.2"/>',
        "    </dhcp>",
        "  </ip>",
        "</network>",
        "",
    ]
    found = read(DEFAULT)
    assert (found.bridges, found.nat, found.dhcp, found.names) == ([], [], [], {"default": "virbr0"})


def test_guests_are_hosts_and_names_of_it() -> None:
    lines = [line.strip() for line in xml(DEFAULT, GUESTS).split("\n") if "host" in line]
    assert lines == [
        '<host ip="192.168.122.10">',
        "<hostname>web</hostname>",
        "</host>",
        '<host ip="192.168.122.10" mac="52:54:00:00:00:01" name="web"/>',
        '<host ip="192.168.122.11" mac="52:54:00:00:00:02"/>',
    ]
    assert "host" not in xml({**DEFAULT, "dhcp": None}, GUESTS)


def test_of_ipv6_a_guest_is_known_by_its_name() -> None:
    both = {**DEFAULT, "addresses": [*DEFAULT["addresses"], "2001:db8::1/64"]}
    assert "2001:db8::10" not in xml(both, GUESTS)
    served = {**both, "dhcp": {**DEFAULT["dhcp"], "dhcp6": ["2001:db8::100-2001:db8::1ff"]}}
    assert '<host ip="2001:db8::10" name="web"/>' in xml(served, GUESTS)
    assert '<range end="2001:db8::1ff" start="2001:db8::100"/>' in xml(served, GUESTS)


def test_what_stands_beside_hosts() -> None:
    dhcp = {
        "domain": "office.example",
        "forwarders": ["192.0.2.53", "/example.org/192.0.2.54"],
        "records": [{"name": "gate", "addresses": ["192.168.122.1"]}, {"name": "door", "addresses": ["192.168.122.1"]}],
    }
    text = xml({**DEFAULT, "uplink": "eth0", "mtu": 1400, "stp": True, "forward_delay": 2, "dhcp": dhcp})
    for line in (
        '<interface dev="eth0"/>',
        '<mtu size="1400"/>',
        '<bridge delay="2" name="virbr0"/>',
        '<domain name="office.example"/>',
        '<forwarder addr="192.0.2.53"/>',
        '<forwarder addr="192.0.2.54" domain="example.org"/>',
        "<hostname>gate</hostname>\n      <hostname>door</hostname>",
    ):
        assert line in text


def test_libvirts_own_words_beside_them() -> None:
    text = xml(
        {**DEFAULT, "libvirt": {"domain": {"name": "office.example", "local_only": True}, "port_isolation": True, "zone": "trusted"}}
    )
    assert '<domain localOnly="yes" name="office.example"/>' in text and '<port isolated="yes"/>' in text
    assert '<bridge name="virbr0" stp="off" zone="trusted"/>' in text


def test_on_a_bridge_of_the_host() -> None:
    groups = [{"name": "staff", "vlan": {"tags": [10]}}]
    lan = {
        "name": "lan",
        "layout": "libvirt",
        "bridge": "br0",
        "zone": "world",
        "libvirt": {"forward": {"mode": "bridge"}, "portgroups": groups},
    }
    assert xml(lan).splitlines()[1:4] == ["  <name>lan</name>", '  <forward mode="bridge"/>', '  <bridge name="br0"/>']
    assert told({**lan, "nat66": True}) == [
        "networks[0].nat66: is for networks that the host routes for, and forward mode bridge has guests elsewhere; leave it out"
    ]


def test_without_dhcp_nobody_serves_it() -> None:
    assert '<dns enable="no"/>' in xml({**DEFAULT, "dhcp": None})
    assert "<dns" not in xml({**DEFAULT, "dhcp": None, "libvirt": {"dns": {"enable": True}}})


def test_nothing_but_a_name_leaves_the_definition() -> None:
    found = read({"name": "default", "layout": "libvirt", "libvirt": {"active": False, "autostart": False}})
    [(place, item)] = found.libvirt
    assert (found.problems, place, item.definition, item.active, item.autostart) == ([], "networks[0]", None, False, False)


def test_with_a_router_of_ours_libvirt_makes_no_rules() -> None:
    forwards = [{"port": "5022", "to": "web", "to_port": "22"}]
    for layout in ({"layout": "libvirt", "routed": True}, {"layout": "nat", "libvirt": {}}):
        found = read({**DEFAULT, **layout, "forwards": forwards, "zone": "dmz", "uplink": "eth0"}, guests=GUESTS)
        assert found.problems == []
        [(_place, item)], [(_place, nat)] = found.libvirt, found.nat
        assert item.definition and item.definition.one("forward").attributes == (("mode", "open"),)
        assert (nat.bridge, nat.sources, nat.uplink, nat.forwards[0].to) == ("virbr0", ("192.168.122.0/24",), "eth0", "192.168.122.10")
        assert found.zones == [("networks[0].zone", "dmz", "virbr0")]


_RULES = "libvirt's own for forward mode {} reject what they allow; say routed: true, with which libvirt makes no rules (forward mode open), and they are ours"
_BRIDGE = "is not known to libvirt, which makes this bridge; leave it out"
_SERVED = "is not known to libvirt, which serves this network; leave it out, or write dnsmasq's own word in libvirt.dnsmasq_options"


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"forwards": [{"port": "1", "to": "192.168.122.9"}]}, [f"networks[0].forwards: needs rules of ours, and {_RULES.format('nat')}"]),
        (
            {"zone": "dmz", "libvirt": {"forward": {"mode": "route"}}},
            [f"networks[0].zone: needs rules of ours, and {_RULES.format('route')}"],
        ),
        (
            {"routed": True, "libvirt": {"forward": {"mode": "nat"}}},
            [
                "networks[0].libvirt.forward.mode: libvirt's own rules for nat reject what ours allow; leave it out, because of routed: true it is open",
            ],
        ),
        (
            {"dhcp": {"domain": "a.example"}, "libvirt": {"domain": {"name": "b.example"}}},
            ["networks[0].dhcp.domain: is libvirt.domain.name, too; leave one of them out"],
        ),
        (
            {"priority": 1, "ports": ["eth1"], "gateway4": "192.168.122.9", "no_linklocal_learn": False},
            [f"networks[0].{option}: {_BRIDGE}" for option in ("priority", "no_linklocal_learn", "ports", "gateway4")],
        ),
        (
            {"dhcp": {"lease_time": "2h", "router": "none", "slaac": False}},
            [f"networks[0].dhcp.{option}: {_SERVED}" for option in ("lease_time", "router", "slaac")],
        ),
        (
            {"dhcp": {"ranges": ["192.168.123.2-192.168.123.9"], "dhcp6": ["2001:db8::2-2001:db8::9"]}},
            [
                "networks[0].dhcp.dhcp6[0]: the network has no IPv6 address of the host; give it one in addresses",
                "networks[0].dhcp.ranges[0]: 192.168.123.2-192.168.123.9 is outside 192.168.122.0/24; keep it inside",
            ],
        ),
        (
            {"uplink": "eth0.100.200.300", "forward_delay": 99, "libvirt": {"bandwidth": {"inbound": {"average": 0}}}},
            [
                "networks[0].uplink: 'eth0.100.200.300' has 16 characters; Linux allows 15 at most, choose a shorter name",
                "networks[0].forward_delay: 99 is outside 0 to 30 seconds",
                "networks[0].libvirt.bandwidth.inbound.average: 0 is none; write a number of KiB (a second) from 1",
            ],
        ),
        (
            {"routes": [{"to": "10.0.0.0/8", "via": "192.168.122.9", "table": "7"}, {"to": "10.1.0.0/16"}]},
            [
                "networks[0].routes[0].table: is not known to libvirt's routes; leave it out",
                "networks[0].routes[1].via: is missing; name the guest that the route leads to",
            ],
        ),
    ],
)
def test_bad_input(change: dict[str, Any], problems: list[str]) -> None:
    assert told({**DEFAULT, **change}) == problems


def test_what_is_wrong_with_a_guest_is_said_of_it() -> None:
    outside = {"name": "far", "interfaces": [{"network": "default", "mac": "52:54:00:00:00:09", "addresses": ["10.0.0.9/8"]}]}
    assert told(DEFAULT, guests=[*GUESTS, outside]) == [
        "guests[3].interfaces[0].addresses: 10.0.0.9 is outside 192.168.122.0/24; keep it inside",
    ]
    twin = {"name": "twin", "interfaces": [{"network": "default", "mac": "52:54:00:00:00:01", "addresses": ["192.168.122.20/24"]}]}
    assert told(DEFAULT, guests=[GUESTS[0], twin]) == [
        "guests[1].interfaces[0].mac: 52:54:00:00:00:01 is already guests[0].interfaces[0].mac; declare a host once",
    ]


def test_the_same_network_twice() -> None:
    assert told(DEFAULT, DEFAULT) == ["networks[1].name: default is already networks[0].name; declare a network once"]
    assert told(DEFAULT, {**DEFAULT, "name": "other", "addresses": ["10.0.0.1/24"], "dhcp": None}) == [
        "networks[1].bridge: virbr0 is already the bridge of networks[0]; name another",
    ]
