# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""NetworkManager: our profiles stand beside the user's, which are never touched.

Measured on 1.42 and 1.52, and behind the order of the steps:

* Stopped, NetworkManager leaves every address where it is. Started, it takes over without a gap what its own note in
  /run/NetworkManager/devices says was its own. That note is internal: it is checked afterwards, and where NetworkManager
  disagrees the documented `nmcli connection up` follows, which the session outlives as well.
* A stop also ends Wi-Fi, VPNs and mobile links: with one of these the documented way is the only one.
* `nmcli device set X managed no` leaves addresses, routes and ports alone.
* 1.52 makes a bridge again that was deleted under it, until its profile is gone: `nmcli connection load` of a file that is no
  longer there drops the profile.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ..model.applied import AppliedBridge
from ..model.bridge import Bridge
from ..model.networkmanager import LEASES, Facts
from ..model.problem import Problem
from ..model.route import Route
from ..model.state import FileState, HostState
from ..model.step import Action, Await, Phase, Remove, Run, Step, Write
from ..render.networkmanager import (
    FOLDER,
    PRIORITY,
    TABLES,
    bridge_path,
    bridge_uuid,
    parse_keyfile,
    port_uuid,
    ports_of,
    render_files,
    route_family,
    script_path,
)
from .backend import Backend, Handover, no_edits

Assigned = dict[str, str]

_STATES = "/run/NetworkManager/devices"
# Connections that outlive a stop of NetworkManager; everything else (Wi-Fi, VPN, WireGuard, PPP, mobile) does not.
_OUTLIVING = frozenset("802-3-ethernet bridge bond vlan loopback dummy tun veth macvlan vxlan vrf team infiniband".split())
_PORT_TYPES = frozenset({"ethernet", "802-3-ethernet", "veth", "bond", "vlan", "team", "dummy"})
_ACTIVE = ("nmcli", "-t", "-f", "UUID,DEVICE,STATE", "connection", "show", "--active")
_AGREES = 15.0
_LIMIT = "45"


def _facts(facts: t.Any) -> Facts:
    return facts if isinstance(facts, Facts) else Facts()


def active(facts: t.Any) -> bool:
    return _facts(facts).running


def claims(facts: t.Any, link: str) -> bool:
    device = _facts(facts).devices.get(link)
    return device is not None and device.is_configured


def problems(facts: t.Any, bridge: Bridge, path: str) -> list[Problem]:
    known = _facts(facts)
    found = _declared_problems(bridge, path)
    if not known.running:
        return [Problem(path, "NetworkManager does not run on this host; start it, or leave persist: auto to take what does"), *found]
    for link in ports_of(bridge):
        place = f"{path}.uplink" if link == bridge.uplink else f"{path}.ports[{bridge.ports.index(link)}]"
        device = known.devices.get(link)
        if device is None or device.uuid == port_uuid(bridge.name, link):
            continue
        if device.state == "unmanaged":
            found.append(
                Problem(
                    place, f"NetworkManager is told to leave {link} alone (unmanaged); let it manage {link}, or choose another persist:"
                )
            )
        found += _profile_problems(known, bridge, link, place)
    return found


def _declared_problems(bridge: Bridge, path: str) -> list[Problem]:
    found = []
    for index, route in enumerate(bridge.routes):
        if route.table not in TABLES and not route.table.isdigit():
            found.append(
                Problem(f"{path}.routes[{index}].table", f"NetworkManager knows tables by number only; write the number of {route.table}")
            )
    if bridge.declared_profile:
        has = {4: bridge.dhcp4, 6: bridge.dhcp6 or bridge.accept_ra}
        for cidr in bridge.addresses:
            has[6 if ":" in cidr else 4] = True
        for index, server in enumerate(bridge.dns):
            family = 6 if ":" in server else 4
            if not has[family]:
                found.append(
                    Problem(
                        f"{path}.dns[{index}]", f"NetworkManager keeps an IPv{family} server only beside IPv{family} addresses; add one"
                    )
                )
        for index, route in enumerate(bridge.routes):
            if not has[route_family(route)]:
                family = route_family(route)
                found.append(
                    Problem(
                        f"{path}.routes[{index}]", f"NetworkManager keeps IPv{family} routes only beside IPv{family} addresses; add one"
                    )
                )
    return found


