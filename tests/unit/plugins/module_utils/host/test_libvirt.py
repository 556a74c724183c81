# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virsh(1) where a daemon can answer it, and libvirt's own files where none can be there yet."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host import libvirt
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.libvirt import call, change_device
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirt import DOMAINS, SOCKETS, STORED
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import DomainDevice, Virsh, action_from_json, action_to_json
from ansible_collections.hypervisor.vnet.tests.unit.plugins.module_utils.host.noted_machine import NotedMachine

XML = "<network><name>office</name></network>"
DEFINE = Virsh("net-define", "office", xml=XML)


class VirshMachine(NotedMachine):
    """One on which virsh(1) has something to say against it."""

    def __init__(self, err: str = "", daemon: bool = True) -> None:
        super().__init__()
        self.err, self.out = err, ""
        self.files = dict.fromkeys(SOCKETS[1:] if daemon else (), "")

    def run(self, argv: Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        self.batches.append((list(argv), stdin.splitlines()))
        return Completed(1 if self.err else 0, self.out, self.err)

    def link(self, path: str, target: str) -> None:
        self.files[path] = target


def test_the_daemon_is_told() -> None:
    machine = VirshMachine()
    for action in (DEFINE, Virsh("net-update", "office", ("delete", "dns-host", "<host/>", "--live"))):
        call(machine, action)
    virsh = ["virsh", "--quiet", "--connect", "network:///system"]
    assert machine.batches == [
        ([*virsh, "net-define", "/dev/stdin"], [XML]),
        ([*virsh, "net-update", "office", "delete", "dns-host", "<host/>", "--live"], []),
    ]


def test_its_own_words_are_the_message() -> None:
    err = "error: Failed to start network office\nerror: internal error: Network is already in use by interface eth0\n\n"
    with pytest.raises(VnetError) as raised:
        call(VirshMachine(err), Virsh("net-start", "office"))
    assert (
        str(raised.value)
        == "virsh net-start office: Failed to start network office; internal error: Network is already in use by interface eth0"
    )
    call(VirshMachine(err), Virsh("net-start", "office", may_fail=True))


def test_before_the_daemon_its_files_are_told() -> None:
    machine = VirshMachine(daemon=False)
    path, link = f"{STORED}/office.xml", f"{STORED}/autostart/office.xml"
    for action in (DEFINE, Virsh("net-autostart", "office"), Virsh("net-start", "office")):
        call(machine, action)
    assert machine.files == {path: XML, link: path} and machine.batches == []
    call(machine, Virsh("net-autostart", "office", ("--disable",)))
    assert machine.files == {path: XML}
    call(machine, Virsh("net-undefine", "office"))
    assert machine.files == {}


def test_it_comes_back_from_the_journal() -> None:
    device = DomainDevice("attach-device", "web", "<interface/>", ("--live",))
    for action in (DEFINE, Virsh("net-autostart", "office", ("--disable",), may_fail=True), device):
        assert action_from_json(action_to_json(action)) == action


CARD = """<interface type="bridge">
  <mac address="52:54:00:00:00:01"/>
  <source bridge="br0"/>
</interface>
"""
DOMAIN = """<domain type='qemu'>
  <name>web</name>
  <devices>
    <interface type='network'>
      <mac address='52:54:00:00:00:09'/>
    </interface>
    <serial type='null'/>
  </devices>
</domain>
"""


def test_a_domains_device_is_told() -> None:
    machine = VirshMachine()
    change_device(machine, DomainDevice("attach-device", "web", CARD, ("--live", "--config")))
    assert machine.batches == [(["virsh", "--quiet", "attach-device", "web", "/dev/stdin", "--live", "--config"], CARD.splitlines())]
    failing = VirshMachine("error: Failed to attach device from /dev/stdin\nerror: no room\n")
    with pytest.raises(VnetError, match="virsh attach-device web: Failed to attach device from /dev/stdin; no room"):
        change_device(failing, DomainDevice("attach-device", "web", CARD, ("--live",)))
    change_device(failing, DomainDevice("attach-device", "web", CARD, ("--live",), may_fail=True))


@pytest.mark.parametrize(("scope", "asked"), [("--live", ["domiflist", "web"]), ("--config", ["domiflist", "web", "--inactive"])])
def test_what_is_still_there_does_not_come_back_twice(scope: str, asked: list[str]) -> None:
    machine = VirshMachine()
    machine.out = " web-0       bridge     br0         virtio      52:54:00:00:00:01\n"
    change_device(machine, DomainDevice("attach-device", "web", CARD, (scope,), may_fail=True))
    assert machine.batches == [(["virsh", "--quiet", *asked], [])]
    machine.out = ""
    change_device(machine, DomainDevice("attach-device", "web", CARD, (scope,), may_fail=True))
    assert len(machine.batches) == 3


def test_the_guest_must_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvirt, "UNPLUGGED", 0.0)
    machine = VirshMachine()
    change_device(machine, DomainDevice("detach-device", "web", CARD, ("--live",)))
    machine.out = " web-0       bridge     br0         virtio      52:54:00:00:00:01\n"
    with pytest.raises(VnetError, match="the guest has not let go of its interface after 0 s; start the guest to its end, or shut it down"):
        change_device(machine, DomainDevice("detach-device", "web", CARD, ("--live",)))
    change_device(machine, DomainDevice("detach-device", "web", CARD, ("--live",), may_fail=True))
    change_device(machine, DomainDevice("detach-device", "web", CARD, ("--config",)))


def test_before_the_daemon_the_file_of_the_domain_is_told() -> None:
    """Only what is asked for changes in it."""
    machine, path = VirshMachine(daemon=False), f"{DOMAINS}/web.xml"
    machine.files[path] = DOMAIN
    change_device(machine, DomainDevice("attach-device", "web", CARD, ("--live",)))
    change_device(machine, DomainDevice("attach-device", "gone", CARD, ("--config",)))
    assert machine.files == {path: DOMAIN}
    attached = DOMAIN.replace("  </devices>", "".join(f"    {line}\n" for line in CARD.splitlines()) + "  </devices>")
    for verb in ("attach-device", "update-device"):
        change_device(machine, DomainDevice(verb, "web", CARD, ("--config",)))
        assert machine.files == {path: attached}
    change_device(machine, DomainDevice("detach-device", "web", CARD, ("--config",)))
    assert machine.files == {path: DOMAIN} and machine.batches == []
