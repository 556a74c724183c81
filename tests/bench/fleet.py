# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet costs: site.yml with every layout on 1, 4 and 16 hosts, first and again, against a play of one ping task.

Whole hosts of the lab over real SSH; every run of Ansible opens its own connections, all hosts in one batch, as many forks as
hosts. Words: how many hosts (1 4 16).
"""

from __future__ import annotations

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from product import Product
from rows import Row, hand_over, say
from vnet_lab.lab import Lab

COUNTS = (1, 4, 16)
KIND, PROFILE = "d12-networkd", "static"
TIMES = 3
FIRST, AGAIN = 4.0, 2.0
NETWORKS = [
    {"name": "xenbr0", "layout": "bridge", "uplink": "eth0"},
    {"name": "xenbr1", "layout": "bridge"},
    {
        "name": "vnat0",
        "layout": "nat",
        "addresses": ["10.0.0.254/16"],
        "dhcp": {"ranges": ["10.0.2.1-10.0.2.254"]},
        "forwards": [{"port": "5022", "to": "10.0.0.1", "to_port": "22"}],
    },
    {"name": "routed0", "layout": "route", "addresses": ["10.97.0.1/24"]},
    {"name": "dmz", "layout": "brouter", "addresses": ["10.98.98.1/24"], "zone": "dmz"},
]
PING = "- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.ping: }]}\n"


def seconds(product: Product, play: str, changed: bool | None = None) -> float:
    """One run. ``changed``: whether every host must say so, or none."""
    hosts = list(product.lab.names())
    variables = {"vnet_hosts": "all", "vnet_networks": NETWORKS, "vnet_serial": ["100%"]}
    with tempfile.TemporaryDirectory() as sockets:
        # As Ansible does it by itself, but for the folder: no run finds the connections of the one before.
        variables["ansible_ssh_args"] = f"-o ControlMaster=auto -o ControlPersist=60s -o ControlPath={sockets}/%C"
        began = time.monotonic()
        played = product.playbook(play, "--forks", str(len(hosts)), variables=variables)
        took = time.monotonic() - began
        subprocess.run(["sh", "-c", 'for one in "$1"/*; do ssh -q -O exit -o ControlPath="$one" host; done', "sh", sockets], check=False)
    said = [bool(counts["changed"]) for counts in played.recap.values()]
    if played.rc or len(said) != len(hosts) or (changed is not None and set(said) != {changed}):
        raise SystemExit(played.output[-3000:])
    return took


def fleet(count: int) -> list[Row]:
    say(f"== site.yml on {count} hosts")
    with Lab(f"bench-{os.getpid()}", owner=os.getpid(), quiet=True) as lab, tempfile.TemporaryDirectory() as folder:
        lab.start_many({f"fleet{number}": (KIND, PROFILE) for number in range(count)})
        product, ping = Product(lab, forks=False), pathlib.Path(folder, "ping.yml")
        ping.write_text(PING, encoding="utf-8")
        seconds(product, str(ping))
        first = seconds(product, "hypervisor.vnet.site", changed=True)
        pings, again = [], []
        for _time in range(TIMES):
            pings.append(seconds(product, str(ping), changed=False))
            again.append(seconds(product, "hypervisor.vnet.site", changed=False))
    one, quiet = statistics.median(pings), statistics.median(again)
    say(f"   ping {one:.2f} s, first {first:.2f} s, again {quiet:.2f} s")
    peer = f"a play of one ping task ({one / count:.2f} s a host)"
    rows = []
    for title, took, most in (("first run", first, FIRST), ("nothing to do", quiet, AGAIN)):
        name = f"site.yml, five networks of all layouts, {count} hosts, {title}: seconds a host"
        rows.append(Row(name, took / count, "s", peer, took / one, f"at most {most:g} times", took / one <= most))
    return rows


if __name__ == "__main__":
    hand_over([row for number in [int(word) for word in sys.argv[1:]] or COUNTS for row in fleet(number)])