def _profile_problems(facts: Facts, bridge: Bridge, link: str, place: str) -> list[Problem]:
    """What of the interface's own profile could not be kept."""
    found = []
    rivals = [connection for connection in facts.connections.values() if connection.device == link and connection.priority >= PRIORITY]
    if rivals:
        cure = f"lower it: nmcli connection modify {rivals[0].uuid} connection.autoconnect-priority {PRIORITY - 1}"
        found.append(
            Problem(place, f"the profile of {link} has the highest priority that NetworkManager knows, and would win over ours; {cure}")
        )
    profile = parse_keyfile(facts.texts.get(link, ""))
    kind = profile.get("connection", {}).get("type", "ethernet")
    if "802-1x" in profile:
        found.append(
            Problem(
                place,
                f"{link} logs in to its switch (802.1X), which a bridge port cannot; use layout route or nat with it as uplink instead",
            )
        )
    if "wake-on-lan-password" in profile.get("ethernet", {}):
        found.append(
            Problem(
                place,
                f"the profile of {link} holds a Wake-on-LAN password, which we neither copy nor show; remove it from the profile first",
            )
        )
    if kind not in _PORT_TYPES:
        found.append(
            Problem(place, f"{link} is configured by a {kind} profile, which cannot be the port of a bridge; choose another interface")
        )
    device = facts.devices[link]
    if (link != bridge.uplink or not profile) and device.type not in ("ethernet", "veth"):
        found.append(
            Problem(place, f"NetworkManager has no profile of ours for a {device.type} as further port; name {link} as uplink of a bridge")
        )
    children = [item for item in facts.connections.values() if device.uuid and device.uuid in item.parents]
    for child in children:
        cure = f"let it name {link}: nmcli connection modify {child.uuid} {'vlan.parent' if child.type == 'vlan' else 'connection.master'} {link}"
        found.append(Problem(place, f"the profile {child.uuid} names that of {link} by its UUID, which changes; {cure}"))
    if link == bridge.uplink and bridge.moves_profile and len(_tokens(facts, link)) > 1 and not profile.get("ipv6", {}).get("token"):
        cure = "set ipv6.addr-gen-mode eui64 on its profile, or declare accept_ra: true so that the bridge takes new ones"
        found.append(
            Problem(
                place,
                f"{link} has a different interface identifier for each IPv6 prefix (stable-privacy), which no bridge could keep; {cure}",
            )
        )
    return found


def _tokens(facts: Facts, link: str) -> tuple[str, ...]:
    """The interface identifiers of the addresses from router advertisements, as ``::1:2:3:4``."""
    low = (1 << 64) - 1
    return tuple(dict.fromkeys(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(text)) & low)) for text in facts.slaac.get(link, ())))


def capture(facts: t.Any, state: HostState, bridge: Bridge) -> dict[str, str]:
    """The uplink's profile as text, and what NetworkManager made of it: metrics, DHCP identity, interface identifier."""
    known, uplink = _facts(facts), bridge.uplink
    link = state.links[uplink]
    captured = {"mac": link.mac, "mtu": str(link.mtu) if link.mtu != 1500 else ""}
    device = known.devices.get(uplink)
    if device and device.uuid and uplink in known.texts:
        captured.update({"profile": known.texts[uplink], "profile.uuid": device.uuid})
    metrics = {family: _metric(state.routes_through(uplink), family) for family in (4, 6)}
    captured["metric4"] = metrics[4] or metrics[6]
    captured["metric6"] = metrics[6] or metrics[4]
    options = known.dhcp.get(uplink, {})
    captured["client-id"] = options.get("4.dhcp_client_identifier", "")
    captured["iaid"] = str(int(options["6.iaid"].replace(":", ""), 16)) if ":" in options.get("6.iaid", "") else options.get("6.iaid", "")
    captured["duid"] = options.get("6.dhcp6_client_id", "")
    tokens = _tokens(known, uplink)
    captured["token"] = tokens[0] if len(tokens) == 1 else ""
    return {key: value for key, value in captured.items() if value}


def _metric(routes: t.Iterable[Route], family: int) -> str:
    """The metric of the prefix routes, for a default route may carry a penalty (no connectivity: +20000)."""
    near = [route for route in routes if route.family == family and route.table == "main" and not route.dst.startswith(("fe80:", "ff00:"))]
    direct = [route for route in near if not route.gateway and route.protocol in ("kernel", "ra")]
    lowest = min((route.metric for route in direct or near), default=0)
    return str(lowest) if lowest else ""


