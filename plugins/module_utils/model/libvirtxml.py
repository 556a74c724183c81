# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""libvirt's network XML and the tree that it means: its order, its defaults and its own additions are no difference."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import typing as t
import xml.etree.ElementTree as ET
from dataclasses import replace

from .libvirt import DNSMASQ, Element

# What libvirt writes where nothing was said, or reads so: (tag, attribute) -> value.
_DEFAULTS = {
    ("network", "ipv6"): "no",
    ("network", "trustGuestRxFilters"): "no",
    ("forward", "managed"): "no",
    ("nat", "ipv6"): "no",
    ("bridge", "stp"): "on",
    ("bridge", "delay"): "0",
    ("bridge", "macTableManager"): "kernel",
    ("domain", "localOnly"): "no",
    ("domain", "register"): "no",
    ("dns", "enable"): "yes",
    ("ip", "family"): "ipv4",
    ("ip", "localPtr"): "no",
    ("route", "family"): "ipv4",
    ("lease", "unit"): "minutes",
    ("portgroup", "default"): "no",
    ("portgroup", "trustGuestRxFilters"): "no",
    ("vlan", "trunk"): "no",
    ("port", "isolated"): "no",
}
# The number of guests' interfaces; no part of a definition.
_COUNTED = "connections"
# Elements that say nothing when they are empty.
_EMPTY = frozenset({"nat", "port", "dhcp", "dns", "forward", "bandwidth", "bridge"})
_ORDER = "name uuid title description metadata forward bridge mac mtu domain dns vlan bandwidth port portgroup ip route virtualport".split()
# Children whose order means nothing to libvirt, by their parent.
_UNORDERED = {"dhcp": ("range", "host"), "dns": ("host", "txt", "srv"), "network": ("portgroup",)}
_HEX = {"domain": 4, "bus": 2, "slot": 2, "function": 1}
_PREFIXES = {DNSMASQ: "dnsmasq"}
# What xml.sax.saxutils does: that loads Python's web client, which takes a tenth of the time of a run with nothing to do.
_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_TEXT = str.maketrans(_TEXT)
_IN_VALUE = str.maketrans({**_TEXT, '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def parse(text: str) -> Element:
    """The tree as it is written, in no normal form. ValueError says what is wrong and where."""
    try:
        return _tree(ET.fromstring(text.strip()))
    except ET.ParseError as error:
        raise ValueError(f"is no XML: {error}") from error


def _tree(node: ET.Element) -> Element:
    children = tuple(map(_tree, node))
    return Element(node.tag, tuple(sorted(node.attrib.items())), children, (node.text or "").strip())


def render(root: Element) -> str:
    """XML as libvirt lays it out."""
    spaces = sorted({tag[1:].partition("}")[0] for tag in _tags(root) if tag.startswith("{")})
    prefixes = {space: _PREFIXES.get(space, f"ns{at}") for at, space in enumerate(spaces)}
    declared = "".join(f" xmlns:{prefix}={_quoted(space)}" for space, prefix in prefixes.items())
    return "".join(f"{line}\n" for line in _lines(root, prefixes, declared))


def one_line(item: Element) -> str:
    """One element as an argument of virsh(1)."""
    return "".join(line.strip() for line in _lines(item, {}))


def _quoted(value: str) -> str:
    return f'"{value.translate(_IN_VALUE)}"'


def _tags(item: Element) -> t.Iterator[str]:
    yield item.tag
    for child in item.children:
        yield from _tags(child)


def _lines(item: Element, prefixes: t.Mapping[str, str], declared: str = "", indent: str = "") -> t.Iterator[str]:
    space, brace, name = item.tag[1:].partition("}")
    tag = f"{prefixes[space]}:{name}" if brace and item.tag.startswith("{") else item.tag
    head = f"{indent}<{tag}{declared}" + "".join(f" {name}={_quoted(value)}" for name, value in item.attributes)
    if item.children:
        yield f"{head}>{item.text.translate(_IN_TEXT)}"
        for child in item.children:
            yield from _lines(child, prefixes, "", f"{indent}  ")
        yield f"{indent}</{tag}>"
    else:
        yield f"{head}>{item.text.translate(_IN_TEXT)}</{tag}>" if item.text else f"{head}/>"


def normal(root: Element) -> Element:
    """The definition without defaults, identity and counters, in one order."""
    root = replace(root, children=tuple(child for child in root.children if child.tag != "uuid"))
    return _normal(root) or Element("network")


@functools.cache
def normal_of(text: str) -> Element:
    """The normal form of what libvirt wrote. A plan looks at each text many times."""
    return normal(parse(text))


def _normal(item: Element) -> Element | None:
    children = tuple(child for child in map(_normal, item.children) if child is not None)
    item = _SHAPES.get(item.tag, _same)(replace(item, children=children))
    kept = [(name, value) for name, value in item.attributes if _DEFAULTS.get((item.tag, name)) != value and name != _COUNTED]
    item = replace(item, attributes=tuple(sorted(kept)), children=_sorted(item))
    if item.tag in _EMPTY and not (item.attributes or item.children):
        return None
    return item


def _sorted(item: Element) -> tuple[Element, ...]:
    """Children by their tags; those without an order by what they say."""
    if item.tag == "metadata":
        return item.children
    loose = _UNORDERED.get(item.tag, ())
    ranks = {tag: at for at, tag in enumerate(_ORDER if item.tag == "network" else ())}

    def key(child: Element) -> tuple[int, str, str]:
        return ranks.get(child.tag, len(ranks)), child.tag, one_line(child) if child.tag in loose else ""

    return tuple(sorted(item.children, key=key))


def _same(item: Element) -> Element:
    return item


def _with(item: Element, **attributes: str) -> Element:
    """Attributes set; an empty one is taken away."""
    merged = {**dict(item.attributes), **attributes}
    return replace(item, attributes=tuple(sorted((name, value) for name, value in merged.items() if value)))


def _forward(item: Element) -> Element:
    mode = item.get("mode", "nat")
    if mode == "none":
        return Element("forward")
    children = [child for child in item.children if not (item.one("pf").attributes and child.tag in ("interface", "address"))]
    dev = item.get("dev")
    if dev and not any(child.tag == "interface" for child in children):
        children.append(Element("interface", (("dev", dev),)))
    return replace(_with(item, mode=mode, dev=""), children=tuple(children))


def _nat(item: Element) -> Element:
    usual = (("end", "65535"), ("start", "1024"))
    return replace(item, children=tuple(child for child in item.children if (child.tag, child.attributes) != ("port", usual)))


def _subnet(item: Element) -> Element:
    mask, address = item.get("netmask"), item.get("address")
    if mask:
        with contextlib.suppress(ValueError):
            item = _with(item, netmask="", prefix=str(ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen))
    return _with(item, address=_address(address), family="ipv6" if ":" in address else item.get("family")) if address else item


def _addressed(item: Element) -> Element:
    words = {name: _address(item.get(name)) for name in ("ip", "start", "end", "gateway") if item.get(name)}
    if item.get("mac"):
        words["mac"] = item.get("mac").lower()
    return _with(item, **words)


def _route(item: Element) -> Element:
    return _addressed(_subnet(item))


def _mac(item: Element) -> Element:
    return _with(item, address=item.get("address").lower())


def _address(text: str) -> str:
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(text))
    return text


def _pci(item: Element) -> Element:
    """Of a PCI device. Addresses of the network itself are elements of this name, too."""
    if not item.get("bus"):
        return item
    words = {"type": "pci"}
    for name, width in _HEX.items():
        with contextlib.suppress(ValueError):
            words[name] = f"0x{int(item.get(name, '0'), 0):0{width}x}"
    return _with(item, **words)


def _vlan(item: Element) -> Element:
    """Several tags are a trunk without a word."""
    return _with(item, trunk="" if len(item.all("tag")) > 1 else item.get("trunk"))


_SHAPES: dict[str, t.Callable[[Element], Element]] = {
    "forward": _forward,
    "nat": _nat,
    "ip": _subnet,
    "route": _route,
    "range": _addressed,
    "host": _addressed,
    "mac": _mac,
    "address": _pci,
    "vlan": _vlan,
}


def filled(wanted: Element, stored: Element | None) -> Element:
    """The wanted definition with what it leaves to libvirt as libvirt settled it: MAC and bridge."""
    if stored is None:
        return wanted
    left = [child for child in stored.children if child.tag in ("mac", "bridge") and not wanted.all(child.tag)]
    name = stored.one("bridge").get("name")
    own = [_with(child, name=child.get("name") or name) if child.tag == "bridge" else child for child in wanted.children]
    return normal(replace(wanted, children=(*own, *left)))


def identified(wanted: Element, stored: str) -> str:
    """XML that replaces the stored definition: the same network is known by its UUID."""
    uuid = parse(stored).all("uuid") if stored else ()
    return render(replace(wanted, children=(*wanted.all("name"), *uuid, *(child for child in wanted.children if child.tag != "name"))))
