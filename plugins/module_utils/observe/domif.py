# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What libvirt says of the interfaces of all its domains, by virsh(1)."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.domif import DomifFacts, LibvirtDomain
from ..model.libvirt import DOMAIN_DAEMON, Element, SeenNetwork
from ..model.libvirtread import BRIDGED
from ..model.libvirtxml import normal_of, parse
from ..model.state import Link
from .libvirt import GUESTS, answers_of, daemon_cure, read_libvirt, said_of


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> DomifFacts | None:
    """None where the document has none of them, and takes none away."""
    declared = document.domifs
    return read_domifs(machine) if declared.items or declared.gone(applied.owners("domifs"), document.owner) else None


def read_domifs(machine: Machine) -> DomifFacts:
    """Every domain in two calls beside those for the networks: the MAC of one is no other's."""
    libvirt = read_libvirt(machine)
    if libvirt.missing:
        return DomifFacts(libvirt.missing)
    listed = machine.run((*GUESTS, "list", "--all", "--uuid"))
    if listed.rc:
        return DomifFacts(f"libvirt does not tell its domains ({said_of(listed)}); {daemon_cure(machine, DOMAIN_DAEMON)}")
    asked = ("dumpxml {0}", "dumpxml --inactive {0}", "dominfo {0}")
    answers = answers_of(machine, GUESTS, [words.format(uuid) for uuid in listed.out.split() for words in asked])
    domains = {}
    for at in range(0, len(answers), len(asked)):
        live, stored, info = answers[at : at + len(asked)]
        values = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        # Gone since it was listed.
        if live.strip():
            guest = parse(live)
            name, running = guest.one("name").text, guest.get("id") != ""
            kept = values.get("Persistent", "").strip() == "yes"
            domains[name] = LibvirtDomain(name, _interfaces(live) if running else None, _interfaces(stored) if kept else None)
    return DomifFacts("", domains, {name: _bridge(seen) for name, seen in libvirt.networks.items()})


def _interfaces(text: str) -> tuple[Element, ...]:
    return parse(text).one("devices").all("interface")


def _bridge(seen: SeenNetwork) -> str:
    """That libvirt makes for it."""
    definition = normal_of(seen.running or seen.stored)
    return definition.one("bridge").get("name") if definition.one("forward").get("mode", "isolated") in BRIDGED else ""
