# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Routes to guests as a table of nftables, and as the files by which an interface gets what it had whenever it appears."""

from __future__ import annotations

import typing as t

from ..model.guard import Network
from ..model.paths import PROGRAM
from ..model.routed import FOLDER, NAME, UNIT, Routed
from ..model.ruleset import Chain, Set, Table
from ..model.state import FileState
from .boot import HEADER
from .ruleset import mask_words

UNIT_PATH = f"/etc/systemd/system/{UNIT}"
_PREROUTING = "type filter hook prerouting priority raw; policy accept;"
_FORWARD = "type filter hook forward priority filter; policy accept;"
_FAMILY = {4: "ip", 6: "ip6"}
_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
# Whoever has no address yet, or asks its neighbours, is not routed.
_UNROUTED = ("ip saddr 0.0.0.0 return", "ip6 saddr :: return", "ip6 saddr & ffc0:: == fe80:: return")
# With br_netfilter, frames between neighbours come this way, too.
_TO_ALL = ("ip daddr & 240.0.0.0 == 224.0.0.0 return", "ip daddr 255.255.255.255 return", "ip6 daddr & ff00:: == ff00:: return")
_TO_NEIGHBOUR = ("ip6 daddr & ffc0:: == fe80:: return",)

_UNIT = f"""{HEADER}
[Unit]
Description=Routes to guests, whenever their interfaces appear
RequiresMountsFor={PROGRAM}
After=network-pre.target
Wants=network-pre.target

[Service]
ExecStart={PROGRAM} routes
Restart=on-failure
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


def routed_tables(items: t.Iterable[Routed]) -> tuple[Table, ...]:
    """The table of all interfaces with guests; none without one."""
    known = list(items)
    interfaces = {item.interface for item in known if not item.via}
    if not interfaces:
        return ()
    # What is routed on behind a guest is behind its interface, too.
    inside = {(item.interface, network) for item in known if item.interface in interfaces for network in item.inside}
    lengths = sorted({(network.version, network.prefixlen) for _interface, network in inside}, key=lambda key: (key[0], -key[1]))
    sets = {"interfaces": Set("type ifname", frozenset(f'"{name}"' for name in interfaces))}
    for version, length in lengths:
        elements = frozenset(_element(name, net) for name, net in inside if (net.version, net.prefixlen) == (version, length))
        sets[_set(version, length)] = Set(f"type ifname . {_TYPE[version]}", elements)
    chains = {
        "prerouting": Chain(("jump custom_prerouting", "iifname @interfaces jump reverse_path"), _PREROUTING),
        "forward": Chain(("jump custom_forward", "iifname @interfaces jump from_guests", "oifname @interfaces jump to_guests"), _FORWARD),
        "reverse_path": Chain((*_UNROUTED, "fib saddr . iif oif missing counter drop")),
        "from_guests": Chain((*_UNROUTED, *_TO_NEIGHBOUR, *_inside("iifname", "saddr", lengths), "counter drop")),
        "to_guests": Chain((*_TO_ALL, *_TO_NEIGHBOUR, *_inside("oifname", "daddr", lengths), "counter drop")),
    }
    return (Table("inet", NAME, sets, chains, ("custom_prerouting", "custom_forward")),)


def _set(version: int, length: int) -> str:
    return f"inside{version}_{length}"


def _element(interface: str, network: Network) -> str:
    return f'"{interface}" . {network.network_address}'


def _inside(interface: str, side: str, lengths: t.Sequence[tuple[int, int]]) -> list[str]:
    return [
        f"{interface} . {_FAMILY[version]} {side}{mask_words(version, length)} @{_set(version, length)} return"
        for version, length in lengths
    ]


def routed_path(interface: str) -> str:
    return f"{FOLDER}/{interface}"


def routed_files(items: t.Iterable[Routed]) -> dict[str, FileState]:
    """One file for each interface, and the unit; none where there are no items."""
    by_interface: dict[str, list[Routed]] = {}
    # What leads to a router of ours comes before what is behind it.
    for item in sorted(items, key=lambda item: (bool(item.via), item.name)):
        by_interface.setdefault(item.interface, []).append(item)
    files = {routed_path(name): FileState(_text(theirs)) for name, theirs in sorted(by_interface.items())}
    return {**files, UNIT_PATH: FileState(_UNIT)} if files else {}


def _text(items: t.Sequence[Routed]) -> str:
    """Lines of sysctl.d(5) and of ip-batch(8), told apart by their first word."""
    settings = [f"sysctl {key} {value}" for item in items for key, value in item.sysctls().items()]
    lines = [f"ip {line}" for item in items for line in item.lines()]
    return "\n".join([HEADER, *dict.fromkeys([*settings, *lines]), ""])
