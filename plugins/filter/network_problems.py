# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: network_problems
short_description: What is wrong with the networks that several variables declare
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Says what P(hypervisor.vnet.merge_networks#filter) would refuse, as a list, so that a play can look at all hosts before it touches the first.
options:
  _input:
    description:
      - The lists, by the names of their variables.
    type: dict
    required: true
seealso:
  - plugin: hypervisor.vnet.merge_networks
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Nothing is touched unless everything is right
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    problems: "{{ {'vnet_networks': vnet_networks} | hypervisor.vnet.network_problems }}"
    vnet_networks:
      - {name: xenbr0, uplink: eth0}
"""

RETURN = r"""
_value:
  description: One line for each problem, with its place; empty when there is none.
  type: list
  elements: str
"""

import typing as t

from ..plugin_utils.networks import merge
from ..plugin_utils.variables import of_variables


def network_problems(variables: t.Any) -> list[str]:
    """All problems of the joined list."""
    return merge(variables)[1]


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"network_problems": of_variables(network_problems)}
