# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of libvirt as users write them: every option in libvirt's own words, and everything that is wrong at once."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec_libvirt import LIBVIRT_NETWORK_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirtread import read_libvirt
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirtxml import normal, parse, render

EVERYTHING: dict[str, Any] = {
    "name": "all",
    "bridge": "virbr9",
    "mac": "52-54-00-AA-BB-CC",
    "stp": False,
    "delay": 3,
    "mtu": 1400,
    "zone": "dmz",
    "ipv6": True,
    "forward": {"mode": "nat", "dev": "eth0", "nat_addresses": "192.0.2.8-192.0.2.9", "nat_ports": "2000-3000", "nat_ipv6": True},
    "domain": {"name": "example.org", "local_only": True, "register": True},
    "dns": {
        "forward_plain_names": False,
        "forwarders": [{"address": "8.8.8.8"}, {"domain": "a.example", "address": "192.0.2.53"}, {"domain": "b.example"}],
        "hosts": [{"address": "10.9.0.1", "names": ["gate", "door"]}],
        "txt": [{"name": "a", "value": "b c"}],
        "srv": [{"service": "ldap", "protocol": "tcp", "domain": "x.example", "target": "y", "port": 389, "priority": 1, "weight": 2}],
    },
    "vlan": {"tags": [42, 47], "native": 47},
    "bandwidth": {"inbound": {"average": 1, "peak": 2, "burst": 3}, "outbound": {"average": 4}},
    "portgroups": [{"name": "p", "default": True, "vlan": {"tags": [5], "trunk": True}, "bandwidth": {"inbound": {"average": 6}}}],
    "port_isolation": True,
    "addresses": [
        {
            "address": "10.9.0.1/24",
            "local_ptr": True,
            "tftp": "/srv/tftp",
            "ranges": ["10.9.0.9-10.9.0.19", "10.9.0.30"],
            "hosts": [{"mac": "52:54:00:00:00:01", "name": "one", "address": "10.9.0.2"}],
            "bootp": {"file": "pxe", "server": "10.9.0.3"},
        },
        {
            "address": "2001:db8:9::1/64",
            "ranges": ["2001:db8:9::10-2001:db8:9::1f"],
            "hosts": [{"id": "0:3:0:1:52", "address": "2001:db8:9::2"}],
        },
    ],
    "routes": [{"to": "10.10.0.0/16", "via": "10.9.0.2", "metric": 5}, {"to": "2001:db8:10::/48", "via": "2001:db8:9::2"}],
    "dnsmasq_options": ["log-queries"],
}
# As https://libvirt.org/formatnetwork.html describes it.
XML = """
<network xmlns:dnsmasq="http://libvirt.org/schemas/network/dnsmasq/1.0" ipv6="yes">
  <name>all</name>
  <forward mode="nat" dev="eth0">
    <nat ipv6="yes"><address start="192.0.2.8" end="192.0.2.9"/><port start="2000" end="3000"/></nat>
  </forward>
  <bridge name="virbr9" stp="off" delay="3" zone="dmz"/>
  <mac address="52:54:00:aa:bb:cc"/>
  <mtu size="1400"/>
  <domain name="example.org" localOnly="yes" register="yes"/>
  <dns forwardPlainNames="no">
    <forwarder addr="8.8.8.8"/><forwarder domain="a.example" addr="192.0.2.53"/><forwarder domain="b.example"/>
    <txt name="a" value="b c"/>
    <host ip="10.9.0.1"><hostname>gate</hostname><hostname>door</hostname></host>
    <srv service="ldap" protocol="tcp" domain="x.example" target="y" port="389" priority="1" weight="2"/>
  </dns>
  <vlan trunk="yes"><tag id="42"/><tag id="47" nativeMode="untagged"/></vlan>
  <bandwidth><inbound average="1" peak="2" burst="3"/><outbound average="4"/></bandwidth>
  <port isolated="yes"/>
  <portgroup name="p" default="yes"><vlan trunk="yes"><tag id="5"/></vlan><bandwidth><inbound average="6"/></bandwidth></portgroup>
  <ip address="10.9.0.1" netmask="255.255.255.0" localPtr="yes">
    <tftp root="/srv/tftp"/>
    <dhcp>
      <range start="10.9.0.9" end="10.9.0.19"/><range start="10.9.0.30" end="10.9.0.30"/>
      <host mac="52:54:00:00:00:01" name="one" ip="10.9.0.2"/><bootp file="pxe" server="10.9.0.3"/>
    </dhcp>
  </ip>
  <ip family="ipv6" address="2001:db8:9::1" prefix="64">
    <dhcp><range start="2001:db8:9::10" end="2001:db8:9::1f"/><host id="0:3:0:1:52" ip="2001:db8:9::2"/></dhcp>
  </ip>
  <route address="10.10.0.0" prefix="16" gateway="10.9.0.2" metric="5"/>
  <route family="ipv6" address="2001:db8:10::" prefix="48" gateway="2001:db8:9::2"/>
  <dnsmasq:options><dnsmasq:option value="log-queries"/></dnsmasq:options>
</network>
"""


