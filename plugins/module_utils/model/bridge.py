# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A bridge as the user declares it."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field

from .address import cidr_problems, normal_cidr
from .interface import mac_problems, name_problems, normal_mac
from .problem import Problem
from .route import normal_destination
from .state import BridgeSettings

# Layer 3 options: one of them given means that the bridge's profile is declared, none that the uplink's profile moves.
LAYER3 = ("addresses", "gateway4", "gateway6", "routes", "dhcp4", "dhcp6", "accept_ra")
# include/uapi/linux/if_bridge.h and br_private_stp.h: 2-30 s with STP.
FORWARD_DELAY = (2, 30)
IPV6_MTU = 1280


@dataclass(frozen=True)
class StaticRoute:
    """A declared route: ``to`` is a network or ``default``."""

    to: str
    via: str = ""
    metric: int = 0
    table: str = "main"
    source: str = ""
    mtu: int = 0


@dataclass(frozen=True)
class Bridge:
    """One declared bridge. ``declared_profile`` is false when the uplink's whole profile moves along.

    ``network``: the name of its network, where that is another one.
    """

    name: str
    uplink: str = ""
    ports: tuple[str, ...] = ()
    settings: BridgeSettings = field(default_factory=BridgeSettings)
    mac: str = ""
    mtu: int = 0
    declared_profile: bool = False
    addresses: tuple[str, ...] = ()
    gateway4: str = ""
    gateway6: str = ""
    routes: tuple[StaticRoute, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dhcp4: bool = False
    dhcp6: bool = False
    accept_ra: bool = False
    network: str = ""

    @property
    def moves_profile(self) -> bool:
        return bool(self.uplink) and not self.declared_profile


def read_bridge(options: t.Mapping[str, t.Any], path: str) -> tuple[Bridge, list[Problem]]:
    """One item of ``bridges`` with everything that is wrong with it in itself."""
    problems = _name_problems(options, path)
    settings, wrong = _read_settings(options, path)
    problems += wrong
    routes, wrong_routes = _read_routes(options.get("routes") or [], f"{path}.routes")
    problems += wrong_routes
    mac = normal_mac(options.get("mac") or "")
    if mac:
        problems += mac_problems(mac, f"{path}.mac")
    mtu = options.get("mtu") or 0
    if mtu and not 68 <= mtu <= 65535:
        problems.append(Problem(f"{path}.mtu", f"{mtu} is outside 68-65535"))
    addresses, wrong = _read_addresses(options.get("addresses") or [], f"{path}.addresses")
    problems += wrong
    bridge = Bridge(
        name=options["name"],
        uplink=options.get("uplink") or "",
        ports=tuple(options.get("ports") or ()),
        settings=settings,
        mac=mac,
        mtu=mtu,
        declared_profile=any(options.get(name) not in (None, []) for name in LAYER3),
        addresses=addresses,
        gateway4=(options.get("gateway4") or "").strip(),
        gateway6=(options.get("gateway6") or "").strip(),
        routes=routes,
        dns=tuple(options.get("dns") or ()),
        dns_search=tuple(options.get("dns_search") or ()),
        dhcp4=bool(options.get("dhcp4")),
        dhcp6=bool(options.get("dhcp6")),
        accept_ra=bool(options.get("accept_ra")),
        network=options.get("network") or "",
    )
    if not wrong_routes:
        problems += _via_problems(bridge, f"{path}.routes")
    return bridge, problems + _profile_problems(bridge, path)


def _name_problems(options: t.Mapping[str, t.Any], path: str) -> list[Problem]:
    name, uplink = options["name"], options.get("uplink") or ""
    problems = name_problems(name, f"{path}.name")
    if uplink:
        problems += name_problems(uplink, f"{path}.uplink")
        if uplink == name:
            problems.append(Problem(f"{path}.uplink", f"{uplink} is the bridge itself; name the NIC, bond or VLAN behind it"))
    seen = {uplink} if uplink else set()
    for index, port in enumerate(options.get("ports") or []):
        problems += name_problems(port, f"{path}.ports[{index}]")
        if port in seen:
            problems.append(
                Problem(f"{path}.ports[{index}]", f"{port} is named twice; a port belongs to a bridge once, the uplink included")
            )
        seen.add(port)
    return problems


def _read_settings(options: t.Mapping[str, t.Any], path: str) -> tuple[BridgeSettings, list[Problem]]:
    problems = []
    stp = bool(options.get("stp"))
    delay = options.get("forward_delay")
    low, high = FORWARD_DELAY if stp else (0, FORWARD_DELAY[1])
    if delay is None:
        delay = 15 if stp else 0
    elif not low <= delay <= high:
        why = f"with stp: true the kernel takes {low}-{high} seconds" if stp else f"it is {low}-{high} seconds"
        problems.append(Problem(f"{path}.forward_delay", f"{delay} is out of range; {why}"))
    numbers = {"priority": (32768, 0, 65535), "ageing_time": (300, 0, 1_000_000)}
    values = {}
    for name, (default, least, most) in numbers.items():
        given = options.get(name)
        values[name] = default if given is None else given
        if not least <= values[name] <= most:
            problems.append(Problem(f"{path}.{name}", f"{given} is outside {least}-{most}"))
    return (
        BridgeSettings(
            stp=stp,
            forward_delay=delay,
            priority=values["priority"],
            ageing_time=values["ageing_time"],
            multicast_snooping=options.get("multicast_snooping") is not False,
            vlan_filtering=bool(options.get("vlan_filtering")),
            no_linklocal_learn=options.get("no_linklocal_learn") is not False,
        ),
        problems,
    )


def _read_addresses(texts: t.Sequence[str], path: str) -> tuple[tuple[str, ...], list[Problem]]:
    problems: list[Problem] = []
    addresses: dict[str, int] = {}
    for index, text in enumerate(texts):
        wrong = cidr_problems(text, f"{path}[{index}]")
        problems += wrong
        if wrong:
            continue
        cidr = normal_cidr(text)
        if cidr in addresses:
            problems.append(Problem(f"{path}[{index}]", f"{text} is the same as {path}[{addresses[cidr]}]; write it once"))
        addresses.setdefault(cidr, index)
    return tuple(addresses), problems


def _read_routes(items: t.Sequence[t.Mapping[str, t.Any]], path: str) -> tuple[tuple[StaticRoute, ...], list[Problem]]:
    problems, routes = [], []
    for index, item in enumerate(items):
        place = f"{path}[{index}]"
        try:
            to = normal_destination(item["to"])
        except ValueError:
            problems.append(Problem(f"{place}.to", f"{item['to']!r} is not a network; write it as in 192.0.2.0/24, or default"))
            continue
        via = item.get("via") or ""
        if via and not _is_address(via):
            problems.append(Problem(f"{place}.via", f"{via!r} is not an IP address"))
            continue
        if to == "default" and not via:
            problems.append(Problem(f"{place}.via", "a default route needs a gateway; add via: with the router's address"))
            continue
        if via and to != "default" and ipaddress.ip_address(via).version != ipaddress.ip_network(to).version:
            problems.append(Problem(f"{place}.via", f"{via} is not of the same family as {to}"))
            continue
        source = item.get("source") or ""
        if source and not _is_address(source):
            problems.append(Problem(f"{place}.source", f"{source!r} is not an IP address"))
        metric, mtu = item.get("metric") or 0, item.get("mtu") or 0
        routes.append(StaticRoute(to, via, metric, str(item.get("table") or "main"), source, mtu))
    return tuple(routes), problems


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _via_problems(bridge: Bridge, path: str) -> list[Problem]:
    """The kernel takes no gateway that it cannot reach. What a lease will bring nobody knows yet."""
    near = [ipaddress.ip_interface(cidr).network for cidr in bridge.addresses]
    near += [ipaddress.ip_network(route.to) for route in bridge.routes if not route.via]
    problems = []
    for index, route in enumerate(bridge.routes):
        gateway = ipaddress.ip_address(route.via) if route.via else None
        if gateway is None or gateway.is_link_local or (bridge.dhcp4 if gateway.version == 4 else bridge.dhcp6 or bridge.accept_ra):
            continue
        networks = [network for network in near if network.version == gateway.version]
        if not any(gateway in network for network in networks):
            outside = ", ".join(str(network) for network in networks) or f"no IPv{gateway.version} address at all"
            cure = "add an address of its network"
            problems.append(Problem(f"{path}[{index}].via", f"{gateway} is outside the bridge's addresses ({outside}); {cure}"))
    return problems


def _profile_problems(bridge: Bridge, path: str) -> list[Problem]:
    problems = []
    networks = [ipaddress.ip_interface(cidr).network for cidr in bridge.addresses]
    for option, version in (("gateway4", 4), ("gateway6", 6)):
        text = getattr(bridge, option)
        if not text:
            continue
        if not _is_address(text) or ipaddress.ip_address(text).version != version:
            problems.append(Problem(f"{path}.{option}", f"{text!r} is not an IPv{version} address"))
            continue
        gateway = ipaddress.ip_address(text)
        near = [network for network in networks if network.version == version]
        if not (version == 6 and gateway.is_link_local) and not any(gateway in network for network in near):
            outside = ", ".join(str(network) for network in near) or f"no IPv{version} address at all"
            problems.append(
                Problem(f"{path}.{option}", f"{text} is outside the bridge's addresses ({outside}); add an address of its network")
            )
        if any(ipaddress.ip_interface(cidr).ip == gateway for cidr in bridge.addresses):
            problems.append(Problem(f"{path}.{option}", f"{text} is the bridge's own address; name the router's"))
    # RFC 8200, section 5; below it the kernel switches IPv6 off on the interface.
    if 0 < bridge.mtu < IPV6_MTU and (bridge.accept_ra or bridge.dhcp6 or any(":" in cidr for cidr in bridge.addresses)):
        problems.append(Problem(f"{path}.mtu", f"{bridge.mtu} is too small for IPv6, which needs {IPV6_MTU}"))
    for index, server in enumerate(bridge.dns):
        if not _is_address(server):
            problems.append(Problem(f"{path}.dns[{index}]", f"{server!r} is not an IP address"))
    if (bridge.dns or bridge.dns_search) and not bridge.declared_profile:
        cure = (
            "the uplink's servers move along by themselves; to set others, declare addresses or dhcp4 too"
            if bridge.uplink
            else "declare addresses too"
        )
        problems.append(Problem(f"{path}.dns" if bridge.dns else f"{path}.dns_search", f"needs a declared profile; {cure}"))
    for index, domain in enumerate(bridge.dns_search):
        if not domain or any(not (char.isalnum() or char in "-._") for char in domain):
            problems.append(Problem(f"{path}.dns_search[{index}]", f"{domain!r} is not a domain name"))
    return problems
