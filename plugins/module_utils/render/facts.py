# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The model as the plain lists and dictionaries that M(hypervisor.vnet.vnet_info) returns."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ..model.address import FOREVER
from ..model.applied import Applied
from ..model.dhcp import UnitFacts, parse_leases
from ..model.dhcpguests import with_guests
from ..model.guard import Guards
from ..model.managed import managed_networks
from ..model.nat import Forward, ports_text
from ..model.rate import Shaping, rate_text
from ..model.route import NextHop, Route
from ..model.ruleset import CUSTOM, Seen, SeenTable, as_seen
from ..model.state import HostState, Link, TapDevice
from ..model.tap import AppliedTap
from ..model.vif import CONNECTED, DEFAULTS, VifFacts, match
from .guard import guard_tables
from .nat import describe, nat_tables
from .rate import wanted_shaping
from .routed import routed_tables
from .vif import vif_rate
from .zone import zone_tables

Facts = dict[str, t.Any]
# Of no use without the kernel's own context.
_LINK_DETAILS = frozenset({"bridge", "addresses", "token", "topology_change", "tap", "isolated", "group", "default_pvid"})


def link_facts(state: HostState) -> list[Facts]:
    """Every interface, in the kernel's order."""
    return [{key: value for key, value in asdict(link).items() if key not in _LINK_DETAILS} for link in state.links.values()]


def address_facts(state: HostState) -> list[Facts]:
    return [_address(link, index) for link in state.links.values() for index in range(len(link.addresses))]


def _address(link: Link, index: int) -> Facts:
    """A lifetime without an end is null."""
    address = link.addresses[index]
    facts = {"dev": link.name, "family": address.family, **asdict(address)}
    return {key: None if key.endswith("_lft") and value == FOREVER else value for key, value in facts.items()}


def route_facts(state: HostState) -> list[Facts]:
    return [_route(route) for route in state.routes]


def _route(route: Route) -> Facts:
    facts = asdict(route)
    del facts["unknown"]
    return {**facts, "metrics": dict(route.metrics), "nexthops": [asdict(hop) for hop in route.nexthops]}


def describe_route(facts: Facts) -> str:
    """One of :func:`route_facts` in the words of diffs."""
    hops = tuple(NextHop(**hop) for hop in facts["nexthops"])
    return Route(**{**facts, "metrics": tuple(facts["metrics"].items()), "nexthops": hops}).describe()


def bridge_facts(state: HostState, applied: Applied, files: t.Mapping[str, t.Sequence[str]]) -> list[Facts]:
    """Every bridge that is there or was applied. ``files``: those of each bridge that keep it over a reboot."""
    there = {link.name for link in state.links.values() if link.bridge is not None}
    return [_bridge(name, state, applied, files.get(name, ())) for name in sorted(there | set(applied.bridges))]


def _bridge(name: str, state: HostState, applied: Applied, files: t.Sequence[str]) -> Facts:
    link, ours = state.links.get(name), applied.bridges.get(name)
    routes = sorted({route.describe() for route in state.routes_through(name) if route.protocol != "kernel"})
    return {
        "name": name,
        "exists": link is not None,
        "mac": link.mac if link else "",
        "mtu": link.mtu if link else 0,
        "up": link.up if link else False,
        "settings": asdict(link.bridge) if link and link.bridge else {},
        "ports": list(state.ports_of(name)),
        "addresses": [address.cidr for address in link.addresses] if link else [],
        "routes": routes,
        "owner": ours.owner if ours else "",
        "uplink": ours.bridge.uplink if ours else "",
        "fixed_ports": list(ours.bridge.ports) if ours else [],
        "persist": ours.persist if ours else "",
        "adopted": bool(ours and ours.adopted is not None),
        "files": sorted(files),
    }


def tap_facts(
    state: HostState,
    applied: Applied,
    files: t.Mapping[str, t.Sequence[str]],
    holders: t.Mapping[str, t.Sequence[str]],
    shapings: t.Mapping[str, Shaping],
) -> list[Facts]:
    """Every tap that is there or was applied. ``holders``: the programs that hold each open; ``shapings``: of those with a rate."""
    there = {link.name for link in state.links.values() if link.tap is not None}
    taps = []
    for name in sorted(there | set(applied.taps)):
        facts = _tap(name, state, applied, files.get(name, ()), holders.get(name, ()))
        taps.append({**facts, "rate": _rate(shapings.get(name, Shaping()), applied.taps.get(name))})
    return taps


