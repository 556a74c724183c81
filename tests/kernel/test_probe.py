# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probes, each against a world that answers, and against one that does not."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest
from child import Child
from harness import Namespace
from hosts import MAC, cable, no_waiting

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.probe import measure, still
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.probe import Probes

LIMIT = 1.0
MOMENT = 1.0  # what processes may take beside the waiting, on a busy machine
PATIENT = 20.0  # for what answers late
BOTH = {"gateway4": "", "gateway6": ""}
DEAD = {"gateway4": "10.1.0.1 on eth0 answers neither ARP nor ICMP", "gateway6": "2001:db8:1::1 on eth0 answers neither ND nor ICMP"}
NOBODY = "02:00:00:00:00:99"

NO_ICMP = """
table inet silence {
    chain input {
        type filter hook input priority 0
        icmp type echo-request drop
        icmpv6 type echo-request drop
    }
}
"""
NO_NEIGHBOURS = """
table arp silence {
    chain input {
        type filter hook input priority 0
        counter drop
    }
}
table inet silence6 {
    chain input {
        type filter hook input priority 0
        icmpv6 type nd-neighbor-solicit counter drop
    }
}
"""
FILTER = """
table inet filter {
    chain input {
        type filter hook input priority 0
        tcp dport 23 drop
    }
}
"""


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    """A host whose default gateways are in the world."""
    for namespace in (empty, world):
        no_waiting(namespace)
    cable(empty, world)
    world.ip("address add 10.1.0.1/24 dev eth0\naddress add 2001:db8:1::1/64 nodad dev eth0")
    empty.ip(
        """
        address add 10.1.0.2/24 dev eth0
        address add 2001:db8:1::2/64 nodad dev eth0
        route add default via 10.1.0.1 dev eth0
        route add default via 2001:db8:1::1 dev eth0
        """
    )
    empty.settle()
    world.settle()
    return empty


def measured(host: Namespace, limit: float = LIMIT, **probes: tuple[str, ...] | bool) -> dict[str, str]:
    """It must keep to its limit, and leave no thread that a later fork could trip over."""

    def function() -> tuple[dict[str, str], float, int]:
        begin = time.monotonic()
        found = measure(Machine(), Probes(**probes), limit)  # type: ignore[arg-type]
        return found, time.monotonic() - begin, threading.active_count()

    found, seconds, threads = host.call(function)
    assert seconds < limit + MOMENT
    assert threads == 1
    return dict(found)


def mislead(host: Namespace) -> None:
    """The kernel believes to know its gateways: it asks nobody, and what it sends them is lost."""
    for address in ("10.1.0.1", "2001:db8:1::1"):
        host.ip(f"neigh replace {address} lladdr {NOBODY} nud permanent dev eth0")


def start(host: Namespace, limit: float = PATIENT, **probes: tuple[str, ...] | bool) -> Child:
    return host.start(lambda: measure(Machine(), Probes(**probes), limit))  # type: ignore[arg-type]


# -- gateways


def test_gateways_answer(host: Namespace) -> None:
    begin = time.monotonic()
    assert measured(host, PATIENT) == BOTH
    assert time.monotonic() - begin < PATIENT / 2


def test_a_family_without_a_default_route_is_left_out(host: Namespace) -> None:
    host.ip("route del default", family="-6")
    assert measured(host) == {"gateway4": ""}
    host.ip("route del default", family="-4")
    assert measured(host) == {}
    none = "there is no default route"
    assert host.call(lambda: still(Machine(), ["gateway4", "gateway6"], 0.3)) == {"gateway4": none, "gateway6": none}


def test_a_default_route_may_come_late(host: Namespace) -> None:
    host.ip("route del default", family="-4")
    child = host.start(lambda: still(Machine(), ["gateway4"], PATIENT))
    assert not child.poll()
    host.ip("route add default via 10.1.0.1", family="-4")
    assert child.value() == {"gateway4": ""}


def test_gateways_can_be_left_out(host: Namespace) -> None:
    assert measured(host, gateway=False) == {}


def test_the_far_end_is_down(host: Namespace, world: Namespace) -> None:
    world.ip("link set eth0 down")
    assert measured(host) == {name: f"{why} (eth0 has no carrier)" for name, why in DEAD.items()}


