# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What stands on a bridge, and would be left behind without it."""

from __future__ import annotations

from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import Problem

_CURE = "remove that first, or both in one call of vnet_host"


def behind_problems(document: Document, before: Applied, after: Applied) -> list[Problem]:
    """Bridges that go while address translation or DHCP of theirs stays."""
    problems = []
    for name in (name for name in before.bridges if name not in after.bridges):
        for what, kind in (("address translation", after.nat), ("DHCP", after.dhcp)):
            for network, item in kind.items():
                if item.network.bridge == name:
                    text = f"{name} cannot go while the {what} of {network} (owner {item.owner!r}) needs it; {_CURE}"
                    problems.append(Problem(document.bridges.path, text))
    return problems
