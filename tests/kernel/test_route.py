# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vnet_route between a world and guests, each alone behind an interface of the host: who reaches whom, and what does not pass."""

from __future__ import annotations

import functools
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness import Answer, Namespace, assert_same
from hosts import cable, foreign, no_waiting
from talk import ask, serve
from written import in_guide, on_page

from ansible_collections.hypervisor.vnet.plugins.module_utils.facts import host_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.follow import follow
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import FOLDER
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.routed import routed_files

HOST, WORLD = "192.0.2.1", "192.0.2.99"
HOST6, WORLD6 = "2001:db8:1::1", "2001:db8:1::99"
ONE, TWO = "192.0.2.190", "192.0.2.191"
ONE6, TWO6 = "2001:db8:1::190", "2001:db8:1::191"
N1 = {"name": "n1", "guests": [ONE, ONE6]}
N2 = {"name": "n2", "guests": [TWO, TWO6], "metric": 2}
PORT = 80


class Lab:
    """A host between a world and two guests with addresses of the host's own network."""

    def __init__(self, host: Namespace, world: Namespace, one: Namespace, two: Namespace) -> None:
        self.host, self.world, self.one, self.two = host, world, one, two

    def seen(self, who: Namespace, address: str) -> str:
        return str(who.call(functools.partial(ask, address, PORT)))

    def silent(self, who: Namespace, address: str) -> bool:
        return not who.call(functools.partial(ask, address, PORT, limit=0.3))


def plug(host: Namespace, guest: Namespace, name: str, *addresses: str, router6: str = HOST6) -> None:
    """A veth, as a vif is one. The guest believes that all of its network is beside it."""
    far = f"/proc/{os.getpid()}/fd/{guest.net}"
    host.ip(f"link add {name} type veth peer name eth0 netns {far}\nlink set {name} up")
    lines = [f"address add {address} {'nodad ' if ':' in address else ''}dev eth0" for address in addresses]
    guest.ip("\n".join(["link set eth0 up", *lines, "route add default via 192.0.2.99"]))
    guest.ip(f"route add {router6}/128 dev eth0\nroute add default via {router6} dev eth0", family="-6")


