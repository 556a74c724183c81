# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cheap guest: a network namespace inside a host, plugged into one of the host's bridges by a veth, or alone behind it."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Sequence

from .machine import Machine
from .util import LabError


class Guest:
    """Like a real guest's, its port is gone after the host's reboot; its MAC comes from its name."""

    def __init__(self, host: Machine, name: str, port: str = "") -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,11}", name):
            raise LabError(f"guest name {name!r}: lower case letters, digits and dashes, at most 12")
        self.host, self.name = host, name
        self.port = port or f"vg-{name}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        self.mac = "52:54:00:" + ":".join(digest[at : at + 2] for at in (0, 2, 4))

    @classmethod
    def plug(
        cls, host: Machine, bridge: str, name: str, addresses: Sequence[str] = (), gateway: str = "", mac: str = "", port: str = ""
    ) -> Guest:
        """Plug a guest in, or without a bridge leave its port alone; addresses as CIDR. With an existing guest of this name: from anew."""
        guest = cls(host, name, port)
        guest.mac = mac or guest.mac
        guest.remove()
        lines = [f"link add {guest.port} type veth peer name eth0 address {guest.mac} netns {name}"]
        lines += [f"link set {guest.port} master {bridge} up" if bridge else f"link set {guest.port} up"]
        inside = ["link set lo up", "link set eth0 up"]
        inside += [f"address add {address} dev eth0" + (" nodad" if ":" in address else "") for address in addresses]
        if gateway:
            inside.append(f"route add default via {gateway}")
        host.exec(["ip", "netns", "add", name])
        try:
            host.exec(["ip", "-batch", "-"], stdin="\n".join(lines) + "\n")
            host.exec(["ip", "-n", name, "-batch", "-"], stdin="\n".join(inside) + "\n")
        except LabError:
            guest.remove()
            raise
        return guest

    def exec(self, argv: Sequence[str], *, timeout: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.host.exec(["ip", "netns", "exec", self.name, *argv], timeout=timeout, check=check)

    def ping(self, target: str, *, count: int = 1) -> bool:
        argv = ["ping", "-n", "-q", "-i", "0.05", "-W", "1", "-c", str(count), target]
        return self.exec(argv, check=False).returncode == 0

    def remove(self) -> None:
        self.host.exec(["ip", "link", "del", self.port], check=False)
        self.host.exec(["ip", "netns", "del", self.name], check=False)
