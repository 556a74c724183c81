# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks: what a layout means, and everything that is wrong with one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.network import Networks, read_networks

GUESTS: list[dict[str, Any]] = [
    {"name": "rhel4", "interfaces": [{"network": "lan", "addresses": ["192.0.2.9"]}, {"network": "vnat0", "addresses": ["10.0.2.1/16"]}]},
    {"name": "any", "interfaces": [{"network": "vnat0", "addresses": ["auto"]}]},
]
VNAT0: dict[str, Any] = {"name": "vnat0", "layout": "nat", "addresses": ["10.0.0.254/16"]}


def read(*networks: dict[str, Any], guests: list[dict[str, Any]] | None = None) -> Networks:
    return read_networks(networks, "networks", GUESTS if guests is None else guests)


def told(*networks: dict[str, Any], **words: Any) -> list[str]:
    return [str(problem) for problem in read(*networks, **words).problems]


@pytest.mark.parametrize(("layout", "routed", "masquerade"), [("nat", True, True), ("route", True, False), ("brouter", True, True)])
def test_layouts_with_a_router(layout: str, routed: bool, masquerade: bool) -> None:
    found = read({**VNAT0, "layout": layout, "uplink": "eth0"})
    assert found.problems == []
    assert found.bridges == [("networks[0]", {"name": "vnat0", "addresses": ["10.0.0.254/16"]})]
    [(place, nat)] = found.nat
    assert (place, nat.name, nat.uplink, nat.masquerade, nat.sources) == ("networks[0]", "vnat0", "eth0", masquerade, ("10.0.0.0/16",))


def test_a_bridge_has_its_uplink_for_a_port() -> None:
    found = read({"name": "xenbr0", "layout": "bridge", "uplink": "eth0"})
    assert (found.nat, found.problems) == ([], [])
    assert found.bridges == [("networks[0]", {"name": "xenbr0", "uplink": "eth0", "stp": False})]


def test_a_word_of_the_user_counts_more_than_the_layout() -> None:
    [(_place, nat)] = read({**VNAT0, "masquerade": False}).nat
    assert not nat.masquerade
    [(_place, nat)] = read({**VNAT0, "snat": "192.0.2.10"}).nat
    assert (nat.snat, nat.masquerade) == ("192.0.2.10", False)
    [(_place, nat)] = read({"name": "br7", "layout": "bridge", "routed": True, "addresses": ["10.7.0.1/24"]}).nat
    assert nat.masquerade
    assert read({**VNAT0, "routed": False}).nat == []


def test_a_forward_to_a_guest() -> None:
    [(_place, nat)] = read({**VNAT0, "forwards": [{"port": "5022", "to": "rhel4", "to_port": "22"}]}).nat
    assert [(item.ports, item.to, item.to_ports) for item in nat.forwards] == [((5022, 5022), "10.0.2.1", (22, 22))]


def test_a_network_with_a_bridge_of_another_name() -> None:
    found = read({**VNAT0, "bridge": "virbr7"})
    assert found.bridges[0][1]["name"] == found.nat[0][1].bridge == "virbr7"


@pytest.mark.parametrize(
    ("network", "problems"),
    [
        (
            {"name": "xenbr0", "layout": "bridge", "masquerade": True, "forwards": [{"port": "1", "to": "rhel4"}]},
            [
                "networks[0].masquerade: is for networks that the host routes for; say routed: true, or take one of the layouts nat, route and brouter",
                "networks[0].forwards: is for networks that the host routes for; say routed: true, or take one of the layouts nat, route and brouter",
            ],
        ),
        (
            {**VNAT0, "forwards": [{"port": "1", "to": "rhel5"}, {"port": "2", "to": "any"}, {"port": "x", "to": "rhel4"}]},
            [
                "networks[0].forwards[0].to: 'rhel5' is no address, and no guest of this host; its guests are: rhel4, any",
                "networks[0].forwards[1].to: guest any has no fixed address in vnat0; give it one there, or name an address",
                "networks[0].forwards[2].port: 'x' is no port; write one as in 8080, or several in a row as in 8000-8010",
            ],
        ),
        (
            {**VNAT0, "layout": "bus"},
            ["networks[0].layout: 'bus' does not exist in this version; there is: bridge, nat, route, brouter, libvirt"],
        ),
        (
            {**VNAT0, "forwards": [{"port": "1", "to": "10.0.99.1"}, {"port": "1", "to": "192.0.2.9"}]},
            [
                "networks[0].forwards[1].to: 192.0.2.9 is outside 10.0.0.0/16; name an address of a guest in this network",
                "networks[0].forwards[1].port: tcp port 1 is already at networks[0].forwards[0]; a port leads to one place, so take another, or another"
                " listen_address",
            ],
        ),
    ],
)
def test_bad_input(network: dict[str, Any], problems: list[str]) -> None:
    assert told(network) == problems


def test_names_of_guests_are_left_to_the_host_where_nobody_knows_them() -> None:
    network = {**VNAT0, "forwards": [{"port": "1", "to": "rhel5"}, {"port": "2", "to": "10.0.99.1"}]}
    found = read_networks([network], "networks")
    assert [problem.path for problem in found.problems] == []
