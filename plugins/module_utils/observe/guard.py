# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.
"""The tables of guards as the kernel has them, and whether they would come back."""

from __future__ import annotations

import re
import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.guard import TABLES, GuardFacts
from ..model.ruleset import UNIT
from ..model.state import Link
from .ruleset import read_tables

_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> GuardFacts | None:
    """None where the document does not speak of guards."""
    return read_guards(machine) if document.guards.spoken else None


def read_guards(machine: Machine) -> GuardFacts:
    found = _VERSION.search(machine.run(("nft", "--version")).out)
    if not found:
        return GuardFacts()
    # No answer: systemd does not run here, and nothing can be done about it.
    loads = machine.run(("systemctl", "is-active", UNIT)).out.strip() in ("active", "")
    return GuardFacts(tuple(int(part) for part in found.groups()), read_tables(machine, TABLES), loads)
