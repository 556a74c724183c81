# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One figure of the benchmarks, and how a part hands its figures to the whole."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """``ratio``: how many times the peer's time ours is (below 1: we take less)."""

    name: str
    value: float
    unit: str
    peer: str = ""
    ratio: float | None = None
    target: str = ""
    ok: bool = True


def say(text: str) -> None:
    """Progress goes to standard error, because standard output carries the figures."""
    print(text, file=sys.stderr, flush=True)


def hand_over(rows: list[Row]) -> None:
    print(json.dumps([asdict(row) for row in rows]))
