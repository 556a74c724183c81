# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.
"""Guards as tables of nftables: whatever the number of guards, a packet and a change cost the same.

Every guard is a handful of elements in sets that all guards share, one set for each prefix length in use. A refused packet
goes to the chain `refused`, which counts it for its port, and drops it or, where the guard only observes, lets it pass.
"""

from __future__ import annotations

import ipaddress
import typing as t
from collections import defaultdict

from ..model.guard import NAME, PROTOCOLS, Guard, GuardRule, Guards
from ..model.ruleset import Chain, Set, Table
from .ruleset import mask_words

# Before anybody else looks: NF_BR_PRI_NAT_DST_BRIDGED and NF_IP_PRI_RAW are both -300, and what a guest is sent is seen last.
_FIRST, _LAST = "priority -300; policy accept;", "priority 300; policy accept;"
_LOG_LIMIT = "limit rate 10/second burst 20 packets"
_DHCP = {"from": "{ 67, 547 }", "to": "{ 68, 546 }"}
_EVERY_TABLE = ("from_guest", "enforced", "observed")

Elements = dict[str, set[str]]


def guard_tables(guards: Guards) -> tuple[Table, ...]:
    """The tables that the guards need: none, the bridge's alone, or those of routed interfaces as well."""
    if not guards.needed:
        return ()
    routed = Guards({name: guard for name, guard in guards.guards.items() if guard.routed}, guards.settings)
    tables = [_table("bridge", guards)]
    if routed.guards:
        tables += [_table("inet", routed), _table("arp", routed)]
    return tuple(tables)


def _table(family: str, guards: Guards) -> Table:
    elements = _elements(family, guards.guards.values())
    sets = {name: _set(family, name, frozenset(items)) for name, items in sorted(elements.items())}
    if family == "bridge":
        sets.update(_untracked_sets(guards))
    chains = _arp_chains(elements, guards) if family == "arp" else _chains(family, elements, guards)
    custom = () if family == "arp" else ("custom_from_guest", "custom_to_guest")
    return Table(family, NAME, sets, chains, custom)


def _untracked_sets(guards: Guards) -> dict[str, Set]:
    if not guards.settings.bypass:
        return {}
    guests = frozenset(mac for guard in guards.guards.values() if not guard.routed for mac in guard.macs)
    return {"guest_mac": Set("type ether_addr", guests), "host_mac": Set("type ether_addr", frozenset(guards.settings.host_macs))}


def _untracked(family: str, guards: Guards) -> list[str]:
    """Both directions of what goes from port to port, or a connection would be tracked by half. What is for the host is tracked,
    and so is what is for everybody.
    """
    if family != "bridge" or not guards.settings.bypass:
        return []
    one = "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00"
    return [
        'ether daddr @guest_mac notrack comment "to a guest"',
        f'iifname @from_guest {one} ether daddr != @host_mac notrack comment "from a guest, and not to the host"',
    ]


def _elements(family: str, guards: t.Iterable[Guard]) -> Elements:
    found: Elements = defaultdict(set)
    for name in _EVERY_TABLE:
        found[name] = set()
    for name in (
        ("mac", "uses_ip4")
        if family == "arp"
        else ("mac", "uses_ip4", "uses_ip6", "to_guest", "dhcp_client", "dhcp_server", "router", "lladdr")
    ):
        found[name] = set()
    for guard in guards:
        for interface in guard.interfaces:
            _add_port(found, f'"{interface}"', guard)
            _add_addresses(found, f'"{interface}"', guard)
            if family != "arp":
                _add_rules(found, f'"{interface}"', guard)
    if family == "arp":
        needed = {*_EVERY_TABLE, "mac", "logged", "uses_ip4"}
        found = {name: items for name, items in found.items() if name in needed or name.startswith("ip4_")}
    return found


def _add_port(found: Elements, port: str, guard: Guard) -> None:
    found["from_guest"].add(port)
    found["enforced" if guard.enforce else "observed"].add(port)
    flags = {
        "to_guest": True,
        "dhcp_client": guard.dhcp_client,
        "dhcp_server": guard.dhcp_server,
        "router": guard.router_advertisements,
        "uses_ip4": 4 in guard.families,
        "uses_ip6": 6 in guard.families,
        "logged": guard.log,
    }
    for name, is_in in flags.items():
        if is_in:
            found[name].add(port)


