# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The VLANs of bridge ports (`bridge -json vlan`)."""

from __future__ import annotations

import json
import typing as t

from ..host.machine import Machine
from ..model.problem import VnetError
from ..model.vlan import VlanRange, Vlans, normal

# Without the option, a trunk of 4000 VLANs is as many items.
COMMAND = ("bridge", "-json", "-compressvlans", "vlan", "show")


def read_vlans(machine: Machine, names: t.Collection[str]) -> dict[str, Vlans]:
    """Port -> its VLANs, of those that have any."""
    if not names:
        return {}
    done = machine.run(COMMAND)
    if done.rc:
        raise VnetError(f"{' '.join(COMMAND)}: {done.err.strip() or f'exit status {done.rc}'}")
    return {
        item["ifname"]: normal(tuple(_range(vlan) for vlan in item["vlans"]))
        for item in json.loads(done.out or "[]")
        if item["ifname"] in names
    }


def _range(vlan: dict[str, t.Any]) -> VlanRange:
    flags = vlan.get("flags", [])
    return VlanRange(vlan["vlan"], vlan.get("vlanEnd", vlan["vlan"]), "PVID" in flags, "Egress Untagged" in flags)
