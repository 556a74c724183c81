# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""systemd-networkd (and netplan above it) as a persistence back end.

Where a profile or a port moves, networkd is ended as for its own restart (SIGUSR2: leases are kept; `systemctl stop` would release
them) and started again when the kernel has the new state. Measured on 252 and 257: a start without KeepConfiguration=yes deletes
and adds addresses again (13-50 ms IPv4, 2-3 s IPv6 with router advertisements), on all interfaces, so all of them have it as a
run-time drop-in. It stays until the next boot: taking it away is a change for networkd, and the next reload would renew addresses
and leases (252: 20-37 ms, 2.8 s IPv6; 257: nothing, but 3 s while no router has answered yet).

Bridges that come, go, or have no layer 3 need no more than `networkctl reload`, which touches nothing else. On 257 a port that was
plugged before a reload stays "configuring", hence no reload for ports.

What a start leaves behind is put right: KeepConfiguration makes a leased IPv4 address endless and networkd forgets its metric; and
networkd 252 does not see the MTU and the like of an IPv4 route that is there, and adds the same route without it beside.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import typing as t
from dataclasses import replace

from ..model.applied import AppliedBridge
from ..model.bridge import Bridge
from ..model.interface import eui64_address
from ..model.networkd import KEEP, RUNTIME, SERVICE, Facts
from ..model.problem import Problem
from ..model.state import FileState, HostState, Link
from ..model.step import Action, Await, Phase, Remove, Run, Step, Write, ip_step
from ..render.networkd import FOLDER, PREFIXES, bridge_files, bridge_sections, file_name, network_file, parse
from .backend import Backend, Handover, Transfer, no_edits
from .wanted import declared_routes

_DROP_IN = (
    "# Written by hypervisor.vnet: what is configured survives the next start of systemd-networkd.\n[Network]\nKeepConfiguration=yes\n"
)
_STOP_LIMIT = 10.0
_AGREE_LIMIT = 20.0
# Keys of [Match] that never match a bridge: it has no hardware behind it.
_HARDWARE = frozenset({"Path", "Driver", "PermanentMACAddress", "Property", "WLANInterfaceType", "SSID", "BSSID"})


def active(facts: t.Any) -> bool:
    return isinstance(facts, Facts) and facts.active


def claims(facts: t.Any, link: str) -> bool:
    return isinstance(facts, Facts) and bool(facts.file_of(link))


def problems(facts: t.Any, bridge: Bridge, path: str) -> list[Problem]:
    """What networkd could not keep over a reboot."""
    found: list[Problem] = []
    if not isinstance(facts, Facts) or not facts.active:
        return found
    rivals = _rivals(facts, bridge)
    prefix = _prefix(facts, bridge) if bridge.uplink else PREFIXES[0]
    first = file_name(prefix, bridge.name)
    for rival in rivals:
        if not all(file_name(prefix, link) < rival for link in (bridge.name, bridge.uplink, *bridge.ports) if link):
            rename = f"rename it to 10-{rival.lstrip('0123456789-')}"
            found.append(Problem(path, f"{facts.files[rival].path} sorts before {first} and would win over it; {rename}"))
    if bridge.moves_profile and bridge.uplink in facts.stray:
        why = f"{bridge.uplink} has addresses that no file of systemd-networkd makes, so a reboot would lose them"
        found.append(Problem(f"{path}.uplink", f"{why}; declare addresses for {bridge.name}"))
    for index, route in enumerate(bridge.routes):
        if not route.table.isdigit() and route.table not in ("main", "default", "local"):
            message = f"systemd-networkd does not know the table {route.table!r}; write its number, as in /etc/iproute2/rt_tables"
            found.append(Problem(f"{path}.routes[{index}].table", message))
    return found


def _rivals(facts: Facts, bridge: Bridge) -> list[str]:
    """The host's own files that ours must outdo: those of the uplink and the ports, and any that would match the bridge."""
    links = [link for link in (bridge.uplink, *bridge.ports) if link]
    used = {facts.file_of(link) for link in links}
    return sorted(
        name
        for name, file in facts.files.items()
        if name in used or _matches(file.text, bridge.name, "bridge") or any(_names(file.text, link) for link in links)
    )


def _match_pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for name, section in parse(text):
        for key, value in section if name == "Match" else ():
            pairs[key] = f"{pairs.get(key, '')} {value}".strip()
    return pairs


def _names(text: str, link: str) -> bool:
    return _globs(_match_pairs(text).get("Name", ""), link)


