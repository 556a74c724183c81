# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards: what is read, what is refused, and where."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import (
    Guard,
    guard_from_json,
    link_local,
    read_guards,
    read_settings,
)

MAC = "00:16:3e:27:95:c0"


def one(**options: Any) -> dict[str, Any]:
    return {"interface": "vif1.0", "mac": MAC, "addresses": ["10.0.0.1"], **options}


def problems(*items: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in read_guards(items)[1]]


def test_what_is_read() -> None:
    (guard,), wrong = read_guards(
        [
            one(
                mac="00-16-3E-27-95-C0",
                addresses=["10.0.0.1", "10.1.0.0/29", "2001:DB8::1"],
                allowed_pairs=[{"address": "10.0.0.77"}, {"mac": "00:00:5e:00:01:07", "address": "10.0.0.78"}],
                allow=[{"direction": "to", "protocol": "tcp", "port": 22, "address": "10.0.0.0/24"}],
                emulated=True,
                mode="observe",
            )
        ]
    )
    assert wrong == []
    assert guard.addresses == ("10.0.0.1/32", "10.1.0.0/29", "2001:db8::1/128")
    assert guard.macs == (MAC, "00:00:5e:00:01:07")
    assert guard.interfaces == ("vif1.0", "vif1.0-emu")
    assert [str(network) for network in guard.networks(4)] == ["10.0.0.1/32", "10.1.0.0/29", "10.0.0.77/32", "10.0.0.78/32"]
    assert [str(network) for network in guard.networks(6)] == ["fe80::216:3eff:fe27:95c0/128", "2001:db8::1/128"]
    assert not guard.enforce and guard.dhcp_client
    assert guard_from_json(json.loads(json.dumps(asdict(guard)))) == guard


def test_a_link_local_address_is_derived_as_slaac_does() -> None:
    # RFC 4291, appendix A
    assert link_local("34:56:78:9a:bc:de") == "fe80::3656:78ff:fe9a:bcde"


@pytest.mark.parametrize(
    ("addresses", "families"), [(["none"], ()), (["none4", "2001:db8::1"], (6,)), (["none6", "10.0.0.1"], (4,)), (["10.0.0.1"], (4, 6))]
)
def test_families(addresses: list[str], families: tuple[int, ...]) -> None:
    (guard,), wrong = read_guards([one(addresses=addresses)])
    assert (guard.families, wrong) == (families, [])
    assert bool(guard.networks(6)) == (6 in families)


WRONG = [
    (one(interface="a" * 16), "guards[0].interface: 'aaaaaaaaaaaaaaaa' has 16 characters"),
    (one(interface="rhel4-guest1", emulated=True), "guards[0].interface: 'rhel4-guest1' has 12 characters; with emulated: true it is 11"),
    (one(mac="01:00:5e:00:00:01"), "guards[0].mac: 01:00:5e:00:00:01 is a multicast address"),
    (one(mac=""), "guards[0].mac: '' is not a MAC address"),
    (one(addresses=[]), "guards[0].addresses: the guard has no address"),
    (one(addresses=["10.0.0.300"]), "guards[0].addresses[0]: '10.0.0.300' is neither an address nor a network"),
    (one(addresses=["10.0.0.5/24"]), "write 10.0.0.5 for the one address or 10.0.0.0/24 for all of the network"),
    (one(addresses=["224.0.0.1"]), "guards[0].addresses[0]: 224.0.0.1 is a multicast"),
    (one(addresses=["10.0.0.1", "10.0.0.1/32"]), "guards[0].addresses[1]: 10.0.0.1/32 is already guards[0].addresses[0]"),
    (one(addresses=["10.0.0.1", "none4"]), "guards[0].addresses[0]: 10.0.0.1/32 contradicts 'none4'"),
    (one(allowed_pairs=[{"mac": "x", "address": "10.0.0.2"}]), "guards[0].allowed_pairs[0].mac: 'x' is not a MAC"),
    (one(deny=[{"direction": "to", "port": 25}]), "guards[0].deny[0].port: 25 needs protocol: tcp, udp or sctp"),
    (one(allow=[{"direction": "to", "protocol": "tcp", "port": 65536}]), "guards[0].allow[0].port: 65536 is outside"),
]


@pytest.mark.parametrize(("item", "message"), WRONG)
def test_what_is_refused(item: dict[str, Any], message: str) -> None:
    found = problems(item)
    assert len(found) == 1 and message in found[0], found


def test_all_problems_at_once() -> None:
    assert len(problems(one(mac="x", addresses=["y", "z"]), one(interface="", addresses=[]))) == 5


SECOND = {"interface": "vif2.0", "mac": "00:16:3e:27:95:c1", "addresses": ["10.0.0.2"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interface": "vif1.0"}, "guards[1].interface: vif1.0 is already guards[0].interface"),
        ({"mac": MAC}, f"guards[1].mac: {MAC} is already guards[0].mac"),
        ({"addresses": ["10.0.0.1"]}, "guards[1].addresses[0]: 10.0.0.1/32 overlaps 10.0.0.1/32 at guards[0].addresses[0]"),
        ({"addresses": ["10.0.0.2", "10.0.0.0/30"]}, "guards[1].addresses[1]: 10.0.0.0/30 overlaps 10.0.0.1/32 at guards[0].addresses[0]"),
    ],
)
def test_two_that_clash(change: dict[str, Any], message: str) -> None:
    found = problems(one(), {**SECOND, **change})
    assert len(found) == 1 and message in found[0], found
    elsewhere = problems(one(), {**SECOND, **change, "bridge": "xenbr1"})
    assert bool(elsewhere) == ("interface" in change)


def test_a_network_around_many() -> None:
    items = [{"interface": f"vif{at}.0", "mac": f"00:16:3e:00:00:{at:02x}", "addresses": [f"10.0.0.{at}"]} for at in range(1, 5)]
    assert problems(*items) == []
    assert len(problems(*items, {**SECOND, "interface": "vif9.0", "addresses": ["10.0.0.0/24"]})) == 4


def test_what_guests_share_is_no_clash() -> None:
    pair = [{"mac": "00:00:5e:00:01:07", "address": "10.0.0.77"}]
    assert problems(one(allowed_pairs=pair), {**SECOND, "allowed_pairs": pair}) == []


def test_settings() -> None:
    settings, wrong = read_settings({"unlisted_ports": "drop", "match": ["vif*", "tap*"], "log_group": 5})
    assert (settings, wrong) == ({"unlisted": True, "match": ("vif*", "tap*"), "log_group": 5}, [])
    assert read_settings({"unlisted_ports": "untouched", "match": ["vif*"]})[0] == {"unlisted": False, "match": ()}
    assert read_settings({"unlisted_ports": "keep", "match": ["vif*"], "log_group": None}) == ({}, [])
    wrong = read_settings({"unlisted_ports": "drop", "match": []})[1] + read_settings({"match": ["*", "vif"], "log_group": -1})[1]
    assert [problem.path for problem in wrong] == ["match", "match[0]", "match[1]", "log_group"]
    said = {choice: read_settings({"conntrack": choice})[0] for choice in ("keep", "track", "bypass")}
    assert said == {"keep": {}, "track": {"bypass": False}, "bypass": {"bypass": True}}


def test_a_guard_has_no_address_of_a_family_that_is_blocked() -> None:
    assert Guard("vif1.0", MAC, families=()).networks(6) == ()
