# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interfaces of running guests, by a real xl: attached, left alone, attached anew, detached, and nothing left of those that failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from product import Product
from spans import SOAK, some
from vnet_lab.util import wait_until
from vnet_xen.dom0 import UNWATCHED, Dom0

FIRST, SECOND = "00:16:3e:00:00:01", "00:16:3e:00:00:02"
VIF = {"domain": "one", "name": "one1", "mac": SECOND, "bridge": "xenbr1", "rate": "10Mb/s"}
BRIDGES = [{"name": "xenbr0", "addresses": ["10.0.0.254/24"]}, {"name": "xenbr1", "addresses": ["10.0.1.254/24"]}]
BROKEN = """#!/bin/bash
. /etc/xen/scripts/vif-common.sh
fatal "no luck today"
"""
HOOK = "/etc/xen/scripts/vif-post.d/10-broken.hook"


@pytest.fixture(scope="module")
def guest(dom0: Dom0) -> Iterator[Dom0]:
    """A guest that runs on bridges of ours, with one interface that nobody declared."""
    product = Product(dom0)
    assert product.bridges("dom0", BRIDGES, **UNWATCHED)
    dom0.create("one", [f"mac={FIRST},bridge=xenbr0,vifname=one0"], told="ip0=10.0.0.1/24 ip1=10.0.1.1/24")
    assert dom0.reaches("one", "10.0.0.254", patience=60)
    yield dom0
    dom0.ssh("xl destroy one", check=False)
    product.bridges("dom0", BRIDGES, state="absent", allow_disruption=True, **UNWATCHED)
    assert "xenbr" not in dom0.ssh("ip link").stdout


def run(product: Product, *vifs: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
    return product.module("dom0", "xen_vif", {"vifs": list(vifs), **UNWATCHED, **options}, check=check)


def store(dom0: Dom0) -> str:
    """Everything of vifs and of debris that xenstore has."""
    return dom0.ssh("xenstore-list /local/domain; xenstore-ls -f /libxl | grep /device/vif").stdout


def config(dom0: Dom0) -> list[str]:
    return dom0.ssh("cat /etc/xen/one.cfg").stdout.splitlines()


def test_a_vif_comes_changes_and_goes_live_and_in_the_guests_file(guest: Dom0, product: Product) -> None:
    before, old = store(guest), config(guest)
    told = run(product, VIF, scope="both", check=True)
    done = run(product, VIF, scope="both")
    assert not done.get("failed") and done["changed"], done
    assert done["diff"] == told["diff"] and done["commands"] == told["commands"]
    assert not run(product, VIF, scope="both")["changed"]
    assert "master xenbr1" in guest.ssh("ip link show dev one1").stdout
    assert SECOND in guest.domu("one", "cat /sys/class/net/eth1/address").stdout
    assert guest.reaches("one", "10.0.1.254", patience=60)
    assert [line for line in config(guest) if line not in old] == [line for line in config(guest) if "one1" in line]
    said = guest.ssh("xl create -q -n /etc/xen/one.cfg").stdout
    nics = json.loads(said[said.index("{") :])["nics"]
    assert [(nic["mac"], nic["bridge"], nic["ifname"]) for nic in nics] == [(FIRST, "xenbr0", "one0"), (SECOND, "xenbr1", "one1")]

    other = {**VIF, "name": "www"}
    refused = run(product, other, scope="both")
    assert refused["failed"] and "one1 of one is attached anew for another name" in refused["msg"]
    renamed = run(product, other, scope="both", allow_disruption=True)
    assert not renamed.get("failed"), renamed
    assert "one1" not in guest.ssh("ip link; cat /etc/xen/one.cfg").stdout
    assert "master xenbr1" in guest.ssh("ip link show dev www").stdout

    facts = {vif["devid"]: vif for vif in product.module("dom0", "vnet_info", {})["vifs"]}
    assert {vif: facts[vif]["interface"] for vif in facts} == {0: "one0", 1: "www"}
    assert (facts[0]["owner"], facts[1]["owner"], facts[1]["rate"]) == ("", "site", "1250000B/s@50000us")

    gone = run(product, {"domain": "one", "mac": SECOND}, state="absent", allow_disruption=True)
    assert not gone.get("failed") and gone["changed"], gone
    assert "www" not in guest.ssh("ip link; cat /etc/xen/one.cfg").stdout
    assert store(guest) == before


@pytest.mark.parametrize("how", some("script", more=["hook"]))
def test_nothing_is_left_of_an_attach_that_failed(guest: Dom0, product: Product, how: str) -> None:
    before, links = store(guest), guest.ssh("ip -o link | cut -d: -f2").stdout
    if how == "script":
        guest.write("/etc/xen/scripts/vif-broken", BROKEN)
        guest.ssh("chmod +x /etc/xen/scripts/vif-broken")
    else:
        guest.write(HOOK, "false\n")
        guest.ssh(f"chmod +x {HOOK}")
    try:
        failed = run(product, {**VIF, **({"script": "vif-broken"} if how == "script" else {})})
    finally:
        guest.ssh(f"rm -f /etc/xen/scripts/vif-broken {HOOK}")
    assert failed["failed"] and failed["msg"].endswith("the host is as it was before"), failed
    assert "no luck today" in failed["msg"] or how == "hook"
    assert store(guest) == before
    assert guest.ssh("ip -o link | cut -d: -f2").stdout == links


@pytest.mark.skipif(not SOAK, reason="make soak")
def test_the_next_run_mends_what_a_killed_module_left(guest: Dom0, product: Product, tmp_path: Path) -> None:
    before = store(guest)
    guest.write(HOOK, "[ $command = offline ] || sleep 60\n")
    guest.ssh(f"chmod +x {HOOK}")
    task = {"name": "Attach", "hypervisor.vnet.xen_vif": {"vifs": [VIF], **UNWATCHED}}
    (tmp_path / "play.yml").write_text(json.dumps([{"name": "Test", "hosts": "dom0", "gather_facts": False, "tasks": [task]}]))
    play = product.begin(str(tmp_path / "play.yml"))
    try:
        # Its parent is the module; the script is in the hook by then.
        wait_until(lambda: "sleep 60" in guest.ssh("ps -eo args").stdout, 240, "the script is in its hook", poll=0.5)
        guest.ssh("kill -KILL $(ps -o ppid= -p $(pgrep -of '[b]in/xl network-attach one'))")
        play.wait(120)
    finally:
        play.kill()
        guest.ssh(f"rm -f {HOOK}; pkill -xf 'sleep 60'", check=False)
    mended = run(product, VIF)
    assert not mended.get("failed") and mended["changed"], mended
    assert "an earlier run was stopped in the middle" in " ".join(mended["warnings"])
    assert guest.reaches("one", "10.0.1.254", patience=60)
    assert not run(product, VIF, state="absent", allow_disruption=True).get("failed")
    assert store(guest) == before


@pytest.mark.skipif(not SOAK, reason="make soak")
def test_all_that_is_wrong_is_said_before_xl_is_called(guest: Dom0, product: Product) -> None:
    before = store(guest)
    wrong = [
        {"domain": "nosuch", "mac": "00:16:3e:00:00:08"},
        {"domain": "one", "mac": "00:16:3e:00:00:09", "bridge": "xenbr9"},
        {"domain": "one", "name": "xenbr0"},
    ]
    refused = run(product, *wrong)
    assert [problem["path"] for problem in refused["problems"]] == ["vifs[0].domain", "vifs[1].bridge", "vifs[2].name"]
    assert store(guest) == before