def test_the_own_link_is_down(host: Namespace) -> None:
    host.ip("link set eth0 down")
    assert measured(host) == {}


def test_nobody_has_the_address(host: Namespace, world: Namespace) -> None:
    world.ip("address flush dev eth0")
    assert measured(host) == DEAD


def test_a_wrong_gateway(host: Namespace) -> None:
    host.ip("route replace default via 10.1.0.77", family="-4")
    host.ip("route replace default via 2001:db8:1::77", family="-6")
    assert measured(host) == {name: why.replace("1 on", "77 on") for name, why in DEAD.items()}


def test_neighbour_entries_of_a_dead_gateway_do_not_help(host: Namespace, world: Namespace) -> None:
    mac = world.json("link", "show", "dev", "eth0")[0]["address"]
    world.ip("address flush dev eth0")
    for address in ("10.1.0.1", "2001:db8:1::1"):
        host.ip(f"neigh replace {address} lladdr {mac} nud permanent dev eth0")
    assert measured(host) == DEAD


def test_a_gateway_that_drops_icmp(host: Namespace, world: Namespace) -> None:
    world.run("nft", "-f", "-", stdin=NO_ICMP)
    assert measured(host) == BOTH
    mislead(host)
    assert measured(host) == BOTH


def test_asked_from_the_address_that_the_route_prefers(host: Namespace, world: Namespace) -> None:
    """Routers do not answer everybody."""
    only = "table arp {0} {{\nchain input {{\ntype filter hook input priority 0\narp saddr ip != {1} drop\n}}\n}}\n"
    mislead(host)
    world.run("nft", "-f", "-", stdin=only.format("first", "10.1.0.2"))
    assert measured(host) == BOTH
    world.run("nft", "-f", "-", stdin="delete table arp first\n" + only.format("second", "10.1.0.3"))
    host.ip("address add 10.1.0.3/24 dev eth0")
    assert measured(host) == {**BOTH, "gateway4": DEAD["gateway4"]}
    host.ip("route replace default via 10.1.0.1 src 10.1.0.3", family="-4")
    assert measured(host) == BOTH


def test_a_gateway_that_answers_icmp_alone(host: Namespace, world: Namespace) -> None:
    for namespace, other, number in ((host, world, 1), (world, host, 2)):
        mac = other.json("link", "show", "dev", "eth0")[0]["address"]
        for address in (f"10.1.0.{number}", f"2001:db8:1::{number}"):
            namespace.ip(f"neigh replace {address} lladdr {mac} nud permanent dev eth0")
    world.run("nft", "-f", "-", stdin=NO_NEIGHBOURS)
    assert measured(host) == BOTH
    world.run("nft", "-f", "-", stdin=NO_ICMP)
    assert measured(host) == DEAD


def test_an_answer_that_comes_after_losses(host: Namespace, world: Namespace) -> None:
    mislead(host)
    world.run("nft", "-f", "-", stdin=NO_NEIGHBOURS)
    child = start(host)
    for table, family in (("silence", "arp"), ("silence6", "inet")):
        await_count(world, family, table)
        world.run("nft", "delete", "table", family, table)
    assert child.value() == BOTH


def await_count(world: Namespace, family: str, table: str) -> None:
    """Until something was counted there."""
    end = time.monotonic() + PATIENT
    while "packets 0 " in world.run("nft", "list", "table", family, table).stdout:
        assert time.monotonic() < end


def test_a_link_local_gateway_and_one_of_the_other_family(host: Namespace, world: Namespace) -> None:
    world.ip("address add fe80::1/64 nodad dev eth0")
    host.ip("route replace default via fe80::1 dev eth0", family="-6")
    host.ip("route replace default via inet6 fe80::1 dev eth0", family="-4")
    assert measured(host) == BOTH
    world.ip("address del fe80::1/64 dev eth0")
    why = "fe80::1 on eth0 answers neither ND nor ICMP"
    assert measured(host) == {"gateway4": why, "gateway6": why}


