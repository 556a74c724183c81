# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exemptions in the filters of others: what they are for, how they come and go. tests/kernel/test_coexist.py asks the kernel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import NAT_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.blocker import BlockerFacts, ForeignTable
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.coexist import Coexist, CoexistFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, read_nats
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import AppliedRouted, Routed, RoutedGuest, of_network
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import RulesetFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.zone import Allowed, AppliedPolicy, AppliedZone, Policy, Zone
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.iptables import parse_iptables
from ansible_collections.hypervisor.vnet.plugins.module_utils.options import nat_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.coexist import coexist_files, passages
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.coexist import firewalld_files, policy_path, rules

NETWORK = {"name": "vnat0", "sources": ["10.0.0.0/16"], "forwards": [{"port": "5022", "to": "10.0.0.1", "to_port": "22"}]}
RULES = [
    "-i vnat0 -o eth0 -j ACCEPT",
    "-i vnat0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-o vnat0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-o vnat0 -m conntrack --ctstate DNAT -j ACCEPT",
]
JUMP = '-m comment --comment "hypervisor.vnet" -j HYPERVISOR-VNET'
UNIT = "/etc/systemd/system/hypervisor-vnet-coexist.service"


def docker(*ours: str, jump: bool = False) -> ForeignTable:
    lines = [":FORWARD DROP [0:0]", ":DOCKER-USER - [0:0]", *([":HYPERVISOR-VNET - [0:0]"] if ours else [])]
    lines += ["-A FORWARD -j DOCKER-USER", *([f"-A DOCKER-USER {JUMP}"] if jump else []), "-A DOCKER-USER -j RETURN"]
    lines += [f"-A HYPERVISOR-VNET {line}" for line in ours]
    return parse_iptables("\n".join(["*filter", *lines, "COMMIT"]), "ip", "filter", "iptables")


def document(*networks: dict[str, Any], **options: Any) -> Document:
    defaults = {name: spec.get("default") for name, spec in NAT_OPTIONS.items()}
    inner = NAT_OPTIONS["networks"]["options"]
    items = [{**{name: spec.get("default") for name, spec in inner.items()}, **network} for network in networks]
    return nat_document({**defaults, "networks": items, "probes": None, "coexist": True, **options})


def host(*tables: ForeignTable, firewalld: CoexistFacts | None = None) -> HostState:
    """A host with a default route, where links and forwarding are as the document wants them."""
    kinds = {"ruleset": RulesetFacts((1, 0, 6), True), "blockers": BlockerFacts(tables), "coexist": firewalld}
    links = {name: Link(name, index) for index, name in enumerate(("eth0", "vnat0"), 2)}
    sysctls = {"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/accept_redirects": "0"}
    return HostState(links=links, routes=(Route(4, "default", dev="eth0"),), sysctls=sysctls, kinds=kinds)


def applied(plan: Plan, state: HostState) -> HostState:
    """The host once the plan's files are there."""
    files = {**state.files, **{path: after for path, (_before, after) in plan.files.items() if after}}
    return replace(state, files={path: file for path, file in files.items() if plan.files.get(path, (None, file))[1] is not None})


def iptables_of(plan: Plan) -> list[str]:
    return [line for step in plan.steps for action in step.do for line in action.command().splitlines() if line.startswith("iptables")]


def test_docker_is_passed_by_a_chain_of_ours() -> None:
    state = host(docker())
    plan = plan_document(document(NETWORK), state, Applied())
    assert plan.applied.coexist == Coexist(("iptables-nft",), ("eth0",))
    assert plan.texts["chain HYPERVISOR-VNET (iptables-nft)"] == ("", "".join(f"{line}\n" for line in RULES))
    assert "iptables-nft-restore --noflush /run/hypervisor-vnet-iptables-nft.rules" in iptables_of(plan)
    assert [line for line in plan.warnings if "stops" in line] == [] and plan.control == ()
    assert UNIT in plan.files and "-o eth0" in plan.files["/etc/hypervisor-vnet/coexist/iptables-nft.rules"][1].content  # type: ignore[union-attr]
    assert applied_from_text(plan.applied.to_text()) == plan.applied

    # What stands is asked of the kernel, not of our memory.
    stands = host(docker(*RULES, jump=True))
    again = plan_document(document(NETWORK), applied(plan, stands), plan.applied)
    assert iptables_of(again) == [] and [line for line in again.warnings if "stops" in line] == []
    lost = plan_document(document(NETWORK), applied(plan, host(docker(*RULES))), plan.applied)
    assert iptables_of(lost) != []


