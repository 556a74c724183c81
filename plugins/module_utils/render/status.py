# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What ``hypervisor-vnet`` tells on the host's console, in 80 columns."""

from __future__ import annotations

import itertools
import re
import textwrap
import typing as t

from ..model.step import Json
from .facts import Facts, describe_route

_WIDTH = 80
_COLUMN = 16  # an interface's name has at most 15 characters
# Of long lists, only so many.
_SHOWN = 24
# Xen's, QEMU's and libvirt's names; whatever its name, a tap is a `tun`.
_GUEST = re.compile(r"(vif|tap|vnet)\d")
Rows = list[tuple[str, str]]


def status_text(facts: Facts) -> str:
    """The host at a glance: its bridges, what else has an address, and what becomes of the last change."""
    blocks = [_bridge(bridge, facts) for bridge in facts["bridges"]] or [[("bridges", "none")]]
    names = {bridge["name"] for bridge in facts["bridges"]}
    blocks += [_link(link, facts) for link in facts["links"] if link["name"] not in names and _has_addresses(link, facts)]
    blocks += [_guards(facts["guards"])] if facts["guards"] else []
    blocks += [_nat(network) for network in facts["nat"]]
    blocks += [_routed(facts["routed"])] if facts["routed"] else []
    blocks += [_dhcp(facts["dhcp"])] if facts["dhcp"] else []
    blocks += [_zones(facts)] if facts["zones"] else []
    stopped = [blocker["where"] for blocker in facts["blockers"] if blocker["certain"]]
    blocks += [_lines("BLOCKED by", stopped)] if stopped else []
    blocks += [_pending(facts), _last(facts["last"]), *([_undone(facts["report"])] if facts["report"] else [])]
    return "\n".join(_text(block) for block in blocks)


def report_text(report: Json) -> str:
    """What was undone, why, and what is left."""
    return _text([*_undone(report), *_lines("  undone", [why for why, dummy in itertools.groupby(report["undone"])])])


def _bridge(bridge: Facts, facts: Facts) -> Rows:
    links = {link["name"]: link for link in facts["links"]}
    declared = [bridge["uplink"], *bridge["fixed_ports"]] if bridge["uplink"] else bridge["fixed_ports"]
    undeclared = [port for port in bridge["ports"] if port not in declared]
    guests = [port for port in undeclared if links[port]["kind"] == "tun" or _GUEST.match(port)]
    return [
        (bridge["name"], "; ".join([_state(bridge), *_ownership(bridge)])),
        ("  uplink", _port(bridge["uplink"], bridge, links)),
        ("  ports", _words([_port(port, bridge, links) for port in bridge["fixed_ports"]])),
        ("  guests", _words(guests)),
        ("  others", _words([port for port in undeclared if port not in guests])),
        ("  addresses", _words(_global(bridge["addresses"]))),
        *_lines("  routes", bridge["routes"]),
    ]


def _state(bridge: Facts) -> str:
    if not bridge["exists"]:
        return "NOT THERE, though it was declared"
    return "bridge, up" if bridge["up"] else "bridge, DOWN"


def _ownership(bridge: Facts) -> list[str]:
    if not bridge["owner"]:
        return ["not ours"]
    kept = {"none": "gone after a reboot", "foreign": "kept by files of its own"}
    adopted = ["adopted"] if bridge["adopted"] else []
    return [f"owner {bridge['owner']}", *adopted, kept.get(bridge["persist"], f"kept by {bridge['persist']}")]


def _port(name: str, bridge: Facts, links: t.Mapping[str, Facts]) -> str:
    """A declared port, and what is wrong with it."""
    if not name or (name in bridge["ports"] and links[name]["carrier"]):
        return name
    if name not in links:
        return f"{name} (NOT THERE)"
    if name not in bridge["ports"]:
        return f"{name} (NOT A PORT)"
    return f"{name} ({'NO CARRIER' if links[name]['up'] else 'DOWN'})"


def _has_addresses(link: Facts, facts: Facts) -> bool:
    return bool(link["name"] != "lo" and _addresses(link, facts))


