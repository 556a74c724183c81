# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks behind address translation as users write them, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import AppliedNat, Forward, Nat, applied_nat, read_nats
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.natcheck import declared_problems, nat_problems

FOUR = {"name": "vnat0", "sources": ["10.0.0.0/16"]}
BOTH = {"name": "dmz", "sources": ["10.98.98.0/24", "2001:db8:98::/64"]}
PORT = {"port": "5022", "to": "10.0.0.1"}


def problems(*networks: dict[str, Any]) -> list[str]:
    nats, wrong = read_nats(networks)
    return [str(problem) for problem in [*wrong, *declared_problems(nats, "networks")]]


def test_everything_is_read_and_remembered() -> None:
    written = {
        **BOTH,
        "bridge": "br-dmz",
        "uplink": "eth0",
        "snat": "192.0.2.20-192.0.2.21",
        "nat_ports": "30000-40000",
        "no_nat_to": ["10.20.0.0/16"],
        "nat66": True,
        "forwards": [
            {"protocol": "both", "port": "8000-8010", "to": "10.98.98.10", "to_port": "9000-9010", "listen_interface": "eth0"},
            {"protocol": "udp", "port": "53", "to": "2001:DB8:98::10", "listen_address": "2001:db8::7", "from": ["2001:db8:5::/48"]},
        ],
        "one_to_one": [{"address": "192.0.2.10", "to": "10.98.98.11"}],
    }
    (nat,), wrong = read_nats([written])
    assert wrong == []
    assert nat == Nat(
        name="dmz",
        bridge="br-dmz",
        sources=("10.98.98.0/24", "2001:db8:98::/64"),
        uplink="eth0",
        masquerade=False,
        snat="192.0.2.20-192.0.2.21",
        nat_ports=(30000, 40000),
        no_nat_to=("10.20.0.0/16",),
        forwards=(
            Forward(("tcp", "udp"), (8000, 8010), "10.98.98.10", (9000, 9010), listen_interface="eth0"),
            Forward(("udp",), (53, 53), "2001:db8:98::10", (53, 53), "2001:db8::7", sources=("2001:db8:5::/48",)),
        ),
        nat66=True,
        one_to_one=(("192.0.2.10", "10.98.98.11"),),
    )
    memory = AppliedNat("site", nat)
    assert applied_nat(json.loads(json.dumps(asdict(memory)))) == memory


