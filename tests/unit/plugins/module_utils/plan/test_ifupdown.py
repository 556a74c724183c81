# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ifupdown's back end refuses, and how it looks away and takes over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Phase, Step, Write
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.ifupdown import Client, Facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan import ifupdown
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.backend import Handover, Transfer

DHCP = "source /etc/network/interfaces.d/*\nauto eth0\niface eth0 inet dhcp\n metric 5\n"
STATIC = "auto eth0\niface eth0 inet static\n address 192.0.2.10/24\n dns-nameservers 192.0.2.1\n"
MOVES = Bridge("xenbr0", "eth0")
CLIENT = Client("eth0", 4, 77, ("/sbin/dhclient", "-4", "-v", "-i", "-pf", "/run/dhclient.eth0.pid", "eth0"))
HOOKS = ("/etc/network/if-up.d/000resolvconf", "/etc/network/if-down.d/resolvconf")


def facts_of(text: str, **more: object) -> Facts:
    facts = Facts(True, False, {ifupdown.INTERFACES: FileState(text)}, {"lo": "lo", "eth0": "eth0"}, dhcp="dhclient")
    return replace(facts, **more)


def state_of(link: str = "eth0") -> HostState:
    leased = Address("192.0.2.77/24", label=link, dynamic=True, valid_lft=1000, preferred_lft=1000)
    return HostState({link: Link(link, 2, addresses=(leased, Address("192.0.2.78/24")))})


def applied_of(facts: Facts, bridge: Bridge = MOVES) -> AppliedBridge:
    captured = ifupdown.capture(facts, state_of(), bridge)
    return AppliedBridge("site", bridge, "52:54:00:00:00:10", "ifupdown", captured=captured)


def texts(steps: tuple[Step, ...], undo: bool = False) -> str:
    return "\n".join(action.command() for step in steps for action in (step.undo if undo else step.do))


@pytest.mark.parametrize(
    ("text", "bridge", "place", "word"),
    [
        ("iface eth0 inet ppp\n provider dsl\n", MOVES, "b.uplink", "declare the bridge's addresses"),
        ("mapping eth*\n script /x\niface home inet dhcp\n", MOVES, "b.uplink", "mapping"),
        ("iface xenbr0 inet manual\n", MOVES, "b.name", "of its own"),
        ("iface eth0 inet manual\n up ip link set eth0 up && ip route add default via 192.0.2.1\n", MOVES, "b.uplink", "two lines"),
        ("iface eth0:verylongname inet static\n address 192.0.2.1/24\n", MOVES, "b.uplink", "15 characters"),
        ("iface eth0 inet6 dhcp\niface eth0 inet6 static\n address 2001:db8::1/64\n", MOVES, "b.uplink", "removes static IPv6"),
        ("", Bridge("br0", declared_profile=True, addresses=("192.0.2.1/24",), dns=("192.0.2.9",)), "b.dns", "resolvconf"),
    ],
)
def test_refused(text: str, bridge: Bridge, place: str, word: str) -> None:
    (problem,) = ifupdown.problems(facts_of(text), bridge, "b")
    assert problem.path == place and word in problem.message


def test_refused_for_the_host() -> None:
    assert "ifupdown2" in ifupdown.problems(facts_of("", ifupdown2=True), MOVES, "b")[0].message
    assert "dhcpcd" in ifupdown.problems(facts_of(DHCP, dhcp="dhcpcd"), MOVES, "b")[0].message
    assert "no DHCP client" in ifupdown.problems(facts_of("", dhcp=""), Bridge("br0", declared_profile=True, dhcp4=True), "b")[0].message
    assert "home" in ifupdown.problems(facts_of("", up={"eth0": "home"}), MOVES, "b")[0].message
    cloud = Facts(True, False, {"/run/network/interfaces.d/eth0": FileState("iface eth0 inet dhcp\n")}, dhcp="dhclient")
    assert "every boot" in ifupdown.problems(cloud, MOVES, "b")[0].message
    assert not ifupdown.problems(facts_of(DHCP), MOVES, "b")


def test_claims_what_it_brought_up() -> None:
    facts = facts_of(STATIC)
    assert ifupdown.active(facts) and ifupdown.claims(facts, "eth0") and not ifupdown.claims(facts, "eth1")
    assert not ifupdown.active(Facts(True, up={"lo": "lo"})) and not ifupdown.claims(None, "eth0")


def test_a_static_uplink() -> None:
    facts = facts_of(STATIC, dns=HOOKS)
    handover = Handover(state_of(), facts, {}, {"xenbr0": applied_of(facts)}, (Transfer("eth0", "xenbr0", "xenbr0"),))
    assert ifupdown.freeze(handover) == ()
    steps = ifupdown.thaw(handover)
    assert {step.phase for step in steps} == {Phase.THAW}
    done = texts(steps)
    assert "edit /run/network/ifstate: +xenbr0=xenbr0" in done and "write /run/network/ifstate.xenbr0" in done and "dhclient" not in done
    assert "IFACE=xenbr0" in done and "IF_DNS_NAMESERVERS=192.0.2.1" in done and "IFACE=eth0" in done and "if-down.d/resolvconf" in done
    assert "ifquery xenbr0 eth0" in done
    undone = texts(steps, undo=True)
    assert "rm -f /run/network/ifstate.xenbr0" in undone and "ifstate.eth0" not in undone
    assert ifupdown.thaw(replace(handover, after={}, before={"xenbr0": handover.after["xenbr0"]}))


