# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Xen's hotplug hook: what it must know of vifs that come, and what opens those that have no name of their own."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass, field, replace

from .guard import AppliedGuard, Guard, Guards, GuardSettings, read_guard
from .guest import guard_address
from .vif import SCRIPTS, Device, Domain, Vif, match

# Sourced by the distribution's vif scripts at their end.
HOOK = f"{SCRIPTS}/vif-post.d/50-hypervisor-vnet.hook"
# What is declared of vifs. The memory is written only once a run is over, and a vif that it attaches comes before.
VIFS = "/etc/hypervisor-vnet/vifs.json"
# Users' own programs, which are run after ours.
OWN_HOOKS = "/etc/hypervisor-vnet/hooks.d"
# xl calls a domain NAME--incoming while it migrates to this host.
_INCOMING = "--incoming"


@dataclass(frozen=True)
class HookFacts:
    """``scripts``: Xen's hotplug scripts are on this host. ``domains``: those that run, by name, where ports without a guard are closed."""

    scripts: bool = False
    domains: t.Mapping[str, Domain] = field(default_factory=dict)


def standing_guards(
    guards: t.Mapping[str, AppliedGuard], settings: GuardSettings, vifs: t.Iterable[Vif], domains: t.Mapping[str, Domain]
) -> Guards:
    """The guards as applied, and those of vifs without a name."""
    known = {name: item.guard for name, item in guards.items()}
    return Guards({**known, **opened(known, settings, list(vifs), domains)}, settings)


def opened(
    guards: t.Mapping[str, Guard], settings: GuardSettings, vifs: t.Sequence[Vif], domains: t.Mapping[str, Domain]
) -> dict[str, Guard]:
    """Interface -> guard of the vifs without a vifname that would be closed, and are declared for the guest that has them.

    Such a vif has the guard of its MAC, unless that one's own interface is there; else what its declaration as a vif says.
    """
    if not settings.unlisted:
        return {}
    links = {domain.link(device) for domain in domains.values() for device in domain.devices.values()}
    waiting: dict[str, list[Guard]] = {}
    for guard in guards.values():
        if guard.interface not in links:
            waiting.setdefault(guard.mac, []).append(guard)
    found = {}
    for domain in domains.values():
        for device in domain.devices.values():
            name = domain.link(device)
            closed = name not in guards and any(fnmatch.fnmatchcase(name, pattern) for pattern in settings.match)
            if closed and not device.words.get("vifname"):
                own = _by_mac(waiting.get(device.words.get("mac", ""), ()), domain, device, name) or _declared(vifs, domain, device, name)
                found.update({name: own} if own else {})
    return found


def _by_mac(guards: t.Iterable[Guard], domain: Domain, device: Device, name: str) -> Guard | None:
    """The one that can be meant: it says of neither guest nor bridge that they are others."""
    meant = [
        guard
        for guard in guards
        if guard.guest in ("", plain_name(domain.name)) and guard.bridge in ("", device.words.get("bridge", "")) and not guard.routed
    ]
    return replace(meant[0], interface=name) if len(meant) == 1 else None


def _declared(vifs: t.Sequence[Vif], domain: Domain, device: Device, name: str) -> Guard | None:
    vif = declared_vif(vifs, domain, device)
    addresses = (vif.words.get("ip") or device.words.get("ip", "")).split() if vif else []
    if not vif or not addresses:
        return None
    mac, bridge = device.words.get("mac", ""), device.words.get("bridge", "")
    options = {"interface": name, "mac": mac, "bridge": bridge, "addresses": [guard_address(text) for text in addresses]}
    guard, problems = read_guard(options, name)
    return None if problems else guard


def declared_vif(vifs: t.Iterable[Vif], domain: Domain, device: Device) -> Vif | None:
    """What is declared of a vif, if anything; with another MAC than the declared one it is another."""
    items = [vif for vif in vifs if vif.domain == plain_name(domain.name)]
    found = [vif for vif in items if match(items, domain.devices).get(vif.name) is device]
    return next((vif for vif in found if vif.words.get("mac") in (None, device.words.get("mac"))), None)


def plain_name(domain: str) -> str:
    """The name that a domain has once it has arrived."""
    return domain[: -len(_INCOMING)] if domain.endswith(_INCOMING) else domain
