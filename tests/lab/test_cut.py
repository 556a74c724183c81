# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SSH connection that started a change dies in the middle of it: the change goes on, is found again and is confirmed.

Wrappers of the commands that the module runs count them and kill the host's SSH sessions at the chosen one. One point
of each host is tried, with or without pipelining; VNET_SOAK=1 tries every one with both.
"""

from __future__ import annotations

import pytest
from product import Product
from spans import SOAK, quiet, some
from vnet_lab.kinds import DEFAULT_HOSTS
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine

COMMANDS = {"ip": "/usr/sbin/ip", "systemctl": "/usr/bin/systemctl", "networkctl": "/usr/bin/networkctl", "nmcli": "/usr/bin/nmcli"}
WRAPPER = """#!/bin/sh
exec 9>/run/cut.lock; flock 9
n=$(($(cat /run/cut.count) + 1)); echo $n > /run/cut.count
[ "$n" != "$(cat /run/cut.at)" ] || pkill -KILL -f '^sshd(-session)?: root'
exec 9>&-
exec REAL "$@"
"""
PRESENT = {"bridges": [{"name": "xenbr0", "uplink": "eth0"}]}
ABSENT = {"bridges": [{"name": "xenbr0"}], "state": "absent"}


def arm(host: Machine, at: int) -> None:
    for name, real in COMMANDS.items():
        if host.exec(["test", "-x", real], check=False).returncode == 0:
            host.exec(["tee", f"/usr/local/sbin/{name}"], stdin=WRAPPER.replace("REAL", real))
            host.exec(["chmod", "0755", f"/usr/local/sbin/{name}"])
    host.exec(["sh", "-c", f"echo 0 > /run/cut.count; echo {at} > /run/cut.at"])


def disarm(host: Machine) -> int:
    """How many commands were counted."""
    host.exec(["rm", "-f", *(f"/usr/local/sbin/{name}" for name in COMMANDS)])
    return int(host.exec(["cat", "/run/cut.count"]).stdout)


def points(count: int, pipelining: bool) -> list[int]:
    if SOAK:
        return list(range(1, count + 1))
    # In the middle, when the network is on its way, and near the end, when the manager takes over.
    return [count // 2 if pipelining else count * 3 // 4]


@pytest.mark.parametrize(
    ("name", "pipelining"),
    some(("networkd", True), ("ifupdown", False), more=(("nm", True), ("networkd", False), ("ifupdown", True), ("nm", False))),
)
def test_a_lost_connection_does_not_stop_the_change(lab: Lab, name: str, pipelining: bool) -> None:
    host = lab.start(f"cut-{name}", DEFAULT_HOSTS[name], "static")
    name, product = host.name, Product(lab, pipelining)
    arm(host, 0)
    product.module(name, "xen_bridge", PRESENT)
    count = disarm(host)
    assert count > 10, "the wrappers were not used"
    product.module(name, "xen_bridge", ABSENT)
    for at in points(count, pipelining):
        print(f"\n{name}: {'pipelining' if pipelining else 'files'}, the connection dies at command {at} of {count}", flush=True)
        arm(host, at)
        change = product.module(name, "xen_bridge", PRESENT)
        disarm(host)
        assert not change.get("failed"), change.get("msg")
        assert change["changed"]
        assert quiet(host)
        again = product.module(name, "xen_bridge", PRESENT)
        assert not again.get("failed"), again.get("msg")
        assert not again["changed"], again["commands"]
        assert product.module(name, "xen_bridge", ABSENT)["changed"]
