# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""NetworkManager keyfiles (nm-settings-keyfile(5)) of a bridge, its uplink and its ports, from the applied bridge alone."""

from __future__ import annotations

import ipaddress
import re
import typing as t
import uuid

from ..model.address import normal_cidr
from ..model.applied import AppliedBridge
from ..model.bridge import Bridge, StaticRoute
from ..model.profile import Profile
from ..model.state import FileState

Keys = dict[str, str]
Sections = dict[str, Keys]

FOLDER = "/etc/NetworkManager/system-connections"
DISPATCHER = "/etc/NetworkManager/dispatcher.d"
# Above every profile that the user has for the same interface; the range ends here.
PRIORITY = 999
_NAMESPACE = uuid.UUID("6d3cb1f5-7d0e-5b0c-9f0a-2f3c5f0b7a11")
# Keys of [connection] that speak of the network behind the interface and go where the addresses go ...
_MOVING = frozenset(
    "dns-over-tls dnssec gateway-ping-timeout ip-ping-addresses ip-ping-addresses-require-all ip-ping-timeout llmnr mdns metered"
    " mptcp-flags mud-url permissions secondaries stable-id zone".split()
)
# ... and those that speak of the interface itself and stay with it.
_STAYING = frozenset("auth-retries autoconnect-retries down-on-poweroff lldp wait-activation-delay wait-device-timeout".split())
_LAYER3_SECTIONS = frozenset({"connection", "ipv4", "ipv6", "proxy", "match", "user", ".nmmeta", "bridge-port"})
_OLD_NAMES = {"802-3-ethernet": "ethernet"}
TABLES = {"main": "254", "default": "253", "local": "255"}


def bridge_uuid(name: str) -> str:
    """The profile's UUID: the same on every host and in every run."""
    return str(uuid.uuid5(_NAMESPACE, name))


