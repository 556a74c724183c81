# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration of address translation means on a host, and which connections end by a change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import NAME, AppliedNat, Nat, NatFacts, read_nats
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import of_network
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import RulesetFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Forget
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.kind import KindPlan
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.nat import files, plan_nat
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.natstale import forget
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.boot import SYSCTL
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.nftables import BEHIND_PATH, UNIT_PATH, UPHOLD_PATH, ruleset_path

FOUR = {"name": "vnat0", "sources": ["10.0.0.0/16"]}
SSH = {"port": "5022", "to": "10.0.0.1", "to_port": "22"}
LINKS = {
    "eth0": Link("eth0", 2, master="xenbr0"),
    "eth1": Link("eth1", 3, addresses=(Address("192.0.2.1/24"), Address("2001:db8:1::1/64"), Address("fe80::1/64", scope="link"))),
    "xenbr0": Link("xenbr0", 4, bridge=BridgeSettings()),
    "vnat0": Link("vnat0", 5, bridge=BridgeSettings(), addresses=(Address("10.0.0.254/16"), Address("fe80::2/64", scope="link"))),
}
STATE = HostState(LINKS, kinds={"ruleset": RulesetFacts((1, 0, 6)), "nat": NatFacts(conntrack=True)})


def read(*networks: dict[str, Any]) -> tuple[Nat, ...]:
    nats, problems = read_nats(networks)
    assert not problems
    return nats


def planned(*networks: dict[str, Any], state: HostState = STATE, applied: Applied | None = None, **options: Any) -> KindPlan:
    declared = Declared(read(*networks), path="networks", **options)
    return plan_nat(Document(nat=declared), state, applied or Applied())


def settled(plan: KindPlan) -> Nat:
    assert not plan.problems
    return plan.memory["vnat0"].network


def memory(*networks: dict[str, Any], owner: str = "site", persist: bool = True) -> Applied:
    return Applied(nat={nat.name: AppliedNat(owner, nat, persist) for nat in read(*networks)})


def test_what_is_left_open_comes_from_the_host() -> None:
    assert settled(planned({"name": "vnat0"})).sources == ("10.0.0.0/16",)
    ours = AppliedBridge("site", Bridge("vnat0", addresses=("10.7.0.1/24", "2001:db8:7::1/64")), "52:54:00:00:00:01", "none")
    assert settled(planned({"name": "vnat0"}, applied=Applied({"vnat0": ours}))).sources == ("10.7.0.0/24", "2001:db8:7::/64")
    assert settled(planned({**FOUR, "sources": ["10.0.8.0/24"]})).sources == ("10.0.8.0/24",)
    assert [settled(planned({**FOUR, "uplink": name})).uplink for name in ("eth0", "eth1", "xenbr0")] == ["xenbr0", "eth1", "xenbr0"]
    moved = AppliedBridge("site", Bridge("br9", uplink="eth1"), "52:54:00:00:00:01", "none")
    assert settled(planned({**FOUR, "uplink": "eth1"}, applied=Applied({"br9": moved}))).uplink == "br9"


def test_a_bridge_without_an_address_carries_the_hosts_for_its_guests() -> None:
    guests = [{"interface": "br7", "addresses": ["192.0.2.190"]}]
    network = {"name": "br7", "masquerade": False, "proxy_arp": True, "uplink": "eth1", "guests": guests}
    item = planned(network).memory["br7"]
    assert (item.network.sources, item.network.proxy_on) == (("192.0.2.190/32",), "eth1")
    assert of_network("br7", item)["br7/br7"].routed.lines() == [
        "address replace 192.0.2.1/32 dev br7",
        "route replace 192.0.2.190 dev br7 table main proto 119 src 192.0.2.1",
        "neigh replace proxy 192.0.2.190 dev eth1",
    ]
    numbered = {**network, "name": "vnat0", "guests": [{"interface": "vnat0", "addresses": ["10.0.0.9"]}]}
    assert of_network("vnat0", planned(numbered).memory["vnat0"])["vnat0/vnat0"].routed.lines() == ["neigh replace proxy 10.0.0.9 dev eth1"]


