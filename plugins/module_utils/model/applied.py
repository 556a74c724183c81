# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Our memory on a host: the model as last applied, by owner label, and the originals of what we changed."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field, replace

from .address import Address
from .bridge import Bridge, StaticRoute
from .coexist import Coexist, coexist_from_json
from .dhcp import AppliedDhcp, applied_dhcp
from .domif import AppliedDomif, applied_domif
from .guard import AppliedGuard, GuardSettings, applied_guard, settings_from_json
from .libvirt import AppliedLibvirt, applied_libvirt
from .nat import AppliedNat, applied_nat
from .profile import Profile
from .qemu import QemuSettings, qemu_from_json
from .route import Neighbour, NextHop, Route, Rule
from .routed import AppliedRouted, applied_routed
from .state import BridgeSettings, FileState
from .tap import AppliedTap, applied_tap
from .vif import AppliedVif, applied_vif
from .xl import AppliedXl, applied_xl
from .zone import AppliedPolicy, AppliedZone, applied_policy, applied_zone

# 1 had bridges only; a kind that a file does not name was never applied.
VERSION = 2
# The fields of a dataclass, not copied as asdict does.
_LINE = json.JSONEncoder(default=vars, sort_keys=True)


@dataclass(frozen=True)
class UplinkBefore:
    """What an uplink, a port or an adopted bridge was before it became ours. ``profile`` is empty for what was in the bridge already."""

    up: bool = False
    profile: Profile = field(default_factory=Profile)
    sysctls: tuple[tuple[str, str], ...] = ()
    master: str = ""
    mac: str = ""
    mtu: int = 0


@dataclass(frozen=True)
class AppliedBridge:
    """One bridge as applied. ``adopted`` holds the settings of a bridge that was there before us; ``links`` has the rest of it then.

    ``captured`` is what the persistence back end read of the uplink's own profile when it moved (file texts, DHCP
    identity): its files are rendered from this and the declaration alone, so that they never change by themselves.
    """

    owner: str
    bridge: Bridge
    mac: str
    persist: str
    links: t.Mapping[str, UplinkBefore] = field(default_factory=dict)
    adopted: BridgeSettings | None = None
    captured: t.Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AppliedFile:
    """A file that we wrote or changed: the hash of our version, and what stood there before (none: the file was not there)."""

    sha256: str
    original: FileState | None = None


@dataclass(frozen=True)
class Applied:
    """One field for each kind, name -> object. ``sysctls``: originals of the kernel parameters that we own; ``route_sysctls``
    those of interfaces that routes lead to.
    """

    bridges: t.Mapping[str, AppliedBridge] = field(default_factory=dict)
    files: t.Mapping[str, AppliedFile] = field(default_factory=dict)
    sysctls: t.Mapping[str, str] = field(default_factory=dict)
    bridge_netfilter: str = "keep"
    taps: t.Mapping[str, AppliedTap] = field(default_factory=dict)
    guards: t.Mapping[str, AppliedGuard] = field(default_factory=dict)
    guard_settings: GuardSettings = field(default_factory=GuardSettings)
    qemu: QemuSettings = field(default_factory=QemuSettings)
    nat: t.Mapping[str, AppliedNat] = field(default_factory=dict)
    dhcp: t.Mapping[str, AppliedDhcp] = field(default_factory=dict)
    zones: t.Mapping[str, AppliedZone] = field(default_factory=dict)
    policies: t.Mapping[str, AppliedPolicy] = field(default_factory=dict)
    routes: t.Mapping[str, AppliedRouted] = field(default_factory=dict)
    route_sysctls: t.Mapping[str, str] = field(default_factory=dict)
    coexist: Coexist = field(default_factory=Coexist)
    libvirt: t.Mapping[str, AppliedLibvirt] = field(default_factory=dict)
    vifs: t.Mapping[str, AppliedVif] = field(default_factory=dict)
    domifs: t.Mapping[str, AppliedDomif] = field(default_factory=dict)
    xl: t.Mapping[str, AppliedXl] = field(default_factory=dict)

    def owners(self, kind: str) -> dict[str, str]:
        """Name -> owner label of everything of one kind."""
        return {name: item.owner for name, item in getattr(self, kind).items()}

    def to_text(self) -> str:
        """One line for each object, for people and their tools; json's own indentation takes ten times as long."""
        kinds = {"version": VERSION, **vars(self)}
        return "{\n" + ",\n".join(f"{json.dumps(name)}: {_lines(kinds[name])}" for name in sorted(kinds)) + "\n}\n"


