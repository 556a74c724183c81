# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The VLANs of a bridge's port, as the user declares them and as bridge(8) has them."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

from .problem import Problem

# IEEE 802.1Q: 0 is a priority alone, 4095 is reserved.
_FIRST, _LAST = 1, 4094
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")
# xl-network-configuration(5): 10p, 20u, 100-120, and 100+10x4 for 100 with four more, each 10 further.
_XL_TERM = re.compile(r"(\d{1,4})(?:(p)|(?:-(\d{1,4})|\+(\d{1,4})x(\d{1,4}))?(u)?)")


@dataclass(frozen=True)
class VlanRange:
    """VLANs ``first`` to ``last`` of a port. ``pvid``: untagged frames that come in belong to it; ``untagged``: its frames leave so."""

    first: int
    last: int
    pvid: bool = False
    untagged: bool = False

    def __str__(self) -> str:
        """In the words of bridge(8)."""
        numbers = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return numbers + (" pvid" if self.pvid else "") + (" untagged" if self.untagged else "")


Vlans = tuple[VlanRange, ...]


def untagged(number: int) -> Vlans:
    """The one VLAN of a port that knows of none, nothing for 0."""
    return (VlanRange(number, number, pvid=True, untagged=True),) if number else ()


def vlans_from_json(data: t.Iterable[t.Mapping[str, t.Any]]) -> Vlans:
    """The inverse of dataclasses.asdict after its way through JSON."""
    return tuple(VlanRange(**item) for item in data)


def read_vlans(options: t.Mapping[str, t.Any] | None, path: str) -> tuple[Vlans, list[Problem]]:
    """The option ``vlan`` with everything that is wrong with it; no VLANs where it is not given."""
    if options is None:
        return (), []
    access, trunk, native = (options.get(word) for word in ("access", "trunk", "native"))
    if access is not None and (trunk is not None or native is not None):
        return (), [Problem(f"{path}.access", "goes without trunk and native: a port has one VLAN, or a trunk of them")]
    if access is None and trunk is None:
        return (), [Problem(path, "names no VLAN; write access: 10 for a guest that knows none, or trunk: [10, 20-29] for one that tags")]
    found: list[tuple[str, VlanRange]] = []
    problems: list[Problem] = []
    for option, number in (("access", access), ("native", native)):
        if number is not None:
            problems += _number_problems(number, number, f"{path}.{option}")
            found += [(f"{path}.{option}", item) for item in untagged(number)]
    for index, text in enumerate(trunk or ()):
        place = f"{path}.trunk[{index}]"
        numbers = _RANGE.fullmatch(str(text).strip())
        if not numbers:
            problems.append(Problem(place, f"{text!r} is no VLAN; write a number or a range, as in 20-29"))
            continue
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        problems += _number_problems(first, last, place)
        found.append((place, VlanRange(first, last)))
    return tuple(item for _place, item in found), problems + _overlaps(found)


def read_xl_vlans(text: str, path: str) -> tuple[Vlans, list[Problem]]:
    """What xl's words for VLANs mean, as in 10 or 10p/20-29, with everything that is wrong with them."""
    terms = [_XL_TERM.fullmatch(term) for term in text.split("/")]
    if not all(terms):
        return (), [Problem(path, f"{text!r} are no VLANs of xl; write 10 for a guest that knows none, or 10p/20 for one that tags 20")]
    problems: list[Problem] = []
    found: list[tuple[str, VlanRange]] = []
    for term in filter(None, terms):
        for item in _xl_ranges(term, alone=len(terms) == 1):
            problems += _number_problems(item.first, item.last, path)
            found.append((path, item))
    native = sum(item.pvid for _place, item in found)
    if native != 1:
        cure = "mark the one of frames without a tag by p, as in 10p/20"
        problems.append(Problem(path, f"{text} marks {native} of its VLANs by p; {cure}"))
    return tuple(item for _place, item in found), problems + _overlaps(found)


def _xl_ranges(term: re.Match[str], alone: bool) -> list[VlanRange]:
    first, native, last, step, more, bare = term.groups()
    number = int(first)
    if native or (alone and term[0] == first):
        return list(untagged(number)) or [VlanRange(0, 0, pvid=True)]
    if step:
        numbers = range(number, number + int(step) * int(more) + 1, int(step) or 1)
        return [VlanRange(item, item, untagged=bool(bare)) for item in numbers]
    return [VlanRange(number, int(last or first), untagged=bool(bare))]


def _number_problems(first: int, last: int, place: str) -> list[Problem]:
    if first > last:
        return [Problem(place, f"{first}-{last} is upside down; write {last}-{first}")]
    outside = [number for number in dict.fromkeys((first, last)) if not _FIRST <= number <= _LAST]
    return [Problem(place, f"{number} is outside {_FIRST}-{_LAST}") for number in outside]


def _overlaps(found: t.Sequence[tuple[str, VlanRange]]) -> list[Problem]:
    problems = []
    for index, (place, item) in enumerate(found):
        for other_place, other in found[:index]:
            if item.first <= other.last and other.first <= item.last:
                number = max(item.first, other.first)
                problems.append(Problem(place, f"VLAN {number} is already {other_place}; write it once"))
    return problems


def vlans_from_bridge(text: str) -> dict[str, Vlans]:
    """Port -> its VLANs, of `bridge -json -compressvlans vlan show`."""
    return {item["ifname"]: normal(tuple(_range(vlan) for vlan in item["vlans"])) for item in json.loads(text or "[]")}


def _range(vlan: t.Mapping[str, t.Any]) -> VlanRange:
    flags = vlan.get("flags", [])
    return VlanRange(vlan["vlan"], vlan.get("vlanEnd", vlan["vlan"]), "PVID" in flags, "Egress Untagged" in flags)


def vlan_lines(name: str, had: Vlans, wanted: Vlans) -> list[str]:
    """From what the port had to what is wanted, in lines of bridge(8); what comes stands before what goes."""
    old, new = _each(had), _each(wanted)
    added = {number: flags for number, flags in new.items() if old.get(number) != flags}
    gone = dict.fromkeys((number for number in old if number not in new), (False, False))
    lines = [f"vlan add dev {name} vid {item}" for item in _ranges(added)]
    return [*lines, *(f"vlan del dev {name} vid {item}" for item in _ranges(gone))]


def _each(vlans: Vlans) -> dict[int, tuple[bool, bool]]:
    return {number: (item.pvid, item.untagged) for item in vlans for number in range(item.first, item.last + 1)}


def _ranges(numbers: t.Mapping[int, tuple[bool, bool]]) -> list[VlanRange]:
    """Neighbours of one kind together; bridge(8) takes no range of PVIDs."""
    found: list[VlanRange] = []
    for number, (pvid, bare) in sorted(numbers.items()):
        last = found[-1] if found else None
        if last and not pvid and (last.last, last.pvid, last.untagged) == (number - 1, pvid, bare):
            found[-1] = VlanRange(last.first, number, pvid, bare)
        else:
            found.append(VlanRange(number, number, pvid, bare))
    return found


def normal(vlans: Vlans) -> Vlans:
    """Sorted, and as few ranges as there can be."""
    return tuple(_ranges(_each(vlans)))
