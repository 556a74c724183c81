# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Which back end keeps a bridge over a reboot, and which files that takes."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.applied import Applied, AppliedBridge
from ..model.bridge import Bridge
from ..model.document import Document
from ..model.forwarding import accept_ra
from ..model.problem import Problem
from ..model.state import FileState, HostState
from ..render.boot import boot_files, sysctl_file
from ..render.ifupdown import ROUTER
from ..render.marks import without_ours
from . import ifupdown, networkd, networkmanager
from .backend import Backend

_LEGACY_CURE = (
    "let systemd-networkd, ifupdown or NetworkManager (with a keyfile) configure it, or say persist: none for a bridge until reboot"
)
BACKENDS: dict[str, Backend] = {backend.name: backend for backend in (networkd.BACKEND, ifupdown.BACKEND, networkmanager.BACKEND)}


def choose(document: Document, bridge: Bridge, state: HostState, applied: Applied, place: str) -> tuple[str, list[Problem]]:
    """The back end's name. What made the bridge keeps it; else what the user says; else what manages the uplink now."""
    known = applied.bridges.get(bridge.name)
    if document.persist != "auto":
        if known and known.persist not in (document.persist, "foreign"):
            return known.persist, [
                Problem(
                    place,
                    f"{bridge.name} is kept by {known.persist}; remove it before {document.persist} can take over, or leave persist: auto",
                )
            ]
        if known:
            return known.persist, []
        return document.persist, not_running(document.persist, state, place)
    if known:
        return known.persist, []
    link, where = bridge.uplink or _default_link(state), f"{place}.uplink" if bridge.uplink else place
    legacy = state.managers.get("legacy", {}).get(link)
    if legacy:
        return "", [Problem(where, f"{link} is configured by {legacy}, which this collection does not write; {_LEGACY_CURE}")]
    claims = [name for name, backend in BACKENDS.items() if link and backend.claims(state.managers.get(name), link)]
    if len(claims) > 1:
        asked = f"both {' and '.join(claims)} manage {link}; which one shall keep {bridge.name}?"
        return "", [Problem(where, f"{asked} Say it with persist:, and take {link} out of the other's configuration")]
    if claims:
        return claims[0], []
    return _only_active(bridge, state, place)


def _only_active(bridge: Bridge, state: HostState, place: str) -> tuple[str, list[Problem]]:
    active = [name for name, backend in BACKENDS.items() if backend.active(state.managers.get(name))]
    if len(active) == 1:
        return active[0], []
    if active:
        return "", [Problem(place, f"{', '.join(active)} all run here; which one shall keep {bridge.name}? Say it with persist:")]
    return "", [
        Problem(place, "none of systemd-networkd, ifupdown and NetworkManager runs here to keep it; persist: none makes it until reboot"),
    ]


def not_running(name: str, state: HostState, place: str) -> list[Problem]:
    """What is wrong with ``persist: name`` on this host."""
    backend = BACKENDS.get(name)
    if backend is None or backend.active(state.managers.get(name)):
        return []
    return [Problem(place, f"persist: {name}, but {name} does not run on this host; leave persist: auto to take the one that does")]


def _default_link(state: HostState) -> str:
    return next((route.dev for route in state.routes if route.dst == "default" and route.table == "main" and route.dev), "")


def capture(bridge: AppliedBridge, before: AppliedBridge | None, state: HostState) -> AppliedBridge:
    """Remember the uplink's own profile, once: when the uplink becomes the bridge's."""
    if before and before.bridge.uplink == bridge.bridge.uplink and before.persist == bridge.persist:
        return replace(bridge, captured=before.captured)
    backend = BACKENDS.get(bridge.persist)
    if backend is None or not bridge.bridge.uplink:
        return bridge
    return replace(bridge, captured=backend.capture(state.managers.get(bridge.persist), state, bridge.bridge))


def wanted_files(applied: Applied, state: HostState) -> dict[str, FileState]:
    """All files of ours that shall be there, and the foreign ones that we must change, as they shall read."""
    files: dict[str, FileState] = {}
    for name, backend in BACKENDS.items():
        bridges = {key: bridge for key, bridge in applied.bridges.items() if bridge.persist == name}
        for key, bridge in bridges.items():
            listens = accept_ra(key) in applied.sysctls
            files.update(backend.files(key, replace(bridge, captured={**bridge.captured, ROUTER: "yes"}) if listens else bridge))
        plain = backend.edits(state.managers.get(name), {})
        files.update({path: file for path, file in backend.edits(state.managers.get(name), bridges).items() if file != plain.get(path)})
    kept = {name: bridge for name, bridge in applied.bridges.items() if bridge.persist in BACKENDS}
    lasting = any(bridge.persist != "none" for bridge in applied.bridges.values())
    files.update(boot_files(kept, applied.bridge_netfilter if lasting else "keep"))
    files.update(sysctl_file(applied))
    return files


def changed_files(wanted: t.Mapping[str, FileState], before: Applied, state: HostState) -> dict[str, FileState | None]:
    """Path -> new file, None where ours goes away; only what differs from the host."""
    changes: dict[str, FileState | None] = {path: file for path, file in wanted.items() if state.files.get(path) != file}
    plain = unedited_files(state)
    for path, memory in before.files.items():
        original = plain.get(path, memory.original)
        if path not in wanted and state.files.get(path) != original:
            changes[path] = original
    return changes


def unedited_files(state: HostState) -> dict[str, FileState]:
    """Users' files as they read without our marks, with whatever was edited in them meanwhile."""
    plain: dict[str, FileState] = {}
    for name, backend in BACKENDS.items():
        plain.update(backend.edits(state.managers.get(name), {}))
    return {**plain, **without_ours(state.files)}
