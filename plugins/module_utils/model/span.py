# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A span: one armed change, from before its first step until it is confirmed or undone."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from .probe import Probes
from .step import Json


@dataclass(frozen=True)
class Span:
    """``deadline`` is in seconds since boot (CLOCK_BOOTTIME: no clock that is set can move it). ``probes`` are the names of
    those that passed before and have to pass again. ``checkpoint``: a span around several runs."""

    id: str
    timeout: int
    deadline: float
    probes: tuple[str, ...] = ()
    checkpoint: bool = False

    def to_json(self) -> Json:
        return asdict(self)


def span_from_json(data: Json | None) -> Span | None:
    """Of a journal's header."""
    return Span(**{**data, "probes": tuple(data["probes"])}) if data else None


@dataclass(frozen=True)
class Confirm:
    """What a run was told about being watched over. ``id`` is empty without a controller that can confirm; ``timeout`` in seconds, 0: never."""

    id: str = ""
    timeout: int = 0
    always: bool = False
    probes: Probes = field(default_factory=Probes)

    @property
    def possible(self) -> bool:
        return bool(self.id and self.timeout)


def confirm_from(params: t.Mapping[str, t.Any], probes: Probes) -> Confirm:
    """The options that every mutating module has."""
    return Confirm(params["checkpoint"] or "", params["confirm_timeout"], params["confirm"] == "always", probes)
