# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Public attack tools, run by one guest against its neighbour: they work, and behind a guard they do not.

Both guests are whole hosts here: what counts is what the neighbour believes in the end, and what its card heard.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from corpus import ROUTER, ROUTER4, ROUTER6, ROUTER_LL, US, US4, US6, US_LL, VICTIM, VICTIM4, VICTIM6
from harness import Namespace
from wire import ATTACKER, NEIGHBOUR, counted, load, raw_socket, tables

from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import reload_text

LIMIT = 30.0
CARD = "eth0"
GUARDS = (
    {"interface": ATTACKER, "mac": US, "addresses": [US4, US6]},
    {"interface": NEIGHBOUR, "mac": VICTIM, "addresses": [VICTIM4, VICTIM6]},
)
_RA, _NA, _ICMP6, _FRAGMENT = 134, 136, 58, 44
# Next headers that are extensions, all in units of 8 bytes: hop-by-hop, routing, destination.
_EXTENSIONS = (0, 43, 60)


@dataclass
class Scene:
    """A host with a bridge, the attacker, and its neighbour, who knows the router."""

    host: Namespace
    attacker: Namespace
    victim: Namespace
    ear: socket.socket

    def heard(self) -> Iterator[bytes]:
        """What the attacker's card has sent to the neighbour's since the last time."""
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = self.ear.recv(65536)
                if frame[6:12] != bytes.fromhex(VICTIM.replace(":", "")):
                    yield frame

    def neighbour(self, address: str) -> str:
        """The MAC that the victim believes to be behind an address."""
        found = self.victim.json("neigh", "show", "to", address, "dev", CARD)
        return str(found[0].get("lladdr", "")) if found else ""

    def gateways(self) -> set[str]:
        routes = json.loads(self.victim.run("ip", "-6", "-json", "route", "show", "default").stdout or "[]")
        return {hop["gateway"] for route in routes for hop in [route, *route.get("nexthops", [])] if "gateway" in hop}


