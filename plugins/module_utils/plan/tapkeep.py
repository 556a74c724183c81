# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Who keeps taps over a reboot. None of the managers has to do with the change itself: taps have no addresses to lose."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import Problem
from ..model.state import FileState, HostState
from ..model.step import EditLines, Phase, Remove, Run, Step, Write
from ..model.tap import AppliedTap, Tap
from ..render.tap import ifupdown_files, networkd_files, networkd_name, networkmanager_files
from . import ifupdown, networkd
from .libvirtbridges import libvirt_bridges
from .persist import BACKENDS, not_running

Taps = t.Mapping[str, AppliedTap]
# networkd-setlink.c: since then VLANs that are not in the file go.
_TAKES_VLANS_AWAY = 256


@dataclass(frozen=True)
class Keeper:
    """One back end as taps see it; all pure, ``facts`` are the back end's own.

    ``files(tap)``: what it takes. ``problems(facts, tap, path)``: what it cannot keep. ``handover(facts, before, after)``:
    the steps by which it takes note.
    """

    files: t.Callable[[AppliedTap], dict[str, FileState]]
    problems: t.Callable[[t.Any, Tap, str], list[Problem]]
    handover: t.Callable[[t.Any, Taps, Taps], list[Step]]


def choose_keeper(document: Document, tap: Tap, state: HostState, applied: Applied, place: str) -> tuple[str, list[Problem]]:
    """The back end's name. What made the tap keeps it; else what the user says; else what keeps its bridge."""
    known = applied.taps.get(tap.name)
    if known and document.persist not in ("auto", known.persist):
        cure = f"remove it before {document.persist} can take over, or leave persist: auto"
        return known.persist, [Problem(place, f"{tap.name} is kept by {known.persist}; {cure}")]
    if known:
        return known.persist, []
    if document.persist != "auto":
        return document.persist, not_running(document.persist, state, place)
    bridge = applied.bridges.get(tap.bridge)
    if bridge and bridge.persist != "foreign":
        return bridge.persist, []
    names = [name for name, backend in BACKENDS.items() if tap.bridge and backend.claims(state.managers.get(name), tap.bridge)]
    names = names or [name for name, backend in BACKENDS.items() if backend.active(state.managers.get(name))]
    if len(names) == 1:
        return names[0], []
    if names:
        return "", [Problem(place, f"{' and '.join(names)} all run here; which one shall keep {tap.name}? Say it with persist:")]
    why = "none of systemd-networkd, ifupdown and NetworkManager runs here to keep it"
    return "", [Problem(place, f"{why}; persist: none makes it until reboot")]


def vlan_problems(persist: str, tap: Tap, systemd: int, path: str) -> list[Problem]:
    """A bridge puts every new port into its own VLAN, and not every back end takes it out again."""
    leaves = {"networkmanager": "NetworkManager", "networkd": f"systemd-networkd {systemd}" if systemd < _TAKES_VLANS_AWAY else ""}.get(
        persist
    )
    if not tap.vlans or not leaves:
        return []
    why = f"{leaves} leaves the bridge's own VLAN on every port, so after a reboot the guest would be in that, too"
    newer = f"systemd {_TAKES_VLANS_AWAY} takes it away; " if persist == "networkd" else ""
    return [Problem(f"{path}.vlan", f"{why}; {newer}let ifupdown keep the bridge, or say persist: none for a tap until reboot")]


def libvirt_problems(persist: str, tap: Tap, applied: Applied, path: str) -> list[Problem]:
    """libvirt makes its bridges after the network managers have looked for those of their ports."""
    if persist == "none" or tap.bridge not in libvirt_bridges(applied):
        return []
    why = f"{tap.bridge} is there only once libvirt runs, so that no reboot would bring {tap.name} back into it"
    return [Problem(f"{path}.bridge", f"{why}; say toolstack: libvirt for a guest of libvirt, or persist: none for a tap until reboot")]


