# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import plan_document

SETTINGS = BridgeSettings(stp=True, forward_delay=2)
DOCUMENT = Document(bridges=Declared((Bridge("br0", settings=SETTINGS),)), persist="none")


def _applied():
    """The memory and the state once DOCUMENT was applied."""
    plan = plan_document(DOCUMENT, HostState(links={}), Applied())
    link = Link("br0", 9, kind="bridge", mac=plan.applied.bridges["br0"].mac, up=True, bridge=SETTINGS)
    return plan.applied, link


@pytest.mark.parametrize("ageing_time", [300, 4])
def test_twice_the_forward_delay_for_a_while_is_no_difference(ageing_time):
    applied, link = _applied()
    link = replace(link, topology_change=True, bridge=replace(SETTINGS, ageing_time=ageing_time))
    plan = plan_document(DOCUMENT, HostState(links={"br0": link}), applied)
    assert plan.steps == ()
    assert plan.views["br0"][0] == plan.views["br0"][1]


def test_the_same_without_a_topology_change_is_one():
    applied, link = _applied()
    link = replace(link, bridge=replace(SETTINGS, ageing_time=4))
    assert len(plan_document(DOCUMENT, HostState(links={"br0": link}), applied).steps) == 1


def test_another_wish_is_fulfilled_meanwhile():
    applied, link = _applied()
    link = replace(link, topology_change=True, bridge=replace(SETTINGS, ageing_time=4))
    wish = replace(DOCUMENT, bridges=Declared((Bridge("br0", settings=replace(SETTINGS, ageing_time=60)),)))
    plan = plan_document(wish, HostState(links={"br0": link}), applied)
    assert [action.command() for step in plan.steps for action in step.do] == ["ip link set dev br0 type bridge ageing_time 6000"]
