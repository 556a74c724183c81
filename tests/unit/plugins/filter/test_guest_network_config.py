# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.filter.guest_network_config import FilterModule

config = FilterModule().filters()["guest_network_config"]

NETWORKS = [
    {"name": "vnat0", "layout": "nat", "addresses": ["10.0.0.254/16", "2001:db8::1/64"]},
    {"name": "xennat", "layout": "nat", "point_to_point": True},
    {"name": "xenbr0", "layout": "bridge", "addresses": ["192.0.2.9/24"], "gateway4": "192.0.2.1", "mtu": 1400, "dns": ["192.0.2.53"]},
    {"name": "plain"},
]
GUEST = [
    {"network": "vnat0", "mac": "00:16:3E:27:95:C0", "addresses": ["10.0.0.1", "2001:db8::7"], "dns_search": ["a.org", "b.org"], "accept_ra": False},
    {"network": "xenbr0", "mac": "52:54:00:12:34:56", "addresses": ["192.0.2.7", "192.0.2.8/25"], "device": "lan0"},
    {"dhcp6": True, "accept_ra": True},
]  # fmt: skip


def test_cloud_init():
    assert yaml.safe_load(config(GUEST, "cloud-init", NETWORKS)) == {
        "version": 2,
        "ethernets": {
            "eth0": {
                "match": {"macaddress": "00:16:3e:27:95:c0"},
                "set-name": "eth0",
                "dhcp4": False,
                "dhcp6": False,
                "accept-ra": False,
                "addresses": ["10.0.0.1/16", "2001:db8::7/64"],
                "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.254"}, {"to": "::/0", "via": "2001:db8::1"}],
                "nameservers": {"search": ["a.org", "b.org"]},
            },
            "lan0": {
                "match": {"macaddress": "52:54:00:12:34:56"},
                "set-name": "lan0",
                "dhcp4": False,
                "dhcp6": False,
                "addresses": ["192.0.2.7/24", "192.0.2.8/25"],
                "nameservers": {"addresses": ["192.0.2.53"]},
                "mtu": 1400,
            },
            "eth2": {"dhcp4": True, "dhcp6": True, "accept-ra": True},
        },
    }


def test_interfaces():
    assert (
        config(GUEST, "interfaces", NETWORKS)
        == """\
auto eth0
iface eth0 inet static
    address 10.0.0.1/16
    gateway 10.0.0.254
    dns-search a.org b.org
iface eth0 inet6 static
    address 2001:db8::7/64
    gateway 2001:db8::1
    accept_ra 0

auto lan0
iface lan0 inet static
    address 192.0.2.7/24
    dns-nameservers 192.0.2.53
    mtu 1400
iface lan0 inet static
    address 192.0.2.8/25

auto eth2
iface eth2 inet dhcp
iface eth2 inet6 dhcp
    accept_ra 1
"""
    )


def test_ifcfg():
    assert config(GUEST, "ifcfg", NETWORKS) == {
        "ifcfg-eth0": """\
DEVICE=eth0
TYPE=Ethernet
ONBOOT=yes
HWADDR=00:16:3e:27:95:c0
BOOTPROTO=none
IPADDR=10.0.0.1
PREFIX=16
GATEWAY=10.0.0.254
IPV6INIT=yes
IPV6_AUTOCONF=no
IPV6ADDR=2001:db8::7/64
IPV6_DEFAULTGW=2001:db8::1
DOMAIN="a.org b.org"
""",
        "ifcfg-lan0": """\
DEVICE=lan0
TYPE=Ethernet
ONBOOT=yes
HWADDR=52:54:00:12:34:56
BOOTPROTO=none
IPADDR=192.0.2.7
PREFIX=24
IPADDR1=192.0.2.8
PREFIX1=25
DNS1=192.0.2.53
MTU=1400
""",
        "ifcfg-eth2": """\
DEVICE=eth2
TYPE=Ethernet
ONBOOT=yes
BOOTPROTO=dhcp
IPV6INIT=yes
IPV6_AUTOCONF=yes
DHCPV6C=yes
""",
    }


def test_an_ipv6_address_that_has_company():
    text = config({"addresses": ["2001:db8::7/64", "2001:db8::8/64"], "gateway6": "fe80::1"}, "ifcfg")["ifcfg-eth0"]
    assert 'IPV6ADDR=2001:db8::7/64\nIPV6ADDR_SECONDARIES="2001:db8::8/64"\nIPV6_DEFAULTGW=fe80::1\n' in text


@pytest.mark.parametrize(
    ("interface", "expected"),
    [
        ({}, "ip=::::web1:eth0:dhcp"),
        ({"device": "ens3"}, "ip=::::web1:ens3:dhcp"),
        ({"addresses": ["192.0.2.7/24"]}, "ip=192.0.2.7:::255.255.255.0:web1:eth0:off"),
        ({"network": "xenbr0", "addresses": ["192.0.2.7"]}, "ip=192.0.2.7::192.0.2.1:255.255.255.0:web1:eth0:off:192.0.2.53"),
        ({"network": "vnat0", "addresses": ["10.0.0.1"]}, "ip=10.0.0.1::10.0.0.254:255.255.0.0:web1:eth0:off"),
        ({"network": "xennat", "addresses": ["10.0.0.1/24"]}, "ip=10.0.0.1::10.0.0.128:255.255.255.0:web1:eth0:off"),
    ],
)
def test_kernel(interface, expected):
    assert config(interface, "kernel", NETWORKS, "web1") == expected


