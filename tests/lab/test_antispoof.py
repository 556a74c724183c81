# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on whole hosts: they stand after whatever happens to nftables and to the host, before the guest comes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import lab_name
from product import Product
from spans import some
from vnet_lab.guest import Guest
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots

HOSTS = dict(some(("as12", ("d12-networkd", "static")), more=(("as13", ("d13-networkd", "static")),)))
EVIL, VICTIM, SPOOFED = "10.9.0.1", "10.9.0.2", "10.9.0.66"
UNIT = "hypervisor-vnet-nftables.service"
# From the end of the command that loaded nftables anew until spoofed frames are dropped again.
LEAK = 1.0


@pytest.fixture(scope="module")
def as_lab() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("whole hosts need root")
    with Lab(lab_name("as"), owner=os.getpid()) as made:
        made.start_many(HOSTS)
        yield made


def guests(host: Machine) -> tuple[Guest, Guest]:
    return Guest.plug(host, "xenbr1", "evil", [f"{EVIL}/24", f"{SPOOFED}/24"]), Guest.plug(host, "xenbr1", "victim", [f"{VICTIM}/24"])


def guard(host: Machine) -> list[dict[str, Any]]:
    evil, victim = Guest(host, "evil"), Guest(host, "victim")
    return [
        {"interface": evil.port, "mac": evil.mac, "addresses": [EVIL]},
        {"interface": victim.port, "mac": victim.mac, "addresses": [VICTIM]},
    ]


def run(lab: Lab, host: str, items: list[dict[str, Any]], **options: Any) -> bool:
    result = Product(lab).module(host, "antispoof", {"guards": items, **options})
    assert not result.get("failed"), result
    return bool(result["changed"])


def states(lab: Lab, host: str) -> set[str]:
    return {item["state"] for item in Product(lab).module(host, "vnet_info", {})["guards"]}


def spoofs(guest: Guest) -> bool:
    return guest.exec(["ping", "-n", "-q", "-W", "0.3", "-c", "1", "-I", SPOOFED, VICTIM], check=False).returncode == 0


def is_tight(guest: Guest) -> bool:
    """Within the time that a leak may last, nothing false gets through, and what is true does."""
    end = time.monotonic() + LEAK
    while spoofs(guest):
        if time.monotonic() > end:
            return False
    return guest.ping(VICTIM)


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_guards_stand_whatever_happens_to_nftables(as_lab: Lab, name: str) -> None:
    host = as_lab.host(name)
    before = host.snapshot()
    # With br_netfilter at work, firewalld would filter what guests say to each other.
    bridge = {"bridges": [{"name": "xenbr1"}], "bridge_netfilter": "disable"}
    assert Product(as_lab).module(name, "xen_bridge", bridge)["changed"]
    host.exec(["systemctl", "enable", "--now", "nftables.service"])
    evil, victim = guests(host)
    assert spoofs(evil)
    assert run(as_lab, name, guard(host))
    assert is_tight(evil)
    assert not run(as_lab, name, guard(host))

    for verbs in (["restart"], ["reload"], ["stop", "start"]):
        for verb in verbs:
            host.exec(["systemctl", verb, "nftables.service"])
        assert is_tight(evil), verbs
    assert not run(as_lab, name, guard(host))

    # firewalld stops nftables.service when it starts, and that flushes every table.
    for verb in ("start", "restart", "stop"):
        host.exec(["systemctl", verb, "firewalld.service"])
        assert is_tight(evil), verb
    host.exec(["systemctl", "start", "nftables.service"])
    assert is_tight(evil) and not run(as_lab, name, guard(host))

    # By hand, past systemd: it is told, and the next run repairs it.
    host.exec(["nft", "-f", "/etc/nftables.conf"])
    assert spoofs(evil)
    assert states(as_lab, name) == {"UNGUARDED"}
    assert run(as_lab, name, guard(host))
    assert is_tight(evil) and states(as_lab, name) == {"enforce"}

    host.reboot()
    # The guests are gone, their guards wait for them.
    assert states(as_lab, name) == {"enforce"} and host.failed_units() == []
    started = [int(host.exec(["systemctl", "show", "-P", f"{edge}Monotonic", unit]).stdout) for edge, unit in EDGES]
    assert 0 < started[0] <= started[1]
    evil, victim = guests(host)
    assert is_tight(evil)
    assert not run(as_lab, name, guard(host))

    evil.remove()
    victim.remove()
    assert run(as_lab, name, guard(host), state="absent")
    host.exec(["systemctl", "disable", "--now", "nftables.service"])
    assert Product(as_lab).module(name, "xen_bridge", {**bridge, "state": "absent"})["changed"]
    assert diff_snapshots(before, host.snapshot()) == []


# Ours is there before the network begins.
EDGES = (("ActiveEnterTimestamp", UNIT), ("ActiveEnterTimestamp", "network-pre.target"))
