# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is it Xen, and are its guests real? What all other tests here stand on."""

from __future__ import annotations

import pytest
from product import Product
from vnet_lab.util import LabError
from vnet_xen.contents import RELEASES
from vnet_xen.dom0 import UNWATCHED, Dom0

BRIDGE = [{"name": "xenbr0", "addresses": ["10.0.0.254/24"]}]


def test_a_guest_reaches_its_dom0_through_a_bridge_of_ours(dom0: Dom0, product: Product) -> None:
    assert f"xen_version            : {RELEASES[dom0.release]}." in dom0.ssh("xl info").stdout
    assert product.bridges("dom0", BRIDGE, **UNWATCHED)
    try:
        dom0.create("one", ["mac=00:16:3e:00:00:01,bridge=xenbr0,vifname=one0"], told="ip0=10.0.0.1/24")
        assert "1 packets received" in dom0.domu("one", "ping -c1 -W5 10.0.0.254").stdout
        assert dom0.domu("one", "ping -c1 -W1 10.0.0.9", check=False).returncode == 1
        assert "one0" in dom0.ssh("bridge link show").stdout
    finally:
        dom0.ssh("xl destroy one", check=False)
        product.bridges("dom0", BRIDGE, state="absent", allow_disruption=True, **UNWATCHED)
    assert "xenbr0" not in dom0.ssh("ip link").stdout


def test_a_command_that_fails_is_told(dom0: Dom0) -> None:
    with pytest.raises(LabError, match="exit 3: exit 3"):
        dom0.ssh("exit 3")
