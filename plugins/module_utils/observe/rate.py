# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What tc(8) has on taps: its qdiscs, and the filters of what they send."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import replace

from ..host.machine import Machine
from ..model.problem import VnetError
from ..model.rate import HANDLE, PREFERENCE, Bucket, Shaping, tc_rate

QDISCS = ("tc", "-json", "qdisc", "show")
# iproute2 6.1 leaves a policer's rate out of its JSON.
POLICERS = ("tc", "actions", "list", "action", "police")
_POLICER = re.compile(r"police 0x([0-9a-f]+)\s+rate (\S+) burst (\S+)")
_SIZE = re.compile(r"([0-9.]+)([KM]?)b")
_KILO = {"": 1, "K": 1024, "M": 1024**2}
_MISSING = 127
Json = dict[str, t.Any]


def read_shapings(machine: Machine, names: t.Collection[str]) -> dict[str, Shaping] | None:
    """Name -> what tc(8) has on it, of those that are there; None where there is no tc(8)."""
    if not names:
        return {}
    done = machine.run(QDISCS)
    if done.rc == _MISSING:
        return None
    _refuse(QDISCS, done.rc, done.err)
    found: dict[str, Shaping] = {}
    for qdisc in json.loads(done.out or "[]"):
        if qdisc["dev"] in names:
            found[qdisc["dev"]] = _with_qdisc(found.get(qdisc["dev"], Shaping()), qdisc)
    hooked = sorted(name for name, shaping in found.items() if shaping.hooked)
    filters = _filters(machine, hooked)
    policers = _policers(machine) if any(filters.values()) else {}
    return {name: _with_filters(shaping, filters.get(name, []), policers) for name, shaping in found.items()}


def _with_qdisc(shaping: Shaping, qdisc: Json) -> Shaping:
    kind, handle = qdisc["kind"], qdisc["handle"]
    if kind == "clsact":
        return replace(shaping, hooked=True)
    if kind == "ingress":
        return replace(shaping, ingress=kind)
    # The kernel's own have no handle.
    if not qdisc.get("root") or handle == "0:":
        return shaping
    if (kind, handle) == ("tbf", HANDLE):
        return replace(shaping, to_guest=Bucket(qdisc["options"]["rate"], qdisc["options"]["burst"]))
    return replace(shaping, root=kind)


def _filters(machine: Machine, names: t.Sequence[str]) -> dict[str, list[Json]]:
    """Those of what each of the interfaces sends and gets, by one process."""
    if not names:
        return {}
    command = ("tc", "-json", "-batch", "-")
    sides = [(name, side) for name in names for side in ("ingress", "egress")]
    done = machine.run(command, "".join(f"filter show dev {name} {side}\n" for name, side in sides))
    _refuse(command, done.rc, done.err)
    decode, at, lists = json.JSONDecoder().raw_decode, 0, []
    text = done.out.strip()
    while at < len(text):
        part, at = decode(text, at)
        lists.append(part)
        at += len(text[at:]) - len(text[at:].lstrip())
    found: dict[str, list[Json]] = {name: [] for name in names}
    for (name, _side), part in zip(sides, lists):
        # Each classifier is told once by itself, without options.
        found[name] += [item for item in part if "options" in item]
    return found


def _policers(machine: Machine) -> dict[int, Bucket]:
    done = machine.run(POLICERS)
    _refuse(POLICERS, done.rc, done.err)
    return {int(index, 16): Bucket(tc_rate(rate) or 0, _size(burst)) for index, rate, burst in _POLICER.findall(done.out)}


def _with_filters(shaping: Shaping, filters: t.Iterable[Json], policers: t.Mapping[int, Bucket]) -> Shaping:
    for item in filters:
        indexes = [action["index"] for action in item["options"].get("actions", []) if action.get("kind") == "police"]
        if (item["kind"], item["pref"]) == ("matchall", PREFERENCE) and indexes:
            shaping = replace(shaping, from_guest=policers.get(indexes[0], Bucket()))
        else:
            shaping = replace(shaping, shared=True)
    return shaping


def _size(text: str) -> int:
    size = _SIZE.fullmatch(text)
    return round(float(size[1]) * _KILO[size[2]]) if size else 0


def _refuse(command: t.Sequence[str], rc: int, err: str) -> None:
    if rc:
        raise VnetError(f"{' '.join(command)}: {err.strip() or f'exit status {rc}'}")
