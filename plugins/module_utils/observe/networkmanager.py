# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What NetworkManager has and does, from nmcli(1) and its keyfiles."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import replace

from ..host.machine import Machine
from ..model.networkmanager import LEASES, Connection, Device, Facts
from ..model.state import FileState

_DEVICES = ("nmcli", "-t", "-f", "DEVICE,TYPE,STATE,CON-UUID", "device")
_CONNECTIONS = ("nmcli", "-t", "-f", "UUID,TYPE,DEVICE,STATE,AUTOCONNECT,AUTOCONNECT-PRIORITY,FILENAME", "connection", "show")
_PARENTS = ("nmcli", "-t", "-f", "connection.uuid,connection.master,vlan.parent", "connection", "show")
_ESCAPED = re.compile(r"\\(.)")
_FIELD = re.compile(r"(?:[^:\\]|\\.)*")
# Properties whose nmcli spelling is not their keyfile's, and what nmcli prints for "not set".
_UNSET = frozenset({"", "-1", "--", "auto", "default", "unknown", "0x0"})


def read(machine: Machine, links: frozenset[str]) -> Facts:
    """Everything about ``links``, and which profiles are active at all."""
    if not machine.which("nmcli") or machine.run(("nmcli", "-t", "-f", "RUNNING", "general")).out.strip() != "running":
        return Facts()
    devices = {row[0]: Device(*row[1:]) for row in _rows(machine, _DEVICES, 4)}
    connections = {}
    for row in _rows(machine, _CONNECTIONS, 7):
        priority = int(row[5]) if row[5].lstrip("-").isdigit() else 0
        connections[row[0]] = Connection(row[0], row[1], row[2], row[3], row[4] == "yes", priority, row[6])
    managed = {link: devices[link] for link in sorted(links) if link in devices and devices[link].uuid}
    return Facts(
        running=True,
        devices=devices,
        connections=_with_parents(machine, connections),
        texts={link: _text(machine, connections[device.uuid]) for link, device in managed.items() if device.uuid in connections},
        dhcp={link: _dhcp(machine, link) for link in managed},
        slaac=_slaac(machine, links),
        leases=_leases(machine, links) if managed else {},
    )


def _rows(machine: Machine, command: t.Sequence[str], width: int) -> list[list[str]]:
    rows = (split_terse(line) for line in machine.run(command).out.splitlines())
    return [row for row in rows if len(row) == width]


def split_terse(line: str) -> list[str]:
    """The fields of a line of `nmcli --terse`, which writes ``:`` and ``\\`` inside a field with a ``\\`` before them."""
    fields, at = [], 0
    while at <= len(line):
        match = _FIELD.match(line, at)
        text = match.group() if match else ""
        fields.append(_ESCAPED.sub(r"\1", text))
        at += len(text) + 1
    return fields


def _with_parents(machine: Machine, connections: dict[str, Connection]) -> dict[str, Connection]:
    """Bond ports and VLANs may name another profile by its UUID; only these are asked for."""
    kinds = {connection.type for connection in connections.values()}
    asked = [
        uuid
        for uuid, connection in connections.items()
        if connection.type == "vlan" or ("bond" in kinds and connection.type == "802-3-ethernet")
    ]
    if not asked:
        return connections
    found = dict(connections)
    current = ""
    for line in machine.run((*_PARENTS, *asked)).out.splitlines():
        key, _colon, value = line.partition(":")
        value = _ESCAPED.sub(r"\1", value)
        if key == "connection.uuid":
            current = value
        elif value and current in found:
            found[current] = replace(found[current], parents=(*found[current].parents, value))
    return found


def _text(machine: Machine, connection: Connection) -> str:
    """The profile's file where it has one (also below /run); else what NetworkManager says of it."""
    file = machine.read(connection.path) if connection.path.endswith(".nmconnection") else None
    return file.content if file else keyfile_of(machine.run(("nmcli", "-t", "connection", "show", connection.uuid)).out)


def keyfile_of(answer: str) -> str:
    """The keyfile that says what `nmcli -t connection show` prints: for profiles of other plugins (ifupdown, ifcfg-rh)."""
    sections: dict[str, list[str]] = {}
    for line in answer.splitlines():
        name, _colon, value = line.partition(":")
        section, _dot, key = name.partition(".")
        value = _ESCAPED.sub(r"\1", value)
        if section.isupper() or not key or value in _UNSET or key.startswith("dhcp-send-hostname-"):
            continue
        section = {"802-3-ethernet": "ethernet"}.get(section, section)
        sections.setdefault(section, []).extend(_lines(key, value))
    return "\n".join(line for name, lines in sections.items() for line in [f"[{name}]", *lines]) + "\n"


def _lines(key: str, value: str) -> list[str]:
    if value in ("yes", "no"):
        return [f"{key}={'true' if value == 'yes' else 'false'}"]
    if key == "addresses":
        return [f"address{index}={item.strip()}" for index, item in enumerate(value.split(","), 1)]
    if key == "routing-rules":
        return [f"routing-rule{index}={item.strip()}" for index, item in enumerate(value.split(","), 1)]
    if key in ("dns", "dns-search", "dns-options"):
        return [f"{key}={value.replace(',', ';')};"]
    if key != "routes":
        return [] if value == "0" else [f"{key}={value}"]
    lines = []
    for index, item in enumerate(value.split(","), 1):
        words = item.split()
        plain = [word for word in words if "=" not in word]
        lines.append(f"route{index}={','.join(plain)}")
        options = [word for word in words if "=" in word]
        lines += [f"route{index}_options={','.join(options)}"] if options else []
    return lines


def _dhcp(machine: Machine, link: str) -> dict[str, str]:
    """``4.key`` and ``6.key`` of the leases in force."""
    options = {}
    for line in machine.run(("nmcli", "-t", "-f", "DHCP4,DHCP6", "device", "show", link)).out.splitlines():
        name, _colon, text = line.partition(":")
        key, equals, value = _ESCAPED.sub(r"\1", text).partition(" = ")
        if equals and name.startswith("DHCP"):
            options[f"{name[4]}.{key.strip()}"] = value.strip()
    return options


def _slaac(machine: Machine, links: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Global /64 addresses with an end that are no temporary ones (linux/if_addr.h: 0x80 permanent, 0x01 temporary)."""
    found: dict[str, tuple[str, ...]] = {}
    for line in machine.text("/proc/net/if_inet6").splitlines():
        fields = line.split()
        if len(fields) == 6 and fields[5] in links and fields[2:4] == ["40", "00"] and not int(fields[4], 16) & 0x81:
            address = str(ipaddress.IPv6Address(int(fields[0], 16)))
            found[fields[5]] = (*found.get(fields[5], ()), address)
    return found


def _leases(machine: Machine, links: frozenset[str]) -> dict[str, FileState]:
    found = {}
    for name in machine.entries(LEASES):
        if name.endswith(".lease") and any(name.endswith(f"-{link}.lease") for link in links):
            file = machine.read(f"{LEASES}/{name}")
            if file:
                found[f"{LEASES}/{name}"] = file
    return found
