# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Tables of nftables as the kernel has them (`nft --json list table`)."""

from __future__ import annotations

import ipaddress
import json
import re
import typing as t
from dataclasses import dataclass, field

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.problem import VnetError
from ..model.ruleset import TABLE_KINDS, UNIT, Counter, Key, RulesetFacts, SeenTable, Shape
from ..model.state import Link

Json = dict[str, t.Any]
_VERDICTS = ("accept", "drop", "return")
_JUMPS = ("goto", "jump")
_TRANSLATIONS = ("masquerade", "snat", "dnat")
_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_MISSING = 127


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> RulesetFacts | None:
    """What all kinds with tables need to know; None where the document speaks of none of them."""
    if not any(getattr(document, name).spoken for name in TABLE_KINDS):
        return None
    found = _VERSION.search(machine.run(("nft", "--version")).out)
    # No answer: systemd does not run here, and nothing can be done about it.
    loads = machine.run(("systemctl", "is-active", UNIT)).out.strip() in ("active", "")
    return RulesetFacts(tuple(int(part) for part in found.groups()) if found else (), loads)


def list_command(key: Key) -> tuple[str, ...]:
    """Numbers, whatever /etc/protocols says. (`nft -json` would be -j -s -o -n: without counters.)"""
    return ("nft", "--numeric", "--json", "list", "table", *key)


def read_tables(machine: Machine, keys: t.Iterable[Key]) -> dict[Key, SeenTable]:
    """Those of the tables that are there, none without nft. VnetError when nft cannot say."""
    seen = {}
    for key in keys:
        done = machine.run(list_command(key))
        if done.rc == 0:
            seen[key] = parse_table(done.out)
        elif done.rc != _MISSING and "No such file or directory" not in done.err:
            raise VnetError(f"{' '.join(list_command(key))}: {done.err.strip() or f'exit status {done.rc}'}")
    return seen


@dataclass
class _Reading:
    """What has been read so far."""

    sets: dict[str, frozenset[str]] = field(default_factory=dict)
    chains: dict[str, tuple[Shape, ...]] = field(default_factory=dict)
    counters: dict[str, dict[str, Counter]] = field(default_factory=dict)
    maps: set[str] = field(default_factory=set)


def parse_table(text: str) -> SeenTable:
    """nft 1.0.6 leaves out comments of tables and chains; rules are known by their shapes."""
    reading = _Reading()
    for item in json.loads(text)["nftables"]:
        if "set" in item:
            _read_set(item["set"], reading)
        elif "map" in item:
            _read_map(item["map"], reading)
        elif "chain" in item:
            reading.chains.setdefault(item["chain"]["name"], ())
        elif "rule" in item:
            rule = item["rule"]
            reading.chains[rule["chain"]] = (*reading.chains.get(rule["chain"], ()), _shape(rule["expr"]))
    return SeenTable(reading.sets, reading.chains, reading.counters, frozenset(reading.maps))


def _read_set(data: Json, reading: _Reading) -> None:
    types = _types(data["type"])
    elements, counters = [], {}
    for item in data.get("elem", ()):
        count = None
        if isinstance(item, dict) and "elem" in item:
            count, item = item["elem"].get("counter"), item["elem"]["val"]
        element = _concat(item, types)
        elements.append(element)
        if count:
            counters[element] = (count["packets"], count["bytes"])
    reading.sets[data["name"]] = frozenset(elements)
    if counters:
        reading.counters[data["name"]] = counters


def _read_map(data: Json, reading: _Reading) -> None:
    keys, values = _types(data["type"]), _types(data["map"])
    pairs = [(_concat(key, keys), _concat(value, values)) for key, value in data.get("elem", ())]
    reading.sets[data["name"]] = frozenset(f"{key} : {value}" for key, value in pairs)
    reading.maps.add(data["name"])


def _concat(item: t.Any, types: t.Sequence[str]) -> str:
    parts = item["concat"] if isinstance(item, dict) and "concat" in item else [item]
    return " . ".join([_part(part, kind) for part, kind in zip(parts, types)])


def _types(data: t.Any) -> list[str]:
    """Names, or from nft 1.1 on the expressions that were given with typeof."""
    if isinstance(data, (str, list)):
        return data.split(" . ") if isinstance(data, str) else data
    found = []
    for expression in data["typeof"].get("concat", [data["typeof"]]):
        payload = expression.get("payload", {})
        is_name = expression.get("meta", {}).get("key") in ("iifname", "oifname")
        is_ip6 = payload.get("protocol") == "ip6" and payload["field"] in ("saddr", "daddr")
        found.append("ifname" if is_name else "integer" if "base" in payload else "ipv6_addr" if is_ip6 else "")
    return found


def _part(value: t.Any, kind: str) -> str:
    """As the renderers write it; raw payload is shown as a number, or as text with 0x in front where it is too long."""
    if kind == "ifname":
        return f'"{value}"'
    if kind == "integer":
        return f"0x{int(str(value), 0):x}"
    if kind == "verdict":
        (word, to), *_rest = value.items()
        return f"{word} {to['target']}" if to else str(word)
    if isinstance(value, dict) and "range" in value:
        return _range(value)
    text = str(value)
    # Both write it as RFC 5952 has it, but for IPv4 in its last words; and reading thousands takes its time.
    return str(ipaddress.ip_address(text)) if kind == "ipv6_addr" and ("." in text or text != text.lower()) else text


def _shape(expressions: t.Sequence[Json]) -> Shape:
    sets, verdict = [], ""
    for expression in expressions:
        (name, value), *_rest = expression.items()
        if name == "match" and isinstance(value["right"], str) and value["right"].startswith("@"):
            sets.append(value["right"][1:])
        elif name == "vmap" and isinstance(value["data"], str):
            sets.append(value["data"][1:])
        elif name in _VERDICTS:
            verdict = name
        elif name in _JUMPS:
            verdict = f"{name} {value['target']}"
        elif name in _TRANSLATIONS:
            asked, verdict = _translation(name, value or {})
            sets += asked
    return (*sets, verdict)


def _translation(name: str, value: Json) -> tuple[list[str], str]:
    """The map that it asks, and what it does in the words of nft."""
    address, port = value.get("addr", ""), value.get("port", "")
    data = address["map"]["data"] if isinstance(address, dict) and "map" in address else None
    if isinstance(data, str):
        return [data[1:]], name
    to = _range(address) + (f":{_range(port)}" if port else "")
    return [], f"{name} to {to}" if to else name


def _range(value: t.Any) -> str:
    """nft shows a range that is a network as one. Others may have written rules of which we know nothing."""
    if not isinstance(value, dict):
        return str(value)
    if "prefix" in value:
        network = ipaddress.ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}")
        return f"{network[0]}-{network[-1]}"
    return "-".join(str(end) for end in value["range"]) if "range" in value else json.dumps(value)
