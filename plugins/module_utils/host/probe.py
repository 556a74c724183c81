# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What the host reaches now: its default gateways, TCP services, names."""

from __future__ import annotations

import json
import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from ..model.probe import Hop, Probes, best_hops, is_address, tcp_target
from .ask import AGAIN, SILENT, arp, ask, connect, echo, solicit
from .machine import Machine

_GATEWAYS = {"gateway4": "-4", "gateway6": "-6"}
_TCP, _DNS = "tcp ", "dns "
_ARPHRD_ETHER, _IFF_NOARP = "1", 0x80  # include/uapi/linux/if_arp.h, if.h
# A resolver that has read resolv.conf may never look at it again: each look-up has a process of its own.
_RESOLVE = "import socket, sys; print(*{item[4][0] for item in socket.getaddrinfo(sys.argv[1], None, type=socket.SOCK_STREAM)})"


def measure(machine: Machine, probes: Probes, limit: float = 1.0) -> dict[str, str]:
    """Each probe by its name, with "" when it passes, else why not. It takes ``limit`` seconds at most, and a moment.

    Names are ``gateway4`` and ``gateway6`` (only with a default route of the family), ``tcp HOST:PORT``, ``dns NAME``.
    Needs root.
    """
    names = [name for name in _GATEWAYS if probes.gateway and _default_hops(machine, name)]
    return still(machine, [*names, *(_TCP + text for text in probes.tcp), *(_DNS + text for text in probes.dns)], limit)


def still(machine: Machine, required: t.Iterable[str], limit: float) -> dict[str, str]:
    """The probes of these names, as :func:`measure` gives them; a gateway without a default route has not passed."""
    names = list(required)
    end = time.monotonic() + limit
    with ThreadPoolExecutor(max_workers=max(len(names), 1)) as side_by_side:
        return dict(zip(names, side_by_side.map(lambda name: _probe(machine, name, end), names)))


def _probe(machine: Machine, name: str, end: float) -> str:
    if name in _GATEWAYS:
        return _gateway(machine, name, end)
    if name.startswith(_TCP):
        return _tcp(machine, *tcp_target(name[len(_TCP) :]), end)
    return _addresses(machine, name[len(_DNS) :], end)[1]


def _default_hops(machine: Machine, name: str) -> list[Hop]:
    done = machine.run(("ip", "-json", _GATEWAYS[name], "route", "show", "default"))
    # A kernel without IPv6 makes an error of the question.
    return [] if done.rc else best_hops(json.loads(done.out or "[]"))


def _gateway(machine: Machine, name: str, end: float) -> str:
    """IPv4 spreads its traffic over all gateways of a route, so all must answer; IPv6 turns to one that does."""
    hops = _default_hops(machine, name)
    while not hops and time.monotonic() < end:
        _pause(end)
        hops = _default_hops(machine, name)
    if not hops:
        return "there is no default route"
    with ThreadPoolExecutor(max_workers=len(hops)) as side_by_side:
        failed = [why for why in side_by_side.map(lambda hop: _hop(machine, hop, end), hops) if why]
    enough = len(failed) < len(hops) if name == "gateway6" else not failed
    return "" if enough else "; ".join(failed)


def _hop(machine: Machine, hop: Hop, end: float) -> str:
    if not hop.gateway:
        return _carrier(machine, hop.dev, end)
    puts, tried = [echo(hop.dev, hop.gateway)], "answers no ICMP"
    if _has_neighbours(machine, hop.dev):
        mac = bytes.fromhex(machine.text(f"/sys/class/net/{hop.dev}/address").replace(":", ""))
        six = ":" in hop.gateway
        puts.append(solicit(hop.dev, mac, hop.gateway) if six else arp(hop.dev, mac, hop.source, hop.gateway))
        tried = f"answers neither {'ND' if six else 'ARP'} nor ICMP"
    why = ask(puts, end)
    if not why:
        return ""
    seen = why if _has_carrier(machine, hop.dev) else f"{hop.dev} has no carrier"
    return f"{hop.gateway} on {hop.dev} {tried}" + (f" ({seen})" if seen != SILENT else "")


def _has_neighbours(machine: Machine, dev: str) -> bool:
    """Ethernet with ARP and ND; ppp, tun and their like have neither."""
    flags = machine.text(f"/sys/class/net/{dev}/flags") or "0"
    return machine.text(f"/sys/class/net/{dev}/type") == _ARPHRD_ETHER and not int(flags, 16) & _IFF_NOARP


def _carrier(machine: Machine, dev: str, end: float) -> str:
    while not _has_carrier(machine, dev):
        if time.monotonic() >= end:
            return f"{dev} has no carrier"
        _pause(end)
    return ""


def _has_carrier(machine: Machine, dev: str) -> bool:
    return machine.text(f"/sys/class/net/{dev}/carrier") == "1"


def _tcp(machine: Machine, host: str, port: int, end: float) -> str:
    addresses, why = ((host,), "") if is_address(host) else _addresses(machine, host, end)
    return why or ask([connect(address, port) for address in addresses], end)


def _addresses(machine: Machine, name: str, end: float) -> tuple[tuple[str, ...], str]:
    """What the host's own resolver knows of a name, or why nothing. A look-up may take half the time: one is lost now and then."""
    half = (end - time.monotonic()) / 2
    why = SILENT
    while (left := end - time.monotonic()) > 0:
        done = machine.run((sys.executable, "-I", "-S", "-c", _RESOLVE, name), limit=min(half, left))
        if not done.rc:
            return tuple(sorted(done.out.split())), ""
        if done.err and done.rc == 1:
            # The last line of a traceback: socket.gaierror: [Errno -2] Name or service not known
            why = done.err.strip().rpartition("] ")[2]
            _pause(end)
    return (), why


def _pause(end: float) -> None:
    """One beat of polling: routes, carriers and resolvers cannot be awaited otherwise."""
    time.sleep(max(0.0, min(AGAIN, end - time.monotonic())))
