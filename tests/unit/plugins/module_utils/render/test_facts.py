# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import yaml

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcp import AppliedDhcp, Dhcp, DhcpHost, UnitFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import NextHop, Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.render import facts
from ansible_collections.hypervisor.vnet.plugins.modules import vnet_info

STATE = HostState(
    links={
        "eth0": Link("eth0", 2, mac="52:54:00:00:00:01", master="br0", up=True),
        "vif1.0": Link("vif1.0", 5, kind="vif", master="br0"),
        "br0": Link(
            "br0",
            3,
            kind="bridge",
            up=True,
            bridge=BridgeSettings(),
            addresses=(Address("192.0.2.2/24"), Address("fe80::1/64", valid_lft=60)),
        ),
        "virbr0": Link("virbr0", 4, kind="bridge", bridge=BridgeSettings(stp=True, forward_delay=2)),
    },
    routes=(
        Route(4, "default", "br0", "192.0.2.1", metrics=(("mtu", "1400"),)),
        Route(4, "192.0.2.0/24", "br0", protocol="kernel"),
        Route(6, "default", nexthops=(NextHop("br0", "fe80::9"),)),
    ),
)
APPLIED = Applied(
    bridges={
        "br0": AppliedBridge("site", Bridge("br0", "eth0"), "52:54:00:00:00:01", "networkd"),
        "br9": AppliedBridge("mine", Bridge("br9"), "02:00:00:00:00:09", "none"),
    }
)


def _documented(name):
    """The keys that RETURN promises for each item."""
    return set(yaml.safe_load(vnet_info.RETURN)[name]["contains"])


def test_ours_others_and_lost_bridges():
    found = {bridge["name"]: bridge for bridge in facts.bridge_facts(STATE, APPLIED, {"br0": ["/etc/b", "/etc/a"]})}
    assert sorted(found) == ["br0", "br9", "virbr0"]
    ours, lost, other = found["br0"], found["br9"], found["virbr0"]
    assert (ours["owner"], ours["uplink"], ours["persist"], ours["files"]) == ("site", "eth0", "networkd", ["/etc/a", "/etc/b"])
    assert ours["ports"] == ["eth0", "vif1.0"]
    assert ours["addresses"] == ["192.0.2.2/24", "fe80::1/64"]
    assert ours["routes"] == ["default nexthop via fe80::9 dev br0", "default via 192.0.2.1 mtu 1400"]
    assert (lost["exists"], lost["owner"], lost["settings"]) == (False, "mine", {})
    assert (other["exists"], other["owner"], other["settings"]["forward_delay"]) == (True, "", 2)


def test_a_lifetime_without_end_is_null():
    found = facts.address_facts(STATE)
    assert [(item["dev"], item["cidr"], item["valid_lft"], item["preferred_lft"]) for item in found] == [
        ("br0", "192.0.2.2/24", None, None),
        ("br0", "fe80::1/64", 60, None),
    ]


def test_routes_are_plain():
    first, _kernel, last = facts.route_facts(STATE)
    assert first["metrics"] == {"mtu": "1400"}
    assert last["nexthops"] == [{"dev": "br0", "gateway": "fe80::9", "weight": 1, "onlink": False}]


def test_owners():
    assert facts.owner_facts(APPLIED, ["bridges"]) == [{"name": "mine", "bridges": ["br9"]}, {"name": "site", "bridges": ["br0"]}]


def test_networks_with_hosts_and_leases():
    host = DhcpHost("52:54:00:00:00:01", ("10.0.0.1",), "web")
    memory = Applied(
        dhcp={"net": AppliedDhcp("site", Dhcp("net", "br0", ranges=(("10.0.0.8", "10.0.0.9"),), hosts=(host,)), ("10.0.0.254/24",))}
    )
    (found,) = facts.dhcp_facts(memory, {"net": UnitFacts(True)}, {"net": "0 52:54:00:00:00:02 10.0.0.8 * *\n"})
    assert set(found) == _documented("dhcp")
    assert (found["state"], found["ranges"], found["hosts"][0]["name"]) == ("running", ["10.0.0.8-10.0.0.9"], "web")
    assert found["leases"] == [{"client": "52:54:00:00:00:02", "address": "10.0.0.8", "name": "", "expires": 0}]
    assert facts.dhcp_facts(memory, {}, {})[0]["state"] == "NOT RUNNING"


def test_the_documentation_names_every_key_and_no_other():
    assert all(set(item) == _documented("links") for item in facts.link_facts(STATE))
    assert all(set(item) == _documented("bridges") for item in facts.bridge_facts(STATE, APPLIED, {}))
    assert all(set(item) == _documented("addresses") for item in facts.address_facts(STATE))
    assert all(set(item) == _documented("routes") for item in facts.route_facts(STATE))


def test_everything_is_json():
    whole = [facts.link_facts(STATE), facts.address_facts(STATE), facts.route_facts(STATE), facts.bridge_facts(STATE, APPLIED, {})]
    assert json.loads(json.dumps(whole)) == whole
