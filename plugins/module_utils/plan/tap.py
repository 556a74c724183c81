# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kernel's side of taps: all lines of a list in one ip-batch(8).

A single `ip link del` waits about 17 ms for the kernel's grace periods; taps that go are put into a link group that no other
link has and go with it, 75 times faster.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..model.applied import Applied
from ..model.rate import Shaping
from ..model.state import HostState, Link, TapDevice
from ..model.step import Action, Batch, Ip, Phase, Run, Step, ip_step
from ..model.tap import AppliedTap, Tap, TapFacts, remade
from ..model.view import LinkView, Views, view_of
from ..model.vlan import Vlans, normal, untagged, vlan_lines
from ..render.rate import shaping_lines, wanted_shaping

# Where the search for a free link group begins; nobody counts that far by hand.
_FIRST_GROUP = 0x766E6574
_SHOWN = 4


@dataclass(frozen=True)
class TapPlan:
    """What all taps need."""

    steps: tuple[Step, ...] = ()
    views: Views = field(default_factory=dict)
    disrupts: tuple[str, ...] = ()


def plan_links(gone: t.Sequence[str], wanted: t.Mapping[str, AppliedTap], applied: Applied, state: HostState, facts: TapFacts) -> TapPlan:
    """Remove ``gone``, then make or change ``wanted``. Both are sorted; ``applied`` is the memory so far."""
    there = {name: link for name, link in state.links.items() if link.tap is not None}
    parting = [there[name] for name in gone if name in there]
    anew = [there[name] for name, tap in wanted.items() if name in there and _is_remade(tap, applied.taps.get(name), there[name])]
    again = {link.name for link in anew}
    made = [tap for name, tap in wanted.items() if name not in there or name in again]
    kept = [(there[name], tap) for name, tap in wanted.items() if name in there and name not in again]
    group = _free_group(facts)
    steps = [*_load(facts, made), *_remove([*parting, *anew], group, state, facts), *_make(made, group)]
    steps += [step for link, tap in kept for step in _change(link, tap)]
    steps += _shape(wanted.values(), {link.name: facts.shapings[link.name] for link, _tap in kept if link.name in facts.shapings})
    steps += _tag(wanted, applied, state, {link.name for link, tap in kept if link.master == tap.tap.bridge}, facts)
    views: Views = {name: (_before(name, state, applied, facts), None) for name in gone}
    for name, tap in wanted.items():
        before = _before(name, state, applied, facts, tap)
        views[name] = (before, _after(tap, state, applied, before if name in there and name not in again else None))
    disrupts = [line for link in parting for line in _cut_off(link, "is removed", facts)]
    disrupts += [line for link in anew for line in _cut_off(link, "is made anew", facts)]
    disrupts += [line for link, tap in kept for line in _disturbs(link, tap)]
    return TapPlan(tuple(steps), views, tuple(disrupts))


def _is_remade(tap: AppliedTap, known: AppliedTap | None, link: Link) -> bool:
    device = tap.device()
    return link.tap is not None and remade(tap.tap, device.user, device.group, known.tap if known else None, link.tap)


def _free_group(facts: TapFacts) -> int:
    group = _FIRST_GROUP
    while group in facts.groups_taken:
        group += 1
    return group


def _load(facts: TapFacts, made: t.Sequence[AppliedTap]) -> list[Step]:
    return [Step(Phase.PREPARE, "the tun driver", (Run(("modprobe", "tun")),))] if made and not facts.tun else []


def _together(names: t.Iterable[str], group: int) -> tuple[Ip, ...]:
    return (*(Ip(f"link set dev {name} group {group}") for name in names), Ip(f"link delete group {group}"))


def _remove(links: t.Sequence[Link], group: int, state: HostState, facts: TapFacts) -> list[Step]:
    if not links:
        return []
    names = [link.name for link in links]
    again = [line for link in links for line in _lines(_as_it_is(link), link.tap or TapDevice())]
    # Those that were only put into the group by then.
    again += [f"link set dev {link.name} group {link.group or 'default'}" for link in links]
    shaped = [line for name in names for line in shaping_lines(name, Shaping(), facts.shapings.get(name, Shaping()))]
    had = [(link, facts.vlans[link.name]) for link in links if link.name in facts.vlans]
    tagged = [line for link, vlans in had for line in vlan_lines(link.name, _given(link.master, state), vlans)]
    undo: list[Action] = [*(Ip(line) for line in again), *_batch("tc", shaped, may_fail=True), *_batch("bridge", tagged, may_fail=True)]
    return [Step(Phase.LINK, f"remove {_some(names)}", _together(names, group), tuple(undo))]


