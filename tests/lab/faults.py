# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that cost a host its controller, and what somebody does to its network in the middle of a good one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spans import LATE, done, journal, undone
from steps import Steps
from vnet_lab.fabric import Fabric
from vnet_lab.machine import Machine
from vnet_lab.util import wait_until
from vnet_lab.world import OTHER4, ROUTER6

# Where the world is pulled from under a change: all is done but what the host remembers of it.
MEMORY = "applied.json"
NOBODY4 = "10.213.7.249"


@dataclass(frozen=True)
class Fault:
    """``bridges`` of a host, ``meddle`` beside the change (given its host and the timeout), and ``says``: what the failure must name.

    One that ``outlasts`` the undoing of the change still fails the probes then.
    """

    bridges: Callable[[Machine], list[dict[str, Any]]]
    says: Callable[[Machine], str]
    meddle: Callable[[Machine, int], None] | None = None
    outlasts: bool = False


def own(host: Machine, **more: Any) -> list[dict[str, Any]]:
    """The host's own addresses on a bridge over its own uplink."""
    return [{"name": "xenbr0", "uplink": host.uplink, "addresses": [f"{host.place.main4}/24", f"{host.place.main6}/64"], **more}]


def _wrong_address(host: Machine) -> list[dict[str, Any]]:
    return [{"name": "xenbr0", "uplink": host.uplink, "addresses": ["10.99.0.9/24"], "gateway4": "10.99.0.1"}]


def _wrong_uplink(host: Machine) -> list[dict[str, Any]]:
    """The other NIC: it has carrier, but the half of the LAN that this address speaks of is not there."""
    addresses = [f"10.213.7.{100 + host.spec.index}/25", f"fd00:13:7::{100 + host.spec.index}/65"]
    return [{"name": "xenbr0", "uplink": "eth1", "addresses": addresses}]


def held(host: Machine) -> Steps:
    """Wait until the change of the host has come to where it was told to wait."""
    steps = Steps(host)
    wait_until(lambda: steps.reached, 90, f"{host.name} comes to its memory")
    return steps


def cable(host: Machine, state: str) -> None:
    """Plug the uplink ``up`` or ``down``, at the switch."""
    host.fabric.exec(["ip", "link", "set", host.fabric.port(host.place, host.uplink), state])


def second_gateway(fabric: Fabric, *, alive: bool) -> None:
    """The one beside the router that the controller is."""
    fabric.exec(["ip", "address", "replace" if alive else "del", f"{OTHER4}/24", "dev", "lan"], check=alive)


def _pull_the_cable(host: Machine, timeout: int) -> None:
    steps = held(host)
    cable(host, "down")
    id_ = journal(host)[0]["span"]["id"]
    steps.release()
    done(host, id_)
    undone(host, id_, timeout + LATE)
    cable(host, "up")


def _kill_the_gateway(host: Machine, timeout: int) -> None:
    """It is dead for all until the test is over."""
    steps = held(host)
    second_gateway(host.fabric, alive=False)
    steps.release()


def over_second_gateway(host: Machine) -> list[dict[str, Any]]:
    return own(host, gateway4=OTHER4, gateway6=ROUTER6)


FAULTS = {
    "address": Fault(_wrong_address, lambda host: f"{host.address}: "),
    "gateway": Fault(
        lambda host: own(host, gateway4=NOBODY4, gateway6=ROUTER6), lambda host: f"gateway4: {NOBODY4} on xenbr0 answers neither"
    ),
    "uplink": Fault(_wrong_uplink, lambda host: f"{host.address}: "),
    "cable": Fault(
        lambda host: [{"name": "xenbr0", "uplink": host.uplink}], lambda host: f"{host.address}: ", _pull_the_cable, outlasts=True
    ),
    "router": Fault(over_second_gateway, lambda host: f"gateway4: {OTHER4} on xenbr0 answers neither", _kill_the_gateway),
}
