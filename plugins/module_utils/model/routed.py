# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Guests and networks that the host routes to, each through one interface of the host."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field, replace

from .address import Address
from .guard import Network, to_network
from .nat import AppliedNat
from .route import Neighbour, Route
from .ruleset import Seen

NAME = "vnet_route"
TABLES = (("inet", NAME),)
# Brings back what an interface had whenever it appears.
UNIT = "hypervisor-vnet-routes.service"
FOLDER = "/etc/hypervisor-vnet/routes"
# By this people know our routes.
PROTOCOL = "119"
# Without one the host cannot ask for its neighbours (ndisc_send_ns), and network managers may take the kernel's own.
LINK_LOCAL = "fe80::1/64"
# More single addresses than this the host does not answer for.
MOST_PROXIES = 256
# What our kernel settings are where nobody has said anything, by the last word of the key.
DEFAULTS = {"proxy_arp": "0", "proxy_ndp": "0", "accept_ra": "1", "disable_ipv6": "0"}
_BITS = {4: 32, 6: 128}


@dataclass(frozen=True)
class RoutedGuest:
    """A guest's address, and the address of the host that the interface carries for it; empty for none."""

    address: str
    source: str = ""


@dataclass(frozen=True)
class Routed:
    """What is reached through one interface. ``via``: the router there; such an item is a route and no more.

    ``source``: the host's addresses, as declared. ``connected``: those networks to which the interface's own addresses lead.
    ``uplink`` is empty where nobody asks the host for the guests.
    """

    name: str
    interface: str
    guests: tuple[RoutedGuest, ...] = ()
    subnets: tuple[str, ...] = ()
    via: str = ""
    source: tuple[str, ...] = ()
    uplink: str = ""
    metric: int = 0
    proxy_arp: bool = False
    connected: tuple[str, ...] = ()

    @property
    def inside(self) -> list[Network]:
        """All that is behind the interface."""
        return [to_network(text) for text in dict.fromkeys([*(guest.address for guest in self.guests), *self.subnets])]

    @property
    def unconnected(self) -> list[RoutedGuest]:
        """The guests that take a route of their own."""
        networks = [to_network(text) for text in self.connected]
        return [guest for guest in self.guests if not any(ipaddress.ip_address(guest.address) in network for network in networks)]

    def addresses(self) -> list[Address]:
        """What the interface carries."""
        sources = dict.fromkeys(guest.source for guest in self.unconnected if guest.source)
        found = [Address(f"{text}/{_BITS[_version(text)]}", nodad=":" in text) for text in sources]
        six = any(":" in guest.address for guest in self.unconnected)
        return [*found, Address(LINK_LOCAL, nodad=True)] if six and not self.via else found

    def routes(self) -> list[Route]:
        found = [self._route(guest.address, guest.source) for guest in self.unconnected]
        return found + [self._route(text, "") for text in self.subnets if text not in self.connected]

    def _route(self, to: str, source: str) -> Route:
        network = to_network(to)
        dst = str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
        dst = "default" if network.prefixlen == 0 else dst
        return Route(network.version, dst, self.interface, self.via, protocol=PROTOCOL, prefsrc=source, metric=self.metric)

    def proxies(self) -> list[Neighbour]:
        """For whom the host answers on the uplink."""
        if not self.proxy_arp or not self.uplink:
            return []
        texts = [guest.address for guest in self.guests]
        texts += [str(address) for network in map(to_network, self.subnets) if is_proxied(network) for address in network.hosts()]
        return [Neighbour(text, self.uplink, proxy=True) for text in dict.fromkeys(texts)]

    def sysctls(self) -> dict[str, str]:
        """Key -> value. A guest asks for its neighbours and its router as if they were beside it; and is no router of ours."""
        values = {}
        if self.unconnected and not self.via:
            if any(":" not in guest.address for guest in self.unconnected):
                values[f"net/ipv4/conf/{self.interface}/proxy_arp"] = "1"
            values[f"net/ipv6/conf/{self.interface}/accept_ra"] = "0"
            if any(":" in guest.address for guest in self.unconnected):
                # Network managers switch it off where they have nothing to set.
                values[f"net/ipv6/conf/{self.interface}/disable_ipv6"] = "0"
        if any(":" in item.address for item in self.proxies()):
            values[f"net/ipv6/conf/{self.uplink}/proxy_ndp"] = "1"
        return values

    def lines(self) -> list[str]:
        """All of it, in lines of ip-batch(8) that can be said again."""
        return [
            *(address.add_line(self.interface) for address in self.addresses()),
            *(route.line("replace") for route in self.routes()),
            *(proxy.add_line(self.uplink) for proxy in self.proxies()),
        ]


