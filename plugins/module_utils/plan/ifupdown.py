# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Persistence by ifupdown (Debian's /etc/network/interfaces).

ifupdown is no daemon: what it did last is in /run/network/ifstate, and its DHCP client goes on alone. So looking away is
stopping that client without a word to the server or the kernel, and taking over is one line of state and the same client on
the other interface with the same lease (measured: nothing lost in either direction).
"""

from __future__ import annotations

import fnmatch
import functools
import typing as t
from dataclasses import dataclass, replace

from ..model.applied import AppliedBridge
from ..model.bridge import Bridge
from ..model.ifupdown import DIRECTORY_NAME, Stanza, added, is_of, parse, pristine, take_out
from ..model.interface import NAME_LENGTH
from ..model.problem import Problem
from ..model.state import FileState, HostState
from ..model.step import Action, Await, EditLines, Phase, Remove, Run, Step, Write
from ..render.ifupdown import PREFIX, declared_stanzas, is_mixed, own_file, own_path, renamed
from . import dhclient
from .backend import Backend, Handover

if t.TYPE_CHECKING:
    from ..observe.ifupdown import Facts

INTERFACES = "/etc/network/interfaces"
STATE = "/run/network/ifstate"
# What we can move to a bridge as text; the others make links of their own or run clients that we cannot hand over.
_METHODS = frozenset(
    {
        ("inet", "static"),
        ("inet", "dhcp"),
        ("inet", "manual"),
        ("inet6", "static"),
        ("inet6", "auto"),
        ("inet6", "dhcp"),
        ("inet6", "manual"),
    }
)
_CHECK_LIMIT = 5.0


def _stanzas(facts: Facts) -> t.Iterator[tuple[str, Stanza]]:
    """The user's own stanzas, as they read without us, with the path of each."""
    for path, file in facts.files.items():
        if not path.startswith(PREFIX):
            for stanza in _own_words(file.content):
                yield path, stanza


@functools.lru_cache(maxsize=64)
def _own_words(text: str) -> tuple[Stanza, ...]:
    return parse(pristine(text))


def _of_link(facts: Facts, link: str) -> list[tuple[str, Stanza]]:
    return [(path, stanza) for path, stanza in _stanzas(facts) if stanza.name and is_of(stanza.name, link)]


def active(facts: Facts) -> bool:
    return bool(facts) and any(name != "lo" for name in facts.up)


def claims(facts: Facts, link: str) -> bool:
    return bool(facts) and link in facts.up


def problems(facts: Facts, bridge: Bridge, path: str) -> list[Problem]:
    found = []
    if facts.ifupdown2:
        found.append(
            Problem(path, "ifupdown2 keeps the network here, which is not supported; install ifupdown, or say persist: none until reboot")
        )
    for file, stanza in _of_link(facts, bridge.name):
        found.append(
            Problem(f"{path}.name", f"{file} has a stanza `iface {stanza.name}` of its own; remove it there, or choose another name")
        )
    for option, link in (("uplink", bridge.uplink), *((f"ports[{at}]", port) for at, port in enumerate(bridge.ports))):
        if link:
            found += _file_problems(facts, bridge, link, f"{path}.{option}")
    if bridge.moves_profile:
        found += _moving_problems(facts, bridge, f"{path}.uplink")
    else:
        found += _declared_problems(facts, bridge, path)
    return found


def file_problems(facts: Facts | None, name: str, path: str) -> list[Problem]:
    """What keeps a file of our own for an interface that only we make from being read."""
    if facts is None:
        return []
    found = [
        Problem(f"{path}.name", f"{file} has a stanza `iface {stanza.name}` of its own; remove it there, or choose another name")
        for file, stanza in _of_link(facts, name)
    ]
    plain = {file: pristine(state.content) for file, state in facts.files.items() if not file.startswith(PREFIX)}
    if not _is_sourced(plain, own_path(name)):
        cure = f"add `source {PREFIX}*` to {INTERFACES}"
        found.append(Problem(path, f"{INTERFACES} does not read {own_path(name)}; {cure}"))
    return found


