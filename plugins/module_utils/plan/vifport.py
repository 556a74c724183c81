# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The bridge ports of vifs that are there and stay. Those that come get theirs from the hook."""

from __future__ import annotations

from ..model.applied import Applied
from ..model.problem import Problem
from ..model.state import HostState, Link
from ..model.step import Action, Batch, Ip, Phase, Step
from ..model.vif import Vif, VifFacts
from ..model.vlan import Vlans, untagged, vlan_lines


def port_steps(vif: Vif, known: Vif | None, name: str, state: HostState, facts: VifFacts) -> list[Step]:
    """From the port as it is to the one declared; what was declared before and is not now is taken back."""
    link = state.links.get(name)
    if link is None or not link.master:
        return []
    steps = []
    had, will = facts.vlans.get(name, ()), _vlans(vif, known, state.links.get(link.master))
    lines = [] if will is None else vlan_lines(name, had, will)
    if will is not None and lines:
        undo = Batch("bridge", tuple(vlan_lines(name, will, had)), may_fail=True)
        steps.append(Step(Phase.LINK, f"VLANs of {name}", (Batch("bridge", tuple(lines)),), (undo,)))
    isolated = "isolated" in vif.port
    if link.isolated != isolated and (isolated or (known and "isolated" in known.port)):
        line = f"link set dev {name} type bridge_slave isolated"
        do, undone = (f"{line} {'on' if on else 'off'}" for on in (isolated, link.isolated))
        steps.append(Step(Phase.LINK, f"isolation of {name}", (Ip(do),), (Ip(undone),)))
    return steps


def port_undo(name: str, state: HostState, facts: VifFacts) -> tuple[Action, ...]:
    """What gives a port that comes again the VLANs and the isolation that it has now."""
    link, had = state.links.get(name), facts.vlans.get(name, ())
    again = (f"vlan del dev {name} vid 1-4094", *vlan_lines(name, (), had))
    isolated = (Ip(f"link set dev {name} type bridge_slave isolated on"),) if link and link.isolated else ()
    return (*((Batch("bridge", again, may_fail=True),) if had else ()), *isolated)


def _vlans(vif: Vif, known: Vif | None, bridge: Link | None) -> Vlans | None:
    """None where nothing is said of them and nothing was."""
    if vif.vlans:
        return vif.vlans
    return untagged(bridge.default_pvid if bridge else 1) if known and known.vlans else None


def port_text(vif: Vif, name: str, state: HostState, facts: VifFacts, known: Vif | None) -> tuple[str, str]:
    """What people are told of the port before and after; the same twice where nothing changes."""
    link = state.links.get(name)
    bridge = state.links.get(link.master) if link else None
    will = _vlans(vif, known, bridge)
    had = facts.vlans.get(name, ())
    isolated = link.isolated if link else False
    stays = isolated and not (known and "isolated" in known.port)
    return _text(name, had, isolated), _text(name, had if will is None else will, "isolated" in vif.port or stays)


def _text(name: str, vlans: Vlans, isolated: bool) -> str:
    return "\n".join([f"port {name}", *(f"  vlan {item}" for item in vlans), *(["  isolated yes"] if isolated else []), ""])


def port_problems(vif: Vif, bridge: str, state: HostState, applied: Applied, place: str) -> list[Problem]:
    """``bridge`` is empty for a vif that is in none."""
    words = [word for word in ("vlan", "isolated") if word in vif.port]
    if words and not bridge:
        return [Problem(f"{place}.{words[0]}", "is a matter of bridge ports, and its script puts it into no bridge; leave it out")]
    ours, link = applied.bridges.get(bridge), state.links.get(bridge)
    settings = ours.bridge.settings if ours else link.bridge if link else None
    if "vlan" not in vif.port or settings is None or settings.vlan_filtering:
        return []
    cure = "declare it with vlan_filtering: true" if ours else f"ip link set dev {bridge} type bridge vlan_filtering 1"
    return [Problem(f"{place}.vlan", f"{bridge} is not VLAN-aware, so its ports have no VLANs; {cure}")]
