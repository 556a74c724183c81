# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Networks as the user writes them, and the bridges that they mean."""

from __future__ import annotations

import typing as t

from .interface import name_problems
from .layout import LAYOUTS
from .problem import Problem

Options = t.Mapping[str, t.Any]


def networks_to_bridges(networks: t.Sequence[Options], path: str) -> tuple[list[dict[str, t.Any]], list[Problem]]:
    """The options of each network's bridge, in the order of the networks, with what is wrong with the networks themselves."""
    problems: list[Problem] = []
    bridges = []
    names: dict[str, tuple[str, str]] = {}
    for index, network in enumerate(networks):
        place = f"{path}[{index}]"
        layout = network.get("layout") or ""
        if layout not in LAYOUTS:
            problems.append(Problem(f"{place}.layout", f"{layout!r} does not exist in this version; there is: {', '.join(LAYOUTS)}"))
        if network.get("bridge"):
            problems += name_problems(network["name"], f"{place}.name")
        bridge = _bridge(network, LAYOUTS.get(layout, {}))
        first, other = names.setdefault(network["name"], (place, bridge["name"]))
        # the same bridge twice is told by read_bridges
        if first != place and other != bridge["name"]:
            problems.append(Problem(f"{place}.name", f"{network['name']} is already {first}.name; declare a network once"))
        bridges.append(bridge)
    return bridges, problems


def _bridge(network: Options, defaults: Options) -> dict[str, t.Any]:
    """The bridge is named like its network unless ``bridge`` says otherwise."""
    options = {key: value for key, value in network.items() if key not in ("layout", "bridge")}
    given = {key: value for key, value in options.items() if value is not None}
    own = network.get("bridge") or network["name"]
    return {**defaults, **given, "name": own, "network": network["name"] if network["name"] != own else ""}