def _file_problems(facts: Facts, bridge: Bridge, link: str, place: str) -> list[Problem]:
    found = []
    for file, stanza in _stanzas(facts):
        if stanza.kind == "mapping" and any(fnmatch.fnmatchcase(link, word) for word in stanza.words):
            found.append(Problem(place, f"{link} goes through a mapping in {file}; write a stanza `iface {link}` of its own instead"))
        elif stanza.name and is_of(stanza.name, link) and file.startswith("/run/"):
            found.append(
                Problem(place, f"{link} is configured in {file}, which a program makes anew at every boot; move its stanza to {INTERFACES}")
            )
    logical = facts.up.get(link, link)
    if logical != link:
        found.append(
            Problem(place, f"{link} came up with the stanza `iface {logical}`; write one for {link} itself, so that it can be moved")
        )
    return found


def _moving_problems(facts: Facts, bridge: Bridge, place: str) -> list[Problem]:
    found = []
    stanzas = [stanza for _path, stanza in _of_link(facts, bridge.uplink)]
    for stanza in stanzas:
        name = renamed(stanza.name, bridge.uplink, bridge.name)
        if len(name) > NAME_LENGTH:
            found.append(
                Problem(
                    place, f"{stanza.name} would become {name}, and a label has {NAME_LENGTH} characters at most; shorten one of the names"
                )
            )
        if stanza.family and (stanza.family, stanza.method) not in _METHODS:
            found.append(Problem(place, f"`{stanza.head.text}` cannot move to a bridge; declare the bridge's addresses instead"))
        for line in stanza.options:
            if is_mixed(line):
                cure = "write it in two lines, so that one can stay and the other can move"
                found.append(Problem(place, f"`{line.text}` sets {bridge.uplink} itself and its addresses; {cure}"))
    return found + _client_problems(facts, stanzas, place)


def _declared_problems(facts: Facts, bridge: Bridge, path: str) -> list[Problem]:
    stanzas = [stanza for lines in declared_stanzas(bridge) for stanza in parse("\n".join(lines))]
    found = _client_problems(facts, stanzas, f"{path}.{'dhcp4' if bridge.dhcp4 else 'dhcp6'}")
    if (bridge.dns or bridge.dns_search) and facts.dns is None:
        cure = "install resolvconf or systemd-resolved, or leave dns out and write /etc/resolv.conf yourself"
        found.append(Problem(f"{path}.dns", f"ifupdown has nobody here to give name servers to; {cure}"))
    return found


def _client_problems(facts: Facts, stanzas: t.Sequence[Stanza], place: str) -> list[Problem]:
    families = {stanza.family for stanza in stanzas if stanza.method == "dhcp"}
    found = []
    if families and facts.dhcp != "dhclient":
        there = f"{facts.dhcp}, whose lease cannot be handed over" if facts.dhcp else "no DHCP client at all"
        found.append(Problem(place, f"this host has {there}; install isc-dhcp-client, or declare addresses"))
    if "inet6" in families and any((stanza.family, stanza.method) == ("inet6", "static") for stanza in stanzas):
        found.append(Problem(place, "dhclient removes static IPv6 addresses of its interface when it starts; declare them without dhcp6"))
    return found


def capture(facts: Facts, state: HostState, bridge: Bridge) -> dict[str, str]:
    """The stanzas of uplink and ports, which of their aliases come up by themselves, and what was up."""
    links = [link for link in (bridge.uplink, *bridge.ports) if link]
    stanzas = [stanza for link in links for _path, stanza in _of_link(facts, link)]
    raised = [
        word for _path, stanza in _stanzas(facts) if stanza.raises for word in stanza.words if ":" in word and is_of(word, bridge.uplink)
    ]
    captured = {"stanzas": "".join(stanza.text() for stanza in stanzas)}
    captured["auto"] = " ".join(renamed(word, bridge.uplink, bridge.name) for word in dict.fromkeys(raised))
    captured["up"] = " ".join(name for name in facts.up if any(is_of(name, link) for link in links))
    if bridge.uplink in state.links:
        captured["mtu"] = str(state.links[bridge.uplink].mtu)
    for key in ("accept_ra", "addr_gen_mode"):
        value = state.sysctl(f"net/ipv6/conf/{bridge.uplink}/{key}", "")
        if value:
            captured[key] = value
    return {key: value for key, value in captured.items() if value}