def files_matching(facts: t.Any, name: str, kind: str) -> list[str]:
    """The host's own files (base names) that would match an interface of that name and kind."""
    return sorted(base for base, file in facts.files.items() if _matches(file.text, name, kind)) if isinstance(facts, Facts) else []


def _matches(text: str, name: str, kind: str) -> bool:
    """Would this file match a virtual interface of that name and kind? When in doubt, yes."""
    pairs = _match_pairs(text)
    if not pairs or _HARDWARE & set(pairs):
        return False
    wanted = (("Name", name), ("Type", "bridge" if kind == "bridge" else "ether"), ("Kind", kind))
    return all(_globs(pairs[key], value) for key, value in wanted if key in pairs)


def _globs(patterns: str, value: str) -> bool:
    words = patterns.split()
    if words and words[0].startswith("!"):
        return not any(fnmatch.fnmatchcase(value, word) for word in [words[0][1:], *words[1:]])
    return any(fnmatch.fnmatchcase(value, word) for word in words)


def _prefix(facts: Facts, bridge: Bridge) -> str:
    rivals = _rivals(facts, bridge)
    links = [link for link in (bridge.name, bridge.uplink, *bridge.ports) if link]
    for prefix in PREFIXES:
        if all(file_name(prefix, link) < rival for link in links for rival in rivals):
            return prefix
    return PREFIXES[0]


def capture(facts: t.Any, state: HostState, bridge: Bridge) -> t.Mapping[str, str]:
    """The uplink's file with its drop-ins as text, and who it is to DHCP servers and routers."""
    if not isinstance(facts, Facts):
        return {}
    uplink = state.links[bridge.uplink]
    captured = {"prefix": _prefix(facts, bridge)}
    file = facts.file_of(uplink.name)
    text = facts.files[file].text if file in facts.files else ""
    if text:
        captured.update(file=file, network=text)
    if uplink.mtu != 1500:
        captured["mtu"] = str(uplink.mtu)
    named = {name for name, pairs in parse(text) for key, _value in pairs if key == "IAID"}
    if uplink.name in facts.iaid4 and not named & {"DHCP", "DHCPv4"}:
        captured["iaid4"] = facts.iaid4[uplink.name]
    if uplink.name in facts.iaid6 and not named & {"DHCP", "DHCPv6"}:
        captured["iaid6"] = facts.iaid6[uplink.name]
    token = _token(uplink, bridge.mac or uplink.mac)
    return {**captured, "token": token} if token else captured


def _token(uplink: Link, mac: str) -> str:
    """The host part of the uplink's SLAAC address, where it is not the one that the bridge's MAC gives."""
    own = [address for address in uplink.addresses if address.mngtmpaddr]
    own = own or [address for address in uplink.addresses if address.family == 6 and address.dynamic and address.cidr.endswith("/64")]
    hosts = [int(ipaddress.ip_interface(address.cidr)) & (1 << 64) - 1 for address in own]
    if not hosts or int(eui64_address(mac), 16) in hosts:
        return ""
    return f"static:{ipaddress.IPv6Address(hosts[0])}"


def files(name: str, bridge: AppliedBridge) -> t.Mapping[str, FileState]:
    return bridge_files(name, bridge)


def freeze(handover: Handover) -> tuple[Step, ...]:
    if not _is_concerned(handover):
        return ()
    facts: Facts = handover.facts
    if _is_gentle(handover):
        return (Step(Phase.FREEZE, "systemd-networkd reads its old files again", (), (Run(("networkctl", "reload")),)),)
    networks = _all_networks(handover)
    new = networks - facts.kept - frozenset(facts.links.values())
    sources = [move.source for move in handover.transfers if facts.file_of(move.source) and move.source != move.bridge]
    agreement = (*_agreement(handover, handover.before, must=False), *(_configured(link, must=False) for link in sources))
    back = replace(handover, transfers=(), after=handover.before)
    repairs = [action for step in (*_leased_addresses(back), *_tuned_routes(back)) for action in step.do]
    look_again = (*_start(facts), *agreement, *repairs)
    return (
        Step(Phase.FREEZE, "what is configured survives the next start of systemd-networkd", _keep(networks), _drop(new)),
        Step(Phase.FREEZE, "systemd-networkd looks away and keeps its leases", _end(facts, must=True), look_again),
    )