def _networkd_problems(facts: t.Any, tap: Tap, path: str) -> list[Problem]:
    own = networkd_name(tap.name)
    rivals = networkd.files_matching(facts, tap.name, "tap")
    return [
        Problem(path, f"{facts.files[rival].path} sorts before {own} and would win over it; rename it to 10-{rival.lstrip('0123456789-')}")
        for rival in rivals
        if rival < own
    ]


def _networkd_handover(facts: t.Any, before: Taps, after: Taps) -> list[Step]:
    """It reads its files anew, lest it configure a tap that comes again by what it had read before."""
    if not networkd.active(facts):
        return []
    reload = Run(("networkctl", "reload"), may_fail=True)
    return [
        Step(Phase.FREEZE, "systemd-networkd reads its old files again", (), (reload,)),
        Step(Phase.THAW, "systemd-networkd knows its taps", (reload,)),
    ]


def _ifupdown_problems(facts: t.Any, tap: Tap, path: str) -> list[Problem]:
    return ifupdown.file_problems(facts, tap.name, path)


def _ifupdown_handover(facts: t.Any, before: Taps, after: Taps) -> list[Step]:
    """ifupdown is no daemon: it only has to know what is up."""
    if not facts:
        return []
    come = [name for name, tap in after.items() if tap.tap.up and name not in facts.up]
    gone = [name for name in before if name not in after and name in facts.up]
    if not come and not gone:
        return []
    do, undo = _state(gone, come), _state(come, gone)
    return [Step(Phase.THAW, "ifupdown knows which taps are up", do, undo)]


def _state(down: t.Sequence[str], up: t.Sequence[str]) -> tuple[EditLines | Remove | Write, ...]:
    state = ifupdown.STATE
    edit = EditLines(state, tuple(f"{name}={name}" for name in down), tuple(f"{name}={name}" for name in up))
    removed = (Remove(f"{state}.{name}") for name in down)
    return (edit, *removed, *(Write(f"{state}.{name}", f"{name}\n") for name in up))


def _networkmanager_problems(facts: t.Any, tap: Tap, path: str) -> list[Problem]:
    if not tap.isolated:
        return []
    cure = "let systemd-networkd or ifupdown keep the bridge, or say persist: none for a tap until reboot"
    return [Problem(f"{path}.isolated", f"NetworkManager has no word for the isolation of a port, so a reboot would lose it; {cure}")]


def _networkmanager_handover(facts: t.Any, before: Taps, after: Taps) -> list[Step]:
    """A tap whose profile is still loaded would be made again as soon as the kernel removes it, before we make the other one."""
    gone = [name for name in before if after.get(name) != before[name]]
    files = {path: file for name in gone for path, file in networkmanager_files(before[name]).items()}
    reload = Run(("nmcli", "connection", "reload"), may_fail=True)
    away = tuple(Run(("nmcli", "device", "set", name, "managed", "no"), may_fail=True) for name in gone)
    back = tuple(Write(path, file.content, file.mode, file.uid, file.gid) for path, file in files.items())
    looks_away = Step(Phase.FREEZE, "NetworkManager looks away from taps that change", away, (reload,))
    forgets = [
        Step(Phase.FREEZE, "profiles of taps that change", tuple(map(Remove, files)), back, lasting=True),
        Step(Phase.FREEZE, "NetworkManager forgets taps that change", (reload,)),
    ]
    return [looks_away, *(forgets if files else []), Step(Phase.THAW, "NetworkManager knows its taps", (reload,))]


KEEPERS: dict[str, Keeper] = {
    "networkd": Keeper(networkd_files, _networkd_problems, _networkd_handover),
    "ifupdown": Keeper(ifupdown_files, _ifupdown_problems, _ifupdown_handover),
    "networkmanager": Keeper(networkmanager_files, _networkmanager_problems, _networkmanager_handover),
}
