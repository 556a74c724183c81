# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""An interface of a domain of libvirt: as the user declares it, as libvirt has it, and as it was applied."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .interface import mac_problems, name_problems, normal_mac
from .libvirt import Element, element
from .problem import Problem
from .rate import read_rate

Options = t.Mapping[str, t.Any]
# Word -> value. ``dev``: the name of the host's end; ``place``: the bridge, or "network NAME" of one of libvirt's that has none of its own; ``model``; ``mtu``;
# ``isolated``: yes or no; ``inbound``, ``outbound``: seen from the guest, in thousands of bytes a second.
Words = t.Mapping[str, str]
# What libvirt changes while the guest runs; for the rest the interface is plugged anew.
LIVE = frozenset({"place", "isolated", "inbound", "outbound"})
# What goes back to libvirt's own when it is not spoken of any more.
_OPTIONAL = ("mtu", "isolated", "inbound", "outbound")
# Names that libvirt takes for its own, and gives away again (virNetDevGenerateName).
_RESERVED = "vnet"
_MTU = (68, 65535)
# Of what a tap of ours has, libvirt has words for these.
_TAP_WORDS = ("isolated", "mtu", "rate")
DEFAULT_MODEL = "virtio"
_TYPES = ("network", "bridge")
_CHILDREN = {"dev": ("target", "dev"), "model": ("model", "type"), "mtu": ("mtu", "size"), "isolated": ("port", "isolated")}


@dataclass(frozen=True)
class Domif:
    """One declared interface, which is found by its domain and MAC. ``place``: a network or bridge, as the user calls it."""

    name: str
    domain: str
    mac: str
    place: str
    words: Words = field(default_factory=dict)


@dataclass(frozen=True)
class AppliedDomif:
    """One interface as applied. ``was``: its XML before us, empty for none, of the running domain and the stored one (as virsh(1)
    calls them, --live and --config), should there be such."""

    owner: str
    domif: Domif
    was: t.Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LibvirtDomain:
    """A domain's interfaces. ``live``: None while it does not run; ``stored``: None where libvirt forgets it when it ends."""

    name: str
    live: tuple[Element, ...] | None = None
    stored: tuple[Element, ...] | None = None

    def all(self) -> tuple[Element, ...]:
        return (*(self.live or ()), *(self.stored or ()))


@dataclass(frozen=True)
class DomifFacts:
    """``missing``: why libvirt cannot be asked, empty when it can. ``networks``: those of libvirt, each with the bridge that libvirt makes
    for it, empty where it makes none."""

    missing: str = ""
    domains: t.Mapping[str, LibvirtDomain] = field(default_factory=dict)
    networks: t.Mapping[str, str] = field(default_factory=dict)


def applied_domif(data: dict[str, t.Any]) -> AppliedDomif:
    """One item of the memory."""
    return AppliedDomif(data["owner"], Domif(**data["domif"]), data["was"])