def files(name: str, bridge: AppliedBridge) -> dict[str, FileState]:
    return {own_path(name): own_file(name, bridge)}


def edits(facts: Facts | None, bridges: t.Mapping[str, AppliedBridge]) -> dict[str, FileState]:
    """The user's files with the stanzas of our uplinks and ports out of use, and our own files sourced.

    Without bridges these are all files that ifupdown reads, as they would read without us.
    """
    if facts is None or not (facts.installed or facts.files):
        return {}
    owners = {link: name for name, item in bridges.items() for link in (item.bridge.uplink, *item.bridge.ports) if link}
    plain = {path: pristine(file.content) for path, file in facts.files.items() if not path.startswith(PREFIX)}
    plain.setdefault(INTERFACES, "")
    changed = {}
    for path, text in plain.items():
        new = take_out(text, owners)
        if path == INTERFACES:
            new = (
                "".join(added(name, f"source {own_path(name)}") for name in sorted(bridges) if not _is_sourced(plain, own_path(name))) + new
            )
        there = facts.files.get(path)
        if new != text or (there and (there.content != text or not bridges)):
            changed[path] = replace(there or FileState(""), content=new)
    return changed


def _is_sourced(plain: t.Mapping[str, str], wanted: str) -> bool:
    folder, _slash, name = wanted.rpartition("/")
    for path, text in plain.items():
        for stanza in _own_words(text):
            for word in stanza.words if stanza.kind.startswith("source") else ():
                pattern = (word if word.startswith("/") else f"{path.rpartition('/')[0]}/{word}").rstrip("/")
                if stanza.kind == "source" and pattern.count("/") == wanted.count("/") and fnmatch.fnmatchcase(wanted, pattern):
                    return True
                if stanza.kind != "source" and fnmatch.fnmatchcase(folder, pattern) and DIRECTORY_NAME.fullmatch(name):
                    return True
    return False


@dataclass(frozen=True)
class _Side:
    """ifupdown before or after a change: the stanzas of every interface that has to do with it, and which are up."""

    stanzas: t.Mapping[str, tuple[Stanza, ...]]
    up: tuple[str, ...]

    def client(self, link: str, family: int) -> Stanza | None:
        word = "inet6" if family == 6 else "inet"
        return next((stanza for stanza in self.stanzas.get(link, ()) if (stanza.family, stanza.method) == (word, "dhcp")), None)

    def dns(self, link: str) -> tuple[tuple[str, ...], ...]:
        """What the DNS hooks get in their environment, one row a stanza."""
        rows = []
        for stanza in self.stanzas.get(link, ()):
            words = [f"IF_{line.key.replace('-', '_').upper()}={line.value}" for line in stanza.options if line.key.startswith("dns-")]
            if words:
                rows.append((f"ADDRFAM={stanza.family}", f"METHOD={stanza.method}", *words))
        return tuple(rows)


def _links(handover: Handover) -> list[str]:
    found: list[str] = []
    for side in (handover.before, handover.after):
        for name, item in side.items():
            found += [link for link in (name, item.bridge.uplink, *item.bridge.ports) if link]
    return list(dict.fromkeys(found))


def _side(handover: Handover, bridges: t.Mapping[str, AppliedBridge]) -> _Side:
    """With exactly ``bridges``: their own files, and the user's stanzas for what is no bridge's."""
    facts: Facts = handover.facts
    stanzas: dict[str, tuple[Stanza, ...]] = {}
    up: list[str] = []
    for name, item in bridges.items():
        own = parse(own_file(name, item).content)
        for link in (name, item.bridge.uplink, *item.bridge.ports):
            if link:
                stanzas[link] = tuple(stanza for stanza in own if stanza.name == link)
                up.append(link)
        up += item.captured.get("auto", "").split() if item.bridge.moves_profile else []
    captured = {
        name for side in (handover.before, handover.after) for item in side.values() for name in item.captured.get("up", "").split()
    }
    for link in _links(handover):
        if link not in stanzas:
            stanzas[link] = tuple(stanza for _path, stanza in _of_link(facts, link))
            if stanzas[link]:
                up += sorted(name for name in captured if is_of(name, link))
    return _Side(stanzas, tuple(dict.fromkeys(up)))