def _add_addresses(found: Elements, port: str, guard: Guard) -> None:
    for mac in guard.macs:
        found["mac"].add(f"{port} . {mac}")
        found["lladdr"].add(f"{port} . 0x{int(mac.replace(':', ''), 16):x}")
        for version in guard.families:
            for network in guard.networks(version):
                found[f"ip{version}_{network.prefixlen}"].add(f"{port} . {mac} . {network.network_address}")
                if version == 6:
                    found[f"nd_{network.prefixlen}"].add(f"{port} . 0x{int(network.network_address):x}")


def _add_rules(found: Elements, port: str, guard: Guard) -> None:
    for verdict, rules in (("allow", guard.allow), ("deny", guard.deny)):
        for rule in rules:
            found[f"ruled_{rule.direction}"].add(port)
            name, element = _rule_element(port, rule)
            found[f"{verdict}_{name}"].add(element)


def _rule_element(port: str, rule: GuardRule) -> tuple[str, str]:
    """The set for rules of this shape, and the rule in it."""
    name, words = rule.direction, [port]
    if rule.protocol:
        name += "_protocol"
        words.append(str(PROTOCOLS[rule.protocol]))
    if rule.port:
        name += "_port"
        words.append(str(rule.port))
    if rule.address:
        network = ipaddress.ip_network(rule.address)
        name += f"_ip{network.version}_{network.prefixlen}"
        words.append(str(network.network_address))
    return name, " . ".join(words)


def _set(family: str, name: str, elements: frozenset[str]) -> Set:
    words = name.split("_")
    if words[0] in ("allow", "deny"):
        key = _rule_key(words, mask=False)
        return Set(f"typeof {key}" if " . " in key else "type ifname", elements)
    sender = "arp saddr ether" if family == "arp" else "ether saddr"
    if name == "mac":
        return Set(f"typeof iifname . {sender}", elements)
    if name == "lladdr":
        return Set("typeof iifname . @th,208,48", elements)
    if words[0] == "nd":
        return Set("typeof iifname . @th,64,128", elements)
    if words[0] in ("ip4", "ip6") and len(words) == 2:
        address = "ip6 saddr" if words[0] == "ip6" else "arp saddr ip" if family == "arp" else "ip saddr"
        return Set(f"typeof iifname . {sender} . {address}", elements)
    # An ARP packet was counted as a packet of the bridge or is none of IP.
    return Set("type ifname", elements, counter=name in ("enforced", "observed", "to_guest") or (name == "from_guest" and family != "arp"))


def _prefixes(elements: Elements, kind: str) -> list[int]:
    """Prefix lengths in use, single addresses first: they are the most."""
    return sorted((int(name.split("_")[1]) for name in elements if name.startswith(f"{kind}_")), reverse=True)


def _refuse(match: str, why: str) -> str:
    return f'{match} counter goto refused comment "{why}"'.lstrip()


def _chains(family: str, elements: Elements, guards: Guards) -> dict[str, Chain]:
    chains = {
        "prerouting": Chain(
            (*_untracked(family, guards), "iifname @from_guest goto guest", *_unlisted(family, guards)),
            f"type filter hook prerouting {_FIRST}",
        ),
        "postrouting": Chain(("oifname @to_guest goto to_guest",), f"type filter hook postrouting {_LAST}"),
        "guest": _dispatch(family),
        "guest_ip": _ip4(elements),
        "guest_ip6": _ip6(elements),
        "guest_dhcp": _dhcp(67, "DHCP", _refuse("th dport 67 th sport 68 iifname . @th,288,48 != @lladdr", "DHCP for another MAC")),
        "guest_dhcp6": _dhcp(547, "DHCPv6"),
        "guest_icmp6": _icmp6(),
        "guest_fragment": _fragment(),
        "guest_nd": _discovery(elements),
        "guest_na": _advertisement(),
        "passed": Chain(("jump custom_from_guest", *_ruled("from", elements), "accept")),
        "to_guest": Chain(("jump custom_to_guest", *_ruled("to", elements), "accept")),
        "refused": _refused("iifname", elements, guards),
        "refused_to": _refused("oifname", {}, guards),
    }
    if family == "bridge":
        chains.update(guest_arp=_arp(family), guest_arp_sender=_arp_sender(elements), guest_rarp=_rarp())
    chains.update({f"rules_{direction}": _rules(direction, elements) for direction in ("from", "to") if f"ruled_{direction}" in elements})
    return chains


