# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets between a translated network and others of ours keep their source, whichever module declares those."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from harness import Answer, Namespace, assert_same
from routed import DATA, DATA6, DMZ, DMZ6, WORLD, Lab, routed_lab
from talk import ask

NAT = {"name": "dmz0", "nat66": True}
ROUTE = {"name": "data0", "subnets": ["10.1.0.0/24", "2001:db8:3::/64"]}


@pytest.fixture
def lab(empty: Namespace, world: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = routed_lab(empty, world, (str(tmp_path_factory.mktemp("dmz")), str(tmp_path_factory.mktemp("data"))))
    yield made
    made.close()


def seen(lab: Lab, address: str) -> str:
    """Who the other side sees when the guest of dmz0 asks it."""
    return str(lab.dmz.call(functools.partial(ask, address, 80))).split()[1]


def once(host: Namespace, module: str, **options: Any) -> Answer:
    """Check, do, and do again: the same diff, then nothing, of address translation either."""
    check = host.module(module, check=True, **options).ok()
    real = host.module(module, **options).ok()
    assert (check.diff_bytes, check.commands) == (real.diff_bytes, real.commands) and real.changed
    assert not host.module(module, **options).ok().changed
    assert not host.module("vnet_nat", networks=[NAT]).ok().changed
    return real


def test_what_another_module_declares_is_known_at_once(lab: Lab) -> None:
    before = lab.host.snapshot()
    lab.host.module("vnet_nat", networks=[NAT]).ok()
    assert [seen(lab, address) for address in (WORLD, DATA, DATA6)] == ["192.0.2.1", "10.1.0.254", "2001:db8:3::ff"]
    translated = lab.host.snapshot()
    once(lab.host, "vnet_route", routes=[ROUTE], owner="others")
    assert [seen(lab, address) for address in (WORLD, DATA, DATA6)] == ["192.0.2.1", DMZ, DMZ6]
    once(lab.host, "vnet_route", routes=[ROUTE], owner="others", state="absent")
    assert_same(translated, lab.host.snapshot())
    # A bridge of ours that leads to guests only.
    once(lab.host, "xen_bridge", bridges=[{"name": "xenbr1", "addresses": ["10.1.1.254/24"]}])
    lab.host.ip("link set data0-1 master xenbr1")
    lab.data.ip("address add 10.1.1.1/24 dev eth0\nroute replace default via 10.1.1.254")
    assert [seen(lab, address) for address in (WORLD, "10.1.1.1")] == ["192.0.2.1", DMZ]
    lab.host.ip("link set data0-1 master data0")
    once(lab.host, "xen_bridge", bridges=[{"name": "xenbr1"}], state="absent")
    assert_same(translated, lab.host.snapshot())
    lab.host.module("vnet_nat", networks=[NAT], state="absent").ok()
    assert_same(before, lab.host.snapshot())


def test_a_host_in_one_document_needs_one_run(lab: Lab) -> None:
    """What is declared with the network itself, and by whom it is asked for besides."""
    host: dict[str, Any] = {
        "networks": [
            {"name": "vnat9", "layout": "nat", "addresses": ["10.9.0.254/24"], "no_nat_to": ["198.51.100.0/24"]},
            {"name": "xenbr1", "layout": "bridge", "addresses": ["10.1.1.254/24"]},
        ],
        "routes": [ROUTE],
    }
    lab.host.module("vnet_host", **host).ok()
    assert not lab.host.module("vnet_host", **host).ok().changed
    listed = lab.host.run("nft", "list", "table", "inet", "vnet_nat").stdout
    assert "@managed4_24 return" in listed and "@no_nat4_24 return" in listed
    (elements,) = re.findall(r"set managed4_24 {[^{]*{([^}]*)}", listed)
    assert sorted(elements.replace(",", " ").split()) == ["10.1.0.0", "10.1.1.0"]


def test_a_host_can_be_told_of_one_kind_alone(lab: Lab) -> None:
    lab.host.module("vnet_host", networks=[{"name": "vnat9", "layout": "nat", "addresses": ["10.9.0.254/24"]}]).ok()
    zones = [{"name": "dmz", "networks": ["dmz0"]}, {"name": "data", "networks": ["data0"]}]
    policies = [{"from": "dmz", "to": "data", "allow": ["any"]}]
    for part in ({"routes": [ROUTE]}, {"zones": zones}, {"policies": policies}):
        assert lab.host.module("vnet_host", **part).ok().changed
        assert not lab.host.module("vnet_host", **part).ok().changed
    assert seen(lab, DATA) == DMZ
    assert lab.host.json("link", "show", "vnat9") and "@leave0_ip4_24" in lab.host.run("nft", "list", "table", "inet", "vnet_nat").stdout
    wrong = lab.host.module("vnet_host", policies=[], prune=True)
    assert [problem.split(":")[0] for problem in wrong.problems] == ["policies"]
    assert "networks, guests, zones, policies, routes" in lab.host.module("vnet_host").failed()