@pytest.mark.parametrize(
    ("network", "families"),
    [
        (FOUR, (4,)),
        (BOTH, (4,)),
        ({**BOTH, "nat66": True}, (4, 6)),
        ({**BOTH, "forwards": [{"port": "80", "to": "2001:db8:98::1"}]}, (4, 6)),
        ({**BOTH, "sources": ["2001:db8:98::/64"], "one_to_one": [{"address": "2001:db8::5", "to": "2001:db8:98::5"}]}, (6,)),
    ],
)
def test_the_families_that_must_be_forwarded(network: dict[str, Any], families: tuple[int, ...]) -> None:
    (nat,), _wrong = read_nats([network])
    assert AppliedNat("site", nat).forwards == families


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ([{"name": "a-name-that-is-too-long"}], "networks[0].name: 'a-name-that-is-too-long' has 23 characters"),
        ([{**FOUR, "bridge": "br 0"}], "networks[0].bridge: 'br 0' may hold only letters"),
        ([{**FOUR, "name": "my net", "bridge": "br0"}], "networks[0].name: 'my net' is no name; use 1 to 64 letters"),
        ([FOUR, FOUR], "networks[1].name: vnat0 is already networks[0].name; declare a network once"),
        ([FOUR, {**BOTH, "bridge": "vnat0"}], "networks[1].bridge: vnat0 is already the bridge of networks[0]"),
        ([{**FOUR, "uplink": "vnat0"}], "networks[0].uplink: the uplink is the network's own bridge"),
        ([{**FOUR, "sources": ["10.0.0.1/16"]}], "networks[0].sources[0]: 10.0.0.1/16 is an address inside a network; write 10.0.0.0/16"),
        ([{**FOUR, "sources": ["10.0.0.0/33"]}], "networks[0].sources[0]: '10.0.0.0/33' is no network; write it as in 10.0.0.0/16"),
        ([{**FOUR, "sources": ["10.0.0.0/16"] * 2}], "networks[0].sources[1]: 10.0.0.0/16 is in the list already; write it once"),
        ([FOUR, {**BOTH, "sources": ["10.0.0.0/8"]}], "networks[1].sources: 10.0.0.0/8 overlaps 10.0.0.0/16 of networks[0]; give each"),
        ([{**FOUR, "snat": "192.0.2.9-192.0.2.1"}], "networks[0].snat: 192.0.2.9-192.0.2.1 runs backwards or is one address"),
        ([{**FOUR, "snat": "2001:db8::1"}], "networks[0].snat: 2001:db8::1: only IPv4 has a fixed source address; nat66: true"),
        ([{**FOUR, "snat": "here"}], "networks[0].snat: 'here' is no address; write it as in 10.0.0.1"),
        ([{**FOUR, "snat": "192.0.2.1", "masquerade": True}], "networks[0].masquerade: snat gives the source address already; leave one"),
        ([{**FOUR, "nat_ports": "0-70000"}], "networks[0].nat_ports: 0-70000 is outside 1-65535"),
        ([{**FOUR, "nat66": True}], "networks[0].nat66: the network has no IPv6 subnet; add one"),
        ([{**FOUR, "forwards": [{**PORT, "port": "http"}]}], "networks[0].forwards[0].port: 'http' is no port; write one as in 8080"),
        ([{**FOUR, "forwards": [{**PORT, "port": "90-80"}]}], "networks[0].forwards[0].port: 90-80 runs backwards; write 80-90"),
        (
            [{**FOUR, "forwards": [{**PORT, "port": "80-82", "to_port": "90"}]}],
            "networks[0].forwards[0].to_port: 90 are 1 port, but 80-82 are 3 ports; write as many, or leave to_port out",
        ),
        ([{**FOUR, "forwards": [{**PORT, "to": "rhel4"}]}], "networks[0].forwards[0].to: 'rhel4' is no address"),
        ([{**FOUR, "forwards": [{**PORT, "to": "224.0.0.1"}]}], "networks[0].forwards[0].to: 224.0.0.1 is a multicast, loopback"),
        ([{**FOUR, "forwards": [{**PORT, "to": "10.1.9.9"}]}], "networks[0].forwards[0].to: 10.1.9.9 is outside 10.0.0.0/16; name an"),
        ([{**FOUR, "forwards": [{**PORT, "to": "10.0.255.255"}]}], "networks[0].forwards[0].to: 10.0.255.255 is the network's own or"),
        (
            [{**BOTH, "forwards": [{**PORT, "to": "10.98.98.1", "listen_address": "2001:db8::1"}]}],
            "networks[0].forwards[0].listen_address: 2001:db8::1 and 10.98.98.1 are of different families",
        ),
        (
            [{**BOTH, "forwards": [{**PORT, "to": "2001:db8:98::1", "from": ["10.0.0.0/8"]}]}],
            "networks[0].forwards[0].from: 10.0.0.0/8 and 2001:db8:98::1 are of different families",
        ),
        (
            [{**FOUR, "forwards": [{**PORT, "port": "5000-5100"}, {**PORT, "protocol": "both"}]}],
            "networks[0].forwards[1].port: tcp port 5022 is already at networks[0].forwards[0]; a port leads to one place, so take another",
        ),
        (
            [{**FOUR, "forwards": [{**PORT, "listen_address": "192.0.2.1"}] * 2}],
            "networks[0].forwards[1].port: tcp port 5022 of 192.0.2.1 is already at networks[0].forwards[0]",
        ),
        ([{**FOUR, "forwards": [PORT, {**PORT, "listen_address": "192.0.2.1"}, {**PORT, "protocol": "udp"}]}], None),
        ([{**FOUR, "forwards": [PORT, {**PORT, "from": ["192.0.2.0/24"]}, {**PORT, "listen_interface": "eth0"}]}], None),
        ([{**FOUR, "one_to_one": [{"address": "10.0.0.7", "to": "10.0.0.8"}]}], "networks[0].one_to_one[0].address: 10.0.0.7 is inside"),
        ([{**FOUR, "one_to_one": [{"address": "192.0.2.1", "to": "10.7.0.8"}]}], "networks[0].one_to_one[0].to: 10.7.0.8 is outside"),
        (
            [{**FOUR, "one_to_one": [{"address": "192.0.2.1", "to": "10.0.0.8"}, {"address": "192.0.2.1", "to": "10.0.0.9"}]}],
            "networks[0].one_to_one[1].address: 192.0.2.1 is already at networks[0].one_to_one[0].address; one stands for one",
        ),
        (
            [{**BOTH, "one_to_one": [{"address": "2001:db8::1", "to": "10.98.98.8"}]}],
            "networks[0].one_to_one[0].to: 2001:db8::1 and 10.98.98.8 are of different families",
        ),
    ],
)
def test_refused(networks: list[dict[str, Any]], message: str | None) -> None:
    found = problems(*networks)
    assert len(found) == (1 if message else 0), found
    assert not message or found[0].startswith(message), found


def test_all_at_once() -> None:
    found = problems(
        {**FOUR, "snat": "x", "forwards": [{**PORT, "port": "0"}, {**PORT, "to": "10.9.0.1"}]},
        {**BOTH, "sources": ["10.0.5.0/24"], "nat66": True},
    )
    assert [line.split(": ")[0] for line in found] == [
        "networks[0].snat",
        "networks[0].forwards[0].port",
        "networks[0].forwards[1].to",
        "networks[1].nat66",
        "networks[1].sources",
    ]


def test_a_place_in_the_list_is_not_another_that_begins_alike() -> None:
    """Problems of networks[10] are not those of networks[1]."""
    nats, _wrong = read_nats([{"name": f"n{number}", "sources": [f"10.{number}.0.0/16"]} for number in range(12)])
    others = [("the network n10 of owner 'x'", nats[10])]
    assert nat_problems([("networks[1]", nats[1])], others) == []
    assert [problem.path for problem in nat_problems([("networks[1]", nats[10])], others)] == ["networks[1].name", "networks[1].sources"]
