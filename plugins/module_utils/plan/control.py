# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Does a plan touch what the controller's connection uses, and where is the host reached afterwards?

A false alarm costs one reconnect, a miss costs the host. So a step is only let off when it is known to concern something
else, or to say again what stands already.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..model.dhcp import UNIT_PREFIX
from ..model.guard import NAME as GUARD_TABLE
from ..model.ifupdown import parse as parse_interfaces
from ..model.libvirt import LibvirtFacts
from ..model.networkd import KEEP, RUNTIME
from ..model.routed import FOLDER as ROUTES
from ..model.routed import NAME as ROUTE_TABLE
from ..model.routed import UNIT as ROUTES_UNIT
from ..model.ruleset import UNIT
from ..model.state import FileState, HostState
from ..model.step import (
    Action,
    Await,
    Batch,
    DomainDevice,
    EditLines,
    Forget,
    Ip,
    KillDaemon,
    Nft,
    Remove,
    Run,
    StartDaemon,
    Step,
    Sysctl,
    Virsh,
    Write,
)
from ..model.view import Views
from ..model.zone import NAME as ZONE_TABLE
from ..model.zone import ZoneFacts
from ..render.coexist import UNIT as COEXIST_UNIT
from .coexist import is_ours
from .connection import Connection, connection_of
from .ipline import IpLines

# Files that many interfaces share: only what changes in them counts.
_SHARED = ("/etc/network/", "/etc/udev/")
# Programs that concern the interfaces which they are told, and no others.
_TOLD = frozenset({"modprobe", "networkctl", "nmcli", "udevadm"})
# What they say names the bridge that a guest is plugged into; nothing of the host's own changes.
_GUESTS = (("xl", "network-attach"), ("xl", "network-detach"), ("xenstore-rm",))
# Programs that only look.
_READERS = frozenset({"ifquery"})
# Ended and started by us in a way that leaves every interface as it is (plan/networkd.py, plan/networkmanager.py).
_MANAGERS = ("systemd-networkd", "NetworkManager")
_MANAGER_VERBS = frozenset({"daemon-reload", "kill", "reset-failed", "start", "stop"})
# Hooks of ifupdown for name servers, and scripts of ours.
_HOOKS = ("/etc/network/if-", "/etc/NetworkManager/dispatcher.d/hypervisor-vnet-")
# A line of nft(8) about the guards', the zones' and the routes' tables, and names that end in a star.
_BY_NAME = re.compile(rf"(?:(?:add|delete|flush) (?:table|chain|set|map|element)|table) \w+ (?:{GUARD_TABLE}|{ZONE_TABLE}|{ROUTE_TABLE})\b")
_PATTERN = re.compile(r'"(\S+)\*"')
# What dnsmasq gives to guests is nothing that the host's own connection uses, nor is what stands in the files of Xen's.
_OF_GUESTS = "/etc/xen/"
_DHCP = ("/etc/hypervisor-vnet/dhcp/", "/var/lib/hypervisor-vnet/dhcp/", f"/etc/systemd/system/{UNIT_PREFIX}", f"/run/{UNIT_PREFIX}")
# What of ours stands in Docker's rules only accepts, and only what is routed.
_EXEMPTIONS = ("iptables-", "ip6tables-")
_SHOWN, _SHOWN_LINES = 4, 10


def touched(steps: t.Sequence[Step], state: HostState) -> tuple[str, ...]:
    """A line for people for each way in which the steps touch the connection; empty when they do not, or when there is none."""
    connection = connection_of(state)
    if connection is None:
        return ()
    judge = _Judge(connection, steps)
    ways: dict[str, list[str]] = {}
    for action in [action for step in steps for action in step.do]:
        for way, what in judge.ways(action):
            ways.setdefault(way, []).append(what)
    # Interfaces speak for themselves, and say the most.
    plain = [way for way, whats in ways.items() if not any(whats)]
    more = [f"and {len(plain) - _SHOWN_LINES} more"] if len(plain) > _SHOWN_LINES else []
    return (*plain[:_SHOWN_LINES], *more, *(_line(way, whats) for way, whats in ways.items() if any(whats)))


def _line(way: str, whats: t.Sequence[str]) -> str:
    details = list(dict.fromkeys(whats))
    more = f" and {len(details) - _SHOWN} more" if len(details) > _SHOWN else ""
    return f"{way}: {', '.join(details[:_SHOWN])}{more}"


