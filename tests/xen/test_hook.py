# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook of real vif scripts: interfaces without a name are opened for what is declared, and none is up that it failed for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from product import Product
from spans import SOAK
from vnet_lab.util import wait_until
from vnet_xen.dom0 import UNWATCHED, Dom0

ONE, TWO = "00:16:3e:00:00:21", "00:16:3e:00:00:22"
GUARDS = [{"interface": "one0", "mac": ONE, "addresses": ["10.0.0.1"]}]
HOOK = "/etc/xen/scripts/vif-post.d/50-hypervisor-vnet.hook"
HOST = "10.0.10.254"
OWN = "/etc/hypervisor-vnet/hooks.d"
BROKEN = '#!/bin/sh\n[ "$1" != online ] || { echo "no luck for $2 of $3"; exit 3; }\n'


@pytest.fixture(scope="module")
def bridge(dom0: Dom0) -> Iterator[Dom0]:
    dom0.ssh("ip link add xenbr0 type bridge no_linklocal_learn 1; ip addr add 10.0.0.254/24 dev xenbr0; ip link set xenbr0 up")
    yield dom0
    dom0.ssh(f"rm -rf {OWN}; xl destroy one; ip link del xenbr0", timeout=120, check=False)


def guard(product: Product, items: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    result = product.module("dom0", "antispoof", {"guards": items, **UNWATCHED, **options})
    assert not result.get("failed"), result
    return result


def is_true(dom0: Dom0) -> bool:
    """Good frames arrive, and those from another's address do not."""
    wait_until(
        lambda: dom0.domu("one", "ip addr add 10.0.0.66/24 dev eth0", check=False).returncode == 0, 180, "the guest is back", poll=0.5
    )
    return dom0.reaches("one", "10.0.0.254", "10.0.0.1", patience=60) and not dom0.reaches("one", "10.0.0.254", "10.0.0.66")


def opened(dom0: Dom0) -> str:
    return dom0.ssh("nft list set bridge vnet_guard from_guest | grep -o 'vif[0-9.]*'", check=False).stdout


def test_an_interface_without_a_name_is_opened_for_what_is_declared(bridge: Dom0, product: Product) -> None:
    guard(product, GUARDS, unlisted_ports="drop", match=["vif*"])
    bridge.create("one", [f"mac={ONE},bridge=xenbr0"], told="ip0=10.0.0.1/24")
    assert is_true(bridge)
    assert not guard(product, GUARDS)["changed"]
    if SOAK:
        bridge.ssh("xl reboot -F one", timeout=120)
        assert is_true(bridge)

    # One for which a hook fails is not up, and says why.
    bridge.write(f"{OWN}/10-broken", BROKEN)
    bridge.ssh(f"chmod +x {OWN}/10-broken")
    failed = bridge.ssh(f"xl network-attach one mac={TWO} bridge=xenbr0 vifname=two0", timeout=120, check=False)
    said = bridge.ssh("xenstore-ls -f /local/domain/0/backend/vif | grep hotplug").stdout
    reason = f"{OWN}/10-broken online two0 one: exit status 3: no luck for two0 of one"
    # On a busy machine libxl, which waits 40 s, may end the script before that.
    assert failed.returncode == 1 and (reason in said or "because of timeout" in failed.stderr)
    assert "state DOWN" in bridge.ssh("ip link show dev two0").stdout
    bridge.ssh(f"rm {OWN}/10-broken; xl network-detach one {TWO}", timeout=120)

    bridge.ssh("xl destroy one", timeout=120)
    wait_until(lambda: not opened(bridge), 60, "nothing is left of it", poll=0.5)
    guard(product, [], prune=True, allow_empty=True, unlisted_ports="untouched")
    assert bridge.ssh(f"ls {HOOK}", check=False).returncode


@pytest.mark.skipif(not SOAK, reason="make soak")
def test_ports_have_the_vlans_that_are_declared(bridge: Dom0, product: Product) -> None:
    """In VLAN 10 the guest reaches the host's end of it, and in another it does not; over a start of the guest, too."""
    bridge.ssh("ip link set xenbr0 type bridge vlan_filtering 1; bridge vlan add dev xenbr0 vid 10 self")
    bridge.ssh("ip link add link xenbr0 name v10 type vlan id 10; ip addr add 10.0.10.254/24 dev v10; ip link set v10 up")
    bridge.create("one", ["bridge=xenbr0,vifname=one0"], told="ip1=10.0.10.1/24")
    vif = {"domain": "one", "name": "one1", "mac": TWO, "bridge": "xenbr0", "vlan": "10", "isolated": True}
    options = {"scope": "both", **UNWATCHED}
    try:
        done = product.module("dom0", "xen_vif", {"vifs": [vif], **options})
        assert not done.get("failed"), done
        assert bridge.reaches("one", HOST, patience=60) and "isolated on" in bridge.ssh("bridge -d link show dev one1").stdout
        bridge.ssh("xl destroy one; xl create -q /etc/xen/one.cfg", timeout=120)
        assert bridge.reaches("one", HOST, patience=180)
        moved = product.module("dom0", "xen_vif", {"vifs": [{**vif, "vlan": "20p/30"}], **options})
        assert not moved.get("failed") and moved["commands"][-1].startswith("bridge vlan add dev one1 vid 20"), moved
        assert not bridge.reaches("one", HOST)

        # Where nobody keeps VLANs, the guest would be in everybody's network.
        bridge.ssh("xl destroy one; ip link set xenbr0 type bridge vlan_filtering 0")
        assert bridge.ssh("xl create -q /etc/xen/one.cfg", timeout=120, check=False).returncode
        assert "one" not in bridge.ssh("xl list").stdout
    finally:
        gone = product.module("dom0", "xen_vif", {"vifs": [vif], "state": "absent", "allow_disruption": True, **UNWATCHED})
        bridge.ssh("xl destroy one; ip link del v10", timeout=120, check=False)
    assert not gone.get("failed"), gone
    assert bridge.ssh(f"ls {HOOK}", check=False).returncode
