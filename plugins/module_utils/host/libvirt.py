# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Do what a step says of libvirt's networks."""

from __future__ import annotations

from ..model.libvirt import CONNECTION, SOCKETS, STORED
from ..model.problem import VnetError
from ..model.state import FileState
from ..model.step import Virsh
from .machine import Machine


def call(machine: Machine, action: Virsh) -> None:
    """Run virsh(1). Where no daemon can be there yet, as early at boot, its files are what it will read."""
    if not any(machine.exists(socket) for socket in SOCKETS):
        _store(machine, action)
        return
    done = machine.run(("virsh", "--quiet", "--connect", CONNECTION, *action.words()), action.xml)
    if done.rc and not action.may_fail:
        lines = [line.removeprefix("error: ").strip() for line in done.err.splitlines() if line.strip()]
        raise VnetError(f"virsh {action.verb} {action.name}: {'; '.join(lines) or f'exit status {done.rc}'}")


def _store(machine: Machine, action: Virsh) -> None:
    path, link = f"{STORED}/{action.name}.xml", f"{STORED}/autostart/{action.name}.xml"
    if action.verb == "net-define":
        machine.write(path, FileState(action.xml, 0o600))
    elif action.verb == "net-undefine":
        machine.remove(link)
        machine.remove(path)
    elif action.verb == "net-autostart" and action.more:
        machine.remove(link)
    elif action.verb == "net-autostart" and not machine.exists(link):
        machine.link(link, path)
