# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What must still be reached after a change: default gateways, TCP services, names."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .problem import Problem

# RFC 1123, and the underscore that many zones have. The last label is no number, or an address with a slip would be a name.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+\.?$){_LABEL}\.?")
_NAME_LENGTH = 253
_TCP = re.compile(r"(?:\[(?P<six>[^]]*)\]|(?P<host>[^:]*)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Probes:
    """``tcp``: as in 10.0.0.1:22, host.example.org:22, [2001:db8::1]:22. ``dns``: names that the host's resolver must know."""

    gateway: bool = True
    tcp: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hop:
    """Where a default route leads. Without ``gateway`` it leads to the link itself; IPv4 can have an IPv6 ``gateway``.

    ``source`` is the address that the route prefers, or empty.
    """

    dev: str
    gateway: str = ""
    source: str = ""


def read_probes(params: t.Mapping[str, t.Any] | None, path: str = "probes") -> tuple[Probes, list[Problem]]:
    """The option ``probes``, with everything that is wrong with it."""
    params = params or {}
    tcp, dns = ([text.strip() for text in params.get(name) or []] for name in ("tcp", "dns"))
    problems = [problem for index, text in enumerate(tcp) for problem in _tcp_problems(text, f"{path}.tcp[{index}]")]
    problems += [problem for index, text in enumerate(dns) for problem in _dns_problems(text, f"{path}.dns[{index}]")]
    return Probes(params.get("gateway") is not False, tuple(dict.fromkeys(tcp)), tuple(dict.fromkeys(dns))), problems


def tcp_target(text: str) -> tuple[str, int]:
    """Host (without brackets) and port of a sound ``tcp`` probe. ValueError when it is none."""
    match = _TCP.fullmatch(text)
    if not match:
        raise ValueError(text)
    return match.group("six") or match.group("host"), int(match.group("port"))


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _tcp_problems(text: str, path: str) -> list[Problem]:
    match = _TCP.fullmatch(text)
    if not match:
        return [Problem(path, f"{text!r} is not host:port; write it as in 10.0.0.1:22, host.example.org:22 or [2001:db8::1]:22")]
    problems = _six_problems(match.group("six"), path) if match.group("six") is not None else _host_problems(match.group("host"), path)
    if not 1 <= int(match.group("port")) <= 65535:
        problems.append(Problem(path, f"{match.group('port')} is no port; use 1 to 65535"))
    return problems


def _six_problems(text: str, path: str) -> list[Problem]:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return [Problem(path, f"{text!r} is not an IPv6 address, and only such stand in brackets")]
    if address.is_link_local:
        return [Problem(path, f"{text} is link-local, and the link can change its name; use another address of that host")]
    return []


def _host_problems(host: str, path: str) -> list[Problem]:
    return [] if is_address(host) or _is_name(host) else [Problem(path, f"{host!r} is neither an address nor a host name")]


def _dns_problems(name: str, path: str) -> list[Problem]:
    if is_address(name):
        return [Problem(path, f"{name} is an address, which no DNS server is asked for; write a name, as in example.org")]
    return [] if _is_name(name) else [Problem(path, f"{name!r} is not a name that DNS can know; write it as in example.org")]


def _is_name(text: str) -> bool:
    return len(text) <= _NAME_LENGTH and bool(_NAME.fullmatch(text))


def best_hops(items: t.Sequence[t.Mapping[str, t.Any]]) -> list[Hop]:
    """Where the default routes of the lowest metric lead, from the JSON of `ip route show default` of one family.

    There are several with a multipath route, and where several IPv6 routers advertised themselves.
    """
    found = [(item.get("metric", 0), _hops(item)) for item in items if item.get("type", "unicast") == "unicast"]
    usable = [(metric, hops) for metric, hops in found if hops]
    best = min((metric for metric, dummy in usable), default=None)
    return list(dict.fromkeys(hop for metric, hops in usable if metric == best for hop in hops))


def _hops(item: t.Mapping[str, t.Any]) -> list[Hop]:
    """Without the legs that the kernel itself passes over."""
    legs = item.get("nexthops") or [item]
    return [
        Hop(leg.get("dev", ""), (leg.get("via") or {}).get("host") or leg.get("gateway", ""), item.get("prefsrc", ""))
        for leg in legs
        if "dead" not in leg.get("flags", [])
    ]
