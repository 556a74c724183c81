# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests behind the host's address, each alone behind its interface, as Xen's vif-nat has it; and with their own, as vif-route has it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from harness import Answer, Namespace, assert_same
from hosts import cable, foreign, no_waiting
from talk import ask, serve

PUBLIC, PUBLIC6, WORLD, WORLD6 = "192.0.2.1", "2001:db8:1::1", "192.0.2.99", "2001:db8:1::99"
ONE, ONE6, TWO, TWO6 = "10.0.0.1", "2001:db8:98::1", "10.0.0.2", "2001:db8:98::2"
# The guest's own with 127 more in the last octet.
ROUTER, ROUTER6 = "10.0.0.128", "2001:db8:98::80"
NETWORK = {
    "name": "xennat",
    "point_to_point": True,
    "nat66": True,
    "guests": [{"interface": "vif1.0", "addresses": [ONE, ONE6]}, {"interface": "vif2.0", "addresses": [TWO, TWO6]}],
    "forwards": [{"port": "5022", "to": ONE, "to_port": "22"}, {"port": "5022", "to": ONE6, "to_port": "22"}],
}


class Lab:
    def __init__(self, host: Namespace, world: Namespace, one: Namespace, two: Namespace) -> None:
        self.host, self.world, self.one, self.two = host, world, one, two

    def seen(self, who: Namespace, address: str, port: int = 80) -> str:
        return str(who.call(functools.partial(ask, address, port)))


def plug(host: Namespace, guest: Namespace, name: str, four: str, six: str, router6: str) -> None:
    far = f"/proc/{os.getpid()}/fd/{guest.net}"
    host.ip(f"link add {name} type veth peer name eth0 netns {far}\nlink set {name} up")
    # Any router of the network would do: the host answers for all of them.
    guest.ip(f"link set eth0 up\naddress add {four}/24 dev eth0\naddress add {six}/128 nodad dev eth0\nroute add default via {ROUTER}")
    neighbour = "" if router6.startswith("fe80:") else f"route add {router6}/128 dev eth0\n"
    guest.ip(f"{neighbour}route add default via {router6} dev eth0", family="-6")


