# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""antispoof's conntrack: with br_netfilter on, packets between ports are tracked as connections of the host, or are not."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from harness import Answer, Namespace, assert_same
from hosts import no_waiting

GUESTS = {"vif1.0": "10.0.0.1", "vif2.0": "10.0.0.2", "uplink": "10.0.0.3"}
MACS = {name: f"00:16:3e:00:00:0{number}" for number, name in enumerate(GUESTS, 1)}
GUARDS = [{"interface": name, "mac": MACS[name], "addresses": [GUESTS[name]]} for name in ("vif1.0", "vif2.0")]
# What the host's packet filter sees of connections, as every firewall with states does. A set counts them by state and destination.
PROBE = """
table inet probe {
    set seen { type ct_state . ipv4_addr; size 64; flags dynamic; counter; }
    chain prerouting { type filter hook prerouting priority 0; tcp dport 9 update @seen { ct state . ip daddr }; }
}
"""


@pytest.fixture
def host(empty: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """A host with br_netfilter on, two guests and a stranger behind the uplink, and a network behind the host."""
    no_waiting(empty)
    if empty.run("ls", "/proc/sys/net/bridge/bridge-nf-call-iptables", check=False).returncode:
        pytest.skip("this kernel has no br_netfilter")
    empty.sysctl("net/bridge/bridge-nf-call-iptables", "1")
    empty.sysctl("net/ipv4/ip_forward", "1")
    empty.ip("link add br0 address 52:54:00:00:b0:00 type bridge\nlink set br0 up\naddress add 10.0.0.254/24 dev br0")
    guests = {name: Namespace(str(tmp_path_factory.mktemp(name.replace(".", "-")))) for name in [*GUESTS, "behind"]}
    behind = guests["behind"]
    empty.ip(f"link add out type veth peer name eth0 netns {_net(behind)}\nlink set out up\naddress add 192.0.2.254/24 dev out")
    behind.ip("link set eth0 up\naddress add 192.0.2.1/24 dev eth0\nroute add 10.0.0.0/24 via 192.0.2.254")
    for name in GUESTS:
        guest, far = guests[name], _net(guests[name])
        empty.ip(f"link add {name} type veth peer name eth0 address {MACS[name]} netns {far}\nlink set {name} master br0 up")
        guest.ip(f"link set eth0 up\naddress add {GUESTS[name]}/24 dev eth0")
        guest.ip("route add default via 10.0.0.254", "-4")
    empty.run("nft", "-f", "-", stdin=PROBE)
    empty.guests = guests  # type: ignore[attr-defined]
    yield empty
    for guest in guests.values():
        guest.close()


def apply(host: Namespace, *guards: dict[str, Any], **options: Any) -> Answer:
    """Check, do, and do again: the same diff, then nothing. Guests talk all the time, so nobody looks at counters."""
    check = host.module("antispoof", guards=list(guards), check=True, **options).ok()
    real = host.module("antispoof", guards=list(guards), **options).ok()
    assert (check.diff_bytes, check.commands) == (real.diff_bytes, real.commands)
    again = host.module("antispoof", guards=list(guards), **options).ok()
    assert (again.changed, again.diff, again.commands) == (False, [], [])
    return real


def _net(guest: Namespace) -> str:
    return f"/proc/{os.getpid()}/fd/{guest.net}"


def seen(host: Namespace, sender: str, target: str) -> str:
    """How the host's filter saw a connection that was asked for and answered: nobody listens there."""
    host.run("nft", "flush", "set", "inet", "probe", "seen")
    guest: Namespace = host.guests[sender]  # type: ignore[attr-defined]

    def knock() -> None:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((target, 9), timeout=5)

    guest.call(knock)
    data: list[dict[str, Any]] = json.loads(host.run("nft", "--json", "list", "set", "inet", "probe", "seen").stdout)["nftables"]
    elements = next(item["set"] for item in data if "set" in item).get("elem", [])
    (state,) = {item["elem"]["val"]["concat"][0] for item in elements if item["elem"]["val"]["concat"][1] == target}
    return str(state)


PAIRS = [("vif1.0", "10.0.0.2"), ("vif1.0", "10.0.0.3"), ("uplink", "10.0.0.1")]
HOSTS = [("vif1.0", "10.0.0.254"), ("vif1.0", "192.0.2.1"), ("uplink", "10.0.0.254")]


def test_what_goes_from_port_to_port_is_not_tracked(host: Namespace) -> None:
    apply(host, *GUARDS)
    assert {seen(host, *pair) for pair in [*PAIRS, *HOSTS]} == {"new"}
    made = apply(host, *GUARDS, conntrack="bypass")
    assert [seen(host, *pair) for pair in PAIRS] == ["untracked"] * len(PAIRS)
    assert [seen(host, *pair) for pair in HOSTS] == ["new"] * len(HOSTS)
    assert any("set host_mac\n  52:54:00:00:b0:00\n" in item["after"] for item in made.diff)
    # it stays for those who do not speak of it
    apply(host, *GUARDS)
    assert seen(host, *PAIRS[0]) == "untracked"
    apply(host, *GUARDS, conntrack="track")
    assert {seen(host, *pair) for pair in [*PAIRS, *HOSTS]} == {"new"}


def test_a_bridge_gets_another_mac(host: Namespace) -> None:
    """What is for the host stays tracked after the next run."""
    apply(host, *GUARDS, conntrack="bypass")
    host.ip("link set br0 address 52:54:00:00:b0:99")
    for guest in host.guests.values():  # type: ignore[attr-defined]
        guest.ip("neigh flush all")
    assert seen(host, *HOSTS[0]) == "untracked"
    assert "52:54:00:00:b0:99" in str(apply(host, *GUARDS).diff)
    assert seen(host, *HOSTS[0]) == "new"


def test_it_goes_with_the_last_guard(host: Namespace) -> None:
    before = host.snapshot()
    apply(host, *GUARDS, conntrack="bypass")
    apply(host, prune=True, allow_empty=True)
    assert_same(before, host.snapshot())
    apply(host, *GUARDS)
    assert seen(host, *PAIRS[0]) == "new"
