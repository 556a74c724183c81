# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Armed changes on hosts of the lab, and what their hosts say of them."""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from product import ROOT, Product
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.util import wait_until

T = TypeVar("T")
PROGRAM = "/var/lib/hypervisor-vnet/hypervisor-vnet"
PRESENT = {"bridges": [{"name": "xenbr0", "uplink": "eth0"}]}
ABSENT = {"bridges": [{"name": "xenbr0"}], "state": "absent"}
# How late a host may have its old network back: the deadline, then the undoing on a busy machine.
LATE = 15.0
# `make soak` tries everything, and often.
SOAK = bool(os.environ.get("VNET_SOAK"))


def some(*short: T, more: Iterable[T]) -> list[T]:
    """What `make test` tries, in which everything is met once; `make soak` tries ``more`` as well."""
    return [*short, *more] if SOAK else [*short]


def each(function: Callable[[Machine], T], hosts: Iterable[Machine]) -> list[T]:
    """The same on all hosts at the same time; the first failure is the caller's."""
    found = list(hosts)
    with ThreadPoolExecutor(len(found)) as side_by_side:
        return list(side_by_side.map(function, found))


def lost_controller(lab: Lab) -> Product:
    """It begins changes and never comes back for them: Ansible with the collection's modules, without its action plugins."""
    whole, folder = ROOT / "build/ansible_collections/hypervisor/vnet", lab.site.dir / "modules/ansible_collections/hypervisor/vnet"
    (folder / "plugins").mkdir(parents=True, exist_ok=True)
    for path in (*whole.iterdir(), *(whole / "plugins").iterdir()):
        link = folder / path.relative_to(whole)
        if path.name not in ("plugins", "action") and not link.exists():
            link.symlink_to(path)
    return dataclasses.replace(Product(lab), collections=lab.site.dir / "modules")


def begin(product: Product, host: Machine, options: dict[str, Any], timeout: int) -> str:
    """Arm a change as a controller does that is lost then; its id."""
    id_ = uuid.uuid4().hex
    answer = product.module(host.name, "xen_bridge", {**options, "confirm_timeout": timeout, "checkpoint": id_})
    assert not answer["failed"], answer["msg"]
    assert answer["armed"]["id"] == id_
    return id_


def say(host: Machine, *words: str) -> dict[str, Any]:
    """The program's answer to a controller."""
    answer: dict[str, Any] = json.loads(host.exec(["python3", PROGRAM, *words]).stdout)
    return answer


def done(host: Machine, id_: str) -> None:
    """Wait until the change stands and waits for its confirmation."""
    answer = say(host, "result", id_, "--wait", "30")
    assert (answer["state"], answer.get("result", {}).get("failed")) == ("done", False), answer


def undone(host: Machine, id_: str, within: float) -> dict[str, Any]:
    """Wait until the host has undone the change by itself; the report."""
    answer = wait_until(lambda: _undone(host, id_), within, f"{host.name} has undone its change")
    report: dict[str, Any] = answer["report"]
    return report


def _undone(host: Machine, id_: str) -> dict[str, Any]:
    answer = say(host, "result", id_)
    return answer if answer["state"] == "undone" else {}


def answers(host: Machine, address: str = "") -> bool:
    """Does its sshd, at the address it began with or another one?"""
    knock = host.fabric.exec(["busybox", "nc", "-w", "1", address or host.address, "22"], check=False)
    return knock.stdout.startswith("SSH-")


def journal(host: Machine) -> list[dict[str, Any]]:
    text = host.exec(["cat", "/var/lib/hypervisor-vnet/journal"], check=False).stdout
    return [json.loads(line) for line in text.splitlines()]


def quiet(host: Machine) -> bool:
    """Nothing goes on, and nothing waits to be confirmed or undone."""
    script = "flock -n /var/lib/hypervisor-vnet/lock true && test ! -e /var/lib/hypervisor-vnet/journal"
    return host.exec(["sh", "-c", script], check=False).returncode == 0


def is_restored(report: dict[str, Any]) -> bool:
    """Does the host itself find nothing that it could not undo?"""
    return not (report["failures"] or report["left"] or any(report["probes"].values()))


def write(host: Machine, path: str | Path, text: str) -> None:
    host.exec(["tee", str(path)], stdin=text)
