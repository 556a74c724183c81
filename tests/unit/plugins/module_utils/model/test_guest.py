# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests of Xen: guards that wait for their interfaces, and no taps."""

from __future__ import annotations

from typing import Any

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guest import read_guests

MAC = "00:16:3e:27:95:c0"


def guest(**interface: Any) -> dict[str, Any]:
    record = {"network": "vnat0", "name": "rhel4-0", "mac": MAC, "addresses": ["10.0.0.1/16"], **interface}
    return {"name": "rhel4", "toolstack": "xl", "interfaces": [record]}


def test_a_guard_by_name_and_no_tap() -> None:
    found = read_guests([guest()], {"vnat0": "br1"})
    assert found.problems == [] and found.taps == ()
    ((place, guard),) = found.guards
    assert (place, guard.interfaces, guard.mac, guard.addresses, guard.bridge) == (
        "guests[0].interfaces[0]",
        ("rhel4-0",),
        MAC,
        ("10.0.0.1/32",),
        "br1",
    )


def test_an_emulated_card_is_guarded_too_and_its_name_must_fit() -> None:
    ((_place, guard),) = read_guests([guest(model="e1000")], {}).guards
    assert guard.interfaces == ("rhel4-0", "rhel4-0-emu")
    (problem,) = read_guests([guest(model="e1000", name="windows-2025")], {}).problems
    assert "11 at most" in problem.message


def test_what_only_qemu_has_is_refused() -> None:
    found = read_guests([guest(tap={"up": True}, qemu={"queues": 2}, guarded=False)], {})
    assert [problem.path for problem in found.problems] == ["guests[0].interfaces[0].tap", "guests[0].interfaces[0].qemu"]
    assert found.guards == ()
