# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Reads what systemd-networkd configures, and from which files.

The state files below /run/systemd/netif are networkd's own, but they have kept these keys since version 237 and are the only
source that costs nothing: `networkctl status` takes 20 ms for each interface.
"""

from __future__ import annotations

import json
import typing as t

from ..host.machine import Machine
from ..model.networkd import KEEP, RUNTIME, SERVICE, Facts, NetworkFile

# systemd.network(5), in descending order of precedence.
_FOLDERS = ("/etc/systemd/network", RUNTIME, "/usr/local/lib/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network")
_LINKS = "/run/systemd/netif/links"
_LEASES = "/run/systemd/netif/leases"
_OURS = "hypervisor-vnet"


def read(machine: Machine, links: frozenset[str]) -> Facts:
    """Everything about networkd that the plan needs; little on a host without it."""
    service = _service(machine)
    if service.get("ActiveState") not in ("active", "reloading"):
        return Facts()
    states = {int(index): _pairs(machine.text(f"{_LINKS}/{index}")) for index in machine.entries(_LINKS) if index.isdigit()}
    indexes = {name: machine.text(f"/sys/class/net/{name}/ifindex") for name in sorted(links)}
    names = {name: int(index) for name, index in indexes.items() if index}
    managed = {index: state["NETWORK_FILE"].rsplit("/", 1)[-1] for index, state in states.items() if state.get("NETWORK_FILE")}
    free = [name for name, index in names.items() if index not in managed]
    return Facts(
        active=True,
        sockets=tuple(sorted(service.get("TriggeredBy", "").split())),
        files=_files(machine),
        links=managed,
        names=names,
        iaid4=_known((name, _iaid4(machine, index)) for name, index in names.items()),
        iaid6=_known((name, _iaid6(states.get(index, {}))) for name, index in names.items()),
        stray=_with_addresses(machine, free),
        kept=frozenset(
            name[: -len(".d")]
            for name in machine.entries(RUNTIME)
            if name.endswith(".network.d") and KEEP in machine.entries(f"{RUNTIME}/{name}")
        ),
    )


def _service(machine: Machine) -> dict[str, str]:
    return _pairs(machine.run(("systemctl", "show", "--property=ActiveState,TriggeredBy", SERVICE)).out)


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def _known(items: t.Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in items if value}


def _files(machine: Machine) -> dict[str, NetworkFile]:
    """Base name -> file, each with the drop-ins of all folders; masked (empty) and our own ones left out."""
    paths: dict[str, str] = {}
    for folder in reversed(_FOLDERS):
        paths.update({name: f"{folder}/{name}" for name in machine.entries(folder) if name.endswith(".network") and _OURS not in name})
    files = {}
    for name, path in sorted(paths.items()):
        text = _content(machine, path)
        if text:
            files[name] = NetworkFile(path, "\n".join([text, *_drop_ins(machine, name)]))
    return files


def _drop_ins(machine: Machine, name: str) -> list[str]:
    paths: dict[str, str] = {}
    for folder in reversed(_FOLDERS):
        paths.update({entry: f"{folder}/{name}.d/{entry}" for entry in machine.entries(f"{folder}/{name}.d") if entry.endswith(".conf")})
    return [_content(machine, path) for entry, path in sorted(paths.items()) if entry != KEEP]


def _content(machine: Machine, path: str) -> str:
    file = machine.read(path)
    return file.content if file else ""


def _iaid4(machine: Machine, index: int) -> str:
    """The IAID in the client identifier of the DHCPv4 lease: type 255, then four bytes of it (RFC 4361)."""
    client = _pairs(machine.text(f"{_LEASES}/{index}")).get("CLIENTID", "")
    return str(int(client[2:10], 16)) if client.startswith("ff") and len(client) >= 10 else ""


def _iaid6(state: t.Mapping[str, str]) -> str:
    text = state.get("DHCP6_CLIENT_IAID", "")
    return str(int(text, 16)) if text.startswith("0x") else ""


def _with_addresses(machine: Machine, links: t.Iterable[str]) -> frozenset[str]:
    """Those of ``links`` that have more than a link-local address."""
    found = set()
    for name in links:
        for item in json.loads(machine.run(("ip", "-json", "address", "show", "dev", name, "scope", "global")).out or "[]"):
            if item.get("addr_info"):
                found.add(name)
    return frozenset(found)
