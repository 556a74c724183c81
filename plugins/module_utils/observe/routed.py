# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a host has of the table, the settings and the unit of routes to guests."""

from __future__ import annotations

import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.routed import DEFAULTS, TABLES, UNIT, RoutedFacts
from ..model.state import Link
from .ruleset import read_tables

_FAMILIES = {"proxy_arp": "ipv4", "proxy_ndp": "ipv6", "accept_ra": "ipv6", "disable_ipv6": "ipv6"}


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> RoutedFacts | None:
    """None where the document does not speak of routes; nothing in particular where there are none."""
    if not document.routes.spoken:
        return None
    networks = [nat for nat in document.nat.items if nat.point_to_point or nat.proxy_arp]
    if not applied.routes and not document.routes.items and not networks:
        return RoutedFacts()
    show = machine.run(("systemctl", "show", "--property=ActiveState,UnitFileState", UNIT))
    return RoutedFacts(
        systemd=show.rc == 0,
        enabled="UnitFileState=enabled" in show.out.splitlines(),
        active="ActiveState=active" in show.out.splitlines(),
        tables=read_tables(machine, TABLES),
        sysctls=_sysctls(machine, links),
    )


def _sysctls(machine: Machine, links: t.Mapping[str, Link]) -> dict[str, str]:
    """Of all interfaces, as which of them leads to the world is not known yet; but of no port, which has no layer 3."""
    names = [name for name, link in links.items() if not link.master]
    keys = [f"net/{_FAMILIES[word]}/conf/{name}/{word}" for name in names for word in DEFAULTS]
    values = ((key, machine.text(f"/proc/sys/{key}")) for key in keys)
    return {key: value for key, value in values if value != ""}