def freeze(handover: Handover) -> tuple[Step, ...]:
    """Stop the DHCP clients that shall not go on where they are: TERM or -r would release the lease and flush the addresses."""
    after = _side(handover, handover.after)
    steps = []
    for client in handover.facts.clients:
        if client.link in _links(handover) and after.client(client.link, client.family) is None:
            steps.append(dhclient.stop(client))
    return tuple(steps)


def thaw(handover: Handover) -> tuple[Step, ...]:
    before, after = _side(handover, handover.before), _side(handover, handover.after)
    steps = [*_client_steps(handover, before, after), *_dns_steps(handover, before, after), *_state_steps(handover, after)]
    known = [link for link in after.stanzas if after.stanzas[link]]
    if known:
        steps.append(Step(Phase.THAW, "ifupdown can read its configuration", (Run(("ifquery", *known)),)))
    return tuple(steps)


def _client_steps(handover: Handover, before: _Side, after: _Side) -> list[Step]:
    facts: Facts = handover.facts
    running = {(client.link, client.family) for client in facts.clients}
    came_from = {move.target: move.source for move in handover.transfers}
    steps = []
    for link in after.stanzas:
        for family in (4, 6):
            stanza = after.client(link, family)
            if stanza is None or (link, family) in running:
                continue
            source = came_from.get(link, "")
            had = source and ((source, family) in running or before.client(source, family))
            steps.append(dhclient.start(handover, link, family, stanza, source if had else ""))
    return steps


def _dns_steps(handover: Handover, before: _Side, after: _Side) -> list[Step]:
    hooks = handover.facts.dns
    if hooks is None:
        return []
    steps = []
    for link in _links(handover):
        was, will = before.dns(link), after.dns(link)
        if was != will:
            do = [_hook(hooks, link, row) for row in will] or [_hook_down(hooks, link)]
            undo = [_hook(hooks, link, row) for row in was] or [_hook_down(hooks, link)]
            steps.append(Step(Phase.THAW, f"name servers of {link}", tuple(do), tuple(undo)))
    return steps


def _hook(hooks: tuple[str, str], link: str, row: t.Sequence[str]) -> Run:
    return Run(("env", f"IFACE={link}", f"LOGICAL={link}", "MODE=start", "PHASE=post-up", *row, hooks[0]), may_fail=True)


def _hook_down(hooks: tuple[str, str], link: str) -> Run:
    return Run(("env", f"IFACE={link}", f"LOGICAL={link}", "MODE=stop", "PHASE=pre-down", "ADDRFAM=inet", hooks[1]), may_fail=True)


def _state_steps(handover: Handover, after: _Side) -> list[Step]:
    """Tell ifupdown which interfaces are up, as it would have written it itself."""
    links = _links(handover)
    was = tuple(name for name in handover.facts.up if any(is_of(name, link) for link in links))
    if set(was) == set(after.up):
        return []
    checks = tuple(Await(f"{name}={name}", _CHECK_LIMIT, argv=("ifquery", "--state", name)) for name in after.up if name not in was)
    do, undo = _state(handover.facts, was, after.up), _state(handover.facts, after.up, was)
    return [Step(Phase.THAW, "ifupdown knows what is up", (*do, *checks), undo)]


def _state(facts: Facts, old: t.Sequence[str], new: t.Sequence[str]) -> tuple[Action, ...]:
    """ifstate holds `eth0=eth0`, ifstate.eth0 the stanza's name alone."""
    gone, come = [name for name in old if name not in new], [name for name in new if name not in old]
    lines = {name: f"{name}={facts.up.get(name, name)}" for name in (*gone, *come)}
    edit = EditLines(STATE, tuple(lines[name] for name in gone), tuple(lines[name] for name in come))
    removed = [Remove(f"{STATE}.{name}") for name in gone]
    return (edit, *removed, *(Write(f"{STATE}.{name}", f"{facts.up.get(name, name)}\n") for name in come))


BACKEND = Backend("ifupdown", active, claims, problems, capture, files, edits, freeze, thaw)
