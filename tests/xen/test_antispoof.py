# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What real guests of Xen can send: guards stand by name before the interface, and ports without a name are closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from product import Product
from spans import SOAK
from vnet_lab.util import wait_until
from vnet_xen.dom0 import UNWATCHED, Dom0

EVIL, VICTIM, NAMELESS = "00:16:3e:00:00:11", "00:16:3e:00:00:12", "00:16:3e:00:00:13"
GUARDS = [
    {"interface": "evil0", "mac": EVIL, "addresses": ["10.0.0.1"]},
    {"interface": "victim0", "mac": VICTIM, "addresses": ["10.0.0.2"]},
]


@pytest.fixture
def guests(dom0: Dom0, product: Product) -> Iterator[Dom0]:
    """Two in one bridge, guarded before they are there."""
    dom0.ssh("ip link add xenbr0 type bridge no_linklocal_learn 1; ip addr add 10.0.0.254/24 dev xenbr0; ip link set xenbr0 up")
    guard(product, GUARDS, unlisted_ports="drop", match=["vif*"])
    dom0.create("evil", [f"mac={EVIL},bridge=xenbr0,vifname=evil0"], told="ip0=10.0.0.1/24 ip1=10.0.0.3/24")
    dom0.create("victim", [f"mac={VICTIM},bridge=xenbr0,vifname=victim0"], told="ip0=10.0.0.2/24")
    yield dom0
    dom0.ssh("xl destroy evil; xl destroy victim; ip link del xenbr0", check=False)
    guard(product, [], prune=True, allow_empty=True, unlisted_ports="untouched")


def guard(product: Product, items: list[dict[str, Any]], **options: Any) -> None:
    result = product.module("dom0", "antispoof", {"guards": items, **UNWATCHED, **options})
    assert not result.get("failed"), result


def reaches(dom0: Dom0, source: str, target: str = "10.0.0.2", *, patience: float = 0) -> bool:
    """From an address or by an interface of the evil guest."""
    return dom0.reaches("evil", target, source, patience=patience)


@pytest.mark.skipif(not SOAK, reason="the hook's test sends good and spoofed frames as well: make soak")
def test_what_a_guest_may_not_send_does_not_arrive(guests: Dom0, product: Product) -> None:
    assert reaches(guests, "10.0.0.1", patience=60) and reaches(guests, "10.0.0.1", "10.0.0.254")
    guests.domu("evil", "ip addr add 10.0.0.66/24 dev eth0")
    assert not reaches(guests, "10.0.0.66") and not reaches(guests, "10.0.0.66", "10.0.0.254")

    # One without a name has no guard and is closed, until somebody opens it.
    guests.ssh(f"xl network-attach evil mac={NAMELESS} bridge=xenbr0")
    wait_until(lambda: "10.0.0.3" in guests.domu("evil", "ip addr show dev eth1").stdout, 30, "eth1 has its address", poll=0.5)
    assert not reaches(guests, "eth1", "10.0.0.254")
    guard(product, GUARDS, unlisted_ports="untouched")
    assert reaches(guests, "eth1", "10.0.0.254", patience=10)

    # As another one after xl reboot it has the same name, so its guard is there.
    guests.ssh("xl reboot -F evil")
    wait_until(
        lambda: guests.domu("evil", "ip addr add 10.0.0.66/24 dev eth0", check=False).returncode == 0, 60, "the guest is back", poll=0.5
    )
    assert reaches(guests, "10.0.0.1", patience=60)
    assert not reaches(guests, "10.0.0.66")