def _arp_chains(elements: Elements, guards: Guards) -> dict[str, Chain]:
    return {
        "input": Chain(("iifname @from_guest goto guest_arp",), f"type filter hook input {_FIRST}"),
        "guest_arp": _arp("arp"),
        "guest_arp_sender": _arp_sender(elements),
        "passed": Chain(("accept",)),
        "refused": _refused("iifname", elements, guards),
    }


def _unlisted(family: str, guards: Guards) -> list[str]:
    if family != "bridge" or not guards.settings.unlisted:
        return []
    return [f'iifname "{pattern}" counter drop comment "port without a guard"' for pattern in guards.settings.match]


def _dispatch(family: str) -> Chain:
    """No verdict map: the kernel empties that of an old rule before the last frame has left the rule, and refuses the frame."""
    kinds: tuple[str, ...]
    if family == "inet":
        kinds = ("meta nfproto ipv4 goto guest_ip", "meta nfproto ipv6 goto guest_ip6")
        return Chain((*kinds, _refuse("", "neither IPv4 nor IPv6")))
    # A tagged frame has the tag's type here, although `ip saddr` would see through it.
    kinds = (
        "ether type ip goto guest_ip",
        "ether type ip6 goto guest_ip6",
        "ether type arp goto guest_arp",
        "ether type 0x8035 goto guest_rarp",
    )
    return Chain((*kinds, _refuse("", "ethertype not allowed, VLAN tag")))


def _dhcp(port: int, name: str, *more: str) -> Chain:
    """All UDP comes through here, so it is short."""
    return Chain(
        (
            _refuse(f"th sport {port} iifname != @dhcp_server", f"{name} server"),
            f"th dport != {port} return",
            _refuse("iifname != @dhcp_client", f"{name} client not allowed"),
            *more,
        )
    )


def _ip4(elements: Elements) -> Chain:
    passed = [f"iifname . ether saddr . ip saddr{mask_words(4, length)} @ip4_{length} goto passed" for length in _prefixes(elements, "ip4")]
    lease = "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 iifname @dhcp_client iifname @uses_ip4"
    return Chain(
        (
            "meta l4proto 17 jump guest_dhcp",
            *passed,
            _refuse("iifname . ether saddr != @mac", "source MAC not assigned"),
            f'{lease} goto passed comment "DHCP without an address yet"',
            _refuse("", "source IPv4 not assigned"),
        )
    )


def _ip6(elements: Elements) -> Chain:
    passed = [
        f"iifname . ether saddr . ip6 saddr{mask_words(6, length)} @ip6_{length} goto passed" for length in _prefixes(elements, "ip6")
    ]
    return Chain(
        (
            "meta l4proto 17 jump guest_dhcp6",
            "meta l4proto 58 jump guest_icmp6",
            "ip6 nexthdr != { 6, 17, 58 } jump guest_fragment",
            *passed,
            _refuse("", "source IPv6 not assigned"),
        )
    )


def _icmp6() -> Chain:
    """Returns where the source address decides. ICMPv6 of a router: advertisements, redirects, multicast queries, renumbering."""
    unspecified = "{ mld-listener-report, mld-listener-done, mld2-listener-report, nd-router-solicit, nd-neighbor-solicit }"
    return Chain(
        (
            _refuse("iifname . ether saddr != @mac", "source MAC not assigned"),
            "frag frag-off 0 icmpv6 type { echo-request, echo-reply } return",
            # RFC 6980. The later fragments are worth nothing without the first.
            _refuse("frag frag-off 0", "fragmented ICMPv6 that is no ping"),
            _refuse("icmpv6 type { mld-listener-query, nd-router-advert, nd-redirect, 138 } iifname != @router", "router's ICMPv6"),
            "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } jump guest_nd",
            f'ip6 saddr :: icmpv6 type {unspecified} iifname @uses_ip6 goto passed comment "DAD, MLD without an address yet"',
        )
    )


def _fragment() -> Chain:
    """What a fragment says behind extension headers, a later one that overlaps it can change (RFC 5722, 7113)."""
    return Chain((_refuse("frag nexthdr { 0, 43, 44, 60 }", "extension headers in a fragment"),))