def test_a_gateway_outside_the_hosts_networks(host: Namespace, world: Namespace) -> None:
    """As some providers have it: a /32 address, and a gateway that is somewhere on the link."""
    world.ip("address add 172.31.1.1/32 dev eth0\nroute add 10.9.9.9/32 dev eth0")
    host.ip("route del default", family="-6")
    host.ip("address flush dev eth0\naddress add 10.9.9.9/32 dev eth0\nroute add default via 172.31.1.1 dev eth0 onlink")
    world.run("nft", "-f", "-", stdin=NO_ICMP)
    assert measured(host) == {"gateway4": ""}
    world.ip("address del 172.31.1.1/32 dev eth0")
    assert measured(host) == {"gateway4": "172.31.1.1 on eth0 answers neither ARP nor ICMP"}


def test_all_gateways_of_an_ipv4_route_and_one_of_ipv6(host: Namespace, world: Namespace) -> None:
    for family, net in (("-4", "10.1.0."), ("-6", "2001:db8:1::")):
        host.ip(f"route replace default nexthop via {net}1 dev eth0 nexthop via {net}77 dev eth0", family=family)
    assert measured(host) == {"gateway4": "10.1.0.77 on eth0 answers neither ARP nor ICMP", "gateway6": ""}
    world.ip("address add 10.1.0.77/24 dev eth0\naddress del 2001:db8:1::1/64 dev eth0")
    why = "2001:db8:1::{} on eth0 answers neither ND nor ICMP"
    assert measured(host) == {"gateway4": "", "gateway6": f"{why.format(1)}; {why.format(77)}"}


def test_of_several_default_routes_the_one_that_is_used(host: Namespace) -> None:
    host.ip("route add default via 10.1.0.77 metric 100", family="-4")
    host.ip("route add default via 2001:db8:1::77 metric 2000 dev eth0", family="-6")
    assert measured(host) == BOTH


def test_a_route_without_a_gateway_needs_its_carrier(host: Namespace, world: Namespace) -> None:
    host.ip("route replace default dev eth0", family="-4")
    host.ip("route replace default dev eth0 metric 1", family="-6")
    assert measured(host) == BOTH
    world.ip("link set eth0 down")
    assert measured(host) == dict.fromkeys(BOTH, "eth0 has no carrier")


def test_through_a_bridge(host: Namespace) -> None:
    host.bridge({"name": "xenbr0", "uplink": "eth0"}).ok()
    assert measured(host) == BOTH


def test_a_link_without_arp_is_asked_by_icmp_alone(host: Namespace, world: Namespace) -> None:
    """As tun and ppp are. Without ARP the kernel sends to the MAC of its own interface, so both ends have the same one."""
    for namespace in (host, world):
        namespace.ip(f"link set eth0 down\nlink set eth0 address {MAC} arp off\nlink set eth0 up")
    host.ip("route add default via 10.1.0.1 dev eth0", family="-4")
    host.ip("address replace 2001:db8:1::2/64 nodad dev eth0\nroute replace default via 2001:db8:1::1 dev eth0", family="-6")
    world.ip("address replace 2001:db8:1::1/64 nodad dev eth0", family="-6")
    assert measured(host) == BOTH
    world.run("nft", "-f", "-", stdin=NO_ICMP)
    assert measured(host) == {"gateway4": "10.1.0.1 on eth0 answers no ICMP", "gateway6": "2001:db8:1::1 on eth0 answers no ICMP"}


# -- TCP


@pytest.fixture
def listening(world: Namespace) -> None:
    world.start(_accept)
    end = time.monotonic() + PATIENT
    while ":2222 " not in world.run("ss", "-Hltn").stdout:
        assert time.monotonic() < end


