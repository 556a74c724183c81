# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest under guard tries everything: nothing false gets through, nothing true gets lost."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import ADVERTISER, GUARD, SERVER, STRANGER, US, VICTIM, VMAC, bad, good
from harness import Namespace
from wire import ATTACKER, FREE, NEIGHBOUR, NEIGHBOUR_GUARD, Wire, counted, learned, load, tables

from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import reload_text

OWN = {"interface": ATTACKER, **GUARD}


def guard(host: Namespace, **options: Any) -> None:
    load(host, reload_text(tables({**OWN, **options}, NEIGHBOUR_GUARD)))


def unlearning(host: Namespace) -> None:
    """The bridge believes nothing that ports say, or it would no longer send to the victim what is for the victim."""
    for name in (ATTACKER, FREE):
        host.ip(f"link set {name} type bridge_slave learning off")


def test_the_corpus_is_large() -> None:
    assert len(bad()) >= 60
    assert len(good()) >= 40
    assert not set(bad()) & set(good())


def test_without_guards_everything_arrives(host: Namespace, wire: Wire) -> None:
    """Else what the guards drop would not be the guards' doing."""
    unlearning(host)
    cases = {**good(), **bad()}
    assert set(cases) - wire.arrived(cases) == set()


def test_nothing_false_gets_through_and_nothing_true_is_lost(host: Namespace, wire: Wire) -> None:
    guard(host)
    assert wire.arrived(bad()) == set()
    assert set(good()) - wire.arrived(good()) == set()
    assert counted(host, "enforced", ATTACKER) == len(bad())
    assert counted(host, "from_guest", ATTACKER) == len(bad()) + len(good())
    assert counted(host, "enforced", NEIGHBOUR) == 0


def test_nobody_takes_an_entry_of_the_bridge(host: Namespace, wire: Wire) -> None:
    """A guest that is believed to have the victim's MAC gets the victim's frames."""
    guard(host)
    wire.arrived(bad())
    assert learned(host, ATTACKER) <= {US, VMAC}
    # LLDP and its like bypass the bridge's hooks: that is what no_linklocal_learn is for.
    wire.arrived({"LLDP": bytes.fromhex("0180c200000e" + VICTIM.replace(":", "") + "88cc") + bytes(46)})
    assert VICTIM not in learned(host, ATTACKER)


def test_ports_without_a_guard_are_untouched(host: Namespace, free_wire: Wire) -> None:
    guard(host)
    free_wire.arrived({"stranger": bad()["nobody's MAC"]})
    assert STRANGER in learned(host, FREE)
    unlearning(host)
    cases = {**good(), **bad()}
    assert set(cases) - free_wire.arrived(cases) == set()


def test_ports_without_a_guard_are_closed_on_demand(host: Namespace, guests: Namespace, wire: Wire, free_wire: Wire) -> None:
    load(host, reload_text(tables(OWN, unlisted=True, match=("vif3*",))))
    assert free_wire.arrived(good()) == set()
    assert set(good()) - wire.arrived(good()) == set()
    # Its name begins with something else.
    neighbour = Wire(guests, NEIGHBOUR)
    assert set(good()) - neighbour.arrived(good()) == set()
    neighbour.close()


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({"dhcp_server": True}, SERVER),
        ({"router_advertisements": True}, ADVERTISER),
        ({"dhcp_server": True, "router_advertisements": True}, SERVER | ADVERTISER),
    ],
)
def test_what_a_server_or_a_router_may_do(host: Namespace, wire: Wire, options: dict[str, bool], more: frozenset[str]) -> None:
    guard(host, **options)
    assert wire.arrived(bad()) == set(more)
    assert set(good()) - wire.arrived(good()) == set()


def test_a_guest_that_needs_no_lease(host: Namespace, wire: Wire) -> None:
    guard(host, dhcp_client=False)
    assert wire.arrived(bad()) == set()
    assert set(good()) - wire.arrived(good()) == {"DHCP discover without an address", "DHCP renewal", "DHCPv6 solicit"}


@pytest.mark.parametrize(("addresses", "sends"), [(["10.0.0.10", "none6"], 0x0800), (["2001:db8::10", "none4"], 0x86DD), (["none"], 0)])
def test_a_family_can_be_blocked(host: Namespace, wire: Wire, addresses: list[str], sends: int) -> None:
    guard(host, addresses=addresses, allowed_pairs=[])
    assert wire.arrived(bad()) == set()
    kinds = {0x0800: {0x0800, 0x0806, 0x8035}, 0x86DD: {0x86DD, 0x8035}, 0: {0x8035}}[sends]
    assert {int.from_bytes(good()[name][12:14], "big") for name in wire.arrived(good())} == kinds


def test_who_only_observes_drops_nothing_and_counts(host: Namespace, wire: Wire) -> None:
    guard(host, mode="observe")
    unlearning(host)
    cases = {**good(), **bad()}
    assert set(cases) - wire.arrived(cases) == set()
    assert counted(host, "observed", ATTACKER) == len(bad())


def test_what_is_not_tracked_is_guarded_all_the_same(host: Namespace, wire: Wire) -> None:
    load(host, reload_text(tables(OWN, NEIGHBOUR_GUARD, bypass=True, host_macs=("52:54:00:00:b0:00",))))
    assert wire.arrived(bad()) == set()
    assert set(good()) - wire.arrived(good()) == set()


def test_a_guard_goes(host: Namespace, wire: Wire) -> None:
    guard(host)
    load(host, reload_text(tables(NEIGHBOUR_GUARD)))
    unlearning(host)
    assert set(bad()) - wire.arrived(bad()) == set()


def test_a_pair_that_is_not_allowed(host: Namespace, wire: Wire) -> None:
    guard(host, allowed_pairs=[])
    arrived = wire.arrived(good())
    assert not {name for name in arrived if "pair" in name or "keepalived" in name}
    assert "UDP" in arrived
