# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Interfaces that the root file system lives behind: cut one off, and the host cannot even report it."""

from __future__ import annotations

import json

from ..host.machine import Machine


def root_links(machine: Machine) -> dict[str, str]:
    """Interface -> why (``an NFS root from 10.0.0.5``) for a root on NFS or iSCSI."""
    links = {}
    for kind, address in _root_servers(machine):
        done = machine.run(("ip", "-json", "route", "get", address))
        for route in json.loads(done.out or "[]") if done.rc == 0 else []:
            if route.get("dev"):
                links[route["dev"]] = f"{kind} root from {address}"
    return links


def _root_servers(machine: Machine) -> list[tuple[str, str]]:
    for line in machine.text("/proc/self/mountinfo").splitlines():
        fields = line.split()
        if len(fields) < 9 or fields[4] != "/":
            continue
        kind, source, options = fields[fields.index("-") + 1 : fields.index("-") + 4]
        if kind.startswith("nfs"):
            addresses = [word[5:] for word in options.split(",") if word.startswith("addr=")]
            return [("an NFS", address) for address in addresses or [source.rsplit(":/", 1)[0].strip("[]")]]
        if _is_iscsi(machine, f"/sys/dev/block/{fields[2]}"):
            connections = machine.entries("/sys/class/iscsi_connection")
            servers = (machine.text(f"/sys/class/iscsi_connection/{name}/address") for name in connections)
            return [("an iSCSI", address) for address in servers if address]
    return []


def _is_iscsi(machine: Machine, device: str) -> bool:
    """A SCSI disk of an iSCSI session lies below .../sessionN/ in sysfs; LVM, multipath and RAID stand on such disks."""
    real = machine.resolve(device)
    return "/session" in real or any(_is_iscsi(machine, f"{real}/slaves/{name}") for name in machine.entries(f"{real}/slaves"))