def _discovery(elements: Elements) -> Chain:
    """RFC 4861: no option, or exactly one, the guest's own link-layer address. DAD may have a nonce (RFC 7527)."""
    targets = [
        f"icmpv6 type nd-neighbor-advert iifname . @th,64,128{_raw_mask(length)} @nd_{length} goto guest_na"
        for length in _prefixes(elements, "nd")
    ]
    return Chain(
        (
            "icmpv6 type nd-neighbor-solicit ip6 length 24 return",
            "icmpv6 type nd-neighbor-solicit ip6 length 32 ip6 saddr :: @th,192,16 0xe01 return",
            "icmpv6 type nd-neighbor-solicit ip6 length 32 @th,192,16 0x101 iifname . @th,208,48 @lladdr return",
            *targets,
            "icmpv6 type nd-router-solicit ip6 length 8 return",
            "icmpv6 type nd-router-solicit ip6 length 16 @th,64,16 0x101 iifname . @th,80,48 @lladdr return",
            _refuse("", "ND target or link-layer address not assigned"),
        )
    )


def _raw_mask(length: int) -> str:
    return "" if length == 128 else f" & 0x{(1 << 128) - (1 << (128 - length)):x}"


def _advertisement() -> Chain:
    return Chain(
        (
            "ip6 length 24 return",
            "ip6 length 32 @th,192,16 0x201 iifname . @th,208,48 @lladdr return",
            _refuse("", "ND link-layer address not assigned"),
        )
    )


def _arp(family: str) -> Chain:
    # Where the interface is routed, the frame's header is gone before ARP is looked at.
    frame = [] if family == "arp" else [_refuse("iifname . ether saddr != @mac", "source MAC not assigned")]
    known = "arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation { request, reply }"
    return Chain((*frame, f"{known} jump guest_arp_sender", _refuse("", "ARP sender not assigned")))


def _arp_sender(elements: Elements) -> Chain:
    sender = "iifname . arp saddr ether . arp saddr ip"
    return Chain(
        (
            _refuse("iifname . arp saddr ether != @mac", "ARP sender's MAC not assigned"),
            *(f"{sender}{mask_words(4, length)} @ip4_{length} goto passed" for length in _prefixes(elements, "ip4")),
            'arp operation request arp saddr ip 0.0.0.0 iifname @uses_ip4 goto passed comment "probe, RFC 5227"',
        )
    )


def _rarp() -> Chain:
    """QEMU announces a guest that has migrated with a reverse request of its MAC for its MAC (net/announce.c)."""
    own = "iifname . @nh,64,48 @lladdr iifname . @nh,144,48 @lladdr"
    return Chain(
        (
            f"iifname . ether saddr @mac @nh,0,64 0x1080006040003 @nh,112,32 0 {own} goto passed",
            _refuse("", "RARP that is no announcement of the guest itself"),
        )
    )


def _refused(side: str, elements: Elements, guards: Guards) -> Chain:
    """The elements count for each port."""
    log = f'{side} @logged {_LOG_LIMIT} log prefix "{NAME}: " group {guards.settings.log_group}'
    return Chain((*([log] if "logged" in elements else []), f"{side} @observed accept", f"{side} @enforced drop", "drop"))


def _ruled(direction: str, elements: Elements) -> list[str]:
    side = "iifname" if direction == "from" else "oifname"
    return [f"{side} @ruled_{direction} jump rules_{direction}"] if f"ruled_{direction}" in elements else []


def _rules(direction: str, elements: Elements) -> Chain:
    """What the user allows wins over what he denies. What keeps the network itself going is not asked."""
    refused = "refused" if direction == "from" else "refused_to"
    rules = ["meta protocol != { ip, ip6 } return", f"udp dport {_DHCP[direction]} return", "icmpv6 type { 130-137, 143 } return"]
    for verdict, leads in (("allow", "accept"), ("deny", f"goto {refused}")):
        for name in sorted(name for name in elements if name.startswith(f"{verdict}_{direction}")):
            rules.append(f"{_rule_key(name.split('_'), mask=True)} @{name} {leads}")
    return Chain(tuple(rules))


def _rule_key(words: t.Sequence[str], mask: bool) -> str:
    """The key of a set of rules. ``words``: its name; ``mask``: as a rule asks for it, with the prefix length."""
    outgoing = words[1] == "from"
    parts = ["iifname" if outgoing else "oifname"]
    parts += ["meta l4proto"] if "protocol" in words else []
    parts += ["th dport"] if "port" in words else []
    if words[-2] in ("ip4", "ip6"):
        family, version = ("ip", 4) if words[-2] == "ip4" else ("ip6", 6)
        parts.append(f"{family} {'daddr' if outgoing else 'saddr'}{mask_words(version, int(words[-1])) if mask else ''}")
    return " . ".join(parts)
