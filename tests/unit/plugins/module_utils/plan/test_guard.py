# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of declared guards a host cannot do, said before anything is touched; and what is not for guards to say."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import Guard
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.hook import HOOK, HookFacts, standing_guards
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import RulesetFacts, as_seen
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vif import Device, Domain
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.diff import commands
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.guard import guard_tables

ONE = Guard("vif1.0", "00:16:3e:00:00:01", ("10.0.0.1/32",))
NFT = (1, 0, 6)


def planned(*guards: Guard, version: tuple[int, ...] = NFT, applied: Applied | None = None, **options: object) -> Plan:
    document = Document(guards=Declared(guards, path="guards", prune=True), persist="none", guard_settings=options)
    bridge = Link("br0", 2, kind="bridge", mac="52:54:00:00:b0:00", bridge=BridgeSettings())
    over = Link("macvlan0", 3, kind="macvlan", mac="52:54:00:00:b0:01", lower="br0")
    card = Link("eth0", 4, mac="52:54:00:00:00:10", master="br0")
    state = HostState({"br0": bridge, "macvlan0": over, "eth0": card}, kinds={"ruleset": RulesetFacts(version)})
    return plan_document(document, state, applied or Applied())


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ((), "nft is missing on this host; install nftables 1.0.6 or newer"),
        ((0, 9, 8), "nftables 0.9.8 is too old; 1.0.6 or newer is needed"),
        ((1, 0, 5), "nftables 1.0.5 is too old; 1.0.6 or newer is needed"),
    ],
)
def test_a_host_whose_nft_cannot_do_it(version: tuple[int, ...], message: str) -> None:
    with pytest.raises(Refused) as refused:
        planned(ONE, version=version)
    assert [str(problem) for problem in refused.value.problems] == [message]
    with pytest.raises(Refused, match=message):
        planned(version=version, unlisted=True, match=("tap*",))
    # nothing is asked of a host that has no guards and gets none
    assert planned(version=version).steps == ()


@pytest.mark.parametrize("version", [NFT, (1, 0, 10), (1, 1, 0), (2, 0, 0)])
def test_versions_that_will_do(version: tuple[int, ...]) -> None:
    assert planned(ONE, version=version).steps


def test_a_missing_nft_is_said_along_with_all_else() -> None:
    foreign = Document(owner="other", guards=Declared((ONE,), path="guards"), persist="none")
    known = planned(ONE).applied
    twin = Guard("vif9.0", ONE.mac, ("10.0.0.1/32",))
    state = HostState({}, kinds={"ruleset": RulesetFacts()})
    with pytest.raises(Refused) as refused:
        plan_document(Document(owner="other", guards=Declared((ONE, twin), path="guards"), persist="none"), state, known)
    assert [problem.path for problem in refused.value.problems] == ["", "guards[0].interface"]
    with pytest.raises(Refused, match=r"guards\[0\]\.interface: vif1\.0 is guarded by owner 'site', not 'other'; change it there"):
        plan_document(foreign, HostState({}, kinds={"ruleset": RulesetFacts(NFT)}), known)


def test_macs_that_the_host_listens_to() -> None:
    """Those of bridges and of what stands on them; a card in a bridge is only a port."""
    plan = planned(ONE, bypass=True)
    assert plan.applied.guard_settings.host_macs == ("52:54:00:00:b0:00", "52:54:00:00:b0:01")
    assert applied_from_text(plan.applied.to_text()) == plan.applied
    assert "ether daddr @guest_mac notrack" in commands(plan.steps)[0]
    assert planned(ONE).applied.guard_settings.host_macs == ()
    # without a guard there is nobody to spare
    assert planned(applied=plan.applied).applied.guard_settings == Applied().guard_settings


def test_what_the_hook_has_opened_stays_as_long_as_its_vif_does() -> None:
    web = Guard("web0", "00:16:3e:00:00:02", ("10.0.0.2/32",))
    applied = planned(web, unlisted=True, match=("vif*",)).applied
    domains = {"web": Domain(7, "web", devices={0: Device(0, {"mac": web.mac, "bridge": "br0"})})}
    tables = guard_tables(standing_guards(applied.guards, applied.guard_settings, domains, ()))
    seen = {table.key: as_seen(table) for table in tables}
    document = Document(guards=Declared((web,), path="guards"), persist="none")

    def steps(facts: HookFacts) -> list[str]:
        kinds = {"ruleset": RulesetFacts(NFT), "guards": seen, "hook": facts}
        return commands(plan_document(document, HostState({}, kinds=kinds), applied).steps)

    assert steps(HookFacts(domains=domains)) == []
    gone = "\n".join(steps(HookFacts()))
    assert 'delete element bridge vnet_guard from_guest { "vif7.0" }' in gone and "web0" not in gone
    # Where Xen's scripts are, they have a hook.
    assert steps(HookFacts(scripts=True, domains=domains)) == [f"write {HOOK}"]
