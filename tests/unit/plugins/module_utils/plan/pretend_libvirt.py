# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt that does what steps say, as far as its definitions go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirt import Element, LibvirtFacts, Plug, SeenNetwork
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirtread import read_libvirt
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirtxml import parse, render
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Action, Ip, Step, Virsh
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document

UUID = "<uuid>8fb43980-b47e-4dc9-99ab-3f30cfc190d3</uuid>"
MAC = "<mac address='52:54:00:0b:f9:fe'/>"


@dataclass
class PretendLibvirt:
    """``links``: of the host, libvirt's bridges included, which come and go with their networks."""

    networks: dict[str, SeenNetwork] = field(default_factory=dict)
    plugs: tuple[Plug, ...] = ()
    links: dict[str, Link] = field(default_factory=lambda: {"eth0": Link("eth0", 2)})
    applied: Applied = field(default_factory=Applied)

    def state(self) -> HostState:
        return HostState(dict(self.links), kinds={"libvirt": LibvirtFacts("", dict(self.networks), self.plugs)})

    def plan(self, items: list[dict[str, Any]], absent: tuple[str, ...] = (), **options: Any) -> Plan:
        networks, wrong = read_libvirt(items)
        assert wrong == []
        prune = options.pop("prune", False)
        document = Document(libvirt=Declared(networks, absent, prune, "networks"), **options)
        return plan_document(document, self.state(), self.applied)

    def run(self, items: list[dict[str, Any]], absent: tuple[str, ...] = (), **options: Any) -> Plan:
        """Plan and do it. A second plan must then be empty."""
        plan = self.plan(items, absent, **options)
        self.do(plan.steps)
        self.applied = applied_from_text(plan.applied.to_text())
        again = self.plan(items, absent, **options)
        assert [action.command() for step in again.steps for action in step.do] == [] and again.applied == self.applied
        return plan

    def do(self, steps: Iterable[Step]) -> None:
        for step in steps:
            for action in step.do:
                self._act(action)

    def undo(self, plan: Plan) -> None:
        for step in reversed(plan.steps):
            for action in step.undo:
                self._act(action)

    def _act(self, action: Action) -> None:
        if isinstance(action, Ip):
            words = action.line.split()
            if "master" in words and words[3] in self.links:
                self.links[words[3]] = replace(self.links[words[3]], master=words[words.index("master") + 1])
        if isinstance(action, Virsh):
            done = self._virsh(action)
            assert done or action.may_fail, action.command()

    def _virsh(self, action: Virsh) -> bool:
        seen = self.networks.get(action.name, SeenNetwork())
        if action.verb == "net-define":
            self.networks[action.name] = replace(seen, stored=self._settled(action.xml))
            return True
        if action.verb == "net-undefine":
            self.networks.pop(action.name)
            return bool(seen.stored)
        if action.verb == "net-autostart":
            self.networks[action.name] = replace(seen, autostart=not action.more)
            return bool(seen.stored)
        if action.verb == "net-start":
            self.networks[action.name] = replace(seen, running=seen.stored)
            self._bridge(seen.stored, there=True)
            return bool(seen.stored) and not seen.running
        if action.verb == "net-destroy":
            if seen.running:
                self.networks[action.name] = replace(seen, running="")
                self._bridge(seen.running, there=False)
            return bool(seen.running)
        assert action.verb == "net-update" and "--live" in action.more, action
        self.networks[action.name] = replace(seen, running=_updated(seen.running, action.more))
        return True

    @staticmethod
    def _settled(xml: str) -> str:
        """With what libvirt adds."""
        for element, mark in ((UUID, "<uuid>"), (MAC, "<mac ")):
            if mark not in xml and "<bridge" in xml:
                xml = xml.replace("</name>", f"</name>{element}", 1)
        return xml

    def _bridge(self, xml: str, there: bool) -> None:
        name = parse(xml).one("bridge").get("name")
        if there:
            self.links[name] = Link(name, 100, "bridge", bridge=BridgeSettings())
        else:
            self.links.pop(name)
            self.links = {key: replace(link, master="" if link.master == name else link.master) for key, link in self.links.items()}


def _updated(xml: str, words: tuple[str, ...]) -> str:
    root, verb, section, item = parse(xml), words[0], words[1], parse(words[2])
    parent = int(words[words.index("--parent-index") + 1]) if "--parent-index" in words else -1
    if section.startswith("ip-dhcp-"):
        subnet = root.all("ip")[parent]
        dhcp = _changed(subnet.one("dhcp"), verb, item)
        changed = replace(subnet, children=(*(child for child in subnet.children if child.tag != "dhcp"), dhcp))
        return render(replace(root, children=tuple(changed if child is subnet else child for child in root.children)))
    if section == "portgroup":
        return render(_changed(root, verb, item))
    above = {"dns": "dns", "forward": "forward"}[section.partition("-")[0]]
    changed = _changed(root.one(above), verb, item)
    return render(replace(root, children=(*(child for child in root.children if child.tag != above), changed)))


def _changed(above: Element, verb: str, item: Element) -> Element:
    if verb == "add-last":
        assert item not in above.children
        return replace(above, children=(*above.children, item))
    assert verb == "delete" and item in above.children, (verb, item, above)
    return replace(above, children=tuple(child for child in above.children if child != item))
