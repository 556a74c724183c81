# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""From the options of a module to a document."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .model.bridge import Bridge
from .model.dhcpread import read_dhcps
from .model.document import Declared, Document, Item, read_bridges
from .model.guard import read_guards, read_settings
from .model.guest import guest_names, read_guests
from .model.libvirtread import read_libvirt
from .model.nat import read_nats
from .model.natcheck import declared_problems
from .model.network import Networks, read_networks
from .model.problem import Problem, Refused
from .model.qemu import read_qemu
from .model.routedread import read_routes
from .model.tap import read_taps
from .model.vif import VifOptions, read_vifs
from .model.xl import XlDefaults, read_xl_defaults
from .model.zone import joined_zones, policy_name, read_policies, read_zones
from .optioncheck import change_problems

# What a document of vnet_host can consist of, each by itself or with others.
HOST_LISTS = ("networks", "guests", "zones", "policies", "routes")


def bridges_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.xen_bridge)."""
    items = params["bridges"] or []
    bridges, wrong = read_bridges(items)
    return _document(params, {"bridges": items}, wrong, **_bridges(params, bridges, "bridges"))


def host_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.vnet_host). What it does not give is not spoken of."""
    lists = {name: params[name] for name in HOST_LISTS if params[name] is not None}
    found = read_networks(params["networks"] or [], "networks", params["guests"] or [])
    places = tuple(place for place, _bridge in found.bridges)
    bridges, wrong = read_bridges([bridge for _place, bridge in found.bridges], "networks", places)
    routes, unrouted = _routes(params)
    guards, unguarded = read_settings(params)
    qemu, unfit = read_qemu(params)
    filtered, unclear = _zones(params, found)
    defaults, unread = _xl(params)
    problems = [*found.problems, *wrong, *unguarded, *unfit, *unclear, *unrouted, *unread]
    kinds = {**_bridges(params, bridges, "networks", places), **routes, **_services(params, found), **filtered, "xl": defaults}
    if "networks" not in lists:
        kinds.update(dict.fromkeys(("bridges", "nat", "dhcp", "libvirt"), Declared(spoken=False)))
    if "guests" in lists:
        interfaces, wrong = _guests(params, found.names)
        kinds.update(interfaces, vifs=Declared(prune=params["prune"], path="guests"))
        # Networks that were declared before serve them, too.
        kinds.update({"dhcp": Declared(path="guests")} if "networks" not in lists else {})
        problems += wrong
    else:
        kinds.update({kind: Declared(path=kind) for kind, given in (("taps", qemu), ("guards", guards)) if given})
    return _document(params, lists, problems, **kinds, guard_settings=guards, qemu=qemu)


def _xl(params: t.Mapping[str, t.Any]) -> tuple[Declared[XlDefaults], list[Problem]]:
    """The defaults of xl, which go as guests do. An empty dict says that there are none."""
    given = params["xl_defaults"]
    if given is None:
        return Declared(prune=params["prune"], path="xl_defaults", spoken=params["prune"] and params["guests"] is not None), []
    item, problems = read_xl_defaults(given)
    if params["state"] == "absent" or not item.words:
        return Declared(removed=(item.name,), path="xl_defaults"), problems
    return Declared((item,), path="xl_defaults", places=("xl_defaults",)), problems


def _services(params: t.Mapping[str, t.Any], networks: Networks) -> dict[str, t.Any]:
    """What networks have beside their bridges. One that is without now may have had it before."""
    names = tuple(network["name"] for network in params["networks"] or [])
    kinds = {}
    for kind, placed in (("nat", networks.nat), ("dhcp", networks.dhcp), ("libvirt", networks.libvirt)):
        items, places = tuple(item for _place, item in placed), tuple(place for place, _item in placed)
        if params["state"] == "absent":
            kinds[kind] = Declared[t.Any](removed=names, path="networks")
        else:
            dropped = tuple(name for name in names if name not in {item.name for item in items})
            kinds[kind] = Declared[t.Any](items, prune=params["prune"], path="networks", places=places, dropped=dropped)
    return kinds


def _routes(params: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[Problem]]:
    """The routes that are declared by themselves; with networks, those of theirs are spoken of as well."""
    if params["routes"] is None:
        return {"routes": Declared[t.Any](path="routes")} if params["networks"] is not None else {}, []
    absent = params["state"] == "absent"
    routes, problems = read_routes([] if absent else params["routes"])
    removed = tuple(item["name"] for item in params["routes"]) if absent else ()
    return {"routes": Declared[t.Any](routes, removed, params["prune"], "routes")}, problems


def _zones(params: t.Mapping[str, t.Any], networks: Networks) -> tuple[dict[str, t.Any], list[Problem]]:
    """The zones, with the networks that say which one is theirs, and the policies between them."""
    given, rules = params["zones"], params["policies"]
    if given is None and rules is None and not networks.zones:
        return {}, []
    absent = params["state"] == "absent"
    zones, places, problems = joined_zones(() if absent else given or (), () if absent else networks.zones)
    policies, wrong = read_policies(() if absent else rules or ())
    removed = tuple(item["name"] for item in given or ()) if absent else ()
    parted = tuple(policy_name(item["from"], item["to"]) for item in rules or ()) if absent else ()
    dropped = tuple(dict.fromkeys(name for _place, name, _bridge in networks.zones if absent and name not in removed))
    kinds = {
        "zones": Declared[t.Any](zones, removed, params["prune"] and given is not None, "zones", places=places, dropped=dropped),
        "policies": Declared[t.Any](policies, parted, params["prune"] and rules is not None, "policies"),
    }
    return kinds, problems + wrong