def _link(link: Facts, facts: Facts) -> Rows:
    routes = {describe_route(route) for route in facts["routes"] if _leads(route, link["name"]) and route["protocol"] != "kernel"}
    managers = [manager["name"] for manager in facts["managers"] if link["name"] in manager["claims"]]
    state = ("up" if link["carrier"] else "up, NO CARRIER") if link["up"] else "DOWN"
    return [
        (link["name"], "; ".join([f"{link['kind'] or 'NIC'}, {state}", *(f"kept by {name}" for name in managers)])),
        ("  addresses", _words(_addresses(link, facts))),
        *_lines("  routes", sorted(routes)),
    ]


def _addresses(link: Facts, facts: Facts) -> list[str]:
    return _global([address["cidr"] for address in facts["addresses"] if address["dev"] == link["name"]])


def _leads(route: Facts, name: str) -> bool:
    return route["dev"] == name or any(hop["dev"] == name for hop in route["nexthops"])


def _global(addresses: t.Iterable[str]) -> list[str]:
    return [address for address in addresses if not address.startswith("fe80:")]


def _guards(guards: t.Sequence[Facts]) -> Rows:
    """What is not guarded as declared comes first, then who was refused most."""
    ordered = sorted(guards, key=lambda guard: (guard["state"] != "UNGUARDED", -guard["refused"]["packets"]))
    return _lines(
        "guards", [f"{guard['interface']} {_guarded(guard)}: {' '.join([guard['mac'], *guard['addresses']])}" for guard in ordered]
    )


def _guarded(guard: Facts) -> str:
    refused = guard["refused"]["packets"]
    seen = f"{refused} {'packet' if refused == 1 else 'packets'} {'refused' if guard['mode'] == 'enforce' else 'it would refuse'}"
    return ", ".join([guard["state"], *([seen] if refused else [])])


def _nat(network: Facts) -> Rows:
    broken = ["BROKEN, the table in the kernel is not as applied"] if network["state"] == "BROKEN" else []
    way = f"out by {network['uplink']}" if network["uplink"] else ""
    about = [*broken, " ".join(network["sources"]), network["translation"], way, f"owner {network['owner']}"]
    return [
        ("nat", f"{network['name']}: {'; '.join(word for word in about if word)}"),
        *_lines("  forwards", [_forward(forward) for forward in network["forwards"]]),
        *_lines("  one to one", [f"{pair['address']} = {pair['to']}" for pair in network["one_to_one"]]),
    ]


def _routed(items: t.Sequence[Facts]) -> Rows:
    """A line for each interface or router."""
    broken = any(item["state"] == "BROKEN" for item in items)
    rows = [("routed", "BROKEN, the table in the kernel is not as applied" if broken else f"{len(items)}, active")]
    return [*rows, *_lines("  through", [_reached(item) for item in items])]


def _reached(item: Facts) -> str:
    where = f"{item['interface']}{' via ' if item['via'] else ''}{item['via']}"
    what = _words([*(guest["address"] for guest in item["guests"]), *item["subnets"]])
    answers = [f"answered for on {item['uplink']}"] if item["uplink"] else []
    return "; ".join([f"{where}: {what}", *answers, f"owner {item['owner']}"])


def _zones(facts: Facts) -> Rows:
    broken = any(zone["state"] == "BROKEN" for zone in facts["zones"])
    rows = [("zones", "BROKEN, the table in the kernel is not as applied" if broken else f"{len(facts['zones'])}, active")]
    members = [f"{zone['name']}: {_words([*zone['networks'], *zone['interfaces']])}; owner {zone['owner']}" for zone in facts["zones"]]
    allowed = [f"{item['from']} -> {item['to']}: {_words(item['allow']) or 'nothing'}" for item in facts["policies"]]
    return [*rows, *_lines("  members", members), *_lines("  policies", allowed)]


