# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""From the options of a module to a document."""

from __future__ import annotations

import typing as t

from .argspec import change_problems
from .model.document import Declared, Document, Item, read_bridges
from .model.guard import read_guards, read_settings
from .model.network import networks_to_bridges
from .model.problem import Problem, Refused
from .model.tap import read_taps


def bridges_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.xen_bridge)."""
    return _bridges_document(params, params["bridges"] or [], "bridges", [])


def networks_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.vnet_host)."""
    items, problems = networks_to_bridges(params["networks"] or [], "networks")
    return _bridges_document(params, items, "networks", problems)


def taps_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.kvm_tap)."""
    items = params["taps"] or []
    taps, wrong = read_taps(items)
    return _document(params, items, "taps", wrong, taps=_declared(params, taps, "taps"))


def guards_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.antispoof)."""
    items, absent = params["guards"] or [], params["state"] == "absent"
    guards, wrong = read_guards([] if absent else items)
    settings, also = read_settings(params)
    removed = tuple(item["interface"] for item in items) if absent else ()
    declared = Declared(guards, removed, params["prune"], "guards")
    return _document(params, items, "guards", [*wrong, *also], guards=declared, guard_settings=settings)


def _bridges_document(
    params: t.Mapping[str, t.Any], items: t.Sequence[t.Mapping[str, t.Any]], path: str, problems: list[Problem]
) -> Document:
    bridges, wrong = read_bridges(items, path)
    kinds = {"bridges": _declared(params, bridges, path)}
    return _document(params, items, path, [*problems, *wrong], **kinds, adopt=params["adopt"], bridge_netfilter=params["bridge_netfilter"])


def _declared(params: t.Mapping[str, t.Any], items: tuple[Item, ...], path: str) -> Declared[Item]:
    if params["state"] == "absent":
        return Declared(removed=tuple(item.name for item in items), path=path)
    return Declared(items, prune=params["prune"], path=path)


def _document(
    params: t.Mapping[str, t.Any], items: t.Sequence[t.Mapping[str, t.Any]], path: str, problems: t.Sequence[Problem], **kinds: t.Any
) -> Document:
    """The kinds of one module, with the options that every changing module has."""
    problems = [*change_problems(params, items, path), *problems]
    if problems:
        raise Refused(problems)
    return Document(owner=params["owner"], persist=params["persist"], allow_disruption=params.get("allow_disruption", False), **kinds)