def _rate(shaping: Shaping, ours: AppliedTap | None) -> Facts:
    """What stands, in the words of the declaration where it is the same; empty for no limit."""
    wanted = wanted_shaping(ours.tap.rate, ours.mtu) if ours else Shaping()
    return {name: rate_text(speed) if speed else "" for name, speed in asdict(shaping.rate_beside(wanted)).items()}


def _tap(name: str, state: HostState, applied: Applied, files: t.Sequence[str], holders: t.Sequence[str]) -> Facts:
    link, ours = state.links.get(name), applied.taps.get(name)
    device = (link.tap if link else None) or TapDevice(False)
    return {
        "name": name,
        "exists": link is not None,
        "bridge": link.master if link else "",
        "mac": link.mac if link else "",
        "mtu": link.mtu if link else 0,
        "up": link.up if link else False,
        "isolated": link.isolated if link else False,
        **asdict(device),
        "held_by": list(holders),
        "owner": ours.owner if ours else "",
        "persist": ours.persist if ours else "",
        "files": sorted(files),
    }


def vif_facts(facts: VifFacts, applied: Applied, state: HostState) -> list[Facts]:
    """Every vif of every domain that runs."""
    found = []
    for domain in facts.domains.values():
        known = [item.vif for item in applied.vifs.values() if item.vif.domain == domain.name]
        owners = {device.devid: applied.vifs[name].owner for name, device in match(known, domain.devices).items()}
        for device in domain.devices.values():
            words = {**DEFAULTS, **device.words}
            named = {"addresses": words.get("ip", "").split(), "rate": vif_rate(words["rate"]) if "rate" in words else ""}
            name = domain.link(device)
            link = state.links.get(name)
            item = {
                "interface": name,
                "domain": domain.name,
                "domid": domain.domid,
                "devid": device.devid,
                **{word: words.get(word, "") for word in ("mac", "bridge", "script", "gatewaydev", "backend")},
                **named,
                "mtu": int(words["mtu"]),
                "trusted": words["trusted"] == "1",
                "vlans": [str(item) for item in facts.vlans.get(name, ())],
                "isolated": bool(link and link.isolated),
                "state": CONNECTED if device.status == CONNECTED else "NOT CONNECTED",
                "error": device.error,
                "owner": owners.get(device.devid, ""),
            }
            found.append(item)
    return found


def guard_facts(applied: Applied, seen: Seen) -> list[Facts]:
    """Every guard that was applied, with what its interfaces have sent, got and been refused since the tables were loaded."""
    tables = guard_tables(Guards({name: item.guard for name, item in applied.guards.items()}, applied.guard_settings))
    wanted = {table.key: as_seen(table) for table in tables}
    intact = all(key in seen and seen[key].ours == table.ours for key, table in wanted.items())
    ours, theirs = _by_port(wanted), _by_port({key: table for key, table in seen.items() if key in wanted})
    found = []
    for name, item in sorted(applied.guards.items()):
        whole = intact and all(ours.get(port) == theirs.get(port) for port in item.guard.interfaces)
        mode = "enforce" if item.guard.enforce else "observe"
        facts = {
            "interface": name,
            "owner": item.owner,
            "mac": item.guard.mac,
            "addresses": list(item.guard.addresses),
            "mode": mode,
            "state": mode if whole else "UNGUARDED",
            "persist": item.persist,
        }
        counts = {"sent": ("from_guest",), "received": ("to_guest",), "refused": ("enforced", "observed")}
        found.append({**facts, **{word: _counted(seen, item.guard.interfaces, sets) for word, sets in counts.items()}})
    return found


