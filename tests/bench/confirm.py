# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs to confirm an uplink move: the whole ansible-playbook with the watchdog against the same one without.

Whole hosts of the lab over real SSH, the two ways in turn; the median of several moves forward and back.
"""

from __future__ import annotations

import os
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from product import Product
from rows import Row, hand_over, say
from vnet_lab.kinds import DEFAULT_HOSTS
from vnet_lab.lab import Lab

PRESENT = {"bridges": [{"name": "xenbr0", "uplink": "eth0"}]}
ABSENT = {"bridges": [{"name": "xenbr0"}], "state": "absent"}
CONFIRMED, BARE = 120, 0
TARGET = 1.5


def seconds(product: Product, host: str, options: dict[str, object], timeout: int) -> float:
    began = time.monotonic()
    result = product.module(host, "xen_bridge", {**options, "confirm_timeout": timeout})
    took = time.monotonic() - began
    if not result.get("changed") or ("confirmed" in result) != bool(timeout):
        raise SystemExit(f"{host}: {result.get('msg', 'nothing was moved, or not as it should be')}")
    return took


def cost(name: str, times: int) -> Row:
    say(f"== confirm: {name}, {times} times forward and back, with and without")
    took: dict[int, list[float]] = {CONFIRMED: [], BARE: []}
    with Lab(f"bench-{os.getpid()}", owner=os.getpid(), quiet=True) as lab:
        host = lab.start(name, DEFAULT_HOSTS[name], "static")
        product = Product(lab)
        for _time in range(times):
            for timeout in (CONFIRMED, BARE):
                took[timeout].append(seconds(product, host.name, PRESENT, timeout))
                took[timeout].append(seconds(product, host.name, ABSENT, timeout))
    confirmed, bare = (statistics.median(took[timeout]) for timeout in (CONFIRMED, BARE))
    title = f"{name}: what it costs to confirm an uplink move, median of {2 * times}"
    say(f"   {title}: {confirmed - bare:.2f} s on top of {bare:.2f} s")
    peer, extra = f"confirm_timeout: 0 ({bare:.2f} s)", confirmed - bare
    return Row(title, extra, "s", peer, confirmed / bare, f"under {TARGET} s", extra < TARGET)


if __name__ == "__main__":
    hand_over([cost(host_name, int(sys.argv[1])) for host_name in DEFAULT_HOSTS])