def _lines(value: t.Any) -> str:
    if not isinstance(value, dict) or not value:
        return _LINE.encode(value)
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {_LINE.encode(value[name])}" for name in sorted(value)) + "\n}"


def applied_from_text(text: str) -> Applied:
    """Read applied.json; empty text is a host that we never touched."""
    if not text.strip():
        return Applied()
    data = json.loads(text)
    return Applied(
        {name: _bridge(item) for name, item in data["bridges"].items()},
        {path: AppliedFile(item["sha256"], _optional(FileState, item["original"])) for path, item in data["files"].items()},
        dict(data["sysctls"]),
        data["bridge_netfilter"],
        {name: applied_tap(item) for name, item in data.get("taps", {}).items()},
        {name: applied_guard(item) for name, item in data.get("guards", {}).items()},
        settings_from_json(data["guard_settings"]) if "guard_settings" in data else GuardSettings(),
        qemu_from_json(data["qemu"]) if "qemu" in data else QemuSettings(),
        {name: applied_nat(item) for name, item in data.get("nat", {}).items()},
        {name: applied_dhcp(item) for name, item in data.get("dhcp", {}).items()},
        {name: applied_zone(item) for name, item in data.get("zones", {}).items()},
        {name: applied_policy(item) for name, item in data.get("policies", {}).items()},
        {name: applied_routed(item) for name, item in data.get("routes", {}).items()},
        dict(data.get("route_sysctls", {})),
        coexist=coexist_from_json(data.get("coexist", {})),
        libvirt={name: applied_libvirt(item) for name, item in data.get("libvirt", {}).items()},
        vifs={name: applied_vif(item) for name, item in data.get("vifs", {}).items()},
        domifs={name: applied_domif(item) for name, item in data.get("domifs", {}).items()},
        xl={name: applied_xl(item) for name, item in data.get("xl", {}).items()},
    )


def _optional(kind: t.Callable[..., t.Any], data: t.Any) -> t.Any:
    return None if data is None else kind(**data)


def _bridge(data: dict[str, t.Any]) -> AppliedBridge:
    links = {}
    for name, item in data["links"].items():
        sysctls = tuple((key, value) for key, value in item["sysctls"])
        links[name] = UplinkBefore(item["up"], _profile(item["profile"]), sysctls, item["master"], item["mac"], item["mtu"])
    return AppliedBridge(
        data["owner"],
        _declared(data["bridge"]),
        data["mac"],
        data["persist"],
        links,
        _optional(BridgeSettings, data["adopted"]),
        dict(data["captured"]),
    )


def _declared(data: dict[str, t.Any]) -> Bridge:
    routes = tuple(StaticRoute(**route) for route in data["routes"])
    lists = {key: tuple(data[key]) for key in ("ports", "addresses", "dns", "dns_search")}
    return Bridge(**{**data, **lists, "routes": routes, "settings": BridgeSettings(**data["settings"])})


def _profile(data: dict[str, t.Any]) -> Profile:
    routes = []
    for item in data["routes"]:
        hops = tuple(NextHop(**hop) for hop in item["nexthops"])
        metrics = tuple((name, value) for name, value in item["metrics"])
        routes.append(replace(Route(**{**item, "nexthops": hops, "metrics": metrics}), unknown=tuple(item["unknown"])))
    return Profile(
        tuple(Address(**item) for item in data["addresses"]),
        tuple(routes),
        tuple(Neighbour(**item) for item in data["neighbours"]),
        tuple(Rule(item["family"], item["priority"], tuple(item["words"]), tuple(item["unknown"])) for item in data["rules"]),
    )
