# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exemptions in Docker's rules: real packets pass with them, and after them the rules are what they were. The lab asks firewalld."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from faults import COUNT, at_step, at_steps, chosen, fail
from harness import Answer, Namespace, assert_same
from routed import DMZ, HOST, WORLD, WORLD6, Lab, routed_lab
from test_blocker import DOCKER

DOCKER6 = DOCKER.replace("iptables-nft", "ip6tables-nft")
NETWORK = {"name": "dmz0", "nat66": True, "forwards": [{"port": "8000", "to": DMZ, "to_port": "80"}]}
ZONES = {"zones": [{"name": "dmz", "networks": ["dmz0"]}, {"name": "world", "interfaces": ["eth0"]}]}


@pytest.fixture
def lab(empty: Namespace, world: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    found = routed_lab(empty, world, (str(tmp_path_factory.mktemp("dmz")), str(tmp_path_factory.mktemp("data"))))
    found.host.ip("route add default via 192.0.2.99")
    found.host.ip("route add default via 2001:db8:1::99", family="-6")
    found.host.run("sh", "-c", DOCKER + DOCKER6)
    yield found
    found.close()


def saved(lab: Lab) -> str:
    return lab.host.run("iptables-nft", "-S").stdout + lab.host.run("ip6tables-nft", "-S").stdout


def nat(lab: Lab, **options: Any) -> Answer:
    return lab.host.module("vnet_nat", networks=[NETWORK], **options).ok()


def stops(answer: Answer) -> list[str]:
    return [warning for warning in answer.warnings if "stop" in warning]


def test_networks_pass_docker(lab: Lab) -> None:
    before = saved(lab)
    assert stops(nat(lab)) and lab.shut(lab.dmz, WORLD, 80) and lab.shut(lab.world, HOST, 8000)

    check, real = nat(lab, coexist=True, check=True), nat(lab, coexist=True)
    assert (check.diff, check.commands) == (real.diff, real.commands) and real.changed
    assert stops(real) == []
    assert lab.open(lab.dmz, WORLD, 80) and lab.open(lab.dmz, WORLD6, 80) and lab.open(lab.world, HOST, 8000)
    # Nothing but what the network is for.
    assert lab.shut(lab.data, WORLD, 80) and lab.shut(lab.dmz, "10.1.0.1", 80)
    again = nat(lab, coexist=True)
    assert not again.changed and again.commands == [] and stops(again) == []

    # Somebody emptied Docker's chain; what is not there any more is told, and made again.
    lab.host.run("iptables-nft", "-F", "DOCKER-USER")
    lab.host.run("iptables-nft", "-A", "DOCKER-USER", "-j", "RETURN")
    assert lab.shut(lab.dmz, WORLD, 80)
    assert nat(lab, coexist=True).changed and lab.open(lab.dmz, WORLD, 80)

    assert nat(lab, state="absent").changed
    assert saved(lab) == before


def test_policies_pass_docker_as_they_are(lab: Lab) -> None:
    def zones(*allow: str, **options: Any) -> Answer:
        policies = [{"from": "dmz", "to": "world", "allow": list(allow)}]
        return lab.host.module("vnet_zones", **ZONES, policies=policies, **options).ok()

    before = saved(lab)
    assert stops(zones("tcp/80")) and lab.shut(lab.dmz, WORLD, 80)
    assert stops(zones("tcp/80", coexist=True)) == []
    assert lab.open(lab.dmz, WORLD, 80) and lab.open(lab.dmz, WORLD6, 80) and lab.shut(lab.dmz, WORLD, 22)
    assert zones("tcp/22", "udp/53", "icmp", coexist=True).changed
    assert lab.shut(lab.dmz, WORLD, 80) and lab.open(lab.dmz, WORLD, 22) and lab.open(lab.dmz, WORLD, 53, "udp")
    assert lab.pings(lab.dmz, WORLD)
    assert not zones("tcp/22", "udp/53", "icmp", coexist=True).changed
    assert zones("tcp/22", "udp/53", "icmp").changed
    assert saved(lab) == before


def test_a_failure_leaves_dockers_rules_as_they_were(lab: Lab) -> None:
    for old, new in ((False, True), (True, False)):
        nat(lab, coexist=old)
        before, rules = lab.host.snapshot(), saved(lab)
        nat(lab, coexist=new, prepare=at_steps({}))
        count = int(lab.host.read(COUNT))
        nat(lab, coexist=old)
        assert saved(lab) == rules
        for number in chosen(count, 1):
            answer = lab.host.module("vnet_nat", networks=[NETWORK], prepare=at_step(number, fail, True), coexist=new)
            assert "the host is as it was before" in answer.failed(), number
            assert saved(lab) == rules
        assert_same(before, lab.host.snapshot())
