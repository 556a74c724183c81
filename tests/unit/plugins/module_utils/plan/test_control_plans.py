# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole plans under every back end beside the controller's connection, and under it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model import networkd, networkmanager
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge, StaticRoute
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe import ifupdown
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document

UUIDS = {"eth0": "11111111-1111-4111-8111-111111111111", "eth1": "22222222-2222-4222-8222-222222222222"}
INTERFACES = FileState(
    """\
auto lo eth0 eth1 eth1:2
iface eth0 inet static
  address 10.0.0.2/24
iface eth1 inet dhcp
iface eth1:2 inet static
  address 10.2.0.12/24
"""
)
LEASED = Address("10.0.0.2/24", broadcast="10.0.0.255", label="eth0", metric=100, dynamic=True, valid_lft=3600, preferred_lft=3600)
LINKS = (
    Link("eth0", 2, up=True, carrier=True, addresses=(LEASED, Address("2001:db8::2/64"), Address("fe80::2/64", scope="link"))),
    Link(
        "eth1", 3, mac="52:54:00:00:00:11", up=True, carrier=True, addresses=(Address("10.2.0.2/24"), Address("fe80::3/64", scope="link"))
    ),
)
ROUTES = (
    Route(4, "default", "eth0", "10.0.0.1", metric=100),
    Route(4, "10.0.0.0/24", "eth0", protocol="kernel", metric=100),
    Route(4, "default", "eth1", "10.2.0.1", metric=200),
    Route(4, "10.2.0.0/24", "eth1", protocol="kernel"),
    Route(6, "2001:db8::/64", "eth0", protocol="kernel", metric=256),
    Route(6, "default", "eth0", "fe80::1", metric=1024, protocol="ra"),
    Route(4, "192.0.2.0/24", "eth0", "10.0.0.9", protocol="static", metrics=(("mtu", "1400"),)),
)
FAR = ControlPath("203.0.113.9", "10.0.0.2", "eth0", "10.0.0.1")
FAR6 = ControlPath("2001:db8:9::9", "2001:db8::2", "eth0", "fe80::1")
SYSCTLS = {f"net/ipv6/conf/{name}/{key}": "1" for name in UUIDS for key in ("accept_ra", "addr_gen_mode")}
STATE = HostState(
    {link.name: link for link in LINKS},
    ROUTES,
    sysctls={"net/ipv4/conf/all/rp_filter": "1", **SYSCTLS},
    files={"/etc/network/interfaces": INTERFACES},
    machine_id="00112233445566778899aabbccddeeff",
    control=FAR,
)


def networkd_facts() -> networkd.Facts:
    texts = {f"10-{name}.network": f"[Match]\nName={name}\n[Network]\nDHCP=yes\n" for name in ("eth0", "eth1")}
    files = {name: networkd.NetworkFile(f"/etc/systemd/network/{name}", text) for name, text in texts.items()}
    names = {link.name: link.index for link in LINKS}
    return networkd.Facts(True, ("systemd-networkd.socket",), files, {2: "10-eth0.network", 3: "10-eth1.network"}, names)


def networkmanager_facts() -> networkmanager.Facts:
    connections = {uuid: networkmanager.Connection(uuid, "802-3-ethernet", link, "activated") for link, uuid in UUIDS.items()}
    devices = {link: networkmanager.Device("ethernet", "connected", uuid) for link, uuid in UUIDS.items()}
    texts = {link: f"[connection]\ntype=ethernet\nuuid={uuid}\n[ipv4]\nmethod=auto\n" for link, uuid in UUIDS.items()}
    return networkmanager.Facts(True, devices, connections, texts)


def ifupdown_facts() -> ifupdown.Facts:
    client = ifupdown.Client("eth1", 4, 77, ("/sbin/dhclient", "-4", "-pf", "/run/dhclient.eth1.pid", "eth1"))
    up = {name: name for name in ("lo", "eth0", "eth1", "eth1:2")}
    return ifupdown.Facts(True, False, STATE.files, up, dhcp="dhclient", clients=(client,))


MANAGERS = {"networkd": networkd_facts(), "ifupdown": ifupdown_facts(), "networkmanager": networkmanager_facts()}
INTERNAL = Bridge("xenbr1", declared_profile=True, addresses=("10.30.0.1/24", "2001:db8:30::1/64"))
OTHER = Bridge("xenbr2", uplink="eth1")
NOTHING = Applied()


def planned(persist: str, *bridges: Bridge, state: HostState = STATE, applied: Applied = NOTHING) -> Plan:
    managers = {persist: MANAGERS[persist]} if persist in MANAGERS else {}
    document = Document(bridges=Declared(bridges), persist=persist)
    return plan_document(document, replace(state, managers=managers), applied)


@pytest.mark.parametrize("control", [FAR, FAR6])
@pytest.mark.parametrize("bridges", [(INTERNAL,), (Bridge("xenbr1"),), (OTHER,), (INTERNAL, OTHER)])
@pytest.mark.parametrize("persist", ["none", *MANAGERS])
def test_a_bridge_beside_the_connection_does_not_touch_it(persist: str, bridges: tuple[Bridge, ...], control: ControlPath) -> None:
    plan = planned(persist, *bridges, state=replace(STATE, control=control))
    assert plan.steps
    assert plan.control == ()
    assert plan.addresses[0] == control.local


@pytest.mark.parametrize("persist", ["none", *MANAGERS])
def test_a_bridge_under_the_connection_touches_it(persist: str) -> None:
    plan = planned(persist, Bridge("xenbr0", uplink="eth0"), INTERNAL)
    assert plan.control[0] == "eth0 becomes a port of xenbr0"
    assert [line.split(":")[0] for line in plan.control[1:] if line.startswith(("addresses", "routes"))] == ["addresses", "routes"]
    assert any(line.startswith("files: ") for line in plan.control) == (persist != "none")
    assert plan.addresses == ("10.0.0.2", "2001:db8::2")


@pytest.mark.parametrize("persist", ["none", *MANAGERS])
def test_a_second_bridge_beside_the_one_that_carries_the_connection(persist: str) -> None:
    first = planned(persist, Bridge("xenbr0", uplink="eth0"))
    bridge = Link("xenbr0", 40, kind="bridge", mac=first.applied.bridges["xenbr0"].mac, up=True, bridge=BridgeSettings())
    links = {**STATE.links, "eth0": replace(STATE.links["eth0"], master="xenbr0", addresses=())}
    links["xenbr0"] = replace(bridge, addresses=STATE.links["eth0"].addresses)
    files = {**STATE.files, **{path: new for path, (_old, new) in first.files.items() if new}}
    routes = tuple(route.moved("eth0", "xenbr0") for route in ROUTES)
    state = replace(STATE, links=links, files=files, routes=routes, control=replace(FAR, dev="xenbr0"))
    plan = planned(persist, Bridge("xenbr0", uplink="eth0"), INTERNAL, state=state, applied=first.applied)
    assert plan.steps
    assert plan.control == ()
    lowered = planned(persist, Bridge("xenbr0", uplink="eth0", mtu=1400), INTERNAL, state=state, applied=first.applied)
    assert "xenbr0 gets mtu 1400" in lowered.control


def test_an_internal_bridge_can_take_the_way_to_the_peer() -> None:
    steals = Bridge("xenbr1", declared_profile=True, addresses=("10.30.0.1/24",), routes=(StaticRoute("203.0.113.0/24", "10.30.0.9"),))
    assert planned("none", steals).control == ("routes: 203.0.113.0/24 through xenbr1",)
