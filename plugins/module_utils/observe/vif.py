# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What of a host matters for vifs alone: is it a dom0, and what do all of its domains have? One read for all of them."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import replace

from ..host.machine import Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.state import Link
from ..model.vif import SCRIPTS, Device, Domain, VifFacts, config_path
from .vlan import read_vlans

STORE = ("xenstore-ls", "-f")
LIST = ("xl", "list", "-l")
_CONFIG = "/etc/xen/xl.conf"
# xl.c: it does nothing that changes anything while one of them is there.
_XEND = ("/var/lock/subsys/xend", "/var/lock/xend")
_NODE = re.compile(r'^(/\S*) = "(.*)"$', re.MULTILINE)
_DEVICE = re.compile(r"/libxl/(\d+)/device/vif/(\d+)")
_NAME = re.compile(r"/local/domain/(\d+)/name")
_DEFAULT = re.compile(r"""^\s*vif\.default\.(\w+)\s*=\s*["']([^"']*)["']""", re.MULTILINE)
_WORDS = ("mac", "bridge", "gatewaydev", "ip", "script", "vifname", "rate", "mtu", "vlan")


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> VifFacts:
    """Nothing where the document has none, and takes none away."""
    if not document.vifs.spoken:
        return VifFacts()
    where = document.vif_options
    gone = [applied.vifs[name] for name in document.vifs.gone(applied.owners("vifs"), document.owner)]
    live = any(item.live for item in gone) or (where.live and document.vifs.items)
    named = {item.vif.domain for item in gone if item.config} | {vif.domain for vif in document.vifs.items if where.config}
    files = {name: machine.read(config_path(name)) for name in sorted(named)}
    facts = read_vifs(machine) if live else VifFacts(xl=bool(machine.which("xl")))
    if any("vlan" in vif.port for vif in (*document.vifs.items, *(item.vif for item in applied.vifs.values()))):
        facts = with_vlans(machine, facts)
    return replace(facts, files={name: file for name, file in files.items() if file}, xm=bool(named and machine.which("xm")))


def read_vifs(machine: Machine) -> VifFacts:
    """xl is not asked where it could not answer."""
    dom0, xl = "control_d" in machine.text("/proc/xen/capabilities"), bool(machine.which("xl"))
    if not (dom0 and xl):
        return VifFacts(dom0, xl)
    xend = [path for path in _XEND if machine.exists(path)]
    domains = parse_domains(machine.run(STORE).out, machine.run(LIST).out)
    return VifFacts(
        dom0=True,
        xl=True,
        xend=xend[0] if xend else "",
        domains=domains,
        defaults=dict(_DEFAULT.findall(machine.text(_CONFIG))),
        scripts=frozenset(machine.entries(SCRIPTS)),
        ifconfig=bool(machine.which("ifconfig")),
    )


def with_vlans(machine: Machine, facts: VifFacts) -> VifFacts:
    """With those of all ports."""
    names = {domain.link(device) for domain in facts.domains.values() for device in domain.devices.values()}
    return replace(facts, vlans=read_vlans(machine, names))


def parse_domains(store: str, listed: str) -> dict[str, Domain]:
    """The domains by name, of `xenstore-ls -f` and `xl list -l`.

    What /libxl says nobody but libxl can have written; a name without a number below /local/domain is debris of a script.
    """
    nodes = dict(_NODE.findall(store))
    names = {int(found[1]): value for path, value in nodes.items() if (found := _NAME.fullmatch(path))}
    devices: dict[int, dict[int, Device]] = {}
    for path in nodes:
        found = _DEVICE.fullmatch(path)
        if found:
            domid, devid = int(found[1]), int(found[2])
            devices.setdefault(domid, {})[devid] = _device(path, domid, devid, nodes, names)
    types = {item["domid"]: item["config"]["c_info"].get("type", "pv") for item in json.loads(listed.strip() or "[]")}
    return {
        name: Domain(domid, name, types.get(domid, "pv"), dict(sorted(devices.get(domid, {}).items())))
        for domid, name in sorted(names.items())
        if domid
    }


def _device(path: str, domid: int, devid: int, nodes: t.Mapping[str, str], names: t.Mapping[int, str]) -> Device:
    other = nodes.get(f"{path}/backend", "")
    backend = int(other.split("/")[3]) if other.startswith("/local/domain/") else 0
    words = {word: nodes[f"{path}/{word}"] for word in _WORDS if nodes.get(f"{path}/{word}")}
    words["backend"] = names.get(backend, str(backend))
    words["trusted"] = nodes.get(f"/local/domain/{domid}/device/vif/{devid}/trusted", "1")
    return Device(devid, words, nodes.get(f"{other}/hotplug-status", ""), nodes.get(f"{other}/hotplug-error", ""), backend)
