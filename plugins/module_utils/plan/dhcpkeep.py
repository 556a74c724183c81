# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""How the services of networks follow their files: checked before anything is touched, started, restarted, or told to read again."""

from __future__ import annotations

from ..model.dhcp import UNIT_PREFIX, DhcpFacts, UnitFacts, leases_path, unit_of
from ..model.state import FileState
from ..model.step import Action, Phase, Remove, Run, Step, Write
from ..render.dhcp import TEMPLATE, config_path, dropin_path, hosts_path, names_path
from .kind import KindChange
from .units import READ_UNITS, unit_verbs


def header(name: str) -> str:
    """Under which people are told of the service."""
    return f"dhcp {name} (systemd)"


def handover(change: KindChange) -> list[Step]:
    """A change of hosts and names is a SIGHUP, one of the configuration a restart; leases outlive both."""
    facts: DhcpFacts = change.state.kinds.get("dhcp") or DhcpFacts()
    forget, learn = _units(change, facts)
    steps = learn
    for name in sorted({*change.before.dhcp, *change.after.dhcp}):
        own = (config_path(name), hosts_path(name), names_path(name))
        if header(name) not in change.plan.texts and not any(path in change.files for path in own):
            # Nobody speaks of it, nor of its guests: whether it runs is somebody else's business.
            continue
        unit = facts.units.get(name, UnitFacts())
        if name not in change.after.dhcp:
            steps += _goes(name, unit, facts.leases.get(name))
        else:
            steps += _stays(name, unit, change)
    # The last of its phase is undone first.
    return [*steps, *forget]


def _units(change: KindChange, facts: DhcpFacts) -> tuple[list[Step], list[Step]]:
    """The steps by which systemd reads its files again: when they are as before, and before services follow."""
    moved = [
        name
        for name in change.before.dhcp
        if name in change.after.dhcp and dropin_path(name) in change.files and facts.units.get(name, UnitFacts()).enabled
    ]
    if not any(path == TEMPLATE or path in map(dropin_path, {*change.before.dhcp, *change.after.dhcp}) for path in change.files):
        return [], []
    again = tuple(_systemctl("reenable", name, may_fail=True) for name in moved)
    forget = Step(Phase.PREPARE, "systemd knows the units that were", (), (READ_UNITS, *again), lasting=True)
    return [forget], [Step(Phase.SERVICE, "systemd knows the units of networks", (READ_UNITS, *again))]


def _goes(name: str, unit: UnitFacts, leases: str | None) -> list[Step]:
    enable, disable, start, stop = unit_verbs(unit_of(name))
    steps = [Step(Phase.FREEZE, f"DHCP of {name} ends", (stop,), (READ_UNITS, start) if unit.active else ())]
    if unit.enabled:
        steps.append(Step(Phase.FREEZE, f"DHCP of {name} does not come back", (disable,), (READ_UNITS, enable), lasting=True))
    if leases is not None:
        path = leases_path(name)
        steps.append(Step(Phase.FREEZE, f"leases of {name}", (Remove(path),), (Write(path, leases),), lasting=True))
    return steps


def _stays(name: str, unit: UnitFacts, change: KindChange) -> list[Step]:
    persist = change.after.dhcp[name].persist
    rules = {path for path in (config_path(name), dropin_path(name), TEMPLATE) if path in change.files}
    words = {path for path in (hosts_path(name), names_path(name)) if path in change.files}
    steps = []
    if config_path(name) in change.files:
        steps.append(_test(name, change.files[config_path(name)]))
    if unit.active and (rules or words):
        verb = "restart" if rules else "reload"
        steps.append(Step(Phase.PREPARE, f"dnsmasq of {name} does as before", (), (_systemctl(verb, name, may_fail=True),)))
        steps.append(_serve(verb, name, ()))
    elif not unit.active:
        undo = (unit_verbs(unit_of(name))[3], Run(("systemctl", "reset-failed", unit_of(name)), may_fail=True))
        steps.append(_serve("start", name, undo))
    if persist != unit.enabled:
        enable, disable, _start, _stop = unit_verbs(unit_of(name))
        do, undo_one = (enable, disable) if persist else (disable, enable)
        why = f"DHCP of {name} {'comes with its bridge at every boot' if persist else 'does not come back'}"
        steps.append(Step(Phase.SERVICE, why, (do,), (undo_one,), lasting=True))
    return steps


def _serve(verb: str, name: str, undo: tuple[Action, ...]) -> Step:
    return Step(Phase.SERVICE, f"dnsmasq of {name}", (_systemctl(verb, name),), undo)


def _systemctl(verb: str, name: str, may_fail: bool = False) -> Run:
    unit = unit_of(name)
    if may_fail or verb == "reload":
        return Run(("systemctl", verb, unit), may_fail)
    # systemctl says no more than that it failed. dnsmasq says why on stderr and in the log, and last that it has.
    explain = ("journalctl", f"--unit={unit}", "--identifier=dnsmasq", "--lines=3", "--output=cat", "--no-pager", "--quiet")
    return Run(("systemctl", verb, unit), explain=explain)


def _test(name: str, config: FileState | None) -> Step:
    """While nothing is changed yet: what is refused must not make a service that runs do anything."""
    path = f"/run/{UNIT_PREFIX}{name}.conf"
    do = (Write(path, config.content if config else ""), Run(("dnsmasq", "--test", f"--conf-file={path}")), Remove(path))
    return Step(Phase.PREPARE, f"dnsmasq understands {config_path(name)}", do, (Remove(path),))