@pytest.mark.parametrize("options", [{"coexist": False}, {"state": "absent"}, {"prune": True, "allow_empty": True}])
def test_they_go_with_what_they_are_for(options: dict[str, Any]) -> None:
    first = plan_document(document(NETWORK), host(docker()), Applied())
    state = applied(first, host(docker(*RULES, jump=True)))
    networks = [] if options.get("prune") else [NETWORK]
    plan = plan_document(document(*networks, **options), state, first.applied)
    assert iptables_of(plan) == [
        "iptables-nft -D DOCKER-USER -m comment --comment hypervisor.vnet -j HYPERVISOR-VNET",
        "iptables-nft -F HYPERVISOR-VNET",
        "iptables-nft -X HYPERVISOR-VNET",
    ]
    assert plan.files[UNIT][1] is None and plan.applied.coexist == Coexist()


def test_without_docker_nothing_is_made_for_it() -> None:
    plan = plan_document(document(NETWORK), host(), Applied())
    assert plan.applied.coexist.hooks == () and UNIT not in plan.files and iptables_of(plan) == []


def test_docker_that_is_stopped_keeps_its_unit() -> None:
    first = plan_document(document(NETWORK), host(docker()), Applied())
    plan = plan_document(document(NETWORK), applied(first, host()), first.applied)
    assert plan.applied == first.applied and UNIT not in plan.files
    # Nor is the way out another one while there is no default route.
    lost = plan_document(document(NETWORK), replace(applied(first, host(docker(*RULES, jump=True))), routes=()), first.applied)
    assert lost.applied == first.applied and iptables_of(lost) == []


def test_firewalld_gets_a_policy_and_reads_it() -> None:
    state = host(firewalld=CoexistFacts(True, ("allow-host-ipv6",)))
    plan = plan_document(document(NETWORK), state, Applied())
    (_before, policy) = plan.files[policy_path("hypervisor-vnet")]
    assert policy and '<rule family="ipv4"><source address="10.0.0.0/16"/><accept/></rule>' in policy.content
    reloads = [step for step in plan.steps for action in step.do if action.command() == "firewall-cmd --reload"]
    assert len(reloads) == 1 and reloads[0].undo == ()
    # Its undo comes late, when the file is gone again.
    undone = [action.command() for step in reversed(plan.steps) for action in step.undo]
    assert undone.index("firewall-cmd --reload") > undone.index(f"rm -f {policy_path('hypervisor-vnet')}")

    loaded = host(firewalld=CoexistFacts(True, ("allow-host-ipv6", "hypervisor-vnet")))
    again = plan_document(document(NETWORK), applied(plan, loaded), plan.applied)
    assert "firewall-cmd --reload" not in [action.command() for step in again.steps for action in step.do]
    # Somebody took it out of the running firewalld.
    lost = plan_document(document(NETWORK), applied(plan, state), plan.applied)
    assert "firewall-cmd --reload" in [action.command() for step in lost.steps for action in step.do]


def test_a_firewalld_that_does_not_run_finds_its_policy_when_it_starts() -> None:
    plan = plan_document(document(NETWORK), host(firewalld=CoexistFacts(True, None)), Applied())
    assert policy_path("hypervisor-vnet") in plan.files
    assert "firewall-cmd --reload" not in [action.command() for step in plan.steps for action in step.do]


