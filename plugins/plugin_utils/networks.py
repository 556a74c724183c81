# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The networks that several variables declare for one host, joined and checked before the host is touched."""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils.argspec import NETWORK_OPTIONS
from ..module_utils.model.document import read_bridges
from ..module_utils.model.layout import LAYOUTS
from ..module_utils.model.network import read_networks
from ..module_utils.model.problem import Problem
from .variables import Words, joined

MAIN = "vnet_networks"
Network = t.Mapping[str, t.Any]
_PLACE = re.compile(r"\bnetworks\[(\d+)\]")


def merge(variables: t.Any) -> tuple[list[Network], list[str]]:
    """All networks of a host in one list, those of ``vnet_networks`` first, and everything that is wrong with them.

    ``variables`` are the lists by the names of their variables. A problem names the variable that it is in.
    AnsibleFilterError when it is no dictionary: that is the play's mistake, not the inventory's.
    """
    networks, problems = joined(variables, Words(MAIN, "network", "{name: xenbr0, uplink: eth0}"))
    problems += _problems(networks)
    return [network for dummy, network in networks], [str(problem) for problem in problems]


def _problems(networks: t.Sequence[tuple[str, Network]]) -> list[Problem]:
    """As M(hypervisor.vnet.vnet_host) would find them; what depends on the host's interfaces is left to it."""
    problems, places, sound = [], [], []
    for place, network in networks:
        options, wrong = _options(network, place)
        problems += wrong
        if not wrong:
            places.append(place)
            sound.append(options)
    found = read_networks(sound, "networks")
    bridges, homes = [bridge for dummy, bridge in found.bridges], [place for place, dummy in found.bridges]
    wrong = [*found.problems, *read_bridges(bridges, "networks", homes)[1]]
    return problems + [_placed(problem, places) for problem in wrong]


def _options(network: Network, place: str) -> tuple[dict[str, t.Any], list[Problem]]:
    """A network with every option in its type, defaults filled in."""
    layout = network.get("layout", "bridge")
    if not isinstance(layout, str) or layout not in LAYOUTS:
        # Before its options: those of another layout are unknown because the layout is.
        return {}, [Problem(f"{place}.layout", f"{str(layout)!r} does not exist in this version; there is: {', '.join(LAYOUTS)}")]
    checked = ArgumentSpecValidator(NETWORK_OPTIONS).validate(dict(network))
    return checked.validated_parameters, [Problem(place, message) for message in checked.error_messages]


def _placed(problem: Problem, places: t.Sequence[str]) -> Problem:
    """From the joined list's numbers to the user's own variables."""
    path, message = (_PLACE.sub(lambda match: places[int(match.group(1))], text) for text in (problem.path, problem.message))
    return Problem(path, message)
