# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ip(8) of several Debians says of one rich host (recorded by tests/kernel/record.py), in the model."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import FOREVER
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import NextHop, Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe import link, route

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "iproute2"
VERSIONS = sorted(path.stem for path in CASES.glob("*.json"))


class Said:
    def __init__(self, version: str) -> None:
        self._memory = json.loads((CASES / f"{version}.json").read_text(encoding="utf-8"))

    def __call__(self, command: t.Sequence[str]) -> str:
        return json.dumps(self._memory[" ".join(command)])


@pytest.fixture(params=VERSIONS)
def said(request: pytest.FixtureRequest) -> Said:
    return Said(request.param)


def routes_of(said: Said) -> dict[tuple[str, str, str], Route]:
    return {(item.dst, item.table, item.gateway): item for item in route.parse_routes(said(route.ROUTES))}


def test_links(said: Said) -> None:
    links = link.parse_links(said(link.COMMAND))
    eth0 = links["eth0"]
    assert (eth0.kind, eth0.type, eth0.mac, eth0.mtu, eth0.up, eth0.master) == ("veth", "ether", "52:54:00:aa:00:01", 1500, True, "")
    assert links["lo"].type == "loopback"
    assert links["guest0"].master == "docker0"
    assert links["docker0"].bridge == BridgeSettings(forward_delay=15, no_linklocal_learn=False)
    assert eth0.bridge is None
    assert links["eth1"].mtu == 1450


def test_addresses_in_the_kernels_order(said: Said) -> None:
    eth0: Link = link.parse_links(said(link.COMMAND))["eth0"]
    found = {address.cidr: address for address in eth0.addresses}
    assert [cidr for cidr in found if ":" not in cidr] == [
        "10.5.0.1/32",
        "10.1.0.2/24",
        "10.2.0.2/24",
        "10.3.0.2/24",
        "10.4.0.1/32",
        "10.1.0.3/24",
        "10.1.0.4/24",
    ]
    assert found["10.1.0.3/24"].label == "eth0:1"
    assert found["10.1.0.2/24"].broadcast == "10.1.0.255"
    assert found["10.2.0.2/24"].metric == 50
    assert found["10.4.0.1/32"].peer == "10.4.0.2/32"
    assert found["10.5.0.1/32"].scope == "host"
    leased = found["10.3.0.2/24"]
    assert leased.dynamic and 4000 < leased.valid_lft <= 5000 and 3000 < leased.preferred_lft <= 4000
    assert found["10.1.0.4/24"].valid_lft == FOREVER
    assert found["2001:db8:1::4/64"].preferred_lft == 0
    assert found["2001:db8:2::2/64"].noprefixroute
    assert [address.cidr for address in eth0.addresses if address.is_link_local] == ["fe80::5054:ff:feaa:1/64"]


def test_routes_of_all_tables(said: Said) -> None:
    found = routes_of(said)
    assert found["default", "main", "10.1.0.1"].metric == 100
    assert found["default", "main", "10.1.0.9"].prefsrc == "10.1.0.3"
    assert found["default", "100", "10.1.0.1"].family == 4
    assert dict(found["192.0.2.0/24", "main", "10.1.0.9"].metrics) == {"mtu": "1400", "advmss": "1300"}
    assert found["192.0.3.0/24", "main", ""].scope == "link"
    assert found["192.0.5.0/24", "main", ""].nexthops == (NextHop("eth0", "10.1.0.1"), NextHop("eth1", "10.8.0.1"))
    assert found["192.0.6.0/24", "main", "172.30.0.1"].onlink
    assert found["192.0.7.0/24", "main", "inet6 2001:db8:1::1"].family == 4
    assert found["192.0.8.0/24", "main", "10.1.0.1"].tos == "0x10"
    assert found["192.0.9.0/24", "main", ""].type == "blackhole"
    assert found["default", "main", "2001:db8:1::1"].pref == "high"
    assert found["default", "100", "2001:db8:1::1"].family == 6
    assert found["2001:db8:101::/48", "main", ""].nexthops[0].weight == 3
    # the kernel's own are not ours to move
    assert not [item for item in found.values() if item.table == "local" or item.type in ("local", "broadcast", "multicast")]
    assert not [item for item in found.values() if item.unknown]


def test_rules_that_name_an_interface(said: Said) -> None:
    rules = route.parse_rules(*(said(command) for command in route.RULES))
    assert [rule.line("add") for rule in rules] == [
        "rule add priority 900 from all iif eth1 table 300",
        "rule add priority 1001 from all iif eth0 table 100",
        "rule add priority 1002 from all oif eth0 fwmark 0x10/0xff table 100",
        "rule add priority 1003 not from 10.1.0.0/24 to 10.7.0.0/16 iif eth0 table 100",
        "-6 rule add priority 1001 from all iif eth0 table 100",
        "-6 rule add priority 1002 from all oif eth0 ipproto tcp dport 80-443 protocol static table 100",
        "-6 rule add priority 1003 from all iif eth0 suppress_prefixlength 0 table main",
        "-6 rule add priority 1004 from all iif eth0 prohibit",
    ]
    assert not [rule for rule in rules if rule.unknown]


def test_neighbours(said: Said) -> None:
    found = route.parse_neighbours(said(route.NEIGHBOURS), said(route.PROXIES))
    mine = {(item.address, item.mac, item.permanent, item.proxy) for item in found if item.dev == "eth0" and (item.permanent or item.proxy)}
    assert mine == {
        ("10.1.0.77", "00:11:22:33:44:77", True, False),
        ("2001:db8:1::77", "00:11:22:33:44:77", True, False),
        ("10.1.0.78", "", False, True),
        ("2001:db8:1::78", "", False, True),
    }


def test_all_versions_say_the_same() -> None:
    """But that iproute2 6.1 does not tell who made an address. Lifetimes count down while they are being recorded."""
    models = set()
    for version in VERSIONS:
        said = Said(version)
        links = link.parse_links(said(link.COMMAND))
        model = [[line for item in links["eth0"].addresses for line in (item.add_line("eth0"), item.delete_line("eth0"))]]
        model.append(sorted(item.line("replace") for item in route.parse_routes(said(route.ROUTES)) if item.leads_through("eth0")))
        text = json.dumps(model).replace(" proto kernel_ll", "")
        models.add(re.sub(r"_lft \d\d+", "_lft N", text))
    assert len(VERSIONS) > 1
    assert len(models) == 1


@pytest.mark.parametrize("text", ["", "[]", "[{}]"])
def test_no_answer_is_no_link(text: str) -> None:
    assert link.parse_links(text) == {}


def test_attributes_that_we_could_not_write_again_are_named() -> None:
    found = route.parse_routes('[{"dst": "192.0.2.0/24", "dev": "eth0", "encap": "mpls", "metrics": [{"strange": 1, "mtu": 1400}]}]')
    assert found[0].unknown == ("encap", "strange")
    rules = route.parse_rules('[{"priority": 7, "src": "all", "iif": "eth0", "l3mdev": null, "table": "9"}]', "")
    assert rules[0].unknown == ("l3mdev",)
