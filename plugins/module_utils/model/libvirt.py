# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Networks of libvirt: the definition as a tree without what libvirt adds by itself, and what a host has of them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

CONNECTION = "network:///system"
# The daemon for everything, and those that a split libvirt has for networks and for domains, with the driver of each.
MONOLITHIC_DAEMON = "libvirtd"
NETWORK_DAEMON = "virtnetworkd"
DOMAIN_DAEMON = "virtqemud"
DRIVERS = {NETWORK_DAEMON: "network", DOMAIN_DAEMON: "qemu"}
# libvirt's own files, and the sockets of the modular daemons and of the monolithic one.
STORED = "/etc/libvirt/qemu/networks"
DOMAINS = "/etc/libvirt/qemu"
SOCKETS = (f"/run/libvirt/{NETWORK_DAEMON}-sock", "/run/libvirt/libvirt-sock")
DOMAIN_SOCKETS = (f"/run/libvirt/{DOMAIN_DAEMON}-sock", "/run/libvirt/libvirt-sock")
LEASES = "/var/lib/libvirt/dnsmasq"
DNSMASQ = "http://libvirt.org/schemas/network/dnsmasq/1.0"


@dataclass(frozen=True)
class Element:
    """One element of libvirt's network XML. ``attributes`` are sorted; a tag outside libvirt's own is {namespace}name."""

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple[Element, ...] = ()
    text: str = ""

    def get(self, name: str, default: str = "") -> str:
        return dict(self.attributes).get(name, default)

    def all(self, tag: str) -> tuple[Element, ...]:
        return tuple(child for child in self.children if child.tag == tag)

    def one(self, tag: str) -> Element:
        """The first child of this tag; an empty one when there is none."""
        return next(iter(self.all(tag)), Element(tag))


def element(tag: str, *children: Element | None, text: str = "", **attributes: t.Any) -> Element:
    """Without attributes that are None or empty, and without children that are None."""
    given = ((name.rstrip("_"), str(value)) for name, value in attributes.items() if value not in (None, ""))
    return Element(tag, tuple(sorted(given)), tuple(child for child in children if child is not None), text)


@dataclass(frozen=True)
class LibvirtNetwork:
    """One declared network. ``definition`` is in normal form, None where it shall stay as it is."""

    name: str
    definition: Element | None = None
    active: bool = True
    autostart: bool = True


@dataclass(frozen=True)
class Was:
    """A network that was there before us: its definition as libvirt wrote it."""

    xml: str
    active: bool
    autostart: bool


@dataclass(frozen=True)
class AppliedLibvirt:
    """One network as applied. ``xml``: its definition in normal form, empty where it stays as it was; ``was``: None for a new one."""

    owner: str
    xml: str
    active: bool
    autostart: bool
    was: Was | None = None

    @property
    def definition(self) -> str:
        """The XML that stands: ours, or what was there where that stays; empty where it is not known."""
        return self.xml or (self.was.xml if self.was else "")


@dataclass(frozen=True)
class SeenNetwork:
    """What libvirt says of a network: both definitions as it wrote them, empty where there is none."""

    stored: str = ""
    running: str = ""
    autostart: bool = False

    @property
    def active(self) -> bool:
        return bool(self.running)


@dataclass(frozen=True)
class Plug:
    """The host's end of a guest's interface. ``network`` is empty where the guest names the ``bridge`` itself.

    ``vlans``: lines of `bridge vlan add` behind the device's name; ``mtu`` 0: that of the bridge. ``idle``: nobody is behind it.
    """

    dev: str
    guest: str = ""
    mac: str = ""
    network: str = ""
    bridge: str = ""
    isolated: bool = False
    vlans: tuple[str, ...] = ()
    mtu: int = 0
    idle: bool = False

    def describe(self) -> str:
        return f"{self.dev} of {self.guest}" if self.guest else self.dev


@dataclass(frozen=True)
class LibvirtFacts:
    """``missing``: why libvirt cannot be asked, empty when it can. ``networks`` by name; ``plugs`` of running guests."""

    missing: str = ""
    networks: t.Mapping[str, SeenNetwork] = field(default_factory=dict)
    plugs: tuple[Plug, ...] = ()


def applied_libvirt(data: t.Mapping[str, t.Any]) -> AppliedLibvirt:
    return AppliedLibvirt(**{**data, "was": Was(**data["was"]) if data["was"] else None})