def read_domif(domain: str, interface: Options, path: str) -> tuple[Domif, list[Problem]]:
    """One interface of a guest, whose name, MAC and network are given, with everything that is wrong with it in itself."""
    name, mac, tap = interface["name"], normal_mac(interface["mac"]), interface.get("tap") or {}
    problems = [*name_problems(name, f"{path}.name"), *mac_problems(mac, f"{path}.mac")]
    if name.startswith(_RESERVED):
        problems.append(Problem(f"{path}.name", f"{name} begins with {_RESERVED}, and libvirt forgets such names; choose another"))
    why = "is no matter of ours with libvirt, which makes the tap; leave it out"
    problems += [Problem(f"{path}.tap.{word}", why) for word, value in tap.items() if value is not None and word not in _TAP_WORDS]
    if interface.get("qemu"):
        problems.append(Problem(f"{path}.qemu", "is about guests of QEMU without libvirt; leave it out"))
    mtu = tap.get("mtu") or interface.get("mtu") or 0
    if mtu and not _MTU[0] <= mtu <= _MTU[1]:
        problems.append(Problem(f"{path}.mtu", f"{mtu} is outside {_MTU[0]}-{_MTU[1]}"))
    rate, wrong = read_rate(tap.get("rate"), f"{path}.tap.rate")
    said = {
        "dev": name,
        "model": interface.get("model") or "",
        "mtu": str(mtu or ""),
        "isolated": "" if tap.get("isolated") is None else "yes" if tap["isolated"] else "no",
        "inbound": str(max(1, rate.to_guest // 1000)) if rate.to_guest else "",
        "outbound": str(max(1, rate.from_guest // 1000)) if rate.from_guest else "",
    }
    words = {word: value for word, value in said.items() if value}
    return Domif(name, domain, mac, interface["network"], words), [*problems, *wrong]


def mac_of(item: Element) -> str:
    return item.one("mac").get("address").lower()


def is_plugged(item: Element) -> bool:
    """Is it an interface in a network or bridge, and no device of the host?"""
    return item.get("type") in _TYPES


def words_of(item: Element, networks: t.Mapping[str, str]) -> dict[str, str]:
    """What libvirt says of an interface."""
    source, bandwidth = item.one("source"), item.one("bandwidth")
    network = source.get("network")
    said = {
        "dev": item.one("target").get("dev"),
        "place": source.get("bridge") if item.get("type") == "bridge" else networks.get(network) or f"network {network}",
        "model": item.one("model").get("type"),
        "mtu": item.one("mtu").get("size"),
        "isolated": "yes" if item.one("port").get("isolated") == "yes" else "",
        "inbound": bandwidth.one("inbound").get("average"),
        "outbound": bandwidth.one("outbound").get("average"),
    }
    return {word: value for word, value in said.items() if value}


def taken_back(words: Words, known: Domif | None) -> list[str]:
    """What was declared, and is not spoken of any more."""
    return [word for word in (known.words if known else ()) if word in _OPTIONAL and word not in words]


def differences(words: Words, seen: Words, taken: t.Collection[str]) -> list[str]:
    """Which words of an interface that is there are not as wanted."""
    wrong = [word for word, value in words.items() if seen.get(word, "no" if word == "isolated" else "") != value]
    return [*wrong, *(word for word in taken if word in seen)]


def new_interface(mac: str) -> Element:
    return Element("interface", (("type", "bridge"),), (element("mac", address=mac),))


def with_words(item: Element, words: Words, taken: t.Collection[str], source: Element) -> Element:
    """The interface with these words; whatever else libvirt knows of it stays. ``source``: where it is plugged in, should that change."""
    values = {**words, **dict.fromkeys(taken, "")}
    if "place" in values:
        kept = tuple((name, value) for name, value in item.attributes if name != "type")
        kind = "network" if source.get("network") else "bridge"
        item = _with_child(replace(item, attributes=tuple(sorted((*kept, ("type", kind))))), source)
    for word, (tag, attribute) in _CHILDREN.items():
        if word in values:
            value = "" if values[word] == "no" else values[word]
            item = _with_child(item, _with_attribute(item.one(tag), attribute, value))
    for word in ("inbound", "outbound"):
        if word in values:
            bandwidth = item.one("bandwidth")
            item = _with_child(item, _with_child(bandwidth, _with_attribute(bandwidth.one(word), "average", values[word])))
    return item


def _with_child(item: Element, child: Element) -> Element:
    """In its place, or at the end; without it when it says nothing."""
    empty = not (child.attributes or child.children)
    if not item.all(child.tag):
        return item if empty else replace(item, children=(*item.children, child))
    children = tuple(child if old.tag == child.tag else old for old in item.children)
    return replace(item, children=tuple(old for old in children if not (empty and old.tag == child.tag)))


def _with_attribute(item: Element, name: str, value: str) -> Element:
    """A limit without an average is none."""
    if not value:
        return replace(item, attributes=(), children=())
    kept = tuple((other, text) for other, text in item.attributes if other != name)
    return replace(item, attributes=tuple(sorted((*kept, (name, value)))))