def port_uuid(bridge: str, port: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{bridge}+{port}"))


def bridge_path(name: str) -> str:
    return f"{FOLDER}/hypervisor-vnet-{name}.nmconnection"


def port_path(bridge: str, port: str) -> str:
    """`+` cannot stand in an interface's name: a bridge called a-b and the port b of a bridge a never share a file."""
    return f"{FOLDER}/hypervisor-vnet-{bridge}+{port}.nmconnection"


def script_path(name: str) -> str:
    return f"{DISPATCHER}/hypervisor-vnet-{name}"


def ports_of(bridge: Bridge) -> tuple[str, ...]:
    """The uplink first."""
    return tuple(dict.fromkeys((*([bridge.uplink] if bridge.uplink else []), *bridge.ports)))


def parse_keyfile(text: str) -> Sections:
    """Section -> key -> value, in order. Comments go; what is no key stays out."""
    sections: Sections = {}
    current: Keys = {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(_OLD_NAMES.get(line[1:-1], line[1:-1]), {})
        elif "=" in line and not line.startswith("#"):
            key, _equals, value = line.partition("=")
            current[key.strip()] = value.strip()
    return sections


def keyfile(first: str, sections: Sections) -> FileState:
    blocks = ["\n".join([f"[{name}]", *(f"{key}={value}" for key, value in keys.items())]) for name, keys in sections.items() if keys]
    return FileState("\n\n".join([f"{first}\n{blocks[0]}", *blocks[1:]]) + "\n", 0o600)


def render_files(name: str, applied: AppliedBridge) -> dict[str, FileState]:
    """All files of one bridge: its profile, one for each port, and a script for what no profile can say."""
    first = f"# Written by hypervisor.vnet for bridge {name} (owner {applied.owner}); change it in the inventory, not here."
    files = {bridge_path(name): keyfile(first, _bridge_sections(name, applied))}
    for port in ports_of(applied.bridge):
        files[port_path(name, port)] = keyfile(first, _port_sections(name, port, applied))
    lines = _script_lines(name, applied)
    if lines:
        head = ["#!/bin/sh", first, "# NetworkManager runs it: what a profile cannot say.", f'[ "$1" = {name} ] || exit 0']
        head.append('case "$2" in up | reapply) ;; *) exit 0 ;; esac')
        files[script_path(name)] = FileState("\n".join([*head, *lines, ""]), 0o755)
    return files


def _bridge_sections(name: str, applied: AppliedBridge) -> Sections:
    bridge, captured = applied.bridge, applied.captured
    own = parse_keyfile(captured.get("profile", "")) if bridge.uplink else {}
    ethernet = {"cloned-mac-address": applied.mac}
    mtu = str(bridge.mtu or captured.get("mtu", ""))
    if mtu:
        ethernet["mtu"] = mtu
    connection = {
        "id": f"hypervisor-vnet-{name}",
        "uuid": bridge_uuid(name),
        "type": "bridge",
        "interface-name": name,
        "autoconnect-slaves": "1",
    }
    connection.update({key: value for key, value in own.get("connection", {}).items() if key in _MOVING})
    if bridge.moves_profile and own:
        layer3 = {family: _moved(own.get(family) or {"method": "auto"}, family, bridge) for family in ("ipv4", "ipv6")}
        layer3["proxy"] = own.get("proxy", {})
    elif bridge.declared_profile:
        layer3 = {"ipv4": _declared4(bridge), "ipv6": _declared6(bridge)}
    else:
        layer3 = {"ipv4": {"method": "disabled"}, "ipv6": {"method": "disabled"}}
    for family in ("ipv4", "ipv6"):
        _pin(layer3[family], family, captured, "0" if bridge.declared_profile else "")
    return {"connection": connection, "ethernet": ethernet, "bridge": _bridge_keys(bridge), **layer3}


def _bridge_keys(bridge: Bridge) -> Keys:
    settings = bridge.settings
    keys = {"stp": _word(settings.stp)}
    if settings.forward_delay > 1:
        keys["forward-delay"] = str(settings.forward_delay)
    keys["priority"] = str(settings.priority)
    keys["ageing-time"] = str(settings.ageing_time)
    keys["multicast-snooping"] = _word(settings.multicast_snooping)
    if settings.vlan_filtering:
        keys["vlan-filtering"] = "true"
    return keys


def _word(value: bool) -> str:
    return "true" if value else "false"


def _moved(keys: t.Mapping[str, str], family: str, bridge: Bridge) -> Keys:
    """The uplink's own section. A policy rule may name the interface."""
    moved = dict(keys)
    for key, value in keys.items():
        if key.startswith("routing-rule"):
            moved[key] = re.sub(rf"\b([io]if) {re.escape(bridge.uplink)}(?=\s|$)", rf"\1 {bridge.name}", value)
    if moved.get("method") == "ignore" and family == "ipv6":
        moved["method"] = "link-local"
    return moved


def _pin(keys: Keys, family: str, captured: t.Mapping[str, str], metric: str) -> None:
    """Keep what NetworkManager would derive from the interface's kind or name, or from the profile's UUID.

    ``metric`` is for routes of a bridge whose uplink had none: 0, as `ip` makes them, where they are declared.
    """
    method = keys.get("method", "auto")
    if method in ("disabled", "ignore", "link-local"):
        return
    metric = captured.get(f"metric{family[-1]}", metric)
    if keys.get("route-metric", "-1") == "-1" and metric:
        # Without a word a bridge's routes would come behind those of every other kind (425).
        keys["route-metric"] = metric
    if method == "manual":
        return
    if family == "ipv4":
        wanted = {"dhcp-client-id": captured.get("client-id", "")}
    else:
        wanted = {"dhcp-iaid": captured.get("iaid", ""), "dhcp-duid": captured.get("duid", "")}
        if captured.get("token") and not keys.get("token"):
            wanted.update({"addr-gen-mode": "eui64", "token": captured["token"]})
    keys.update({key: value for key, value in wanted.items() if value})


def _declared4(bridge: Bridge) -> Keys:
    addresses = [normal_cidr(cidr) for cidr in bridge.addresses if ":" not in cidr]
    keys = {"method": "auto" if bridge.dhcp4 else "manual" if addresses else "disabled"}
    return keys if keys["method"] == "disabled" else _declared(keys, addresses, bridge.gateway4, bridge, 4)


def _declared6(bridge: Bridge) -> Keys:
    addresses = [normal_cidr(cidr) for cidr in bridge.addresses if ":" in cidr]
    method = "auto" if bridge.accept_ra else "dhcp" if bridge.dhcp6 else "manual" if addresses else "link-local"
    keys = {"method": method, "addr-gen-mode": "eui64"}
    return keys if method == "link-local" else _declared(keys, addresses, bridge.gateway6, bridge, 6)


def _declared(keys: Keys, addresses: t.Sequence[str], gateway: str, bridge: Bridge, family: int) -> Keys:
    for index, cidr in enumerate(addresses, 1):
        keys[f"address{index}"] = cidr
    if gateway:
        keys["gateway"] = gateway
    servers = [server for server in bridge.dns if ipaddress.ip_address(server).version == family]
    if servers:
        keys["dns"] = "".join(f"{server};" for server in servers)
    if bridge.dns_search:
        keys["dns-search"] = "".join(f"{domain};" for domain in bridge.dns_search)
    routes = [route for route in bridge.routes if route_family(route) == family]
    for index, route in enumerate(routes, 1):
        keys.update(_route_keys(index, route, family))
    return keys


def route_family(route: StaticRoute) -> int:
    return 6 if ":" in (route.via or route.to) else 4


def _route_keys(index: int, route: StaticRoute, family: int) -> Keys:
    everywhere, nowhere = ("0.0.0.0/0", "0.0.0.0") if family == 4 else ("::/0", "::")
    words = [everywhere if route.to == "default" else route.to]
    if route.via or route.metric:
        words.append(route.via or nowhere)
    if route.metric:
        words.append(str(route.metric))
    options = []
    if route.table not in ("main", TABLES["main"]):
        options.append(f"table={TABLES.get(route.table, route.table)}")
    if route.source:
        options.append(f"src={route.source}")
    if route.mtu:
        options.append(f"mtu={route.mtu}")
    keys = {f"route{index}": ",".join(words)}
    if options:
        keys[f"route{index}_options"] = ",".join(options)
    return keys


def _port_sections(name: str, port: str, applied: AppliedBridge) -> Sections:
    """The uplink's profile without its layer 3; a further port is a plain Ethernet port."""
    captured = applied.captured if port == applied.bridge.uplink else {}
    own = parse_keyfile(captured.get("profile", ""))
    theirs = own.get("connection", {})
    connection = {
        "id": f"hypervisor-vnet-{name}-port-{port}",
        "uuid": port_uuid(name, port),
        "type": theirs.get("type", "ethernet"),
        "interface-name": port,
        "autoconnect-priority": str(PRIORITY),
        "master": bridge_uuid(name),
        "slave-type": "bridge",
    }
    connection.update({key: value for key, value in theirs.items() if key in _STAYING})
    sections = {"connection": connection, **{key: dict(keys) for key, keys in own.items() if key not in _LAYER3_SECTIONS}}
    ethernet = sections.get("ethernet", {})
    if ethernet.get("cloned-mac-address", "preserve") not in ("preserve", "permanent"):
        # `stable` and `random` would give another address under another UUID.
        ethernet["cloned-mac-address"] = captured.get("mac", "") or ethernet["cloned-mac-address"]
    if captured.get("mtu") and "mtu" not in ethernet:
        ethernet["mtu"] = captured["mtu"]
    if ethernet:
        sections["ethernet"] = ethernet
    return sections


def _script_lines(name: str, applied: AppliedBridge) -> list[str]:
    settings, uplink = applied.bridge.settings, applied.bridge.uplink
    lines = []
    if settings.forward_delay < 2:
        # NetworkManager takes 0 for "the default" and puts 15 s back.
        lines.append(f"ip link set dev {name} type bridge forward_delay {settings.forward_delay * 100}")
    before = applied.links.get(uplink)
    profile = before.profile.moved(uplink, name) if before else Profile()
    if applied.bridge.moves_profile:
        # A keyfile has no labels, so whoever set them used a script as well; scripts know the uplink's profile, not ours.
        lines += [f"ip {address.add_line(name)}" for address in profile.addresses if address.label and not address.dynamic]
    lines += [f"ip {neighbour.add_line(name)}" for neighbour in profile.neighbours if neighbour.permanent or neighbour.proxy]
    return lines
