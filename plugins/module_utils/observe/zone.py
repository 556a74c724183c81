# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The table of zones as the kernel has it."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.state import Link
from ..model.zone import TABLES, ZoneFacts
from .ruleset import read_tables


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> ZoneFacts | None:
    """None where the document does not speak of zones."""
    return ZoneFacts(read_tables(machine, TABLES)) if document.zones.spoken else None
