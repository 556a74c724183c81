# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What moving the uplink costs the traffic through it: pings lost while eth0 goes into a bridge and out again, per back end.

Whole hosts of the lab, the real module over real SSH, a 1 ms ping stream from outside; the median of several moves.
"""

from __future__ import annotations

import os
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from product import Product
from rows import Row, hand_over, say
from vnet_lab.kinds import DEFAULT_HOSTS
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.measure import FINE, Measurement, measure

PRESENT = {"bridges": [{"name": "xenbr0", "uplink": "eth0"}]}
ABSENT = {"bridges": [{"name": "xenbr0"}], "state": "absent"}
TARGET = 5.0


def moved(product: Product, host: Machine, options: dict[str, object]) -> Measurement:
    found = measure(host, lambda: product.module(host.name, "xen_bridge", options), after=2.0, every=FINE)
    if not found.result.get("changed"):
        raise SystemExit(f"{host.name}: {found.result.get('msg', 'nothing was moved')}")
    if not found.ssh_alive:
        raise SystemExit(f"{host.name}: an SSH session died")
    return found


def rows_of(name: str, profile: str, way: str, runs: list[Measurement]) -> list[Row]:
    rows = []
    for stream in ("v4", "v6"):
        gaps = [run.stream(stream).longest_gap_ms for run in runs]
        lost = sum(run.stream(stream).lost for run in runs)
        median = statistics.median(gaps)
        title = f"{name}, {profile}, {way}, {stream}: longest gap, median of {len(runs)} (max {max(gaps):.1f}, {lost} pings lost in all)"
        rows.append(Row(title, median, "ms", target=f"at most {TARGET:g} ms", ok=median <= TARGET))
        say(f"   {title}: {median:.1f} ms")
    return rows


def gaps(name: str, profile: str, times: int) -> list[Row]:
    say(f"== the uplink move: {name}, {profile}, {times} times forward and back")
    with Lab(f"bench-{os.getpid()}", owner=os.getpid(), quiet=True) as lab:
        host = lab.start(name, DEFAULT_HOSTS[name], profile)
        product = Product(lab)
        forward, back = [], []
        for _time in range(times):
            forward.append(moved(product, host, PRESENT))
            back.append(moved(product, host, ABSENT))
    return rows_of(name, profile, "into the bridge", forward) + rows_of(name, profile, "back", back)


if __name__ == "__main__":
    found = []
    for host_name in DEFAULT_HOSTS:
        for profile_name in ("static", "dhcp"):
            found += gaps(host_name, profile_name, int(sys.argv[1]))
    hand_over(found)