@dataclass(frozen=True)
class AppliedRouted:
    """One item as applied, with what its declaration leaves to the host.

    ``persist``: it comes back after a reboot; ``coexist``: the filters of others let it pass.
    """

    owner: str
    routed: Routed
    persist: bool = True
    coexist: bool = False

    @property
    def forwards(self) -> tuple[int, ...]:
        """The families that the host must forward for it; a route of the host's own takes none."""
        versions = {network.version for network in self.routed.inside} if not self.routed.via else set[int]()
        return tuple(sorted(versions))


@dataclass(frozen=True)
class RoutedFacts:
    """``systemd`` runs here; ``enabled`` and ``active`` say so of our unit. ``sysctls``: those of ours that are there."""

    systemd: bool = True
    enabled: bool = False
    active: bool = False
    tables: Seen = field(default_factory=dict)
    sysctls: t.Mapping[str, str] = field(default_factory=dict)


def applied_routed(data: t.Mapping[str, t.Any]) -> AppliedRouted:
    """One item of the memory."""
    item = data["routed"]
    lists = {key: tuple(item[key]) for key in ("subnets", "source", "connected")}
    guests = tuple(RoutedGuest(**guest) for guest in item["guests"])
    return AppliedRouted(data["owner"], Routed(**{**item, **lists, "guests": guests}), data["persist"], data.get("coexist", False))


def of_network(name: str, item: AppliedNat) -> dict[str, AppliedRouted]:
    """What a network needs of routes. No name that a user can choose has a slash."""
    nat, found = item.network, {}
    alone = nat.point_to_point or any(guest.router for guest in nat.guests)
    connected = () if alone else nat.sources
    for interface in nat.interfaces if nat.point_to_point or nat.proxy_on else ():
        guests = tuple(RoutedGuest(guest.address, guest.router) for guest in nat.guests if guest.interface == interface)
        key = f"{name}/{interface}"
        routed = Routed(key, interface, guests, connected, uplink=nat.proxy_on, proxy_arp=bool(nat.proxy_on), connected=connected)
        found[key] = AppliedRouted(item.owner, routed, item.persist, item.coexist)
    return found


def is_of_network(name: str) -> bool:
    return "/" in name


def network_of(name: str) -> str:
    """The network from which an item follows; empty for none."""
    return name.partition("/")[0] if is_of_network(name) else ""


def is_proxied(network: Network) -> bool:
    return network.version == 4 and network.num_addresses <= MOST_PROXIES


def settle(routed: Routed, uplink: str, hosts: t.Mapping[int, str], connected: t.Iterable[str]) -> Routed:
    """The item with what it leaves to the host. ``hosts``: family -> the host's own address."""
    own = {**hosts, **{_version(text): text for text in routed.source}}
    guests = tuple(replace(guest, source=own.get(_version(guest.address), "")) for guest in routed.guests)
    ways = tuple(text for text in connected if not routed.via)
    subnets = routed.subnets or (ways if not guests else ())
    return replace(routed, guests=guests, subnets=subnets, uplink=uplink if routed.proxy_arp else "", connected=ways)


def _version(text: str) -> int:
    return 6 if ":" in text else 4
