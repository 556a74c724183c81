# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Networks of libvirt in words: what diffs and facts say of them."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.libvirt import Element, LibvirtFacts
from ..model.libvirtxml import normal_of

_FIRST = ("name", "mode", "address", "size", "dev", "ip")


def describe(name: str, owner: str, definition: Element, active: bool, autostart: bool) -> str:
    """One network as a paragraph. ``owner``: empty for one that is not ours."""
    lines = [f"network {name}", *([f"  owner {owner}"] if owner else [])]
    lines += [f"  {'running' if active else 'not running'}", f"  {'starts' if autostart else 'does not start'} at boot"]
    return "\n".join([*lines, *_lines(definition, "  "), ""])


def words(definition: Element) -> str:
    """A definition alone."""
    return "".join(f"{line}\n" for line in _lines(definition, ""))


def _lines(definition: Element, indent: str) -> t.Iterator[str]:
    attributes = [f"{indent}{name} {value}" for name, value in definition.attributes]
    yield from attributes
    for child in definition.children:
        if child.tag not in ("name", "uuid"):
            yield from _element(child, indent)


def _element(item: Element, indent: str) -> t.Iterator[str]:
    line, inner = _line(item)
    yield f"{indent}{line}".rstrip()
    for child in inner:
        yield from _element(child, f"{indent}  ")


def _line(item: Element) -> tuple[str, tuple[Element, ...]]:
    """What a line says of an element, and the elements that have lines of their own."""
    rest = dict(item.attributes)
    if item.tag in ("ip", "route"):
        prefix = rest.pop("prefix", "")
        rest.pop("family", "")
        head = f"{'address' if item.tag == 'ip' else 'route'} {rest.pop('address', '')}" + (f"/{prefix}" if prefix else "")
        return " ".join([head, *_pairs(rest)]), item.children
    if item.tag == "range" or (item.tag == "address" and "start" in rest):
        return " ".join([f"{item.tag} {rest.pop('start', '')}-{rest.pop('end', '')}", *_pairs(rest)]), item.children
    names = tuple(child for child in item.children if child.tag == "hostname")
    plain = [child.text for child in names]
    tag = item.tag.rpartition("}")[2]
    text = " ".join([tag, *_pairs(rest), *plain, *([item.text] if item.text else [])])
    return text, tuple(child for child in item.children if child not in names)


def _pairs(attributes: t.Mapping[str, str]) -> list[str]:
    """The name of what is named needs no word."""
    first = next((name for name in _FIRST if name in attributes), "")
    pairs = [attributes[first]] if first else []
    return pairs + [f"{name} {value}" for name, value in attributes.items() if name != first]


def libvirt_facts(
    applied: Applied, facts: LibvirtFacts, leases: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]
) -> list[dict[str, t.Any]]:
    """Every network of libvirt, ours and others'. ``leases``: by bridge, as libvirt keeps them."""
    found = []
    for name in sorted({*facts.networks, *applied.libvirt}):
        seen, ours = facts.networks.get(name), applied.libvirt.get(name)
        text = (seen.running or seen.stored) if seen else ""
        definition = normal_of(text) if text else Element("network")
        bridge = definition.one("bridge").get("name")
        item = {
            "name": name,
            "owner": ours.owner if ours else "",
            "exists": seen is not None,
            "active": bool(seen and seen.active),
            "autostart": bool(seen and seen.autostart),
            "mode": definition.one("forward").get("mode", "isolated") if text else "",
            "bridge": bridge,
            "addresses": [f"{subnet.get('address')}/{subnet.get('prefix')}" for subnet in definition.all("ip")],
            "interfaces": [
                {"dev": plug.dev, "guest": plug.guest, "mac": plug.mac}
                for plug in facts.plugs
                if plug.network == name or plug.bridge == bridge != ""
            ],
            "leases": [
                {
                    "client": lease.get("mac-address", ""),
                    "address": lease.get("ip-address", ""),
                    "name": lease.get("hostname", ""),
                    "expires": lease.get("expiry-time", 0),
                }
                for lease in leases.get(bridge, ())
            ],
        }
        found.append(item)
    return found


def bridges_of(facts: LibvirtFacts) -> list[str]:
    """The bridges of all networks that run."""
    running = [normal_of(seen.running) for seen in facts.networks.values() if seen.running]
    return [name for name in (item.one("bridge").get("name") for item in running) if name]
