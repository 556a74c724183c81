# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Static hosts as the text of other DHCP servers. ISC's and Kea have a server for each family, dnsmasq one for both."""

from __future__ import annotations

import json
import typing as t

from ..module_utils.model.dhcp import DhcpHost
from ..module_utils.model.dhcpread import read_hosts
from ..module_utils.render.dhcp import host_words


def hosts_text(items: t.Any, server: t.Any, family: t.Any) -> str:
    """The hosts in the words of ``server``. ValueError names everything that is wrong with them."""
    if server not in _WRITERS:
        raise ValueError(f"format: {server!r} is unknown; there is: {', '.join(_WRITERS)}")
    if family not in (4, 6):
        raise ValueError(f"family: {family!r} is neither 4 nor 6")
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, dict) for item in items):
        raise ValueError("hosts are a list of {mac: ..., addresses: [...], name: ...}")
    hosts, problems = read_hosts(items)
    if problems:
        raise ValueError("\n".join(str(problem) for problem in problems))
    return _WRITERS[server](hosts, family)


def _addresses(host: DhcpHost, family: int) -> list[str]:
    return [text for text in host.addresses if (":" in text) == (family == 6)]


def _dnsmasq(hosts: t.Sequence[DhcpHost], family: int) -> str:
    return "".join(f"dhcp-host={host_words(host)}\n" for host in hosts)


def _isc(hosts: t.Sequence[DhcpHost], family: int) -> str:
    """Names of declarations are global in dhcpd.conf, so each is of the MAC."""
    lines = []
    for host in hosts:
        words = [f"hardware ethernet {host.mac};"]
        found = _addresses(host, family)
        if host.addresses and not found:
            continue
        words += [f"fixed-address{'6' if family == 6 else ''} {', '.join(found)};"] if found else []
        words += [f'option host-name "{host.name}";'] if host.name and family == 4 else []
        lines.append(f"host vnet-{host.mac.replace(':', '')} {{ {' '.join(words)} }}\n")
    return "".join(lines)


def _kea(hosts: t.Sequence[DhcpHost], family: int) -> str:
    """The value of ``reservations``."""
    found = []
    for host in hosts:
        addresses = _addresses(host, family)
        if host.addresses and not addresses:
            continue
        item: dict[str, t.Any] = {"hw-address": host.mac}
        if addresses:
            item.update({"ip-address": addresses[0]} if family == 4 else {"ip-addresses": addresses})
        found.append({**item, **({"hostname": host.name} if host.name else {})})
    return json.dumps(found, indent=2) + "\n"


_WRITERS: dict[str, t.Callable[[t.Sequence[DhcpHost], int], str]] = {"dnsmasq": _dnsmasq, "isc": _isc, "kea": _kea}
