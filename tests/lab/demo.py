# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make demo`: real hosts, one per network manager, get a bridge over the very NIC that SSH comes in by.

First as a diff, then for real while the traffic through the NIC is measured, then again with nothing to change, then
after a reboot. Exits 0 only when all of that is true on every host.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from product import Played, Product
from vnet_lab.kinds import DEFAULT_HOSTS
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.measure import FINE, Measurement, measure

SITE = "hypervisor.vnet.site"
NETWORKS = [{"name": "xenbr0", "layout": "bridge", "uplink": "eth0"}, {"name": "xenbr1", "layout": "bridge"}]
VARIABLES = {"vnet_hosts": "lab", "vnet_networks": NETWORKS}


@dataclass
class Story:
    """What happened on one host; ``wrong`` is empty when all went as promised."""

    host: Machine
    first: Measurement | None = None
    changed: int = -1
    again: int = -1
    after_reboot: int = -1
    bridge_back: bool = False
    wrong: list[str] = field(default_factory=list)


def say(text: str = "") -> None:
    print(text, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    say(f"\n== {title}")
    began = time.monotonic()
    yield
    say(f"   ({time.monotonic() - began:.1f} s)")


def changed(played: Played, story: Story, what: str) -> int:
    """How many tasks changed something; a failure is written down."""
    found = played.recap.get(story.host.name, {})
    if played.rc or not found or found.get("failed") or found.get("unreachable"):
        story.wrong.append(f"{what} failed")
        say(played.output[-3000:])
    return found.get("changed", -1)


def apply(product: Product, story: Story) -> None:
    name = story.host.name
    story.first = measure(story.host, lambda: product.playbook(SITE, "--limit", name, variables=VARIABLES), every=FINE)
    story.changed = changed(story.first.result, story, "the first run")
    if story.changed < 1:
        story.wrong.append("the first run changed nothing")
    if not story.first.ssh_alive:
        story.wrong.append("an SSH session through the uplink died")
    say("\n".join(f"   {name}: {line}" for line in story.first.text().splitlines()))


def bridge_holds(host: Machine) -> bool:
    """xenbr0 has the uplink and the address, eth0 has none."""
    links = json.loads(host.exec(["ip", "-json", "address", "show"]).stdout)
    by_name = {link["ifname"]: link for link in links}
    there = {address["local"] for address in by_name.get("xenbr0", {}).get("addr_info", [])}
    return by_name.get("eth0", {}).get("master") == "xenbr0" and host.address in there and "xenbr1" in by_name


def table(stories: list[Story]) -> None:
    say("\n== What you saw")
    head = f"   {'host':10} {'manager':16} {'first run':>11} {'second run':>11} {'lost v4/v6':>12} {'gap v4/v6 ms':>14} {'SSH':>6} {'after reboot':>24}"
    say(head)
    for story in stories:
        if story.first is None:
            say(f"   {story.host.name:10} did not get that far")
            continue
        v4, v6 = story.first.stream("v4"), story.first.stream("v6")
        back = ("bridge there" if story.bridge_back else "BRIDGE GONE") + f", changed={story.after_reboot}"
        say(
            f"   {story.host.name:10} {story.host.spec.kind:16} {f'changed={story.changed}':>11} {f'changed={story.again}':>11} "
            f"{f'{v4.lost}/{v6.lost}':>12} {f'{v4.longest_gap_ms:.1f}/{v6.longest_gap_ms:.1f}':>14} "
            f"{'alive' if story.first.ssh_alive else 'DEAD':>6} {back:>24}"
        )
    say("   (lost: of a 1 ms ping stream through the uplink while it moved into the bridge)")


def second_look(product: Product, stories: list[Story], what: str) -> dict[str, int]:
    """The same playbook again: nothing may change."""
    played = product.playbook(SITE, variables=VARIABLES)
    found = {}
    for story in stories:
        found[story.host.name] = changed(played, story, what)
        if found[story.host.name] != 0:
            story.wrong.append(f"{what} changed something")
        say(f"   {story.host.name}: changed={found[story.host.name]}")
    return found


def run(lab: Lab, names: list[str]) -> list[Story]:
    with step(f"Boot {len(names)} hosts: {', '.join(f'{name} ({DEFAULT_HOSTS[name]})' for name in names)}"):
        hosts = lab.start_many({name: (DEFAULT_HOSTS[name], "static") for name in names})
    stories = [Story(host) for host in hosts]
    product = Product(lab)
    with step("ansible-playbook hypervisor.vnet.site --check --diff"):
        played = product.playbook(SITE, "--check", "--diff", variables=VARIABLES)
        say(played.output)
    for story in stories:
        with step(f"ansible-playbook hypervisor.vnet.site --limit {story.host.name}, under a 1 ms ping stream and open SSH sessions"):
            apply(product, story)
    with step("The second run"):
        found = second_look(product, stories, "the second run")
        for story in stories:
            story.again = found[story.host.name]
    with step("Reboot all hosts, and run it once more"):
        for story in stories:
            story.host.reboot(strict=False)
            story.bridge_back = bridge_holds(story.host)
            if not story.bridge_back:
                story.wrong.append("the bridge was not there after the reboot")
            say(f"   {story.host.name}: {'the bridge is there' if story.bridge_back else 'THE BRIDGE IS GONE'}")
        found = second_look(product, stories, "the run after the reboot")
        for story in stories:
            story.after_reboot = found[story.host.name]
    return stories


def main() -> int:
    if os.geteuid():
        say("make demo needs root: it boots whole hosts in containers (nothing of this machine's own network is touched)")
        return 2
    names = sys.argv[1:] or list(DEFAULT_HOSTS)
    with Lab(f"demo-{os.getpid()}", owner=os.getpid()) as lab:
        stories = run(lab, names)
        table(stories)
    wrong = [f"{story.host.name}: {line}" for story in stories for line in story.wrong]
    say("\n" + ("\n".join(wrong) if wrong else "Everything as promised. `make lab-up` gives you hosts of your own to play with."))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