def _forward(forward: Facts) -> str:
    protocol = "tcp and udp" if forward["protocol"] == "both" else forward["protocol"]
    here = [f"at {forward['listen_address']}"] if forward["listen_address"] else []
    here += [f"on {forward['listen_interface']}"] if forward["listen_interface"] else []
    here += [f"from {' '.join(forward['from'])}"] if forward["from"] else []
    to = f"[{forward['to']}]" if ":" in forward["to"] else forward["to"]
    return " ".join([protocol, forward["port"], *here, "->", f"{to}:{forward['to_port']}"])


def _dhcp(networks: t.Sequence[Facts]) -> Rows:
    """A line for each network; what does not run comes first."""
    ordered = sorted(networks, key=lambda network: network["state"] == "running")
    return _lines("dhcp", [_served(network) for network in ordered])


def _served(network: Facts) -> str:
    where = "" if network["bridge"] == network["name"] else f" on {network['bridge']}"
    counts = [f"{len(network[kind])} {kind[:-1] if len(network[kind]) == 1 else kind}" for kind in ("hosts", "leases")]
    return f"{network['name']}{where} {network['state']}: {', '.join([*network['ranges'], *counts])}"


def _pending(facts: Facts) -> Rows:
    pending, journal = facts["pending"], facts["journal"]
    if not pending:
        return [("change", "none waits to be confirmed")]
    runs = journal["state"] == "running" and not pending["id"]
    return [
        ("change", _standing(pending, journal)),
        ("  since" if pending["id"] else "  last step", pending["since"]),
        ("  controller", pending["controller"]),
        ("  what", _what(pending)),
        ("  probes", _words(pending["probes"], ", ")),
        ("  to keep it", "hypervisor-vnet confirm" if journal["seconds_left"] else ""),
        ("  to undo it", "" if runs else "hypervisor-vnet rollback"),
    ]


def _standing(pending: Json, journal: Facts) -> str:
    if journal["state"] == "stale":
        killed = "was not confirmed in time" if pending["id"] else "was stopped in the middle"
        return f"STALE: it {killed}; the next run undoes it first"
    if not journal["seconds_left"]:
        return "a run is changing the host now"
    goes_on = "; its run goes on" if journal["state"] == "running" else ""
    return f"ARMED: undone in {journal['seconds_left']} s unless it is confirmed{goes_on}"


def _last(last: Json | None) -> Rows:
    if not last:
        return [("last change", "none that could be rolled back")]
    return [
        ("last change", last["at"]),
        ("  controller", last["controller"]),
        ("  what", _what(last)),
        ("  to undo it", "" if last["why_not"] else "hypervisor-vnet rollback --last"),
        ("  it stays", last["why_not"]),
    ]


def _what(change: Json) -> str:
    """A checkpoint may not have begun to change anything."""
    about = f" on {_words(change['links'], ', ')}" if change["links"] else ""
    return f"{_groups(change['undo'])}{about}"


def _groups(whys: t.Sequence[str]) -> str:
    return f"{len(whys)} group{'s' if len(whys) != 1 else ''} of steps"


def _undone(report: Json) -> Rows:
    return [
        ("last undone", f"{report['at']}: {report['why']}"),
        ("  what", _groups(report["undone"])),
        *_lines("  FAILED", report["failures"]),
        *_lines("  LEFT", report["left"]),
        *_lines("  probes", [f"{name}: {why or 'passes'}" for name, why in report["probes"].items()]),
    ]


def _words(words: t.Sequence[str], separator: str = " ") -> str:
    more = [f"and {len(words) - _SHOWN} more"] if len(words) > _SHOWN else []
    return separator.join([*words[:_SHOWN], *more])


def _lines(label: str, lines: t.Sequence[str]) -> Rows:
    """One row each; the label stands at the first."""
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [(label if index == 0 else "", line) for index, line in enumerate([*lines[:_SHOWN], *more])]


def _text(rows: Rows) -> str:
    """Rows without a value are left out."""
    return "".join(_row(label, value) for label, value in rows if value)


def _row(label: str, value: str) -> str:
    indent = " " * _COLUMN
    lines = textwrap.wrap(value, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    lines[0] = label.ljust(_COLUMN) + lines[0][_COLUMN:]
    return "".join(f"{line}\n" for line in lines)
