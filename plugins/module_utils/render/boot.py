# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Files of ours that no network manager knows: kernel settings that must hold whenever a bridge or a module appears."""

from __future__ import annotations

import typing as t

from ..model.applied import AppliedBridge
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
        value = "1" if netfilter == "enable" else "0"
        files[SYSCTL] = _file([f"-{key} = {value}" for key in NETFILTER_KEYS])
    if netfilter == "enable":
        files[MODULES] = _file(["br_netfilter"])
    if rules:
        files[UDEV_RULES] = _file(rules)
    return files


def _file(lines: t.Sequence[str]) -> FileState:
    return FileState("\n".join([HEADER, *lines, ""]))
