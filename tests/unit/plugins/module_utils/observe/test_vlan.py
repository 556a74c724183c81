# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What bridge(8) of Debian 12 says on its own kernel (recorded in a machine of QEMU), in the model."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vlan import VlanRange, untagged
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.vlan import read_vlans

SAID = (
    '[{"ifname":"br0","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]}]},'
    '{"ifname":"tap0","vlans":[{"vlan":11,"flags":["Egress Untagged"]},{"vlan":12},{"vlan":13,"flags":["Egress Untagged"]}]},'
    '{"ifname":"tap1","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10},{"vlan":20,"vlanEnd":29,"flags":[]}]},'
    '{"ifname":"tap2","vlans":[{"vlan":10,"flags":["PVID","Egress Untagged"]}]}]'
)


class Said(Machine):
    """The fake host: what bridge said there."""

    def __init__(self, text: str, rc: int = 0) -> None:
        super().__init__()
        self.answer = Completed(rc, text, "no" if rc else "")

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        assert argv == ("bridge", "-json", "-compressvlans", "vlan", "show")
        return self.answer


def test_ports_and_their_vlans() -> None:
    assert read_vlans(Said(SAID), {"tap0", "tap1", "tap9"}) == {
        "tap0": (VlanRange(11, 11, False, True), VlanRange(12, 12), VlanRange(13, 13, False, True)),
        "tap1": (*untagged(1), VlanRange(10, 10), VlanRange(20, 29)),
    }
    assert read_vlans(Said("[]"), {"tap0"}) == {}


def test_who_cannot_say() -> None:
    with pytest.raises(VnetError, match="bridge -json -compressvlans vlan show: no"):
        read_vlans(Said("", 1), {"tap0"})
