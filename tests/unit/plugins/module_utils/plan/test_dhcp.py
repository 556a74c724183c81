# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of DHCP: what is written, what is restarted and what only told, what undoes it, and who is in the way."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcp import DhcpFacts, UnitFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcpread import read_dhcps
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.dhcp import parse_listeners
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.diff import commands

BRIDGE = Link("br0", 9, kind="bridge", up=True, bridge=BridgeSettings(), addresses=(Address("10.0.0.254/24"), Address("fe80::1/64")))
FACTS = DhcpFacts("2.90", user=True)
STATE = HostState(links={"br0": BRIDGE}, kinds={"dhcp": FACTS})
UNIT = "hypervisor-vnet-dhcp@net.service"
WEB = {"mac": "52:54:00:00:00:01", "addresses": ["10.0.0.1"], "name": "web"}
NET: dict[str, t.Any] = {"name": "net", "bridge": "br0", "ranges": ["10.0.0.10-10.0.0.20"]}
CONF = "/etc/hypervisor-vnet/dhcp/net.conf"
NEW = "/run/hypervisor-vnet-dhcp@net.conf"
TEST = [f"write {NEW}", f"dnsmasq --test --conf-file={NEW}", f"rm -f {NEW}"]


def planned(*networks: dict[str, t.Any], state: HostState = STATE, applied: Applied | None = None, **options: t.Any) -> Plan:
    items, problems = read_dhcps(networks)
    assert problems == []
    declared = Declared(items, options.pop("removed", ()), options.pop("prune", False), "networks")
    return plan_document(Document(dhcp=declared, **options), state, applied or Applied())


def refused(*networks: dict[str, t.Any], **options: t.Any) -> list[str]:
    with pytest.raises(Refused) as error:
        planned(*networks, **options)
    return [str(problem) for problem in error.value.problems]


def done(plan: Plan, **facts: t.Any) -> HostState:
    """The host once the plan is done, with its service running."""
    units = {name: UnitFacts(True, item.persist, 42) for name, item in plan.applied.dhcp.items()}
    files = {path: file for path, (_was, file) in plan.files.items() if file}
    return replace(STATE, files=files, kinds={"dhcp": replace(FACTS, units=units, **facts)})


def undone(plan: Plan) -> list[str]:
    """In the order in which the journal undoes it, without files."""
    lines = [action.command() for step in reversed(plan.steps) for action in step.undo]
    return [line for line in lines if not line.startswith(("write ", "rm "))]


def test_a_network_comes_with_what_its_bridge_has() -> None:
    plan = planned(NET)
    assert plan.applied.dhcp["net"].addresses == ("10.0.0.254/24",)
    assert applied_from_text(plan.applied.to_text()) == plan.applied
    assert [line for line in commands(plan.steps) if not line.startswith("write ")] == [
        *TEST[1:],
        f"systemctl enable --no-reload {UNIT}",
        "systemctl daemon-reload",
        f"systemctl start {UNIT}",
    ]
    assert undone(plan) == [
        f"systemctl stop {UNIT}",
        f"systemctl reset-failed {UNIT}",
        f"systemctl disable {UNIT}",
        "systemctl daemon-reload",
    ]
    again = planned(NET, state=done(plan), applied=plan.applied)
    assert (again.steps, again.files) == ((), {})
    stopped = replace(done(plan), kinds={"dhcp": FACTS})
    assert "NOT RUNNING" in planned(NET, state=stopped, applied=plan.applied).texts["dhcp net (systemd)"][0]


def test_hosts_and_records_are_told_and_all_else_is_a_restart() -> None:
    first = planned(NET)
    there = done(first)
    told = planned({**NET, "hosts": [WEB], "records": [{"name": "gw", "addresses": ["10.0.0.254"]}]}, state=there, applied=first.applied)
    assert [path.rpartition(".")[2] for path in told.files] == ["hosts", "names"]
    assert commands(told.steps)[-1] == undone(told)[-1] == f"systemctl reload {UNIT}"
    other = planned({**NET, "mtu": 1400}, state=there, applied=first.applied)
    assert commands(other.steps) == [*TEST, f"write {CONF}", f"systemctl restart {UNIT}"]
    assert undone(other) == [f"systemctl restart {UNIT}"]


