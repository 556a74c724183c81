# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The steps that bring one network of libvirt from what it is to what it shall be, with the least loss for its guests."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..model.libvirt import Element, Plug, SeenNetwork
from ..model.libvirtxml import identified, normal_of
from ..model.state import HostState
from ..model.step import Action, Batch, Ip, Phase, Step, Virsh
from .libvirtlive import live_updates


@dataclass(frozen=True)
class Target:
    """What a network shall be. ``definition``: in normal form, what libvirt settled included; ``xml``: as libvirt once wrote it."""

    name: str
    definition: Element
    active: bool
    autostart: bool
    xml: str = ""

    @property
    def bridge(self) -> str:
        return self.definition.one("bridge").get("name")


class Change(t.NamedTuple):
    """``disrupts``: lines that need consent."""

    steps: tuple[Step, ...]
    disrupts: tuple[str, ...] = ()


def stored_of(seen: SeenNetwork) -> Element | None:
    return normal_of(seen.stored) if seen.stored else None


def running_of(seen: SeenNetwork) -> Element | None:
    return normal_of(seen.running) if seen.running else None


def change(target: Target, seen: SeenNetwork, plugs: t.Sequence[Plug], state: HostState) -> Change:
    """``plugs``: the guests' interfaces that are in the network, or were."""
    running = running_of(seen)
    define = _define(target, seen) if target.definition != stored_of(seen) else None
    autostart = [] if target.autostart == (seen.autostart and bool(seen.stored)) else [_autostart(target)]
    if not target.active:
        stop = [_stop(target.name, running.one("bridge").get("name"), plugs)] if running else []
        lost = _lost("stops, and these lose it", target.name, plugs) if running else ()
        return Change((*stop, *([define] if define else []), *autostart), lost)
    if running is None:
        return Change((*([define] if define else []), *autostart, _start(target, plugs)))
    updates = live_updates(target.name, running, target.definition)
    if updates is None:
        lost = _lost("is restarted, and these lose it for a moment", target.name, plugs)
        return Change((_restart(target, seen, running, define, plugs), *autostart), lost)
    live = [Step(Phase.LINK, f"network {target.name} changes live", (update.do,), (update.undo,)) for update in updates]
    loose = [plug for plug in plugs if plug.dev in state.links and state.links[plug.dev].master != target.bridge]
    back = [_plug_step(target.name, target.bridge, loose)] if loose and target.bridge else []
    return Change((*([define] if define else []), *autostart, *live, *back))


def removal(name: str, seen: SeenNetwork, plugs: t.Sequence[Plug]) -> Change:
    """The network goes, and comes back by undoing with its guests."""
    running = running_of(seen)
    bridge = running.one("bridge").get("name") if running else ""
    do: list[Action] = [Virsh("net-destroy", name)] if running else []
    do += [Virsh("net-undefine", name)] if seen.stored else []
    undo: list[Action] = [Virsh("net-define", name, xml=seen.stored)] if seen.stored else []
    undo += [Virsh("net-autostart", name)] if seen.autostart and seen.stored else []
    undo += [Virsh("net-start", name, may_fail=True), *_plugging(bridge, plugs)] if running and seen.stored else []
    lost = _lost("goes, and these lose it", name, plugs)
    return Change((Step(Phase.LINK, f"network {name} goes", tuple(do), tuple(undo), lasting=True),), lost)


def _lost(text: str, name: str, plugs: t.Sequence[Plug]) -> tuple[str, ...]:
    """Nobody is behind a tap that no program holds open."""
    who = ", ".join(plug.describe() for plug in plugs if not plug.idle)
    return (f"network {name} {text}: {who}",) if who else ()


def _define(target: Target, seen: SeenNetwork) -> Step:
    name = target.name
    do = Virsh("net-define", name, xml=target.xml or identified(target.definition, seen.stored or seen.running))
    if seen.stored:
        undo: tuple[Action, ...] = (Virsh("net-define", name, xml=seen.stored),)
    else:
        gone = [] if seen.running else [Virsh("net-destroy", name, may_fail=True)]
        undo = (*gone, Virsh("net-undefine", name, may_fail=True))
    return Step(Phase.LINK, f"network {name} is defined", (do,), undo, lasting=True)


def _autostart(target: Target) -> Step:
    words: dict[bool, tuple[str, ...]] = {True: (), False: ("--disable",)}
    do, undo = (
        Virsh("net-autostart", target.name, words[on], may_fail=may)
        for on, may in ((target.autostart, False), (not target.autostart, True))
    )
    why = f"network {target.name} {'starts' if target.autostart else 'does not start'} at boot"
    return Step(Phase.LINK, why, (do,), (undo,), lasting=True)


def _start(target: Target, plugs: t.Sequence[Plug]) -> Step:
    do = (Virsh("net-start", target.name), *_plugging(target.bridge, plugs))
    return Step(Phase.LINK, f"network {target.name} starts", do, (Virsh("net-destroy", target.name, may_fail=True),))


def _stop(name: str, bridge: str, plugs: t.Sequence[Plug]) -> Step:
    undo = (Virsh("net-start", name, may_fail=True), *_plugging(bridge, plugs))
    return Step(Phase.LINK, f"network {name} stops", (Virsh("net-destroy", name),), undo)


def _restart(target: Target, seen: SeenNetwork, running: Element, define: Step | None, plugs: t.Sequence[Plug]) -> Step:
    """One step, because its undo must have the old definition stored again before it starts the network anew."""
    name, bridge = target.name, running.one("bridge").get("name")
    again = (Virsh("net-destroy", name), Virsh("net-start", name))
    do = (*(define.do if define else ()), *again, *_plugging(target.bridge, plugs))
    # A definition that ran without being stored is nothing that libvirt could start again.
    back = (Virsh("net-destroy", name, may_fail=True), Virsh("net-start", name, may_fail=True), *_plugging(bridge, plugs))
    undo = (Virsh("net-define", name, xml=seen.stored), *back) if define and seen.stored else ()
    return Step(Phase.LINK, f"network {name} is restarted", do, undo, lasting=True)


def _plug_step(name: str, bridge: str, plugs: t.Sequence[Plug]) -> Step:
    return Step(Phase.LINK, f"guests are in network {name} again", tuple(_plugging(bridge, plugs)))


def _plugging(bridge: str, plugs: t.Sequence[Plug]) -> list[Action]:
    """Guests' interfaces back into the bridge, as libvirt plugged them when they started. A guest may be gone meanwhile."""
    if not bridge or not plugs:
        return []
    actions: list[Action] = []
    for plug in plugs:
        if plug.mtu:
            actions.append(Ip(f"link set dev {plug.dev} mtu {plug.mtu}", may_fail=True))
        actions.append(Ip(f"link set dev {plug.dev} master {bridge}", may_fail=True))
        if plug.isolated:
            actions.append(Ip(f"link set dev {plug.dev} type bridge_slave isolated on", may_fail=True))
    tagged = [plug for plug in plugs if plug.vlans]
    lines = [f"vlan add dev {plug.dev} {line}" for plug in tagged for line in plug.vlans]
    lines += [f"vlan del dev {plug.dev} vid 1" for plug in tagged if not any(line.split()[1] == "1" for line in plug.vlans)]
    return [*actions, *([Batch("bridge", tuple(lines), may_fail=True)] if lines else [])]
