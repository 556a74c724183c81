# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a controller can reach the host after a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.view import LinkView, Views
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.control import addresses

UPLINK = Link("eth0", 2, up=True, addresses=(Address("10.0.0.2/24"), Address("2001:db8::2/64"), Address("fe80::2/64", scope="link")))
STATE = HostState({"eth0": UPLINK}, control=ControlPath("203.0.113.9", "10.0.0.2", "eth0", "10.0.0.1"))


def view(name: str, *cidrs: str, master: str = "") -> LinkView:
    return LinkView(name, addresses=cidrs, master=master)


@pytest.mark.parametrize(
    ("views", "reached"),
    [
        ({}, ("10.0.0.2", "2001:db8::2")),
        (
            {"eth0": (view("eth0", "10.0.0.2/24"), view("eth0", master="br0")), "br0": (None, view("br0", "10.0.0.7/24", "10.0.0.2/24"))},
            ("10.0.0.2", "10.0.0.7"),
        ),
        (
            {
                "eth0": (view("eth0", "10.0.0.2/24"), view("eth0", master="br0")),
                "br0": (None, view("br0", "2001:db8::7/64", "10.0.0.7/24")),
            },
            ("10.0.0.7", "2001:db8::7"),
        ),
        ({"eth0": (view("eth0", "10.0.0.2/24"), view("eth0", "10.0.0.3/24", "169.254.1.1/16", "fe80::2/64"))}, ("10.0.0.3",)),
        ({"eth0": (view("eth0", "10.0.0.2/24", master="vrf0"), view("eth0", "10.0.0.3/24", master="vrf0"))}, ("10.0.0.3",)),
        ({"eth0": (view("eth0", "10.0.0.2/24"), None)}, ()),
        (
            {"eth0": (view("eth0", "10.0.0.2/24"), view("eth0", "10.0.0.8/24")), "br1": (None, view("br1", "10.0.0.2/24"))},
            ("10.0.0.2", "10.0.0.8"),
        ),
    ],
)
def test_where_the_host_is_reached(views: Views, reached: tuple[str, ...]) -> None:
    assert addresses(views, STATE) == reached


def test_a_removed_bridge_leaves_its_addresses_to_its_uplink() -> None:
    bridge = Link("br0", 20, kind="bridge", bridge=BridgeSettings(), addresses=(Address("10.7.0.2/24"),))
    links = {link.name: link for link in (UPLINK, bridge, Link("eth7", 21, master="br0"))}
    state = HostState(links, control=ControlPath("10.7.0.9", "10.7.0.2", "br0"))
    gone: Views = {"br0": (view("br0", "10.7.0.2/24"), None), "eth7": (view("eth7", master="br0"), view("eth7", "10.7.0.3/24"))}
    assert addresses(gone, state) == ("10.7.0.3",)


def test_no_connection_is_reached_nowhere() -> None:
    assert addresses({}, replace(STATE, control=None)) == ()
