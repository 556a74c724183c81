# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The guests that several variables declare: those of one host, with names and MAC addresses, checked before it is touched."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils.argspec import GUEST_OPTIONS
from ..module_utils.model.guest import LIBVIRT, XEN, guard_address, has_interface, read_guests
from ..module_utils.model.interface import NAME_LENGTH, mac_problems, normal_mac
from ..module_utils.model.problem import Problem
from .mac import beyond_rules, from_address, require_netaddr, seeded
from .variables import Item, Words, joined, kind_of
from .vif_names import interface_name

Guest = dict[str, t.Any]
_WORDS = Words("vnet_guests", "guest", "{name: web, interfaces: [{network: xenbr0, addresses: [10.0.0.1]}]}")
_PLACE = re.compile(r"\bguests\[(\d+)\]")
# What the names of guests are unique in, where their record says that they may run on more than one host.
_FLEET = "fleet"


def merge(variables: t.Any, host: str, networks: t.Sequence[Item]) -> tuple[list[Guest], list[str]]:
    """The guests that may run on ``host``, as M(hypervisor.vnet.vnet_host) takes them, and everything that is wrong with them.

    ``variables`` are the lists by the names of their variables; a problem names the variable that it is in. ``networks`` that
    have a bridge of another name are named by it then.
    """
    found, problems = joined(variables, _WORDS)
    bridges = {str(network["name"]): str(network.get("bridge") or network["name"]) for network in networks}
    places, guests = [], []
    for place, item in found:
        placed = item.get("hosts")
        if placed is not None and not isinstance(placed, list):
            problems.append(Problem(f"{place}.hosts", f"is {kind_of(placed)}, not a list of hosts; write it as in [kvm1, kvm2]"))
            continue
        if placed is not None and host not in placed:
            continue
        options, wrong = _options({key: value for key, value in item.items() if key != "hosts"}, place)
        if not wrong:
            options, wrong = _filled(options, place, host if placed is None else _FLEET, bridges)
        problems += wrong
        if not wrong:
            guests.append(options)
            places.append(place)
    problems += [_placed(problem, places) for problem in read_guests(guests, {}).problems]
    return guests, [str(problem) for problem in problems]


def warnings(guests: t.Sequence[Guest]) -> list[str]:
    """What of merged guests works, and should be otherwise."""
    found = []
    for guest in guests:
        for index, interface in enumerate(guest.get("interfaces") or []):
            mac = normal_mac(interface.get("mac") or "")
            risk = "" if mac_problems(mac, "") else beyond_rules(mac)
            found += [f"guest {guest['name']}: interfaces[{index}].mac: {risk}"] if risk else []
    return found


def _options(guest: Item, place: str) -> tuple[Guest, list[Problem]]:
    """A guest with every option in its type, without those that are not given."""
    checked = ArgumentSpecValidator(GUEST_OPTIONS).validate(dict(guest))
    return _given(checked.validated_parameters), [Problem(place, message) for message in checked.error_messages]


def _given(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _given(item) for key, item in value.items() if item is not None}
    return [_given(item) for item in value] if isinstance(value, list) else value


def _filled(guest: Guest, place: str, home: str, bridges: t.Mapping[str, str]) -> tuple[Guest, list[Problem]]:
    """The guest with a name and a MAC address for each interface that needs something of the host."""
    interfaces, problems = [], []
    for index, interface in enumerate(guest.get("interfaces") or []):
        filled = dict(interface)
        # libvirt knows its networks by their names.
        if "network" in filled and guest.get("toolstack") != LIBVIRT:
            filled["network"] = bridges.get(filled["network"], filled["network"])
        for option in ("name", "mac") if has_interface(guest, interface) else ():
            try:
                if not filled.get(option):
                    filled[option] = (
                        _name(guest, index, bool(interface.get("model"))) if option == "name" else _mac(guest, interface, home, index)
                    )
            except ValueError as error:
                problems.append(Problem(f"{place}.interfaces[{index}].{option}", str(error)))
        interfaces.append(filled)
    return {**guest, "interfaces": interfaces}, problems


def _name(guest: Guest, index: int, model: bool) -> str:
    return interface_name(guest["name"], index, "", NAME_LENGTH, model and guest.get("toolstack") in XEN)


def _mac(guest: Guest, interface: Item, home: str, index: int) -> str:
    """In which the first IPv4 address can be read, or which looks random. Neither depends on anything but the record."""
    require_netaddr("merge_guests")
    for text in interface.get("addresses") or []:
        try:
            network = ipaddress.ip_network(guard_address(text))
        except ValueError:
            continue
        if network.version == 4 and network.prefixlen == 32:
            return from_address(network.network_address, "02:00")
    return seeded(guest["name"], home, "00:16:3e" if guest.get("toolstack") in XEN else "52:54:00", index)


def _placed(problem: Problem, places: t.Sequence[str]) -> Problem:
    """From the joined list's numbers to the user's own variables."""
    path, message = (_PLACE.sub(lambda match: places[int(match.group(1))], text) for text in (problem.path, problem.message))
    return Problem(path, message)
