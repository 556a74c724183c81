# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What Xen's hotplug hook runs for every vif that comes or goes: filter, bridge port, and users' own hooks behind them.

It fails when the interface is not as declared, and the hook sets it down then. Guests wait for it, so it imports no more than it must,
and every wait ends before libxl's patience does (40 s). Routes are kept by a unit of their own, see follow.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import typing as t
from dataclasses import replace

from .host.machine import Completed, LookingMachine, Machine
from .host.session import exclusive, is_held_above, own_session
from .model.guard import NAME, AppliedGuard, Guard, Guards, GuardSettings, applied_guard, settings_from_json
from .model.hook import OWN_HOOKS, VIFS, declared_vif, nameless_guard
from .model.paths import APPLIED, LOCK
from .model.problem import VnetError
from .model.vif import Device, Domain, Vif
from .model.vlan import normal, read_xl_vlans, vlan_lines, vlans_from_bridge
from .render.guard import guard_tables
from .render.ruleset import element_text

_UNIT = "hypervisor-vnet-nftables.service"
_PATIENCE = 20.0
_OWN_LIMIT = 10.0
_COMES = ("online", "add")
_COMMANDS = (*_COMES, "offline", "remove")
_USAGE = f"say: vif {'|'.join(_COMMANDS)} INTERFACE PATH/DOMID/DEVID"
_NODE = re.compile(r'/([\w-]+) = "(.*)"$', re.MULTILINE)
_WORDS = ("mac", "bridge", "ip", "vifname", "vlan")


class Event(t.NamedTuple):
    """One call of a vif script. ``command``: online, offline, add or remove."""

    command: str
    interface: str
    domain: Domain
    device: Device

    @property
    def comes(self) -> bool:
        return self.command in _COMES


def main(argv: t.Sequence[str]) -> int:
    """``vif COMMAND INTERFACE PATH``, with the vif's path in xenstore; the exit status."""
    try:
        if len(argv) != len(_USAGE.split()) - 1:
            raise VnetError(_USAGE)
        # Its commands are short, and may outlive it: whatever becomes of it, the hook leaves the port down.
        with own_session():
            plug(LookingMachine(), *argv[1:])
    except VnetError as error:
        sys.stderr.write(f"hypervisor-vnet: {error}\n")
        return 1
    return 0


def plug(machine: Machine, command: str, interface: str, path: str) -> None:
    """Set up an interface that comes, take away what is left of one that went. VnetError: it is not as declared."""
    event = _event(machine, command, interface, path)
    # A run that attaches a vif waits for its script, and so for us.
    with contextlib.nullcontext() if is_held_above(LOCK) else exclusive(LOCK, _PATIENCE):
        _filter(machine, event)
        if event.comes:
            _set_up(machine, event)
    _run_own(machine, event)


def _event(machine: Machine, command: str, interface: str, path: str) -> Event:
    *_rest, domid, devid = ["", *path.split("/")]
    if command not in _COMMANDS or not (domid.isdigit() and devid.isdigit()):
        raise VnetError(_USAGE)
    nodes = dict(_NODE.findall(machine.run(("xenstore-ls", "-f", path)).out))
    device = Device(int(devid), {word: nodes[word] for word in _WORDS if nodes.get(word)})
    name = machine.run(("xenstore-read", f"/local/domain/{domid}/name")).out.strip()
    if command in _COMES and not (name and "mac" in device.words):
        raise VnetError(f"{path}: xenstore does not say whose vif that is, or which")
    return Event(command, interface, Domain(int(domid), name), device)


def _filter(machine: Machine, event: Event) -> None:
    """The guard of the interface stands. What was not to last over a reboot is not asked for after one."""
    file = machine.read(APPLIED)
    memory = json.loads(file.content) if file else {}
    guards = {name: applied_guard(item) for name, item in memory.get("guards", {}).items()}
    settings = settings_from_json(memory["guard_settings"]) if "guard_settings" in memory else GuardSettings()
    if not guards and not settings.unlisted:
        return
    text = _elements(machine, event, guards, settings)
    argv = ("nft", "-f", "-") if text else ("nft", "list", "chain", "bridge", NAME, "prerouting")
    done = machine.run(argv, text, _OWN_LIMIT)
    lasting = any(item.persist for item in guards.values()) or (settings.unlisted and settings.persist)
    if done.rc and lasting and event.comes:
        why = f"the packet filter {NAME} does not take {event.interface} ({_said(done)}), and no guest comes up without it"
        raise VnetError(f"{why}; systemctl restart {_UNIT}")


