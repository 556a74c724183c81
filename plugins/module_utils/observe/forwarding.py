# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What the kernel has of forwarding, and of the router advertisements that it would end."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.forwarding import REDIRECTS, ROUTED_KINDS, SWITCHES, accept_ra, advertised, own_keys
from ..model.route import Route
from ..model.state import Link


def read_forwarding(
    machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link], routes: t.Sequence[Route]
) -> dict[str, str]:
    """Key -> value; nothing where the document speaks of no routed kind."""
    if not any(getattr(document, name).spoken for name in ROUTED_KINDS):
        return {}
    keys = [REDIRECTS, *SWITCHES.values(), *(accept_ra(name) for name in advertised(links, routes))]
    keys += [key for key in sorted(applied.sysctls) if key.startswith(tuple(own_keys(family) for family in SWITCHES)) and key not in keys]
    for family, switch in SWITCHES.items():
        if machine.text(f"/proc/sys/{switch}") == "0":
            keys += [f"{own_keys(family)}conf/{name}/forwarding" for name in ("default", *sorted(links))]
    values = ((key, machine.text(f"/proc/sys/{key}")) for key in dict.fromkeys(keys))
    return {key: value for key, value in values if value != ""}
