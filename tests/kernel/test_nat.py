# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vnet_nat between a world and guests: who reaches whom, and seen from which address."""

from __future__ import annotations

import functools
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from harness import Answer, Namespace, assert_same
from hosts import cable, foreign, no_waiting
from talk import Talk, ask, serve
from written import in_guide, on_page

from ansible_collections.hypervisor.vnet.plugins.module_utils.facts import host_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

FOUR = {"name": "vnat0"}
SSH = {"port": "5022", "to": "10.0.0.1", "to_port": "22"}
PUBLIC, PUBLIC6 = "192.0.2.1", "2001:db8:1::1"
PORTS = (22, 53, 80, 81, 82, 5022)


class Lab:
    """A host between a world, two guests on vnat0 and one on vnat1."""

    def __init__(self, host: Namespace, world: Namespace, guests: list[Namespace]) -> None:
        self.host, self.world = host, world
        self.one, self.two, self.three = guests

    def seen(self, who: Namespace, address: str, port: int, protocol: str = "tcp", **more: Any) -> str:
        return str(who.call(functools.partial(ask, address, port, protocol, **more)))

    def silent(self, who: Namespace, address: str, port: int, protocol: str = "tcp") -> bool:
        return not self.seen(who, address, port, protocol, limit=0.3)


def plug(host: Namespace, guest: Namespace, bridge: str, number: int, *addresses: str) -> None:
    far = f"/proc/{os.getpid()}/fd/{guest.net}"
    host.ip(f"link add vif{number} type veth peer name eth0 netns {far}\nlink set vif{number} master {bridge} up")
    lines = ["link set eth0 up", *(f"address add {address} {'nodad ' if ':' in address else ''}dev eth0" for address in addresses)]
    router = addresses[0].rpartition(".")[0] + ".254"
    guest.ip("\n".join([*lines, f"route add default via {router}"]))


