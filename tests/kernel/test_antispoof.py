# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""antispoof: guards made, changed, repaired, pruned and removed, with every other table as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import Answer, Namespace, assert_same
from hosts import foreign, no_waiting

from ansible_collections.hypervisor.vnet.plugins.module_utils.facts import host_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

ONE = {"interface": "vif1.0", "mac": "00:16:3e:00:00:01", "addresses": ["10.0.0.1", "2001:db8::1"]}
TWO = {"interface": "vif2.0", "mac": "00:16:3e:00:00:02", "addresses": ["10.0.0.2"]}


@pytest.fixture
def host(empty: Namespace) -> Namespace:
    no_waiting(empty)
    foreign(empty)
    empty.settle()
    return empty


def run(host: Namespace, *guards: dict[str, Any], **options: Any) -> Answer:
    return host.module("antispoof", guards=list(guards), **options)


def apply(host: Namespace, *guards: dict[str, Any], **options: Any) -> Answer:
    """Check, do, and do again: the same diff, then nothing."""
    before = host.snapshot()
    check = run(host, *guards, check=True, **options).ok()
    assert_same(before, host.snapshot(), memory=True)
    real = run(host, *guards, **options).ok()
    assert (check.diff_bytes, check.changed, check.commands) == (real.diff_bytes, real.changed, real.commands)
    again = run(host, *guards, **options).ok()
    assert (again.changed, again.diff, again.commands) == (False, [], [])
    return real


def ports(host: Namespace, family: str = "bridge") -> set[str]:
    done = host.run("nft", "--json", "list", "set", family, "vnet_guard", "from_guest", check=False)
    if done.returncode:
        return set()
    elements = next(item["set"] for item in json.loads(done.stdout)["nftables"] if "set" in item).get("elem", [])
    return {item["elem"]["val"] if isinstance(item, dict) else item for item in elements}


def info(host: Namespace) -> dict[str, Any]:
    def read() -> list[dict[str, Any]]:
        return list(host_facts(Machine())["guards"])

    return {guard["interface"]: guard for guard in host.call(read)}


def test_made_changed_and_removed(host: Namespace) -> None:
    before = host.snapshot()
    assert apply(host, ONE).changed
    assert ports(host) == {"vif1.0"}
    answer = apply(host, ONE, TWO)
    assert [command.count("element") for command in answer.commands] == [answer.commands[0].count("vif2.0")]
    assert ports(host) == {"vif1.0", "vif2.0"}
    answer = apply(host, {**ONE, "addresses": ["10.0.0.1", "2001:db8::7"]})
    assert "vif2.0" not in str(answer.diff) and "2001:db8::7" in str(answer.diff)
    apply(host, TWO, prune=True)
    assert ports(host) == {"vif2.0"}
    apply(host, {"interface": "vif2.0"}, state="absent")
    assert_same(before, host.snapshot())


def test_routed_ones_have_more_tables(host: Namespace) -> None:
    before = host.snapshot()
    apply(host, {**ONE, "routed": True}, TWO)
    assert [ports(host, family) for family in ("bridge", "inet", "arp")] == [{"vif1.0", "vif2.0"}, {"vif1.0"}, {"vif1.0"}]
    apply(host, ONE, TWO)
    assert [ports(host, family) for family in ("bridge", "inet", "arp")] == [{"vif1.0", "vif2.0"}, set(), set()]
    apply(host, prune=True, allow_empty=True)
    assert_same(before, host.snapshot())


def test_ports_without_a_guard_are_closed_and_opened(host: Namespace) -> None:
    before = host.snapshot()
    apply(host, unlisted_ports="drop")
    assert 'iifname "vif*"' in host.run("nft", "list", "table", "bridge", "vnet_guard").stdout
    apply(host, ONE)
    assert 'iifname "tap*"' in host.run("nft", "list", "table", "bridge", "vnet_guard").stdout
    apply(host, unlisted_ports="untouched")
    assert ports(host) == {"vif1.0"}
    apply(host, ONE, state="absent")
    assert_same(before, host.snapshot())


def test_what_is_flushed_is_told_and_repaired(host: Namespace) -> None:
    run(host, ONE, TWO).ok()
    assert {name: guard["state"] for name, guard in info(host).items()} == {"vif1.0": "enforce", "vif2.0": "enforce"}
    for damage in ("flush ruleset", "delete table bridge vnet_guard", "flush chain bridge vnet_guard prerouting"):
        host.run("nft", *damage.split())
        assert {guard["state"] for guard in info(host).values()} == {"UNGUARDED"}, damage
        answer = apply(host, ONE, TWO)
        assert answer.changed
    host.run("nft", "delete", "element", "bridge", "vnet_guard", "from_guest", "{ vif1.0 }")
    assert {name: guard["state"] for name, guard in info(host).items()} == {"vif1.0": "UNGUARDED", "vif2.0": "enforce"}
    assert "UNGUARDED" not in str(run(host, ONE, TWO).ok().diff[0]["after"])
    assert info(host)["vif1.0"]["state"] == "enforce"


def test_one_owner_cannot_change_the_guards_of_another(host: Namespace) -> None:
    run(host, ONE, owner="here").ok()
    there = run(host, ONE, owner="there")
    assert there.problems == ["guards[0].interface: vif1.0 is guarded by owner 'here', not 'there'; change it there"]
    clash = run(host, {**TWO, "mac": ONE["mac"]}, owner="there")
    assert clash.problems[0].startswith("guards[0].mac: 00:16:3e:00:00:01 is already the guard vif1.0 of owner 'here'.mac")
    run(host, TWO, owner="there", prune=True).ok()
    assert ports(host) == {"vif1.0", "vif2.0"}


def test_all_problems_at_once_and_nothing_changed(host: Namespace) -> None:
    before = host.snapshot()
    answer = run(host, {**ONE, "mac": "01:00:5e:00:00:01", "addresses": []}, {**ONE, "addresses": ["10.0.0.5/24"]}, match=["*"])
    assert len(answer.problems) == 5, answer.problems
    assert_same(before, host.snapshot(), memory=True)


def test_a_transaction_that_fails_leaves_nothing(host: Namespace) -> None:
    """A set of another kind in our table: the kernel refuses, and the journal has nothing to undo."""
    run(host, ONE).ok()
    host.run("nft", "-f", "-", stdin="table bridge vnet_guard { set ip4_24 { type ether_addr; }; }")
    before = host.snapshot()
    assert "was undone" in run(host, {**ONE, "addresses": ["10.7.0.0/24"]}).failed()
    assert_same(before, host.snapshot())


def test_bridges_and_guards_leave_each_other_alone(host: Namespace) -> None:
    run(host, ONE).ok()
    host.bridge({"name": "xenbr1"}).ok()
    assert ports(host) == {"vif1.0"}
    run(host, TWO, prune=True).ok()
    assert "xenbr1" in {link["ifname"] for link in host.json("link", "show")}
    host.bridge({"name": "xenbr1"}, state="absent").ok()
    assert ports(host) == {"vif2.0"}


def test_warnings_of_a_guard_that_is_worth_less(host: Namespace) -> None:
    host.ip(
        "link add br0 type bridge\nlink add vif1.0 type veth peer name far\nlink add vif2.0 type veth peer name far2\nlink set vif1.0 master br0"
    )
    warnings = " ".join(run(host, ONE, TWO).ok().warnings)
    assert "vif2.0 is no port of a bridge" in warnings
    assert "ip link set br0 type bridge no_linklocal_learn 1" in warnings
    host.ip("link set br0 type bridge no_linklocal_learn 1")
    assert run(host, ONE, {**TWO, "routed": True}).ok().warnings == []