def _by_port(tables: Seen) -> dict[str, set[tuple[str, str, str]]]:
    """Everything that the sets hold of each port."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for (family, _name), table in tables.items():
        for name, elements in table.sets.items():
            for element in elements:
                if element.startswith('"'):
                    found.setdefault(element.split('"')[1], set()).add((family, name, element))
    return found


def _counted(seen: Seen, ports: t.Iterable[str], sets: t.Sequence[str]) -> Facts:
    counters = [table.counters.get(name, {}).get(f'"{port}"', (0, 0)) for table in seen.values() for name in sets for port in ports]
    return {"packets": sum(packets for packets, _bytes in counters), "bytes": sum(size for _packets, size in counters)}


def nat_facts(applied: Applied, seen: Seen) -> list[Facts]:
    """Every network behind address translation that was applied, and whether the kernel has all of its table."""
    wanted = {table.key: as_seen(table) for table in nat_tables((item.network for item in applied.nat.values()), managed_networks(applied))}
    intact = all(key in seen and seen[key].ours == table.ours and _own_sets(seen[key]) == table.sets for key, table in wanted.items())
    return [
        {
            "name": name,
            "owner": item.owner,
            "state": "active" if intact else "BROKEN",
            "bridge": "" if item.network.point_to_point else item.network.bridge,
            "sources": list(item.network.sources),
            "uplink": item.network.uplink,
            "translation": describe(item.network),
            "no_nat_to": list(item.network.no_nat_to),
            "forwards": [_forward(forward) for forward in item.network.forwards],
            "one_to_one": [{"address": outside, "to": inside} for outside, inside in item.network.one_to_one],
            "persist": item.persist,
            "coexist": item.coexist,
        }
        for name, item in sorted(applied.nat.items())
    ]


def routed_facts(applied: Applied, seen: Seen) -> list[Facts]:
    """What the host routes to, with what our interfaces need for it, and whether the kernel has all of its table."""
    wanted = {table.key: as_seen(table) for table in routed_tables(item.routed for item in applied.routes.values())}
    intact = all(key in seen and seen[key].ours == table.ours and _own_sets(seen[key]) == table.sets for key, table in wanted.items())
    return [
        {
            "name": name,
            "owner": item.owner,
            "state": "active" if intact else "BROKEN",
            "interface": item.routed.interface,
            "guests": [{"address": guest.address, "source": guest.source} for guest in item.routed.guests],
            "subnets": list(item.routed.subnets),
            "via": item.routed.via,
            "metric": item.routed.metric,
            "proxy_arp": item.routed.proxy_arp,
            "uplink": item.routed.uplink,
            "coexist": item.coexist,
            "persist": item.persist,
        }
        for name, item in sorted(applied.routes.items())
    ]


def _own_sets(table: SeenTable) -> dict[str, frozenset[str]]:
    return {name: elements for name, elements in table.sets.items() if not name.startswith(CUSTOM)}


def _forward(forward: Forward) -> Facts:
    return {
        "protocol": "both" if len(forward.protocols) > 1 else forward.protocols[0],
        "port": ports_text(forward.ports),
        "listen_address": forward.listen_address,
        "listen_interface": forward.listen_interface,
        "to": forward.to,
        "to_port": ports_text(forward.to_ports),
        "from": list(forward.sources),
    }


def dhcp_facts(applied: Applied, units: t.Mapping[str, UnitFacts], leases: t.Mapping[str, str]) -> list[Facts]:
    """Every network that was applied, with whom it knows and who has an address. ``leases``: the texts of the lease files."""
    found = []
    for name, item in sorted(with_guests(applied).items()):
        unit = units.get(name, UnitFacts())
        facts = {
            "name": name,
            "owner": item.owner,
            "bridge": item.network.bridge,
            "addresses": list(item.addresses),
            "ranges": [f"{first}-{last}" for first, last in item.network.ranges],
            "state": "running" if unit.active else "NOT RUNNING",
            "persist": item.persist,
            "coexist": item.coexist,
            "hosts": [{"mac": host.mac, "addresses": list(host.addresses), "name": host.name} for host in item.network.hosts],
            "leases": [asdict(lease) for lease in parse_leases(leases.get(name, ""))],
        }
        found.append(facts)
    return found


def zone_facts(applied: Applied, seen: Seen) -> list[Facts]:
    """Every zone that was applied, and whether the kernel has all of their table."""
    tables = zone_tables((item.zone for item in applied.zones.values()), (item.policy for item in applied.policies.values()))
    wanted = {table.key: as_seen(table) for table in tables}
    intact = all(key in seen and seen[key].ours == table.ours and _own_sets(seen[key]) == table.sets for key, table in wanted.items())
    return [
        {
            "name": name,
            "owner": item.owner,
            "state": "active" if intact else "BROKEN",
            "networks": list(item.zone.networks),
            "interfaces": list(item.zone.interfaces),
            "persist": item.persist,
        }
        for name, item in sorted(applied.zones.items())
    ]


def policy_facts(applied: Applied) -> list[Facts]:
    """Every policy between zones that was applied."""
    return [
        {
            "from": item.policy.source,
            "to": item.policy.target,
            "owner": item.owner,
            "allow": [str(allowed) for allowed in item.policy.allow],
            "log": item.policy.log,
            "persist": item.persist,
            "coexist": item.coexist,
        }
        for dummy, item in sorted(applied.policies.items())
    ]


def owner_facts(applied: Applied, kinds: t.Sequence[str]) -> list[Facts]:
    """Each label and the names of what it declared, kind by kind."""
    labels = {kind: applied.owners(kind) for kind in kinds}
    owners = sorted({label for names in labels.values() for label in names.values()})
    return [
        {"name": owner, **{kind: sorted(name for name, label in names.items() if label == owner) for kind, names in labels.items()}}
        for owner in owners
    ]
