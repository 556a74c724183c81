# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The path of the controller's connection: what sshd says of it, and where the kernel would send the answers."""

from __future__ import annotations

import ipaddress
import json
import typing as t

from ..host.machine import Machine
from ..model.control import ControlPath
from ..model.state import Link

_ROUTE_GET = ("ip", "-json", "route", "get")
_IpAddress = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def read_control(machine: Machine, links: t.Mapping[str, Link]) -> ControlPath | None:
    """None when no network connection started us (connection local, ansible-pull), or one that does not end in this network.

    SSH_CONNECTION (ssh(1)) is `PEER PORT LOCAL PORT`; over vsock it holds no addresses.
    """
    words = machine.inherited("SSH_CONNECTION").split()
    try:
        peer, scope = _parse(words[0])
        local = _parse(words[2])[0]
        port = int(words[3])
    except (IndexError, ValueError):
        return None
    home = next((link for link in links.values() if any(_ip(address.cidr) == local for address in link.addresses)), None)
    for command in _commands(peer, local, _way(scope, home, links)):
        done = machine.run(command)
        for route in json.loads(done.out or "[]") if done.rc == 0 else []:
            if route.get("dev"):
                gateway = route.get("gateway") or (route.get("via") or {}).get("host", "")
                return ControlPath(str(peer), str(local), route["dev"], gateway, port)
    # Without an answer of the kernel, the interface that was spoken to is the best guess.
    return ControlPath(str(peer), str(local), home.name, port=port) if home else None


def _parse(text: str) -> tuple[_IpAddress, str]:
    """The address and its scope. An IPv4 client of an IPv6 socket shows as ::ffff:10.0.0.1."""
    plain, _percent, scope = text.partition("%")
    address = ipaddress.ip_address(plain)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped, ""
    return address, scope


def _ip(cidr: str) -> _IpAddress:
    return ipaddress.ip_interface(cidr).ip


def _way(scope: str, home: Link | None, links: t.Mapping[str, Link]) -> tuple[str, ...]:
    """What else decides on the route: the interface of a link-local peer, or the VRF that was spoken to."""
    if scope:
        named = next((link.name for link in links.values() if scope in (link.name, str(link.index))), scope)
        return ("oif", named)
    if home and home.master in links and links[home.master].kind == "vrf":
        return ("vrf", home.master)
    return ()


def _commands(peer: _IpAddress, local: _IpAddress, way: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """With the source first: policy rules may look at it. The kernel refuses a source that is not its own."""
    return (*_ROUTE_GET, str(peer), "from", str(local), *way), (*_ROUTE_GET, str(peer), *way)
