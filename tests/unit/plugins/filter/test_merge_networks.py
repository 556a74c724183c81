# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.filter import merge_guests, merge_networks, network_problems


def test_both_filters_have_their_names():
    assert set(merge_networks.FilterModule().filters()) == {"merge_networks"}
    assert set(network_problems.FilterModule().filters()) == {"network_problems"}


def test_merged():
    assert merge_networks.merge_networks({"vnet_networks": [{"name": "br0"}]}) == [{"name": "br0"}]


def test_one_error_names_all_problems():
    with pytest.raises(AnsibleFilterError, match=r"a_vnet_networks: is empty(.|\n)*vnet_networks\[0\]\.name: the name is empty"):
        merge_networks.merge_networks({"vnet_networks": [{"name": ""}], "a_vnet_networks": None})


def test_problems_are_a_list_that_is_empty_without_any():
    assert network_problems.network_problems({"vnet_networks": [{"name": "br0"}]}) == []
    assert len(network_problems.network_problems({"vnet_networks": None})) == 1


@pytest.mark.parametrize("function", [merge_networks.merge_networks, network_problems.network_problems])
def test_a_bare_list_is_refused(function):
    with pytest.raises(AnsibleFilterError, match="dictionary"):
        function([{"name": "br0"}])


def test_what_is_omitted_is_not_there():
    """As templates hand it over: an object that Ansible knows by its name only."""
    omit = object()
    variables = {"vnet_networks": [{"name": "xenbr0", "mtu": omit, "addresses": ["10.0.0.1/24", omit]}, omit], "dmz_vnet_networks": omit}
    environment = SimpleNamespace(globals={"omit": omit})
    assert merge_networks.FilterModule().filters()["merge_networks"](environment, variables) == [
        {"name": "xenbr0", "addresses": ["10.0.0.1/24"]}
    ]


def test_words_of_a_filter_reach_it():
    environment = SimpleNamespace(globals={})
    found = merge_guests.FilterModule().filters()["merge_guests"](environment, {"vnet_guests": []}, "dom0", networks=[{"name": "lan"}])
    assert found == []
