# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.
"""The files that load our tables at every boot, and again whenever somebody loads nftables' own: one for each kind of table."""

from __future__ import annotations

from ..model.ruleset import UNIT
from ..model.state import FileState
from .boot import HEADER

FOLDER = "/etc/hypervisor-vnet"
RULESET = f"{FOLDER}/nftables.conf"
UNIT_PATH = f"/etc/systemd/system/{UNIT}"
UPHOLD_PATH = "/etc/systemd/system/firewalld.service.d/hypervisor-vnet.conf"
BEHIND_PATH = "/etc/systemd/system/nftables.service.d/hypervisor-vnet.conf"

_RULESET = f"""{HEADER}
include "{FOLDER}/nftables.d/*.nft"
"""
# Debian's nftables.service flushes every table when it is reloaded, and RHEL's alike.
_UNIT = f"""{HEADER}
[Unit]
Description=Packet filters of hypervisor.vnet
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=nftables.service
Conflicts=shutdown.target
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {RULESET}
ExecReload=/usr/sbin/nft -f {RULESET}

[Install]
WantedBy=sysinit.target nftables.service
"""

# When firewalld starts it stops nftables.service, which flushes every table and takes our unit along.
_UPHOLD = f"""{HEADER}
[Unit]
Upholds={UNIT}
"""
# When nftables.service starts it flushes every table, and our unit, which may be active already, would not start again.
_BEHIND = f"""{HEADER}
[Service]
ExecStartPost=-/usr/sbin/nft -f {RULESET}
"""


def ruleset_path(name: str) -> str:
    return f"{FOLDER}/nftables.d/{name}.nft"


def ruleset_files(name: str, text: str) -> dict[str, FileState]:
    """The tables of one kind, with what loads them; nothing where there is no text."""
    if not text:
        return {}
    return {
        ruleset_path(name): FileState(f"{HEADER}\n{text}", 0o600),
        RULESET: FileState(_RULESET),
        UNIT_PATH: FileState(_UNIT),
        UPHOLD_PATH: FileState(_UPHOLD),
        BEHIND_PATH: FileState(_BEHIND),
    }
