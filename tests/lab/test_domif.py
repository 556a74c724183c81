# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of libvirt's guests, plugged into what one document declares while a real guest runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from libvirt_guest import BOOT, OS, bring_guest, pinged, pings, ports, settle, virsh
from product import Product
from spans import SOAK, some
from steps import Steps
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import wait_until

HOSTS = {name: (f"d{name[2:]}-libvirt", "static") for name in some("ld13", more=["ld12"])}
ADDRESS = "10.70.0.10"
OFFICE: dict[str, Any] = {
    "name": "office",
    "layout": "libvirt",
    "bridge": "virbr7",
    "addresses": ["10.70.0.1/24"],
    "dhcp": {"ranges": ["10.70.0.100-10.70.0.199"]},
}
LAB: dict[str, Any] = {"name": "lab", "bridge": "br7", "addresses": ["10.71.0.1/24"]}
CARD: dict[str, Any] = {"network": "office", "name": "web-0", "mac": "52:54:00:00:00:01", "addresses": [f"{ADDRESS}/24"]}
# The domain has it already, as it is stored, and gets it back so.
OLD: dict[str, Any] = {"network": "lab", "name": "web-1", "mac": "52:54:00:00:00:02", "addresses": ["10.71.0.10/24"]}
# It waits for its card, and asks for its address then.
DOMAIN = f"""\
<domain type='qemu'><name>web</name><description>as its owner wrote it</description><memory unit='MiB'>128</memory>{OS}<features><acpi/></features>
<devices><serial type='null'/></devices></domain>
"""


