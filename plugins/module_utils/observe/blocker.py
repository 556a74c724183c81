# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Filters of others, by nft(8) or iptables(8), and later files on forwarding: whatever may stop guests' packets."""

from __future__ import annotations

import json
import typing as t

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.blocker import ROUTED_GUESTS, SPECIAL, UNKNOWN, BlockerFacts, ForeignChain, ForeignRule, ForeignTable, LaterSetting, Match
from ..model.document import Document
from ..model.forwarding import IP4, IP6
from ..model.state import Link
from .iptables import parse_iptables

Json = dict[str, t.Any]
_OURS = "vnet_"
_NAME = "60-hypervisor-vnet.conf"
# In the order of sysctl.d(5): of one name, the first folder that has it counts.
_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
_KEYS = {IP4: IP4, "net/ipv4/conf/all/forwarding": IP4, IP6: IP6}
_META = {"iifname": "iif", "iif": "iif", "oifname": "oif", "oif": "oif", "l4proto": "protocol", "nfproto": "family", "protocol": "family"}
_CT = {"state": "state", "status": "status"}
_NETWORK = ("saddr", "daddr")
_PORTS = ("sport", "dport")
_WORDS = ("accept", "drop", "return", "reject")
# The tables of iptables(8).
_IPTABLES = ("filter", "nat", "mangle", "raw", "security")
_GO_ON = ("counter", "log", "mangle", "comment", "notrack", "set", "meter", "flow", "ct helper", "ct timeout")
# What iptables' extensions do when nft shows no more than their names.
_TARGETS = {"REJECT": "reject", "LOG": "", "NFLOG": "", "MARK": "", "CONNMARK": "", "TCPMSS": ""}


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> BlockerFacts | None:
    """None where the document speaks of no kind whose guests are routed."""
    return read_blockers(machine) if any(getattr(document, kind).spoken for kind in ROUTED_GUESTS) else None


def read_blockers(machine: Machine) -> BlockerFacts:
    tables = [*_nft_tables(machine), *_legacy_tables(machine)]
    seeing = [table for table in tables if any(chain.hook == "forward" for chain in table.chains.values())]
    return BlockerFacts(tuple(seeing), tuple(_later_settings(machine)))


def _nft_tables(machine: Machine) -> t.Iterator[ForeignTable]:
    """One by one: our own may be large."""
    done = machine.run(("nft", "--json", "list", "tables"))
    found = [item["table"] for item in json.loads(done.out)["nftables"] if "table" in item] if done.rc == 0 else []
    for family, name in ((item["family"], item["name"]) for item in found):
        if family not in ("ip", "ip6", "inet") or name.startswith(_OURS):
            continue
        listed = machine.run(("nft", "--json", "list", "table", family, name))
        if listed.rc:
            continue
        tool = "ip6tables" if family == "ip6" else "iptables"
        saved = machine.run((f"{tool}-nft-save", "-t", name)) if family != "inet" and name in _IPTABLES else None
        # It says so in a comment when somebody else has made the table.
        if saved and saved.rc == 0 and f"*{name}\n" in saved.out:
            yield parse_iptables(saved.out, family, name, tool)
        else:
            yield parse_foreign(listed.out, family, name)


def _legacy_tables(machine: Machine) -> t.Iterator[ForeignTable]:
    """To ask is harmless only for tables that are there: the tool would load the modules of others."""
    for family, tool, names in (("ip", "iptables", "ip_tables_names"), ("ip6", "ip6tables", "ip6_tables_names")):
        for name in machine.text(f"/proc/net/{names}").split():
            done = machine.run((f"{tool}-legacy-save", "-t", name))
            if done.rc == 0:
                yield parse_iptables(done.out, family, name, f"{tool}-legacy")


def parse_foreign(text: str, family: str, name: str) -> ForeignTable:
    """A table as `nft --json list table` shows it."""
    items = json.loads(text)["nftables"]
    named = {item[word]["name"]: item[word].get("elem", []) for item in items for word in ("set", "map") if word in item}
    chains = {item["chain"]["name"]: item["chain"] for item in items if "chain" in item}
    rules: dict[str, list[ForeignRule]] = {chain: [] for chain in chains}
    for rule in (item["rule"] for item in items if "rule" in item):
        rules[rule["chain"]] += _rules(rule["expr"], named)
    found = {}
    for chain, data in chains.items():
        hook = data.get("hook", "") if data.get("type") == "filter" else ""
        found[chain] = ForeignChain(tuple(rules[chain]), hook, data.get("policy", "accept") if hook else "")
    return ForeignTable(family, name, "nft", found)


