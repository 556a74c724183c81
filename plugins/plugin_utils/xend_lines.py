# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Networks as the two lines of xend-config.sxp, for hosts whose xend makes them."""

from __future__ import annotations

import ipaddress
import typing as t

from ..module_utils.model.interface import name_problems
from ..module_utils.model.problem import Problem

WRAPPER = "network-hypervisor-vnet"
_SCRIPTS = {"bridge": ("network-bridge", "vif-bridge"), "brouter": ("network-virtual", "vif-bridge")}
_ROUTED = {"nat": ("network-nat", "vif-nat"), "route": ("network-route", "vif-route")}
_TAKEN = frozenset({"name", "layout", "bridge", "uplink", "addresses", "zone", "state", "point_to_point", "proxy_arp"})


def xend_lines(networks: t.Sequence[t.Mapping[str, t.Any]], antispoof: bool) -> dict[str, t.Any]:
    """``lines`` for xend-config.sxp, ``wrapper`` (a script, if one call is not enough; else empty), ``comments`` on what xend cannot.

    ValueError names everything that stands in the way.
    """
    problems: list[Problem] = []
    calls, vifs, comments = [], [], []
    for index, network in enumerate(networks):
        place = f"networks[{index}]"
        layout = network.get("layout") or "bridge"
        scripts = {**_SCRIPTS, **_ROUTED}.get(layout)
        if scripts is None:
            there = ", ".join({**_SCRIPTS, **_ROUTED})
            problems.append(Problem(f"{place}.layout", f"{layout!r} is none that xend's scripts know; there is: {there}"))
            continue
        words, wrong = _words(network, layout, place, antispoof)
        problems += wrong
        calls.append(" ".join([scripts[0], *words]))
        vifs.append(scripts[1])
        name = network.get("name")
        comments += [f"{name}: xend's scripts know no {key}" for key in network if key not in _TAKEN]
    if len(set(vifs)) > 1 or sum(call.startswith(tuple(script for script, _vif in _ROUTED.values())) for call in calls) > 1:
        problems.append(Problem("networks", "are bridged and routed; xend has one way for all vifs, so leave those of one way"))
    if problems:
        raise ValueError("\n".join(str(problem) for problem in problems))
    script = (calls or [""])[0] if len(calls) < 2 else WRAPPER
    quoted = f"'{script}'" if " " in script else script
    lines = f"(network-script {quoted})\n(vif-script {(vifs or ['vif-bridge'])[0]})\n"
    return {"lines": lines, "wrapper": _wrapper(calls) if len(calls) > 1 else "", "comments": comments}


def _words(network: t.Mapping[str, t.Any], layout: str, place: str, antispoof: bool) -> tuple[list[str], list[Problem]]:
    """The variables of one call."""
    bridge, uplink = str(network.get("bridge") or network.get("name") or ""), str(network.get("uplink") or "")
    problems = name_problems(bridge, f"{place}.name") + (name_problems(uplink, f"{place}.uplink") if uplink else [])
    addresses = network.get("addresses") or []
    if layout in _ROUTED:
        return ([f"netdev={uplink}"] if uplink else []), problems
    if layout == "brouter":
        if len(addresses) != 1:
            problems.append(Problem(f"{place}.addresses", "are not one; network-virtual takes exactly one"))
            return [], problems
        return [f'bridgeip="{addresses[0]}"', f'brnet="{_network(str(addresses[0]), place, problems)}"', f"bridge={bridge}"], problems
    words = [f"netdev={uplink or 'dummy0'}", f"bridge={bridge}"]
    return words + (["antispoof=yes"] if antispoof else []), problems


def _network(address: str, place: str, problems: list[Problem]) -> str:
    try:
        return str(ipaddress.ip_interface(address).network)
    except ValueError:
        problems.append(Problem(f"{place}.addresses[0]", f"{address!r} is no address; write it as in 10.0.0.1/24"))
        return ""


def _wrapper(calls: t.Sequence[str]) -> str:
    body = []
    for number, call in enumerate(calls):
        script, _space, words = call.partition(" ")
        body.append(f'"$dir/{script}" "$@" vifnum={number} {words}'.rstrip())
    return "\n".join(
        ["#!/bin/sh", "# For xend: one call for each network. To /etc/xen/scripts, mode 0755.", 'dir=$(dirname "$0")', *body, ""]
    )