def test_settings_that_a_reload_would_drop_are_named() -> None:
    facts = CoexistFacts(True, (), ("public: ports: 8080/tcp",))
    with pytest.raises(Refused) as refused:
        plan_document(document(NETWORK), host(firewalld=facts), Applied())
    assert "its reload would drop (public: ports: 8080/tcp); firewall-cmd --runtime-to-permanent keeps them" in str(refused.value)


def test_what_lasts_until_the_reboot_has_no_files() -> None:
    plan = plan_document(document(NETWORK, persist="none"), host(docker(), firewalld=CoexistFacts(True, ())), Applied())
    assert iptables_of(plan) != [] and not [path for path in plan.files if "firewalld" in path or "coexist" in path]


def zoned(*allow: Allowed) -> Applied:
    zones = {"dmz": AppliedZone("site", Zone("dmz", ("dmz0",))), "world": AppliedZone("site", Zone("world", (), ("eth0",)))}
    policies = [Policy("dmz", "world", allow), Policy("world", "dmz", (Allowed("tcp", (81, 90)),)), Policy("world", "host", allow)]
    memory = Applied(zones=zones, policies={policy.name: AppliedPolicy("site", policy, coexist=True) for policy in policies})
    nat = plan_document(document({"name": "dmz0", "sources": ["10.7.0.0/24"]}, coexist=False), host(), Applied()).applied.nat
    return replace(memory, nat=nat, coexist=Coexist(("firewalld", "iptables-nft")))


def test_policies_pass_as_they_are_and_nothing_more() -> None:
    memory = zoned(Allowed("tcp", (443, 443)), Allowed("udp", (53, 53)), Allowed("icmp"))
    assert rules(passages(memory), 4) == [
        "-i dmz0 -o eth0 -p tcp -m tcp --dport 443 -j ACCEPT",
        "-i dmz0 -o eth0 -p udp -m udp --dport 53 -j ACCEPT",
        "-i dmz0 -o eth0 -p icmp -j ACCEPT",
        "-i dmz0 -o eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-i eth0 -o dmz0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-i eth0 -o dmz0 -p tcp -m tcp --dport 81:90 -j ACCEPT",
    ]
    assert "-i dmz0 -o eth0 -p ipv6-icmp -j ACCEPT" in rules(passages(memory), 6)
    text = firewalld_files(passages(memory), ())[policy_path("hypervisor-vnet")].content
    assert '<source address="10.7.0.0/24"/><protocol value="icmp"/><accept/>' in text
    assert '<destination address="10.7.0.0/24"/><port port="81-90" protocol="tcp"/><accept/>' in text
    # Subnets of IPv6 are not known, and without any it would be for all that the host routes.
    assert "ipv6" not in text
    assert set(coexist_files(memory)) >= {UNIT, policy_path("hypervisor-vnet")}


def test_guests_that_are_routed_to_pass_both_ways() -> None:
    guest = AppliedRouted("site", Routed("n1", "n1", (RoutedGuest("192.0.2.190"),), uplink="eth0", proxy_arp=True), coexist=True)
    office = AppliedRouted("site", Routed("office", "eth1", subnets=("10.20.0.0/16",), via="192.0.2.9"), coexist=True)
    assert rules(passages(Applied(routes={"n1": guest, "office": office})), 4) == [
        "-i n1 -o eth0 -j ACCEPT",
        "-i eth0 -o n1 -j ACCEPT",
        "-i n1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-o n1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]
    assert passages(Applied(routes={"n1": replace(guest, coexist=False)})) == []


def test_translated_guests_without_a_bridge_pass_out_only() -> None:
    guests = [{"interface": "vif1.0", "addresses": ["10.0.0.1"]}]
    (nat,), problems = read_nats([{"name": "x", "point_to_point": True, "guests": guests}])
    assert not problems
    applied = AppliedNat("site", nat, coexist=True)
    found = Applied(nat={"x": applied}, routes=of_network("x", applied), coexist=Coexist(doors4=("eth0",)))
    assert rules(passages(found), 4) == [
        "-i vif1.0 -o eth0 -j ACCEPT",
        "-i vif1.0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-o vif1.0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]