def _make(taps: t.Sequence[AppliedTap], group: int) -> list[Step]:
    if not taps:
        return []
    names = [tap.tap.name for tap in taps]
    lines = [_lines(tap, tap.device()) for tap in taps]
    # Tap by tap the kernel takes a third longer for the same lines.
    ordered = [*(made for made, *_settings in lines), *(line for _made, *settings in lines for line in settings)]
    return [Step(Phase.LINK, f"taps {_some(names)}", tuple(map(Ip, ordered)), _together(names, group))]


def _shape(taps: t.Iterable[AppliedTap], there: t.Mapping[str, Shaping]) -> list[Step]:
    """The rates of all taps. ``there``: what those have that stay."""
    do, undo, names = [], [], []
    for tap in taps:
        name, had = tap.tap.name, there.get(tap.tap.name)
        if had is None and not tap.tap.rate.limits:
            continue
        had, wanted = had or Shaping(), wanted_shaping(tap.tap.rate, tap.mtu)
        lines = shaping_lines(name, had, wanted)
        if lines:
            names.append(name)
            do += lines
            undo += shaping_lines(name, wanted, had)
    return [Step(Phase.LINK, f"rates of {_some(names)}", _batch("tc", do), _batch("tc", undo, may_fail=True))] if names else []


def _tag(wanted: t.Mapping[str, AppliedTap], applied: Applied, state: HostState, stay: set[str], facts: TapFacts) -> list[Step]:
    """The VLANs of all taps. ``stay``: those that stay in their bridge; the others get first what it gives to every port."""
    do, undo, names = [], [], []
    for name, tap in wanted.items():
        will = _vlans(tap, applied, state)
        if will is None:
            continue
        had = facts.vlans.get(name, ()) if name in stay else _given(tap.tap.bridge, state)
        lines = vlan_lines(name, had, will)
        if lines:
            names.append(name)
            do += lines
            undo += vlan_lines(name, will, had)
    return [Step(Phase.LINK, f"VLANs of {_some(names)}", _batch("bridge", do), _batch("bridge", undo, may_fail=True))] if names else []


def _vlans(tap: AppliedTap, applied: Applied, state: HostState) -> Vlans | None:
    """The declared ones; the bridge's own where they are declared no more; None where nobody ever did."""
    known = applied.taps.get(tap.tap.name)
    if tap.tap.vlans:
        return normal(tap.tap.vlans)
    return _given(tap.tap.bridge, state) if known and known.tap.vlans else None


def _given(bridge: str, state: HostState) -> Vlans:
    """What a new port has; a bridge that comes in the same run is like any other."""
    link = state.links.get(bridge)
    return untagged(link.default_pvid if link else 1) if bridge else ()


def _batch(program: str, lines: t.Sequence[str], may_fail: bool = False) -> tuple[Batch, ...]:
    return (Batch(program, tuple(lines), may_fail),) if lines else ()