def gateways(*interfaces):
    ethernets = yaml.safe_load(config(list(interfaces), networks=NETWORKS))["ethernets"].values()
    return [[route["via"] for route in ethernet.get("routes", [])] for ethernet in ethernets]


def test_a_bridge_is_no_gateway_unless_it_names_one():
    assert gateways({"network": "plain", "addresses": ["192.0.2.7/24"]}) == [[]]
    assert gateways({"network": "xenbr0", "addresses": ["192.0.2.7/24"]}) == [["192.0.2.1"]]
    assert gateways({"network": "xenbr0", "addresses": ["198.51.100.7/24"]}) == [[]]


def test_a_guest_has_one_default_gateway():
    nat, bridge = {"network": "vnat0", "addresses": ["10.0.0.1"]}, {"network": "xenbr0", "addresses": ["192.0.2.7"]}
    assert gateways(nat, bridge) == [["10.0.0.254"], []]
    assert gateways(bridge, nat) == [["192.0.2.1"], []]


def test_a_gateway_that_is_no_neighbour():
    far = {"addresses": ["10.0.0.1/32"], "gateway4": "10.0.0.128"}
    assert yaml.safe_load(config(far))["ethernets"]["eth0"]["routes"] == [{"to": "0.0.0.0/0", "via": "10.0.0.128", "on-link": True}]
    for form in ("ifcfg", "kernel"):
        with pytest.raises(AnsibleFilterError, match=r"interfaces\[0\]\.gateway4: 10\.0\.0\.128 is outside 10\.0\.0\.1/32 and"):
            config(far, form)


def test_all_problems_at_once():
    wrong = [
        {"addresses": ["10.0.0.1", "x"], "network": "gone", "dns": ["10.0.0.0/8"]},
        {"gateway4": "192.0.2.1", "dhcp4": "no", "mac": "zz", "mtu": 9, "dns_search": "a.org", "device": "eth0"},
        "eth2",
        {"addresses": ["2001:db8::1/64", "192.0.2.1/24"], "gateway6": "192.0.2.2", "gateway4": "192.0.2.3", "device": "a/b"},
        {"addresses": ["198.51.100.7/24"], "gateway4": "198.51.100.1"},
    ]
    with pytest.raises(AnsibleFilterError) as refused:
        config(wrong, "netplan", {"name": "a"}, "web 1")
    problems = str(refused.value).splitlines()[1:]
    expected = [
        "format: 'netplan' does not exist; there is: cloud-init, interfaces, ifcfg, kernel",
        "networks: is no list of networks; hand over vnet_networks",
        "hostname: 'web 1' is no host name",
        "interfaces[0].addresses[0]: 10.0.0.1 has no prefix length and network gone does not tell it",
        "interfaces[0].addresses[1]: 'x' is no address",
        "interfaces[0].dns: '10.0.0.0/8' is no address; write it without a prefix length",
        "interfaces[1].mac: 'zz' is not a MAC address",
        "interfaces[1].dhcp4: 'no' is neither true nor false",
        "interfaces[1].gateway4: the interface has no IPv4 address to reach it from",
        "interfaces[1].dns_search: 'a.org' is no list",
        "interfaces[1].mtu: 9 is no number from 68 to 65535",
        "interfaces[2]: 'eth2' is no interface",
        "interfaces[3].device: 'a/b' may hold only letters",
        "interfaces[3].gateway6: 192.0.2.2 is no IPv6 address; it goes into gateway4",
        "interfaces[1].device: eth0 is already interfaces[0].device",
        "interfaces[4].gateway4: is a second default gateway",
    ]
    assert len(problems) == len(expected), problems
    assert all(problem.startswith(text) for problem, text in zip(problems, expected)), problems


@pytest.mark.parametrize(
    ("interfaces", "problem"),
    [
        ([], "0 interfaces; the kernel's ip= sets up one"),
        ([{}, {}], "interfaces: 2 interfaces; the kernel's ip= sets up one"),
        ({"addresses": ["2001:db8::1/64"]}, "interfaces[0]: the kernel's ip= knows IPv4 only"),
        ({"dhcp6": True}, "interfaces[0]: the kernel's ip= knows IPv4 only"),
        ({"dns": ["2001:db8::53"]}, "interfaces[0]: the kernel's ip= knows IPv4 only"),
        ({"addresses": ["192.0.2.1/24", "192.0.2.2/24"]}, "interfaces[0].addresses: the kernel's ip= sets up one address"),
        ({"addresses": ["192.0.2.1/24"], "dns": ["1.1.1.1"] * 3}, "interfaces[0].dns: the kernel's ip= has room for two"),
    ],
)
def test_what_the_kernel_has_no_words_for(interfaces, problem):
    with pytest.raises(AnsibleFilterError) as refused:
        config(interfaces, "kernel")
    assert str(refused.value).splitlines()[1].startswith(problem)


def test_what_is_no_interface_at_all():
    with pytest.raises(AnsibleFilterError, match="needs a guest's interfaces"):
        config("eth0")