def test_what_is_not_there_is_told() -> None:
    plan = planned({**FOUR, "name": "vnat9", "uplink": "ppp0", "forwards": [{**SSH, "listen_interface": "wg0"}]})
    assert plan.warnings == (
        "networks[0].bridge: vnat9 is not there; nothing is translated for it until it is",
        "networks[0].uplink: ppp0 is not there; nothing is translated for it until it is",
        "networks[0].forwards[0].listen_interface: wg0 is not there; nothing is translated for it until it is",
    )
    assert planned(FOUR).warnings == ()


@pytest.mark.parametrize(
    ("network", "path"),
    [
        ({"forwards": [{**SSH, "port": "22"}]}, "forwards[0].port"),
        ({"forwards": [{**SSH, "port": "1-1024", "to_port": "1-1024", "listen_address": "192.0.2.1"}]}, "forwards[0].port"),
        ({"forwards": [{**SSH, "port": "22", "from": ["203.0.113.0/24"], "listen_interface": "eth1"}]}, "forwards[0].port"),
        ({"one_to_one": [{"address": "192.0.2.1", "to": "10.0.0.1"}]}, "one_to_one[0].address"),
        ({"forwards": [SSH]}, ""),
        ({"forwards": [{**SSH, "port": "22", "protocol": "udp"}]}, ""),
        ({"forwards": [{**SSH, "port": "22", "listen_address": "192.0.2.7"}]}, ""),
        ({"forwards": [{**SSH, "port": "22", "listen_interface": "eth2"}]}, ""),
        ({"forwards": [{**SSH, "port": "22", "from": ["198.51.100.0/24"]}]}, ""),
    ],
)
def test_the_controller_is_not_led_to_a_guest(network: dict[str, Any], path: str) -> None:
    state = replace(STATE, control=ControlPath("203.0.113.9", "192.0.2.1", "eth1", "192.0.2.99", 22))
    found = [problem.path for problem in planned({**FOUR, **network}, state=state).problems]
    assert found == ([f"networks[0].{path}"] if path else [])


def test_a_controller_among_the_guests_finds_the_host_by_the_bridge() -> None:
    state = replace(STATE, control=ControlPath("10.0.0.9", "10.0.0.254", "vnat0", port=22))
    assert planned({**FOUR, "forwards": [{**SSH, "port": "22"}]}, state=state).problems == ()
    (problem,) = planned({**FOUR, "forwards": [{**SSH, "port": "22", "listen_address": "10.0.0.254"}]}, state=state).problems
    assert problem.path == "networks[0].forwards[0].port"


def test_owners_keep_to_their_own() -> None:
    theirs = memory({**FOUR, "forwards": [SSH]}, owner="others")
    assert [str(problem) for problem in planned(FOUR, applied=theirs).problems] == [
        "networks[0].name: vnat0 belongs to owner 'others', not 'site'; declare it there, or remove it there first"
    ]
    clash = planned({"name": "dmz", "sources": ["10.98.98.0/24"], "forwards": [{**SSH, "to": "10.98.98.1"}]}, applied=theirs)
    (problem,) = clash.problems
    assert str(problem).startswith(
        "networks[0].forwards[0].port: tcp port 5022 is already at the network vnat0 of owner 'others'.forwards[0]"
    )
    assert set(planned({"name": "dmz", "sources": ["10.98.98.0/24"]}, applied=theirs, prune=True).memory) == {"vnat0", "dmz"}


def test_files_of_what_is_kept() -> None:
    both = replace(memory(FOUR), sysctls={"net/ipv4/ip_forward": "0"})
    assert set(files(both, STATE)) == {
        ruleset_path("nat"),
        "/etc/hypervisor-vnet/nftables.conf",
        UNIT_PATH,
        UPHOLD_PATH,
        BEHIND_PATH,
        SYSCTL,
    }
    assert f"table inet {NAME}" in files(both, STATE)[ruleset_path("nat")].content
    assert files(replace(memory(FOUR, persist=False), sysctls=both.sysctls), STATE) == {}