@pytest.fixture
def lab(empty: Namespace, world: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    guests = [Namespace(str(tmp_path_factory.mktemp("guest"))) for _number in range(3)]
    for namespace in (empty, world, *guests):
        no_waiting(namespace)
    foreign(empty)
    empty.sysctl("net/ipv4/ip_forward", "0")
    empty.sysctl("net/ipv4/conf/eth1/proxy_arp", "1")
    cable(empty, world)
    empty.ip(f"address add {PUBLIC}/24 dev eth0\naddress add {PUBLIC6}/64 nodad dev eth0\nroute add default via 192.0.2.99")
    world.ip("address add 192.0.2.99/24 dev eth0\naddress add 2001:db8:1::99/64 nodad dev eth0")
    for name, addresses in (("vnat0", ("10.0.0.254/16", "2001:db8:98::ff/64")), ("vnat1", ("10.1.0.254/16",))):
        empty.ip(f"link add {name} type bridge\nlink set {name} up")
        empty.ip("\n".join(f"address add {address} {'nodad ' if ':' in address else ''}dev {name}" for address in addresses))
    plug(empty, guests[0], "vnat0", 1, "10.0.0.1/16", "2001:db8:98::1/64")
    plug(empty, guests[1], "vnat0", 2, "10.0.0.2/16", "2001:db8:98::2/64")
    plug(empty, guests[2], "vnat1", 3, "10.1.0.3/16")
    for guest in guests[:2]:
        guest.ip("route add default via 2001:db8:98::ff", family="-6")
    for namespace in (empty, world, *guests):
        namespace.settle()
    for name, namespace in (("host", empty), ("world", world), ("one", guests[0]), ("two", guests[1]), ("three", guests[2])):
        namespace.start(functools.partial(serve, name, PORTS))
    yield Lab(empty, world, guests)
    for guest in guests:
        guest.close()


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


def test_guests_reach_the_world_and_all_is_taken_back(lab: Lab) -> None:
    before = lab.host.snapshot()
    assert lab.silent(lab.one, "192.0.2.99", 80)
    apply(lab.host, FOUR, {"name": "vnat1"})
    assert lab.seen(lab.one, "192.0.2.99", 80) == f"world:80 {PUBLIC}"
    assert lab.seen(lab.three, "192.0.2.99", 80, "udp") == f"world:80 {PUBLIC}"
    assert lab.seen(lab.three, "10.0.0.1", 80) == "one:80 10.1.0.3"
    # A port that only root may have is not passed on.
    _who, address, port = lab.seen(lab.one, "192.0.2.99", 80, source_port=700).split()
    assert address == PUBLIC and int(port) >= 1024
    assert lab.host.sysctl("net/ipv4/conf/all/accept_redirects") == before.sysctls["net/ipv4/conf/all/accept_redirects"]
    assert lab.host.sysctl("net/ipv6/conf/all/forwarding") == "0"
    apply(lab.host, {"name": "vnat1"}, state="absent")
    assert lab.silent(lab.three, "192.0.2.99", 81)
    apply(lab.host, prune=True, allow_empty=True)
    assert_same(before, lab.host.snapshot())


@pytest.mark.parametrize("bridged", ["0", "1"])
def test_a_forward_works_for_everybody(lab: Lab, bridged: str) -> None:
    """Also where br_netfilter has frames between guests translated."""
    lab.host.sysctl("net/bridge/bridge-nf-call-iptables", bridged)
    apply(lab.host, {**FOUR, "forwards": [SSH]}, {"name": "vnat1"})
    assert lab.seen(lab.world, PUBLIC, 5022) == "one:22 192.0.2.99"
    assert lab.seen(lab.two, PUBLIC, 5022) == "one:22 10.0.0.254"
    if bridged == "0":
        # A bridge sends no frame back by the port that it came in by.
        assert lab.seen(lab.one, PUBLIC, 5022) == "one:22 10.0.0.254"
    assert lab.seen(lab.three, PUBLIC, 5022) == "one:22 10.1.0.3"
    assert lab.seen(lab.host, PUBLIC, 5022).split()[0] == "one:22"
    # Neither the host's loopback, nor where guests find the host's own services, nor other ports and protocols.
    assert lab.seen(lab.host, "127.0.0.1", 5022) == "host:5022 127.0.0.1"
    assert lab.seen(lab.two, "10.0.0.254", 5022) == "host:5022 10.0.0.2"
    assert lab.seen(lab.world, PUBLIC, 22) == "host:22 192.0.2.99"
    assert lab.seen(lab.world, PUBLIC, 5022, "udp") == "host:5022 192.0.2.99"


def test_forwards_are_told_apart(lab: Lab) -> None:
    lab.host.ip("address add 192.0.2.7/24 dev eth0")
    lab.world.ip("address add 192.0.2.98/24 dev eth0")
    forwards = [
        {"port": "9080-9082", "to": "10.0.0.1", "to_port": "80-82", "protocol": "both"},
        {"port": "9080", "to": "10.0.0.2", "to_port": "81", "listen_address": "192.0.2.7"},
        {"port": "9090", "to": "10.0.0.1", "to_port": "80", "from": ["192.0.2.98/32"]},
        {"port": "9090", "to": "10.0.0.2", "to_port": "80", "from": ["192.0.2.0/24"]},
        {"port": "9091", "to": "10.0.0.2", "to_port": "80", "listen_interface": "eth0"},
        {"port": "9092", "to": "10.0.0.2", "to_port": "82", "listen_interface": "eth1"},
        {"port": "53", "to": "10.0.0.2", "protocol": "udp"},
    ]
    apply(lab.host, {**FOUR, "forwards": forwards})
    assert [lab.seen(lab.world, PUBLIC, port) for port in (9080, 9082)] == ["one:80 192.0.2.99", "one:82 192.0.2.99"]
    assert lab.seen(lab.world, PUBLIC, 9081, "udp") == "one:81 192.0.2.99"
    assert lab.seen(lab.world, "192.0.2.7", 9080) == "two:81 192.0.2.99"
    assert lab.seen(lab.world, "192.0.2.7", 9080, "udp") == "one:80 192.0.2.99"
    assert lab.seen(lab.world, PUBLIC, 9090) == "two:80 192.0.2.99"
    lab.world.ip("route add 192.0.2.1/32 dev eth0 src 192.0.2.98")
    assert lab.seen(lab.world, PUBLIC, 9090) == "one:80 192.0.2.98"
    assert lab.seen(lab.world, PUBLIC, 9091) == "two:80 192.0.2.98"
    assert lab.silent(lab.two, PUBLIC, 9091) and lab.silent(lab.world, PUBLIC, 9092)
    assert lab.seen(lab.world, PUBLIC, 53, "udp") == "two:53 192.0.2.98"
    assert lab.seen(lab.one, "10.0.0.254", 53, "udp") == "host:53 10.0.0.1"


def test_ipv6(lab: Lab) -> None:
    before = lab.host.snapshot()
    to = "2001:db8:98::1"
    apply(lab.host, {**FOUR, "nat66": True, "forwards": [{"port": "5022", "to": to, "to_port": "22", "protocol": "both"}]})
    assert lab.seen(lab.one, "2001:db8:1::99", 80) == f"world:80 {PUBLIC6}"
    assert lab.seen(lab.world, PUBLIC6, 5022) == "one:22 2001:db8:1::99"
    assert lab.seen(lab.world, PUBLIC6, 5022, "udp") == "one:22 2001:db8:1::99"
    assert lab.seen(lab.two, PUBLIC6, 5022) == "one:22 2001:db8:98::ff"
    assert lab.seen(lab.host, PUBLIC6, 5022).split()[0] == "one:22"
    apply(lab.host, FOUR, state="absent")
    assert_same(before, lab.host.snapshot())


def test_sources_and_what_keeps_its_own(lab: Lab) -> None:
    lab.host.ip("address add 192.0.2.20/24 dev eth0\naddress add 192.0.2.10/24 dev eth0")
    lab.world.ip("route add 10.0.0.0/15 via 192.0.2.1\naddress add 198.51.100.1/24 dev eth0")
    network = {**FOUR, "snat": "192.0.2.20", "one_to_one": [{"address": "192.0.2.10", "to": "10.0.0.2"}], "no_nat_to": ["198.51.100.0/24"]}
    apply(lab.host, network, {"name": "vnat1", "uplink": "eth1"})
    assert lab.seen(lab.one, "192.0.2.99", 80) == "world:80 192.0.2.20"
    assert lab.seen(lab.two, "192.0.2.99", 80) == "world:80 192.0.2.10"
    assert lab.seen(lab.world, "192.0.2.10", 81, "udp") == "two:81 192.0.2.99"
    assert lab.seen(lab.one, "198.51.100.1", 80) == "world:80 10.0.0.1"
    assert lab.seen(lab.three, "192.0.2.99", 80) == "world:80 10.1.0.3"
    apply(lab.host, {**network, "snat": "192.0.2.1", "nat_ports": "30000-30009"}, {"name": "vnat1", "masquerade": False})
    _who, address, port = lab.seen(lab.one, "192.0.2.99", 80, source_port=4000).split()
    assert address == PUBLIC and 30000 <= int(port) <= 30009
    assert lab.seen(lab.three, "192.0.2.99", 81) == "world:81 10.1.0.3"


def test_one_forward_changes_and_the_others_do_not_feel_it(lab: Lab) -> None:
    many = [{"port": str(port), "to": "10.0.0.2", "to_port": "81"} for port in range(10000, 11000)]
    apply(lab.host, {**FOUR, "forwards": [SSH, {"port": "9080", "to": "10.0.0.1", "to_port": "80"}, *many]})
    kept, stale = (lab.world.start(functools.partial(keeps_talking, PUBLIC, port)) for port in (9080, 5022))
    wait_for(lambda: lab.world.call(lambda: os.path.exists("/run/9080") and os.path.exists("/run/5022")))
    answer = apply(lab.host, {**FOUR, "forwards": [{**SSH, "to": "10.0.0.2"}, {"port": "9080", "to": "10.0.0.1", "to_port": "80"}, *many]})
    transaction, *forget = answer.commands
    assert transaction.splitlines()[1:-1] == [
        "delete element inet vnet_nat forward4 { 6 . 5022 : 10.0.0.1 . 22 }",
        "add element inet vnet_nat forward4 { 6 . 5022 : 10.0.0.2 . 22 }",
    ]
    assert forget == ["conntrack -D -f ipv4 -p tcp --orig-port-dst 5022 --reply-src 10.0.0.1 --reply-port-src 22"]
    lab.world.write("/run/stop", "")
    assert (kept.value(), stale.value()) == ("one:80 192.0.2.99", "")
    assert lab.seen(lab.world, PUBLIC, 5022) == "two:22 192.0.2.99"


def keeps_talking(address: str, port: int) -> str:
    """Ask until told to stop, then once more."""
    talk = Talk(address, port)
    first = talk.ask()
    with open(f"/run/{port}", "w", encoding="ascii") as file:
        file.write(first)
    end = time.monotonic() + 60
    while not os.path.exists("/run/stop") and time.monotonic() < end:
        time.sleep(0.01)
    return talk.ask().rpartition(" ")[0]


def wait_for(condition: Any, limit: float = 10.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_a_sender_that_was_there_before_its_forward_reaches_it(lab: Lab) -> None:
    apply(lab.host, FOUR)
    assert lab.seen(lab.world, PUBLIC, 5022, "udp", source_port=6000) == "host:5022 192.0.2.99 6000"
    other = lab.seen(lab.one, "192.0.2.99", 5022, "udp", source_port=6001)
    apply(lab.host, {**FOUR, "forwards": [{**SSH, "protocol": "udp"}]})
    assert lab.seen(lab.world, PUBLIC, 5022, "udp", source_port=6000) == "one:22 192.0.2.99 6000"
    assert lab.seen(lab.one, "192.0.2.99", 5022, "udp", source_port=6001) == other
    apply(lab.host, FOUR)
    assert lab.seen(lab.world, PUBLIC, 5022, "udp", source_port=6000) == "host:5022 192.0.2.99 6000"


def advertise() -> None:
    """One router advertisement (RFC 4861, 4.2) for a default route and the prefix 2001:db8:a::/64."""
    prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 3600, 1800, 0, socket.inet_pton(socket.AF_INET6, "2001:db8:a::"))
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        # The kernel fills in the checksum.
        sender.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))


