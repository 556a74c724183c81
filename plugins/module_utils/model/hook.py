# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Xen's hotplug hook: where it stands, and what opens a vif that has no name of its own."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass, field, replace

from .guard import AppliedGuard, Guard, Guards, GuardSettings
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
    guards: t.Mapping[str, AppliedGuard], settings: GuardSettings, domains: t.Mapping[str, Domain], links: t.Container[str]
) -> Guards:
    """The guards as applied, and those of vifs without a name. ``links``: the host's interfaces."""
    known = {name: item.guard for name, item in guards.items()}
    found = dict(known)
    for domain in domains.values():
        for device in domain.devices.values():
            own = nameless_guard(known, settings, domain, device, links)
            found.update({own.interface: own} if own else {})
    return Guards(found, settings)


def nameless_guard(
    guards: t.Mapping[str, Guard], settings: GuardSettings, domain: Domain, device: Device, links: t.Container[str]
) -> Guard | None:
    """The guard of a vif without a vifname that would be closed: that of its MAC, unless that one's own interface is there.

    None where there is no such guard, or it says that it is of another guest or bridge.
    """
    name, mac, bridge = domain.link(device), device.words.get("mac", ""), device.words.get("bridge", "")
    closed = settings.unlisted and any(fnmatch.fnmatchcase(name, pattern) for pattern in settings.match)
    if not closed or name in guards or device.words.get("vifname"):
        return None
    meant = [guard for guard in guards.values() if guard.mac == mac and not guard.routed and guard.interface not in links]
    meant = [guard for guard in meant if guard.guest in ("", plain_name(domain.name)) and guard.bridge in ("", bridge)]
    return replace(meant[0], interface=name) if len(meant) == 1 else None


def declared_vif(vifs: t.Iterable[Vif], domain: Domain, device: Device) -> Vif | None:
    """What is declared of a vif, if anything; with another MAC than the declared one it is another."""
    own = [vif for vif in vifs if vif.domain == plain_name(domain.name)]
    meant = [vif for vif in own if vif.words.get("mac") in (None, device.words.get("mac"))]
    found = match(meant, {device.devid: device})
    return next((vif for vif in meant if vif.name in found), None)


def plain_name(domain: str) -> str:
    """The name that a domain has once it has arrived."""
    return domain[: -len(_INCOMING)] if domain.endswith(_INCOMING) else domain
