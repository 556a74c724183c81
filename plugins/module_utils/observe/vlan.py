# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The VLANs of bridge ports (`bridge -json vlan`)."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.problem import VnetError
from ..model.vlan import Vlans, vlans_from_bridge

# Without the option, a trunk of 4000 VLANs is as many items.
COMMAND = ("bridge", "-json", "-compressvlans", "vlan", "show")


def read_vlans(machine: Machine, names: t.Collection[str]) -> dict[str, Vlans]:
    """Port -> its VLANs, of those that have any."""
    if not names:
        return {}
    done = machine.run(COMMAND)
    if done.rc:
        raise VnetError(f"{' '.join(COMMAND)}: {done.err.strip() or f'exit status {done.rc}'}")
    return {name: vlans for name, vlans in vlans_from_bridge(done.out).items() if name in names}