def test_an_uplink_by_router_advertisements_keeps_its_way_out(lab: Lab) -> None:
    """The kernel takes such routes away when it begins to forward, and hears of no new ones, unless the uplink says otherwise first."""

    def way_out() -> bool:
        return any(route.get("dst") == "default" and route.get("protocol") == "ra" for route in lab.host.json("-6", "route", "show"))

    lab.world.call(advertise)
    wait_for(way_out)
    lab.host.settle()
    before = lab.host.snapshot()
    run(lab.host, {**FOUR, "nat66": True}, check=True).ok()
    assert_same(before, lab.host.snapshot(), memory=True)
    run(lab.host, {**FOUR, "nat66": True}).ok()
    assert way_out() and lab.host.sysctl("net/ipv6/conf/eth0/accept_ra") == "2"
    assert not run(lab.host, {**FOUR, "nat66": True}).ok().changed
    lab.host.ip("route del default proto ra", family="-6")
    lab.world.call(advertise)
    wait_for(way_out)
    run(lab.host, FOUR, state="absent").ok()
    assert_same(before, lab.host.snapshot())


def test_every_set_and_map_comes_and_goes(lab: Lab) -> None:
    sides = (("10.0.0.1", "192.0.2.6", "198.51.100.0/24"), ("2001:db8:98::1", "2001:db8::6", "2001:db8:51::/64"))
    full = {
        **FOUR,
        "nat66": True,
        "uplink": "eth0",
        # Which nft shows as the network 192.0.2.8/31.
        "snat": "192.0.2.8-192.0.2.9",
        "no_nat_to": ["198.18.0.0/15", "2001:db8:20::/48"],
        "one_to_one": [{"address": "192.0.2.7", "to": "10.0.0.1"}, {"address": "2001:db8::7", "to": "2001:db8:98::1"}],
        "forwards": [
            {"port": "81-82", "to": to, "protocol": "both", "listen_address": here, "listen_interface": "eth0", "from": [source]}
            for to, here, source in sides
        ],
    }
    plain = {**FOUR, "forwards": [SSH]}
    for network in (plain, full, {**full, "snat": "192.0.2.8-192.0.2.10", "forwards": []}, full, plain):
        assert apply(lab.host, network).changed
    lab.host.run(
        "nft", "add", "rule", "inet", "vnet_nat", "postrouting", "snat", "ip", "to", "numgen", "inc", "mod", "2", "map", "{0:192.0.2.1}"
    )
    assert apply(lab.host, plain).changed


