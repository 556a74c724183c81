# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The hook that Xen's vif scripts source, and what our program reads for it."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict

from ..model.hook import HOOK, VIFS
from ..model.paths import PROGRAM
from ..model.state import FileState
from ..model.vif import Vif
from .boot import HEADER

# The scripts run under set -e, and a hook that just fails leaves the interface up, with no word in xenstore.
_HOOK = f"""\
{HEADER}
# Sourced by Xen's vif scripts. What could not be set up as declared must not stay up, also when libxl loses its patience with us.
# One that is in no bridge would lose its routes by going down first.
vnet_port=/sys/class/net/$dev/brport
case "$command" in
online | add)
    if [ -e "$vnet_port" ]; then ip link set dev "$dev" down || fatal "$dev cannot be set down"; fi
    vnet_error=$({PROGRAM} vif "$command" "$dev" "$XENBUS_PATH" 2>&1) || {{
        ip link set dev "$dev" down || true
        vnet_error=${{vnet_error##*$'\\n'}}
        fatal "${{vnet_error:-{PROGRAM} failed}}"
    }}
    if [ -e "$vnet_port" ]; then ip link set dev "$dev" up || fatal "$dev cannot be set up"; fi
    ;;
*)
    {PROGRAM} vif "$command" "$dev" "$XENBUS_PATH" || log err "{PROGRAM} vif $command $dev failed"
    ;;
esac
"""


def hook_files(vifs: t.Iterable[Vif]) -> dict[str, FileState]:
    """The hook, and what is declared of vifs if anything is."""
    declared = [asdict(vif) for vif in vifs]
    text = f"{json.dumps(declared, indent=1, sort_keys=True)}\n"
    return {HOOK: FileState(_HOOK, 0o755), **({VIFS: FileState(text, 0o600)} if declared else {})}
