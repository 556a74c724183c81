# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""DHCP and DNS of a network: who gets which address, as the user declares it."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field

Range = tuple[str, str]
Interface = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
# The word of ``router`` for guests that have none.
NO_ROUTER = "none"
UNIT_PREFIX = "hypervisor-vnet-dhcp@"


@dataclass(frozen=True)
class DhcpHost:
    """A guest that always gets the same: by its MAC, at most one IPv4 address and any number of IPv6 ones, and a name."""

    mac: str
    addresses: tuple[str, ...] = ()
    name: str = ""

    def describe(self) -> str:
        return " ".join(word for word in (self.mac, *self.addresses, self.name) if word)


@dataclass(frozen=True)
class DhcpRecord:
    """A name of the network's DNS, with a domain or without."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class DhcpOption:
    """A further option of DHCP (``family`` 4, RFC 2132) or DHCPv6 (6, RFC 8415). ``force``: sent to who did not ask, too."""

    number: int
    values: tuple[str, ...] = ()
    family: int = 4
    force: bool = False


@dataclass(frozen=True)
class Dhcp:
    """One network. ``addresses`` are the host's own on it (CIDR), empty for those that the bridge has; they say what the subnets are.

    ``ranges``: first and last address of each, of both families. ``router``: empty for the host's own address. ``forwarders``
    are what dnsmasq's ``server=`` takes. ``lease_time``: seconds, with a unit m, h, d or w, or ``infinite``. ``ra`` and
    ``slaac``: None for what the subnets allow.
    """

    name: str
    bridge: str
    addresses: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()
    hosts: tuple[DhcpHost, ...] = ()
    router: str = ""
    domain: str = ""
    forwarders: tuple[str, ...] = ()
    records: tuple[DhcpRecord, ...] = ()
    mtu: int = 0
    lease_time: str = "1h"
    ra: bool | None = None
    slaac: bool | None = None
    options: tuple[DhcpOption, ...] = ()
    dns: bool = True


@dataclass(frozen=True)
class AppliedDhcp:
    """One network as applied: with the addresses that its bridge had. ``user``: whom dnsmasq runs as, empty for its own choice.

    ``persist``: it comes back after a reboot; ``coexist``: the filters of others let it pass.
    """

    owner: str
    network: Dhcp
    addresses: tuple[str, ...]
    user: str = ""
    persist: bool = True
    coexist: bool = False


@dataclass(frozen=True)
class UnitFacts:
    """What systemd says of a network's service. ``pid``: 0 when it does not run."""

    active: bool = False
    enabled: bool = False
    pid: int = 0


@dataclass(frozen=True)
class Listener:
    """A socket that waits on a port; ``address`` is ``*`` for all of them, ``dev`` empty for all interfaces."""

    port: int
    address: str
    dev: str
    program: str
    pid: int


@dataclass(frozen=True)
class Lease:
    """One lease as dnsmasq keeps it. ``client`` is the MAC, or the DUID of DHCPv6; ``expires``: seconds since 1970, 0 for never."""

    client: str
    address: str
    name: str
    expires: int


@dataclass(frozen=True)
class DhcpFacts:
    """``version``: dnsmasq's, empty where there is none. ``systemd``: it runs here. ``user``: there is one named dnsmasq.

    ``units`` by network; ``leases``: the text of each network's lease file.
    """

    version: str = ""
    systemd: bool = True
    user: bool = False
    units: t.Mapping[str, UnitFacts] = field(default_factory=dict)
    listeners: tuple[Listener, ...] = ()
    leases: t.Mapping[str, str] = field(default_factory=dict)


def unit_of(name: str) -> str:
    return f"{UNIT_PREFIX}{name}.service"


def leases_path(name: str) -> str:
    return f"/var/lib/hypervisor-vnet/dhcp/{name}.leases"


def own_interfaces(addresses: t.Iterable[str]) -> list[Interface]:
    """The addresses that make a subnet to serve: neither link-local nor alone in theirs."""
    found = [ipaddress.ip_interface(text) for text in addresses]
    return [item for item in found if not (item.version == 6 and item.is_link_local) and item.network.prefixlen < item.max_prefixlen]


def parse_leases(text: str) -> tuple[Lease, ...]:
    """The lines of dnsmasq's lease file: those of DHCP, and behind the server's own DUID those of DHCPv6."""
    found = []
    for words in (line.split() for line in text.splitlines()):
        if len(words) != 5:
            continue
        expires, client, address, name, identity = words
        six = ":" in address
        found.append(Lease(identity if six else client, address, "" if name == "*" else name, int(expires)))
    return tuple(found)


def dhcp_from_json(data: t.Mapping[str, t.Any]) -> Dhcp:
    """The inverse of dataclasses.asdict after its way through JSON."""
    lists: dict[str, t.Any] = {
        "addresses": tuple(data["addresses"]),
        "forwarders": tuple(data["forwarders"]),
        "ranges": tuple((first, last) for first, last in data["ranges"]),
        "hosts": tuple(DhcpHost(item["mac"], tuple(item["addresses"]), item["name"]) for item in data["hosts"]),
        "records": tuple(DhcpRecord(item["name"], tuple(item["addresses"])) for item in data["records"]),
        "options": tuple(DhcpOption(**{**item, "values": tuple(item["values"])}) for item in data["options"]),
    }
    return Dhcp(**{**data, **lists})


def applied_dhcp(data: t.Mapping[str, t.Any]) -> AppliedDhcp:
    network, kept = dhcp_from_json(data["network"]), data["persist"]
    return AppliedDhcp(data["owner"], network, tuple(data["addresses"]), data["user"], kept, data.get("coexist", False))
