# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Read a host into the model."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import VnetError
from ..model.state import FileState, HostState, Link
from . import (
    blocker,
    coexist,
    dhcp,
    domif,
    guard,
    hook,
    ifupdown,
    libvirt,
    nat,
    networkd,
    networkmanager,
    routed,
    ruleset,
    tap,
    vif,
    xl,
    zone,
)
from .control import read_control
from .forwarding import read_forwarding
from .legacy import legacy_claims
from .link import COMMAND, parse_links
from .route import NEIGHBOURS, PROXIES, ROUTES, RULES, parse_neighbours, parse_routes, parse_rules
from .storage import root_links

TOKENS = ("ip", "-json", "token", "show")
_PER_LINK = (
    "net/ipv4/conf/{}/rp_filter",
    "net/ipv6/conf/{}/disable_ipv6",
    "net/ipv6/conf/{}/accept_ra",
    "net/ipv6/conf/{}/autoconf",
    "net/ipv6/conf/{}/addr_gen_mode",
)
NETFILTER = tuple(f"net/bridge/bridge-nf-call-{family}" for family in ("arptables", "ip6tables", "iptables"))


class About(t.NamedTuple):
    """What an observation is for: kinds look only for what is declared or was applied."""

    document: Document
    applied: Applied


# Kind -> what it must know of the host beyond links, addresses and routes.
READERS: dict[str, t.Callable[[Machine, Document, Applied, t.Mapping[str, Link]], t.Any]] = {
    "taps": tap.read,
    "guards": guard.read,
    "ruleset": ruleset.read,
    "nat": nat.read,
    "dhcp": dhcp.read,
    "zones": zone.read,
    "vifs": vif.read,
    "blockers": blocker.read,
    "routes": routed.read,
    "coexist": coexist.read,
    "libvirt": libvirt.read,
    "domifs": domif.read,
    "hook": hook.read,
    "xl": xl.read,
}


def observe(machine: Machine, links: frozenset[str], files: frozenset[str], managers: bool = True, about: About | None = None) -> HostState:
    """The host as it is. ``links`` are read in every detail, ``files`` are paths that we may have written.

    ``managers``: read the persistence back ends too; without, only the kernel is looked at. ``about``: read what the kinds
    that it speaks of need to know.
    """
    found = parse_links(_output(machine, COMMAND))
    named = frozenset(links & found.keys())
    backends = _managers(machine, links) if managers else {}
    routes = parse_routes(_output(machine, ROUTES))
    forwarding = read_forwarding(machine, about.document, about.applied, found, routes) if about else {}
    return HostState(
        links=_with_tokens(found, machine.run(TOKENS).out),
        routes=routes,
        rules=parse_rules(*(_output(machine, command) for command in RULES)),
        neighbours=parse_neighbours(_output(machine, NEIGHBOURS), _output(machine, PROXIES)),
        sysctls={**_sysctls(machine, named), **forwarding},
        files={
            **_foreign_files(backends),
            **{path: file for path, file in ((path, machine.read(path)) for path in sorted(files)) if file is not None},
        },
        managers=backends,
        wireless=frozenset(
            name
            for name in named
            if machine.entries(f"/sys/class/net/{name}/wireless") or machine.exists(f"/sys/class/net/{name}/phy80211")
        ),
        root_links=root_links(machine) if named else {},
        machine_id=machine.text("/etc/machine-id"),
        control=read_control(machine, found),
        kinds={name: read(machine, about.document, about.applied, found) for name, read in READERS.items()} if about else {},
    )


def _managers(machine: Machine, links: frozenset[str]) -> dict[str, t.Any]:
    return {
        "networkd": networkd.read(machine, links),
        "ifupdown": ifupdown.read(machine, links),
        "networkmanager": networkmanager.read(machine, links),
        "legacy": legacy_claims(machine, links),
    }


def _foreign_files(backends: t.Mapping[str, t.Any]) -> dict[str, FileState]:
    """Users' own files that a back end may have to edit: a plan must know what stands in them, to put it back."""
    return dict(backends["ifupdown"].files) if "ifupdown" in backends else {}


def _output(machine: Machine, command: t.Sequence[str]) -> str:
    done = machine.run(command)
    if done.rc:
        raise VnetError(f"{' '.join(command)}: {done.err.strip() or 'exit status ' + str(done.rc)}")
    return done.out


def _sysctls(machine: Machine, links: frozenset[str]) -> dict[str, str]:
    keys = ["net/ipv4/conf/all/rp_filter", *NETFILTER]
    keys += [key.format(name) for name in sorted(links) for key in _PER_LINK]
    values = ((key, machine.text(f"/proc/sys/{key}")) for key in keys)
    return {key: value for key, value in values if value != ""}


def _with_tokens(links: dict[str, Link], text: str) -> dict[str, Link]:
    for item in json.loads(text or "[]"):
        name, token = item.get("ifname", ""), item.get("token", "::")
        if name in links and token != "::":
            links[name] = replace(links[name], token=token)
    return links
