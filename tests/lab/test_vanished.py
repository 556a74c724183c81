# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An administrator deletes our bridge and helps himself in again at the console; removing it then leaves the host as it was.

NetworkManager makes a deleted bridge again by itself, at once.
"""

from __future__ import annotations

import pytest
from product import Product
from spans import SOAK, some
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots

PRESENT = {"bridges": [{"name": "xenbr0", "uplink": "eth0"}]}
ABSENT = {"bridges": [{"name": "xenbr0"}], "state": "absent"}


@pytest.mark.parametrize("kind", some("d12-networkd", more=("d12-ifupdown", "d13-networkd")))
def test_what_came_by_the_console_is_kept_and_the_rest_comes_back(lab: Lab, kind: str) -> None:
    host, product = lab.start(f"gone-{kind}", kind, "rich"), Product(lab)
    before = host.snapshot()
    vanish(host, product)
    assert diff_snapshots(before, host.snapshot()) == []
    host.reboot()
    assert diff_snapshots(before, host.snapshot()) == []


@pytest.mark.skipif(not SOAK, reason="bridges that vanish with leases: make soak")
@pytest.mark.parametrize("kind", ["d12-networkd", "d12-ifupdown"])
def test_leases_are_the_managers_again(lab: Lab, kind: str) -> None:
    host, product = lab.start(f"leased-{kind}", kind, "dhcp"), Product(lab)
    vanish(host, product)
    host.wait_ready()
    host.reboot()
    assert [line for line in host.snapshot().lines("etc") if "hypervisor-vnet" in line] == []


def vanish(host: Machine, product: Product) -> None:
    """The bridge comes, is deleted, and is removed by us."""
    address = host.address
    assert product.module(host.name, "xen_bridge", PRESENT)["changed"]
    host.exec(["ip", "link", "del", "xenbr0"])
    host.exec(["ip", "address", "add", f"{address}/24", "broadcast", "+", "dev", "eth0"])
    removed = product.module(host.name, "xen_bridge", ABSENT)
    assert removed.get("changed"), removed.get("msg")
    assert not product.module(host.name, "xen_bridge", ABSENT)["changed"]
