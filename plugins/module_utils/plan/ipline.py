# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Lines of ip-batch(8) as the controller's connection sees them."""

from __future__ import annotations

import typing as t

from ..model.state import BridgeSettings
from ..model.step import Ip, Run, Step
from .connection import Connection, is_card, to_network

Ways = list[tuple[str, str]]

_SIX = "-6 "
_ROUTE_TYPES = frozenset({"unicast", "local", "broadcast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "nat"})
# What a bridge has that was made without saying anything (br_device.c): no STP, 15 s.
_NEW_BRIDGE = BridgeSettings(forward_delay=15)


class IpLines:
    """Judges the lines of one plan: some are harmless because of others, or say how long they last."""

    def __init__(self, connection: Connection, steps: t.Sequence[Step]) -> None:
        self._connection = connection
        self._state = connection.state
        lines = [action.line for step in steps for action in step.do if isinstance(action, Ip)]
        lines += [" ".join(action.argv[1:]) for step in steps for action in step.do if isinstance(action, Run) and action.argv[0] == "ip"]
        words = [line.removeprefix(_SIX).split() for line in lines]
        standing = {" ".join(route.words()) for route in self._state.routes}
        self._said_again = {" ".join(line[2:]) for line in words if line[:2] == ["route", "replace"]} & standing
        self._plugged = [(_value(line, "dev"), _value(line, "master")) for line in words if line[:2] == ["link", "set"]]
        self._settings = self._bridge_settings(words)
        self._new_taps = {_value(line, "dev") for line in words if line[:2] == ["tuntap", "add"]}
        held = {name for name, link in self._state.links.items() if link.up and link.carrier}
        taps = {name for name, link in self._state.links.items() if link.tap is not None}
        # The controller may be a guest of this host, but none without a carrier.
        self.taps = frozenset(self._new_taps | taps) - (connection.links & held)

    def ways(self, line: str) -> Ways:
        """Pairs of the way in which a line touches the connection and what does."""
        words = line.removeprefix(_SIX).split()
        if words[0] == "link":
            return self._link(words)
        if words[0] == "tuntap" and not self._connection.is_named(line):
            return []
        if words[0] == "address":
            return self._address(words)
        if words[0] == "route":
            return self._route(words)
        if words[0] == "neigh":
            return self._neighbour(words)
        if words[0] == "rule":
            return self._rule(words, line.startswith(_SIX))
        return [("commands", f"ip {line}")]

    def _link(self, words: list[str]) -> Ways:
        """People read of each interface what happens to it."""
        verb, dev, master = words[1], _value(words, "dev"), _value(words, "master")
        ours = self._connection.links
        if master and dev in self._new_taps and self._fits(words, master):
            return []
        if master and (dev in ours or master in ours or self._closes_a_loop(dev, master)):
            return [(f"{dev} becomes a port of {master}{self._blocked(dev, master)}", "")]
        if not self._connection.is_named(" ".join(words)) or (words[4:5] == ["group"] and dev in self.taps):
            return []
        if verb == "del":
            return [(f"{dev} is removed", "")]
        if dev not in ours or verb != "set":
            return [("interfaces", f"ip {' '.join(words)}")]
        there = self._state.links.get(dev)
        if words[4:] == ["up"] and there and there.up:
            return []
        if words[4:5] == ["group"]:
            return [(f"{dev} is removed", "")]
        if words[4:] == ["nomaster"] and there:
            return [(f"{dev} leaves {there.master}", "")]
        if words[4:6] == ["type", "bridge"]:
            return [(f"{dev} gets {' '.join(words[6:])}{self._blocks_all(dev, words)}", "")]
        return [(f"{dev} gets {' '.join(words[4:])}" if len(words) > 5 else f"{dev} goes {words[-1]}", "")]

    def _fits(self, words: list[str], master: str) -> bool:
        """Does this new port leave its bridge the MTU and the MAC that the kernel may take from its ports?"""
        there = self._state.links.get(master)
        return there is None or (int(_value(words, "mtu") or 1500) >= there.mtu and _value(words, "address") > there.mac)

    def _blocked(self, dev: str, master: str) -> str:
        settings = self._settings.get(master)
        held = settings is not None and settings.stp and dev in self._connection.links
        return f", which blocks it for about {2 * settings.forward_delay} s (STP)" if settings and held else ""

    def _blocks_all(self, dev: str, words: list[str]) -> str:
        if _value(words, "stp_state") != "1":
            return ""
        return f", which blocks its ports for about {2 * self._settings[dev].forward_delay} s"

    def _closes_a_loop(self, dev: str, master: str) -> bool:
        """Two cards in one bridge without STP may join what one cable too many has joined already: a storm reaches everybody."""
        settings, links = self._settings.get(master), self._state.links
        ports = {*self._state.ports_of(master), *(port for port, bridge in self._plugged if bridge == master)}
        cards = [name for name in ports if name in links and is_card(links[name])]
        return dev in cards and len(cards) > 1 and not (settings and settings.stp)

    def _bridge_settings(self, lines: t.Iterable[list[str]]) -> dict[str, BridgeSettings]:
        """STP and forward delay (s) of every bridge in the end."""
        settings = {name: link.bridge for name, link in self._state.links.items() if link.bridge is not None}
        for words in lines:
            if words[0] == "link" and " type bridge" in " ".join(words):
                name = _value(words, "name") or _value(words, "dev")
                was = settings.get(name, _NEW_BRIDGE)
                delay = _value(words, "forward_delay")
                stp = {"1": True, "0": False}.get(_value(words, "stp_state"), was.stp)
                settings[name] = BridgeSettings(stp, int(delay) // 100 if delay else was.forward_delay)
        return settings

    def _address(self, words: list[str]) -> Ways:
        """An address brings the route to its network."""
        dev, cidr = _value(words, "dev"), words[2]
        address = cidr.split("/")[0]
        network = to_network(_value(words, "peer") or cidr)
        verb = f"leaves {dev}" if words[1] == "del" else f"comes to {dev}"
        if self._stands(words, dev):
            return []
        if self._connection.is_local(address, dev) or dev in self._connection.links or self._connection.is_target(address, dev):
            return [("addresses", f"{address} {verb}")]
        metric = int(_value(words, "metric") or (256 if ":" in address else 0))
        taken = self._connection.captured(network, "main", metric, {dev}) if network else address
        return [("addresses", f"{cidr} {verb} (the network of {taken})")] if taken else []

    def _stands(self, words: list[str], dev: str) -> bool:
        """Is this an address that stands there already, said again word for word?"""
        link = self._state.links.get(dev)
        there = [form for address in link.addresses for form in (address, address.moved(dev, dev))] if link else []
        return " ".join(words) in {address.add_line(dev, settled=settled) for address in there for settled in (True, False)}

    def _route(self, words: list[str]) -> Ways:
        rest = words[3:] if words[2] in _ROUTE_TYPES else words[2:]
        said = " ".join(words[2:])
        if words[1] == "replace" and said in self._said_again:
            return []
        devs = {value for word, value in zip(rest, rest[1:]) if word == "dev"}
        table = _value(rest, "table") or "main"
        through = f" through {', '.join(sorted(devs))}" if devs else ""
        what = rest[0] + ("" if table == "main" else f" of table {table}") + (" goes" if words[1] == "del" else through)
        if self._takes_in(rest, table, devs) or (devs & self._connection.links and said not in self._said_again):
            return [("routes", what)]
        return []

    def _takes_in(self, rest: list[str], table: str, devs: set[str]) -> bool:
        family = 6 if ":" in rest[0] or ":" in _value(rest, "via") else 4
        network = to_network(rest[0], family)
        metric = int(_value(rest, "metric") or (1024 if family == 6 else 0))
        return network is None or bool(self._connection.captured(network, table, metric, devs))

    def _neighbour(self, words: list[str]) -> Ways:
        address = words[3] if words[2] == "proxy" else words[2]
        dev = _value(words, "dev")
        return [("neighbours", f"{address} of {dev}")] if self._connection.is_target(address, dev) else []

    def _rule(self, words: list[str], six: bool) -> Ways:
        """A rule for what comes in or goes out by another interface does not see our packets."""
        bound = {value for word, value in zip(words, words[1:]) if word in ("iif", "oif")}
        foreign = bound and "not" not in words and not bound & {"lo", *self._connection.links}
        other_family = six != (":" in self._connection.control.peer)
        return [] if foreign or other_family else [("policy rules", " ".join(words[1:]))]


def _value(words: t.Sequence[str], key: str) -> str:
    """The word behind ``key``, empty without one."""
    return next((words[at + 1] for at, word in enumerate(words[:-1]) if word == key), "")
