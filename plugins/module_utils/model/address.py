# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Addresses of an interface as the kernel keeps them (``ip -json address``)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from .interface import NAME_LENGTH
from .problem import Problem

# The kernel's "forever" in valid_life_time and preferred_life_time: 2**32 - 1 seconds.
FOREVER = 0xFFFFFFFF


@dataclass(frozen=True)
class Address:
    """One address. Lifetimes are seconds, FOREVER without an end."""

    cidr: str
    peer: str = ""
    broadcast: str = ""
    scope: str = "global"
    label: str = ""
    metric: int = 0
    noprefixroute: bool = False
    mngtmpaddr: bool = False
    dynamic: bool = False
    nodad: bool = False
    protocol: str = ""
    valid_lft: int = FOREVER
    preferred_lft: int = FOREVER

    @property
    def family(self) -> int:
        return 6 if ":" in self.cidr else 4

    @property
    def is_link_local(self) -> bool:
        return self.family == 6 and ipaddress.ip_interface(self.cidr).is_link_local

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The networks that it makes reachable, as a route spells them."""
        networks = (ipaddress.ip_interface(cidr).network for cidr in (self.peer or self.cidr, self.cidr))
        return tuple(str(net.network_address if net.prefixlen == net.max_prefixlen else net) for net in networks)

    def moved(self, source: str, target: str) -> Address:
        """The same address on another interface: a label begins with its interface's name, so it moves along."""
        if self.label == source or self.label.startswith(f"{source}:"):
            label = target + self.label[len(source) :]
            return replace(self, label="" if label == target or len(label) > NAME_LENGTH else label)
        return replace(self, label="")

    def add_line(self, dev: str, *, settled: bool = False) -> str:
        """The ip-batch(8) line that makes this address on ``dev``, attributes and all. IPv6 skips DAD: the address only moved.

        ``settled``: said again later, the line takes the mark of the skipped DAD off (inet6_addr_modify does not repeat DAD).
        """
        words = ["address replace", self.cidr]
        if self.peer:
            words = ["address replace", self.cidr.split("/")[0], "peer", self.peer]
        if self.broadcast:
            words += ["broadcast", self.broadcast]
        if self.scope != "global":
            words += ["scope", self.scope]
        if self.label:
            words += ["label", self.label]
        if self.metric:
            words += ["metric", str(self.metric)]
        if self.protocol:
            words += ["proto", self.protocol]
        words += [flag for flag in ("noprefixroute", "mngtmpaddr") if getattr(self, flag)]
        if self.valid_lft != FOREVER:
            words += ["valid_lft", str(self.valid_lft), "preferred_lft", _seconds(self.preferred_lft)]
        if self.family == 6 and (self.nodad or not settled):
            words.append("nodad")
        return " ".join([*words, "dev", dev])

    def delete_line(self, dev: str) -> str:
        """The ip-batch(8) line that takes this address off ``dev``."""
        if self.peer:
            return f"address del {self.cidr.split('/')[0]} peer {self.peer} dev {dev}"
        return f"address del {self.cidr} dev {dev}"


def _seconds(value: int) -> str:
    return "forever" if value == FOREVER else str(value)


def normal_cidr(text: str) -> str:
    """An address with its prefix length in the canonical spelling of the ipaddress module. ValueError when it is none."""
    if "/" not in text:
        raise ValueError(text)
    return str(ipaddress.ip_interface(text.strip()))


def cidr_problems(text: str, path: str) -> list[Problem]:
    """Refuse what is no address with a prefix length, and addresses that no interface can carry."""
    try:
        interface = ipaddress.ip_interface(normal_cidr(text))
    except ValueError:
        return [Problem(path, f"{text!r} is not an address with a prefix length; write it as in 10.20.190.2/24 or 2001:db8::1/64")]
    network, address = interface.network, interface.ip
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        return [Problem(path, f"{text} is a multicast, loopback or unspecified address; an interface needs one of its own")]
    if network.version == 4 and network.prefixlen < 31:
        if address == network.network_address:
            return [
                Problem(path, f"{text} is the address of the network itself; use one of its hosts, as in {network[1]}/{network.prefixlen}")
            ]
        if address == network.broadcast_address:
            return [
                Problem(path, f"{text} is the broadcast address of {network}; use one of its hosts, as in {network[1]}/{network.prefixlen}")
            ]
    return []