class _Judge:
    """Judges the actions of one plan."""

    def __init__(self, connection: Connection, steps: t.Sequence[Step]) -> None:
        self._connection = connection
        self._state = connection.state
        self._lines = IpLines(connection, steps)

    def ways(self, action: Action) -> list[tuple[str, str]]:
        """Pairs of the way in which it touches the connection and what does, which is empty where the way says it all."""
        if isinstance(action, (Write, Remove)) and action.path.startswith(f"{ROUTES}/"):
            # It is done when its interface appears, if not now.
            content = action.content if isinstance(action, Write) else ""
            lines = [line[3:] for line in content.splitlines() if line.startswith("ip ")]
            return [way for line in lines for way in self._lines.ways(line)]
        if isinstance(action, Ip):
            return self._lines.ways(action.line)
        if isinstance(action, Batch):
            lines = [line for line in action.lines if self._connection.is_named(line) and not self._lines.taps & {*line.split()}]
            return [("interfaces", f"{action.program} {line}") for line in lines]
        if isinstance(action, Nft):
            return [("the firewall's rules change", "")] if self._is_filter(action.text) else []
        if isinstance(action, Sysctl):
            return [("kernel settings", f"{action.key} = {action.value}")] if self._is_setting(action) else []
        if isinstance(action, (Write, Remove)):
            content = action.content if isinstance(action, Write) else ""
            return [("files", action.path)] if self._is_file(action.path, content) else []
        if isinstance(action, EditLines):
            text = "\n".join((action.path, *action.drop, *action.add))
            return [("files", action.path)] if self._connection.is_named(text) else []
        if isinstance(action, (StartDaemon, KillDaemon)):
            return [("commands", action.command())] if self._connection.is_named(f"{action.command()} {action.pid_file}") else []
        if isinstance(action, Virsh):
            return [("libvirt's networks", action.name)] if self._is_network(action) else []
        return self._run(action) if isinstance(action, Run) else _nothing(action)

    def _is_filter(self, text: str) -> bool:
        """Guards ask for the names of guests' ports, and for nothing else; so do routes, and zones for those of their members."""
        if any(line[:1] not in ("", "\t", "}") and not _BY_NAME.match(line) for line in text.splitlines()):
            return True
        zones: ZoneFacts = self._state.kinds.get("zones") or ZoneFacts()
        filtered = {name for table in zones.tables.values() for name in table.sets.get("host_filtered", ())}
        if f" {ZONE_TABLE}" in text and self._connection.is_named("\n".join(filtered)):
            return True
        patterns = _PATTERN.findall(text)
        return self._connection.is_named(text) or any(name.startswith(begin) for begin in patterns for name in self._connection.links)

    def _is_setting(self, action: Sysctl) -> bool:
        folder, *rest = action.key.split("/")
        if folder != "net" or self._state.sysctls.get(action.key) == action.value:
            return False
        if rest[0] == "bridge":
            return self._passes_bridge()
        if len(rest) != 4:
            return True
        # Off, it lets everything in.
        harmless = rest[3] == "rp_filter" and action.value == "0"
        return not harmless and (rest[2] in ("all", "default") or rest[2] in self._connection.links)

    def _passes_bridge(self) -> bool:
        links = self._state.links
        return any(links[name].bridge is not None for name in self._connection.links & links.keys())

    def _is_file(self, path: str, content: str) -> bool:
        if path.startswith((*_DHCP, _OF_GUESTS)) or is_ours(path):
            return False
        if path.startswith(f"{RUNTIME}/") and path.endswith(f"/{KEEP}"):
            # It tells networkd to leave the interface as it is.
            return False
        if _object_of(path) in self._lines.taps:
            return False
        changes = _changes(path, self._state.files.get(path, FileState("")).content, content)
        return self._connection.is_named("\n".join([path, *changes]))

    def _run(self, action: Run) -> list[tuple[str, str]]:
        found = []
        for argv in [argv for argv in (action.argv, action.otherwise) if argv and argv[0] not in _READERS]:
            if argv[0] == "ip":
                found += self._lines.ways(" ".join(argv[1:]))
            elif _is_dhcp(argv) or any(argv[: len(words)] == words for words in _GUESTS):
                continue
            elif (self._connection.is_named(" ".join(argv)) and not self._lines.taps & {*argv}) or not self._is_known(argv):
                found.append(("commands", Run(argv).command()))
        return found

    def _is_network(self, action: Virsh) -> bool:
        """By its bridge, or by the interface that it leaves through."""
        facts: LibvirtFacts = self._state.kinds.get("libvirt") or LibvirtFacts()
        seen = facts.networks.get(action.name)
        return self._connection.is_named("\n".join((*action.words(), action.xml, *((seen.stored, seen.running) if seen else ()))))

    def _is_known(self, argv: t.Sequence[str]) -> bool:
        """Is this a command that touches no interface beyond those that it names?"""
        if argv[0] == "systemctl":
            units = _units(argv)
            return units in ([UNIT], [ROUTES_UNIT], [COEXIST_UNIT]) or (
                argv[1] in _MANAGER_VERBS and all(unit.startswith(_MANAGERS) for unit in units)
            )
        if "br_netfilter" in argv:
            return not self._passes_bridge()
        program = argv[-1] if argv[0] == "env" else argv[0]
        return program in _TOLD or program.startswith((*_HOOKS, *_EXEMPTIONS))


