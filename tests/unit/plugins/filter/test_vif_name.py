# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.filter.vif_name import FilterModule
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.interface import name_problems

vif_name = FilterModule().filters()["vif_name"]

# Written down: a change of these renames the interfaces of everybody's guests.
NAMED = [
    (("web1",), "web1-0"),
    (("web1", 12), "web1-12"),
    (("web1", 0, "tap-"), "tap-web1-0"),
    (("a" * 13,), "aaaaaaaaaaaaa-0"),
    (("a" * 14,), "aaaaaaaa-qlfl-0"),
    (("mailserver.example.org", 1), "mailserv-ex42-1"),
    (("windows22", 0, "", 15, True), "windows22-0"),
    (("windows2022", 0, "", 15, True), "wind-w3g5-0"),
    (("windows2022", 0, "", 8, True), "w-w3g5-0"),
    (("all",), "all-0"),
    (("Web 1",), "web-1-wluf-0"),
    (("Wäb",), "w-b-hove-0"),
    (("日本",), "z4vl-0"),
    (("-x",), "x-uqqj-0"),
    (("...",), "vno7-0"),
    (("vnet1",), "g-vnet1-neub-0"),
    (("web1", 999, "", 8), "web1-999"),
]


@pytest.mark.parametrize(("arguments", "expected"), NAMED)
def test_named(arguments, expected):
    assert vif_name(*arguments) == expected
    assert not name_problems(expected, "")


@pytest.mark.parametrize("guests", [("web", "WEB", "web ", "wéb", "w.eb"), [f"database-server-{number}" for number in range(300)]])
def test_different_guests_have_different_names(guests):
    assert len({vif_name(guest) for guest in guests}) == len(guests)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("",), "the guest's name is ''"),
        ((None,), "the guest's name is None"),
        (("web1", -1), "index: -1 is no number up to 999"),
        (("web1", 1000), "index: 1000 is no number up to 999"),
        (("web1", 0, "", 16), "length: 16 is no number from 8 to 15"),
        (("web1", 0, "", 7), "length: 7 is no number from 8 to 15"),
        (("web1", 0, "vif"), "prefix: 'vif' begins like the names that libvirt and Xen make themselves"),
        (("webserver", 999, "", 8), "8 characters leave no room for the guest's name beside '' and '-"),
        (("webserver", 0, "production-"), "15 characters leave no room for the guest's name beside 'production-'"),
        (("web1", 0, "", 15, "maybe"), "The value 'maybe' is not a valid boolean"),
    ],
)
def test_no_name_from_these(arguments, problem):
    with pytest.raises(AnsibleFilterError, match="^" + re.escape(f"vif_name: {problem}")):
        vif_name(*arguments)