def test_without_the_tool_open_connections_are_told_of() -> None:
    plan = planned(FOUR, state=replace(STATE, kinds={**STATE.kinds, "nat": NatFacts()}), applied=memory({**FOUR, "forwards": [SSH]}))
    assert plan.warnings[0].endswith("because the host has no conntrack(8); install conntrack")
    assert not any(isinstance(action, Forget) for step in plan.steps for action in step.do)


def test_nft_must_be_there() -> None:
    (problem,) = planned(FOUR, state=replace(STATE, kinds={})).problems
    assert str(problem).startswith("nft is missing on this host")


OTHER = {**SSH, "to": "10.0.0.2"}
HEARD = "--orig-port-dst 5022 --orig-dst 192.0.2.1 --reply-src 10.0.0.1 --reply-port-src 22"
ONE = "--orig-port-dst 5022 --reply-src 10.0.0.1 --reply-port-src 22"


@pytest.mark.parametrize(
    ("before", "after", "flows", "kept"),
    [
        ({"forwards": [SSH]}, {"forwards": [SSH]}, None, ()),
        ({"forwards": [SSH]}, {"forwards": [OTHER]}, [f"-f ipv4 -p tcp {ONE}"], ()),
        (
            {"forwards": [SSH]},
            {"forwards": [{**SSH, "from": ["192.0.2.0/24"]}]},
            [f"-f ipv4 -p tcp {ONE}"],
            [f"-f ipv4 -p tcp --orig-src 192.0.2.0/24 {ONE}"],
        ),
        (
            {"forwards": [{**SSH, "listen_address": "192.0.2.1"}]},
            {},
            [f"-f ipv4 -p tcp {HEARD}"],
            (),
        ),
        (
            {"forwards": [{**SSH, "port": "80-82", "to_port": "90-92", "protocol": "udp"}]},
            {},
            ["-f ipv4 -p udp --orig-port-dst 80:82 --reply-src 10.0.0.1 --reply-port-src 90:92"],
            (),
        ),
        ({}, {"forwards": [SSH]}, None, ()),
        (
            {},
            {"forwards": [{**SSH, "protocol": "udp"}]},
            ["-f ipv4 -p udp --orig-port-dst 5022 --orig-dst 192.0.2.1 --reply-src 192.0.2.1"],
            (),
        ),
        ({"snat": "192.0.2.1"}, {"snat": "192.0.2.2"}, ["-f ipv4 --orig-src 10.0.0.0/16 --reply-dst 192.0.2.1"], ()),
        ({}, {"masquerade": False}, ["-f ipv4 --orig-src 10.0.0.0/16 --src-nat"], ()),
        ({}, {"nat_ports": "2000-3000"}, None, ()),
        (
            {"one_to_one": [{"address": "192.0.2.9", "to": "10.0.0.9"}]},
            {"one_to_one": [{"address": "192.0.2.8", "to": "10.0.0.9"}]},
            [
                "-f ipv4 --orig-dst 192.0.2.9 --reply-src 10.0.0.9",
                "-f ipv4 --orig-src 10.0.0.9 --reply-dst 192.0.2.9",
                "-f ipv4 --orig-src 10.0.0.9 --src-nat",
            ],
            (),
        ),
    ],
)
def test_connections_that_end(before: dict[str, Any], after: dict[str, Any], flows: list[str] | None, kept: tuple[str, ...]) -> None:
    found = forget(read({**FOUR, **before}), read({**FOUR, **after}), ["192.0.2.1", "2001:db8::1"])
    assert found == (Forget(tuple(flows), tuple(kept)) if flows else None)


def test_a_network_that_goes_takes_its_connections_along() -> None:
    found = forget(read({**FOUR, "forwards": [SSH]}), [], [])
    assert found == Forget((f"-f ipv4 -p tcp {ONE}", "-f ipv4 --orig-src 10.0.0.0/16 --src-nat"))
