# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The bridges that libvirt makes for the networks that are declared."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.libvirt import AppliedLibvirt, Element
from ..model.libvirtread import BRIDGED
from ..model.libvirtxml import normal_of


def has_own_bridge(definition: Element) -> bool:
    """Does libvirt make the network's bridge?"""
    return definition.one("forward").get("mode", "isolated") in BRIDGED


def libvirt_bridges(applied: Applied) -> dict[str, str]:
    """The bridges of declared networks that run, each with the name of its network."""
    found = {}
    for name, item, definition in _definitions(applied):
        bridge = definition.one("bridge").get("name")
        if bridge and item.active and has_own_bridge(definition):
            found[bridge] = name
    return found


def closed_bridges(applied: Applied) -> dict[str, str]:
    """The bridges of declared networks into which libvirt lets nothing that begins outside; what people call each network."""
    found = {}
    for name, _item, definition in _definitions(applied):
        mode = definition.one("forward").get("mode", "isolated")
        if has_own_bridge(definition) and mode != "open":
            found[definition.one("bridge").get("name")] = f"network {name} of libvirt, with forward mode {mode}"
    return found


def _definitions(applied: Applied) -> t.Iterator[tuple[str, AppliedLibvirt, Element]]:
    """Each network as it is declared, or as it was where that stays."""
    for name, item in applied.libvirt.items():
        yield name, item, normal_of(item.definition) if item.definition else Element("network")
