# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of libvirt's domains: from what the domain has, running and stored, to what is declared, and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import HOST_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.domif import DomifFacts, LibvirtDomain, mac_of
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirt import Element
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirtxml import parse, render
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import RulesetFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import DomainDevice, Phase, Step
from ansible_collections.hypervisor.vnet.plugins.module_utils.options import host_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document

MAC = "52:54:00:00:00:01"
OTHER = f"<interface type='user'><mac address='{MAC[:-1]}9'/><model type='e1000'/></interface>"
THERE = f"""<interface type='network'><mac address='{MAC}'/><source network='default' portid='1234' bridge='virbr0'/><target dev='vnet0'/>
<model type='virtio'/><filterref filter='clean-traffic'/><alias name='net0'/><address type='pci' slot='0x03'/></interface>"""
WEB0: dict[str, Any] = {"network": "default", "name": "web-0", "mac": MAC, "guarded": False}
LINKS = {
    "eth0": Link("eth0", 2),
    "virbr0": Link("virbr0", 3, "bridge", bridge=BridgeSettings()),
    "br0": Link("br0", 4, "bridge", bridge=BridgeSettings()),
}


@dataclass
class Pretend:
    """A libvirt that does what steps say."""

    live: tuple[Element, ...] | None = ()
    stored: tuple[Element, ...] | None = ()
    applied: Applied = field(default_factory=Applied)
    more: dict[str, LibvirtDomain] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=lambda: dict(LINKS))
    control: ControlPath | None = None

    def state(self) -> HostState:
        domains = {"web": LibvirtDomain("web", self.live, self.stored), **self.more}
        facts = DomifFacts("", domains, {"default": "virbr0", "lan": ""})
        return HostState(self.links, kinds={"domifs": facts, "ruleset": RulesetFacts()}, control=self.control)

    def plan(self, *interfaces: dict[str, Any], guest: str = "web", **options: Any) -> Plan:
        guests = [{"name": guest, "toolstack": "libvirt", "interfaces": list(interfaces)}] if interfaces else []
        checked = ArgumentSpecValidator(HOST_OPTIONS).validate({"guests": guests, "allow_empty": True, **options})
        assert checked.error_messages == []
        return plan_document(host_document(checked.validated_parameters), self.state(), self.applied)

    def run(self, *interfaces: dict[str, Any], **options: Any) -> Plan:
        """Plan and do it. A second plan must then be empty, and its diff say what is there."""
        plan = self.plan(*interfaces, **options)
        self.do(action for step in plan.steps for action in step.do)
        self.applied = applied_from_text(plan.applied.to_text())
        again = self.plan(*interfaces, **options)
        assert again.steps == () and again.applied == self.applied
        assert all(plan.texts[header][1] == before for header, (before, _after) in again.texts.items())
        return plan

    def do(self, actions: Iterable[Any]) -> None:
        for action in actions:
            if isinstance(action, DomainDevice):
                item = parse(action.xml)
                for scope in action.scopes:
                    name = {"--live": "live", "--config": "stored"}[scope]
                    setattr(self, name, _changed(getattr(self, name), action, item))

    def undo(self, steps: Iterable[Step]) -> None:
        self.do(action for step in reversed(list(steps)) for action in step.undo)


def _changed(items: tuple[Element, ...] | None, action: DomainDevice, item: Element) -> tuple[Element, ...]:
    there = [other for other in items or () if mac_of(other) == mac_of(item)]
    assert items is not None and (bool(there) != (action.verb == "attach-device") or action.may_fail), action
    rest = tuple(other for other in items if other not in there)
    return rest if action.verb == "detach-device" else (*rest, item)


def commands(plan: Plan) -> list[str]:
    return [" ".join((action.verb, *action.scopes)) for step in plan.steps for action in step.do if isinstance(action, DomainDevice)]


def told(host: Pretend, *interfaces: dict[str, Any], **words: Any) -> list[str]:
    with pytest.raises(Refused) as refused:
        host.plan(*interfaces, **words)
    return [str(problem) for problem in refused.value.problems]


