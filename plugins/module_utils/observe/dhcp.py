# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a host has of DHCP and DNS: dnsmasq, its units, who listens where, and the leases."""

from __future__ import annotations

import re
import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.dhcp import DhcpFacts, Listener, UnitFacts, leases_path, unit_of
from ..model.document import Document
from ..model.state import Link

_VERSION = re.compile(r"Dnsmasq version (\S+)")
_USER = re.compile(r'\("([^"]*)",pid=(\d+)')
PORTS = (53, 67, 547)
LISTENERS = ("ss", "-H", "-l", "-u", "-t", "-n", "-p")
_PROPERTIES = "--property=Id,ActiveState,UnitFileState,MainPID"


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> DhcpFacts | None:
    """None where the document does not speak of DHCP."""
    if not document.dhcp.spoken:
        return None
    names = sorted({*applied.dhcp, *(network.name for network in document.dhcp.items)})
    if not names:
        return DhcpFacts()
    units = read_units(machine, names)
    version = _VERSION.search(machine.run(("dnsmasq", "--version")).out)
    return DhcpFacts(
        version=version[1] if version else "",
        systemd=units is not None,
        user=machine.run(("getent", "passwd", "dnsmasq")).rc == 0,
        units=units or {},
        listeners=parse_listeners(machine.run(LISTENERS).out),
        leases=read_leases(machine, applied.dhcp),
    )


def read_units(machine: Machine, names: t.Sequence[str]) -> dict[str, UnitFacts] | None:
    """By network; None where systemd does not run."""
    if not names:
        return {}
    done = machine.run(("systemctl", "show", _PROPERTIES, *map(unit_of, names)))
    if done.rc:
        return None
    found = {}
    for block in done.out.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            active = values["ActiveState"] in ("active", "reloading")
            found[values["Id"]] = UnitFacts(active, values["UnitFileState"] == "enabled", int(values["MainPID"]))
    return {name: found.get(unit_of(name), UnitFacts()) for name in names}


def read_leases(machine: Machine, names: t.Iterable[str]) -> dict[str, str]:
    """The lease file of each network that has one."""
    files = {name: machine.read(leases_path(name)) for name in names}
    return {name: file.content for name, file in files.items() if file is not None}


def parse_listeners(text: str) -> tuple[Listener, ...]:
    """Lines of ss(8) with -H -l -u -t -n -p, as far as they are about DHCP and DNS."""
    found = []
    for words in (line.split() for line in text.splitlines()):
        if len(words) < 6:
            continue
        place, _colon, port = words[4].rpartition(":")
        address, _percent, dev = place.partition("%")
        if not port.isdigit() or int(port) not in PORTS:
            continue
        address = address.strip("[]")
        for program, pid in _USER.findall(words[6] if len(words) > 6 else "") or [("another program", "0")]:
            found.append(Listener(int(port), "*" if address in ("0.0.0.0", "::", "*") else address, dev.strip("]"), program, int(pid)))
    return tuple(dict.fromkeys(found))