def test_what_is_flushed_is_told_and_repaired(lab: Lab) -> None:
    def state() -> str:
        return str(lab.host.call(lambda: host_facts(Machine())["nat"])[0]["state"])

    network = {**FOUR, "forwards": [SSH], "nat66": True, "snat": "192.0.2.1"}
    run(lab.host, network).ok()
    assert state() == "active"
    lab.host.run("nft", "add", "rule", "inet", "vnet_nat", "custom_prerouting", "counter")
    assert not run(lab.host, network).ok().changed
    for damage in (
        "delete table inet vnet_nat",
        "flush chain inet vnet_nat postrouting",
        "flush map inet vnet_nat forward4",
        "add element inet vnet_nat forward4 { 6 . 7 : 10.0.0.9 . 7 }",
        "add rule inet vnet_nat leave0 snat ip to 192.0.2.77",
    ):
        lab.host.run("nft", *damage.split())
        assert state() == "BROKEN", damage
        assert apply(lab.host, network).changed
        assert state() == "active"


def test_a_change_that_fails_is_undone(lab: Lab) -> None:
    """Another set of the name that the change would make: the kernel refuses the transaction."""
    apply(lab.host, {**FOUR, "forwards": [SSH]})
    lab.host.run("nft", "-f", "-", stdin="table inet vnet_nat { set no_nat4_24 { type ether_addr; }; }")
    before = lab.host.snapshot()
    assert "was undone" in run(lab.host, {**FOUR, "no_nat_to": ["10.9.9.0/24"]}).failed()
    assert_same(before, lab.host.snapshot())
    assert lab.seen(lab.world, PUBLIC, 5022) == "one:22 192.0.2.99"


