# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dom0's only NIC, through which Ansible comes, moves into xenbr0; guests reach the world by it, and so it stays over a reboot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from product import Product
from spans import SOAK
from vnet_xen.dom0 import Dom0

BRIDGES = [{"name": "xenbr0", "uplink": "eth0"}]
GUEST = "mac=00:16:3e:00:00:01,bridge=xenbr0,vifname=one0"
# In emulation on a busy machine all takes long.
PATIENT = {"confirm_timeout": 600}
INTERFACES = "/etc/network/interfaces"


def run(product: Product, **options: Any) -> dict[str, Any]:
    return product.module("dom0", "xen_bridge", {"bridges": BRIDGES, **PATIENT, **options})


@pytest.fixture
def cabled(dom0: Dom0, product: Product) -> Iterator[Dom0]:
    """With eth0 as it was, afterwards."""
    before = dom0.ssh(f"cat {INTERFACES}; ip -br addr show dev eth0; ip route").stdout
    product.module("dom0", "vnet_info", {})
    yield dom0
    dom0.ssh("xl destroy one", check=False)
    back = run(product, state="absent", allow_disruption=True)
    assert not back.get("failed"), back
    assert dom0.ssh(f"cat {INTERFACES}; ip -br addr show dev eth0; ip route").stdout == before


@pytest.mark.skipif(not SOAK, reason="make soak")
def test_the_uplink_moves_under_confirm_and_holds_over_a_reboot(cabled: Dom0, product: Product) -> None:
    moved = run(product)
    assert not moved.get("failed") and moved["confirmed"]["address"] == "127.0.0.1", moved
    assert "master xenbr0" in cabled.ssh("ip link show dev eth0").stdout
    cabled.create("one", [GUEST], told="ip0=10.0.2.16/24")
    # The one is the dom0, the other is outside.
    assert "1 packets received" in cabled.domu("one", "ping -c1 -W5 10.0.2.15").stdout
    assert "Received 1" in cabled.domu("one", "arping -c1 -w5 -I eth0 10.0.2.2").stdout
    assert not run(product)["changed"]

    cabled.ssh("sync")
    cabled.power_off()
    cabled.boot()
    assert "10.0.2.15/24" in cabled.ssh("ip -br addr show dev xenbr0").stdout
    assert "master xenbr0" in cabled.ssh("ip link show dev eth0").stdout
    assert not run(product)["changed"]
    cabled.ssh("xl create -q /etc/xen/one.cfg", timeout=120)
    assert "master xenbr0" in cabled.ssh("ip link show dev one0").stdout