def read(*items: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The definitions as XML, and the problems."""
    checked = ArgumentSpecValidator(LIBVIRT_NETWORK_OPTIONS).validate({"networks": list(items)})
    assert checked.error_messages == []
    networks, problems = read_libvirt(checked.validated_parameters["networks"])
    return [render(item.definition) if item.definition else "" for item in networks], [str(problem) for problem in problems]


def test_every_option() -> None:
    found, problems = read(EVERYTHING)
    assert problems == []
    assert found == [render(normal(parse(XML)))]


def test_a_whole_document_is_the_same() -> None:
    assert read({"name": "all", "xml": XML}) == read(EVERYTHING)


def test_nothing_but_its_name_keeps_the_definition() -> None:
    assert read({"name": "default", "active": False, "autostart": False}) == ([""], [])


def test_devices_of_the_host() -> None:
    found, problems = read(
        {"name": "lan", "bridge": "br0", "forward": {"mode": "bridge"}},
        {"name": "vf", "forward": {"mode": "hostdev", "managed": True, "driver": "vfio", "addresses": ["0000:03:10.1"]}},
        {"name": "pf", "forward": {"mode": "passthrough", "pf": "eth1"}},
        {"name": "tap", "forward": {"mode": "private", "interfaces": ["eth1", "eth2"]}},
        {"name": "apart", "forward": {"mode": "isolated"}},
    )
    assert problems == []
    texts = [
        "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>",
        "<network><name>vf</name><forward mode='hostdev' managed='yes'><driver name='vfio'/>"
        "<address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x1'/></forward></network>",
        "<network><name>pf</name><forward mode='passthrough'><pf dev='eth1'/></forward></network>",
        "<network><name>tap</name><forward mode='private'><interface dev='eth1'/><interface dev='eth2'/></forward></network>",
        "<network><name>apart</name><bridge name='apart' stp='on' delay='0'/></network>",
    ]
    assert found == [render(normal(parse(text))) for text in texts]


def test_all_problems_come_at_once() -> None:
    subnet = {
        "address": "10.9.0.1/24",
        "ranges": ["10.9.1.9-10.9.1.19", "10.9.0.1-10.9.0.5", "10.9.0.4-10.9.0.6"],
        "hosts": [{"mac": "52:54:00:00:00:01", "address": "10.9.1.2"}, {"mac": "52:54:00:00:00:01", "address": "10.9.0.1"}],
    }
    found = read(
        {"name": "a", "addresses": [subnet], "mtu": 10, "forward": {"mode": "isolated", "dev": "eth0"}},
        {
            "name": "a",
            "addresses": [{"address": "10.9.0.1", "ranges": []}, {"address": "x"}, {"address": "10.9.0.0/24", "ranges": ["10.9.0.9-3"]}],
        },
        {"name": "b/c", "xml": "<network>"},
        {"name": "d", "xml": "<network><name>e</name></network>", "mtu": 1500},
        {"name": "f", "forward": {"mode": "bridge", "nat_ports": "1-2"}, "addresses": [{"address": "10.1.0.1/24"}]},
        {"name": "g", "forward": {"mode": "hostdev", "addresses": ["3:0.0"]}},
        {"name": "h", "addresses": [{"address": "10.2.0.1/16"}, {"address": "10.2.9.1/24"}]},
    )[1]
    assert [text.split(";")[0] for text in found] == [
        "networks[0].forward.dev: is for networks that lead somewhere, and this one is isolated",
        "networks[0].mtu: 10 is outside 68 to 65521 bytes",
        "networks[0].addresses[0].ranges[0]: 10.9.1.9-10.9.1.19 is outside 10.9.0.0/24",
        "networks[0].addresses[0].ranges[1]: 10.9.0.1-10.9.0.5 holds the host's own address 10.9.0.1",
        "networks[0].addresses[0].ranges[2]: 10.9.0.4-10.9.0.6 overlaps with networks[0].addresses[0].ranges[1]",
        "networks[0].addresses[0].hosts[0].address: 10.9.1.2 is outside 10.9.0.0/24",
        "networks[0].addresses[0].hosts[1].address: 10.9.0.1 is the host's own address",
        "networks[0].addresses[0].hosts[1].mac: 52:54:00:00:00:01 is already networks[0].addresses[0].hosts[0].mac",
        "networks[1].addresses[1].address: 'x' is no address",
        "networks[1].addresses[2].ranges[0]: '3' is no address",
        "networks[1].name: a is already networks[0].name",
        "networks[2].name: 'b/c' is no name",
        "networks[2].xml: is no XML: no element found: line 1, column 9",
        "networks[3].xml: is the whole definition, and mtu would be another",
        "networks[3].xml: is named e",
        "networks[4].forward.nat_ports: is for forward.mode nat, not bridge",
        "networks[4].addresses: is for a bridge that libvirt makes, and forward.mode bridge has none",
        "networks[5].forward.addresses[0]: '3:0.0' is no PCI address",
        "networks[6].addresses[1]: 10.2.9.0/24 overlaps with addresses[0]",
    ]
