# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What of a host matters for taps alone: the tun driver, users and groups, who holds a tap open, and link groups."""

from __future__ import annotations

import re
import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.state import Link
from ..model.tap import Account, Tap, TapFacts, remade
from .rate import read_shapings
from .vlan import read_vlans

TUN = "/dev/net/tun"
_GROUP_NAMES = "/etc/iproute2/group"
_IFF = re.compile(r"^/proc/(\d+)/fdinfo/\d+:iff:\t(.+)$", re.MULTILINE)


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> TapFacts:
    """Nothing where the document does not speak of taps."""
    if not document.taps.spoken:
        return TapFacts()
    taps = document.taps.items
    users = _accounts(machine, "passwd", {tap.user for tap in taps if tap.user})
    groups = _accounts(machine, "group", {tap.group for tap in taps if tap.group})
    mode = machine.run(("stat", "--format=%a", TUN)).out.strip() if taps else "666"
    shapings = read_shapings(machine, _with(document, applied, _has_rate))
    return TapFacts(
        tun=bool(mode),
        loadable=bool(mode) or machine.run(("modprobe", "--dry-run", "tun")).rc == 0,
        tun_mode=int(mode or "666", 8),
        users=users,
        groups=groups,
        holders=holders(machine, _at_stake(document, applied, links, users, groups)),
        groups_taken=_groups_taken(machine, links),
        shapings=shapings or {},
        tc=shapings is not None,
        vlans=read_vlans(machine, _with(document, applied, _has_vlans)),
        systemd=_systemd(machine) if any(map(_has_vlans, taps)) else 0,
    )


def _has_rate(tap: Tap) -> bool:
    return tap.rate.limits


def _has_vlans(tap: Tap) -> bool:
    return bool(tap.vlans)


def _with(document: Document, applied: Applied, has: t.Callable[[Tap], bool]) -> set[str]:
    """The taps for which something matters: those that shall have it, and those that had."""
    gone = document.taps.gone(applied.owners("taps"), document.owner)
    named = {*gone, *(tap.name for tap in document.taps.items)}
    had = {name for name, tap in applied.taps.items() if name in named and has(tap.tap)}
    return had | {tap.name for tap in document.taps.items if has(tap)}


def _systemd(machine: Machine) -> int:
    """systemd 252 (252.39-1~deb12u1)"""
    words = machine.run(("networkctl", "--version")).out.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _accounts(machine: Machine, database: str, wanted: set[str]) -> dict[str, Account]:
    """The wanted names and numbers that the host knows, as getpwnam(3) and getpwuid(3) do, and ip(8) with them."""
    if not wanted:
        return {}
    found = _getent(machine, database, wanted)
    by_number = {number: name for name, number in _getent(machine, database, {str(number) for number in found.values()}).items()}
    # A number needs no account.
    numbers = {**{text: int(text) for text in wanted if text.isdigit()}, **found}
    return {text: Account(number, by_number.get(number, str(number))) for text, number in numbers.items() if text in wanted}


def _getent(machine: Machine, database: str, keys: set[str]) -> dict[str, int]:
    """Name -> number of those that there are."""
    lines = machine.run(("getent", database, *sorted(keys))).out.splitlines()
    return {line.split(":")[0]: int(line.split(":")[2]) for line in lines if line.count(":") > 2}


def _at_stake(
    document: Document,
    applied: Applied,
    links: t.Mapping[str, Link],
    users: t.Mapping[str, Account],
    groups: t.Mapping[str, Account],
) -> set[str]:
    """The taps of ours that may go, so that it matters who holds them open."""
    names = set(document.taps.gone(applied.owners("taps"), document.owner))
    for tap in document.taps.items:
        link, known = links.get(tap.name), applied.taps.get(tap.name)
        user, group = (found[text].name if text in found else "" for found, text in ((users, tap.user), (groups, tap.group)))
        if known and link and link.tap and remade(tap, user, group, known.tap, link.tap):
            names.add(tap.name)
    return {name for name in names if name in links and (links[name].carrier or not links[name].up)}


def holders(machine: Machine, names: t.Collection[str]) -> dict[str, tuple[str, ...]]:
    """Tap -> the programs that hold it open (proc(5): fdinfo of /dev/net/tun names the interface)."""
    if not names:
        return {}
    folders = [f"/proc/{pid}/fdinfo" for pid in machine.entries("/proc") if pid.isdigit()]
    found: dict[str, set[str]] = {}
    # Files of processes go away under way, which is no error.
    for pid, name in _IFF.findall(machine.run(("grep", "-rsH", "^iff:", *folders)).out):
        if name in names:
            found.setdefault(name, set()).add(f"{machine.text(f'/proc/{pid}/comm')} (pid {pid})")
    return {name: tuple(sorted(programs)) for name, programs in found.items()}


def _groups_taken(machine: Machine, links: t.Mapping[str, Link]) -> frozenset[int]:
    taken = {int(link.group) for link in links.values() if link.group.isdigit()}
    for line in machine.text(_GROUP_NAMES).splitlines():
        number = line.split("#")[0].split()[:1]
        taken |= {int(text) for text in number if text.isdigit()}
    return frozenset(taken)
