# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a guest has to set up inside itself, from its interfaces in the inventory."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from ..module_utils.model.interface import mac_problems, name_problems, normal_mac
from ..module_utils.model.layout import LAYOUTS
from ..module_utils.model.nat import router_of
from ..module_utils.model.problem import Problem

Record = t.Mapping[str, t.Any]
IpInterface = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
# In these the host itself is the guests' way out.
ROUTED = ("nat", "route", "brouter", "libvirt")


@dataclass(frozen=True)
class GuestInterface:
    """One interface as the guest sees it; ``place`` is where the user wrote it. Empty is: not said."""

    place: str
    device: str
    mac: str
    addresses: tuple[IpInterface, ...]
    dhcp4: bool
    dhcp6: bool
    accept_ra: bool | None
    gateway4: str
    gateway6: str
    dns: tuple[str, ...]
    dns_search: tuple[str, ...]
    mtu: int

    def of(self, version: int) -> tuple[IpInterface, ...]:
        return tuple(address for address in self.addresses if address.version == version)

    def gateway(self, version: int) -> str:
        return self.gateway4 if version == 4 else self.gateway6

    def on_link(self, version: int) -> bool:
        """Is the gateway outside all networks of the interface's own addresses, and to be taken as a neighbour all the same?"""
        gateway = ipaddress.ip_address(self.gateway(version))
        return not gateway.is_link_local and not any(gateway in address.network for address in self.of(version))


def read_interfaces(records: t.Sequence[t.Any], networks: t.Sequence[t.Any], place: str) -> tuple[list[GuestInterface], list[Problem]]:
    """The guest's interfaces in order, and everything that is wrong with them. ``networks`` fill in what the guest's record leaves out."""
    problems: list[Problem] = []
    found: list[GuestInterface] = []
    known = {str(network["name"]): network for network in networks if isinstance(network, dict) and "name" in network}
    for index, record in enumerate(records):
        at = f"{place}[{index}]"
        if not isinstance(record, dict):
            problems.append(Problem(at, f"{record!r} is no interface; write it as in {{network: xenbr0, addresses: [10.0.0.1/24]}}"))
            continue
        found.append(_Reader(record, known.get(str(record.get("network")), {}), at, problems).interface(index, found))
    problems += _twice([(interface.device, f"{interface.place}.device") for interface in found])
    for version in (4, 6):
        having = [(f"{interface.place}.gateway{version}", interface.gateway(version)) for interface in found]
        for path, _gateway in [item for item in having if item[1]][1:]:
            problems.append(Problem(path, "is a second default gateway; leave it to one interface, and give the others routes"))
    return found, problems


def _twice(named: t.Sequence[tuple[str, str]]) -> list[Problem]:
    seen: dict[str, str] = {}
    problems = []
    for name, path in named:
        if name in seen:
            problems.append(Problem(path, f"{name} is already {seen[name]}; an interface has a name of its own in the guest"))
        seen.setdefault(name, path)
    return problems


