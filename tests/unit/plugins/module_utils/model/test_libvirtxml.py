# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's XML in normal form: what libvirt adds by itself, or says in another way, is no difference; everything else is one."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirtxml import filled, identified, normal, parse, render
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.libvirt import words

STORED = """\
<network>
  <name>default</name>
  <uuid>8fb43980-b47e-4dc9-99ab-3f30cfc190d3</uuid>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='on' delay='0'/>
  <mac address='52:54:00:0b:f9:fe'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>
"""
RUNNING = STORED.replace("<forward mode='nat'/>", "<forward mode='nat'><nat><port start='1024' end='65535'/></nat></forward>")


def form(text: str) -> str:
    return render(normal(parse(text)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (STORED, RUNNING),
        ("<network><forward/></network>", "<network><forward mode='nat'/></network>"),
        (
            "<network connections='2'><forward dev='eth0' mode='route'><interface dev='eth0' connections='2'/></forward></network>",
            "<network><forward mode='route' dev='eth0'/></network>",
        ),
        (
            "<network><forward mode='passthrough'><pf dev='eth0'/><interface dev='eth0v1'/></forward></network>",
            "<network><forward mode='passthrough'><pf dev='eth0'/></forward></network>",
        ),
        (
            "<network><ip family='ipv6' address='2001:0DB8::1' prefix='64'><dhcp/></ip></network>",
            "<network><ip address='2001:db8::1' family='ipv6' prefix='64'/></network>",
        ),
        (
            "<network><ip address='10.0.0.1' prefix='8'><dhcp><host mac='52:54:00:AA:00:01' ip='10.0.0.2'/><range start='10.0.0.9' end='10.0.1.0'/>"
            "</dhcp><tftp root='/srv'/></ip></network>",
            "<network><ip address='10.0.0.1' netmask='255.0.0.0'><tftp root='/srv'/><dhcp><range start='10.0.0.9' end='10.0.1.0'/>"
            "<host ip='10.0.0.2' mac='52:54:00:aa:00:01'/></dhcp></ip></network>",
        ),
        ("<network><dns enable='yes'/><port isolated='no'/></network>", "<network/>"),
        (
            "<network><portgroup name='b'/><portgroup name='a' default='no'/></network>",
            "<network><portgroup name='a'/><portgroup name='b'/></network>",
        ),
        (
            "<network><forward mode='hostdev' managed='no'><address type='pci' domain='0' bus='4' slot='0' function='1'/></forward></network>",
            "<network><forward mode='hostdev'><address domain='0x0000' type='pci' bus='0x04' slot='0x00' function='0x1'/></forward></network>",
        ),
        (
            "<network><vlan trunk='yes'><tag id='42'/><tag id='47'/></vlan></network>",
            "<network><vlan><tag id='42'/><tag id='47'/></vlan></network>",
        ),
    ],
)
def test_no_difference(one: str, other: str) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("stp='on'", "stp='off'"),
        ("delay='0'", "delay='2'"),
        ("mode='nat'", "mode='route'"),
        ("netmask='255.255.255.0'", "netmask='255.255.0.0'"),
        ("end='192.168.122.254'", "end='192.168.122.99'"),
        ("52:54:00:0b:f9:fe", "52:54:00:0b:f9:ff"),
        ("<mac", "<mtu size='9000'/><mac"),
        ("mode='nat'/>", "mode='nat'><nat ipv6='yes'/></forward>"),
    ],
)
def test_a_difference(old: str, new: str) -> None:
    assert form(STORED) != form(STORED.replace(old, new))


def test_the_normal_form_is_its_own() -> None:
    text = (
        (
            "<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'><name>a &amp; b</name><metadata><x:a xmlns:x='urn:x'>1</x:a></metadata>"
            "<dns><forwarder addr='8.8.8.8'/><txt name='a' value='\\'\"'/><host ip='10.0.0.3'><hostname>x</hostname><hostname>y</hostname></host></dns>"
            "<dnsmasq:options><dnsmasq:option value='log-queries'/></dnsmasq:options></network>"
        )
        .replace("\\'", "&apos;")
        .replace("\"'/", "&quot;'/")
    )
    assert form(form(text)) == form(text)
    assert "<dnsmasq:option value=" in form(text) and "xmlns:dnsmasq=" in form(text)


def test_what_is_left_open_is_as_libvirt_settled_it() -> None:
    stored = normal(parse(STORED))
    wanted = normal(parse(STORED.replace("<mac address='52:54:00:0b:f9:fe'/>", "").replace("name='virbr0' ", "")))
    assert wanted != stored and filled(wanted, stored) == stored
    assert "<uuid>8fb43980-b47e-4dc9-99ab-3f30cfc190d3</uuid>" in identified(filled(wanted, stored), STORED)
    assert "uuid" not in identified(wanted, "")


@pytest.mark.parametrize("text", ["", "<network>", "<network></netwerk>"])
def test_what_is_no_xml(text: str) -> None:
    with pytest.raises(ValueError, match="is no XML"):
        parse(text)


def test_in_words() -> None:
    said = words(
        normal(parse(STORED.replace("<mac", "<dns><host ip='10.0.0.3'><hostname>x</hostname><hostname>y</hostname></host></dns><mac")))
    )
    assert said.splitlines() == [
        "forward nat",
        "bridge virbr0",
        "mac 52:54:00:0b:f9:fe",
        "dns",
        "  host 10.0.0.3 x y",
        "address 192.168.122.1/24",
        "  dhcp",
        "    range 192.168.122.2-192.168.122.254",
    ]
