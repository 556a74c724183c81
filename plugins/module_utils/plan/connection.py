# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What the controller's connection uses of a host: interfaces, addresses, the routes that win for it."""

from __future__ import annotations

import functools
import ipaddress
import re
import typing as t
from dataclasses import dataclass

from ..model.control import ControlPath
from ..model.networkmanager import Facts as NetworkManagerFacts
from ..model.state import HostState, Link

IpAddress = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
IpNetwork = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_LAYERED = frozenset({"bond", "bridge", "ipvlan", "macsec", "macvlan", "team", "vlan"})


@dataclass(frozen=True)
class Connection:
    """``links``: every interface that its packets may pass, by name. ``hidden``: nobody sees which; these are all of the host."""

    control: ControlPath
    state: HostState
    links: frozenset[str]
    hidden: bool = False

    @functools.cached_property
    def targets(self) -> tuple[IpAddress, ...]:
        """The peer, and the router that leads to it."""
        words = (self.control.peer, self.control.gateway)
        return tuple(ipaddress.ip_address(word) for word in words if word)

    @functools.cached_property
    def _words(self) -> re.Pattern[str]:
        facts = self.state.managers.get("networkmanager")
        devices = facts.devices if isinstance(facts, NetworkManagerFacts) else {}
        uuids = {devices[name].uuid for name in self.links & devices.keys()} - {""}
        names = "|".join(re.escape(name) for name in sorted(self.links | uuids, key=len, reverse=True))
        # eth0 is not eth01, nor the VLAN eth0.100; but it is the eth0 of 10-eth0.network.
        return re.compile(rf"(?<![A-Za-z0-9_])(?:{names})(?![A-Za-z0-9_]|\.\d)")

    def is_named(self, text: str) -> bool:
        """Does the text hold one of our interfaces (or NetworkManager's UUID of its profile) as a word?"""
        return bool(self._words.search(text))

    def is_local(self, address: str, dev: str) -> bool:
        return address == self.control.local and self._is_here(ipaddress.ip_address(address), {dev})

    def is_target(self, address: str, dev: str) -> bool:
        return any(str(target) == address and self._is_here(target, {dev}) for target in self.targets)

    def _is_here(self, address: IpAddress, devs: t.AbstractSet[str]) -> bool:
        """The same link-local address (fe80::1 of many a router) is another one on another link."""
        return not address.is_link_local or bool(devs & self.links)

    def captured(self, network: IpNetwork, table: str, metric: int, devs: t.AbstractSet[str]) -> str:
        """Which of our targets such a route takes in, empty when the kernel has a better one for it, which is ours.

        Who looks into another table than main, we cannot know: there every route counts. So it does where it may be the one
        to a tunnel's other end.
        """
        if self.hidden:
            return self.control.peer
        for target in self.targets:
            if target in network and self._is_here(target, devs):
                best = self._best.get(target)
                if table != "main" or best is None or (network.prefixlen, -metric) >= best:
                    return str(target)
        return ""

    @functools.cached_property
    def _best(self) -> dict[IpAddress, tuple[int, int]]:
        """Prefix length and negated metric of the route in main that wins for each target, through our interfaces."""
        best: dict[IpAddress, tuple[int, int]] = {}
        for route in self.state.routes:
            network = to_network(route.dst, route.family)
            if route.table == "main" and network and {route.dev, *(hop.dev for hop in route.nexthops)} & self.links:
                for target in self.targets:
                    if target in network:
                        best[target] = max(best.get(target, (-1, 0)), (network.prefixlen, -route.metric))
        return best


def connection_of(state: HostState) -> Connection | None:
    """Everything that the observed connection depends on; None when there is none."""
    control = state.control
    if control is None:
        return None
    homes = [link.name for link in state.links.values() if any(_host(address.cidr) == control.local for address in link.addresses)]
    peer = ipaddress.ip_address(control.peer)
    shared = [route for route in state.routes if route.nexthops and route.leads_through(control.dev)]
    legs = [hop.dev for route in shared for hop in route.nexthops if (network := to_network(route.dst, route.family)) and peer in network]
    if not any(is_card(link) for link in _reached([control.dev], state, _carriers)):
        return Connection(control, state, frozenset({*state.links, control.dev}), hidden=True)
    links = frozenset(link.name for link in _reached([control.dev, *homes, *legs], state, _joined))
    return Connection(control, state, links)


def _reached(start: t.Iterable[str], state: HostState, onwards: t.Callable[[Link, HostState], t.Iterable[str]]) -> list[Link]:
    found: dict[str, Link] = {}
    todo = list(start)
    while todo:
        link = state.links.get(todo.pop())
        if link and link.name not in found:
            found[link.name] = link
            todo += onwards(link, state)
    return list(found.values())


def _joined(link: Link, state: HostState) -> tuple[str, ...]:
    """What it stands on, its master, and its ports."""
    return (link.lower, link.master, *state.ports_of(link.name))


def _carriers(link: Link, state: HostState) -> tuple[str, ...]:
    """What its frames leave by. Of a tunnel, Open vSwitch or the loopback interface nobody can say."""
    return (link.lower, *state.ports_of(link.name)) if link.kind in _LAYERED else ()


def is_card(link: Link) -> bool:
    """A NIC, or a veth, which is the NIC of a container."""
    return link.kind in ("", "veth") and link.type in ("ether", "infiniband")


def to_network(text: str, family: int = 4) -> IpNetwork | None:
    """A destination of ip-route(8); None when it is none."""
    if text in ("default", "any", "all"):
        text = "0.0.0.0/0" if family == 4 else "::/0"
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _host(cidr: str) -> str:
    return cidr.split("/")[0]