class _Reader:
    """One record, with its network behind it."""

    def __init__(self, record: Record, network: Record, place: str, problems: list[Problem]) -> None:
        self.record, self.network, self.place, self.problems = record, network, place, problems

    def say(self, name: str, message: str) -> None:
        self.problems.append(Problem(f"{self.place}.{name}", message))

    def interface(self, index: int, before: t.Sequence[GuestInterface]) -> GuestInterface:
        addresses = self._addresses()
        return GuestInterface(
            place=self.place,
            device=self._device(index),
            mac=self._mac(),
            addresses=addresses,
            dhcp4=self._flag("dhcp4", not addresses) is True,
            dhcp6=self._flag("dhcp6", False) is True,
            accept_ra=self._flag("accept_ra", None),
            gateway4=self._gateway(4, addresses, before),
            gateway6=self._gateway(6, addresses, before),
            dns=tuple(self._address("dns", server) for server in self._list("dns")),
            dns_search=tuple(f"{domain}" for domain in self._list("dns_search")),
            mtu=self._mtu(),
        )

    def _device(self, index: int) -> str:
        device = f"{self.record.get('device') or f'eth{index}'}"
        self.problems += name_problems(device, f"{self.place}.device")
        return device

    def _mac(self) -> str:
        mac = normal_mac(f"{self.record.get('mac') or ''}")
        self.problems += mac_problems(mac, f"{self.place}.mac") if mac else []
        return mac

    def _flag(self, name: str, default: bool | None) -> bool | None:
        value = self.record.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.say(name, f"{value!r} is neither true nor false")
        return default

    def _mtu(self) -> int:
        value = self.record.get("mtu", self.network.get("mtu"))
        if value is None:
            return 0
        if isinstance(value, bool) or not f"{value}".isdigit() or not 68 <= int(value) <= 65535:
            self.say("mtu", f"{value!r} is no number from 68 to 65535")
            return 0
        return int(value)

    def _list(self, name: str) -> list[t.Any]:
        value = self.record.get(name, self.network.get(name))
        if value is None or isinstance(value, list):
            return value or []
        self.say(name, f"{value!r} is no list; write each as an item with a dash before it")
        return []

    def _address(self, name: str, value: t.Any) -> str:
        try:
            return str(ipaddress.ip_address(f"{value}"))
        except ValueError:
            self.say(name, f"{value!r} is no address; write it without a prefix length")
            return ""

    def _networks_own(self) -> list[IpInterface]:
        """The host's addresses in the network; what is wrong with them is said where networks are declared."""
        found = []
        for value in self.network.get("addresses") or []:
            try:
                found.append(ipaddress.ip_interface(f"{value}"))
            except ValueError:
                continue
        return found

    def _addresses(self) -> tuple[IpInterface, ...]:
        value = self.record.get("addresses") or []
        if not isinstance(value, list):
            self.say("addresses", f"{value!r} is no list of addresses; write each as an item with a dash before it")
            return ()
        found = []
        for index, item in enumerate(value):
            try:
                address = ipaddress.ip_interface(f"{item}")
            except ValueError:
                self.say(f"addresses[{index}]", f"{item!r} is no address; write it as in 10.0.0.1/24 or 2001:db8::1/64")
                continue
            found.append(address if "/" in f"{item}" else self._with_prefix(address, index))
        return tuple(found)

    def _with_prefix(self, address: IpInterface, index: int) -> IpInterface:
        for own in self._networks_own():
            if address.ip in own.network:
                return ipaddress.ip_interface(f"{address.ip}/{own.network.prefixlen}")
        name = self.record.get("network")
        cure = f"network {name} does not tell it, among the networks given" if name else "there is no network to take it from"
        self.say(f"addresses[{index}]", f"{address.ip} has no prefix length and {cure}; write it, as in {address.ip}/24")
        return address

    def _gateway(self, version: int, addresses: t.Sequence[IpInterface], before: t.Sequence[GuestInterface]) -> str:
        """As declared, for the interface or its network; else the host, if it routes and no interface before has one."""
        name = f"gateway{version}"
        mine = [address for address in addresses if address.version == version]
        if self.record.get(name) is not None:
            gateway = self._address(name, self.record[name])
            if gateway and ipaddress.ip_address(gateway).version != version:
                self.say(name, f"{gateway} is no IPv{version} address; it goes into gateway{10 - version}")
                return ""
            if gateway and not mine:
                self.say(
                    name,
                    f"the interface has no IPv{version} address to reach it from; add one, or leave it to DHCP or router advertisements",
                )
            return gateway if mine else ""
        if not mine or any(interface.gateway(version) for interface in before):
            return ""
        network = {**LAYOUTS.get(str(self.network.get("layout")), {}), **self.network}
        if network.get("point_to_point") and (network.get("masquerade") or network.get("snat")):
            return router_of(str(mine[0].ip))
        candidates = [f"{self.network.get(name) or ''}"]
        if self.network.get("layout") in ROUTED:
            candidates += [str(own.ip) for own in self._networks_own()]
        return next((gateway for gateway in candidates if any(_is_in(gateway, address) for address in mine)), "")


def _is_in(gateway: str, address: IpInterface) -> bool:
    try:
        return ipaddress.ip_address(gateway) in address.network
    except ValueError:
        return False
