# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kvm_tap on whole hosts: a user's playbook makes taps, twice, and they are there again after a reboot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from product import Product
from spans import SOAK
from vnet_lab.kinds import DEFAULT_HOSTS, KINDS
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots

BRIDGE = {"name": "br0"}
RATE = {"to_guest": "50mbit"}
PLAIN: list[dict[str, Any]] = [
    {"name": "tap0", "bridge": "br0", "owner": "nobody", "group": "daemon", "vnet_hdr": True, "mac": "fe:54:00:00:00:01", "rate": RATE},
    {"name": "tap1", "bridge": "br0", "multi_queue": True, "mtu": 1400},
    {"name": "tap2", "owner": "nobody"},
]
ISOLATED = {"name": "tap3", "bridge": "br0", "isolated": True}


def run(product: Product, host: Machine, taps: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    result = product.module(host.name, "kvm_tap", {"taps": taps, **options})
    assert not result.get("failed"), result
    return result


def unchanged(result: dict[str, Any]) -> None:
    assert (result["changed"], result["commands"], result["diff"]) == (False, [], [])


def taps_of(host: Machine) -> dict[str, Any]:
    """What the kernel says of every tap."""
    found = {}
    for link in json.loads(host.exec(["ip", "-json", "-details", "link", "show"]).stdout):
        info = link.get("linkinfo", {})
        if info.get("info_kind") == "tun":
            port = info.get("info_slave_data", {})
            shown = {key: link.get(key) for key in ("address", "mtu", "master")}
            found[link["ifname"]] = {**shown, **info["info_data"], "isolated": port.get("isolated"), "up": "UP" in link["flags"]}
    return found


@pytest.mark.skipif(not SOAK, reason="test_guests and the examples reboot hosts with taps: make soak")
@pytest.mark.parametrize("kind", DEFAULT_HOSTS.values())
def test_taps_come_back_after_a_reboot(lab: Lab, kind: str) -> None:
    host, product = lab.start(f"tap-{kind[4:]}", kind, "static"), Product(lab)
    before = host.snapshot()
    taps = PLAIN if KINDS[kind].manager == "nm" else [*PLAIN, ISOLATED]
    assert not product.module(host.name, "xen_bridge", {"bridges": [BRIDGE]}).get("failed")
    assert run(product, host, taps)["changed"]
    made = taps_of(host)
    assert set(made) == {tap["name"] for tap in taps}
    assert (made["tap0"]["user"], made["tap0"]["master"], made["tap1"]["mtu"], made["tap2"]["master"]) == ("nobody", "br0", 1400, None)
    unchanged(run(product, host, taps))
    host.reboot()
    unchanged(run(product, host, taps))
    assert "tbf 766e: root refcnt 2 rate 50Mbit" in host.exec(["tc", "qdisc", "show", "dev", "tap0"]).stdout
    assert taps_of(host) == made and host.failed_units() == []
    # one goes, one is made anew, the others stay
    taps = [{**taps[0], "owner": "daemon"}, taps[2]]
    run(product, host, taps, prune=True)
    unchanged(run(product, host, taps, prune=True))
    assert set(taps_of(host)) == {"tap0", "tap2"}
    host.reboot()
    unchanged(run(product, host, taps, prune=True))
    run(product, host, taps, state="absent")
    assert not product.module(host.name, "xen_bridge", {"bridges": [BRIDGE], "state": "absent"}).get("failed")
    assert diff_snapshots(before, host.snapshot()) == []
