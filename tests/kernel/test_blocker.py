# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of others: what the module says of them is what the kernel does to real packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import Answer, Namespace
from routed import DMZ, WORLD, WORLD6, Lab, routed_lab

from ansible_collections.hypervisor.vnet.plugins.module_utils.facts import host_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

ZONES = [{"name": "dmz", "networks": ["dmz0"]}, {"name": "world", "interfaces": ["eth0"]}]
POLICY = {"from": "dmz", "to": "world", "allow": ["tcp/80"]}

# Docker's chains as dockerd makes them, with a network of its own.
DOCKER = """
iptables-nft -P FORWARD DROP
iptables-nft -N DOCKER
iptables-nft -N DOCKER-USER
iptables-nft -N DOCKER-ISOLATION-STAGE-1
iptables-nft -A FORWARD -j DOCKER-USER
iptables-nft -A FORWARD -j DOCKER-ISOLATION-STAGE-1
iptables-nft -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A FORWARD -o docker0 -j DOCKER
iptables-nft -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
iptables-nft -A DOCKER-ISOLATION-STAGE-1 -j RETURN
iptables-nft -A DOCKER-USER -j RETURN
"""
DOCKER_USER = "iptables-nft -I DOCKER-USER -i dmz0 -o eth0 -j ACCEPT\n"
ANSWERS = "iptables-nft -I DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
UFW = """
iptables-nft -P FORWARD DROP
iptables-nft -N ufw-before-forward
iptables-nft -A FORWARD -j ufw-before-forward
iptables-nft -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT
"""
# As firewalld 1.3 writes them.
FIREWALLD = """nft -f - <<'EOF'
table inet firewalld {
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        ip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 addr-unreachable
        jump filter_FORWARD_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD_ZONES {
        iifname "eth0" goto filter_FWD_public
        iifname "dmz0" goto filter_FWD_trusted
        goto filter_FWD_public
    }
    chain filter_FWD_public {
        reject with icmpx admin-prohibited
    }
    chain filter_FWD_trusted {
        accept
    }
}
EOF
"""
# What other firewalls say in nft's shortest words.
VMAPS = """nft -f - <<'EOF'
table inet filter {
    set guests { type ifname; elements = { "dmz0", "vif1" }; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iifname @guests tcp dport { 80, 443 } ip saddr 10.0.0.0/8 accept
    }
}
EOF
"""
LIBVIRT = """nft -f - <<'EOF'
table ip libvirt_network {
    chain forward { type filter hook forward priority filter; policy accept; jump guest_input; }
    chain guest_input { oifname "virbr0" ip daddr 192.168.122.0/24 ct state related,established accept; oifname "virbr0" reject; }
}
EOF
"""


@pytest.fixture
def lab(empty: Namespace, world: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    found = routed_lab(empty, world, (str(tmp_path_factory.mktemp("dmz")), str(tmp_path_factory.mktemp("data"))))
    yield found
    found.close()


def run(lab: Lab, **options: Any) -> Answer:
    return lab.host.module("vnet_zones", zones=ZONES, policies=[POLICY], **options).ok()


def told(lab: Lab) -> list[str]:
    return [warning for warning in run(lab).warnings if "stop" in warning]


@pytest.mark.parametrize(
    ("script", "said", "four", "six"),
    [
        ("", [], True, True),
        (DOCKER, ["table ip filter (iptables), chain FORWARD, policy drop stops IPv4 tcp/80 from dmz0 to eth0"], False, True),
        (DOCKER + DOCKER_USER, ["policy drop stops IPv4 answers to tcp/80 from eth0 to dmz0"], False, True),
        (DOCKER + DOCKER_USER + ANSWERS, [], True, True),
        (UFW, ["policy drop stops IPv4 tcp/80 from dmz0 to eth0; tell ufw: ufw route allow in on dmz0 out on eth0"], False, True),
        (FIREWALLD, [], True, True),
        (FIREWALLD.replace("goto filter_FWD_trusted", "goto filter_FWD_public"), ["(nft), chain filter_FWD_public, rule"], False, False),
        (VMAPS, ["table inet filter (nft), chain forward, policy drop stops IPv6 tcp/80 from dmz0 to eth0"], True, False),
        (VMAPS.replace("443 }", "443 } meta skuid 0"), ["policy drop may stop IPv4 tcp/80 from dmz0"], False, False),
        (LIBVIRT, [], True, True),
        (LIBVIRT.replace('"virbr0"', '"dmz0"'), ["chain guest_input, rule `oif dmz0 reject` stops IPv4 answers"], False, True),
        ("iptables-legacy -P FORWARD DROP", ["table ip filter (iptables-legacy), chain FORWARD, policy drop stops"], False, True),
    ],
)
def test_what_is_said_is_what_happens(lab: Lab, script: str, said: list[str], four: bool, six: bool) -> None:
    done = lab.host.run("sh", "-c", script, check=False)
    if "iptables-legacy" in script and done.returncode:
        pytest.skip(f"this kernel has no legacy iptables: {done.stderr}")
    assert done.returncode == 0, done.stderr
    lines = told(lab)
    assert (lab.open if four else lab.shut)(lab.dmz, WORLD, 80), lines
    assert (lab.open if six else lab.shut)(lab.dmz, WORLD6, 80), lines
    for part in said:
        assert any(part in line for line in lines), lines
    assert bool(lines) == (not four or not six), lines


def test_a_later_file_that_switches_forwarding_off(lab: Lab) -> None:
    lab.host.write("/etc/sysctl.d/61-other.conf", "net.ipv4.ip_forward=1\n")
    lab.host.write("/etc/sysctl.d/99-last.conf", "# hardened\n-net/ipv4/ip_forward = 0\n")
    lab.host.write("/etc/sysctl.d/50-early.conf", "net.ipv6.conf.all.forwarding=0\n")
    warnings = lab.host.module("vnet_nat", networks=[{"name": "dmz0", "nat66": True}], persist="auto").ok().warnings
    assert [line.partition(" stops")[0] for line in warnings if "stops" in line] == ["/etc/sysctl.d/99-last.conf: net.ipv4.ip_forward = 0"]
    assert lab.open(lab.dmz, WORLD, 80)


def test_facts_name_them_too(lab: Lab) -> None:
    lab.host.run("sh", "-c", DOCKER)
    lab.host.ip("route add default via 192.0.2.99")
    lab.host.module("vnet_nat", networks=[{"name": "dmz0", "forwards": [{"port": "8000", "to": DMZ, "to_port": "80"}]}]).ok()

    def read() -> list[dict[str, Any]]:
        return list(host_facts(Machine())["blockers"])

    (blocker,) = lab.host.call(read)
    assert blocker["certain"] and "IPv4 tcp/80 from eth0 to dmz0" in blocker["stops"] and "DOCKER-USER" in blocker["cure"]
    assert lab.shut(lab.world, "192.0.2.1", 8000)
    lab.host.run("sh", "-c", "iptables-nft -I DOCKER-USER -i dmz0 -j ACCEPT; iptables-nft -I DOCKER-USER -o dmz0 -j ACCEPT")
    assert lab.host.call(read) == []
    assert lab.open(lab.world, "192.0.2.1", 8000)
