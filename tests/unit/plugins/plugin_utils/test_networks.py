# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.plugin_utils.networks import merge
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.variables import of_variables


def _names(networks):
    return [network["name"] for network in networks]


def test_the_main_list_comes_first_and_the_others_by_name():
    lists = {"zoo_vnet_networks": [{"name": "c"}], "vnet_networks": [{"name": "b"}, {"name": "a"}], "dmz_vnet_networks": [{"name": "d"}]}
    networks, problems = merge(lists)
    assert _names(networks) == ["b", "a", "d", "c"]
    assert not problems


def test_nothing_declared_is_nothing_wanted():
    assert merge({}) == ([], [])
    assert merge({"vnet_networks": []}) == ([], [])


def test_a_bare_list_is_refused_with_the_way_to_write_it():
    with pytest.raises(
        AnsibleFilterError, match=r"is a list, not a dictionary of lists; write it as in \{'vnet_networks': vnet_networks\}"
    ):
        merge([{"name": "br0"}])


def test_networks_come_out_as_they_were_written():
    network = {"name": "br0", "uplink": "eth0", "mtu": "1400", "stp": "yes"}
    merged = of_variables(merge)(SimpleNamespace(globals={}), {"vnet_networks": [network]})
    assert merged == ([network], [])


class Costly(dict):
    """As Ansible's own dictionaries are, whose copies have their templating in them."""

    def __deepcopy__(self, memo):
        raise AssertionError("copied")


def test_options_are_not_checked_on_copies_of_ansible_s_own_containers():
    network = Costly(name="br0", routes=[Costly(to="10.9.0.0/16", via="10.0.0.9")], addresses=["10.0.0.1/24"])
    merged = of_variables(merge)(SimpleNamespace(globals={}), {"vnet_networks": [network]})
    assert merged == ([network], [])


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "empty"), ("xenbr0", "the string 'xenbr0'"), ({"name": "xenbr0"}, "a dictionary"), (True, "a boolean"), (7, "a number")],
)
def test_what_is_no_list_is_refused_by_its_name(value, kind):
    networks, problems = merge({"dmz_vnet_networks": value, "vnet_networks": [{"name": "br0"}]})
    assert problems == [
        f"dmz_vnet_networks: is {kind}, not a list of networks; write each as an item with a dash before it, and [] for none"
    ]
    assert _names(networks) == ["br0"]


REFUSED = [
    (
        "one name in two variables",
        {"vnet_networks": [{"name": "br0"}], "dmz_vnet_networks": [{"name": "br1"}, {"name": "br0"}]},
        ["dmz_vnet_networks[1].name: br0 is already vnet_networks[0].name; declare a bridge once"],
    ),
    (
        "one name for two bridges",
        {"vnet_networks": [{"name": "lan", "bridge": "br0"}], "a_vnet_networks": [{"name": "lan", "bridge": "br1"}]},
        ["a_vnet_networks[0].name: lan is already vnet_networks[0].name; declare a network once"],
    ),
    (
        "one uplink in two variables",
        {"vnet_networks": [{"name": "br0", "uplink": "eth0"}], "a_vnet_networks": [{"name": "br1", "uplink": "eth0"}]},
        ["a_vnet_networks[0].uplink: eth0 is already vnet_networks[0].uplink; an interface can be in one bridge only"],
    ),
    (
        "a layout of a later version, whatever options it has",
        {"vnet_networks": [{"name": "default", "layout": "ovs", "autostart": True}]},
        ["vnet_networks[0].layout: 'ovs' does not exist in this version; there is: bridge, nat, route, brouter, libvirt"],
    ),
    (
        "an item that is no network",
        {"vnet_networks": ["br0"]},
        ["vnet_networks[0]: is the string 'br0', not a network; write it as in {name: xenbr0, uplink: eth0}"],
    ),
    ("no name", {"vnet_networks": [{"uplink": "eth0"}]}, ["vnet_networks[0]: missing required arguments: name"]),
    (
        "a type that does not fit",
        {"vnet_networks": [{"name": "br0", "mtu": "big"}]},
        ["vnet_networks[0]: argument 'mtu' is of type str and we were unable to convert to int"],
    ),
]


@pytest.mark.parametrize(("variables", "expected"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(variables, expected):
    problems = merge(variables)[1]
    assert len(problems) == len(expected)
    assert all(problem.startswith(text) for problem, text in zip(problems, expected)), problems


def test_all_problems_come_at_once_and_keep_their_places():
    problems = merge(
        {"vnet_networks": [{"name": "a", "layout": "ovs"}, {"name": "b", "colour": "red"}, {"name": "c/d"}], "x_vnet_networks": 1}
    )[1]
    assert [problem.split(":")[0] for problem in problems] == [
        "x_vnet_networks",
        "vnet_networks[0].layout",
        "vnet_networks[1]",
        "vnet_networks[2].name",
    ]
