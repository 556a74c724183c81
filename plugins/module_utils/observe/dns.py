# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Whom the host asks for names: systemd-resolved where it runs, else /etc/resolv.conf."""

from __future__ import annotations

import re

from ..host.machine import Machine
from ..model.dns import Dns, LinkDns

RESOLV_CONF = "/etc/resolv.conf"
# Asked first, because resolvectl(1) would start a resolver that does not run.
IS_ACTIVE = ("systemctl", "is-active", "systemd-resolved.service")
SERVERS = ("resolvectl", "--no-pager", "dns")
DOMAINS = ("resolvectl", "--no-pager", "domain")
_LINK = re.compile(r"Link \d+ \((?P<name>[^)]*)\):(?P<words>.*)")


def read_dns(machine: Machine) -> Dns:
    """Servers and search domains, those of single interfaces included."""
    if machine.run(IS_ACTIVE).out.strip() == "active":
        servers, domains = machine.run(SERVERS), machine.run(DOMAINS)
        if servers.rc == 0 and domains.rc == 0:
            return parse_resolvectl(servers.out, domains.out)
    return parse_resolv_conf(machine.text(RESOLV_CONF))


def parse_resolvectl(servers: str, domains: str) -> Dns:
    """The answers of ``resolvectl dns`` and ``resolvectl domain``: a line for the host, and one for each interface."""
    asked, searched = _by_link(servers), _by_link(domains)
    links = [LinkDns(name, asked.get(name, ()), searched.get(name, ())) for name in sorted({*asked, *searched} - {""})]
    return Dns("resolved", asked.get("", ()), searched.get("", ()), tuple(link for link in links if link.servers or link.search))


def _by_link(text: str) -> dict[str, tuple[str, ...]]:
    """Interface, or empty for the whole host -> words. Long lists go on in indented lines (systemd 254 and later)."""
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in text.splitlines():
        match = _LINK.match(line)
        words = line
        if match:
            name, words = match.group("name"), match.group("words")
        elif line.startswith("Global:"):
            name, words = "", line[len("Global:") :]
        found[name] = (*found.get(name, ()), *words.split())
    return found


def parse_resolv_conf(text: str) -> Dns:
    """resolv.conf(5): the last of ``search`` and ``domain`` counts."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            servers.append(words[1])
        elif len(words) > 1 and words[0] in ("search", "domain"):
            search = tuple(words[1:])
    return Dns(RESOLV_CONF, tuple(servers), search)
