# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What of the declared taps this host cannot do, said before anything is touched."""

from __future__ import annotations

from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import Problem
from ..model.rate import Shaping
from ..model.state import HostState, Link
from ..model.tap import Tap, TapFacts
from .bridgecheck import bridge_problems

# net/bridge/br_private.h: BR_MAX_PORTS is 1 << 10, and port 0 is none.
MAX_PORTS = 1023


def tap_problems(document: Document, state: HostState, applied: Applied, facts: TapFacts) -> list[Problem]:
    """All problems of all taps with this host."""
    taps, owners = document.taps, applied.owners("taps")
    problems = _tun_problems(document, state, facts)
    for place, tap in taps.placed():
        problems += taps.owner_problems(tap.name, owners, document.owner)
        problems += _link_problems(tap, state.links.get(tap.name), tap.name in owners, place)
        problems += bridge_problems(tap.bridge, "the tap", state, applied, f"{place}.bridge") if tap.bridge else []
        problems += _account_problems(tap, facts, place)
        problems += _rate_problems(tap, facts, place)
        problems += _vlan_problems(tap, state, applied, place)
    for name in taps.removed:
        problems += taps.owner_problems(name, owners, document.owner)
    return problems + _port_problems(document, state, applied)


def _tun_problems(document: Document, state: HostState, facts: TapFacts) -> list[Problem]:
    if facts.tun or facts.loadable or not document.taps.items:
        return []
    cure = "load the module tun (Debian has it in every kernel package), or give the container /dev/net/tun"
    return [Problem(document.taps.path, f"this host has no /dev/net/tun, and its kernel no tun driver to make one; {cure}")]


def _link_problems(tap: Tap, link: Link | None, ours: bool, place: str) -> list[Problem]:
    if link is None:
        return []
    if link.tap is None:
        kind = "bridge" if link.bridge is not None else link.kind or "network card"
        return [Problem(f"{place}.name", f"{tap.name} exists and is no tap but a {kind}; choose another name")]
    if not ours:
        cure = f"remove it (ip link delete dev {tap.name}), or choose another name"
        return [Problem(f"{place}.name", f"{tap.name} exists and is not ours; {cure}")]
    return []


def _account_problems(tap: Tap, facts: TapFacts, place: str) -> list[Problem]:
    problems = []
    for option, text, found in (("owner", tap.user, facts.users), ("group", tap.group, facts.groups)):
        if text and text not in found:
            what = "user" if option == "owner" else "group"
            problems.append(Problem(f"{place}.{option}", f"this host has no {what} {text!r}; make it first, or write a number"))
    user = facts.users.get(tap.user)
    if user and user.number and facts.tun and facts.tun_mode & 0o066 == 0:
        cure = "chmod 0666 /dev/net/tun; who may open which tap is said by its owner and group"
        problems.append(Problem(f"{place}.owner", f"/dev/net/tun is {facts.tun_mode:04o}, so that {user.name} cannot open it; {cure}"))
    return problems


def _vlan_problems(tap: Tap, state: HostState, applied: Applied, place: str) -> list[Problem]:
    ours, link = applied.bridges.get(tap.bridge), state.links.get(tap.bridge)
    settings = ours.bridge.settings if ours else link.bridge if link else None
    if not tap.vlans or settings is None or settings.vlan_filtering:
        return []
    cure = "declare it with vlan_filtering: true" if ours else f"ip link set dev {tap.bridge} type bridge vlan_filtering 1"
    return [Problem(f"{place}.vlan", f"{tap.bridge} is not VLAN-aware, so its ports have no VLANs; {cure}")]


def _rate_problems(tap: Tap, facts: TapFacts, place: str) -> list[Problem]:
    """What somebody else does with the queues of a tap of ours stays, so ours find no room beside it."""
    if not facts.tc and tap.rate.limits:
        return [Problem(f"{place}.rate", "tc is missing on this host; install iproute2, on Red Hat's iproute-tc")]
    seen = facts.shapings.get(tap.name, Shaping())
    problems = []
    for option, limit, kind, where in (
        ("to_guest", tap.rate.to_guest, seen.root, "root"),
        ("from_guest", tap.rate.from_guest, seen.ingress, "ingress"),
    ):
        if limit and kind:
            cure = f"remove it (tc qdisc delete dev {tap.name} {where}), or leave {option} out"
            problems.append(Problem(f"{place}.rate.{option}", f"{tap.name} has a qdisc {kind} that is not ours; {cure}"))
    return problems


def _port_problems(document: Document, state: HostState, applied: Applied) -> list[Problem]:
    """Said at the first tap that finds no room."""
    taps = document.taps
    gone = {*taps.gone(applied.owners("taps"), document.owner), *(tap.name for tap in taps.items)}
    ports: dict[str, int] = {}
    for link in state.links.values():
        if link.master and link.name not in gone:
            ports[link.master] = ports.get(link.master, 0) + 1
    full: dict[str, str] = {}
    for place, tap in taps.placed():
        ports[tap.bridge] = ports.get(tap.bridge, 0) + 1
        if tap.bridge and ports[tap.bridge] > MAX_PORTS:
            full.setdefault(tap.bridge, f"{place}.bridge")
    return [
        Problem(place, f"{bridge} would have {ports[bridge]} ports, and a Linux bridge takes {MAX_PORTS}; use more bridges")
        for bridge, place in full.items()
    ]
