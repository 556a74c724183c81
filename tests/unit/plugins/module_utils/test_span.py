# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils import span

SNAPSHOT = f"{span.__package__}.snapshot"


class Waits(Exception):
    """Somebody would wait now."""


@pytest.mark.parametrize(
    "undo",
    [
        lambda: span.undo_expired(None, "id"),  # type: ignore[arg-type]
        lambda: span.undo_at_boot(None),  # type: ignore[arg-type]
        lambda: span.roll_back(None, "id"),  # type: ignore[arg-type]
        lambda: span.roll_back_last(None),  # type: ignore[arg-type]
    ],
    ids=["expired", "at boot", "roll back", "roll back last"],
)
def test_whoever_undoes_has_loaded_all_of_it_before_waiting(monkeypatch: pytest.MonkeyPatch, undo: Callable[[], object]) -> None:
    """Another version may replace the program that it runs from while it waits."""

    def waits(*_arguments: Any) -> None:
        raise Waits(SNAPSHOT in sys.modules)

    for name in ("exclusive", "turn", "is_held"):
        monkeypatch.setattr(span, name, waits)
    # Imported anew: the package remembers it, too.
    monkeypatch.delitem(sys.modules, SNAPSHOT, raising=False)
    monkeypatch.delattr(sys.modules[span.__package__], "snapshot", raising=False)
    with pytest.raises(Waits, match="True"):
        undo()
