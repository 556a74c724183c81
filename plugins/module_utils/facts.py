# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Everything that the collection knows of a host, read without changing anything."""

from __future__ import annotations

from dataclasses import asdict

from .host.machine import Machine
from .host.session import is_held
from .journal import read_journal, standing_span
from .model.applied import Applied, applied_from_text
from .model.guard import TABLES
from .model.nat import TABLES as NAT_TABLES
from .model.paths import APPLIED, LOCK
from .model.problem import Problem, Refused
from .model.routed import TABLES as ROUTE_TABLES
from .model.state import HostState
from .model.xl import WORDS
from .model.zone import TABLES as ZONE_TABLES
from .observe.blocker import read_blockers
from .observe.dhcp import read_leases, read_units
from .observe.dns import read_dns
from .observe.domif import read_domifs
from .observe.host import observe
from .observe.libvirt import leases_on, read_libvirt
from .observe.link import COMMAND, parse_links
from .observe.rate import read_shapings
from .observe.ruleset import read_tables
from .observe.tap import holders
from .observe.vif import read_vifs, with_vlans
from .plan.blocker import blockers
from .plan.document import KINDS
from .plan.persist import BACKENDS
from .plan.tapkeep import KEEPERS
from .render.domif import domif_facts
from .render.facts import (
    Facts,
    address_facts,
    bridge_facts,
    dhcp_facts,
    guard_facts,
    link_facts,
    nat_facts,
    owner_facts,
    policy_facts,
    route_facts,
    routed_facts,
    tap_facts,
    vif_facts,
    zone_facts,
)
from .render.libvirt import bridges_of, libvirt_facts
from .render.rate import rate_files


def host_facts(machine: Machine) -> Facts:
    """The host in the model's own form. Refused where it cannot be read."""
    _refuse_unreadable(machine)
    memory = machine.read(APPLIED)
    applied = applied_from_text(memory.content if memory else "")
    names = frozenset(parse_links(machine.run(COMMAND).out))
    state = observe(machine, names, frozenset(applied.files))
    held = holders(machine, [name for name in names if state.links[name].tap])
    xen = with_vlans(machine, read_vifs(machine))
    shapings = read_shapings(machine, [name for name, tap in applied.taps.items() if tap.tap.rate.limits]) or {}
    return {
        "links": link_facts(state),
        "bridges": bridge_facts(state, applied, _files(applied)),
        "taps": tap_facts(state, applied, _tap_files(applied), held, shapings),
        "addresses": address_facts(state),
        "routes": route_facts(state),
        "dns": asdict(read_dns(machine)),
        "guards": guard_facts(applied, read_tables(machine, TABLES)) if applied.guards else [],
        "nat": nat_facts(applied, read_tables(machine, NAT_TABLES)) if applied.nat else [],
        "routed": routed_facts(applied, read_tables(machine, ROUTE_TABLES)) if applied.routes else [],
        "zones": zone_facts(applied, read_tables(machine, ZONE_TABLES)) if applied.zones else [],
        "policies": policy_facts(applied),
        "blockers": _blockers(machine, applied, state),
        "vifs": vif_facts(xen, applied, state),
        "xl_defaults": {word: xen.defaults.get(word, "") for word in WORDS},
        "owners": owner_facts(applied, [*(kind.name for kind in KINDS), "policies"]),
        "managers": _managers(state),
        "journal": _journal(machine),
        "dhcp": dhcp_facts(applied, read_units(machine, sorted(applied.dhcp)) or {}, read_leases(machine, applied.dhcp)),
        "libvirt": _libvirt(machine, applied),
        "domifs": domif_facts(applied, read_domifs(machine)),
    }


def _blockers(machine: Machine, applied: Applied, state: HostState) -> list[Facts]:
    if not applied.nat and not applied.zones and not applied.routes:
        return []
    return [{**asdict(blocker), "stops": list(blocker.stops)} for blocker in blockers(read_blockers(machine), applied, state)]


def _libvirt(machine: Machine, applied: Applied) -> list[Facts]:
    libvirt = read_libvirt(machine)
    return libvirt_facts(applied, libvirt, {bridge: leases_on(machine, bridge) for bridge in bridges_of(libvirt)})


def _refuse_unreadable(machine: Machine) -> None:
    problems = []
    if not machine.is_root():
        problems.append(Problem("", "only root can read what was applied on this host; add become: true"))
    if not machine.which("ip"):
        problems.append(Problem("", "ip is missing on this host; install iproute2"))
    if problems:
        raise Refused(problems)


def _files(applied: Applied) -> dict[str, list[str]]:
    files = {}
    for name, bridge in applied.bridges.items():
        backend = BACKENDS.get(bridge.persist)
        files[name] = list(backend.files(name, bridge)) if backend else []
    return files


def _tap_files(applied: Applied) -> dict[str, list[str]]:
    kept = {name: (tap, KEEPERS.get(tap.persist)) for name, tap in applied.taps.items()}
    files = {name: list(keeper.files(tap)) if keeper else [] for name, (tap, keeper) in kept.items()}
    return {name: [*paths, *rate_files({name: applied.taps[name]})] for name, paths in files.items()}


def _managers(state: HostState) -> list[Facts]:
    """Which back ends run here, and the interfaces that each configures."""
    found = []
    for name, backend in BACKENDS.items():
        facts = state.managers.get(name)
        claims = [link for link in state.links if backend.claims(facts, link)]
        found.append({"name": name, "active": backend.active(facts), "claims": claims})
    return found


def _journal(machine: Machine) -> Facts:
    """A journal whose lock is free was left behind by a run that was killed."""
    entries = read_journal(machine)
    if not entries:
        return {"state": "none", "groups": 0, "seconds_left": 0}
    done = sum("undo" in entry for entry in entries)
    span = standing_span(machine)
    state = "running" if is_held(LOCK) else "armed" if span else "stale"
    return {"state": state, "groups": done, "seconds_left": round(span.deadline - machine.uptime()) if span else 0}
