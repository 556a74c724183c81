# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests are told of a change: what, who, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge, UplinkBefore
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import plan_document

PLAIN, STP = BridgeSettings(), BridgeSettings(stp=True, forward_delay=4)
OLD = Bridge("br0", uplink="eth0", ports=("eth2",))
LINKS = (Link("eth0", 2, master="br0"), Link("eth1", 3), Link("eth2", 4, master="br0"))
GUESTS = (Link("tap1", 7, master="br0"), Link("vif2.0", 8, master="br0"))


def host(settings: BridgeSettings, *guests: Link) -> HostState:
    bridge = Link("br0", 9, kind="bridge", mac="52:54:00:00:00:01", up=True, bridge=settings)
    return HostState({link.name: link for link in (*LINKS, bridge, *guests)})


def applied(settings: BridgeSettings, adopted: BridgeSettings | None = None) -> Applied:
    links = {name: UplinkBefore(True) for name in ("eth0", "eth2")}
    if adopted:
        links.update({name: UplinkBefore(True, master="br0", mac="52:54:00:00:00:01", mtu=1400) for name in ("eth0", "eth2", "br0")})
    return Applied({"br0": AppliedBridge("site", replace(OLD, settings=settings), "52:54:00:00:00:01", "none", links, adopted)})


def disrupts(wanted: Bridge, there: BridgeSettings, *guests: Link) -> tuple[str, ...]:
    return plan_document(Document(bridges=Declared((wanted,)), persist="none"), host(there, *guests), applied(there)).disrupts


@pytest.mark.parametrize(
    ("wanted", "there", "lines"),
    [
        (OLD, PLAIN, ()),
        (replace(OLD, settings=STP), PLAIN, ("STP blocks every port of br0 for about 8 s: tap1, vif2.0",)),
        (replace(OLD, settings=replace(STP, forward_delay=15)), STP, ()),
        (replace(OLD, settings=PLAIN), STP, ()),
        (
            replace(OLD, settings=replace(PLAIN, vlan_filtering=True)),
            PLAIN,
            ("VLAN filtering of br0 changes what its ports may pass, from then on: tap1, vif2.0",),
        ),
        (replace(OLD, mtu=1400), PLAIN, ("frames over 1400 bytes no longer pass br0, until its mtu is raised again: tap1, vif2.0",)),
        (replace(OLD, mtu=1500), PLAIN, ()),
        (replace(OLD, uplink="eth1"), PLAIN, ()),
        (replace(OLD, uplink="eth1", settings=STP), STP, ("STP blocks eth1, the new uplink of br0, for about 8 s: tap1, vif2.0",)),
        (replace(OLD, uplink="eth1", settings=STP), PLAIN, ("STP blocks every port of br0 for about 8 s: tap1, vif2.0",)),
        (replace(OLD, uplink="", settings=STP), STP, ()),
    ],
)
def test_guests_of_a_bridge_that_stays(wanted: Bridge, there: BridgeSettings, lines: tuple[str, ...]) -> None:
    assert disrupts(wanted, there, *GUESTS) == lines
    assert disrupts(wanted, there) == ()


@pytest.mark.parametrize(
    ("guests", "lines"),
    [
        ((), ()),
        (GUESTS[:1], ("tap1 loses its bridge br0 until it is plugged in again",)),
        (GUESTS, ("tap1, vif2.0 lose their bridge br0 until they are plugged in again",)),
    ],
)
def test_guests_of_a_bridge_that_goes(guests: tuple[Link, ...], lines: tuple[str, ...]) -> None:
    gone = Document(bridges=Declared(removed=("br0",)), persist="none")
    assert plan_document(gone, host(PLAIN, *guests), applied(PLAIN)).disrupts == lines


def test_guests_of_an_adopted_bridge_that_gets_its_old_settings_back() -> None:
    gone = Document(bridges=Declared(removed=("br0",)), persist="none")
    assert plan_document(gone, host(PLAIN, *GUESTS), applied(PLAIN, adopted=STP)).disrupts == (
        "STP blocks every port of br0 for about 8 s: tap1, vif2.0",
        "frames over 1400 bytes no longer pass br0, until its mtu is raised again: tap1, vif2.0",
    )
    assert plan_document(gone, host(PLAIN), applied(PLAIN, adopted=STP)).disrupts == ()
