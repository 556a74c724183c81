# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A guest as the user writes it, and the taps and guards that one record of its interface means."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass, field, replace

from .domif import Domif, read_domif
from .guard import Guard, guard_clashes, read_guard
from .problem import Problem
from .tap import Tap, read_tap, tap_clashes

Options = t.Mapping[str, t.Any]
# These make the interfaces of their guests by themselves; they have guards only, which wait for them by name.
XEN = ("xl", "xm")
# It makes them, too, as it is told.
LIBVIRT = "libvirt"
TOOLSTACKS = ("qemu", *XEN, LIBVIRT)
# What of an interface's record QEMU opens by itself has no tap of ours: its own networks, and taps that others made.
_OTHERS_TAP = ("fd", "fds", "helper")
# From the words of a tap and a guard to those of a guest's interface.
_INTERFACE = r"(interfaces\[\d+\])\."
_WORDS = (
    (re.compile(rf"{_INTERFACE}(?:tap\.name|interface)\b"), r"\1.name"),
    (re.compile(rf"{_INTERFACE}(?:tap\.)?bridge\b"), r"\1.network"),
    (re.compile(rf"{_INTERFACE}(allowed_pairs|allow|deny)\b"), r"\1.guard.\2"),
)


@dataclass(frozen=True)
class GuestInterfaces:
    """What the interfaces of all guests need, each item behind its place."""

    taps: tuple[tuple[str, Tap], ...] = ()
    guards: tuple[tuple[str, Guard], ...] = ()
    domifs: tuple[tuple[str, Domif], ...] = ()
    problems: list[Problem] = field(default_factory=list)


def has_tap(interface: Options) -> bool:
    """Does this interface have a tap of ours?"""
    qemu = interface.get("qemu") or {}
    return (qemu.get("type") or "tap") == "tap" and not any(qemu.get(word) for word in _OTHERS_TAP)


def has_interface(guest: Options, interface: Options) -> bool:
    """Does this interface of a guest need anything of us?"""
    return guest.get("toolstack") in (*XEN, LIBVIRT) or has_tap(interface)


def read_guests(guests: t.Sequence[Options], bridges: t.Mapping[str, str], path: str = "guests") -> GuestInterfaces:
    """What the interfaces of all guests need. ``bridges``: name of a network -> its bridge; other names are bridges themselves."""
    taps: list[tuple[str, Tap]] = []
    guards: list[tuple[str, Guard]] = []
    domifs: list[tuple[str, Domif]] = []
    problems = _name_problems(guests, path)
    for place, guest, interface in _interfaces(guests, path):
        if not has_interface(guest, interface):
            continue
        wrong = _missing(interface, place)
        problems += wrong
        if not wrong and guest.get("toolstack") == LIBVIRT:
            problems += _read_domif(guest, interface, bridges, place, domifs, guards)
        elif not wrong:
            problems += (_read_vif if guest.get("toolstack") in XEN else _read_interface)(interface, bridges, place, taps, guards)
    names = _names(guests, path)
    guards = [(place, replace(guard, guest=names[place])) for place, guard in guards]
    problems += tap_clashes(taps) + guard_clashes([(guard, place) for place, guard in guards])
    # What a tap and its guard have in common is wrong once.
    return GuestInterfaces(tuple(taps), tuple(guards), tuple(domifs), list(dict.fromkeys(in_guest_words(problem) for problem in problems)))


def in_guest_words(problem: Problem) -> Problem:
    """A problem of a tap or guard, said of the guest's interface that it follows from."""
    path, message = problem.path, problem.message
    for pattern, words in _WORDS:
        path, message = pattern.sub(words, path), pattern.sub(words, message)
    return Problem(path, message)


def guest_names(guests: t.Sequence[Options]) -> tuple[str, ...]:
    """The interfaces of guests that shall go, of which nothing else has to be right."""
    return tuple(interface["name"] for _place, _guest, interface in _interfaces(guests, "") if interface.get("name"))


def _interfaces(guests: t.Sequence[Options], path: str) -> t.Iterator[tuple[str, Options, Options]]:
    for at, guest in enumerate(guests):
        for index, interface in enumerate(guest.get("interfaces") or []):
            yield f"{path}[{at}].interfaces[{index}]", guest, interface


