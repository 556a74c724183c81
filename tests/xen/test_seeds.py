# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Xen's own guides have in guests' files, with real guests: vif-nat, whose address is ours as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from product import Product
from spans import SOAK
from vnet_xen.dom0 import UNWATCHED, Dom0

pytestmark = pytest.mark.skipif(not SOAK, reason="make soak")
WORLD = "192.168.42.60"
GUESTS = [{"interface": "nat0", "addresses": ["10.0.0.1"]}]
NAT = {"name": "xennat", "layout": "nat", "point_to_point": True, "uplink": "wan0", "guests": GUESTS}


def declare(product: Product, **options: Any) -> dict[str, Any]:
    result = product.module("dom0", "vnet_host", {**UNWATCHED, **options})
    assert not result.get("failed"), result
    return result


@pytest.fixture
def wired(dom0: Dom0, product: Product) -> Iterator[Dom0]:
    """A dom0 with a second NIC, and somebody at the other end who knows of none of the guests."""
    dom0.ssh(f"ip netns add world; ip link add wan0 type veth peer name eth0 netns world; ip -n world addr add {WORLD}/24 dev eth0")
    dom0.ssh("ip -n world link set eth0 up; ip addr add 192.168.42.1/24 dev wan0; ip link set wan0 up")
    yield dom0
    dom0.ssh("xl destroy one; rm -f /etc/xen/one.cfg", timeout=120, check=False)
    declare(product, networks=[], guests=[], prune=True, allow_empty=True, allow_disruption=True)
    dom0.ssh("ip link del wan0; ip netns del world")


def test_vif_nat_and_ours_side_by_side(wired: Dom0, product: Product) -> None:
    """A guest that comes when all is declared reaches the world, and so it does after its next start."""
    assert declare(product, networks=[NAT])["changed"]
    wired.create("one", ["ip=10.0.0.1,vifname=nat0,script=vif-nat"], told="ip0=10.0.0.1/24 gw0=10.0.0.128")
    assert wired.reaches("one", WORLD, patience=60)
    assert not declare(product, networks=[NAT])["changed"]
    wired.ssh("xl destroy one; xl create -q /etc/xen/one.cfg", timeout=180)
    assert wired.reaches("one", WORLD, patience=120)