def _ours(bridges: t.Mapping[str, AppliedBridge]) -> Assigned:
    """Interface -> UUID of our profile, bridges before their ports."""
    found = {name: bridge_uuid(name) for name in bridges}
    for name, applied in bridges.items():
        found.update({port: port_uuid(name, port) for port in ports_of(applied.bridge)})
    return found


def _assigned(handover: Handover, side: t.Mapping[str, AppliedBridge], other: t.Mapping[str, AppliedBridge]) -> Assigned:
    """Interface -> UUID of the profile that it shall have when exactly ``side`` stands; the uplinks of ``other`` get their own back."""
    facts, found = _facts(handover.facts), _ours(side)
    for applied in other.values():
        uplink, own = applied.bridge.uplink, applied.captured.get("profile.uuid", "")
        if uplink and uplink not in found and own in facts.connections:
            found[uplink] = own
    return found


def freeze(handover: Handover) -> tuple[Step, ...]:
    if handover.transfers and not _others(handover):
        back = _restart(handover, handover.before, handover.after)
        return (Step(Phase.FREEZE, "NetworkManager looks away; addresses stay", (Run(("systemctl", "stop", "NetworkManager")),), back),)
    leaving = [name for name in handover.before if name not in handover.after]
    touched = leaving + [name for move in handover.transfers for name in (move.source, move.target) if name in handover.state.links]
    away = tuple(_unmanage(name) for name in dict.fromkeys(touched))
    steps = [Step(Phase.FREEZE, "NetworkManager looks away from what changes", away, _look(handover, handover.before, handover.after))]
    gone = [path for path, file in handover.files.items() if file is None and path.startswith(FOLDER)]
    if gone:
        forget = Run(("nmcli", "connection", "load", *gone), may_fail=True)
        steps.append(Step(Phase.FILTER, "NetworkManager forgets profiles whose files are gone", (forget,)))
    return tuple(steps)


def thaw(handover: Handover) -> tuple[Step, ...]:
    if handover.transfers and not _others(handover):
        away: tuple[Action, ...] = (Run(("systemctl", "stop", "NetworkManager")),)
        steps = _leases(handover, copies=True)
        look = _restart(handover, handover.after, handover.before)
    else:
        away = _away(handover)
        steps = _leases(handover, copies=False)
        look = _look(handover, handover.after, handover.before)
    steps.append(Step(Phase.THAW, "NetworkManager takes over what it finds", look, away))
    with_script = [name for name, applied in handover.after.items() if script_path(name) in render_files(name, applied)]
    checks = (*_checks(handover.after), *(Run((script_path(name), name, "up")) for name in with_script))
    if checks:
        steps.append(Step(Phase.THAW, "NetworkManager agrees", checks))
    return tuple(steps)


def _away(handover: Handover) -> tuple[Action, ...]:
    """Undo of the documented way: look away, and forget the new profiles (1.52 would make a deleted bridge again)."""
    made = [name for name in handover.after if name not in handover.before]
    moved = [name for move in handover.transfers for name in (move.source, move.target)]
    before = _ours(handover.before).values()
    gone = [uuid for uuid in _ours(handover.after).values() if uuid not in before]
    forget = (Run(("nmcli", "connection", "delete", uuid), may_fail=True) for uuid in gone)
    return (*(_unmanage(name) for name in dict.fromkeys([*made, *moved])), *forget)


def _others(handover: Handover) -> bool:
    """Would a stop of NetworkManager end connections that do not outlive it?"""
    return any(item.device and item.type not in _OUTLIVING for item in _facts(handover.facts).connections.values())


def _unmanage(name: str) -> Run:
    return Run(("nmcli", "device", "set", name, "managed", "no"), may_fail=True)


def _restart(handover: Handover, side: t.Mapping[str, AppliedBridge], other: t.Mapping[str, AppliedBridge]) -> tuple[Action, ...]:
    """Start NetworkManager with its own notes saying which profile is whose; where it disagrees, the documented way."""
    wanted = _assigned(handover, side, other)
    actions: list[Action] = []
    for link, uuid in wanted.items():
        text = f"[device]\nmanaged=true\nconnection-uuid={uuid}\nnm-owned={'true' if link in side else 'false'}\n"
        metric = _metric_before(link, uuid, other)
        actions.append(Write(f"{_STATES}/{{index:{link}}}", text + (f"route-metric-default-effective={metric}\n" if metric else "")))
    for link in _ours(other):
        if link not in wanted and link not in other:
            actions.append(Remove(f"{_STATES}/{{index:{link}}}"))
    actions.append(Run(("systemctl", "start", "NetworkManager")))
    for link, uuid in wanted.items():
        actions.append(Await(f"{uuid}:{link}:activated", _AGREES, argv=_ACTIVE, must=False, link=link))
    return (*actions, *(_bring(uuid, link) for link, uuid in wanted.items()))