def _accept() -> None:
    with socket.create_server(("::", 2222), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        while True:
            server.accept()[0].close()


def test_tcp(host: Namespace, world: Namespace, listening: None) -> None:
    world.run("nft", "-f", "-", stdin=FILTER)
    targets = ("10.1.0.1:2222", "[2001:db8:1::1]:2222", "10.1.0.1:22", "[2001:db8:1::1]:22", "10.1.0.1:23", "10.1.0.77:22")
    found = measured(host, gateway=False, tcp=targets)
    assert list(found) == [f"tcp {target}" for target in targets]
    assert list(found.values())[:5] == ["", "", "Connection refused", "Connection refused", "no answer"]
    assert found["tcp 10.1.0.77:22"] in ("no answer", "No route to host")


def test_tcp_without_a_route(host: Namespace) -> None:
    host.ip("route del default", family="-4")
    assert measured(host, tcp=("192.0.2.1:22",), gateway=False) == {"tcp 192.0.2.1:22": "Network is unreachable"}


def test_a_service_that_comes_late(host: Namespace, world: Namespace) -> None:
    """What was refused is asked again."""
    world.run("nft", "-f", "-", stdin=FILTER.replace("tcp dport 23 drop", "tcp dport 2222 counter"))
    child = start(host, gateway=False, tcp=("10.1.0.1:2222",))
    await_count(world, "inet", "filter")
    world.start(_accept)
    assert child.value() == {"tcp 10.1.0.1:2222": ""}


# -- DNS


def _answer_names(lose: int = 0) -> None:
    """A DNS server that knows yes.test (A 10.1.0.1) alone and says nothing to the first ``lose`` questions."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("10.1.0.1", 53))
        while True:
            query, client = server.recvfrom(512)
            if lose > 0:
                lose -= 1
                continue
            # The question begins behind 12 octets of header and ends with type and class (RFC 1035, section 4).
            end = query.index(b"\0", 12) + 5
            known, wants_a = query[12:end].startswith(b"\3yes\4test\0"), query[end - 4 : end - 2] == b"\0\1"
            answer = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, socket.inet_aton("10.1.0.1")) if known and wants_a else b""
            flags = 0x8180 if known else 0x8183
            server.sendto(query[:2] + struct.pack("!HHHHH", flags, 1, bool(answer), 0, 0) + query[12:end] + answer, client)


def serve_names(host: Namespace, world: Namespace, lose: int = 0) -> None:
    host.write("/etc/nsswitch.conf", "hosts: files dns\n")
    host.write("/etc/resolv.conf", "nameserver 10.1.0.1\n")
    world.start(lambda: _answer_names(lose))
    end = time.monotonic() + PATIENT
    while "10.1.0.1:53 " not in world.run("ss", "-Hlun").stdout:
        assert time.monotonic() < end


def test_names(host: Namespace, world: Namespace, listening: None) -> None:
    serve_names(host, world)
    found = measured(host, 5.0, gateway=False, dns=("yes.test", "no.test"), tcp=("yes.test:2222", "no.test:2222", "yes.test:22"))
    assert found == {
        "tcp yes.test:2222": "",
        "tcp no.test:2222": "Name or service not known",
        "tcp yes.test:22": "Connection refused",
        "dns yes.test": "",
        "dns no.test": "Name or service not known",
    }


def test_a_lost_question_is_asked_again(host: Namespace, world: Namespace) -> None:
    # glibc asks for A and AAAA, and would wait 5 s until it asks again
    serve_names(host, world, lose=2)
    assert measured(host, 3.0, gateway=False, dns=("yes.test",)) == {"dns yes.test": ""}


def test_a_server_that_is_away_or_does_not_serve(host: Namespace, world: Namespace) -> None:
    host.write("/etc/nsswitch.conf", "hosts: files dns\n")
    host.write("/etc/resolv.conf", "nameserver 10.1.0.77\n")
    assert measured(host, gateway=False, dns=("yes.test",)) == {"dns yes.test": "no answer"}
    host.write("/etc/resolv.conf", "nameserver 10.1.0.1\n")
    assert measured(host, 5.0, gateway=False, dns=("yes.test",)) == {"dns yes.test": "Temporary failure in name resolution"}


def test_a_server_that_has_changed_is_asked(host: Namespace, world: Namespace) -> None:
    """One process, with resolv.conf changed under its feet."""

    def function() -> list[dict[str, str]]:
        def look() -> dict[str, str]:
            return still(Machine(), ["dns yes.test"], LIMIT)

        before = look()
        with open("/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write("nameserver 10.1.0.77\n")
        return [before, look()]

    serve_names(host, world)
    assert host.call(function) == [{"dns yes.test": ""}, {"dns yes.test": "no answer"}]


def test_all_side_by_side(host: Namespace, world: Namespace) -> None:
    """Many that say nothing take no longer than one."""
    world.ip("address flush dev eth0")
    host.write("/etc/resolv.conf", "nameserver 10.1.0.1\n")
    found = measured(host, tcp=tuple(f"10.1.0.{number}:22" for number in range(100, 110)), dns=("yes.test", "no.test"))
    assert len(found) == 14
    assert all(found.values())
