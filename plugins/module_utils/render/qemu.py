# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""QEMU's files on a host: our lines in its ACL, and the scripts that it runs for taps."""

from __future__ import annotations

import typing as t

from ..model.qemu import ACL, IFDOWN, IFUP, TABLE, QemuSettings
from ..model.state import FileState
from ..model.tap import AppliedTap
from .marks import with_ours

_WRITTEN = "# Written by hypervisor.vnet; change it in the inventory, not here."
# QEMU gives the tap's name, and does not start the guest when it fails (net/tap.c). A tap that is as declared stays as it is.
_IFUP = rf"""#!/bin/sh
{_WRITTEN}
# Plugs a declared tap into its bridge: QEMU calls it with the tap's name, and does not start the guest when it fails.
set -eu
tap=${{1:?usage: qemu-ifup TAP}}
while read -r name bridge state isolated; do
    [ "$name" = "$tap" ] || continue
    if [ "$bridge" != - ]; then
        ip link set dev "$tap" master "$bridge"
        ip link set dev "$tap" type bridge_slave isolated "$isolated"
    fi
    ip link set dev "$tap" "$state"
    exit 0
done < {TABLE}
echo "qemu-ifup: no tap $tap is declared on this host; declare it with hypervisor.vnet, or say script=no" >&2
exit 1
"""
_IFDOWN = rf"""#!/bin/sh
{_WRITTEN}
# A declared tap stays in its bridge for the next start of its guest; another one leaves the bridge that it is in.
set -eu
tap=${{1:?usage: qemu-ifdown TAP}}
while read -r name rest; do
    [ "$name" != "$tap" ] || exit 0
done < {TABLE}
ip link set dev "$tap" down nomaster
"""


def qemu_files(settings: QemuSettings, taps: t.Mapping[str, AppliedTap], files: t.Mapping[str, FileState]) -> dict[str, FileState]:
    """Every file of QEMU's that we write. ``files`` has the ACL as it is now, whose other lines stay."""
    found = {}
    if settings.acl:
        found[ACL] = with_ours(files.get(ACL, FileState("")), [f"allow {bridge}" for bridge in settings.acl])
    if settings.scripts:
        lines = [_line(tap) for _name, tap in sorted(taps.items())]
        found[TABLE] = FileState("\n".join([_WRITTEN, "# tap bridge state isolated", *lines, ""]))
        found[IFUP], found[IFDOWN] = FileState(_IFUP, 0o755), FileState(_IFDOWN, 0o755)
    return found


def _line(tap: AppliedTap) -> str:
    declared = tap.tap
    return f"{declared.name} {declared.bridge or '-'} {'up' if declared.up else 'down'} {'on' if declared.isolated else 'off'}"
