# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The table of address translation as the kernel has it."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.managed import MANAGED_KINDS
from ..model.nat import TABLES, NatFacts
from ..model.state import Link
from .ruleset import read_tables


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> NatFacts | None:
    """None where the document speaks neither of address translation nor of what concerns that which there is."""
    concerned = applied.nat and any(getattr(document, kind).spoken for kind in MANAGED_KINDS)
    return NatFacts(read_tables(machine, TABLES), bool(machine.which("conntrack"))) if document.nat.spoken or concerned else None
