# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests of one host out of everybody's lists, with what their records leave out."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.filter import merge_guests as merge_guests_plugin
from ansible_collections.hypervisor.vnet.plugins.filter.merge_guests import merge_guests

LAN = {"name": "lan", "bridge": "br0"}


def guest(name, *interfaces, **options):
    return {"name": name, "interfaces": [{"network": "br0", "addresses": ["10.0.0.9"], **interface} for interface in interfaces], **options}


def only(found):
    assert len(found) == 1 and len(found[0]["interfaces"]) == 1
    return found[0]["interfaces"][0]


def test_those_of_the_host_from_all_lists():
    lists = {
        "b_vnet_guests": [guest("last")],
        "vnet_guests": [guest("here", hosts=["kvm1", "kvm2"]), guest("there", hosts=["kvm2"]), guest("nowhere", hosts=[])],
        "a_vnet_guests": [guest("any")],
    }
    assert [item["name"] for item in merge_guests(lists, "kvm1")] == ["here", "any", "last"]
    assert all("hosts" not in item for item in merge_guests(lists, "kvm1"))


def test_names_and_addresses_come_from_the_record():
    found = merge_guests({"vnet_guests": [guest("web", {"addresses": ["2001:db8::1/64", "10.0.0.1/24"]}, {"addresses": "auto"})]}, "kvm1")
    first, second = found[0]["interfaces"]
    assert (first["name"], first["mac"], second["name"]) == ("web-0", "02:00:0a:00:00:01", "web-1")
    assert second["mac"].startswith("52:54:00:") and second["addresses"] == ["auto"]
    given = {"name": "mine", "mac": "52:54:00:00:00:01"}
    assert given.items() <= only(merge_guests({"vnet_guests": [guest("web", given)]}, "kvm1")).items()


def test_a_guest_that_moves_keeps_its_mac():
    def mac(host, **options):
        return only(merge_guests({"vnet_guests": [guest("web", {"addresses": ["auto"]}, **options)]}, host))["mac"]

    assert mac("kvm1", hosts=["kvm1"]) == mac("kvm2", hosts=["kvm1", "kvm2"])
    # Two guests of one name, each host has its own.
    assert mac("kvm1") != mac("kvm2")


def test_a_network_is_named_by_its_bridge():
    assert only(merge_guests({"vnet_guests": [guest("web", {"network": "lan"})]}, "kvm1", [LAN]))["network"] == "br0"


def test_what_has_no_tap_needs_nothing():
    user = {"name": "web", "interfaces": [{"qemu": {"type": "user"}}]}
    assert merge_guests({"vnet_guests": [user]}, "kvm1")[0]["interfaces"] == [{"qemu": {"type": "user"}, "guarded": True}]


def test_a_guest_of_xen_has_names_and_macs_of_xen():
    found = merge_guests({"vnet_guests": [guest("a-long-name", {"addresses": ["auto"]}, {"model": "e1000"}, toolstack="xl")]}, "xen1")
    first, emulated = found[0]["interfaces"]
    assert (first["name"], first["mac"][:9]) == ("a-long-name-0", "00:16:3e:")
    # NAME-emu must fit as well.
    assert len(emulated["name"]) <= 11


WRONG = [
    (
        [guest("a", {"tap": {"up": True}}, toolstack="xm")],
        "vnet_guests[0].interfaces[0].tap: is about guests of QEMU without Xen; leave it out",
    ),
    ([guest("web", hosts="kvm1")], "vnet_guests[0].hosts: is the string 'kvm1', not a list of hosts; write it as in [kvm1, kvm2]"),
    ([guest("web", {"colour": 1})], "vnet_guests[0]: interfaces.colour. Supported parameters include:"),
    (
        [guest("web", toolstack="bhyve")],
        "vnet_guests[0].toolstack: 'bhyve' does not exist in this version; there is: qemu, xl, xm, libvirt",
    ),
    ([guest("web"), guest("web")], "vnet_guests[1].name: web is already vnet_guests[0].name; declare a guest once"),
    ([guest("web", {"network": None})], "vnet_guests[0].interfaces[0].network: is missing"),
    ([guest("web", {"addresses": None})], "vnet_guests[0].interfaces[0].addresses: the guard has no address"),
    ([guest("web", {"mac": "53:54:00:00:00:01"})], "vnet_guests[0].interfaces[0].mac: 53:54:00:00:00:01 is a multicast address"),
    ([guest("", {})], "vnet_guests[0].interfaces[0].name: the guest's name is ''"),
    (
        [guest("a", {}), guest("b", {})],
        "vnet_guests[1].interfaces[0].addresses[0]: 10.0.0.9/32 overlaps 10.0.0.9/32 at vnet_guests[0].interfaces[0]",
    ),
    (
        [guest("a", {"guard": {"deny": [{"direction": "to", "port": 1}]}})],
        "vnet_guests[0].interfaces[0].guard.deny[0].port: 1 needs protocol",
    ),
    ([guest("a", {"tap": {"mac": "junk"}})], "vnet_guests[0].interfaces[0].tap.mac: 'junk' is not a MAC address"),
    (["web"], "vnet_guests[0]: is the string 'web', not a guest"),
    ("web", "vnet_guests: is the string 'web', not a list of guests"),
]


@pytest.mark.parametrize(("guests", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_with_its_place(guests, message):
    with pytest.raises(AnsibleFilterError) as told:
        merge_guests({"vnet_guests": guests}, "kvm1")
    assert message in str(told.value)


def test_everything_wrong_is_said_at_once():
    with pytest.raises(AnsibleFilterError) as told:
        merge_guests({"vnet_guests": guests_of_all_kinds(), "more": 5}, "kvm1")
    assert len(str(told.value).splitlines()) == 5


def guests_of_all_kinds():
    return [guest("a", hosts="kvm1"), guest("b", {"network": None}), guest("c", {"mac": "x", "name": "y" * 16})]


def test_addresses_of_vendors_are_warned_of(monkeypatch):
    said = []
    monkeypatch.setattr(merge_guests_plugin.display, "warning", said.append)
    one = guest("web", {"mac": "00-1B-21-00-00-01"}, {"mac": "52:54:00:00:00:01", "addresses": ["10.0.0.8"]})
    merge_guests({"vnet_guests": [one]}, "kvm1")
    assert [text.partition(" is of a vendor")[0] for text in said] == ["guest web: interfaces[0].mac: 00:1b:21:00:00:01"]