def thaw(handover: Handover) -> tuple[Step, ...]:
    if not _is_concerned(handover):
        return ()
    facts: Facts = handover.facts
    agreement = _agreement(handover, handover.after, must=True)
    gone = _drop(_all_networks(handover) - _used_after(handover))
    if _is_gentle(handover):
        over = Step(Phase.THAW, "systemd-networkd takes over", (Run(("networkctl", "reload")), *agreement, *gone))
        return (over, *_tuned_routes(handover))
    steps = [Step(Phase.THAW, "systemd-networkd takes over what it finds", _start(facts), _end(facts, must=False))]
    steps += [Step(Phase.THAW, "systemd-networkd agrees", agreement)] if agreement else []
    steps += [*_leased_addresses(handover), *_tuned_routes(handover)]
    steps += [Step(Phase.THAW, "files that configure nothing any more", gone, _keep(_all_networks(handover)))] if gone else []
    return tuple(steps)


def _is_concerned(handover: Handover) -> bool:
    if not isinstance(handover.facts, Facts) or not handover.facts.active:
        return False
    return bool(handover.transfers) or any(path.startswith(f"{FOLDER}/") for path in handover.files)


def _is_gentle(handover: Handover) -> bool:
    """No profile and no port changes its place, and no bridge that stays has a layer 3 to lose."""
    bridges = [*handover.before.items(), *handover.after.items()]
    own = {f"{FOLDER}/{network_file(name, bridge)}" for name, bridge in bridges}
    ports = [path for path in handover.files if path.startswith(f"{FOLDER}/") and path.endswith(".network") and path not in own]
    staying = set(handover.before) & set(handover.after)
    return not handover.transfers and not ports and not any(_has_layer3(name, bridge) for name, bridge in bridges if name in staying)


def _bridge_networks(bridges: t.Mapping[str, AppliedBridge]) -> frozenset[str]:
    return frozenset(network_file(name, bridge) for name, bridge in bridges.items())


def _all_networks(handover: Handover) -> frozenset[str]:
    """Every .network file that configures something now or afterwards."""
    bridges = [*handover.before.values(), *handover.after.values()]
    own = {bridge.captured["file"] for bridge in bridges if "file" in bridge.captured}
    return frozenset(handover.facts.links.values()) | _bridge_networks(handover.before) | _bridge_networks(handover.after) | own


def _path(network: str) -> str:
    return f"{RUNTIME}/{network}.d/{KEEP}"


def _keep(networks: t.Iterable[str]) -> tuple[Action, ...]:
    return tuple(Write(_path(network), _DROP_IN) for network in sorted(networks))


def _drop(networks: t.Iterable[str]) -> tuple[Action, ...]:
    return tuple(Remove(_path(network)) for network in sorted(networks))


def _used_after(handover: Handover) -> frozenset[str]:
    """Every .network file that configures something when the change is done."""
    facts: Facts = handover.facts
    changed = {link for bridges in (handover.before, handover.after) for name, item in bridges.items() for link in _links(name, item)}
    staying = frozenset(file for index, file in facts.links.items() if index not in {facts.names.get(link) for link in changed})
    ports = frozenset(
        file_name(item.captured.get("prefix", PREFIXES[0]), link) for name, item in handover.after.items() for link in _links(name, item)
    )
    free = {link: item for name, item in handover.before.items() for link in _links(name, item)}
    for name, item in handover.after.items():
        for link in _links(name, item):
            free.pop(link, None)
    own = frozenset(item.captured["file"] for link, item in free.items() if link == item.bridge.uplink and "file" in item.captured)
    return staying | ports | own


def _links(name: str, bridge: AppliedBridge) -> tuple[str, ...]:
    return tuple(link for link in (name, bridge.bridge.uplink, *bridge.bridge.ports) if link)


def _is_leased(bridge: AppliedBridge) -> bool:
    declared = bridge.bridge
    return declared.moves_profile or declared.dhcp4 or declared.dhcp6 or declared.accept_ra


def _leased_addresses(handover: Handover) -> tuple[Step, ...]:
    """IPv4 leases end when they would have ended, and their routes have the metric that they had."""
    lines = []
    moves = {move.source: move for move in handover.transfers}
    bridges = {**handover.before, **handover.after}
    for name, link in handover.state.links.items():
        move = moves.get(name)
        mover = _mover(handover, move) if move else bridges.get(name)
        if _is_managed(handover, name) and (mover is None or _is_leased(mover)):
            target = move.target if move else name
            leased = [address for address in link.addresses if address.family == 4 and (address.dynamic or address.metric)]
            lines += [(address.cidr, address.moved(name, target).add_line(target)) for address in leased]
    return tuple(ip_step(Phase.THAW, f"{cidr} as it was leased", line) for cidr, line in lines)