@pytest.fixture
def scene(host: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    attacker, victim = (Namespace(str(tmp_path_factory.mktemp(name))) for name in ("attacker", "victim"))
    host.sysctl("net/ipv6/conf/default/disable_ipv6", "1")
    host.ip("link add br0 up type bridge stp_state 0 forward_delay 0 mcast_snooping 0 no_linklocal_learn 1")
    for guest, port, mac, own4, own6 in ((attacker, ATTACKER, US, US4, US6), (victim, NEIGHBOUR, VICTIM, VICTIM4, VICTIM6)):
        host.ip(f"link add {port} type veth peer name {CARD} address {mac} netns /proc/{os.getpid()}/fd/{guest.net}")
        host.ip(f"link set {port} master br0 up")
        guest.sysctl("net/ipv6/conf/default/accept_dad", "0")
        guest.ip(f"link set {CARD} up\naddress add {own4}/24 dev {CARD}\naddress add {own6}/64 dev {CARD} nodad")
    _know_the_router(victim)
    for namespace in (host, attacker, victim):
        namespace.settle()
    ear = raw_socket(victim, CARD)
    yield Scene(host, attacker, victim, ear)
    ear.close()
    for guest in (attacker, victim):
        guest.close()


def _know_the_router(victim: Namespace) -> None:
    for address in (ROUTER4, ROUTER6, ROUTER_LL):
        victim.ip(f"neigh replace {address} lladdr {ROUTER} dev {CARD} nud stale")


def _icmp6(frame: bytes) -> int:
    """The ICMPv6 type behind any extension headers, -1 for the first fragment of anything, 0 for all else."""
    if frame[12:14] != b"\x86\xdd":
        return 0
    header, at = frame[20], 54
    while header in _EXTENSIONS and at + 1 < len(frame):
        header, at = frame[at], at + 8 * (frame[at + 1] + 1)
    if header == _FRAGMENT:
        return -1 if int.from_bytes(frame[at + 2 : at + 4], "big") < 8 else 0
    return frame[at] if header == _ICMP6 and at < len(frame) else 0


def is_router(frame: bytes) -> bool:
    """An advertisement of a router, or what may begin one: later fragments are worth nothing without the first, and this guest
    sends no others.
    """
    return _icmp6(frame) in (_RA, -1)


def is_its_address(frame: bytes) -> bool:
    """Says the router's address is its own."""
    arp = frame[12:14] == b"\x08\x06" and frame[28:32] == socket.inet_aton(ROUTER4)
    return arp or (_icmp6(frame) == _NA and frame[62:78] == socket.inet_pton(socket.AF_INET6, ROUTER6))


@dataclass(frozen=True)
class Tool:
    """``false``: is a frame one of its lies? ``works``: does the victim believe them? None where Linux does not, whoever says it."""

    argv: tuple[str, ...]
    false: Callable[[bytes], bool]
    works: Callable[[Scene], bool] | None


def _as_router(*options: str, works: bool = True) -> Tool:
    argv = ("atk6-fake_router26", "-A", "2001:db8:bad::/64", "-i", "1", *options, CARD)
    return Tool(argv, is_router, (lambda scene: US_LL in scene.gateways()) if works else None)


TOOLS = {
    "arpspoof": Tool(("arpspoof", "-i", CARD, "-t", VICTIM4, ROUTER4), is_its_address, lambda scene: scene.neighbour(ROUTER4) == US),
    "arpspoof-all": Tool(("arpspoof", "-i", CARD, ROUTER4), is_its_address, lambda scene: scene.neighbour(ROUTER4) == US),
    "fake_advertise6": Tool(
        ("atk6-fake_advertise6", "-w", "1", CARD, ROUTER6, VICTIM6, US), is_its_address, lambda scene: scene.neighbour(ROUTER6) == US
    ),
    "fake_router6": Tool(("atk6-fake_router6", CARD, "2001:db8:bad::/64"), is_router, lambda scene: US_LL in scene.gateways()),
    "fake_router26": _as_router(),
    # its evasions of switches that look for router advertisements; Linux believes no fragments (RFC 6980)
    "fake_router26-hop-by-hop": _as_router("-E", "H"),
    "fake_router26-fragment": _as_router("-E", "H1", works=False),
    "fake_router26-large-header": _as_router("-E", "D", works=False),
    "fake_router26-overlapping": _as_router("-E", "o", works=False),
    "fake_router26-overlapping-first": _as_router("-E", "O", works=False),
    "fake_router26-all": _as_router("-E", "F", works=False),
}


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> Tool:
    found = TOOLS[request.param]
    for folder in ("/usr/bin", "/usr/sbin"):
        path = Path(folder, found.argv[0])
        if path.exists():
            return Tool((str(path), *found.argv[1:]), found.false, found.works)
    pytest.fail(f"{found.argv[0]} is missing; make attack installs it (dsniff, thc-ipv6)")


def begin(scene: Scene, tool: Tool) -> Any:
    return scene.attacker.start(lambda: os.execv(tool.argv[0], tool.argv))


def wait(condition: Callable[[], bool], running: Any) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end and not running.poll(), running.err()
        time.sleep(0.05)


def test_it_works_without_guards(scene: Scene, tool: Tool) -> None:
    running = begin(scene, tool)
    wait(lambda: any(map(tool.false, scene.heard())), running)
    if tool.works:
        works = tool.works
        wait(lambda: works(scene), running)


def test_nothing_of_it_gets_through_a_guard(scene: Scene, tool: Tool) -> None:
    load(scene.host, reload_text(tables(*GUARDS)))
    running = begin(scene, tool)
    wait(lambda: counted(scene.host, "enforced", ATTACKER) >= 2, running)
    assert not list(filter(tool.false, scene.heard()))
    assert not (tool.works and tool.works(scene))
    assert (scene.neighbour(ROUTER4), scene.neighbour(ROUTER6)) == (ROUTER, ROUTER)
    assert counted(scene.host, "enforced", NEIGHBOUR) == 0
