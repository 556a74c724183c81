# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hypervisor.vnet.rollback: a fleet goes back by one change, whatever becomes of the connection by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from product import Played, Product
from spans import SOAK
from vnet_lab.lab import Lab
from vnet_lab.snapshot import Snapshot, diff_snapshots
from vnet_lab.world import ROUTER4, ROUTER6

SITE, ROLLBACK = "hypervisor.vnet.site", "hypervisor.vnet.rollback"
HOSTS = {"xen1": ("d12-networkd", "static"), "xen2": ("d12-ifupdown", "static"), "xen3": ("d13-nm", "static")}
LAST = ("-e", "vnet_last=true")
TOGETHER = ("-e", '{"vnet_serial": ["100%"]}')
MOVED = {"vnet_networks": [{"name": "xenbr0", "uplink": "eth0"}]}


@pytest.fixture
def play(fleet: Lab, tmp_path: Path) -> Any:
    """play(playbook, words, everywhere={...}, xen1={...}): with these variables. Every host must end as it began."""
    before = snapshots(fleet)

    def run(playbook: str, *words: str, everywhere: dict[str, Any] | None = None, **hosts: dict[str, Any]) -> Played:
        inventory = {"hypervisors": {"hosts": {name: hosts.get(name, {}) for name in HOSTS}, "vars": everywhere or {}}}
        path = tmp_path / "hosts.yml"
        path.write_text(json.dumps(inventory), encoding="utf-8")
        return Product(fleet).playbook("-i", str(path), playbook, *TOGETHER, *words)

    yield run
    assert {name: diff_snapshots(before[name], after) for name, after in snapshots(fleet).items()} == {key: [] for key in HOSTS}


def snapshots(fleet: Lab) -> dict[str, Snapshot]:
    return {name: fleet.host(name).snapshot() for name in HOSTS}


def changed(played: Played) -> dict[str, int]:
    assert played.rc == 0, played.output
    return {name: played.recap[name]["changed"] for name in HOSTS}


EACH, NONE = dict.fromkeys(HOSTS, 1), dict.fromkeys(HOSTS, 0)


def test_nothing_to_undo(play: Any) -> None:
    for words in ((), LAST, ("--check",)):
        played = play(ROLLBACK, *words)
        assert changed(played) == NONE
        assert played.output.count("ndone: nothing") == len(HOSTS), played.output


def test_the_last_kept_change(fleet: Lab, play: Any) -> None:
    changed(play(SITE, everywhere=MOVED))
    kept = snapshots(fleet)
    check = play(ROLLBACK, *LAST, "--check")
    assert changed(check) == EACH
    assert check.output.count("Would be undone:") == check.output.count('"bridge xenbr0"') == len(HOSTS), check.output
    assert {name: diff_snapshots(kept[name], after) for name, after in snapshots(fleet).items()} == {key: [] for key in HOSTS}
    # what waits is nothing, and what was kept is not undone unless that is asked for
    assert changed(play(ROLLBACK)) == NONE
    played = play(ROLLBACK, *LAST)
    assert changed(played) == EACH
    assert played.output.count('"bridge xenbr0"') == len(HOSTS), played.output
    assert changed(play(ROLLBACK, *LAST)) == NONE


@pytest.mark.skipif(not SOAK, reason="what a host refuses to roll back is tried in a namespace: make soak")
def test_a_host_that_somebody_changed_since_refuses(fleet: Lab, play: Any) -> None:
    changed(play(SITE, everywhere=MOVED))
    by_hand = ("address", "10.99.0.1/24", "dev", "xenbr0")
    fleet.host("xen2").exec(["ip", by_hand[0], "add", *by_hand[1:]])
    for words, said in ((("--check",), "Would be undone:"), ((), "Undone:")):
        played = play(ROLLBACK, *LAST, *words)
        assert played.rc != 0
        assert "Nothing was undone: changed since by others, or by hand: xenbr0" in played.output, played.output
        # The others of its batch did it all the same, and are told of.
        assert played.output.count(said) == played.output.count('"bridge xenbr0"') == len(HOSTS) - 1, played.output
    fleet.host("xen2").exec(["ip", by_hand[0], "del", *by_hand[1:]])
    assert changed(play(ROLLBACK, *LAST)) == {**NONE, "xen2": 1}


def test_what_an_interrupted_play_left_armed(fleet: Lab, play: Any, tmp_path: Path) -> None:
    opened = [
        {"name": "Open", "hypervisor.vnet.vnet_checkpoint": {"state": "open", "timeout": 600}},
        {"name": "Bridge", "hypervisor.vnet.xen_bridge": {"bridges": [{"name": "xenbr0", "uplink": "eth0"}]}},
    ]
    book = tmp_path / "opened.yml"
    book.write_text(json.dumps([{"name": "Never confirmed", "hosts": "hypervisors", "gather_facts": False, "tasks": opened}]))
    assert play(str(book)).rc == 0
    status = json.loads(fleet.host("xen1").exec(["hypervisor-vnet", "status", "--json"]).stdout)
    assert (status["journal"]["state"], status["pending"]["checkpoint"]) == ("armed", True)
    assert changed(play(ROLLBACK, "--check")) == EACH
    played = play(ROLLBACK)
    assert changed(played) == EACH
    assert played.output.count('"bridge xenbr0"') == len(HOSTS), played.output
    assert changed(play(ROLLBACK)) == NONE


@pytest.mark.skipif(not SOAK, reason="the address that moves is the controller's test as well: make soak")
def test_the_address_goes_back_too(fleet: Lab, play: Any) -> None:
    """The inventory has the new address; the rest of the play reaches the host at the old one."""
    new = {name: f"10.213.7.{151 + number}" for number, name in enumerate(HOSTS)}
    network = {"name": "xenbr0", "uplink": "eth0", "gateway4": ROUTER4, "gateway6": ROUTER6}
    wanted = {name: {"vnet_networks": [{**network, "addresses": [f"{new[name]}/24", f"{fleet.host(name).address6}/64"]}]} for name in HOSTS}
    assert changed(play(SITE, **wanted)) == EACH
    played = play(ROLLBACK, *LAST, **{name: {"ansible_host": new[name]} for name in HOSTS})
    assert changed(played) == EACH
    for name in HOSTS:
        assert f"{name} is reached at {fleet.host(name).address} now" in played.output, played.output
        assert fleet.host(name).ssh("true").returncode == 0
