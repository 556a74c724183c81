# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is whose: owners, adopted bridges, guests, and what is nobody's of ours."""

from __future__ import annotations

from apply import addresses, apply, details, names
from harness import Namespace, assert_same


def test_prune_removes_what_this_owner_no_longer_declares(host: Namespace) -> None:
    before = host.snapshot()
    apply(host, {"name": "br0"}, {"name": "br1"})
    apply(host, {"name": "other0"}, owner="other")
    apply(host, {"name": "br1"})
    assert details(host, "br0")
    apply(host, {"name": "br1"}, prune=True)
    assert names(host) == {"br1", "other0"}
    answer = host.bridge(prune=True)
    assert answer.failed() == (
        "bridges: is empty, and prune: true would remove everything of this owner; allow_empty: true says that this is meant"
    )
    apply(host, prune=True, allow_empty=True)
    assert names(host) == {"other0"}
    apply(host, prune=True, allow_empty=True, owner="other")
    assert_same(before, host.snapshot())


def test_owners_keep_out_of_each_others_way(host: Namespace) -> None:
    apply(host, {"name": "br0"}, owner="site")
    before = host.snapshot()
    assert host.bridge({"name": "br0", "stp": True}, owner="other").failed() == (
        "bridges[0].name: br0 belongs to owner 'site', not 'other'; declare it there, or remove it there first"
    )
    assert host.bridge({"name": "br0"}, owner="other", state="absent").failed() == (
        "bridges: br0 belongs to owner 'site', not 'other'; name that owner to remove it"
    )
    assert_same(before, host.snapshot(), memory=True)


def test_an_adopted_bridge_is_left_as_it_was(host: Namespace) -> None:
    host.ip("address add 10.30.0.1/24 dev docker0")
    before = host.snapshot()
    wanted = {"name": "docker0", "stp": True, "addresses": ["172.17.0.1/16", "10.40.0.1/24"]}
    assert host.bridge(wanted).problems == [
        "bridges[0].name: docker0 exists and is not ours; adopt: true takes it over as it is, or choose another name"
    ]
    apply(host, wanted, adopt=True, allow_disruption=True)
    assert addresses(host, "docker0") == ["172.17.0.1/16", "10.30.0.1/24", "10.40.0.1/24"]
    assert details(host, "guest0")["master"] == "docker0"
    apply(host, {"name": "docker0"}, state="absent")
    assert_same(before, host.snapshot())


def test_an_adopted_bridge_gives_back_what_came_with_us(host: Namespace) -> None:
    """Its own card stays in it; the uplink and the port that we added leave again, with what the uplink had."""
    host.ip(
        """
        address add 10.50.0.2/24 dev eth2
        link set eth2 up
        route add 192.0.2.0/24 via 10.50.0.1 dev eth2
        route add 198.51.100.0/24 via 172.17.0.9 dev docker0
        """
    )
    host.settle()
    before = host.snapshot()
    wanted = {"name": "docker0", "uplink": "eth2", "ports": ["eth3", "guest0"], "mac": "52:54:00:12:34:56", "mtu": 1400}
    apply(host, wanted, adopt=True, allow_disruption=True)
    assert addresses(host, "docker0") == ["172.17.0.1/16", "10.50.0.2/24"]
    apply(host, {"name": "docker0"}, state="absent")
    host.settle()
    assert_same(before, host.snapshot())


def test_removing_a_bridge_that_is_not_ours_does_nothing(host: Namespace) -> None:
    before = host.snapshot()
    assert not host.bridge({"name": "docker0"}, {"name": "nowhere"}, state="absent").ok().changed
    assert_same(before, host.snapshot())


def plug(host: Namespace, guest: str, bridge: str) -> None:
    host.ip(f"link add {guest} type veth peer name {guest}-far\nlink set {guest} master {bridge} up\nlink set {guest}-far up")


def test_guests_are_not_disturbed_without_the_word(host: Namespace) -> None:
    apply(host, {"name": "br0", "mtu": 1500})
    plug(host, "vif1.0", "br0")
    host.settle()
    before = host.snapshot()
    refused = {
        "vif1.0 loses its bridge br0 until it is plugged in again": {"state": "absent", "bridges": [{"name": "br0"}]},
        "STP blocks every port of br0 for about 30 s: vif1.0": {"bridges": [{"name": "br0", "mtu": 1500, "stp": True}]},
        "VLAN filtering of br0 changes what its ports may pass, from then on: vif1.0": {
            "bridges": [{"name": "br0", "mtu": 1500, "vlan_filtering": True}]
        },
        "frames over 1400 bytes no longer pass br0, until its mtu is raised again: vif1.0": {"bridges": [{"name": "br0", "mtu": 1400}]},
    }
    for text, options in refused.items():
        assert host.module("xen_bridge", **options).failed() == f"{text}; allow_disruption: true says that this may be"
        check = host.module("xen_bridge", check=True, **options).ok()
        assert check.data["disrupts"] == [text]
        assert_same(before, host.snapshot(), memory=True)
    # what disturbs nobody needs no word, and the guest stays plugged
    apply(host, {"name": "br0", "mtu": 1500, "addresses": ["10.20.0.2/24"], "priority": 4096})
    apply(host, {"name": "br0", "mtu": 1500, "stp": True}, allow_disruption=True)
    assert details(host, "vif1.0")["master"] == "br0"
    host.bridge({"name": "br0"}, state="absent", allow_disruption=True).ok()
    assert "master" not in details(host, "vif1.0")
    assert names(host) == set()


def test_an_uplink_that_leaves_is_no_guest(host: Namespace) -> None:
    host.bridge({"name": "br0", "uplink": "eth2", "ports": ["eth3"]}).ok()
    assert host.bridge({"name": "br0", "stp": True}).ok().data["disrupts"] == []


def test_a_guests_port_does_not_show_as_a_change(host: Namespace) -> None:
    apply(host, {"name": "br0"})
    plug(host, "vif1.0", "br0")
    assert not host.bridge({"name": "br0"}).ok().changed
