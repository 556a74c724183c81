# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What ifupdown knows and does on a host: interfaces(5) with everything that it sources, its state, its DHCP clients."""

from __future__ import annotations

import fnmatch
import re
import typing as t
from dataclasses import dataclass, field

from ..host.machine import Machine
from ..model.ifupdown import DIRECTORY_NAME, lease_path, parse, pid_path
from ..model.state import FileState

INTERFACES = "/etc/network/interfaces"
STATE = "/run/network/ifstate"
# The first of these that is there runs: the order of inet.defn in ifupdown.
DHCP_CLIENTS = ("dhclient", "udhcpc", "dhcpcd")
_DNS_HOOKS = (
    ("/etc/network/if-up.d/000resolvconf", "/etc/network/if-down.d/resolvconf"),
    ("/etc/network/if-up.d/resolvconf", "/etc/network/if-down.d/resolvconf"),
)
_RESOLVED_HOOK = ("/etc/network/if-up.d/resolved", "/etc/network/if-down.d/resolved")
_LEASE_TIME = re.compile(r"option dhcp-lease-time (\d+);")
_MOST_FILES = 500


@dataclass(frozen=True)
class Client:
    """A DHCP client of ifupdown that runs now."""

    link: str
    family: int
    pid: int
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """``files``: interfaces(5) and what it sources, in the order of reading. ``up``: interface -> the stanzas it came up with.

    ``dhcp``: the client that ifupdown takes. ``dns``: the hooks that take name servers when an interface goes up and down.
    ``lease_times``: seconds of the last IPv4 lease, by interface. ``leases``: dhclient's lease files by path.
    """

    installed: bool = False
    ifupdown2: bool = False
    files: t.Mapping[str, FileState] = field(default_factory=dict)
    up: t.Mapping[str, str] = field(default_factory=dict)
    clients: tuple[Client, ...] = ()
    dhcp: str = ""
    dns: tuple[str, str] | None = None
    lease_times: t.Mapping[str, int] = field(default_factory=dict)
    leases: t.Mapping[str, FileState] = field(default_factory=dict)


def read(machine: Machine, links: frozenset[str]) -> Facts:
    """Everything, with the DHCP clients of ``links``."""
    if not machine.which("ifup"):
        return Facts()
    files: dict[str, FileState] = {}
    _read_file(machine, INTERFACES, files)
    clients = [client for link in sorted(links) for family in (4, 6) for client in _clients(machine, link, family)]
    return Facts(
        installed=True,
        ifupdown2=bool(machine.which("ifreload")),
        files=files,
        up=_state(machine.text(STATE)),
        clients=tuple(clients),
        dhcp=next((name for name in DHCP_CLIENTS if machine.which(name)), ""),
        dns=_dns_hooks(machine),
        lease_times=_lease_times(machine, links),
        leases=_leases(machine, links),
    )


def _read_file(machine: Machine, path: str, files: dict[str, FileState]) -> None:
    if path in files or len(files) >= _MOST_FILES:
        return
    file = machine.read(path)
    if file is None:
        return
    files[path] = file
    for stanza in parse(file.content):
        for word in stanza.words if stanza.kind.startswith("source") else ():
            pattern = word if word.startswith("/") else f"{path.rpartition('/')[0]}/{word}"
            for found in _sourced(machine, stanza.kind, pattern):
                _read_file(machine, found, files)


def _sourced(machine: Machine, kind: str, pattern: str) -> list[str]:
    found = _expand(machine, pattern)
    if kind == "source":
        return found
    return [f"{folder}/{name}" for folder in found for name in machine.entries(folder) if DIRECTORY_NAME.fullmatch(name)]


def _expand(machine: Machine, pattern: str) -> list[str]:
    """The paths that a pattern of wordexp(3) means, sorted; one without wild cards means itself."""
    found = [""]
    for part in pattern.strip("/").split("/"):
        if any(char in part for char in "*?["):
            found = [f"{folder}/{name}" for folder in found for name in machine.entries(folder) if _matches(name, part)]
        else:
            found = [f"{folder}/{part}" for folder in found]
    return found


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))


def _state(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: logical for name, equals, logical in pairs if equals}


def _clients(machine: Machine, link: str, family: int) -> t.Iterator[Client]:
    pid = machine.text(pid_path(link, family))
    argv = tuple(machine.text(f"/proc/{pid}/cmdline").strip("\0").split("\0")) if pid.isdigit() else ()
    if argv and argv[0].rpartition("/")[2] == "dhclient":
        yield Client(link, family, int(pid), argv)


def _lease_times(machine: Machine, links: frozenset[str]) -> dict[str, int]:
    times = {}
    for link in sorted(links):
        found = _LEASE_TIME.findall(machine.text(lease_path(link, 4)))
        if found:
            times[link] = int(found[-1])
    return times


def _leases(machine: Machine, links: frozenset[str]) -> dict[str, FileState]:
    paths = [lease_path(link, family) for link in sorted(links) for family in (4, 6)]
    return {path: file for path, file in ((path, machine.read(path)) for path in paths) if file is not None}


def _dns_hooks(machine: Machine) -> tuple[str, str] | None:
    for hooks in _DNS_HOOKS:
        if machine.exists(hooks[0]) and machine.which("resolvconf"):
            return hooks
    if machine.exists(_RESOLVED_HOOK[0]) and not machine.run(("systemctl", "is-enabled", "--quiet", "systemd-resolved")).rc:
        return _RESOLVED_HOOK
    return None
