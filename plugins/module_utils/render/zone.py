# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Zones as one table of nftables: a packet asks two verdict maps and one chain, whatever the number of zones and members.

The maps have names: the kernel empties the nameless map of an old rule under the packets that are still in it.
"""

from __future__ import annotations

import typing as t

from ..model.ruleset import Chain, Set, Table
from ..model.zone import ANY, HOST, NAME, PROTOCOLS, Policy, Zone

_FILTER = "type filter hook {} priority filter; policy accept;"
_ESTABLISHED = "ct state established,related accept"
_INVALID = "ct state invalid counter drop"
_LOG = 'limit rate 10/second burst 20 packets log prefix "{} {}: " group 0'
# RFC 4890, section 4.4: neighbour and router discovery, and the multicast listeners without which switches forget both.
_DISCOVERY = (*range(130, 138), 143)
# DNS of both protocols, DHCP and DHCPv6 of ours.
_SERVICES = ("6 . 53", "17 . 53", "17 . 67", "17 . 547")
# Answers to the host's own requests for a lease come from an address that was not asked.
_CLIENTS = ("68", "546")


def zone_tables(zones: t.Iterable[Zone], policies: t.Iterable[Policy]) -> tuple[Table, ...]:
    """The table of all zones; none where there are none."""
    named = {zone.name: zone for zone in sorted(zones, key=lambda zone: zone.name)}
    known = sorted(
        (policy for policy in policies if {policy.source, policy.target} <= {*named, HOST}),
        key=lambda policy: (policy.source, policy.target),
    )
    if not named:
        return ()
    to_host = [policy for policy in known if policy.target == HOST]
    sets, chains = _between(named, [policy for policy in known if policy.target != HOST])
    for policy in known:
        more, chain = _policy(policy)
        sets.update(more)
        chains[_chain_of(policy)] = chain
    if to_host:
        more, also = _host(named, to_host)
        sets.update(more)
        chains.update(also)
    custom = ("custom_forward", "custom_input") if to_host else ("custom_forward",)
    return (Table("inet", NAME, sets, chains, custom),)


def _chain_of(policy: Policy) -> str:
    return f"zone_{_pair(policy)}"


def _pair(policy: Policy) -> str:
    return f"{policy.source}_to_{policy.target}"


def _names(names: t.Iterable[str]) -> frozenset[str]:
    return frozenset(f'"{name}"' for name in names)


def _leads(zone: Zone, verdict: str) -> frozenset[str]:
    return frozenset(f'"{name}" : {verdict}' for name in zone.members)


def _between(zones: t.Mapping[str, Zone], policies: t.Sequence[Policy]) -> tuple[dict[str, Set], dict[str, Chain]]:
    """Everything that is routed from one zone to another; what comes from or goes to none of them is not asked."""
    sets = {
        "zoned": Set("type ifname", _names(name for zone in zones.values() for name in zone.members)),
        "from": Set("type ifname : verdict", frozenset().union(*(_leads(zone, f"goto from_{name}") for name, zone in zones.items()))),
    }
    chains = {
        "forward": Chain(("iifname @zoned oifname @zoned goto between",), _FILTER.format("forward")),
        "between": Chain((_ESTABLISHED, "jump custom_forward", _INVALID, "ct status dnat accept", "iifname vmap @from", "counter drop")),
    }
    for name, zone in zones.items():
        leads = _leads(zone, "accept").union(
            *(_leads(zones[policy.target], f"goto {_chain_of(policy)}") for policy in policies if policy.source == name)
        )
        sets[f"from_{name}"] = Set("type ifname : verdict", leads)
        chains[f"from_{name}"] = Chain((f"oifname vmap @from_{name}", f'counter drop comment "no policy from {name}"'))
    return sets, chains


def _host(zones: t.Mapping[str, Zone], policies: t.Sequence[Policy]) -> tuple[dict[str, Set], dict[str, Chain]]:
    """What comes to the host itself, from those zones only that a policy names."""
    asked = [(zones[policy.source], policy) for policy in policies]
    sets = {
        "host_filtered": Set("type ifname", _names(name for zone, _policy in asked for name in zone.members)),
        "host_served": Set("type ifname", _names(name for zone, _policy in asked for name in zone.networks)),
        "to_host": Set("type ifname : verdict", frozenset().union(*(_leads(zone, f"goto {_chain_of(policy)}") for zone, policy in asked))),
        "discovery": Set("type icmpv6_type", frozenset(str(number) for number in _DISCOVERY)),
        "services": Set("type inet_proto . inet_service", frozenset(_SERVICES)),
        "clients": Set("type inet_service", frozenset(_CLIENTS)),
    }
    rules = (
        _ESTABLISHED,
        "jump custom_input",
        _INVALID,
        "icmpv6 type @discovery accept",
        "udp dport @clients accept",
        "iifname @host_served meta l4proto . th dport @services accept",
        "iifname vmap @to_host",
        "counter drop",
    )
    return sets, {"input": Chain(("iifname @host_filtered goto host",), _FILTER.format("input")), "host": Chain(rules)}


def _policy(policy: Policy) -> tuple[dict[str, Set], Chain]:
    if any(item.protocol == ANY for item in policy.allow):
        return {}, Chain(("accept",))
    pair = _pair(policy)
    protocols = [str(number) for item in policy.allow if item.protocol == "icmp" for number in PROTOCOLS["icmp"]]
    sets = {
        f"ports_{pair}": Set("type inet_proto . inet_service; flags interval;", frozenset(_ports(policy))),
        f"protocols_{pair}": Set("type inet_proto", frozenset(protocols)),
    }
    log = [_LOG.format(NAME, pair)] if policy.log else []
    refuse = f'counter drop comment "not allowed from {policy.source} to {policy.target}"'
    return sets, Chain((f"meta l4proto . th dport @ports_{pair} accept", f"meta l4proto @protocols_{pair} accept", *log, refuse))


def _ports(policy: Policy) -> list[str]:
    """Without overlaps, which the kernel refuses."""
    texts = []
    for protocol in ("tcp", "udp"):
        merged: list[tuple[int, int]] = []
        for first, last in sorted(item.ports for item in policy.allow if item.protocol == protocol):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        number = PROTOCOLS[protocol][0]
        texts += [f"{number} . {first}" + (f"-{last}" if last != first else "") for first, last in merged]
    return texts