def test_a_new_interface_comes_live_and_stored() -> None:
    host = Pretend(live=(parse(OTHER),), stored=(parse(OTHER),))
    plan = host.run({**WEB0, "mtu": 1400, "tap": {"isolated": True, "rate": {"to_guest": "10mbit", "from_guest": "1mbps"}}})
    assert commands(plan) == ["attach-device --live --config"] and plan.disrupts == ()
    assert (
        host.stored == host.live
        and host.stored is not None
        and render(host.stored[1]).splitlines()
        == [
            '<interface type="network">',
            '  <mac address="52:54:00:00:00:01"/>',
            '  <source network="default"/>',
            '  <target dev="web-0"/>',
            '  <model type="virtio"/>',
            '  <mtu size="1400"/>',
            '  <port isolated="yes"/>',
            "  <bandwidth>",
            '    <inbound average="1250"/>',
            '    <outbound average="1000"/>',
            "  </bandwidth>",
            "</interface>",
        ]
    )
    host.undo(plan.steps)
    assert host.live == host.stored == (parse(OTHER),)


@pytest.mark.parametrize(("live", "stored", "scopes"), [(None, (), "--config"), ((), None, "--live")])
def test_only_where_the_domain_is(live: Any, stored: Any, scopes: str) -> None:
    assert commands(Pretend(live, stored).run(WEB0)) == [f"attach-device {scopes}"]


def test_what_changes_while_the_guest_runs() -> None:
    host = Pretend(live=(parse(THERE),), stored=(parse(THERE),))
    plan = host.run({**WEB0, "network": "br0"}, allow_disruption=True)
    host.undo(plan.steps)
    named = parse(THERE.replace("vnet0", "web-0"))
    host = Pretend(live=(named,), stored=(named,))
    plan = host.run({**WEB0, "network": "br0", "tap": {"isolated": True}})
    assert commands(plan) == ["update-device --live", "update-device --config"] and plan.disrupts == ()
    text = render(host.live[0]) if host.live else ""
    assert '<interface type="bridge">' in text and '<source bridge="br0"/>' in text and '<port isolated="yes"/>' in text
    # What nobody spoke of stays.
    assert '<filterref filter="clean-traffic"/>' in text and 'slot="0x03"' in text


def test_what_it_is_plugged_anew_for() -> None:
    host = Pretend(live=(parse(THERE),), stored=(parse(THERE),))
    plan = host.run({**WEB0, "model": "e1000"}, allow_disruption=True)
    assert commands(plan) == ["detach-device --live", "attach-device --live", "update-device --config"]
    assert plan.disrupts == (
        "vnet0 of web is unplugged and plugged in again, because libvirt does not change it while the guest runs: dev, model",
    )
    host.undo(plan.steps)
    assert [item.one("target").get("dev") for item in (*(host.live or ()), *(host.stored or ()))] == ["vnet0", "vnet0"]


def test_what_is_not_spoken_of_any_more_goes() -> None:
    host = Pretend()
    host.run({**WEB0, "tap": {"isolated": True, "rate": {"to_guest": "10mbit"}}})
    assert commands(host.run(WEB0)) == ["update-device --live", "update-device --config"]
    assert host.live and "bandwidth" not in render(host.live[0]) and "port" not in render(host.live[0])


def test_one_that_we_brought_goes() -> None:
    host = Pretend()
    host.run(WEB0)
    plan = host.run(prune=True)
    assert commands(plan) == ["detach-device --live", "detach-device --config"] and (host.live, host.stored) == ((), ())
    assert plan.disrupts == ("web-0 of web is unplugged, and the guest loses it",) and plan.applied.domifs == {}
    # Before its network goes, so that it finds that again should all be undone.
    assert {step.phase for step in plan.steps} == {Phase.FREEZE}
    host.undo(plan.steps)
    assert host.live and host.stored


def test_one_that_was_there_is_as_it_was() -> None:
    host = Pretend(live=(parse(THERE),), stored=(parse(THERE),))
    host.run({**WEB0, "mtu": 1400, "tap": {"isolated": True}}, allow_disruption=True)
    plan = host.run(WEB0, state="absent")
    assert commands(plan) == ["update-device --live", "update-device --config"] and plan.disrupts == ()
    assert host.stored and render(host.stored[0]) == render(
        parse(THERE.replace(" portid='1234' bridge='virbr0'", "").replace("<alias name='net0'/>", ""))
    )
    # Its name and MTU are those of the guest's next start.
    assert host.live and "isolated" not in render(host.live[0]) and 'dev="web-0"' in render(host.live[0])


