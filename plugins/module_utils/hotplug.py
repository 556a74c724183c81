# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What Xen's hotplug hook runs for every vif that comes or goes: filter, bridge port, routes, and users' own hooks behind them.

It fails when the interface is not as declared, and the hook sets it down then. Every wait ends before libxl's patience does (40 s).
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .follow import read_kept, set_up
from .host.machine import Machine
from .host.perform import perform
from .host.session import exclusive, is_held_above
from .journal import APPLIED, LOCK
from .model.applied import Applied, applied_from_text
from .model.guard import TABLES
from .model.hook import OWN_HOOKS, VIFS, HookFacts, declared_vif
from .model.problem import VnetError
from .model.step import Batch, Ip, Step
from .model.vif import Device, Domain, Vif
from .model.vlan import read_xl_vlans, vlan_lines
from .observe.hook import read_domains
from .observe.ruleset import read_tables
from .observe.vlan import read_vlans
from .plan.guard import hook_steps

_PATIENCE = 20.0
_OWN_LIMIT = 10.0
_COMES = ("online", "add")


class Event(t.NamedTuple):
    """One call of a vif script. ``command``: online, offline, add or remove; ``path`` ends in the domain's number and the vif's."""

    command: str
    interface: str
    path: str

    @property
    def comes(self) -> bool:
        return self.command in _COMES

    @property
    def numbers(self) -> tuple[int, int]:
        words = self.path.split("/")[-2:]
        if len(words) != 2 or not all(word.isdigit() for word in words):
            raise VnetError(f"{self.path}: is no path of a vif; it ends in the domain's number and the vif's")
        return int(words[0]), int(words[1])


def plug(machine: Machine, event: Event) -> None:
    """Set up an interface that comes, take away what is left of one that went. VnetError: it is not as declared."""
    # A run that attaches a vif waits for its script, which is us.
    with contextlib.nullcontext() if is_held_above(LOCK) else exclusive(LOCK, _PATIENCE):
        memory = machine.read(APPLIED)
        applied = applied_from_text(memory.content if memory else "")
        vifs, domains = _declared(machine), read_domains(machine)
        _filter(machine, event, applied, vifs, domains)
        domain, device = _found(event, domains)
        if event.comes:
            _set_up(machine, event, declared_vif(vifs, domain, device) if device else None, device.words.get("vlan", "") if device else "")
    _run_own(machine, event, domain.name)


def _declared(machine: Machine) -> list[Vif]:
    file = machine.read(VIFS)
    return [Vif(**item) for item in json.loads(file.content)] if file else []


def _found(event: Event, domains: t.Mapping[str, Domain]) -> tuple[Domain, Device | None]:
    domid, devid = event.numbers
    domain = next((domain for domain in domains.values() if domain.domid == domid), Domain(domid, ""))
    return domain, domain.devices.get(devid)


def _filter(machine: Machine, event: Event, applied: Applied, vifs: t.Sequence[Vif], domains: t.Mapping[str, Domain]) -> None:
    """The tables as they shall be with those vifs that are there now."""
    if not applied.guards and not applied.guard_settings.unlisted:
        return
    domid, devid = event.numbers
    gone = devid if event.command == "offline" else -1
    there = {name: _without(domain, gone) if domain.domid == domid else domain for name, domain in domains.items()}
    for step in hook_steps(applied, vifs, HookFacts(True, there), read_tables(machine, TABLES)):
        _do(machine, step)


def _without(domain: Domain, devid: int) -> Domain:
    return Domain(domain.domid, domain.name, domain.type, {key: device for key, device in domain.devices.items() if key != devid})


def _do(machine: Machine, step: Step) -> None:
    for action in step.do:
        try:
            perform(machine, action)
        except VnetError as error:
            raise VnetError(f"{step.why}: {error}") from error


def _set_up(machine: Machine, event: Event, vif: Vif | None, vlan: str) -> None:
    """``vlan``: what the guest's own file says, by xl since 4.19."""
    if not machine.exists(f"/sys/class/net/{event.interface}"):
        raise VnetError(f"{event.interface}: is not there, although its script was told that it comes")
    mtu = vif.words.get("mtu", "") if vif else ""
    if mtu and machine.text(f"/sys/class/net/{event.interface}/mtu") != mtu:
        perform(machine, Ip(f"link set dev {event.interface} mtu {mtu}"))
    port = {**({"vlan": vlan} if vlan else {}), **(vif.port if vif else {})}
    if "vlan" in port:
        _tag(machine, event.interface, port["vlan"])
    if "isolated" in port:
        perform(machine, Ip(f"link set dev {event.interface} type bridge_slave isolated on"))
    set_up(machine, read_kept(machine), {event.interface})


def _tag(machine: Machine, name: str, text: str) -> None:
    """The VLANs of a port. Where its bridge knows of none it would be in the network of all."""
    wanted, problems = read_xl_vlans(text, f"vlan of {name}")
    if problems:
        raise VnetError("; ".join(str(problem) for problem in problems))
    if machine.text(f"/sys/class/net/{name}/master/bridge/vlan_filtering") != "1":
        raise VnetError(f"vlan of {name}: its bridge is not VLAN-aware; declare it with vlan_filtering: true")
    lines = vlan_lines(name, read_vlans(machine, {name}).get(name, ()), wanted)
    if lines:
        perform(machine, Batch("bridge", tuple(lines)))


def _run_own(machine: Machine, event: Event, domain: str) -> None:
    """Executable files in the order of their names."""
    for name in machine.entries(OWN_HOOKS):
        path = f"{OWN_HOOKS}/{name}"
        if os.access(path, os.X_OK) and os.path.isfile(path):
            done = machine.run((path, event.command, event.interface, domain), limit=_OWN_LIMIT)
            if done.rc:
                said = (done.err or done.out).strip().splitlines()
                raise VnetError(f"{path}: exit status {done.rc}: {said[-1] if said else 'no message'}")
