# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VLANs of ports: what may be written, and the lines from one state to another."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vlan import VlanRange as R
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vlan import (
    Vlans,
    normal,
    read_vlans,
    read_xl_vlans,
    untagged,
    vlan_lines,
)

GOOD = [
    (None, ()),
    ({"access": 10}, (R(10, 10, True, True),)),
    ({"trunk": ["10", "20-29"], "native": 1}, (R(1, 1, True, True), R(10, 10), R(20, 29))),
    ({"trunk": [1, "4094"]}, (R(1, 1), R(4094, 4094))),
    ({"trunk": [], "native": 7}, (R(7, 7, True, True),)),
]


@pytest.mark.parametrize(("options", "vlans"), GOOD)
def test_what_is_meant(options: dict[str, t.Any] | None, vlans: Vlans) -> None:
    assert read_vlans(options, "taps[0].vlan") == (vlans, [])


BAD = [
    ({}, "vlan: names no VLAN; write access: 10 for a guest that knows none, or trunk: [10, 20-29] for one that tags"),
    ({"native": 5}, "vlan: names no VLAN; write access: 10 for a guest that knows none, or trunk: [10, 20-29] for one that tags"),
    ({"access": 10, "trunk": ["20"]}, "vlan.access: goes without trunk and native: a port has one VLAN, or a trunk of them"),
    ({"access": 10, "native": 1}, "vlan.access: goes without trunk and native: a port has one VLAN, or a trunk of them"),
    ({"access": 0}, "vlan.access: 0 is outside 1-4094"),
    ({"access": 4095}, "vlan.access: 4095 is outside 1-4094"),
    ({"trunk": ["0-4095"]}, "vlan.trunk[0]: 0 is outside 1-4094", "vlan.trunk[0]: 4095 is outside 1-4094"),
    ({"trunk": ["ten"]}, "vlan.trunk[0]: 'ten' is no VLAN; write a number or a range, as in 20-29"),
    ({"trunk": ["29-20"]}, "vlan.trunk[0]: 29-20 is upside down; write 20-29"),
    ({"trunk": ["20-29", "25"]}, "vlan.trunk[1]: VLAN 25 is already vlan.trunk[0]; write it once"),
    ({"trunk": ["1-5"], "native": 5}, "vlan.trunk[0]: VLAN 5 is already vlan.native; write it once"),
]


@pytest.mark.parametrize(("options", "lines"), [(options, lines) for options, *lines in BAD])
def test_what_is_refused(options: dict[str, t.Any], lines: list[str]) -> None:
    assert [str(problem) for problem in read_vlans(options, "vlan")[1]] == lines


NEW = untagged(1)
ACCESS, TRUNK = untagged(10), (R(10, 10), R(20, 29))
CHANGES = [
    (NEW, ACCESS, ["vlan add dev tap0 vid 10 pvid untagged", "vlan del dev tap0 vid 1"]),
    (ACCESS, NEW, ["vlan add dev tap0 vid 1 pvid untagged", "vlan del dev tap0 vid 10"]),
    (NEW, TRUNK, ["vlan add dev tap0 vid 10", "vlan add dev tap0 vid 20-29", "vlan del dev tap0 vid 1"]),
    (NEW, (*NEW, *TRUNK), ["vlan add dev tap0 vid 10", "vlan add dev tap0 vid 20-29"]),
    (ACCESS, TRUNK, ["vlan add dev tap0 vid 10", "vlan add dev tap0 vid 20-29"]),
    (TRUNK, (R(10, 10), R(22, 23), R(29, 30)), ["vlan add dev tap0 vid 30", "vlan del dev tap0 vid 20-21", "vlan del dev tap0 vid 24-28"]),
    ((R(5, 5, True, True), R(6, 6, False, True)), NEW, ["vlan add dev tap0 vid 1 pvid untagged", "vlan del dev tap0 vid 5-6"]),
    (TRUNK, normal((R(25, 29), R(10, 10), R(20, 24))), []),
    (NEW, (), ["vlan del dev tap0 vid 1"]),
]


@pytest.mark.parametrize(("had", "wanted", "lines"), CHANGES)
def test_lines_of_bridge(had: Vlans, wanted: Vlans, lines: list[str]) -> None:
    assert vlan_lines("tap0", had, wanted) == lines


def test_a_whole_trunk_is_one_range() -> None:
    assert normal(tuple(R(number, number) for number in range(1, 4095))) == (R(1, 4094),)
    assert str(R(1, 1, True, True)) == "1 pvid untagged"


XL_GOOD = [
    ("10", (R(10, 10, True, True),)),
    ("10p", (R(10, 10, True, True),)),
    ("10p/20", (R(10, 10, True, True), R(20, 20))),
    ("10p/20u/30-39/40-41u", (R(10, 10, True, True), R(20, 20, False, True), R(30, 39), R(40, 41, False, True))),
    ("10p/100+10x4", (R(10, 10, True, True), *(R(number, number) for number in (100, 110, 120, 130, 140)))),
    ("1+1x2u/7p", (*(R(number, number, False, True) for number in (1, 2, 3)), R(7, 7, True, True))),
]


@pytest.mark.parametrize(("text", "vlans"), XL_GOOD)
def test_what_xl_means(text: str, vlans: Vlans) -> None:
    assert read_xl_vlans(text, "vlan") == (vlans, [])


XL_BAD = [
    ("", "vlan: '' are no VLANs of xl; write 10 for a guest that knows none, or 10p/20 for one that tags 20"),
    ("10,20", "vlan: '10,20' are no VLANs of xl; write 10 for a guest that knows none, or 10p/20 for one that tags 20"),
    ("10-20p", "vlan: '10-20p' are no VLANs of xl; write 10 for a guest that knows none, or 10p/20 for one that tags 20"),
    ("10/20", "vlan: 10/20 marks 0 of its VLANs by p; mark the one of frames without a tag by p, as in 10p/20"),
    ("10p/20p", "vlan: 10p/20p marks 2 of its VLANs by p; mark the one of frames without a tag by p, as in 10p/20"),
    ("10u", "vlan: 10u marks 0 of its VLANs by p; mark the one of frames without a tag by p, as in 10p/20"),
    ("0", "vlan: 0 is outside 1-4094"),
    ("10p/20-4095", "vlan: 4095 is outside 1-4094"),
    ("10p/29-20", "vlan: 29-20 is upside down; write 20-29"),
    ("10p/5-15", "vlan: VLAN 10 is already vlan; write it once"),
]


@pytest.mark.parametrize(("text", "line"), XL_BAD)
def test_what_of_xls_words_is_refused(text: str, line: str) -> None:
    assert [str(problem) for problem in read_xl_vlans(text, "vlan")[1]] == [line]