def _metric_before(link: str, uuid: str, other: t.Mapping[str, AppliedBridge]) -> str:
    return next((applied.captured.get("metric4", "") for applied in other.values() if applied.captured.get("profile.uuid") == uuid), "")


def _bring(uuid: str, link: str) -> Run:
    """Activate a profile that is not active yet on its interface."""
    up = ("nmcli", "-w", _LIMIT, "connection", "up", uuid, "ifname", link)
    return Run(
        up, may_fail=True, unless=("nmcli", "-t", "-f", "UUID,DEVICE", "connection", "show", "--active"), unless_says=f"{uuid}:{link}"
    )


def _look(handover: Handover, side: t.Mapping[str, AppliedBridge], other: t.Mapping[str, AppliedBridge]) -> tuple[Action, ...]:
    """The documented way: load what changed, activate what is new, re-apply what only changed."""
    wanted, had = _assigned(handover, side, other), _ours(other)
    paths = [path for path in handover.files if path.startswith(FOLDER)]
    actions: list[Action] = [Run(("nmcli", "connection", "load", *paths), may_fail=True)] if paths else []
    moved = {name for move in handover.transfers for name in (move.source, move.target)}
    for link, uuid in wanted.items():
        if link in moved or had.get(link) != uuid:
            actions.append(Run(("nmcli", "device", "set", link, "managed", "yes"), may_fail=True))
            if link in moved:
                actions.append(Await(f"{uuid}:{link}:activat", 0.3, argv=_ACTIVE, must=False))
            actions.append(_bring(uuid, link))
        elif link in side and bridge_path(link) in handover.files:
            # A changed MAC or MTU cannot be re-applied.
            up = ("nmcli", "-w", _LIMIT, "connection", "up", uuid)
            actions.append(Run(("nmcli", "device", "reapply", link), may_fail=True, otherwise=up))
    return tuple(actions)


def _checks(side: t.Mapping[str, AppliedBridge]) -> tuple[Action, ...]:
    """Our profiles must be in force. A bridge that waits for a lease or its first port is still activating."""
    ours = _ours(side)
    settled = [Await(f"{uuid}:{link}:activated", _AGREES, argv=_ACTIVE, must=False, link=link) for link, uuid in ours.items()]
    return (*settled, *(Await(f"{uuid}:{link}:activat", _AGREES, argv=_ACTIVE) for link, uuid in ours.items()))


def _leases(handover: Handover, copies: bool) -> list[Step]:
    """A lease belongs to a profile and an interface: copied, the client asks for the same address again. A bridge that goes
    leaves none behind. Files below /var outlast a reboot; so must what undoes this."""
    facts, sides = _facts(handover.facts), {**handover.before, **handover.after}
    changes: dict[str, FileState | None] = {}
    for move in handover.transfers if copies else ():
        own = sides[move.bridge].captured.get("profile.uuid", "") if move.bridge in sides else ""
        source, target = ((bridge_uuid(name) if name == move.bridge else own) for name in (move.source, move.target))
        lease = facts.leases.get(_lease_path(source, move.source))
        if lease and target:
            changes[_lease_path(target, move.target)] = lease
    for name in handover.before:
        if name not in handover.after and _lease_path(bridge_uuid(name), name) in facts.leases:
            changes[_lease_path(bridge_uuid(name), name)] = None
    do = tuple(_put(path, file) for path, file in changes.items())
    undo = tuple(_put(path, facts.leases.get(path)) for path in changes)
    return [Step(Phase.THAW, "leases follow their interface", do, undo, lasting=True)] if do else []


def _lease_path(uuid: str, link: str) -> str:
    return f"{LEASES}/internal-{uuid}-{link}.lease"


def _put(path: str, file: FileState | None) -> Action:
    return Remove(path) if file is None else Write(path, file.content, file.mode, file.uid, file.gid)


BACKEND = Backend("networkmanager", active, claims, problems, capture, render_files, no_edits, freeze, thaw)
