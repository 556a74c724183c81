# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What virsh(1) says of the interfaces of domains, as libvirt 11.3 says it."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.domif import AppliedDomif, Domif, mac_of
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.domif import read, read_domifs
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.domif import domif_facts

CARD = "<interface type='network'><mac address='52:54:00:AA:00:01'/><source network='default' bridge='virbr0'/><target dev='web-0'/></interface>"
USER = "<interface type='user'><mac address='52:54:00:aa:00:02'/></interface>"
ANSWERS = {
    "list --uuid": "u1\n\n",
    "net-info u1": "Active:         yes\nPersistent:     yes\nAutostart:      no\n",
    "net-dumpxml u1": "<network><name>default</name><forward mode='nat'/><bridge name='virbr0'/></network>",
    "net-dumpxml --inactive u1": "<network><name>default</name><forward mode='nat'/><bridge name='virbr0'/></network>",
    "dumpxml u1": f"<domain id='7'><name>web</name><devices>{CARD}{USER}</devices></domain>",
    "dumpxml --inactive u1": "<domain><name>web</name><devices/></domain>",
    "dominfo u1": "Name:           web\nPersistent:     no\n",
    "dumpxml u2": f"<domain><name>db</name><devices>{CARD.replace('web-0', 'db-0')}</devices></domain>",
    "dumpxml --inactive u2": f"<domain><name>db</name><devices>{CARD.replace('web-0', 'db-0')}</devices></domain>",
    "dominfo u2": "Name:           db\nPersistent:     yes\n",
}


class SaidMachine(Machine):
    """One domain that runs and is not stored, one that is stored, and one that went away."""

    def __init__(self, wrong: str = "") -> None:
        super().__init__()
        self.wrong = wrong

    def which(self, program: str) -> str:
        return program

    def run(self, argv: Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        if self.wrong and self.wrong in argv:
            return Completed(1, "", "error: no connection driver\n")
        if argv[-1] == "--uuid":
            return Completed(0, "u1\n" if "net-list" in argv or "--all" not in argv else "u1\nu2\nu3\n", "")
        parts = (part.removeprefix("echo ") if part.startswith("echo ") else ANSWERS.get(part, "") for part in argv[-1].split("; "))
        return Completed(0, "".join(parts), "")


def test_domains() -> None:
    facts = read_domifs(SaidMachine())
    assert (facts.missing, facts.networks, set(facts.domains)) == ("", {"default": "virbr0"}, {"web", "db"})
    web, db = facts.domains["web"], facts.domains["db"]
    assert [mac_of(item) for item in web.live or ()] == ["52:54:00:aa:00:01", "52:54:00:aa:00:02"] and web.stored is None
    assert db.live is None and [mac_of(item) for item in db.stored or ()] == ["52:54:00:aa:00:01"]


def test_facts_name_owners() -> None:
    applied = Applied(domifs={"web-0": AppliedDomif("site", Domif("web-0", "web", "52:54:00:aa:00:01", "default"))})
    db, web = domif_facts(applied, read_domifs(SaidMachine()))
    assert (db["interface"], db["running"], db["owner"]) == ("db-0", False, "")
    assert (web["interface"], web["domain"], web["network"], web["bridge"], web["running"], web["owner"]) == (
        "web-0",
        "web",
        "default",
        "virbr0",
        True,
        "site",
    )


def test_without_an_answer() -> None:
    assert (
        read_domifs(SaidMachine("net-list")).missing == "libvirt does not answer (error: no connection driver); start virtnetworkd.socket"
    )
    said = "libvirt does not tell its domains (error: no connection driver); start virtqemud.socket"
    assert read_domifs(SaidMachine("list")).missing == said


def test_who_has_none_is_not_asked() -> None:
    assert read(SaidMachine(), Document(), Applied(), {}) is None
