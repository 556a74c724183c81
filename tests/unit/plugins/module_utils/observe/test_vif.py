# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What xenstore and xl of Debian 12's Xen said of a guest with interfaces in every state, in the model."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedVif
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vif import CONNECTED, Domain, Vif, VifFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vlan import untagged
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.vif import parse_domains
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.facts import vif_facts

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "xen"


@pytest.fixture
def domains() -> dict[str, Domain]:
    said = json.loads((CASES / "4.17.json").read_text(encoding="utf-8"))
    return parse_domains(said["xenstore-ls -f"], said["xl list -l"])


def test_debris_of_scripts_is_no_domain(domains: dict[str, Domain]) -> None:
    assert [(domain.domid, domain.name, domain.type) for domain in domains.values()] == [(1, "domu1", "pv")]


def test_devices_have_what_libxl_was_told(domains: dict[str, Domain]) -> None:
    devices = domains["domu1"].devices
    assert sorted(devices) == [0, 3, 4, 5, 6, 7]
    own = {"backend": "Domain-0", "trusted": "1", "script": "/etc/xen/scripts/vif-bridge", "bridge": "xenbr0"}
    assert devices[0].words == {**own, "mac": "00:16:3e:00:00:01", "ip": "10.0.0.1", "vifname": "http"}
    assert devices[7].words == {**own, "mac": "00:16:3e:00:00:07", "rate": "6250,50000", "mtu": "1400"}


def test_what_a_failed_attach_left_is_seen(domains: dict[str, Domain]) -> None:
    domain = domains["domu1"]
    assert [number for number, device in domain.devices.items() if device.status == CONNECTED] == [0, 3, 4, 7]
    assert domain.devices[6].error == "Could not find bridge device nosuchbr"
    assert domain.link(domain.devices[0]) == "http"
    assert domain.link(domain.devices[7]) == "vif1.7"


def test_facts_name_owner_and_state(domains: dict[str, Domain]) -> None:
    applied = Applied(vifs={"domu1/00:16:3e:00:00:07": AppliedVif("shop", Vif("domu1", words={"mac": "00:16:3e:00:00:07"}))})
    vlans = {"vif1.7": untagged(10)}
    state = HostState({"vif1.7": Link("vif1.7", 9, isolated=True)})
    facts = {item["devid"]: item for item in vif_facts(VifFacts(domains=domains, vlans=vlans), applied, state)}
    assert (facts[7]["vlans"], facts[7]["isolated"]) == (["10 pvid untagged"], True)
    assert (facts[0]["vlans"], facts[0]["isolated"]) == ([], False)
    assert facts[7]["owner"] == "shop" and facts[7]["rate"] == "125000B/s@50000us" and facts[7]["mtu"] == 1400
    assert facts[0]["owner"] == "" and facts[0]["addresses"] == ["10.0.0.1"] and facts[0]["state"] == "connected"
    assert (facts[5]["state"], facts[5]["error"][:23]) == ("NOT CONNECTED", "Cannot rename interface")


def test_a_dom0_without_guests_has_none() -> None:
    assert parse_domains('/local/domain/0/name = "Domain-0"\n', "[\n\n]\n") == {}
