# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What the defaults of xl need to know of a host: it has xl, and these scripts."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.state import Link
from ..model.vif import SCRIPTS
from ..model.xl import XlFacts


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> XlFacts:
    """Nothing where none are declared."""
    return XlFacts(bool(machine.which("xl")), frozenset(machine.entries(SCRIPTS))) if document.xl.items else XlFacts()
