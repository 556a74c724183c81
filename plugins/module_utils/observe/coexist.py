# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What firewalld has and does, by firewall-cmd(1). Docker's rules are read with all others, see observe/blocker.py."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.coexist import EXEMPTED_KINDS, CoexistFacts
from ..model.document import Document
from ..model.state import Link

_TOOL = "firewall-cmd"
_NOT_RUNNING = 252  # firewall-cmd(1)
_LISTS = ("--list-all-zones", "--list-all-policies")


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> CoexistFacts | None:
    """None where nothing is exempted. Each question costs firewalld's client a start of Python."""
    spoken = any(getattr(document, kind).spoken for kind in EXEMPTED_KINDS)
    if not spoken or not (document.coexist or applied.coexist.hooks):
        return None
    if not machine.which(_TOOL):
        return CoexistFacts()
    # Policies came with firewalld 0.9.
    loaded = machine.run((_TOOL, "--get-policies"))
    if loaded.rc:
        return CoexistFacts(firewalld=loaded.rc == _NOT_RUNNING)
    now, kept = ([line for words in _LISTS for line in _settings(machine, *also, words)] for also in ((), ("--permanent",)))
    return CoexistFacts(True, tuple(loaded.out.split()), tuple(line for line in now if line not in kept))


def _settings(machine: Machine, *words: str) -> list[str]:
    """Each setting behind what it is of. NetworkManager tells firewalld of its interfaces again after a reload."""
    found, name = [], ""
    for line in machine.run((_TOOL, *words)).out.splitlines():
        if line and not line.startswith((" ", "\t")):
            name = line.split()[0]
        elif line.strip() and not (line.strip().startswith("interfaces:") and machine.which("nmcli")):
            found.append(f"{name}: {line.strip()}")
    return found