@pytest.fixture
def lab(empty: Namespace, world: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    one, two = (Namespace(str(tmp_path_factory.mktemp("guest"))) for _number in range(2))
    for namespace in (empty, world, one, two):
        no_waiting(namespace)
    foreign(empty)
    empty.sysctl("net/ipv4/ip_forward", "0")
    cable(empty, world)
    empty.ip(f"address add {HOST}/24 dev eth0\naddress add {HOST6}/64 nodad dev eth0\nroute add default via {WORLD}")
    world.ip(f"address add {WORLD}/24 dev eth0\naddress add {WORLD6}/64 nodad dev eth0")
    plug(empty, one, "n1", f"{ONE}/24", f"{ONE6}/128")
    plug(empty, two, "n2", f"{TWO}/24", f"{TWO6}/128")
    for name, namespace in (("host", empty), ("world", world), ("one", one), ("two", two)):
        namespace.settle()
        namespace.start(functools.partial(serve, name, (PORT,)))
    yield Lab(empty, world, one, two)
    one.close()
    two.close()


def run(host: Namespace, *routes: dict[str, Any], **options: Any) -> Answer:
    return host.module("vnet_route", routes=list(routes), **options)


def apply(host: Namespace, *routes: dict[str, Any], **options: Any) -> Answer:
    """Check, do, and do again: the same diff, then nothing."""
    before = host.snapshot()
    check = run(host, *routes, check=True, **options).ok()
    assert_same(before, host.snapshot(), memory=True)
    real = run(host, *routes, **options).ok()
    assert (check.diff_bytes, check.changed, check.commands) == (real.diff_bytes, real.changed, real.commands)
    again = run(host, *routes, **options).ok()
    assert (again.changed, again.diff, again.commands) == (False, [], [])
    return real


def wait_for(condition: Callable[[], bool], limit: float = 10.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_guests_are_reached_as_if_they_were_beside_the_world(lab: Lab) -> None:
    before = lab.host.snapshot()
    assert lab.silent(lab.world, ONE)
    answer = apply(lab.host, N1, N2)
    assert f"ip route replace {ONE} dev n1 table main proto 119 src {HOST}" in answer.commands
    assert lab.seen(lab.world, ONE) == f"one:80 {WORLD}"
    assert lab.seen(lab.world, ONE6) == f"one:80 {WORLD6}"
    assert lab.seen(lab.one, WORLD) == f"world:80 {ONE}"
    assert lab.seen(lab.one, WORLD6) == f"world:80 {ONE6}"
    assert lab.seen(lab.one, TWO) == f"two:80 {ONE}"
    assert lab.seen(lab.two, ONE6) == f"one:80 {TWO6}"
    assert lab.seen(lab.one, HOST) == f"host:80 {ONE}"
    assert lab.seen(lab.host, ONE) == f"one:80 {HOST}"
    # The one that is removed is gone, and takes nothing of the other's along.
    apply(lab.host, N1, state="absent")
    assert lab.silent(lab.world, ONE) and lab.seen(lab.world, TWO6) == f"two:80 {WORLD6}"
    apply(lab.host, prune=True, allow_empty=True)
    assert_same(before, lab.host.snapshot())


def watch(who: Namespace, *matches: str) -> None:
    """Count what comes in, for each match by itself."""
    rules = "".join(f"add rule inet seen input {match} counter\n" for match in matches)
    chain = "add chain inet seen input { type filter hook input priority 0; }"
    who.run("nft", "-f", "-", stdin=f"add table inet seen\n{chain}\n{rules}")


def came(who: Namespace) -> list[bool]:
    """Of each match: has anything come?"""
    listed = who.run("nft", "list", "table", "inet", "seen").stdout
    return [int(packets) > 0 for packets in re.findall(r"counter packets (\d+)", listed)]


def send(who: Namespace, source: str, target: str) -> None:
    """A datagram that nobody may answer."""

    def function() -> None:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as mouth:
            mouth.bind((source, 0))
            for _dummy in range(3):
                mouth.sendto(b"x", (target, PORT))

    who.call(function)


def test_nothing_else_passes(lab: Lab) -> None:
    apply(lab.host, N1, N2)
    # A neighbour's address, one that nobody has, and one to which the host itself would answer elsewhere.
    lies = (TWO, "192.0.2.222", "10.8.0.9", TWO6)
    sources = [f"ip6 saddr {text}" if ":" in text else f"ip saddr {text}" for text in (*lies, ONE, ONE6)]
    for namespace in (lab.world, lab.host):
        watch(namespace, *sources)
    for text in lies:
        lab.one.ip(f"address add {text} dev eth0 {'nodad' if ':' in text else ''}")
    for source in (*lies, ONE, ONE6):
        send(lab.one, source, WORLD6 if ":" in source else WORLD)
        send(lab.one, source, HOST6 if ":" in source else HOST)
    # What it may send comes last, and has come.
    wait_for(lambda: all((*came(lab.world)[-2:], *came(lab.host)[-2:])))
    assert came(lab.world) == came(lab.host) == [*(False for _lie in lies), True, True]
    # What has a way to it by others' routes is not let out, nor let in.
    lab.host.ip("route add 198.51.100.7/32 dev n2")
    lab.two.ip("address add 198.51.100.7/32 dev eth0")
    lab.world.ip(f"route add 198.51.100.7/32 via {HOST}")
    watch(lab.two, "ip daddr 198.51.100.7", f"ip daddr {TWO}")
    lab.world.run("nft", "add", "rule", "inet", "seen", "input", "ip", "saddr", "198.51.100.7", "counter")
    send(lab.world, WORLD, "198.51.100.7")
    send(lab.two, "198.51.100.7", WORLD)
    assert lab.seen(lab.world, TWO)
    assert came(lab.two) == [False, True] and not came(lab.world)[-1]
    # Nor is a guest the host's router.
    assert lab.host.sysctl("net/ipv6/conf/n1/accept_ra") == "0"


def test_routes_and_networks_of_a_whole_host(lab: Lab) -> None:
    before = lab.host.snapshot()
    network = {"name": "own", "layout": "route", "point_to_point": True, "proxy_arp": True}
    networks = [{**network, "guests": [{"interface": "n2", "addresses": [TWO, TWO6]}]}]
    assert lab.host.module("vnet_host", networks=networks, routes=[N1]).ok().changed
    assert lab.seen(lab.world, ONE6) == f"one:80 {WORLD6}" and lab.seen(lab.world, TWO) == f"two:80 {WORLD}"
    assert lab.seen(lab.two, ONE) == f"one:80 {TWO}"
    # Who speaks of networks alone leaves routes alone.
    assert not lab.host.module("vnet_host", networks=networks, prune=True).ok().changed
    assert not lab.host.module("vnet_host", networks=networks, routes=[N1], prune=True).ok().changed
    assert lab.host.module("vnet_host", networks=networks, state="absent").ok().changed
    assert lab.seen(lab.world, ONE) and lab.silent(lab.world, TWO)
    assert lab.host.module("vnet_host", networks=[], routes=[], prune=True, allow_empty=True).ok().changed
    assert_same(before, lab.host.snapshot())


def test_a_subnet_behind_a_bridge_and_routes_by_routers(lab: Lab) -> None:
    lab.host.ip("link add routed0 type bridge\nlink set routed0 up\naddress add 10.97.0.1/24 dev routed0")
    lab.host.ip("link set n2 master routed0")
    lab.two.ip("address flush dev eth0\naddress add 10.97.0.2/24 dev eth0\nroute replace default via 10.97.0.1")
    lab.world.ip(f"route add 10.97.0.0/24 via {HOST}\nroute add 10.50.0.0/16 via {HOST}")
    before = lab.host.snapshot()
    office = {"name": "office", "interface": "eth0", "subnets": ["10.60.0.0/16"], "via": WORLD}
    behind = {"name": "behind", "interface": "routed0", "subnets": ["10.50.0.0/16"], "via": "10.97.0.2", "metric": 7}
    apply(lab.host, {"name": "routed0"}, office, behind)
    assert lab.seen(lab.world, "10.97.0.2") == f"two:80 {WORLD}"
    lab.two.ip("address add 10.50.0.1/32 dev eth0")
    assert lab.seen(lab.world, "10.50.0.1") == f"two:80 {WORLD}"
    assert f"10.60.0.0/16 via {WORLD} dev eth0 proto 119" in lab.host.run("ip", "route").stdout
    # What a router elsewhere sends is not the business of the filter.
    apply(lab.host, {"name": "routed0"}, office, behind, state="absent")
    assert_same(before, lab.host.snapshot())


def test_a_part_of_the_hosts_network_behind_a_bridge(lab: Lab) -> None:
    lab.host.ip("link add routed1 type bridge\nlink set routed1 up\nlink set n1 master routed1\naddress add 192.0.2.129/28 dev routed1")
    lab.one.ip("address flush dev eth0\naddress add 192.0.2.130/28 dev eth0\nroute replace default via 192.0.2.129")
    apply(lab.host, {"name": "routed1", "proxy_arp": True})
    assert lab.seen(lab.world, "192.0.2.130") == f"one:80 {WORLD}"


def test_drift_is_told_and_mended(lab: Lab) -> None:
    apply(lab.host, N1, N2)
    lab.host.ip(f"route del {ONE} dev n1 proto 119\nneigh del proxy {TWO6} dev eth0\naddress del {HOST6}/128 dev n2")
    lab.host.sysctl("net/ipv4/conf/n1/proxy_arp", "0")
    lab.host.run("nft", "delete", "table", "inet", "vnet_route")
    assert {item["state"] for item in lab.host.call(lambda: host_facts(Machine()))["routed"]} == {"BROKEN"}
    assert run(lab.host, N1, N2).ok().changed
    assert lab.seen(lab.world, ONE) and lab.seen(lab.world, TWO6) and lab.seen(lab.one, TWO)
    assert not run(lab.host, N1, N2).ok().changed


def test_an_interface_gets_its_routes_whenever_it_appears(lab: Lab) -> None:
    """What the unit runs, on the files that it has."""
    apply(lab.host, N1, N2)
    applied = applied_from_text(lab.host.read("/var/lib/hypervisor-vnet/applied.json"))
    for path, file in routed_files(item.routed for item in applied.routes.values()).items():
        if path.startswith(FOLDER):
            lab.host.write(path, file.content)
    lab.host.ip("link del n1")
    lab.host.ip(f"neigh del proxy {ONE6} dev eth0")
    lab.host.start(lambda: follow(Machine()))
    wait_for(lambda: f"{TWO6} dev n2" in lab.host.run("ip", "-6", "route").stdout)
    # As Xen's scripts do: it comes under another name, and is called as declared before it is brought up.
    far = f"/proc/{os.getpid()}/fd/{lab.one.net}"
    lab.host.ip(f"link add vif1.0 type veth peer name eth0 netns {far}\nlink set vif1.0 name n1\nlink set n1 up")
    lab.one.ip(f"link set eth0 up\naddress add {ONE}/24 dev eth0\naddress add {ONE6}/128 nodad dev eth0\nroute add default via {WORLD}")
    lab.one.ip(f"route add {HOST6}/128 dev eth0\nroute add default via {HOST6} dev eth0", family="-6")
    assert lab.seen(lab.world, ONE) == f"one:80 {WORLD}" and lab.seen(lab.world, ONE6) == f"one:80 {WORLD6}"
    assert lab.seen(lab.one, TWO) == f"two:80 {ONE}"
    # Down and up, or taken by a network manager.
    for lines in ("link set n1 down\nlink set n1 up", "route flush dev n1\naddress flush dev n1", "link set eth0 down\nlink set eth0 up"):
        lab.host.ip(lines)
        wait_for(lambda: ONE6 in lab.host.run("ip", "neigh", "show", "proxy").stdout)
        wait_for(
            lambda: f"{ONE} dev n1" in lab.host.run("ip", "route").stdout and f"{ONE6} dev n1" in lab.host.run("ip", "-6", "route").stdout
        )
    assert lab.seen(lab.one, TWO6) == f"two:80 {ONE6}"
    # It does not answer to itself for ever.
    lab.host.settle()
    watched = lab.host.run("timeout", "1", "ip", "monitor", "route", "address", "link", check=False).stdout
    assert watched == ""
    lab.host.ip("link del n1")
    wait_for(lambda: ONE not in lab.host.run("ip", "neigh", "show", "proxy").stdout)


def test_bad_input_touches_nothing(lab: Lab) -> None:
    run(lab.host, N2, owner="others").ok()
    before = lab.host.snapshot()
    answer = run(
        lab.host,
        {"name": "a", "guests": ["192.0.2.300", "fe80::1", "224.0.0.1"], "metric": -1},
        {"name": "b", "subnets": ["10.0.0.1/8", "10.1.0.0/16"], "via": "2001:db8::1", "guests": ["10.9.9.9"]},
        {"name": "b", "interface": "a/b", "subnets": ["2001:db8::/64"], "proxy_arp": True},
        {"name": "c", "guests": ["10.9.9.9"], "source": ["10.0.0.1", "10.0.0.2"], "uplink": "c"},
        {"name": "d", "uplink": "eth0", "via": "10.0.0.1"},
    )
    assert [problem.split(":")[0] for problem in answer.problems] == [
        *(f"routes[0].guests[{at}]" for at in range(3)),
        "routes[0].metric",
        "routes[1].subnets[0]",
        "routes[1].guests",
        "routes[1].subnets",
        "routes[2].interface",
        "routes[2].subnets",
        "routes[3].source",
        "routes[3].uplink",
        "routes[4].subnets",
        "routes[4].uplink",
        "routes[2].name",
        "routes[3].guests[0]",
    ]
    lab.host.ip(f"route add {ONE}/32 dev eth0")
    assert run(lab.host, N1).problems == [
        f"routes[0]: the host has a route of others to {ONE} already, through eth0; take that away, or say another metric"
    ]
    lab.host.ip(f"route del {ONE}/32 dev eth0")
    lab.host.ip("link add br7 type bridge\nlink set n1 master br7")
    assert [problem.split(":")[0] for problem in run(lab.host, N2).problems] == ["routes[0].name"]
    answer = run(lab.host, N1, {"name": "x", "guests": [TWO], "interface": "n1"}, {"name": "y", "guests": [HOST]}, {"name": "br7"})
    assert [problem.split(":")[0] for problem in answer.problems] == [
        "routes[1].guests[0]",
        "routes[0].name",
        "routes[1].interface",
        "routes[3]",
        "routes[2].guests[0]",
    ]
    lab.host.ip("link del br7")
    assert_same(before, lab.host.snapshot())


def test_the_examples_of_the_page_and_the_guide_run(lab: Lab) -> None:
    lab.host.ip("link add routed0 type bridge\naddress add 10.97.0.1/24 dev routed0")
    found = [*on_page("vnet_route"), *in_guide("guide_route.rst", "vnet_route")]
    tasks = [task for task in found if task.get("state") != "absent"]
    assert len(tasks) >= 6
    for task in tasks:
        assert run(lab.host, *task["routes"], check=True).ok().changed, task
