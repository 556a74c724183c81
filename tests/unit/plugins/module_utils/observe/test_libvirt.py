# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What virsh(1) says of networks and guests, as libvirt 11.3 says it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirt import AppliedLibvirt, Plug, SeenNetwork
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.libvirt import leases_on, read, read_libvirt

STORED = "<network>\n  <name>default</name>\n  <bridge name='virbr0'/>\n</network>"
RUNNING = "<network connections='1'>\n  <name>default</name>\n  <bridge name='virbr0'/>\n</network>"
INFO = "Name:           default\nUUID:           u1\nActive:         yes\nPersistent:     yes\nAutostart:      no\nBridge:         virbr0\n"
TRANSIENT = INFO.replace("default", "brief").replace("Persistent:     yes", "Persistent:     no")
GUEST = """<domain type='qemu' id='1'><name>web</name><devices>
<interface type='network'><mac address='52:54:00:AA:00:01'/><source network='default' portid='p' bridge='virbr0'/>
<vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='47'/></vlan><mtu size='1400'/><target dev='vnet0'/><port isolated='yes'/></interface>
<interface type='bridge'><source bridge='br0'/><vlan><tag id='7'/></vlan><target dev='vnet1'/></interface>
<interface type='user'><target dev='vnet2'/></interface></devices></domain>"""


class SaidMachine(Machine):
    """One whose virsh(1) answers questions about two networks and one guest."""

    def __init__(self, wrong: str = "", programs: Sequence[str] = ("virsh",)) -> None:
        super().__init__()
        self.wrong, self.programs = wrong, programs
        self.asked: list[str] = []

    def which(self, program: str) -> str:
        return program if program in self.programs else ""

    def run(self, argv: Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        self.asked.append(argv[-1])
        if self.wrong:
            return Completed(1, "", self.wrong)
        if argv[-1] == "--uuid":
            return Completed(0, "g1\n\n" if "list" in argv else "u1\nu2\nu3\n", "")
        answers = {"net-info u1": INFO, "net-dumpxml --inactive u1": STORED, "net-dumpxml u1": RUNNING, "dumpxml g1": GUEST}
        answers.update({"net-info u2": TRANSIENT, "net-dumpxml u2": RUNNING.replace("default", "brief")})
        parts = (
            part.removeprefix("echo ") if part.startswith("echo ") else f"{answers.get(part, '')}\n\n" for part in argv[-1].split("; ")
        )
        return Completed(0, "".join(parts), "")

    def text(self, path: str) -> str:
        return '[\n  {\n    "ip-address": "192.168.122.7"\n  }\n]' if path == "/var/lib/libvirt/dnsmasq/virbr0.status" else ""


def test_networks_and_guests() -> None:
    machine = SaidMachine()
    facts = read_libvirt(machine)
    # The third went away before it could be asked for.
    assert set(facts.networks) == {"default", "brief"}
    seen = facts.networks["default"]
    assert (seen.stored.strip(), seen.running.strip(), seen.active, seen.autostart) == (STORED, RUNNING, True, False)
    assert facts.networks["brief"].stored == "" and facts.networks["brief"].active
    assert facts.plugs == (
        Plug("vnet0", "web", "52:54:00:aa:00:01", "default", "virbr0", True, ("vid 42 pvid untagged", "vid 47"), 1400),
        Plug("vnet1", "web", "", "", "br0", False, ("vid 7 pvid untagged",), 0),
    )
    assert len(machine.asked) == 4


def test_without_libvirt() -> None:
    assert "virsh is missing on this host; install" in read_libvirt(SaidMachine(programs=())).missing
    err = "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/run/libvirt/virtnetworkd-sock': No such file or directory\n"
    assert "No such file or directory" in read_libvirt(SaidMachine(err)).missing


@pytest.mark.parametrize(
    ("programs", "cure"),
    [
        (("libvirtd",), "start libvirtd.service"),
        (("virtnetworkd",), "start virtnetworkd.socket"),
        (("virtnetworkd", "libvirtd"), "start virtnetworkd.socket"),
        ((), "its daemon is missing; install libvirt-daemon-system (elsewhere libvirt-daemon-driver-network)"),
    ],
)
def test_the_cure_names_the_daemon_that_is_there(programs: tuple[str, ...], cure: str) -> None:
    said = read_libvirt(SaidMachine("error: no", ("virsh", *programs))).missing
    assert said == f"libvirt does not answer (error: no); {cure}"


def test_nobody_is_asked_for_nothing() -> None:
    machine = SaidMachine()
    assert read(machine, Document(), Applied(), {}) is None and machine.asked == []
    assert SeenNetwork().active is False
    applied = Applied(libvirt={"default": AppliedLibvirt("site", "", False, False)})
    assert read(machine, Document(libvirt=Declared()), applied, {}) is None and machine.asked == []
    assert read(machine, Document(libvirt=Declared(prune=True)), applied, {}) and machine.asked


def test_leases() -> None:
    assert leases_on(SaidMachine(), "virbr0") == [{"ip-address": "192.168.122.7"}]
    assert leases_on(SaidMachine(), "virbr9") == []
