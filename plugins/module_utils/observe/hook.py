# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What Xen's hotplug hook needs to know of a host: Xen's scripts are there, and who has vifs."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.hook import HookFacts
from ..model.state import Link
from ..model.vif import SCRIPTS
from .vif import STORE, parse_domains


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> HookFacts:
    """Domains matter to guards alone, and only where ports without a guard are closed."""
    scripts = machine.exists(f"{SCRIPTS}/vif-common.sh")
    closed = document.guards.spoken and (applied.guard_settings.unlisted or bool(document.guard_settings.get("unlisted")))
    return HookFacts(scripts, parse_domains(machine.run(STORE).out, "") if scripts and closed else {})