@pytest.fixture
def lab(empty: Namespace, world: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    one, two = (Namespace(str(tmp_path_factory.mktemp("guest"))) for _number in range(2))
    for namespace in (empty, world, one, two):
        no_waiting(namespace)
    foreign(empty)
    empty.sysctl("net/ipv4/ip_forward", "0")
    cable(empty, world)
    empty.ip(f"address add {PUBLIC}/24 dev eth0\naddress add {PUBLIC6}/64 nodad dev eth0\nroute add default via {WORLD}")
    world.ip(f"address add {WORLD}/24 dev eth0\naddress add {WORLD6}/64 nodad dev eth0")
    plug(empty, one, "vif1.0", ONE, ONE6, ROUTER6)
    plug(empty, two, "vif2.0", TWO, TWO6, "fe80::1")
    for name, namespace in (("host", empty), ("world", world), ("one", one), ("two", two)):
        namespace.settle()
        namespace.start(functools.partial(serve, name, (22, 80, 5022)))
    yield Lab(empty, world, one, two)
    one.close()
    two.close()


def run(host: Namespace, *networks: dict[str, Any], **options: Any) -> Answer:
    return host.module("vnet_nat", networks=list(networks), **options)


def apply(host: Namespace, *networks: dict[str, Any], **options: Any) -> Answer:
    """Check, do, and do again: the same diff, then nothing."""
    before = host.snapshot()
    check = run(host, *networks, check=True, **options).ok()
    assert_same(before, host.snapshot(), memory=True)
    real = run(host, *networks, **options).ok()
    assert (check.diff_bytes, check.changed, check.commands) == (real.diff_bytes, real.changed, real.commands)
    again = run(host, *networks, **options).ok()
    assert (again.changed, again.diff, again.commands) == (False, [], [])
    return real


def test_guests_share_the_hosts_address(lab: Lab) -> None:
    before = lab.host.snapshot()
    apply(lab.host, NETWORK)
    assert f"inet {ROUTER}/32" in lab.host.run("ip", "address", "show", "dev", "vif1.0").stdout
    assert lab.seen(lab.one, WORLD) == f"world:80 {PUBLIC}"
    assert lab.seen(lab.two, WORLD6) == f"world:80 {PUBLIC6}"
    assert lab.seen(lab.one, TWO) == f"two:80 {ONE}"
    assert lab.seen(lab.two, ONE6) == f"one:80 {TWO6}"
    for address, world, two in ((PUBLIC, WORLD, TWO), (PUBLIC6, WORLD6, TWO6)):
        assert lab.seen(lab.world, address, 5022) == f"one:22 {world}"
        assert lab.seen(lab.two, address, 5022) == f"one:22 {two}"
        assert lab.seen(lab.one, address, 5022).split()[0] == "one:22"
        assert lab.seen(lab.host, address, 5022).split()[0] == "one:22"
    assert lab.seen(lab.one, ROUTER, 5022) == f"host:5022 {ONE}"
    # One guest fewer; then another network takes none of it along.
    apply(lab.host, {**NETWORK, "guests": NETWORK["guests"][:1]}, {"name": "br7", "sources": ["10.7.0.0/24"]})
    assert TWO not in lab.host.run("ip", "route").stdout and lab.seen(lab.one, WORLD) == f"world:80 {PUBLIC}"
    apply(lab.host, prune=True, allow_empty=True)
    assert_same(before, lab.host.snapshot())


def test_guests_with_their_own_address(lab: Lab) -> None:
    before = lab.host.snapshot()
    lab.world.ip(f"route add 10.0.0.0/24 via {PUBLIC}\nroute add 2001:db8:98::/64 via {PUBLIC6}")
    lab.one.ip(f"route replace {PUBLIC6}/128 dev eth0\nroute replace {WORLD6} via {PUBLIC6} dev eth0")
    apply(lab.host, {**NETWORK, "masquerade": False, "nat66": False, "forwards": []})
    assert f"inet {PUBLIC}/32" in lab.host.run("ip", "address", "show", "dev", "vif1.0").stdout
    assert lab.seen(lab.one, WORLD) == f"world:80 {ONE}"
    assert lab.seen(lab.one, WORLD6) == f"world:80 {ONE6}"
    assert lab.seen(lab.world, TWO) == f"two:80 {WORLD}"
    apply(lab.host, NETWORK, state="absent")
    assert_same(before, lab.host.snapshot())


def test_bad_input_touches_nothing(lab: Lab) -> None:
    before = lab.host.snapshot()
    far = {"interface": "vif1.0", "addresses": ["10.0.0.200", "10.9.0.1"]}
    answer = run(
        lab.host, {"name": "a", "point_to_point": True, "sources": ["10.0.0.0/24"], "guests": [far]}, {"name": "b", "point_to_point": True}
    )
    assert [problem.partition(";")[0] for problem in answer.problems] == [
        "networks[0].guests: 10.0.0.200 has no router: that is its own address with 127 more in the last octet",
        "networks[0].guests: 10.9.0.1 is outside 10.0.0.0/24",
    ]
    answer = run(
        lab.host,
        {"name": "b", "point_to_point": True},
        {"name": "c", "point_to_point": True, "bridge": "br0", "guests": [{"interface": "br/0", "addresses": []}]},
        {"name": "d", "sources": ["10.0.0.0/8"], "guests": [far]},
    )
    assert [problem.split(":")[0] for problem in answer.problems] == [
        "networks[1].guests[0].interface",
        "networks[1].guests[0].addresses",
        "networks[1].bridge",
        "networks[2].guests",
    ]
    assert_same(before, lab.host.snapshot())
