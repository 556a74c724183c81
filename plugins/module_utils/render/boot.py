# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Files of ours that no network manager knows: kernel settings that must hold whenever a bridge or a module appears."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied, AppliedBridge
from ..model.forwarding import forwarded, is_accept_ra, routing_values
from ..model.state import FileState

UDEV_RULES = "/etc/udev/rules.d/70-hypervisor-vnet.rules"
SYSCTL = "/etc/sysctl.d/60-hypervisor-vnet.conf"
MODULES = "/etc/modules-load.d/hypervisor-vnet.conf"
HEADER = "# Written by hypervisor.vnet; change it in the inventory, not here."
NETFILTER_KEYS = tuple(f"net.bridge.bridge-nf-call-{family}" for family in ("arptables", "ip6tables", "iptables"))


def boot_files(bridges: t.Mapping[str, AppliedBridge], netfilter: str) -> dict[str, FileState]:
    """The files for all bridges that a back end keeps; no file where there is nothing to say."""
    files = {}
    rules = [
        # sysfs names the attribute as ip-link(8) does; no network manager has a word for it.
        f'ACTION=="add", SUBSYSTEM=="net", KERNEL=="{name}", ATTR{{bridge/no_linklocal_learn}}="{int(bridge.bridge.settings.no_linklocal_learn)}"'
        for name, bridge in sorted(bridges.items())
    ]
    if netfilter != "keep":
        # sysctl.d(5): settings of a module that is loaded later are lost unless udev applies them when it appears.
        rules.append(
            'ACTION=="add", SUBSYSTEM=="module", KERNEL=="br_netfilter", RUN+="/usr/lib/systemd/systemd-sysctl --prefix=/net/bridge"'
        )
    if netfilter == "enable":
        files[MODULES] = _file(["br_netfilter"])
    if rules:
        files[UDEV_RULES] = _file(rules)
    return files


def sysctl_file(applied: Applied) -> dict[str, FileState]:
    """All kernel parameters that hold after a reboot. Every kind that has some names this file among its own."""
    lines = []
    # A bridge that its owner's own files make lasts as well, and so does what was said of all bridges.
    if applied.bridge_netfilter != "keep" and any(bridge.persist != "none" for bridge in applied.bridges.values()):
        value = "1" if applied.bridge_netfilter == "enable" else "0"
        lines += [f"-{key} = {value}" for key in NETFILTER_KEYS]
    # A link may not be there. Names with dots need slashes between the words.
    for key, value in routing_values(applied.sysctls, forwarded(applied, lasting=True)).items():
        lines.append(f"{'-' if is_accept_ra(key) else ''}{key if '.' in key else key.replace('/', '.')} = {value}")
    return {SYSCTL: _file(lines)} if lines else {}


def _file(lines: t.Sequence[str]) -> FileState:
    return FileState("\n".join([HEADER, *lines, ""]))