def _names(guests: t.Sequence[Options], path: str) -> dict[str, str]:
    """The place of each interface, and its guest's name."""
    return {
        f"{path}[{at}].interfaces[{index}]": guest["name"]
        for at, guest in enumerate(guests)
        for index in range(len(guest.get("interfaces") or []))
    }


def _name_problems(guests: t.Sequence[Options], path: str) -> list[Problem]:
    problems = []
    names: dict[str, str] = {}
    for index, guest in enumerate(guests):
        place = f"{path}[{index}]"
        if guest["name"] in names:
            problems.append(Problem(f"{place}.name", f"{guest['name']} is already {names[guest['name']]}.name; declare a guest once"))
        names.setdefault(guest["name"], place)
        toolstack = guest.get("toolstack") or TOOLSTACKS[0]
        if toolstack not in TOOLSTACKS:
            there = ", ".join(TOOLSTACKS)
            problems.append(Problem(f"{place}.toolstack", f"{toolstack!r} does not exist in this version; there is: {there}"))
    return problems


def _missing(interface: Options, place: str) -> list[Problem]:
    cures = {
        "network": "name the network or bridge that the guest shall be in",
        "name": "give the interface a name, as the filter vif_name makes one",
        "mac": "give the guest's card its address, as the filters mac_from_ip and mac_random make one",
    }
    return [Problem(f"{place}.{option}", f"is missing; {cure}") for option, cure in cures.items() if not interface.get(option)]


def _read_interface(
    interface: Options,
    bridges: t.Mapping[str, str],
    place: str,
    taps: list[tuple[str, Tap]],
    guards: list[tuple[str, Guard]],
) -> list[Problem]:
    name, bridge, qemu = interface["name"], bridges.get(interface["network"], interface["network"]), interface.get("qemu") or {}
    queues = {"multi_queue": True} if str(qemu.get("queues") or 1) != "1" else {}
    own = {key: value for key, value in (interface.get("tap") or {}).items() if value is not None}
    tap, problems = read_tap({"mtu": interface.get("mtu"), **queues, **own, "name": name, "bridge": bridge}, f"{place}.tap")
    taps.append((f"{place}.tap", tap))
    if interface.get("guarded") is False:
        return problems
    if any(not item.untagged for item in tap.vlans):
        problems.append(Problem(f"{place}.tap.vlan.trunk", "has frames with a tag, which a guard refuses; say guarded: false"))
    return problems + _read_guard(interface, bridge, place, guards)


def _read_vif(
    interface: Options,
    bridges: t.Mapping[str, str],
    place: str,
    taps: list[tuple[str, Tap]],
    guards: list[tuple[str, Guard]],
) -> list[Problem]:
    """An emulated card, which has a ``model``, is an interface of its own beside the other."""
    why = "is about guests of QEMU without Xen; leave it out"
    problems = [Problem(f"{place}.{option}", why) for option in ("tap", "qemu") if interface.get(option)]
    if interface.get("guarded") is False:
        return problems
    bridge = bridges.get(interface["network"], interface["network"])
    return problems + _read_guard(interface, bridge, place, guards, emulated=bool(interface.get("model")))


def _read_domif(
    guest: Options,
    interface: Options,
    bridges: t.Mapping[str, str],
    place: str,
    domifs: list[tuple[str, Domif]],
    guards: list[tuple[str, Guard]],
) -> list[Problem]:
    """libvirt knows networks by their names, and the guard its bridge."""
    domif, problems = read_domif(guest["name"], interface, place)
    domifs.append((place, domif))
    if interface.get("guarded") is False:
        return problems
    return problems + _read_guard(interface, bridges.get(interface["network"], interface["network"]), place, guards)


def _read_guard(interface: Options, bridge: str, place: str, guards: list[tuple[str, Guard]], emulated: bool = False) -> list[Problem]:
    addresses = [guard_address(text) for text in interface.get("addresses") or []]
    own = {
        "interface": interface["name"],
        "bridge": bridge,
        "mac": interface["mac"],
        "addresses": addresses,
        "emulated": emulated,
        "routed": not bridge,
    }
    guard, problems = read_guard({**(interface.get("guard") or {}), **own}, place)
    guards.append((place, guard))
    return problems


def guard_address(text: str) -> str:
    """What the guest may send from: its own address, of whose network the guest alone has to know. A whole network stays one."""
    try:
        interface = ipaddress.ip_interface(text.strip())
    except ValueError:
        return text
    return text if interface.ip == interface.network.network_address else str(interface.ip)
