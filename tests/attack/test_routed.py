# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same guard where the host routes: what is forwarded, and what the host itself believes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping

import frames as f
import pytest
from corpus import GUARD, ROUTER4, ROUTER6, ROUTER_LL, US, US4, VICTIM, VICTIM4, VICTIM6, bad, good
from harness import Namespace
from wire import ATTACKER, load, raw_socket, tables

from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import reload_text

HOST = "52:54:00:00:00:fe"
# Neighbours that the host must not be talked into: who is not on this interface at all, and nobody.
BELIEFS = (VICTIM4, ROUTER4, VICTIM6, ROUTER6, ROUTER_LL, "10.0.5.8", "2001:db8:5:8::3")


@pytest.fixture
def routed(host: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """The guest on an interface of its own, the victim's network behind another; the host routes both families for them."""
    guest = Namespace(str(tmp_path_factory.mktemp("guest")))
    far = f"/proc/{os.getpid()}/fd/{guest.net}"
    guest.sysctl("net/ipv6/conf/default/disable_ipv6", "1")
    for key in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/conf/all/arp_accept"):
        host.sysctl(key, "1")
    host.sysctl("net/ipv4/conf/default/rp_filter", "0")
    host.sysctl("net/ipv4/conf/all/rp_filter", "0")
    host.ip(f"link add {ATTACKER} address {HOST} type veth peer name {ATTACKER} netns {far}\nlink set {ATTACKER} up")
    host.ip(f"link add world type veth peer name world netns {far}\nlink set world up")
    guest.ip(f"link set {ATTACKER} up\nlink set world up")
    for name in ("arp_accept", "accept_redirects"):
        host.sysctl(f"net/ipv4/conf/{ATTACKER}/{name}", "1")
    host.ip(
        f"""
        address add 10.0.0.254/32 dev {ATTACKER}
        address add 2001:db8::fe/64 nodad dev {ATTACKER}
        route add 10.0.0.0/16 dev {ATTACKER}
        route add default via inet6 fe80::77 dev world
        neigh add fe80::77 lladdr {VICTIM} nud permanent dev world
        route add {VICTIM4} dev world
        route add {ROUTER4} dev world
        route add {VICTIM6} dev world
        route add {ROUTER6} dev world
        """
    )
    for address in (VICTIM4, ROUTER4, VICTIM6, ROUTER6):
        host.ip(f"neigh replace {address} lladdr {VICTIM} nud permanent dev world")
    host.settle()
    yield guest
    guest.close()


def is_routable(frame: bytes) -> bool:
    """Unicast IP to somebody beyond the host: the rest is not forwarded whatever the guard says."""
    kind = int.from_bytes(frame[12:14], "big")
    if frame[0] & 1 or kind not in (f.IP4, f.IP6):
        return False
    return kind == f.IP6 or frame[14:34][16:20] in (f.address(VICTIM4), f.address(ROUTER4))


def forwarded(guest: Namespace, cases: Mapping[str, bytes]) -> set[str]:
    """Which of the frames come out on the other side, by the first octets behind their IP header and its source."""
    mouth, ear = raw_socket(guest, ATTACKER, 0), raw_socket(guest, "world")
    found = set()
    try:
        for name, frame in cases.items():
            mouth.send(f.mac(HOST) + frame[6:])
            end = time.monotonic() + 0.05
            while time.monotonic() < end:
                try:
                    heard = ear.recv(65536)
                except BlockingIOError:
                    time.sleep(0.001)
                    continue
                if heard[12:14] == frame[12:14] and _sender(heard) == _sender(frame):
                    found.add(name)
                    break
    finally:
        mouth.close()
        ear.close()
    return found


def _sender(frame: bytes) -> bytes:
    return frame[26:30] if frame[12:14] == b"\x08\x00" else frame[22:38]


def routable(cases: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: frame for name, frame in cases.items() if is_routable(frame)}


def beliefs(host: Namespace) -> dict[str, str]:
    """What the host knows of neighbours behind the guest's interface."""
    found = host.json("neigh", "show", "dev", ATTACKER)
    return {item["dst"]: item.get("lladdr", "") for item in found if item["dst"] in BELIEFS and item.get("lladdr")}


def guard(host: Namespace) -> None:
    load(host, reload_text(tables({"interface": ATTACKER, **GUARD, "routed": True})))


def introduce(host: Namespace, guest: Namespace) -> None:
    """The guest says truly who it is, and the host comes to know it: then it has heard everything before, too."""
    mouth = raw_socket(guest, ATTACKER, 0)
    mouth.send(f.ether(US, f.BROADCAST, f.ARP, f.arp(1, (US, US4), ("00:00:00:00:00:00", "10.0.0.254"))))
    mouth.close()
    end = time.monotonic() + 5
    while not (known := [item for item in host.json("neigh", "show", "dev", ATTACKER) if item["dst"] == US4]):
        assert time.monotonic() < end, "the host does not believe what is true"
        time.sleep(0.01)
    assert known[0]["lladdr"] == US


def test_what_is_forwarded(host: Namespace, routed: Namespace) -> None:
    true, false = routable(good()), routable(bad())
    open_gate = forwarded(routed, {**true, **false})
    # The host itself refuses some lies (a source of 127.0.0.1); the guard must refuse those that it does not.
    assert len(open_gate & set(true)) >= 10 and len(open_gate & set(false)) >= 20
    guard(host)
    assert forwarded(routed, false) == set()
    assert set(true) & open_gate - forwarded(routed, true) == set()


def test_the_host_is_not_talked_into_neighbours(host: Namespace, routed: Namespace) -> None:
    lies = {name: frame for name, frame in bad().items() if frame[12:14] == b"\x08\x06" or name.startswith(("NA", "NS", "RS", "RA"))}

    def tell() -> None:
        mouth = raw_socket(routed, ATTACKER, 0)
        for frame in lies.values():
            target = f.mac(HOST) if not frame[0] & 1 else frame[:6]
            mouth.send(target + frame[6:])
        mouth.close()

    tell()
    introduce(host, routed)
    assert beliefs(host), "without a guard the host believes somebody"
    host.run("ip", "neigh", "flush", "dev", ATTACKER)
    guard(host)
    tell()
    introduce(host, routed)
    assert beliefs(host) == {}


def test_who_is_on_the_bridge_is_none_of_its_business() -> None:
    bridge, routed = tables({"interface": ATTACKER, **GUARD}), tables({"interface": ATTACKER, **GUARD, "routed": True})
    assert [table.family for table in bridge] == ["bridge"]
    assert [table.family for table in routed] == ["bridge", "inet", "arp"]
    assert bridge[0] == routed[0]
