# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bridge does not go from under what stands on it."""

from __future__ import annotations

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcp import AppliedDhcp, Dhcp
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, Nat
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.behind import behind_problems

NAT = {"lab": AppliedNat("web", Nat("lab", "br0", ("10.0.0.0/24",)))}
DHCP = {"lab": AppliedDhcp("site", Dhcp("lab", "br0"), ("10.0.0.1/24",))}
GOES = Document(bridges=Declared(removed=("br0",), path="bridges"))


def memory(**kinds: object) -> Applied:
    return Applied(**kinds)  # type: ignore[arg-type]


def test_what_stays_is_named() -> None:
    bridges = {"br0": AppliedBridge("site", Bridge("br0"), "", "none"), "br1": AppliedBridge("site", Bridge("br1"), "", "none")}
    before = memory(bridges=bridges, nat=NAT, dhcp=DHCP)
    stays = {"br1": bridges["br1"]}
    cure = "remove that first, or both in one call of vnet_host"
    assert [str(problem) for problem in behind_problems(GOES, before, memory(bridges=stays, nat=NAT, dhcp=DHCP))] == [
        f"bridges: br0 cannot go while the address translation of lab (owner 'web') needs it; {cure}",
        f"bridges: br0 cannot go while the DHCP of lab (owner 'site') needs it; {cure}",
    ]
    assert behind_problems(GOES, before, memory(bridges=stays)) == []
    assert behind_problems(GOES, before, before) == []
