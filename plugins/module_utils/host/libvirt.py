# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Do what a step says of libvirt's networks, and of the interfaces of its domains."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from ..model.libvirt import CONNECTION, DOMAIN_SOCKETS, DOMAINS, SOCKETS, STORED
from ..model.problem import VnetError
from ..model.state import FileState
from ..model.step import DomainDevice, Virsh
from .machine import Completed, Machine

UNPLUGGED = 10.0
_INTERFACE = re.compile(r"[ \t]*<interface\b.*?</interface>\n", re.DOTALL)
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")


def call(machine: Machine, action: Virsh) -> None:
    """Run virsh(1). Where no daemon can be there yet, as early at boot, its files are what it will read."""
    if not any(machine.exists(socket) for socket in SOCKETS):
        _store(machine, action)
        return
    done = machine.run(("virsh", "--quiet", "--connect", CONNECTION, *action.words()), action.xml)
    if done.rc and not action.may_fail:
        raise _failed(action.verb, action.name, done)


def change_device(machine: Machine, action: DomainDevice) -> None:
    """As with networks: where no daemon can be there yet no domain runs, either, and its file is what will be read."""
    if not any(machine.exists(socket) for socket in DOMAIN_SOCKETS):
        if "--config" in action.scopes:
            _edit_domain(machine, action)
        return
    if action.verb == "attach-device" and action.may_fail and _has_device(machine, action):
        return
    done = machine.run(("virsh", "--quiet", *action.words()), action.xml)
    if done.rc and not action.may_fail:
        raise _failed(action.verb, action.domain, done)
    if action.verb == "detach-device" and "--live" in action.scopes and not _let_go(machine, action) and not action.may_fail:
        cure = "start the guest to its end, or shut it down, and run again"
        raise VnetError(f"virsh detach-device {action.domain}: the guest has not let go of its interface after {UNPLUGGED:g} s; {cure}")


def _let_go(machine: Machine, action: DomainDevice) -> bool:
    """The guest must take part, and libvirt does not wait for it for long."""
    end = time.monotonic() + UNPLUGGED
    while _has_device(machine, action):
        if time.monotonic() >= end:
            return False
        time.sleep(0.1)
    return True


def _has_device(machine: Machine, action: DomainDevice) -> bool:
    """What comes back by undoing may never have gone, and libvirt would plug a second one in beside it."""
    mac = _MAC.search(action.xml)
    stored = [] if "--live" in action.scopes else ["--inactive"]
    listed = machine.run(("virsh", "--quiet", "domiflist", action.domain, *stored)).out
    return mac is not None and mac[0].lower() in listed.lower()


def _failed(verb: str, name: str, done: Completed) -> VnetError:
    lines = [line.removeprefix("error: ").strip() for line in done.err.splitlines() if line.strip()]
    return VnetError(f"virsh {verb} {name}: {'; '.join(lines) or f'exit status {done.rc}'}")


def _edit_domain(machine: Machine, action: DomainDevice) -> None:
    """The interface with the same MAC goes; the new one stands at the end of the devices."""
    path = f"{DOMAINS}/{action.domain}.xml"
    file, mac = machine.read(path), _MAC.search(action.xml)
    if file is None or mac is None:
        return
    text = _INTERFACE.sub(lambda found: "" if mac[0].lower() in found[0].lower() else found[0], file.content)
    if action.verb != "detach-device":
        inner = "".join(f"    {line}\n" for line in action.xml.splitlines())
        text = text.replace("  </devices>\n", f"{inner}  </devices>\n", 1)
    machine.write(path, replace(file, content=text))


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