def test_another_bridge_is_another_unit_and_undone_in_the_right_order() -> None:
    first = planned(NET)
    links = {"br0": BRIDGE, "br1": replace(BRIDGE, name="br1")}
    moved = planned({**NET, "bridge": "br1"}, state=replace(done(first), links=links), applied=first.applied)
    systemd = ["systemctl daemon-reload", f"systemctl reenable {UNIT}", f"systemctl restart {UNIT}"]
    assert commands(moved.steps)[-3:] == undone(moved) == systemd


def test_what_goes_takes_its_leases_with_it_and_gets_them_back() -> None:
    first = planned(NET)
    leases = "0 52:54:00:00:00:01 10.0.0.7 web *\n"
    gone = planned(prune=True, state=done(first, leases={"net": leases}), applied=first.applied)
    assert gone.applied.dhcp == {} and set(gone.files.values()) and all(new is None for _old, new in gone.files.values())
    assert commands(gone.steps)[:3] == [
        f"systemctl stop {UNIT}",
        f"systemctl disable {UNIT}",
        "rm -f /var/lib/hypervisor-vnet/dhcp/net.leases",
    ]
    undo = [action.command() for step in reversed(gone.steps) for action in step.undo]
    assert undo.index("write /var/lib/hypervisor-vnet/dhcp/net.leases") < undo.index(f"systemctl start {UNIT}")
    same = planned(removed=("net",), state=done(first, leases={"net": leases}), applied=first.applied)
    assert same.steps == gone.steps


def test_the_addresses_of_a_declared_bridge_are_taken_before_it_is_there() -> None:
    ours = Applied(bridges={"br1": AppliedBridge("site", Bridge("br1", addresses=("10.1.0.1/24",)), "", "none")})
    plan = planned({"name": "br1"}, applied=ours)
    assert plan.applied.dhcp["br1"].addresses == ("10.1.0.1/24",)
    assert refused({"name": "br1", "ranges": ["10.0.0.10-10.0.0.20"]}, applied=ours)[0].startswith("networks[0].ranges[0]: ")


@pytest.mark.parametrize(
    ("network", "state", "said"),
    [
        ({"bridge": "br7"}, STATE, "networks[0].bridge: br7 is neither there nor declared"),
        ({}, replace(STATE, leaving=frozenset({"br0"})), "networks[0].bridge: br0 is removed in the same run"),
        ({"bridge": "eth0"}, replace(STATE, links={"eth0": Link("eth0", 2)}), "networks[0].bridge: eth0 is no bridge"),
        ({"addresses": ["10.0.0.1/24"]}, STATE, "networks[0].addresses[0]: br0 does not have 10.0.0.1/24 (it has: 10.0.0.254/24)"),
        ({}, replace(STATE, links={"br0": replace(BRIDGE, addresses=())}), "networks[0].addresses: the host has no IPv4 and no IPv6"),
        ({}, replace(STATE, kinds={"dhcp": DhcpFacts()}), "dnsmasq is missing on this host; install dnsmasq-base"),
        ({}, replace(STATE, kinds={"dhcp": replace(FACTS, systemd=False)}), "systemd does not run on this host"),
    ],
)
def test_hosts_that_cannot_serve(network: dict[str, t.Any], state: HostState, said: str) -> None:
    assert any(said in line for line in refused({**NET, **network}, state=state))


_SHARING = 'udp UNCONN 0 0 10.5.0.1:53 0.0.0.0:* users:(("dnsmasq",pid=7,fd=4))\n'


