# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be written of a tap, and what is refused with its place and cure."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import GUEST_INTERFACE_OPTIONS, TAP_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.rate import Rate
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.tap import Tap, read_taps
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vlan import VlanRange

MAC = "52:54:00:00:00:01"


def problems(*items: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in read_taps(items)[1]]


def test_everything_that_may_be_said() -> None:
    everything = {"name": "tap0", "bridge": "br0", "owner": " qemu ", "group": "104", "mtu": 9000, "mac": "52-54-00-00-00-01", "up": False}
    everything.update({"isolated": True, "multi_queue": True, "vnet_hdr": True})
    everything.update({"rate": {"to_guest": "100mbit", "from_guest": None}, "vlan": {"access": 10, "trunk": None, "native": None}})
    assert read_taps([everything, {"name": "tap1"}]) == (
        (
            Tap(
                *("tap0", "br0", "qemu", "104", True, True, 9000, MAC, True, False),
                rate=Rate(to_guest=12_500_000),
                vlans=(VlanRange(10, 10, pvid=True, untagged=True),),
            ),
            Tap("tap1"),
        ),
        [],
    )


WRONG = [
    ({"name": ""}, "taps[0].name: the name is empty"),
    ({"name": "a" * 16}, "taps[0].name: 'aaaaaaaaaaaaaaaa' has 16 characters; Linux allows 15 at most"),
    ({"name": "tap 0"}, "taps[0].name: 'tap 0' may hold only letters"),
    ({"name": "all"}, "taps[0].name: 'all' has a meaning of its own"),
    ({"bridge": "br/0"}, "taps[0].bridge: 'br/0' may hold only letters"),
    ({"bridge": "tap0"}, "taps[0].bridge: tap0 is the tap itself"),
    ({"mac": "01:00:5e:00:00:01"}, "taps[0].mac: 01:00:5e:00:00:01 is a multicast address"),
    ({"mac": "52:54:00"}, "taps[0].mac: '52:54:00' is not a MAC address"),
    ({"mac": "00:00:00:00:00:00"}, "taps[0].mac: 00:00:00:00:00:00 cannot be used"),
    ({"mtu": 65522}, "taps[0].mtu: 65522 is outside 68-65521"),
    ({"isolated": True}, "taps[0].isolated: is a matter of bridge ports; name the bridge"),
    ({"vlan": {"access": 10}}, "taps[0].vlan: is a matter of bridge ports; name the bridge"),
    ({"bridge": "br0", "vlan": {"access": 4095}}, "taps[0].vlan.access: 4095 is outside 1-4094"),
    ({"rate": {"to_guest": "10 potatoes"}}, "taps[0].rate.to_guest: '10 potatoes' is no rate; write it as tc does"),
    ({"rate": {"from_guest": "7999"}}, "taps[0].rate.from_guest: 7999 is outside 8kbit to 1tbit"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    found = problems({"name": "tap0", **options})
    assert len(found) == 1 and found[0].startswith(message), found


CLASHES = [
    ({"name": "tap0"}, "taps[1].name: tap0 is already taps[0].name; declare a tap once"),
    ({"mac": MAC}, f"taps[1].mac: {MAC} is already taps[0].mac in br0; ports of a bridge differ in it"),
    ({"bridge": "tap0"}, "taps[1].bridge: tap0 is declared as a tap at taps[0]; name a bridge"),
]


@pytest.mark.parametrize(("change", "message"), CLASHES)
def test_two_that_clash(change: dict[str, Any], message: str) -> None:
    first = {"name": "tap0", "bridge": "br0", "mac": MAC}
    second = {"name": "tap1", "bridge": "br0", "mac": "52:54:00:00:00:02", **change}
    assert problems(first, second) == [message]
    if "mac" in change:
        assert problems(first, {**second, "bridge": "br1"}) == []


def test_all_problems_at_once() -> None:
    bad = {"name": "a/b", "mac": "x", "mtu": 1, "isolated": True, "rate": {"to_guest": "x", "from_guest": "y"}, "vlan": {}}
    assert len(problems(bad, {"name": ""})) == 8


@pytest.mark.parametrize(
    "options", [{"rate": {"burst": "1k"}}, {"vlan": {"tagged": [1]}}, {"vlan": {"trunk": {"x": 1}}}, {"rate": "1mbit"}]
)
def test_options_that_there_are_not(options: dict[str, Any]) -> None:
    """Of a tap and of a guest's tap alike."""
    assert ArgumentSpecValidator(TAP_OPTIONS).validate({"name": "tap0", **options}).error_messages
    assert ArgumentSpecValidator(GUEST_INTERFACE_OPTIONS).validate({"name": "tap0", "tap": options}).error_messages
