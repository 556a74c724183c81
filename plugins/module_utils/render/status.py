# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What ``hypervisor-vnet`` tells on the host's console."""

from __future__ import annotations

from ..model.step import Json
from .facts import Facts


def report_text(report: Json) -> str:
    """What was undone, why, and what is left."""
    lines = [f"Undone at {report['at']}: {report['why']}."]
    lines += [f"  undone: {why}" for why in report["undone"]]
    lines += [f"  FAILED: {failure}" for failure in report["failures"]]
    lines += [f"  LEFT: {left}" for left in report["left"]]
    lines += [f"  probe {name}: {why or 'passes'}" for name, why in report["probes"].items()]
    return "".join(f"{line}\n" for line in lines)


def status_text(facts: Facts) -> str:
    """The host at a glance: one line an object."""
    lines = []
    for bridge in facts["bridges"]:
        lines.append(f"{bridge['name']}: {'up' if bridge['up'] else 'down'}")
    return "".join(f"{line}\n" for line in lines)