def _guests(params: t.Mapping[str, t.Any], bridges: t.Mapping[str, str]) -> tuple[dict[str, t.Any], list[Problem]]:
    """What the interfaces of all guests need, with everything that is wrong with them."""
    if params["state"] == "absent":
        gone = Declared[t.Any](removed=guest_names(params["guests"]), path="guests")
        return {"taps": gone, "guards": gone, "domifs": gone}, []
    found = read_guests(params["guests"], bridges)
    kinds = {}
    for kind, placed in (("taps", found.taps), ("guards", found.guards), ("domifs", found.domifs)):
        items, places = tuple(item for _place, item in placed), tuple(place for place, _item in placed)
        kinds[kind] = Declared[t.Any](items, prune=params["prune"], path="guests", places=places)
    return kinds, found.problems


def taps_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.kvm_tap)."""
    items = params["taps"] or []
    taps, wrong = read_taps(items)
    return _document(params, {"taps": items}, wrong, taps=_declared(params, taps, "taps"))


def vifs_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.xen_vif)."""
    items = params["vifs"] or []
    vifs, wrong = read_vifs(items)
    where = VifOptions(params["scope"], params["toolstack"])
    return _document({**params, "persist": "none"}, {"vifs": items}, wrong, vifs=_declared(params, vifs, "vifs"), vif_options=where)


def guards_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.antispoof)."""
    items, absent = params["guards"] or [], params["state"] == "absent"
    guards, wrong = read_guards([] if absent else items)
    settings, also = read_settings(params)
    removed = tuple(item["interface"] for item in items) if absent else ()
    declared = Declared(guards, removed, params["prune"], "guards")
    return _document(params, {"guards": items}, [*wrong, *also], guards=declared, guard_settings=settings)


def nat_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.vnet_nat)."""
    items, absent = params["networks"] or [], params["state"] == "absent"
    nats, wrong = read_nats([] if absent else items)
    wrong += declared_problems(nats, "networks")
    removed = tuple(item["name"] for item in items) if absent else ()
    kinds = {"nat": Declared(nats, removed, params["prune"], "networks"), "routes": Declared[t.Any](path="networks")}
    return _document(params, {"networks": items}, wrong, **kinds)


def routes_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.vnet_route)."""
    items, absent = params["routes"] or [], params["state"] == "absent"
    routes, wrong = read_routes([] if absent else items)
    removed = tuple(item["name"] for item in items) if absent else ()
    return _document(params, {"routes": items}, wrong, routes=Declared(routes, removed, params["prune"], "routes"))


def dhcp_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.vnet_dhcp)."""
    items = params["networks"] or []
    if params["state"] == "absent":
        gone = Declared[t.Any](removed=tuple(item["name"] for item in items), path="networks")
        return _document(params, {"networks": items}, [], dhcp=gone)
    networks, wrong = read_dhcps(items)
    return _document(params, {"networks": items}, wrong, dhcp=_declared(params, networks, "networks"))


def zones_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.vnet_zones)."""
    items, rules, absent = params["zones"] or [], params["policies"] or [], params["state"] == "absent"
    zones, wrong = read_zones([] if absent else items)
    policies, also = read_policies([] if absent else rules)
    removed = tuple(item["name"] for item in items) if absent else ()
    parted = tuple(policy_name(item["from"], item["to"]) for item in rules) if absent else ()
    kinds = {
        "zones": Declared(zones, removed, params["prune"], "zones"),
        "policies": Declared(policies, parted, params["prune"], "policies"),
    }
    return _document(params, {"zones": items}, [*wrong, *also], **kinds)


def libvirt_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.libvirt_network)."""
    items, absent = params["networks"] or [], params["state"] == "absent"
    networks, wrong = read_libvirt([] if absent else items)
    removed = tuple(item["name"] for item in items) if absent else ()
    # XML that is none says nothing that the host could have anything against.
    known = {f"networks[{at}]": item for at, item in enumerate(networks) if item.definition or items[at].get("xml") is None}
    declared = Declared(tuple(known.values()), removed, params["prune"], "networks", places=tuple(known))
    return _document(params, {"networks": items}, [], libvirt=declared, adopt=params["adopt"], wrong=tuple(wrong))


def _bridges(params: t.Mapping[str, t.Any], bridges: tuple[Bridge, ...], path: str, places: tuple[str, ...] = ()) -> dict[str, t.Any]:
    """What a document has of bridges."""
    return {
        "bridges": replace(_declared(params, bridges, path), places=places),
        "adopt": params["adopt"],
        "bridge_netfilter": params["bridge_netfilter"],
    }


def _declared(params: t.Mapping[str, t.Any], items: tuple[Item, ...], path: str) -> Declared[Item]:
    if params["state"] == "absent":
        return Declared(removed=tuple(item.name for item in items), path=path)
    return Declared(items, prune=params["prune"], path=path)


def _document(params: t.Mapping[str, t.Any], lists: t.Mapping[str, t.Sized], problems: t.Sequence[Problem], **kinds: t.Any) -> Document:
    """The kinds of one module, with the options that every changing module has."""
    problems = [*change_problems(params, lists), *problems]
    if problems:
        raise Refused(problems)
    also = {name: params[name] for name in ("persist", "allow_disruption", "coexist") if name in params}
    return Document(owner=params["owner"], **also, **kinds)