def _some(names: t.Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _as_it_is(link: Link) -> AppliedTap:
    declared = Tap(link.name, link.master, isolated=link.isolated, up=link.up)
    return AppliedTap("", declared, link.mac, link.mtu, "none")


def _lines(tap: AppliedTap, device: TapDevice) -> list[str]:
    """Make one tap. As a bridge's port it needs no IPv6 address of its own."""
    name, declared = tap.tap.name, tap.tap
    words = [f"tuntap add dev {name} mode tap"]
    words += [f"user {device.user}"] if device.user else []
    words += [f"group {device.group}"] if device.group else []
    words += ["multi_queue"] if device.multi_queue else []
    words += ["vnet_hdr"] if device.vnet_hdr else []
    link = [f"link set dev {name} address {tap.mac}"]
    link += [f"mtu {tap.mtu}"] if tap.mtu != 1500 else []
    link += [f"addrgenmode none master {declared.bridge}"] if declared.bridge else []
    link += ["up"] if declared.up else []
    lines = [" ".join(words), " ".join(link)]
    return [*lines, f"link set dev {name} type bridge_slave isolated on"] if declared.isolated else lines


def _change(link: Link, tap: AppliedTap) -> list[Step]:
    """What the kernel changes while a guest goes on. Isolation is the bridge's memory of its port, so it comes after it."""
    name, wanted = link.name, tap.tap
    dev = f"link set dev {name}"
    steps = []
    if link.mac != tap.mac:
        steps.append(ip_step(Phase.LINK, f"mac of {name}", f"{dev} address {tap.mac}", f"{dev} address {link.mac}"))
    if link.mtu != tap.mtu:
        steps.append(ip_step(Phase.LINK, f"mtu of {name}", f"{dev} mtu {tap.mtu}", f"{dev} mtu {link.mtu}"))
    isolated = link.isolated
    if link.master != wanted.bridge:
        undo = [Ip(f"{dev} {_into(link.master)}")]
        undo += [Ip(f"{dev} type bridge_slave isolated on")] if isolated else []
        why = f"{name} into {wanted.bridge}" if wanted.bridge else f"{name} out of {link.master}"
        steps.append(Step(Phase.LINK, why, (Ip(f"{dev} {_into(wanted.bridge)}"),), tuple(undo)))
        isolated = False
    if wanted.bridge and isolated != wanted.isolated:
        line = f"{dev} type bridge_slave isolated"
        steps.append(ip_step(Phase.LINK, f"isolation of {name}", f"{line} {_on(wanted.isolated)}", f"{line} {_on(isolated)}"))
    if link.up != wanted.up:
        words = ("up", "down") if wanted.up else ("down", "up")
        steps.append(ip_step(Phase.LINK, f"{name} {words[0]}", f"{dev} {words[0]}", f"{dev} {words[1]}"))
    return steps


def _into(bridge: str) -> str:
    return f"addrgenmode none master {bridge}" if bridge else "nomaster"


def _on(value: bool) -> str:
    return "on" if value else "off"


def _before(name: str, state: HostState, applied: Applied, facts: TapFacts, tap: AppliedTap | None = None) -> LinkView | None:
    known = applied.taps.get(name)
    view = view_of(state, name, known.owner if known else "")
    if view is None or (name not in facts.shapings and name not in facts.vlans):
        return view
    wanted = wanted_shaping(tap.tap.rate, tap.mtu) if tap else Shaping()
    return replace(view, rate=facts.shapings.get(name, Shaping()).rate_beside(wanted), vlans=facts.vlans.get(name, ()))


def _after(tap: AppliedTap, state: HostState, applied: Applied, seen: LinkView | None) -> LinkView:
    """``seen``: the tap that stays, None for a new one. A program that holds it open has said what it wants of vnet_hdr."""
    name, device = tap.tap.name, tap.device()
    if seen and seen.tap and device.vnet_hdr != seen.tap.vnet_hdr:
        device = replace(device, vnet_hdr=seen.tap.vnet_hdr)
    return replace(
        seen or LinkView(name),
        kind="tap",
        owner=tap.owner,
        mac=tap.mac,
        mtu=tap.mtu,
        up=tap.tap.up,
        master=tap.tap.bridge,
        tap=device,
        isolated=tap.tap.isolated,
        rate=tap.tap.rate,
        vlans=_vlans(tap, applied, state) or (),
    )


def _cut_off(link: Link, how: str, facts: TapFacts) -> list[str]:
    programs = ", ".join(facts.holders.get(link.name, ()))
    if not programs and not (link.up and link.carrier):
        return []
    who = programs or "a program"
    return [f"{link.name} {how}, and {who} holds it open: its guest has no network until it is started again"]


def _disturbs(link: Link, tap: AppliedTap) -> list[str]:
    """What its guest feels of a change. Without a carrier nobody is there."""
    name, wanted = link.name, tap.tap
    if not (link.up and link.carrier):
        return []
    lines = []
    if link.master and link.master != wanted.bridge:
        lines.append(f"{name} leaves bridge {link.master}: its guest finds other neighbours, or none")
    if not wanted.up:
        lines.append(f"{name} goes down: its guest has no network until it is up again")
    if tap.mtu < link.mtu:
        lines.append(f"frames over {tap.mtu} bytes no longer pass {name}, until its mtu is raised again")
    return lines