def _rules(expressions: t.Sequence[Json], named: t.Mapping[str, t.Any]) -> list[ForeignRule]:
    """One rule, or one for each element of its verdict map."""
    matches: list[Match] = []
    for expression in expressions:
        (word, value), *_rest = expression.items()
        if word == "match":
            matches += _matches(value, named)
        elif word == "vmap":
            return [*_mapped(value, matches, named)]
        elif word in ("goto", "jump"):
            return [_rule(matches, f"{word} {value['target']}")]
        elif word in _WORDS:
            return [_rule(matches, word)]
        elif word == "xt" and value and value.get("type") == "target":
            return [_rule(matches, _TARGETS.get(value["name"], UNKNOWN))]
        elif word == "limit":
            matches.append(Match(SPECIAL if value.get("inv") else UNKNOWN))
        elif word not in _GO_ON:
            matches.append(Match(UNKNOWN))
    return []


def _rule(matches: t.Sequence[Match], verdict: str) -> ForeignRule:
    asked = [f"{item.asks}{' !=' if item.negated else ''} {','.join(item.values)}".strip() for item in matches]
    return ForeignRule(tuple(matches), verdict, " ".join([*asked, verdict]))


def _mapped(value: Json, matches: t.Sequence[Match], named: t.Mapping[str, t.Any]) -> t.Iterator[ForeignRule]:
    data = value["data"]
    pairs = named.get(data[1:], []) if isinstance(data, str) else data.get("set", [])
    for key, verdict in pairs:
        (word, to), *_rest = verdict.items()
        asked = _matches({"op": "==", "left": value["key"], "right": key}, named)
        yield _rule([*matches, *asked], f"{word} {to['target']}" if to else word)


def _matches(data: Json, named: t.Mapping[str, t.Any]) -> list[Match]:
    negated, left = data["op"] == "!=", data["left"]
    parts = left["concat"] if isinstance(left, dict) and "concat" in left else []
    if parts or data["op"] not in ("==", "!=", "in"):
        return [Match(UNKNOWN)]
    asks = _asks(left)
    if asks in (SPECIAL, UNKNOWN):
        return [Match(asks, negated=negated)]
    values = _values(data["right"], named)
    return [Match(asks, values, negated) if values is not None else Match(UNKNOWN)]


def _asks(left: t.Any) -> str:
    """What the left side of a comparison is about."""
    word, about = next(iter(left.items())) if isinstance(left, dict) else ("", {})
    if word == "meta":
        return _META.get(about["key"], SPECIAL if about["key"] in ("mark", "pkttype") else UNKNOWN)
    if word == "ct":
        return _CT.get(about["key"], SPECIAL if about["key"] == "mark" else UNKNOWN)
    if word == "payload" and "field" in about:
        field, protocol = about["field"], about["protocol"]
        if field in _NETWORK and protocol in ("ip", "ip6"):
            return str(field)
        if field in _PORTS:
            return f"{protocol} {field}"
        return "protocol" if field in ("protocol", "nexthdr") else SPECIAL
    # Reverse path checks, flags under a mask: ordinary packets are not meant.
    return SPECIAL if word in ("fib", "&", "exthdr", "tcp option", "rt") else UNKNOWN


def _values(right: t.Any, named: t.Mapping[str, t.Any]) -> tuple[str, ...] | None:
    """None for what is not understood."""
    if isinstance(right, str) and right.startswith("@"):
        return _values(named[right[1:]], named) if right[1:] in named else None
    if isinstance(right, dict):
        right = right.get("set") or right.get("|") or [right]
    items = right if isinstance(right, list) else [right]
    found = []
    for item in items:
        value = item["elem"]["val"] if isinstance(item, dict) and "elem" in item else item
        if isinstance(value, (str, int)):
            found.append(str(value))
        elif "prefix" in value:
            found.append(f"{value['prefix']['addr']}/{value['prefix']['len']}")
        elif "range" in value:
            found.append("-".join(str(end) for end in value["range"]))
        else:
            return None
    return tuple(found)


def _later_settings(machine: Machine) -> t.Iterator[LaterSetting]:
    files = {name: f"{folder}/{name}" for folder in reversed(_FOLDERS) for name in machine.entries(folder)}
    last: dict[str, LaterSetting] = {}
    for name in sorted(name for name in files if name > _NAME and name.endswith(".conf")):
        for line in machine.text(files[name]).splitlines():
            key, equals, value = line.strip().lstrip("-").partition("=")
            wanted = _KEYS.get(key.strip().replace(".", "/"))
            if equals and wanted:
                last[wanted] = LaterSetting(files[name], wanted, value.strip())
    yield from last.values()
