# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""How fast a guest may send and be sent to, as the user declares it and as tc(8) has it."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from fractions import Fraction

from .problem import Problem

# Ours among what tc(8) has, the same number twice: of the qdisc, and of the filter in its row.
HANDLE, PREFERENCE = "766e:", 0x766E
# tc(8), UNITS: bits are counted in thousands, "i" says in 1024s, and "bps" are bytes.
_UNIT = re.compile(r"(\d+(?:\.\d+)?) ?(?:([kmgt]?)(i?)(bit|bps))?", re.IGNORECASE)
_POWERS = "kmgt"
# Bytes a second. Below, a guest cannot be reached in earnest; above, tc(8) counts no bursts.
_LEAST, _MOST = 1000, 10**12 // 8
# The kernel counts bursts in ticks of 64 ns, so that they come back rounded; of a policer's rate tc(8) tells four digits.
_BURST, _RATE = 50, 1000


@dataclass(frozen=True)
class Rate:
    """Limits in bytes a second, 0 for none."""

    to_guest: int = 0
    from_guest: int = 0

    @property
    def limits(self) -> bool:
        return bool(self.to_guest or self.from_guest)


@dataclass(frozen=True)
class Bucket:
    """A token bucket: bytes a second, and the bytes that may come at once."""

    rate: int = 0
    burst: int = 0

    def is_like(self, other: Bucket) -> bool:
        """As far as tc(8) can tell."""
        near = abs(self.rate - other.rate) * _RATE <= self.rate
        return near and abs(self.burst - other.burst) * _BURST <= self.burst


@dataclass(frozen=True)
class Shaping:
    """What tc(8) has on one tap. ``to_guest`` and ``from_guest`` are ours; ``root`` and ``ingress`` are kinds of qdiscs of somebody
    else's, empty where ours would find room. ``hooked``: there is a clsact, and ``shared``: with filters of others.
    """

    to_guest: Bucket = Bucket()
    from_guest: Bucket = Bucket()
    root: str = ""
    ingress: str = ""
    hooked: bool = False
    shared: bool = False

    def rate_beside(self, wanted: Shaping) -> Rate:
        """In the words of ``wanted`` where it is the same as far as can be told."""
        pairs = ((wanted.to_guest, self.to_guest), (wanted.from_guest, self.from_guest))
        return Rate(*(other.rate if other.is_like(own) else own.rate for other, own in pairs))


def read_rate(options: t.Mapping[str, t.Any] | None, path: str) -> tuple[Rate, list[Problem]]:
    """The option ``rate`` with everything that is wrong with it."""
    problems: list[Problem] = []
    found = {}
    for name, value in (options or {}).items():
        if value is None:
            continue
        speed = tc_rate(str(value).strip())
        if speed is None:
            problems.append(
                Problem(f"{path}.{name}", f"{value!r} is no rate; write it as tc does: 10mbit, 1.5gbit, 500kbit, 2mbps (bytes)")
            )
        elif not _LEAST <= speed <= _MOST:
            problems.append(Problem(f"{path}.{name}", f"{value} is outside {rate_text(_LEAST)} to {rate_text(_MOST)}"))
        else:
            found[name] = speed
    return Rate(**found), problems


def tc_rate(text: str) -> int | None:
    """Bytes a second; a bare number is bits, as tc(8) has it."""
    unit = _UNIT.fullmatch(text)
    if not unit:
        return None
    number, prefix, binary, word = unit.groups()
    if binary and not prefix:
        return None
    base = (1024 if binary else 1000) ** (_POWERS.index(prefix.lower()) + 1 if prefix else 0)
    return int(Fraction(number) * base / (1 if (word or "").lower() == "bps" else 8))


def rate_text(speed: int) -> str:
    """Bytes a second in the shortest exact words of tc(8)."""
    bits, power = speed * 8, 0
    while bits % 1000 == 0 and bits and power < len(_POWERS):
        bits, power = bits // 1000, power + 1
    return f"{bits}{_POWERS[power - 1] if power else ''}bit"