def _is_dhcp(argv: t.Sequence[str]) -> bool:
    """Is this about the dnsmasq of a network alone? Its bridge and its addresses stay as they are."""
    units = _units(argv) if argv[0] == "systemctl" else []
    return argv[0] == "dnsmasq" or (units != [] and all(unit.startswith(UNIT_PREFIX) for unit in units))


def _units(argv: t.Sequence[str]) -> list[str]:
    """Those that a command of systemctl(1) is about."""
    return [word for word in argv[2:] if not word.startswith("-")]


def _object_of(path: str) -> str:
    """The interface that a file of ours is for, empty for others."""
    name = path.rpartition("/")[2].partition("hypervisor-vnet-")[2]
    return name.removesuffix(".nmconnection").removesuffix(".netdev").removesuffix(".network")


def _nothing(action: Await | Forget | DomainDevice) -> list[tuple[str, str]]:
    """To wait touches nothing, nor does a guest's interface, nor the end of translated connections; whatever else comes must be judged above."""
    return []


def _changes(path: str, old: str, new: str) -> list[str]:
    if not path.startswith(_SHARED):
        return [old, new]
    blocks = [(_stanzas if path.startswith(_SHARED[0]) else str.splitlines)(text) for text in (old, new)]
    return sorted(set(blocks[0]) ^ set(blocks[1]))


def _stanzas(text: str) -> list[str]:
    """The stanzas of interfaces(5), and each word of those that only list interfaces."""
    blocks = []
    for stanza in parse_interfaces(text):
        blocks += [f"{stanza.kind} {word}" for word in stanza.words] if stanza.raises else [stanza.text()]
    return blocks


def addresses(views: Views, state: HostState) -> tuple[str, ...]:
    """Where the peer can reach the host once a plan with these views is done, without prefix length: the address that it uses
    now, if that stays, then the others of the interface that will carry the connection, the peer's family first."""
    control = state.control
    if control is None:
        return ()
    names = dict.fromkeys([*state.links, *views])
    there = {name: [cidr.split("/")[0] for cidr in _cidrs(name, views, state)] for name in names}
    homes = [name for name in names if control.local in there[name]]
    found = [address for name in [*homes, *_heirs(control.dev, views)] for address in there.get(name, ())]
    usable = [address for address in dict.fromkeys(found) if not _is_confined(address)]
    family = ":" in control.peer
    return tuple(sorted(usable, key=lambda address: (address != control.local, (":" in address) != family)))


def _cidrs(name: str, views: Views, state: HostState) -> tuple[str, ...]:
    if name in views:
        after = views[name][1]
        return after.addresses if after else ()
    return tuple(address.cidr for address in state.links[name].addresses)


def _is_confined(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return address.is_link_local or address.is_loopback


def _heirs(dev: str, views: Views) -> list[str]:
    """Where the layer 3 of an interface goes: to its new bridge, to the ports of a bridge that is removed, or nowhere."""
    before, after = views.get(dev, (None, None))
    if after and before and after.master and after.master != before.master:
        return [after.master]
    if after or not before:
        return [dev]
    return [name for name, (was, will) in views.items() if was and will and was.master == dev and not will.master]