def declare(lab: Lab, host: Machine, *cards: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
    guests = [{"name": "web", "toolstack": "libvirt", "interfaces": list(cards)}] if cards else []
    words = {"networks": [OFFICE, LAB], "guests": guests, **options}
    return Product(lab).module(host.name, "vnet_host", words, check=check)


def run(lab: Lab, host: Machine, *cards: dict[str, Any], **options: Any) -> dict[str, Any]:
    made = declare(lab, host, *cards, **options)
    assert not made.get("failed"), made.get("msg")
    return made


@contextmanager
def guest(host: Machine) -> Iterator[None]:
    bring_guest(host)
    virsh(host, "define", "/dev/stdin", stdin=DOMAIN)
    virsh(host, "start", "web")
    try:
        yield
    finally:
        host.exec(["virsh", "destroy", "web"], check=False)
        host.exec(["virsh", "undefine", "web"], check=False)


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_a_guest_gets_its_card_while_it_runs(fleet: Lab, name: str) -> None:
    host = fleet.host(name)
    settle(host)
    with guest(host):
        virsh(host, "attach-interface", "web", "network", "default", "--mac", OLD["mac"], "--model", "e1000", "--config")
        before, stored = host.snapshot(), virsh(host, "dumpxml", "--inactive", "web")
        check = declare(fleet, host, CARD, OLD, check=True)
        made = run(fleet, host, CARD, OLD)
        assert made["changed"] and made["diff"] == check["diff"]
        wait_until(lambda: pings(host, ADDRESS), BOOT, "the guest answers at the address of its record")
        again = run(fleet, host, CARD, OLD)
        assert (again["changed"], again["commands"], again["diff"]) == (False, [], [])
        assert (list(ports(host, "virbr7")), list(ports(host, "br7"))) == (["web-0"], ["web-1"])
        assert host.exec(["busybox", "nslookup", "web", "10.70.0.1"], check=False).stdout.count(ADDRESS) == 1
        assert '"web-0"' in host.exec(["nft", "list", "set", "bridge", "vnet_guard", "from_guest"]).stdout

        with pinged(host, ADDRESS) as found:
            changed = run(fleet, host, {**CARD, "tap": {"isolated": True}}, OLD)
        assert [line.split()[1] for line in changed["commands"]] == ["update-device"] * 2 and found.lost == 0
        assert ports(host, "virbr7")["web-0"]["isolated"]
        refused = declare(fleet, host, {**CARD, "mtu": 1400}, OLD)
        assert refused["failed"] and "web-0 of web is unplugged and plugged in again" in refused["msg"]

        known, _old = Product(fleet).module(name, "vnet_info", {})["domifs"]
        assert (known["interface"], known["domain"], known["network"], known["isolated"]) == ("web-0", "web", "office", True)
        gone = run(fleet, host, networks=[], prune=True, allow_empty=True, allow_disruption=True)
        assert gone["changed"] and virsh(host, "dumpxml", "--inactive", "web") == stored
        settle(host)
        assert diff_snapshots(before, host.snapshot()) == []


@pytest.mark.skipif(not SOAK, reason="every attribute with a guest: make soak")
@pytest.mark.parametrize("name", sorted(HOSTS))
def test_what_each_attribute_costs(fleet: Lab, name: str) -> None:
    """A guest that loses its card must ask for its address again, which this one does not."""
    host = fleet.host(name)
    with guest(host):
        run(fleet, host, CARD)
        wait_until(lambda: pings(host, ADDRESS), BOOT, "the guest answers")
        for what, change in (("isolated", {"tap": {"isolated": True}}), ("not isolated", {})):
            with pinged(host, ADDRESS) as found:
                run(fleet, host, {**CARD, **change})
            print(f"{name}: {what}: {found.lost} lost, {found.gap:.2f} s", flush=True)
            assert found.lost == 0
        moved = run(fleet, host, {**CARD, "network": "lab", "addresses": [f"{ADDRESS}/24"]})
        assert "detach-device" not in str(moved["commands"]) and list(ports(host, "br7")) == ["web-0"]
        with pinged(host, ADDRESS) as found:
            run(fleet, host, CARD)
            began = time.monotonic()
            wait_until(lambda: pings(host, ADDRESS), 10, "the guest answers in its network again")
            print(f"{name}: back in its network: answers after {time.monotonic() - began:.2f} s", flush=True)
        for what, change in (("mtu", {"mtu": 1400}), ("model", {"mtu": 1400, "model": "e1000"}), ("name", {"name": "www-0"})):
            began = time.monotonic()
            made = run(fleet, host, {**CARD, **change}, allow_disruption=True, prune=True)
            print(f"{name}: {what}: plugged anew, {time.monotonic() - began:.1f} s in all", flush=True)
            assert [line.split()[1] for line in made["commands"] if line.startswith("virsh")][:2] == ["detach-device", "attach-device"]
            again = run(fleet, host, {**CARD, **change}, prune=True)
            assert (again["changed"], again["commands"]) == (False, [])
        run(fleet, host, networks=[], prune=True, allow_empty=True, allow_disruption=True)


@pytest.mark.skipif(not SOAK, reason="killed before each command: make soak")
def test_killed_in_the_middle_the_next_run_converges(fleet: Lab) -> None:
    """The guest never has its card twice, and has it in the end."""
    host, steps = fleet.host("ld13"), Steps(fleet.host("ld13"))
    changed = {**CARD, "mtu": 1400}
    with guest(host):
        run(fleet, host, CARD)
        wait_until(lambda: pings(host, ADDRESS), BOOT, "the guest answers")
        for before in ("detach-device", "attach-device", "update-device"):
            steps.hold(before)
            with ThreadPoolExecutor() as beside:
                done = beside.submit(declare, fleet, host, changed, allow_disruption=True)
                wait_until(lambda: steps.reached, 60, f"the run comes to {before}")
                host.exec(["kill", "-KILL", steps.process])
                steps.release()
                answer = done.result(120)
            assert answer.get("failed") or answer.get("unreachable"), answer
            after = run(fleet, host, changed, allow_disruption=True)
            assert "an earlier run was stopped in the middle" in str(after.get("warnings"))
            for stored in ([], ["--inactive"]):
                assert virsh(host, "domiflist", "web", *stored).count(CARD["mac"]) == 1
            again = run(fleet, host, changed)
            assert (again["changed"], again["commands"]) == (False, [])
            run(fleet, host, CARD, allow_disruption=True)
        run(fleet, host, networks=[], prune=True, allow_empty=True, allow_disruption=True)