def test_one_that_only_ran_later_goes_from_where_it_was_not() -> None:
    """libvirt's network of old may not even run."""
    host = Pretend(live=(), stored=(parse(THERE.replace("virtio", "e1000")),))
    host.run({**WEB0, "network": "br0"})
    assert host.live and host.live[0].one("model").get("type") == "e1000"
    assert commands(host.run(prune=True)) == ["detach-device --live", "update-device --config"]
    host = Pretend(live=None, stored=(parse(THERE),))
    host.run({**WEB0, "network": "br0"})
    host.live = host.stored
    assert commands(host.run(prune=True)) == ["update-device --live", "update-device --config"]


@pytest.mark.parametrize("prune", [True, False])
def test_a_new_name_is_the_same_interface(prune: bool) -> None:
    host = Pretend(live=None)
    host.run(WEB0)
    plan = host.run({**WEB0, "name": "www-0"}, prune=prune)
    assert commands(plan) == ["update-device --config"] and list(plan.applied.domifs) == ["www-0"]


def test_a_domain_that_is_gone_is_forgotten() -> None:
    host = Pretend(live=None)
    host.run(WEB0)
    host.applied = replace(
        host.applied,
        domifs={"web-0": replace(host.applied.domifs["web-0"], domif=replace(host.applied.domifs["web-0"].domif, domain="old"))},
    )
    plan = host.run(prune=True)
    assert plan.steps == () and plan.applied.domifs == {}


def test_of_another_owner() -> None:
    host = Pretend()
    host.run(WEB0, owner="web")
    assert told(host, WEB0) == [
        "guests[0].interfaces[0].name: web-0 belongs to owner 'web', not 'site'; declare it there, or remove it there first"
    ]
    assert host.run(prune=True).steps == ()


def test_a_guests_interface_is_no_matter_of_the_controllers() -> None:
    host = Pretend(control=ControlPath("192.0.2.1", "192.0.2.2", 22, "br0"))
    plan = host.plan({**WEB0, "network": "br0"})
    assert plan.steps and plan.control == ()


_TWIN = LibvirtDomain("db", None, (parse(THERE.replace("vnet0", "web-0")),))


@pytest.mark.parametrize(
    ("host", "change", "problem"),
    [
        (Pretend(more={"db": _TWIN}), {"name": "web-7"}, f"mac: {MAC} is in domain db already; give each interface its own"),
        (
            Pretend(more={"db": _TWIN}),
            {"mac": "52:54:00:00:00:07"},
            "name: web-0 is an interface of domain db already; choose another name",
        ),
        (Pretend(), {"name": "eth0"}, "name: eth0 is there already, and is no domain's; choose another name"),
        (Pretend(), {"name": "vnet7"}, "name: vnet7 begins with vnet, and libvirt forgets such names; choose another"),
        (
            Pretend(),
            {"name": "a-name-of-16-ch-"},
            "name: 'a-name-of-16-ch-' has 16 characters; Linux allows 15 at most, choose a shorter name",
        ),
        (
            Pretend(stored=(parse(OTHER),)),
            {"mac": f"{MAC[:-1]}9"},
            f"mac: {MAC[:-1]}9 is an interface of type user in domain web, which is in no network; detach it first, or give the guest another",
        ),
        (
            Pretend(),
            {"network": "nowhere"},
            "network: nowhere is no network of libvirt and no bridge of this host, there are: default, lan, br0, virbr0; declare it first",
        ),
        (Pretend(), {"tap": {"owner": "nobody"}}, "tap.owner: is no matter of ours with libvirt, which makes the tap; leave it out"),
        (Pretend(), {"qemu": {"queues": 2}}, "qemu: is about guests of QEMU without libvirt; leave it out"),
        (Pretend(), {"mtu": 9}, "mtu: 9 is outside 68-65535"),
    ],
)
def test_refused(host: Pretend, change: dict[str, Any], problem: str) -> None:
    assert told(host, {**WEB0, **change}) == [f"guests[0].interfaces[0].{problem}"]


def test_an_unknown_domain_is_told_once() -> None:
    two = ({**WEB0}, {**WEB0, "name": "web-1", "mac": "52:54:00:00:00:02"})
    assert told(Pretend(), *two, guest="wbe") == [
        "guests[0].name: libvirt has no domain wbe on this host, there are: web; define it first, or correct the name"
    ]


def test_without_libvirt() -> None:
    host = Pretend()
    document_facts = replace(host.state(), kinds={"domifs": DomifFacts("libvirt is not there"), "ruleset": RulesetFacts()})
    host.state = lambda: document_facts  # type: ignore[method-assign]
    assert told(host, WEB0) == ["guests: libvirt is not there"]