@pytest.mark.parametrize("first", ["antispoof", "vnet_nat"])
def test_the_boot_ruleset_goes_with_the_last_kind_that_has_tables(lab: Lab, first: str) -> None:
    host, keep = lab.host, {"persist": "auto"}
    modules = {
        "antispoof": {"guards": [{"interface": "vif1", "mac": "00:16:3e:00:00:01", "addresses": ["10.0.0.1"]}]},
        "vnet_nat": {"networks": [{**FOUR, "nat66": True}]},
    }
    kept = {"antispoof": "guards.nft", "vnet_nat": "nat.nft"}
    host.run("mkdir", "-p", "/etc/systemd/system")
    before = host.snapshot()
    for name, options in modules.items():
        host.module(name, **keep, **options).ok()
        assert not host.module(name, **keep, **options).ok().changed
    assert "net.ipv4.ip_forward = 1" in host.read("/etc/sysctl.d/60-hypervisor-vnet.conf")
    table = host.run("nft", "list", "table", "inet", "vnet_nat").stdout
    host.run("nft", "delete", "table", "inet", "vnet_nat")
    # As the unit does at boot, and when nftables' own are loaded.
    host.run("nft", "-f", "/etc/hypervisor-vnet/nftables.conf")
    assert host.run("nft", "list", "table", "inet", "vnet_nat").stdout == table
    second = next(name for name in modules if name != first)
    host.module(first, state="absent", **keep, **modules[first]).ok()
    assert host.run("ls", "/etc/hypervisor-vnet/nftables.d").stdout.split() == [kept[second]]
    host.read("/etc/systemd/system/hypervisor-vnet-nftables.service")
    assert host.run("ls", "/etc/sysctl.d").stdout.split() == (["60-hypervisor-vnet.conf"] if second == "vnet_nat" else [])
    host.module(second, state="absent", **keep, **modules[second]).ok()
    assert_same(before, host.snapshot())


def test_the_examples_of_the_page_and_the_guide_run(lab: Lab) -> None:
    found = [*on_page("vnet_nat"), *in_guide("guide_nat.rst", "vnet_nat")]
    tasks = [task for task in found if task.get("state") != "absent"]
    assert len(tasks) == 9
    for task in tasks:
        networks = [{**network, "forwards": [as_typed(item) for item in network.get("forwards", [])]} for network in task["networks"]]
        assert run(lab.host, *networks, check=True).ok().changed, task


def as_typed(item: dict[str, Any]) -> dict[str, Any]:
    """Ansible hands numbers on as the text that the option wants."""
    return {key: str(value) if isinstance(value, int) else value for key, value in item.items()}


def test_bad_input_touches_nothing(lab: Lab) -> None:
    run(lab.host, {"name": "vnat1", "forwards": [{"port": "7000", "to": "10.1.0.3"}]}, owner="others").ok()
    before = lab.host.snapshot()
    answer = run(
        lab.host,
        {
            **FOUR,
            "forwards": [{"port": "1-2", "to": "10.0.0.1", "to_port": "1-3"}, {"port": "80", "to": "10.0.0.1", "from": ["2001:db8::/32"]}],
        },
    )
    assert [problem.split(":")[0] for problem in answer.problems] == ["networks[0].forwards[0].to_port", "networks[0].forwards[1].from"]
    answer = run(
        lab.host,
        {**FOUR, "forwards": [{"port": "80", "to": "10.9.9.9"}, {"port": "7000", "to": "10.0.0.1"}]},
        {"name": "vnat1"},
        {"name": "vnat2", "sources": ["10.0.128.0/17"]},
        {"name": "vnat3"},
    )
    assert answer.problems == [
        "networks[1].name: vnat1 belongs to owner 'others', not 'site'; declare it there, or remove it there first",
        "networks[0].forwards[0].to: 10.9.9.9 is outside 10.0.0.0/16 and 2001:db8:98::/64; name an address of a guest in this network",
        "networks[3].sources: nothing says which subnets vnat3 has; list its subnets, or give the bridge addresses",
        "networks[2].sources: 10.0.128.0/17 overlaps 10.0.0.0/16 of networks[0]; give each network of a host subnets of its own",
    ]
    assert_same(before, lab.host.snapshot())
