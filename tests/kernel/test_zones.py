# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vnet_zones between a world, two networks and the host: who reaches whom, on which port."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from harness import Answer, Namespace, assert_same
from routed import DATA, DMZ, DMZ6, HOST, HOST6, WORLD, WORLD6, Lab, routed_lab
from talk import Talk
from written import in_guide, on_page

from ansible_collections.hypervisor.vnet.plugins.module_utils.facts import host_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

ZONES = [{"name": "dmz", "networks": ["dmz0"]}, {"name": "data", "networks": ["data0"]}, {"name": "world", "interfaces": ["eth0"]}]
WEB = {"from": "dmz", "to": "world", "allow": ["tcp/80", "udp/53"]}


@pytest.fixture
def lab(empty: Namespace, world: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    found = routed_lab(empty, world, (str(tmp_path_factory.mktemp("dmz")), str(tmp_path_factory.mktemp("data"))))
    yield found
    found.close()


def run(host: Namespace, zones: list[dict[str, Any]], *policies: dict[str, Any], **options: Any) -> Answer:
    return host.module("vnet_zones", zones=zones, policies=list(policies), **options)


def apply(host: Namespace, zones: list[dict[str, Any]], *policies: dict[str, Any], **options: Any) -> Answer:
    """Check, do, and do again: the same diff, then nothing."""
    before = host.snapshot()
    check = run(host, zones, *policies, check=True, **options).ok()
    assert_same(before, host.snapshot(), memory=True)
    real = run(host, zones, *policies, **options).ok()
    assert (check.diff_bytes, check.changed, check.commands) == (real.diff_bytes, real.changed, real.commands)
    again = run(host, zones, *policies, **options).ok()
    assert (again.changed, again.diff, again.commands) == (False, [], [])
    return real


def listed(host: Namespace) -> str:
    return host.run("nft", "-s", "list", "table", "inet", "vnet_zones").stdout


def test_only_what_a_policy_allows_passes_and_all_is_taken_back(lab: Lab) -> None:
    before = lab.host.snapshot()
    assert lab.open(lab.world, DATA, 22) and lab.open(lab.dmz, WORLD, 22)
    apply(lab.host, ZONES, WEB)
    for there in (WORLD, WORLD6):
        assert lab.open(lab.dmz, there, 80) and lab.open(lab.dmz, there, 53, "udp")
        assert lab.shut(lab.dmz, there, 22) and lab.shut(lab.dmz, there, 80, "udp") and not lab.pings(lab.dmz, there)
    assert lab.shut(lab.world, DMZ, 80) and lab.shut(lab.world, DMZ6, 80) and lab.shut(lab.data, DMZ, 80) and lab.shut(lab.data, WORLD, 80)
    # No policy names the host: it is not filtered.
    assert lab.open(lab.world, HOST, 22) and lab.open(lab.dmz, HOST6, 22)
    apply(lab.host, [{"name": "dmz"}, {"name": "world"}, {"name": "data"}], {"from": "dmz", "to": "world"}, state="absent")
    assert lab.open(lab.world, DATA, 22)
    assert_same(before, lab.host.snapshot())


def test_icmp_ranges_and_any(lab: Lab) -> None:
    apply(
        lab.host,
        ZONES,
        {"from": "dmz", "to": "world", "allow": ["icmp", "tcp/8000-8009"]},
        {"from": "data", "to": "world", "allow": ["any"]},
    )
    assert lab.pings(lab.dmz, WORLD) and lab.pings(lab.dmz, WORLD6)
    assert lab.open(lab.dmz, WORLD, 8000) and lab.shut(lab.dmz, WORLD, 8010)
    assert lab.open(lab.data, WORLD, 22) and lab.pings(lab.data, WORLD6)
    # Intervals that overlap with those before are elements of one transaction, and go back if it is undone.
    answer = apply(lab.host, ZONES, {"from": "dmz", "to": "world", "allow": ["icmp", "tcp/8000-8009", "tcp/8005-8010"]})
    assert [command.split("\n")[1:3] for command in answer.commands] == [
        [
            "delete element inet vnet_zones ports_dmz_to_world { 6 . 8000-8009 }",
            "add element inet vnet_zones ports_dmz_to_world { 6 . 8000-8010 }",
        ]
    ]
    assert lab.open(lab.dmz, WORLD, 8010)


def test_a_connection_goes_on_over_changes(lab: Lab) -> None:
    apply(lab.host, ZONES, WEB)

    def talk() -> None:
        connection = Talk(WORLD, 80)
        assert connection.ask()
        for name in ("first", "second"):
            ready, go = f"/run/{name}", f"/run/{name}-go"
            open(ready, "w", encoding="ascii").close()
            end = time.monotonic() + 60
            while not os.path.exists(go) and time.monotonic() < end:
                time.sleep(0.02)
            assert connection.ask(), name

    child = lab.dmz.start(talk)
    for name, policy in (("first", {**WEB, "allow": ["tcp/22"]}), ("second", {"from": "data", "to": "world", "allow": ["any"]})):
        await_file(lab.dmz, f"/run/{name}")
        apply(lab.host, ZONES, policy, prune=name == "second")
        assert lab.shut(lab.dmz, WORLD, 80)
        lab.dmz.call(functools.partial(touch, f"/run/{name}-go"))
    child.value()


def touch(path: str) -> None:
    open(path, "w", encoding="ascii").close()


def await_file(host: Namespace, path: str) -> None:
    host.run("timeout", "10", "sh", "-c", f"until [ -e {path} ]; do sleep 0.02; done")


def test_the_host_is_filtered_for_the_zones_that_a_policy_names(lab: Lab) -> None:
    apply(lab.host, ZONES, {"from": "dmz", "to": "host"}, {"from": "world", "to": "host", "allow": ["tcp/22"]})
    assert lab.shut(lab.dmz, HOST6, 22) and lab.shut(lab.dmz, "10.0.0.254", 80)
    # DNS of ours is for guests, not for the world; neighbours are found again.
    assert lab.open(lab.dmz, "10.0.0.254", 53) and lab.open(lab.dmz, HOST6, 53, "udp")
    assert lab.open(lab.world, HOST, 22) and lab.shut(lab.world, HOST, 80) and lab.shut(lab.world, HOST, 53)
    lab.dmz.ip("neigh flush dev eth0")
    lab.host.ip("neigh flush dev dmz0")
    assert lab.open(lab.dmz, HOST6, 53)
    # What the host asks is answered, and the third zone is not filtered.
    assert lab.open(lab.host, DMZ, 22) and lab.open(lab.host, WORLD6, 22)
    assert lab.open(lab.data, "10.1.0.254", 80)


def test_a_forward_opens_its_own_path_and_no_more(lab: Lab) -> None:
    apply(lab.host, ZONES)
    lab.host.module("vnet_nat", networks=[{"name": "dmz0", "forwards": [{"port": "8000", "to": DMZ, "to_port": "80"}]}]).ok()
    assert lab.open(lab.world, HOST, 8000)
    assert lab.shut(lab.world, DMZ, 80) and lab.shut(lab.data, DMZ, 80)


def test_chains_of_the_user_stay_and_are_asked_first(lab: Lab) -> None:
    apply(lab.host, ZONES, WEB)
    lab.host.run("nft", "add rule inet vnet_zones custom_forward tcp dport 22 accept")
    assert lab.open(lab.data, WORLD, 22) and lab.shut(lab.data, WORLD, 80)
    apply(lab.host, ZONES, {**WEB, "log": True}, {"from": "data", "to": "host", "allow": ["icmp"]})
    assert lab.open(lab.data, WORLD, 22) and lab.shut(lab.data, WORLD, 80) and lab.open(lab.dmz, WORLD, 80)


def test_a_member_more_is_a_few_elements(lab: Lab) -> None:
    apply(lab.host, ZONES, WEB)
    answer = apply(lab.host, [{**ZONES[0], "networks": ["dmz0", "dmz1"]}])
    (command,) = answer.commands
    assert "flush" not in command and "chain" not in command and command.count("add element") == 3
    assert any("dmz1 is not there" in warning for warning in answer.warnings)
    assert lab.open(lab.dmz, WORLD, 80)


def test_zones_come_and_go_and_one_moves(lab: Lab) -> None:
    apply(lab.host, ZONES, WEB, {"from": "dmz", "to": "data", "allow": ["any"]})
    assert lab.open(lab.dmz, DATA, 22)
    two = [{"name": "dmz", "networks": ["dmz0", "data0"]}, ZONES[2]]
    apply(lab.host, two, WEB, prune=True)
    assert lab.open(lab.data, DMZ, 22) and lab.open(lab.data, WORLD, 80) and lab.shut(lab.data, WORLD, 22)
    apply(lab.host, ZONES, {"from": "data", "to": "dmz", "allow": ["tcp/22"]}, prune=True)
    assert lab.open(lab.data, DMZ, 22) and lab.shut(lab.data, DMZ, 80) and lab.shut(lab.dmz, WORLD, 80)


def test_what_is_flushed_is_told_and_repaired(lab: Lab) -> None:
    def states() -> list[str]:
        return [zone["state"] for zone in host_facts(Machine())["zones"]]

    apply(lab.host, ZONES, WEB)
    assert lab.host.call(states) == ["active"] * 3
    for damage in ("delete table inet vnet_zones", "flush map inet vnet_zones from", "flush chain inet vnet_zones between"):
        lab.host.run("nft", *damage.split())
        assert lab.host.call(states) == ["BROKEN"] * 3, damage
        assert run(lab.host, ZONES, WEB).ok().changed
        assert lab.host.call(states) == ["active"] * 3
        assert lab.open(lab.dmz, WORLD, 80) and lab.shut(lab.dmz, WORLD, 22)


def test_a_run_that_fails_leaves_the_table_as_it_was(lab: Lab) -> None:
    run(lab.host, ZONES, {**WEB, "allow": ["tcp/80", "tcp/8000-8005"]}).ok()
    lab.host.run("nft", "-f", "-", stdin="table inet vnet_zones { set protocols_data_to_world { type ether_addr; }; }")
    before = lab.host.snapshot()
    failed = run(lab.host, ZONES, {**WEB, "allow": ["tcp/8003-8010"]}, {"from": "data", "to": "world", "allow": ["icmp"]})
    assert "was undone" in failed.failed()
    assert_same(before, lab.host.snapshot())


def test_nobody_changes_what_another_declared(lab: Lab) -> None:
    run(lab.host, ZONES, WEB, owner="here").ok()
    wrong = run(lab.host, [ZONES[0], {"name": "other", "networks": ["data0"]}], WEB, owner="there").problems
    assert [problem.partition(":")[0] for problem in wrong] == ["zones[0].name", "policies[0].name", "zones[1].networks[0]"]
    run(lab.host, [], {"from": "data", "to": "dmz", "allow": ["any"]}, owner="there").ok()
    assert "cannot go while the policy data to dmz of owner 'there'" in str(run(lab.host, ZONES[:1], state="absent", owner="here").problems)
    assert lab.open(lab.data, DMZ, 80)


def test_all_problems_at_once_and_nothing_changed(lab: Lab) -> None:
    before = lab.host.snapshot()
    wrong = run(
        lab.host,
        [{"name": "dmz", "networks": ["dmz0", "dmz0-1"]}, {"name": "world", "interfaces": ["dmz0"]}],
        {"from": "dmz", "to": "wrld", "allow": ["any"]},
    )
    assert [problem.partition(":")[0] for problem in wrong.problems] == ["zones[1].interfaces[0]"]
    wrong = run(lab.host, [{"name": "dmz", "networks": ["dmz0", "dmz0-1"]}], {"from": "dmz", "to": "wrld", "allow": ["any"]})
    assert [problem.partition(":")[0] for problem in wrong.problems] == ["policies[0].to", "zones[0].networks[1]"]
    assert_same(before, lab.host.snapshot())


def test_the_controller_is_never_shut_out(lab: Lab) -> None:
    def by_ssh() -> None:
        os.environ["SSH_CONNECTION"] = f"{WORLD} 50000 {HOST} 2222"

    before = lab.host.snapshot()
    closed = {"from": "world", "to": "host", "allow": ["tcp/22"]}
    refused = run(lab.host, ZONES, closed, prepare=by_ssh)
    (problem,) = refused.problems
    assert problem.startswith("policies[0].allow: would shut out the controller") and "add tcp/2222 to allow" in problem
    assert_same(before, lab.host.snapshot())
    run(lab.host, ZONES, {**closed, "allow": ["tcp/2222"]}, prepare=by_ssh).ok()
    # Nor by a zone that comes to have its interface.
    run(lab.host, [{"name": "world"}], closed).ok()
    assert "add tcp/2222" in run(lab.host, ZONES, prepare=by_ssh).problems[0]


def test_zones_outlast_a_flush_by_their_file(lab: Lab) -> None:
    run(lab.host, ZONES, WEB, persist="auto").ok()
    there = listed(lab.host)
    lab.host.run("nft", "flush ruleset")
    lab.host.run("nft", "-f", "/etc/hypervisor-vnet/nftables.conf")
    assert listed(lab.host) == there
    assert lab.open(lab.dmz, WORLD, 80) and lab.shut(lab.dmz, WORLD, 22)


@pytest.mark.parametrize("source", ["page", "guide"])
def test_the_examples_run_in_their_order(empty: Namespace, source: str) -> None:
    tasks = on_page("vnet_zones") if source == "page" else in_guide("guide_zones.rst", "vnet_zones")
    assert len(tasks) == {"page": 4, "guide": 3}[source]
    for task in tasks:
        assert empty.module("vnet_zones", **task).ok().changed, task