def test_a_dhcp_uplink_and_back() -> None:
    leases = {"/var/lib/dhcp/dhclient.eth0.leases": FileState('interface "eth0";\n', 0o600)}
    facts = facts_of(DHCP, clients=(CLIENT,), lease_times={"eth0": 3600, "xenbr0": 3600}, leases=leases)
    bridge = applied_of(facts)
    there = Handover(state_of(), facts, {}, {"xenbr0": bridge}, (Transfer("eth0", "xenbr0", "xenbr0"),))
    (freeze,) = ifupdown.freeze(there)
    assert freeze.phase is Phase.FREEZE and texts((freeze,)) == "pkill -KILL --pidfile /run/dhclient.eth0.pid /sbin/dhclient"
    assert "dhclient -nw -4 -i" in texts((freeze,), undo=True)
    done, undone = texts(ifupdown.thaw(there)), texts(ifupdown.thaw(there), undo=True)
    (lease,) = [action for step in ifupdown.thaw(there) for action in step.do if isinstance(action, Write) and "leases" in action.path]
    assert lease == Write("/var/lib/dhcp/dhclient.xenbr0.leases", 'interface "xenbr0";\n', 0o600)
    assert "dhclient -4 -nw -i -pf /run/dhclient.xenbr0.pid" in done and "-e IF_METRIC=5 xenbr0" in done
    assert "ip address replace 192.0.2.77/24 valid_lft 3600 preferred_lft 3600 dev xenbr0" in done and "192.0.2.78" not in done
    assert "pkill -KILL --pidfile /run/dhclient.xenbr0.pid dhclient" in undone and "rm -f /var/lib/dhcp/dhclient.xenbr0.leases" in undone

    marked = ifupdown.edits(facts, {"xenbr0": bridge})[ifupdown.INTERFACES]
    own = ifupdown.files("xenbr0", bridge)
    client = Client("xenbr0", 4, 88, ("dhclient", "-4", "-nw", "xenbr0"))
    now = replace(facts, files={ifupdown.INTERFACES: marked, **own}, clients=(client,), up={"eth0": "eth0", "xenbr0": "xenbr0"})
    now = replace(now, leases={"/var/lib/dhcp/dhclient.xenbr0.leases": FileState('interface "xenbr0";\n')})
    back = Handover(state_of("xenbr0"), now, {"xenbr0": bridge}, {}, (Transfer("xenbr0", "eth0", "xenbr0"),))
    assert texts(ifupdown.freeze(back)) == "pkill -KILL --pidfile /run/dhclient.xenbr0.pid dhclient"
    done, undone = texts(ifupdown.thaw(back)), texts(ifupdown.thaw(back), undo=True)
    assert "write /var/lib/dhcp/dhclient.eth0.leases" in done and "rm -f /var/lib/dhcp/dhclient.xenbr0.leases" in done
    assert "-pf /run/dhclient.eth0.pid" in done and "rm -f /run/network/ifstate.xenbr0" in done
    assert "write /var/lib/dhcp/dhclient.xenbr0.leases" in undone

    same = Handover(state_of("xenbr0"), now, {"xenbr0": bridge}, {"xenbr0": replace(bridge, bridge=replace(MOVES, mtu=1400))})
    assert ifupdown.freeze(same) == () and texts(ifupdown.thaw(same)) == "ifquery xenbr0 eth0"


def test_dhcp_comes_and_goes_with_the_declaration() -> None:
    facts = facts_of("auto lo\n", up={"br0": "br0"})
    off = AppliedBridge("site", Bridge("br0", declared_profile=True, addresses=("192.0.2.1/24",)), "02:00:00:00:00:01", "ifupdown")
    on = replace(off, bridge=replace(off.bridge, dhcp4=True))
    assert "dhclient -4 -nw -i -pf /run/dhclient.br0.pid" in texts(
        ifupdown.thaw(Handover(state_of("br0"), facts, {"br0": off}, {"br0": on}))
    )
    running = replace(facts, clients=(Client("br0", 4, 9, ("dhclient", "br0")),))
    assert (
        texts(ifupdown.freeze(Handover(state_of("br0"), running, {"br0": on}, {"br0": off})))
        == "pkill -KILL --pidfile /run/dhclient.br0.pid dhclient"
    )


def test_ports_and_aliases_in_the_state() -> None:
    text = STATIC + "auto eth0:1\niface eth0:1 inet static\n address 192.0.2.11/24\n"
    facts = facts_of(text, up={"eth0": "eth0", "eth0:1": "eth0:1"})
    bridge = applied_of(facts, replace(MOVES, ports=("eth5.2",)))
    handover = Handover(state_of(), facts, {}, {"xenbr0": bridge}, (Transfer("eth0", "xenbr0", "xenbr0"),))
    done = texts(ifupdown.thaw(handover))
    assert "edit /run/network/ifstate: -eth0:1=eth0:1 +xenbr0=xenbr0 +eth5.2=eth5.2 +xenbr0:1=xenbr0:1" in done
    assert "rm -f /run/network/ifstate.eth0:1" in done
