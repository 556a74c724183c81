# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files a host has of us."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.networkd import Facts, NetworkFile
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe import ifupdown
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.persist import choose, wanted_files
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.boot import MODULES, SYSCTL


@pytest.mark.parametrize(
    ("keepers", "kept"), [(("none",), False), (("none", "networkd"), True), (("foreign",), True), (("ifupdown",), True)]
)
def test_bridge_netfilter_is_kept_as_long_as_a_bridge_is(keepers: tuple[str, ...], kept: bool) -> None:
    bridges = {f"br{at}": AppliedBridge("site", Bridge(f"br{at}"), "52:54:00:00:00:01", keeper) for at, keeper in enumerate(keepers)}
    files = wanted_files(Applied(bridges, bridge_netfilter="enable"), HostState({}))
    assert {SYSCTL, MODULES} & set(files) == ({SYSCTL, MODULES} if kept else set())


def test_two_managers_of_one_uplink_are_a_question_that_persist_answers() -> None:
    networkd = Facts(
        True, (), {"10-eth0.network": NetworkFile("/etc/systemd/network/10-eth0.network", "")}, {2: "10-eth0.network"}, {"eth0": 2}
    )
    managers = {"networkd": networkd, "ifupdown": ifupdown.Facts(installed=True, up={"eth0": "eth0"})}
    state, bridge = HostState({"eth0": Link("eth0", 2)}, managers=managers), Bridge("xenbr0", uplink="eth0")
    keeper, problems = choose(Document(bridges=(bridge,)), bridge, state, Applied(), "bridges[0]")
    assert (keeper, [str(problem) for problem in problems]) == (
        "",
        [
            "bridges[0].uplink: both networkd and ifupdown manage eth0; which one shall keep xenbr0? Say it with persist:, and take eth0"
            " out of the other's configuration"
        ],
    )
    for word in ("networkd", "ifupdown"):
        assert choose(Document(bridges=(bridge,), persist=word), bridge, state, Applied(), "bridges[0]") == (word, [])
