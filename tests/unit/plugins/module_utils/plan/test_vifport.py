# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bridge ports of vifs, and the cards that are emulated for their guests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.hook import HOOK, VIFS, HookFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vif import VifFacts, read_vifs
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vlan import VlanRange, untagged
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.diff import commands
from ansible_collections.hypervisor.vnet.tests.unit.plugins.module_utils.plan.test_vif import FACTS, LINKS, MAC, Item, planned, refused


def aware(*, filtering: bool = True) -> dict[str, Link]:
    return {**LINKS, "xenbr0": Link("xenbr0", 3, bridge=BridgeSettings(vlan_filtering=filtering))}


TAGGED = replace(FACTS, vlans={"http": untagged(1)})


def test_the_port_of_one_that_is_there_changes_without_a_new_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LINKS, "xenbr0", aware()["xenbr0"])
    plan = planned({"domain": "web", "mac": MAC, "vlan": "10p/20", "isolated": True}, facts=TAGGED)
    assert commands(plan.steps) == [
        "bridge vlan add dev http vid 10 pvid untagged\nbridge vlan add dev http vid 20\nbridge vlan del dev http vid 1",
        "ip link set dev http type bridge_slave isolated on",
    ]
    assert plan.disrupts == ()
    assert plan.texts["port http (kernel)"] == (
        "port http\n  vlan 1 pvid untagged\n",
        "port http\n  vlan 10 pvid untagged\n  vlan 20\n  isolated yes\n",
    )
    monkeypatch.setitem(LINKS, "http", replace(LINKS["http"], isolated=True))
    done = replace(FACTS, vlans={"http": (VlanRange(10, 10, True, True), VlanRange(20, 20))})
    again = planned({"domain": "web", "mac": MAC, "vlan": "10p/20", "isolated": True}, facts=done, applied=plan.applied)
    assert again.steps == () and applied_from_text(again.applied.to_text()) == plan.applied
    # What is not declared any more is taken back.
    back = planned({"domain": "web", "mac": MAC}, facts=done, applied=plan.applied)
    assert commands(back.steps) == [
        "bridge vlan add dev http vid 1 pvid untagged\nbridge vlan del dev http vid 10\nbridge vlan del dev http vid 20",
        "ip link set dev http type bridge_slave isolated off",
    ]


def test_one_that_comes_again_because_something_failed_has_its_port_back() -> None:
    plan = planned({"domain": "web", "mac": MAC, "name": "www"}, facts=replace(FACTS, vlans={"http": untagged(30)}))
    assert [action.command() for action in plan.steps[0].undo][1:2] == [
        "bridge vlan del dev http vid 1-4094\nbridge vlan add dev http vid 30 pvid untagged"
    ]


def test_vlans_need_a_bridge_that_knows_them() -> None:
    assert refused({"domain": "web", "mac": MAC, "vlan": "10"}) == [
        "vifs[0].vlan: xenbr0 is not VLAN-aware, so its ports have no VLANs; ip link set dev xenbr0 type bridge vlan_filtering 1"
    ]
    routed = {"domain": "web", "mac": "00:16:3e:00:00:09", "script": "vif-route", "addresses": ["10.0.0.9"]}
    why = "is a matter of bridge ports, and its script puts it into no bridge; leave it out"
    assert refused({**routed, "isolated": True}) == [f"vifs[0].isolated: {why}"]


def test_a_new_one_gets_its_port_from_the_hook() -> None:
    vifs, _wrong = read_vifs([{"domain": "web", "mac": "00:16:3e:00:00:09", "vlan": "10"}])
    state = HostState(aware(), kinds={"vifs": FACTS, "hook": HookFacts(scripts=True)})
    plan = plan_document(Document(vifs=Declared(vifs, path="vifs")), state, Applied())
    assert [command for command in commands(plan.steps) if not command.startswith("#")] == [
        f"write {HOOK}",
        f"write {VIFS}",
        "xl network-attach web devid=2 mac=00:16:3e:00:00:09",
    ]
    gone = plan_document(Document(vifs=Declared(removed=("web/00:16:3e:00:00:09",))), replace(state, files=dict.fromkeys(())), plan.applied)
    assert not gone.applied.files
    # A host without Xen's scripts has no hook.
    plain = replace(state, kinds={"vifs": FACTS})
    assert not plan_document(Document(vifs=Declared(vifs, path="vifs")), plain, Applied()).applied.files


def test_emulated_cards_are_of_the_guests_file() -> None:
    card = {"domain": "win", "mac": MAC, "bridge": "xenbr0", "type": "ioemu", "model": "e1000"}
    why = "is about the emulated card of an HVM guest, which comes with the guest's start, and never to one that runs"
    assert [line for line in refused(card) if why in line] == [
        f"vifs[0].{word}: {why}; say scope: config or both" for word in ("type", "model")
    ]
    file = FileState(f"name = 'win'\nvif = [ 'mac={MAC},bridge=xenbr0,model=rtl8139' ]\n")
    facts = VifFacts(xl=True, files={"win": file})
    plan = planned(card, scope="config", facts=facts)
    text = plan.texts["/etc/xen/win.cfg"][1]
    assert "model=e1000" in text and "type=ioemu" in text and "rtl8139" not in text
    later = replace(facts, files={"win": FileState(text)})
    assert planned(card, scope="config", facts=later, applied=plan.applied).steps == ()
    plain = planned({"domain": "win", "mac": MAC, "bridge": "xenbr0"}, scope="config", facts=later, applied=plan.applied)
    assert "model" not in plain.texts["/etc/xen/win.cfg"][1] and "type=" not in plain.texts["/etc/xen/win.cfg"][1]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"vlan": "10/20"}, "vifs[0].vlan: 10/20 marks 0 of its VLANs by p; mark the one of frames without a tag by p, as in 10p/20"),
        ({"model": "e1000;rm"}, "vifs[0].model: 'e1000;rm' is no model of a card; write it as QEMU calls it, as in e1000"),
        (
            {"type": "vif", "model": "e1000"},
            "vifs[0].model: is about emulated cards, and type: vif says that there is none; leave one of them out",
        ),
    ],
)
def test_what_is_wrong_with_ports_and_cards_in_itself(more: Item, line: str) -> None:
    assert [str(problem) for problem in read_vifs([{"domain": "web", "mac": MAC, **more}])[1]] == [line]
