# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that went over to systemd-networkd, and whose old stanza for eth0 is still in use: we ask, and do as we are told."""

from __future__ import annotations

import pytest
from product import Product
from spans import SOAK
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots

BRIDGE = [{"name": "xenbr0", "uplink": "eth0"}]
INTERFACES = """auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address {}/24
"""


@pytest.fixture
def host(lab: Lab) -> Machine:
    """networkd has made eth0's addresses; ifupdown has added one."""
    found = lab.start("two", "d12-networkd", "static")
    found.exec(["tee", "/etc/network/interfaces"], stdin=INTERFACES.format(found.place.labelled4))
    found.exec(["ifup", "eth0"])
    assert found.exec(["ifquery", "--state", "eth0"]).stdout == "eth0=eth0\n"
    return found


@pytest.mark.skipif(not SOAK, reason="the question is asked in unit tests: make soak")
def test_which_of_two_managers_is_asked_and_the_answer_holds(lab: Lab, host: Machine) -> None:
    product, before = Product(lab), host.snapshot()
    for check in (True, False):
        asked = product.module(host.name, "xen_bridge", {"bridges": BRIDGE}, check=check)
        assert asked["failed"]
        assert asked["msg"] == (
            "bridges[0].uplink: both networkd and ifupdown manage eth0; which one shall keep xenbr0? Say it with persist:, and take eth0"
            " out of the other's configuration"
        )
        assert diff_snapshots(before, host.snapshot()) == []
    assert product.bridges(host.name, BRIDGE, persist="networkd")
    assert not product.bridges(host.name, BRIDGE, persist="networkd")
    assert not product.bridges(host.name, BRIDGE)
    assert product.bridges(host.name, BRIDGE, state="absent")
    assert diff_snapshots(before, host.snapshot()) == []
    assert product.bridges(host.name, BRIDGE, persist="networkd")
    host.reboot()
    assert not product.bridges(host.name, BRIDGE)
    configured = host.exec(["networkctl", "list", "--no-legend", "--no-pager", "xenbr0"]).stdout.split()
    assert configured[-1] == "configured"
