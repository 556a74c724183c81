# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hypervisor.vnet.site and .teardown on a small fleet: what stops whom, and what is passed through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from product import Played, Product
from vnet_lab.lab import Lab

SITE, TEARDOWN = "hypervisor.vnet.site", "hypervisor.vnet.teardown"
HOSTS = dict.fromkeys(("xen1", "xen2"), ("d12-networkd", "static"))
GUESTS_ONLY = {"name": "xenbr1"}


@pytest.fixture
def play(fleet: Lab, tmp_path: Path) -> Any:
    """play(playbook, words, **variables of each host); what is left is taken away afterwards."""
    owners = {"site"}
    everything = '{"vnet_serial": ["100%"]}'

    def run(playbook: str, *words: str, everywhere: dict[str, Any] | None = None, **hosts: dict[str, Any]) -> Played:
        owners.add((everywhere or {}).get("vnet_owner", "site"))
        inventory = {"hypervisors": {"hosts": {name: hosts.get(name, {}) for name in HOSTS}, "vars": everywhere or {}}}
        path = tmp_path / "hosts.yml"
        path.write_text(json.dumps(inventory), encoding="utf-8")
        return Product(fleet).playbook("-i", str(path), playbook, *words)

    yield run
    for owner in owners if any(bridges(fleet, name) for name in HOSTS) else ():
        assert run(TEARDOWN, "-e", everything, everywhere={"vnet_owner": owner}).rc == 0
    assert [bridges(fleet, name) for name in HOSTS] == [[], []]


def bridges(lab: Lab, host: str) -> list[str]:
    links = json.loads(lab.host(host).exec(["ip", "-json", "link", "show", "type", "bridge"]).stdout or "[]")
    return sorted(link["ifname"] for link in links if link)


def test_a_mistake_of_one_host_is_found_before_the_first_is_touched(fleet: Lab, play: Any) -> None:
    played = play(
        SITE,
        everywhere={"vnet_networks": [GUESTS_ONLY]},
        xen2={"dmz_vnet_networks": None, "a_vnet_networks": [{"name": "n0", "layout": "ovs"}]},
    )
    assert played.rc != 0
    assert "dmz_vnet_networks: is empty, not a list" in played.output
    assert "a_vnet_networks[0].layout: 'ovs' does not exist in this version" in played.output
    assert [bridges(fleet, name) for name in HOSTS] == [[], []]


def test_the_first_failure_stops_what_has_not_begun(fleet: Lab, play: Any) -> None:
    played = play(SITE, everywhere={"vnet_networks": [GUESTS_ONLY]}, xen1={"vnet_networks": [{"name": "xenbr0", "uplink": "eth7"}]})
    assert played.rc != 0
    assert "eth7 does not exist on this host; it has eth0, eth1" in played.output
    assert [bridges(fleet, name) for name in HOSTS] == [[], []]


def test_groups_and_hosts_each_contribute_their_own(fleet: Lab, play: Any) -> None:
    names = {
        "everywhere": {"vnet_networks": [GUESTS_ONLY]},
        "xen2": {"dmz_vnet_networks": [{"name": "lan", "bridge": "dmz0", "uplink": "eth1"}]},
    }
    assert play(SITE, "--check", **names).recap["xen2"]["changed"] == 1
    assert bridges(fleet, "xen2") == []
    limited = play(SITE, "--limit", "xen2", **names)
    assert (limited.rc, sorted(limited.recap)) == (0, ["xen2"])
    assert [bridges(fleet, name) for name in HOSTS] == [[], ["dmz0", "xenbr1"]]
    whole = play(SITE, "-e", '{"vnet_serial": ["100%"]}', **names)
    assert {host: whole.recap[host]["changed"] for host in HOSTS} == {"xen1": 1, "xen2": 0}
    assert [bridges(fleet, name) for name in HOSTS] == [["xenbr1"], ["dmz0", "xenbr1"]]


def test_prune_and_owners(fleet: Lab, play: Any) -> None:
    def one(playbook: str, **variables: Any) -> Played:
        return play(playbook, "--limit", "xen1", everywhere=variables)

    mine = {"vnet_owner": "mine", "vnet_persist": "none", "vnet_prune": True}
    assert one(SITE, **mine, vnet_networks=[GUESTS_ONLY, {"name": "xenbr2"}]).rc == 0
    # another label's objects are neither pruned nor taken away
    assert one(SITE, vnet_networks=[{"name": "xenbr3"}], vnet_prune=True).rc == 0
    assert one(TEARDOWN).rc == 0
    assert bridges(fleet, "xen1") == ["xenbr1", "xenbr2"]
    info = Product(fleet).module("xen1", "vnet_info", {})
    assert [{key: value for key, value in owner.items() if value} for owner in info["owners"]] == [
        {"name": "mine", "bridges": ["xenbr1", "xenbr2"]}
    ]
    assert {bridge["persist"] for bridge in info["bridges"]} == {"none"}
    assert one(SITE, **mine, vnet_networks=[GUESTS_ONLY]).rc == 0
    assert bridges(fleet, "xen1") == ["xenbr1"]
    refused = one(SITE, **mine, vnet_networks=[])
    assert refused.rc != 0
    assert "allow_empty: true says that this is meant" in refused.output
    assert one(SITE, **mine, vnet_networks=[], vnet_allow_empty=True).rc == 0
    assert bridges(fleet, "xen1") == []


def test_adoption_is_asked_for(fleet: Lab, play: Any) -> None:
    wanted = {"vnet_networks": [GUESTS_ONLY], "vnet_persist": "none"}
    host = fleet.host("xen1")
    host.exec(["ip", "link", "add", "xenbr1", "type", "bridge"])
    try:
        refused = play(SITE, "--limit", "xen1", everywhere=wanted)
        assert refused.rc != 0
        assert "xenbr1 exists and is not ours; adopt: true takes it over" in refused.output, refused.output
        assert play(SITE, "--limit", "xen1", everywhere={**wanted, "vnet_adopt": True}).rc == 0
        assert play(TEARDOWN, "--limit", "xen1").rc == 0
        assert bridges(fleet, "xen1") == ["xenbr1"]
    finally:
        host.exec(["ip", "link", "del", "xenbr1"])