def _tuned_routes(handover: Handover) -> tuple[Step, ...]:
    """One route, with its MTU, where networkd has put one without beside it."""
    routes = [route for bridge in handover.after.values() for route in declared_routes(bridge.bridge)]
    if not _is_gentle(handover):
        said = {move.source for move in handover.transfers}
        said |= {name for bridges in (handover.before, handover.after) for name, item in bridges.items() if not item.bridge.moves_profile}
        routes += [route for route in handover.state.routes if _is_managed(handover, route.dev) and route.dev not in said]
    for move in handover.transfers:
        bridge = _mover(handover, move)
        if bridge and bridge.bridge.moves_profile and move.source in handover.state.links:
            routes += [route.moved(move.source, move.target) for route in handover.state.routes_through(move.source)]
        elif bridge and move.target in bridge.links:
            routes += bridge.links[move.target].profile.routes
    tuned = dict.fromkeys(route for route in routes if route.family == 4 and route.metrics)
    return tuple(
        Step(
            Phase.THAW,
            f"the route {route.describe()} is there once",
            (Run(("ip", "route", "del", *route.words()), may_fail=True), Run(("ip", "route", "replace", *route.words()))),
        )
        for route in tuned
    )


def _is_managed(handover: Handover, link: str) -> bool:
    return link in handover.state.links and handover.state.links[link].index in handover.facts.links


def _mover(handover: Handover, move: Transfer) -> AppliedBridge | None:
    """The bridge whose declaration says what moves: the new one on the way there, the old one on the way back."""
    return (handover.after if move.target == move.bridge else handover.before).get(move.bridge)


def _end(facts: Facts, must: bool) -> tuple[Action, ...]:
    """End networkd as for its restart. Its sockets first: they would start it again at the next change of any interface."""
    stop = (Run(("systemctl", "stop", *facts.sockets), may_fail=not must),) if facts.sockets else ()
    ended = Await("ActiveState=inactive", _STOP_LIMIT, argv=("systemctl", "show", "--property=ActiveState", SERVICE), must=must)
    return (*stop, Run(("systemctl", "kill", "--signal=SIGUSR2", SERVICE), may_fail=True), ended)


def _start(facts: Facts) -> tuple[Action, ...]:
    """Sockets and service in one transaction: a socket refuses to start when its service runs. The start limit is for crashes."""
    return (
        Run(("systemctl", "reset-failed", *facts.sockets, SERVICE), may_fail=True),
        Run(("systemctl", "start", *facts.sockets, SERVICE)),
    )


def _agreement(handover: Handover, bridges: t.Mapping[str, AppliedBridge], must: bool) -> tuple[Action, ...]:
    """networkd calls the interfaces of these bridges configured. A lease may take longer; its addresses stand meanwhile."""
    waits: list[Action] = []
    for name, bridge in sorted(bridges.items()):
        declared = bridge.bridge
        links = [link for link in (declared.uplink, *declared.ports) if link in handover.state.links and handover.state.links[link].carrier]
        if not declared.uplink or declared.uplink in links or not _has_layer3(name, bridge):
            fixed = not _is_leased(bridge) or not _has_leases(handover, name, declared.uplink)
            waits.append(_configured(name, must and fixed))
        waits += [_configured(link, must) for link in links]
    returned = {move.target for move in handover.transfers if move.target != move.bridge and bridges is handover.after}
    for link in sorted(returned):
        before = handover.before.get(next(move.bridge for move in handover.transfers if move.target == link))
        if before and before.captured.get("file") in handover.facts.files:
            waits.append(_configured(link, must and not _is_leased(before)))
    return tuple(waits)


def _has_leases(handover: Handover, *links: str) -> bool:
    there = [handover.state.links[link] for link in links if link in handover.state.links]
    return any(address.dynamic for link in there for address in link.addresses) or any(
        handover.facts.file_of(link) in handover.facts.kept for link in links
    )


def _has_layer3(name: str, bridge: AppliedBridge) -> bool:
    declared = bridge.bridge
    return declared.declared_profile or bool(bridge_sections(bridge.captured.get("network", ""), declared.uplink, name, False))


def _configured(link: str, must: bool) -> Action:
    return Await("configured", _AGREE_LIMIT, argv=("networkctl", "list", "--no-legend", "--no-pager", link), must=must, link=link)


BACKEND = Backend("networkd", active, claims, problems, capture, files, no_edits, freeze, thaw)
