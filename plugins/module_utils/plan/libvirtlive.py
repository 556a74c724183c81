# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What of a running libvirt network changes live, by net-update; everything else needs a restart."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.libvirt import Element
from ..model.libvirtxml import normal, one_line
from ..model.step import Virsh

# Networks that hand out devices of the host; of others an interface is where the firewall lets them out.
_POOLS = frozenset({"bridge", "private", "vepa", "passthrough", "hostdev"})
_NAMES = ("host", "txt", "srv")
_LEASED = ("range", "host")


class Update(t.NamedTuple):
    """One change of a running network, and the one that takes it back."""

    do: Virsh
    undo: Virsh


def live_updates(name: str, running: Element, wanted: Element) -> list[Update] | None:
    """From the one definition to the other, both in normal form; None where only a restart leads there."""
    if _fixed(running) != _fixed(wanted):
        return None
    old, new = dict(_parts(running)), dict(_parts(wanted))
    goes = [(key, item) for key, item in old.items() if new.get(key) != item]
    comes = [(key, item) for key, item in new.items() if old.get(key) != item]
    # libvirt looks for a record by its address or any of its names, and takes two that share one for the same.
    if any(key.section == "dns-host" for key, _item in (*goes, *comes)) and (_shares_names(running) or _shares_names(wanted)):
        return None
    # What goes makes room for what comes: an address, a name, the default portgroup.
    deleted = [Update(_virsh(name, "delete", key, item), _virsh(name, "add-last", key, item)) for key, item in goes]
    return [*deleted, *(Update(_virsh(name, "add-last", key, item), _virsh(name, "delete", key, item)) for key, item in comes)]


class _Key(t.NamedTuple):
    """A section of net-update, the subnet it is in, and which of its items."""

    section: str
    parent: int
    item: str


def _parts(definition: Element) -> t.Iterator[tuple[_Key, Element]]:
    """Everything that can change live."""
    for at, subnet in enumerate(definition.all("ip")):
        for item in subnet.one("dhcp").children:
            if item.tag in _LEASED:
                yield _Key(f"ip-dhcp-{item.tag}", at, one_line(item)), item
    for item in definition.one("dns").children:
        if item.tag in _NAMES:
            yield _Key(f"dns-{item.tag}", -1, one_line(item)), item
    for item in definition.all("portgroup"):
        yield _Key("portgroup", -1, item.get("name")), item
    if _is_pool(definition):
        for item in definition.one("forward").all("interface"):
            yield _Key("forward-interface", -1, one_line(item)), item


def _is_pool(definition: Element) -> bool:
    forward = definition.one("forward")
    return forward.get("mode") in _POOLS and not forward.all("pf")


def _fixed(definition: Element) -> Element:
    """What cannot."""
    pool = _is_pool(definition)
    children = []
    for child in definition.children:
        if child.tag == "ip":
            child = replace(child, children=tuple(_without(item, _LEASED) if item.tag == "dhcp" else item for item in child.children))
        elif child.tag == "dns":
            child = _without(child, _NAMES)
        elif child.tag == "forward" and pool:
            child = _without(child, ("interface",))
        if child.tag != "portgroup":
            children.append(child)
    return normal(replace(definition, children=tuple(children)))


def _shares_names(definition: Element) -> bool:
    names = [name.text for host in definition.one("dns").all("host") for name in host.all("hostname")]
    return len(names) > len(set(names))


def _without(item: Element, tags: t.Container[str]) -> Element:
    return replace(item, children=tuple(child for child in item.children if child.tag not in tags))


def _virsh(name: str, verb: str, key: _Key, item: Element) -> Virsh:
    parent = ("--parent-index", str(key.parent)) if key.parent >= 0 else ()
    return Virsh("net-update", name, (verb, key.section, one_line(item), "--live", *parent))
