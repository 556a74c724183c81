# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that are chosen: free ones, the same ones again, and none where nobody can know what is free."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import AppliedGuard, Guard
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.guest import assign_addresses


def applied(*addresses, uplink=""):
    return Applied(bridges={"br0": AppliedBridge("site", Bridge("br0", uplink=uplink, addresses=addresses), "", "none")})


def wants(name, **options):
    return Guard(name, "", bridge="br0", auto=True, **options)


def has(name, *addresses):
    return Guard(name, "", addresses, bridge="br0")


def settle(memory, *guards, others=()):
    found, problems = assign_addresses([(f"guards[{at}]", guard) for at, guard in enumerate(guards)], others, memory)
    return {guard.name: guard.addresses for guard in found}, [str(problem) for problem in problems]


def test_one_of_each_family_that_is_open():
    memory = applied("10.0.0.1/24", "2001:db8::1/64", "10.9.0.1/24", "fe80::1/64")
    found, problems = settle(memory, wants("a"), wants("b", families=(4,)), has("c", "10.0.0.7/32"))
    assert problems == [] and found["c"] == ("10.0.0.7/32",)
    assert [address.partition("/")[2] for address in found["a"]] == ["32", "128"]
    assert len(found["b"]) == 1 and found["b"][0].startswith("10.0.0.")


def test_until_the_network_is_full_and_then_it_is_said():
    guards = [wants(f"guest{number}") for number in range(5)]
    found, problems = settle(applied("10.0.0.1/29"), *guards)
    assert {text for texts in found.values() for text in texts} == {f"10.0.0.{last}/32" for last in range(2, 7)} and problems == []
    found, problems = settle(applied("10.0.0.1/29"), *guards, has("x", "10.0.0.4/30"))
    assert [problem.partition(":")[2] for problem in problems] == [" 10.0.0.0/29 has no free address; widen it, or write one"] * 3


def test_who_came_first_keeps_it():
    memory = applied("10.0.0.1/29")
    first, _none = settle(memory, wants("a"), wants("b"))
    memory = replace(memory, guards={name: AppliedGuard("site", has(name, *texts)) for name, texts in first.items()})
    for number in range(3):
        found, problems = settle(memory, *(wants(f"0{other}") for other in range(number)), wants("b"), wants("a"))
        assert problems == [] and first.items() <= found.items()
    # Another owner's guard counts, and somebody who says which one he has.
    other = AppliedGuard("other", has("x", *first["a"]))
    assert settle(memory, wants("a"), others=[other])[0]["a"] != first["a"]
    assert settle(memory, wants("a"), has("y", *first["a"]))[0]["a"] != first["a"]
    # The network has moved.
    moved = replace(memory, bridges=applied("10.7.0.1/24").bridges)
    assert settle(moved, wants("a"))[0]["a"][0].startswith("10.7.0.")


def test_the_smallest_networks():
    assert settle(applied("10.0.0.1/30"), wants("a"))[0]["a"] == ("10.0.0.2/32",)
    for text in ("10.0.0.1/31", "10.0.0.1/32", "2001:db8::1/128"):
        assert "has no free address" in settle(applied(text), wants("a"))[1][0]


def test_where_nobody_can_know():
    cases = [
        (applied("10.0.0.1/24", uplink="eth0"), "br0 has the uplink eth0"),
        (applied(), "br0 has none of a family that is open"),
        (applied("2001:db8::1/64"), "br0 has none of a family that is open"),
        (Applied(), "br0 is not; write the address"),
    ]
    for memory, message in cases:
        found, problems = settle(memory, wants("a", families=(4,)))
        assert problems[0].startswith("guards[0].addresses: auto") and message in problems[0] and found == {"a": ()}
