# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files a host has of us."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import HostState
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.persist import wanted_files
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.boot import MODULES, SYSCTL


@pytest.mark.parametrize(
    ("keepers", "kept"), [(("none",), False), (("none", "networkd"), True), (("foreign",), True), (("ifupdown",), True)]
)
def test_bridge_netfilter_is_kept_as_long_as_a_bridge_is(keepers: tuple[str, ...], kept: bool) -> None:
    bridges = {f"br{at}": AppliedBridge("site", Bridge(f"br{at}"), "52:54:00:00:00:01", keeper) for at, keeper in enumerate(keepers)}
    files = wanted_files(Applied(bridges, bridge_netfilter="enable"), HostState({}))
    assert {SYSCTL, MODULES} & set(files) == ({SYSCTL, MODULES} if kept else set())
