# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Routes, policy rules and neighbours from the JSON of ip(8)."""

from __future__ import annotations

import json
import typing as t

from ..model.route import METRICS, Neighbour, NextHop, Route, Rule

ROUTES = ("ip", "-json", "-details", "route", "show", "table", "all")
RULES = (("ip", "-4", "-json", "-details", "rule", "show"), ("ip", "-6", "-json", "-details", "rule", "show"))
NEIGHBOURS = ("ip", "-json", "neigh", "show")
PROXIES = ("ip", "-json", "neigh", "show", "proxy")

# The kernel makes and keeps these by itself.
_OWN_TYPES = frozenset({"local", "broadcast", "multicast", "anycast"})
_KNOWN = frozenset(
    "type dst gateway via dev table protocol scope prefsrc src metric tos pref flags metrics nexthops expires cache age users error"
    # A route of a nexthop object (systemd-networkd 257 makes them) says beside it where it leads, and can be made without one.
    " nhid nh_info".split()
)

# The words of ip-rule(8) that stand for themselves, and their names in its JSON.
_RULE_WORDS = (
    ("iif", "iif"),
    ("oif", "oif"),
    ("fwmark", "fwmark"),
    ("tos", "tos"),
    ("ipproto", "ipproto"),
    ("sport", "sport"),
    ("dport", "dport"),
    ("suppress_prefixlength", "suppress_prefixlen"),
    ("realms", "flow_to"),
    ("tun_id", "tun_id"),
)
_RULE_KNOWN = frozenset(
    "priority not src srclen dst dstlen fwmask sport_start sport_end dport_start dport_end protocol goto action table"
    " iif_detached oif_detached".split()
) | {name for _word, name in _RULE_WORDS}


def parse_routes(text: str) -> tuple[Route, ...]:
    """All routes that somebody made. Both families come in one answer; an address or its absence tells which."""
    routes = []
    family = 4
    for item in json.loads(text or "[]"):
        family = _family(item, family)
        if item.get("type", "unicast") in _OWN_TYPES or item.get("table") == "local":
            continue
        routes.append(_route(item, family))
    return tuple(routes)


def _family(item: dict[str, t.Any], before: int) -> int:
    """`ip` lists IPv4 first; only a default route without a gateway does not show its family, and IPv6 ones carry ``pref``."""
    texts = [item.get("dst", ""), item.get("gateway", ""), item.get("prefsrc", "")]
    texts += [hop.get("gateway", "") for hop in item.get("nexthops") or []]
    if any(":" in text for text in texts) or "pref" in item:
        return 6
    return 4 if any("." in text for text in texts) else before


def _route(item: dict[str, t.Any], family: int) -> Route:
    metrics = []
    unknown = sorted(set(item) - _KNOWN)
    for group in item.get("metrics") or []:
        for name, value in group.items():
            if name in METRICS:
                metrics.append((name, str(value)))
            else:
                unknown.append(name)
    return Route(
        family=family,
        dst=item.get("dst", "default"),
        dev=item.get("dev", ""),
        gateway=_gateway(item),
        table=str(item.get("table", "main")),
        type=item.get("type", "unicast"),
        protocol=str(item.get("protocol", "boot")),
        scope=str(item.get("scope", "")),
        prefsrc=item.get("prefsrc", ""),
        source=item.get("src", ""),
        metric=item.get("metric", 0),
        tos=str(item.get("tos", "")),
        pref=item.get("pref", ""),
        onlink="onlink" in (item.get("flags") or []),
        expires=int(item.get("expires", 0)),
        metrics=tuple(metrics),
        nexthops=tuple(_hop(hop) for hop in item.get("nexthops") or []),
        unknown=tuple(unknown),
    )


def _gateway(item: dict[str, t.Any]) -> str:
    via = item.get("via")
    return f"inet6 {via['host']}" if via else str(item.get("gateway", ""))


def _hop(item: dict[str, t.Any]) -> NextHop:
    return NextHop(item.get("dev", ""), _gateway(item), item.get("weight", 1), "onlink" in (item.get("flags") or []))


def parse_neighbours(text: str, proxies: str) -> tuple[Neighbour, ...]:
    """Neighbours with a known MAC, and proxy entries."""
    found = []
    for item in json.loads(text or "[]"):
        states = item.get("state") or []
        if item.get("lladdr") and not {"FAILED", "INCOMPLETE"} & set(states):
            found.append(Neighbour(item["dst"], item["dev"], item["lladdr"], "PERMANENT" in states, "router" in item))
    for item in json.loads(proxies or "[]"):
        found.append(Neighbour(item["dst"], item["dev"], proxy=True))
    return tuple(found)


def parse_rules(text4: str, text6: str) -> tuple[Rule, ...]:
    """Policy rules that name an interface, in the words that make them again."""
    rules = []
    for family, text in ((4, text4), (6, text6)):
        for item in json.loads(text or "[]"):
            if item.get("iif") or item.get("oif"):
                rules.append(Rule(family, item["priority"], _rule_words(item), tuple(sorted(set(item) - _RULE_KNOWN))))
    return tuple(rules)


def _rule_words(item: dict[str, t.Any]) -> tuple[str, ...]:
    words = ["not"] if "not" in item else []
    for word, name, length in (("from", "src", "srclen"), ("to", "dst", "dstlen")):
        if item.get(name):
            words += [word, f"{item[name]}/{item[length]}" if length in item else item[name]]
    for word, name in _RULE_WORDS:
        if name in item:
            words += [word, str(item[name])]
    for word in ("sport", "dport"):
        if f"{word}_start" in item:
            words += [word, f"{item[f'{word}_start']}-{item[f'{word}_end']}"]
    if "fwmask" in item:
        words[words.index("fwmark") + 1] += f"/{item['fwmask']}"
    if item.get("protocol", "unspec") != "unspec":
        words += ["protocol", str(item["protocol"])]
    if "goto" in item:
        return (*words, "goto", str(item["goto"]))
    return (*words, *([str(item["action"])] if item.get("action") else ["table", str(item.get("table", "main"))]))
