# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A tap: the host's end of a KVM guest's interface, as the user declares it and as it was applied."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .interface import mac_problems, name_problems, normal_mac
from .problem import Problem
from .rate import Rate, Shaping, read_rate
from .state import TapDevice
from .vlan import Vlans, read_vlans, vlans_from_json

# drivers/net/tun.c: MIN_MTU, and 65535 without the Ethernet header.
MTU = (68, 65521)


@dataclass(frozen=True)
class Tap:
    """One declared tap. ``user`` and ``group`` may open it: names or numbers, empty for root only. ``mtu`` 0: as its bridge.

    Without ``vlans`` it has what the bridge gives to every port.
    """

    name: str
    bridge: str = ""
    user: str = ""
    group: str = ""
    multi_queue: bool = False
    vnet_hdr: bool = False
    mtu: int = 0
    mac: str = ""
    isolated: bool = False
    up: bool = True
    rate: Rate = field(default_factory=Rate)
    vlans: Vlans = ()


@dataclass(frozen=True)
class Account:
    """A user or group of the host; ``name`` is its number where it has none."""

    number: int
    name: str


@dataclass(frozen=True)
class AppliedTap:
    """One tap as applied: ``mac`` and ``mtu`` are those that it got, ``user`` and ``group`` what the host made of the names."""

    owner: str
    tap: Tap
    mac: str
    mtu: int
    persist: str
    user: Account | None = None
    group: Account | None = None

    def device(self) -> TapDevice:
        """What the kernel shall keep of it."""
        names = (account.name if account else "" for account in (self.user, self.group))
        return TapDevice(True, self.tap.multi_queue, self.tap.vnet_hdr, *names)


@dataclass(frozen=True)
class TapFacts:
    """What of a host matters for taps alone. ``tun``: /dev/net/tun is there; else ``loadable``: the kernel has the module.

    ``tun_mode`` says who may open it. ``holders``: tap -> the programs that hold it open, of those taps that may go.
    ``groups_taken``: numbers of link groups that links have or that have a name. ``shapings``: what tc(8) has on taps for which
    a rate matters; ``tc``: it is there. ``vlans``: of taps for which they matter; ``systemd``: its version then, 0 without.
    """

    tun: bool = True
    loadable: bool = True
    tun_mode: int = 0o666
    users: t.Mapping[str, Account] = field(default_factory=dict)
    groups: t.Mapping[str, Account] = field(default_factory=dict)
    holders: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups_taken: frozenset[int] = frozenset()
    shapings: t.Mapping[str, Shaping] = field(default_factory=dict)
    vlans: t.Mapping[str, Vlans] = field(default_factory=dict)
    systemd: int = 0
    tc: bool = True


def applied_tap(data: dict[str, t.Any]) -> AppliedTap:
    """One item of the memory."""
    accounts = (None if data[key] is None else Account(**data[key]) for key in ("user", "group"))
    declared = {**data["tap"], "rate": Rate(**data["tap"].get("rate", {})), "vlans": vlans_from_json(data["tap"].get("vlans", ()))}
    return AppliedTap(data["owner"], Tap(**declared), data["mac"], data["mtu"], data["persist"], *accounts)


def remade(wanted: Tap, user: str, group: str, known: Tap | None, device: TapDevice) -> bool:
    """Must the kernel make the tap anew? It fixes these when it makes it, and tells nobody but who opens it.

    Each program that opens a tap sets ``vnet_hdr`` as it likes (tun_set_iff), so what stands now says nothing of the declaration.
    """
    if (device.persistent, device.multi_queue, device.user, device.group) != (True, wanted.multi_queue, user, group):
        return True
    return known is not None and known.vnet_hdr != wanted.vnet_hdr and device.vnet_hdr != wanted.vnet_hdr


def read_taps(items: t.Sequence[t.Mapping[str, t.Any]], path: str = "taps") -> tuple[tuple[Tap, ...], list[Problem]]:
    """All items of a list of taps, with the problems of each and those between them."""
    problems: list[Problem] = []
    taps = []
    for index, item in enumerate(items):
        tap, wrong = read_tap(item, f"{path}[{index}]")
        problems += wrong
        taps.append(tap)
    return tuple(taps), problems + tap_clashes([(f"{path}[{index}]", tap) for index, tap in enumerate(taps)])


def read_tap(options: t.Mapping[str, t.Any], path: str) -> tuple[Tap, list[Problem]]:
    """One item of ``taps`` with everything that is wrong with it in itself."""
    problems = name_problems(options["name"], f"{path}.name")
    bridge = options.get("bridge") or ""
    if bridge:
        problems += name_problems(bridge, f"{path}.bridge")
        if bridge == options["name"]:
            problems.append(Problem(f"{path}.bridge", f"{bridge} is the tap itself; name the bridge that its guest shall be in"))
    mac = normal_mac(options.get("mac") or "")
    if mac:
        problems += mac_problems(mac, f"{path}.mac")
    mtu = options.get("mtu") or 0
    if mtu and not MTU[0] <= mtu <= MTU[1]:
        problems.append(Problem(f"{path}.mtu", f"{mtu} is outside {MTU[0]}-{MTU[1]}"))
    if options.get("isolated") and not bridge:
        problems.append(Problem(f"{path}.isolated", "is a matter of bridge ports; name the bridge, or leave it out"))
    rate, wrong = read_rate(options.get("rate"), f"{path}.rate")
    problems += wrong
    vlans, wrong = read_vlans(options.get("vlan"), f"{path}.vlan")
    problems += wrong
    if vlans and not bridge:
        problems.append(Problem(f"{path}.vlan", "is a matter of bridge ports; name the bridge, or leave it out"))
    tap = Tap(
        name=options["name"],
        bridge=bridge,
        user=(options.get("owner") or "").strip(),
        group=(options.get("group") or "").strip(),
        multi_queue=bool(options.get("multi_queue")),
        vnet_hdr=bool(options.get("vnet_hdr")),
        mtu=mtu,
        mac=mac,
        isolated=bool(options.get("isolated")),
        up=options.get("up") is not False,
        rate=rate,
        vlans=vlans,
    )
    return tap, problems


def tap_clashes(placed: t.Sequence[tuple[str, Tap]]) -> list[Problem]:
    """The same name or MAC in two places of one list."""
    problems = []
    names: dict[str, str] = {}
    macs: dict[tuple[str, str], str] = {}
    for place, tap in placed:
        if tap.name in names:
            problems.append(Problem(f"{place}.name", f"{tap.name} is already {names[tap.name]}.name; declare a tap once"))
        names.setdefault(tap.name, place)
        key = (tap.bridge, tap.mac)
        if tap.mac and tap.bridge and key in macs:
            problems.append(
                Problem(f"{place}.mac", f"{tap.mac} is already {macs[key]}.mac in {tap.bridge}; ports of a bridge differ in it")
            )
        macs.setdefault(key, place)
    for place, tap in placed:
        if tap.bridge and tap.bridge in names and tap.bridge != tap.name:
            problems.append(Problem(f"{place}.bridge", f"{tap.bridge} is declared as a tap at {names[tap.bridge]}; name a bridge"))
    return problems