def _elements(machine: Machine, event: Event, memory: t.Mapping[str, AppliedGuard], settings: GuardSettings) -> str:
    """A guard by name stands before its interface and after it; it is put back if somebody took it away."""
    guards = {name: item.guard for name, item in memory.items()}
    named = [item.guard for item in memory.values() if event.interface in item.guard.interfaces]
    if named:
        return _text(named, settings, "add") if event.comes and memory[named[0].name].persist else ""
    if event.comes:
        own = nameless_guard(guards, settings, event.domain, event.device, _Links(machine))
        return _text([own], settings, "add") if own else ""
    if event.command != "offline":
        return ""
    mac, name = event.device.words.get("mac", ""), event.domain.link(event.device)
    return _text([replace(guard, interface=name) for guard in guards.values() if guard.mac == mac], settings, "delete")


def _text(guards: t.Iterable[Guard], settings: GuardSettings, verb: str) -> str:
    return "".join(element_text(guard_tables(Guards({guard.interface: guard}, settings)), verb) for guard in guards)


class _Links(t.Container[str]):
    """The host's interfaces."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __contains__(self, name: object) -> bool:
        return self._machine.exists(f"/sys/class/net/{name}")


def _set_up(machine: Machine, event: Event) -> None:
    name = event.interface
    if not machine.exists(f"/sys/class/net/{name}"):
        raise VnetError(f"{name}: is not there, although its script was told that it comes")
    file = machine.read(VIFS)
    vif = declared_vif([Vif(**item) for item in json.loads(file.content)] if file else (), event.domain, event.device)
    words, port = (vif.words, vif.port) if vif else ({}, {})
    if words.get("mtu", "") not in ("", machine.text(f"/sys/class/net/{name}/mtu")):
        _checked(machine, ("ip", "link", "set", "dev", name, "mtu", words["mtu"]))
    # What is not declared here may be in the guest's own file, since Xen 4.19.
    vlan = port.get("vlan") or event.device.words.get("vlan", "")
    if vlan:
        _tag(machine, name, vlan)
    if "isolated" in port:
        _checked(machine, ("ip", "link", "set", "dev", name, "type", "bridge_slave", "isolated", "on"))


def _tag(machine: Machine, name: str, text: str) -> None:
    """The VLANs of a port. Where its bridge knows of none it would be in the network of all."""
    wanted, problems = read_xl_vlans(text, f"vlan of {name}")
    if problems:
        raise VnetError("; ".join(str(problem) for problem in problems))
    if machine.text(f"/sys/class/net/{name}/master/bridge/vlan_filtering") != "1":
        raise VnetError(f"vlan of {name}: it is in no bridge that is VLAN-aware; declare that with vlan_filtering: true")
    had = vlans_from_bridge(_checked(machine, ("bridge", "-json", "-compressvlans", "vlan", "show", "dev", name)).out)
    lines = vlan_lines(name, had.get(name, ()), normal(wanted))
    if lines:
        _checked(machine, ("bridge", "-batch", "-"), "".join(f"{line}\n" for line in lines))


def _run_own(machine: Machine, event: Event) -> None:
    """Executable files in the order of their names."""
    for name in machine.entries(OWN_HOOKS):
        path = f"{OWN_HOOKS}/{name}"
        if os.access(path, os.X_OK) and os.path.isfile(path):
            _checked(machine, (path, event.command, event.interface, event.domain.name), limit=_OWN_LIMIT)


def _checked(machine: Machine, argv: t.Sequence[str], stdin: str = "", limit: float = _OWN_LIMIT) -> Completed:
    done = machine.run(argv, stdin, limit)
    if done.rc:
        raise VnetError(f"{' '.join(argv)}: exit status {done.rc}: {_said(done)}")
    return done


def _said(done: Completed) -> str:
    lines = (done.err or done.out).strip().splitlines()
    return lines[0] if lines else "no message"
