# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What systemd(1) is told about units of ours. Hosts without it have files only."""

from __future__ import annotations

from ..model.step import Run

READ_UNITS = Run(("systemctl", "daemon-reload"), may_fail=True)


def unit_verbs(unit: str) -> tuple[Run, Run, Run, Run]:
    """To enable, disable, start and stop it. Links for the next boot are nothing that systemd has to read its units again for."""
    enable, disable = (Run(("systemctl", verb, "--no-reload", unit), may_fail=True) for verb in ("enable", "disable"))
    start, stop = (Run(("systemctl", verb, unit), may_fail=True) for verb in ("start", "stop"))
    return enable, disable, start, stop
