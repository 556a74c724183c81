# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that the controller confirms, or cannot: no host is lost, the task says why, the others of the play are fine.

VNET_SOAK=1 does again and again what is done once otherwise.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import lab_name
from faults import FAULTS, MEMORY, cable, second_gateway
from product import Played, Product
from spans import LATE, SOAK, each, is_restored, quiet, some
from steps import Steps
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots

HOSTS = {"cf-networkd": "d12-networkd", "cf-ifupdown": "d12-ifupdown", "cf-nm": "d13-nm", "cf-fine": "d13-networkd"}
FINE = "cf-fine"
# Those with a back end each.
TRIO = [name for name in HOSTS if name != FINE]
TIMEOUT = 10
# For those that shall be confirmed, however busy the machine is.
LONG = 60
ROUNDS = 20 if SOAK else 1
Tasks = list[dict[str, Any]]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("whole hosts need root")
    with Lab(lab_name("confirm"), owner=os.getpid()) as made:
        made.start_many({name: (kind, "static") for name, kind in HOSTS.items()})
        # What is behind the other NIC knows nothing of the LAN.
        made.fabric.exec(["sysctl", "-qw", "net.ipv4.conf.wan.arp_ignore=1"])
        yield made


def play(product: Product, folder: Path, tasks: Tasks, hosts: dict[str, dict[str, Any]], *words: str, **keywords: Any) -> Played:
    """One play over ``hosts`` (name -> variables). ``keywords`` are the play's own."""
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    plays = [{"name": "A play", "hosts": ",".join(hosts), "gather_facts": False, "tasks": tasks, **keywords}]
    (folder / "play.json").write_text(json.dumps(plays), encoding="utf-8")
    return product.playbook("-i", str(folder / "hosts.json"), str(folder / "play.json"), *words)


def change(**options: Any) -> dict[str, Any]:
    options = {"bridges": "{{ bridges }}", "state": "{{ state }}", "confirm_timeout": "{{ timeout }}", **options}
    return {"name": "Change the network", "hypervisor.vnet.xen_bridge": options}


GO_ON = {"name": "Go on", "ansible.builtin.command": "hostname"}


def failures(played: Played) -> dict[str, dict[str, Any]]:
    """Host -> the result of the task that failed."""
    return {name: json.loads(text) for name, text in re.findall(r"^fatal: \[([\w-]+)\]: FAILED! => (\{.*\})$", played.output, re.MULTILINE)}


def counts(played: Played, host: str) -> tuple[int, ...]:
    """ok, changed, failed, unreachable."""
    return tuple(played.recap[host][key] for key in ("ok", "changed", "failed", "unreachable"))


def lateness(host: Machine) -> float:
    """Seconds from the end of the change to its undoing."""
    begun, over = host.exec(
        ["stat", "-c", "%.3Y", *(f"/var/lib/hypervisor-vnet/{name}.json" for name in ("result", "report"))]
    ).stdout.split()
    return float(over) - float(begun)


def good(state: str = "present", timeout: int = LONG) -> dict[str, Any]:
    """The variables of a host whose uplink moves into a bridge, or back."""
    return {"bridges": [{"name": "xenbr0", **({"uplink": "eth0"} if state == "present" else {})}], "state": state, "timeout": timeout}


def bad(bridges: list[dict[str, Any]], timeout: int = TIMEOUT) -> dict[str, Any]:
    return {"bridges": bridges, "state": "present", "timeout": timeout}


@pytest.fixture(autouse=True)
def whole_world(fleet: Lab) -> Iterator[None]:
    """What a test takes away is there again for the next."""
    yield
    second_gateway(fleet.fabric, alive=True)
    for host in fleet:
        cable(host, "up")


@pytest.mark.parametrize("kind", some("address", "cable", more=[kind for kind in FAULTS if kind not in ("address", "cable")]))
def test_no_host_is_lost(fleet: Lab, tmp_path: Path, kind: str) -> None:
    fault = FAULTS[kind]
    faulty, fine = [fleet.host(name) for name in TRIO], fleet.host(FINE)
    for number in range(ROUNDS):
        before = each(Machine.snapshot, faulty)
        hosts = {host.name: bad(fault.bridges(host)) for host in faulty}
        hosts[FINE] = good()
        # Half of all with, half of all without.
        product = Product(fleet, pipelining=(number + list(FAULTS).index(kind)) % 2 == 0)
        with ThreadPoolExecutor(len(faulty)) as beside:
            for host in faulty if fault.meddle else ():
                Steps(host).hold(MEMORY)
            meddling = [beside.submit(fault.meddle, host, TIMEOUT) for host in faulty if fault.meddle]
            played = play(product, tmp_path, [change(), GO_ON], hosts)
            for one in meddling:
                one.result()
        told = failures(played)
        print(f"{kind}, round {number + 1}", *(f"{host.name}: {told[host.name]['msg']}" for host in faulty), sep="\n", flush=True)
        for host, was in zip(faulty, before):
            assert counts(played, host.name) == (0, 0, 1, 0), played.output
            assert f"not confirmed within {TIMEOUT} s" in told[host.name]["msg"]
            assert fault.says(host) in told[host.name]["msg"]
            report = told[host.name]["report"]
            assert is_restored({**report, "probes": {}} if fault.outlasts else report), report
            assert diff_snapshots(was, host.snapshot()) == []
            assert lateness(host) <= TIMEOUT + LATE
        assert counts(played, FINE) == (2, 2, 0, 0), played.output
        back = play(product, tmp_path, [change(), GO_ON], {FINE: good("absent")})
        assert counts(back, FINE) == (2, 2, 0, 0), back.output
        assert quiet(fine)
        second_gateway(fleet.fabric, alive=True)
