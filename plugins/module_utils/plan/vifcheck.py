# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What of the declared vifs this host cannot do, said before xl is called."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.document import Document
from ..model.guard import EMULATED
from ..model.interface import NAME_LENGTH
from ..model.problem import Problem
from ..model.state import HostState
from ..model.vif import BRIDGE_SCRIPT, SCRIPTS, Device, Domain, Vif, VifFacts, Words, match
from .bridgecheck import bridge_problems
from .vifport import port_problems

_BY_ADDRESS = tuple(f"{SCRIPTS}/{name}" for name in ("vif-route", "vif-nat"))


def is_bridged(words: Words, facts: VifFacts) -> bool:
    """Is its script the one that plugs it into a bridge?"""
    default = facts.defaults.get("script", BRIDGE_SCRIPT)
    script = words.get("script", default if default.startswith("/") else f"{SCRIPTS}/{default}")
    return script == BRIDGE_SCRIPT


def vif_problems(document: Document, state: HostState, applied: Applied, facts: VifFacts) -> list[Problem]:
    """All problems of all vifs with this host."""
    vifs, owners = document.vifs, applied.owners("vifs")
    problems = _host_problems(document, facts)
    for name in vifs.removed:
        problems += vifs.owner_problems(name, owners, document.owner)
    for place, vif in vifs.placed():
        problems += vifs.owner_problems(vif.name, owners, document.owner)
        problems += _card_problems(document, vif, place)
        if facts.dom0 and facts.xl and document.vif_options.live:
            problems += _vif_problems(document, vif, state, applied, facts, place)
    return problems


def _host_problems(document: Document, facts: VifFacts) -> list[Problem]:
    """Where no domain can run there is nothing to take away, either."""
    path = document.vifs.path
    if facts.xend:
        return [Problem(path, f"xend runs here ({facts.xend}), and xl must not change anything beside it; stop xend first")]
    if not document.vifs.items or not document.vif_options.live:
        return []
    if not facts.dom0:
        return [Problem(path, "this host is no dom0 of Xen (/proc/xen/capabilities does not say control_d); start it under Xen")]
    if not facts.xl:
        return [Problem(path, "xl is missing on this host; install the tools of its Xen (Debian's package xen-utils)")]
    return []


def _vif_problems(document: Document, vif: Vif, state: HostState, applied: Applied, facts: VifFacts, place: str) -> list[Problem]:
    domain = facts.domains.get(vif.domain)
    if domain is None:
        have = ", ".join(sorted(facts.domains)[:12]) or "none"
        return [Problem(f"{place}.domain", f"no domain {vif.domain} runs on this host, there are: {have}; start it, or correct the name")]
    items = [item for item in document.vifs.items if item.domain == vif.domain]
    own = match(items, domain.devices).get(vif.name)
    problems = _devid_problems(vif, own, domain, document, place)
    problems += _name_problems(vif, own, domain, state, facts, place, _leaving(document, applied, facts))
    problems += _mac_problems(vif, own, domain, state, facts, place)
    words = {**(own.words if own else {}), **vif.words}
    bridge = words.get("bridge", facts.defaults.get("bridge", "xenbr0")) if is_bridged(words, facts) else ""
    problems += port_problems(vif, bridge, state, applied, place)
    return [*problems, *_bridge_problems(words, state, applied, facts, place), *_script_problems(words, facts, place)]


def _leaving(document: Document, applied: Applied, facts: VifFacts) -> set[str]:
    """The interfaces of devices that go, or that come again, perhaps by another name."""
    gone = [applied.vifs[name].vif for name in document.vifs.gone(applied.owners("vifs"), document.owner)]
    found = set()
    for name, domain in facts.domains.items():
        vifs = [vif for vif in (*document.vifs.items, *gone) if vif.domain == name]
        named = {vif.name: vif for vif in vifs}
        for key, device in match(vifs, domain.devices).items():
            if named[key] in gone or named[key].words.get("vifname", device.words.get("vifname")) != device.words.get("vifname"):
                found.add(domain.link(device))
    return found


