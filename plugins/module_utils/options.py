# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""From the options of a module to a document."""

from __future__ import annotations

import typing as t

from .argspec import change_problems
from .model.document import Declared, Document, read_bridges
from .model.guard import read_guards, read_settings
from .model.network import networks_to_bridges
from .model.problem import Problem, Refused


def bridges_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.xen_bridge)."""
    return _document(params, params["bridges"] or [], "bridges", [])


def networks_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.vnet_host)."""
    items, problems = networks_to_bridges(params["networks"] or [], "networks")
    return _document(params, items, "networks", problems)


def guards_document(params: t.Mapping[str, t.Any]) -> Document:
    """The options of M(hypervisor.vnet.antispoof)."""
    items, absent = params["guards"] or [], params["state"] == "absent"
    guards, wrong = read_guards([] if absent else items)
    settings, also = read_settings(params)
    problems = [*change_problems(params, items, "guards"), *wrong, *also]
    if problems:
        raise Refused(problems)
    removed = tuple(item["interface"] for item in items) if absent else ()
    return Document(
        owner=params["owner"],
        guards=Declared(guards, removed, params["prune"], "guards"),
        persist=params["persist"],
        guard_settings=settings,
    )


def _document(params: t.Mapping[str, t.Any], items: t.Sequence[t.Mapping[str, t.Any]], path: str, problems: list[Problem]) -> Document:
    bridges, wrong = read_bridges(items, path)
    problems = [*change_problems(params, items, path), *problems, *wrong]
    if problems:
        raise Refused(problems)
    absent = params["state"] == "absent"
    declared = Declared(() if absent else bridges, tuple(bridge.name for bridge in bridges) if absent else (), params["prune"], path)
    return Document(
        owner=params["owner"],
        bridges=declared,
        persist=params["persist"],
        adopt=params["adopt"],
        allow_disruption=params["allow_disruption"],
        bridge_netfilter=params["bridge_netfilter"],
    )
