# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which networks of a host are ours and no part of the world."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirt import AppliedLibvirt, Was
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.managed import managed_networks
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, Nat
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import AppliedRouted, Routed, RoutedGuest
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings

XML = '<network><name>default</name><bridge name="virbr0"/><ip address="192.168.122.1" prefix="24"/></network>'
NAT = {"vnat0": AppliedNat("site", Nat("vnat0", "vnat0", ("10.0.0.0/16",), uplink="eth1"))}


def bridge(*addresses: str, adopted: BridgeSettings | None = None, **more: Any) -> Applied:
    declared = Bridge(more.pop("name", "xenbr1"), addresses=addresses, **more)
    return Applied({declared.name: AppliedBridge("site", declared, "52:54:00:00:00:01", "none", adopted=adopted)}, nat=NAT)


def routed(*subnets: str, **more: Any) -> Applied:
    item = Routed("n1", more.pop("interface", "n1"), subnets=subnets, **more)
    return Applied(nat=NAT, routes={"n1": AppliedRouted("others", item)})


def libvirt(xml: str, was: str = "") -> Applied:
    return Applied(libvirt={"default": AppliedLibvirt("site", xml, True, True, Was(was, True, True) if was else None)})


@pytest.mark.parametrize(
    ("applied", "networks"),
    [
        (Applied(nat=NAT), ()),
        (bridge("10.1.0.1/24", "2001:db8:1::1/64", "fe80::1/64"), ("10.1.0.0/24", "2001:db8:1::/64")),
        (bridge("10.1.0.1/24", uplink="eth0"), ()),
        (bridge("10.1.0.1/24", ports=("eth2",)), ()),
        (bridge("10.1.0.1/24", gateway4="10.1.0.254"), ()),
        (bridge("10.1.0.1/24", adopted=BridgeSettings()), ()),
        (bridge("10.0.0.1/16", name="vnat0"), ()),
        (bridge("192.0.2.1/24", name="eth1"), ()),
        (routed("10.2.0.0/24", guests=(RoutedGuest("192.0.2.10"),)), ("10.2.0.0/24", "192.0.2.10/32")),
        (routed("10.2.0.0/24", via="192.0.2.9"), ()),
        (routed("10.2.0.0/24", interface="eth1"), ()),
        (routed("0.0.0.0/0"), ()),
        (libvirt(XML), ("192.168.122.0/24",)),
        (libvirt("", XML), ("192.168.122.0/24",)),
        (libvirt(""), ()),
    ],
)
def test_what_is_managed(applied: Applied, networks: tuple[str, ...]) -> None:
    assert managed_networks(applied) == networks