def _card_problems(document: Document, vif: Vif, place: str) -> list[Problem]:
    if document.vif_options.config or not vif.card:
        return []
    why = "is about the emulated card of an HVM guest, which comes with the guest's start, and never to one that runs"
    return [Problem(f"{place}.{word}", f"{why}; say scope: config or both") for word in vif.card]


def _devid_problems(vif: Vif, own: Device | None, domain: Domain, document: Document, place: str) -> list[Problem]:
    there = domain.devices.get(vif.devid)
    if there is None or there is own:
        return []
    mac = there.words.get("mac", "")
    return [Problem(f"{place}.devid", f"{vif.devid} of {vif.domain} is another interface ({mac}); detach that first, or leave devid out")]


def _name_problems(
    vif: Vif, own: Device | None, domain: Domain, state: HostState, facts: VifFacts, place: str, leaving: t.Collection[str]
) -> list[Problem]:
    name = vif.words.get("vifname", "")
    if not name:
        return []
    problems = []
    if domain.type == "hvm" and len(name + EMULATED) > NAME_LENGTH:
        why = f"{name} has {len(name)} characters, and an HVM guest's emulated card is called {name}{EMULATED}"
        problems.append(Problem(f"{place}.name", f"{why}; choose one of {NAME_LENGTH - len(EMULATED)} at most"))
    if name in state.links and name not in leaving and not (own and domain.link(own) == name):
        whose = [f"vif {device.devid} of {other.name}" for other in facts.domains.values() for device in _named(other, name)]
        problems.append(Problem(f"{place}.name", f"{name} is there already, {whose[0] if whose else 'and is no vif'}; choose another name"))
    return problems


def _named(domain: Domain, name: str) -> list[Device]:
    return [device for device in domain.devices.values() if domain.link(device) == name]


def _mac_problems(vif: Vif, own: Device | None, domain: Domain, state: HostState, facts: VifFacts, place: str) -> list[Problem]:
    mac = vif.words.get("mac", "")
    owners = [
        f"vif {device.devid} of {other.name}"
        for other in facts.domains.values()
        for device in other.devices.values()
        if device.words.get("mac") == mac and device is not own
    ]
    owners += [f"the host's own {name}" for name, link in state.links.items() if link.mac == mac]
    return [Problem(f"{place}.mac", f"{mac} is {owners[0]} already; guests of a host differ in it")] if mac and owners else []


def _bridge_problems(words: Words, state: HostState, applied: Applied, facts: VifFacts, place: str) -> list[Problem]:
    if not is_bridged(words, facts):
        return []
    bridge = words.get("bridge", facts.defaults.get("bridge", "xenbr0"))
    return bridge_problems(bridge, "the guest", state, applied, f"{place}.bridge")


def _script_problems(words: Words, facts: VifFacts, place: str) -> list[Problem]:
    script = words.get("script", "")
    folder, _slash, name = script.rpartition("/")
    problems = []
    if folder == SCRIPTS and name not in facts.scripts:
        problems.append(Problem(f"{place}.script", f"there is no {script} on this host; install it, or correct the name"))
    if script in _BY_ADDRESS and any(":" in address for address in words.get("ip", "").split()):
        problems.append(
            Problem(f"{place}.addresses", f"{name} knows IPv4 addresses only; leave IPv6 to another script, or bridge the guest")
        )
    if script == _BY_ADDRESS[0] and not facts.ifconfig:
        problems.append(Problem(f"{place}.script", "vif-route calls ifconfig, which is missing on this host; install net-tools"))
    backend = words.get("backend", "Domain-0")
    if backend != "Domain-0" and backend not in facts.domains:
        problems.append(Problem(f"{place}.backend", f"no domain {backend} runs on this host; start it, or correct the name"))
    return problems
