# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Where the collection's memory on a host lies."""

from __future__ import annotations

STATE = "/var/lib/hypervisor-vnet"
# The console's, the watchdog's and the boot's, and what runs modules without sending them again; all of it is one package.
PROGRAM = f"{STATE}/hypervisor-vnet"
PACKAGE = "hypervisor_vnet"
LOCK = f"{STATE}/lock"
APPLIED = f"{STATE}/applied.json"
JOURNAL = f"{STATE}/journal"
LAST = f"{STATE}/last"
RESULT = f"{STATE}/result.json"
ANSWER = f"{STATE}/answer.json"
REPORT = f"{STATE}/report.json"