@pytest.mark.parametrize(
    ("line", "who"),
    [
        ('udp UNCONN 0 0 0.0.0.0%br0:67 0.0.0.0:* users:(("dnsmasq",pid=7,fd=3))', "port 67 (DHCP) is taken on br0 by dnsmasq (pid 7)"),
        ('udp UNCONN 0 0 0.0.0.0%virbr0:67 0.0.0.0:* users:(("dnsmasq",pid=7,fd=3))', ""),
        ('udp UNCONN 0 0 0.0.0.0:67 0.0.0.0:* users:(("dhcpd",pid=7,fd=3))', "port 67 (DHCP) is taken on all interfaces by dhcpd (pid 7)"),
        (f'{_SHARING}udp UNCONN 0 0 0.0.0.0:67 0.0.0.0:* users:(("dnsmasq",pid=7,fd=3))', ""),
        ('tcp LISTEN 0 32 *:53 *:* users:(("named",pid=7,fd=3))', "port 53 (DNS) is taken on all interfaces by named (pid 7)"),
        ('tcp LISTEN 0 32 10.0.0.254:53 0.0.0.0:* users:(("named",pid=7,fd=3))', "port 53 (DNS) is taken on br0 by named (pid 7)"),
        ('udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=7,fd=3))', ""),
        ("udp UNCONN 0 0 [::]:547 [::]:*", ""),
        ("udp UNCONN 0 0 0.0.0.0:67 0.0.0.0:*", "port 67 (DHCP) is taken on all interfaces by another program;"),
    ],
)
def test_who_is_in_the_way(line: str, who: str) -> None:
    state = replace(STATE, kinds={"dhcp": replace(FACTS, listeners=parse_listeners(line))})
    if who:
        assert who in refused(NET, state=state)[0]
    else:
        assert planned(NET, state=state).steps


def test_owners_and_bridges_of_others() -> None:
    first = planned(NET, owner="here")
    assert "belongs to owner 'here'" in refused(NET, owner="there", state=done(first), applied=first.applied)[0]
    assert "belongs to owner 'here'" in refused(removed=("net",), owner="there", state=done(first), applied=first.applied)[0]
    other = refused({**NET, "name": "two"}, owner="there", state=done(first), applied=first.applied)
    assert other[0].startswith("networks[0].bridge: br0 is already net of owner 'here'.bridge")


def test_a_subnet_is_served_once() -> None:
    wide = replace(BRIDGE, name="br1", addresses=(Address("10.0.0.1/16"), Address("2001:db8::1/64")))
    state = replace(STATE, links={"br0": BRIDGE, "br1": wide})
    said = "10.0.0.0/16 overlaps 10.0.0.0/24 of {}; give each network of a host subnets of its own"
    assert refused(NET, {"name": "br1"}, state=state) == [f"networks[1].addresses: {said.format('networks[0]')}"]
    first = planned(NET, owner="here")
    there = replace(done(first), links=state.links)
    elsewhere = refused({"name": "br1"}, state=there, applied=first.applied, owner="there")
    assert elsewhere == [f"networks[0].addresses: {said.format(chr(39).join(['net of owner ', 'here', '']))}"]


def test_networks_that_nobody_speaks_of_are_left_alone() -> None:
    links = {"br0": BRIDGE, "br1": replace(BRIDGE, name="br1", addresses=(Address("10.1.0.1/24"),))}
    first = planned(NET, state=replace(STATE, links=links))
    there = replace(done(first), links=links, kinds={"dhcp": FACTS})
    both = planned({"name": "br1"}, state=there, applied=first.applied, prune=True, owner="there")
    assert set(both.applied.dhcp) == {"net", "br1"} and not any(UNIT in line for line in commands(both.steps))
    assert not any("/net." in path for path in both.files)


def test_warnings_of_an_uplink_and_of_an_address_that_is_leased() -> None:
    bridge = AppliedBridge("site", Bridge("br0", uplink="eth0"), "", "none")
    state = replace(STATE, kinds={"dhcp": replace(FACTS, leases={"net": "0 52:54:00:00:00:99 10.0.0.1 * *\n"})})
    warnings = planned({**NET, "hosts": [WEB]}, state=state, applied=Applied(bridges={"br0": bridge})).warnings
    assert "br0 has the uplink eth0" in warnings[0] and "10.0.0.1 of web is leased to 52:54:00:00:00:99" in warnings[1]


def test_the_connection_of_the_controller_is_not_touched() -> None:
    control = replace(STATE, control=ControlPath("10.0.0.9", "10.0.0.254", "br0"))
    plan = planned({"name": "br0", "hosts": [WEB]}, state=control)
    assert plan.steps and plan.control == ()
    after = replace(done(plan, leases={"br0": ""}), control=control.control)
    assert planned(removed=("br0",), state=after, applied=plan.applied).control == ()
