# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of declared vifs: attached, left alone, attached anew, detached, or refused before xl is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import HOST_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedVif, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vif import Device, Domain, VifFacts, VifOptions, read_vifs
from ansible_collections.hypervisor.vnet.plugins.module_utils.options import host_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.diff import commands

MAC, OTHER = "00:16:3e:00:00:01", "00:16:3e:00:00:02"
OWN = {"backend": "Domain-0", "trusted": "1", "script": "/etc/xen/scripts/vif-bridge", "bridge": "xenbr0"}
HTTP = Device(0, {**OWN, "mac": MAC, "vifname": "http"})
PLAIN = Device(1, {**OWN, "mac": OTHER})
FACTS = VifFacts(
    dom0=True,
    xl=True,
    domains={"web": Domain(5, "web", devices={0: HTTP, 1: PLAIN}), "win": Domain(6, "win", "hvm")},
    scripts=frozenset({"vif-bridge", "vif-route"}),
)
LINKS = {
    "eth0": Link("eth0", 2, mac="52:54:00:12:34:56"),
    "xenbr0": Link("xenbr0", 3, bridge=BridgeSettings()),
    "http": Link("http", 4, up=True, master="xenbr0"),
    "vif5.1": Link("vif5.1", 5, up=True, master="xenbr0"),
}
Item = dict[str, Any]


def remember(*items: Item, owner: str = "site") -> Applied:
    return Applied(vifs={vif.name: AppliedVif(owner, vif) for vif in read_vifs(items)[0]})


def planned(
    *items: Item,
    applied: Applied | None = None,
    facts: VifFacts = FACTS,
    control: bool = False,
    scope: str = "live",
    toolstack: str = "auto",
    **declared: Any,
) -> Plan:
    vifs, problems = read_vifs(items)
    assert problems == []
    path = ControlPath("10.0.2.2", "10.0.2.15", "xenbr0", port=22) if control else None
    state = HostState(LINKS, kinds={"vifs": facts}, control=path)
    document = Document(vifs=Declared(vifs, path="vifs", **declared), vif_options=VifOptions(scope, toolstack))
    return plan_document(document, state, applied or Applied())


def refused(*items: Item, **more: Any) -> list[str]:
    with pytest.raises(Refused) as refusal:
        planned(*items, **more)
    return [str(problem) for problem in refusal.value.problems]


def test_a_new_one_gets_the_next_number_and_must_be_connected() -> None:
    plan = planned({"domain": "web", "mac": "00:16:3e:00:00:09", "bridge": "xenbr0", "name": "web2"})
    assert commands(plan.steps) == [
        "xl network-attach web devid=2 mac=00:16:3e:00:00:09 bridge=xenbr0 vifname=web2",
        "# wait until xenstore-read /local/domain/0/backend/vif/5/2/hotplug-status says connected",
        "xenstore-rm /local/domain/web2",
    ]
    undo = [action.command() for action in plan.steps[0].undo]
    assert undo == ["xl network-detach web 2", "xenstore-rm /local/domain/web2"]
    assert plan.disrupts == () and plan.views["web2"][0] is None


def test_nothing_is_done_for_one_that_is_there() -> None:
    items = ({"domain": "web", "mac": MAC, "name": "http"}, {"domain": "web", "devid": 1, "bridge": "xenbr0"})
    plan = planned(*items)
    assert plan.steps == () and sorted(plan.applied.vifs) == ["web/00:16:3e:00:00:01", "web/1"]
    again = planned(*items, applied=plan.applied)
    assert again.steps == () and again.applied == plan.applied
    assert all(before == after for before, after in again.texts.values())


def test_another_name_needs_a_new_interface_of_the_same_number() -> None:
    plan = planned({"domain": "web", "mac": MAC, "name": "www"})
    assert commands(plan.steps) == [
        "xl network-detach web 0",
        "xenstore-rm /local/domain/http",
        f"xl network-attach web devid=0 mac={MAC} bridge=xenbr0 script=/etc/xen/scripts/vif-bridge vifname=www trusted",
        "# wait until xenstore-read /local/domain/0/backend/vif/5/0/hotplug-status says connected",
        "xenstore-rm /local/domain/www",
    ]
    assert plan.disrupts == (
        "http of web is attached anew for another name: its guest loses this interface and gets a new one, some seconds without network",
    )
    assert plan.views["http"][1] is None and plan.views["www"][0] is None
    undo = plan.steps[0].undo[0]
    assert undo.command().endswith("vifname=http trusted")
    # Where it never went, nothing is attached over it.
    assert (undo.unless, undo.unless_says) == (("xenstore-read", "/local/domain/0/backend/vif/5/0/mac"), MAC)  # type: ignore[union-attr]


def test_what_was_declared_and_is_left_out_is_taken_back() -> None:
    applied = remember({"domain": "web", "mac": MAC, "rate": "1000Kb/s", "bridge": "xenbr0"})
    limited = replace(HTTP, words={**HTTP.words, "rate": "6250,50000"})
    facts = replace(FACTS, domains={"web": Domain(5, "web", devices={0: limited})})
    plan = planned({"domain": "web", "mac": MAC}, applied=applied, facts=facts)
    assert "rate" not in commands(plan.steps)[2] and "for another rate" in plan.disrupts[0]
    # Of what others gave it, nothing is taken.
    assert planned({"domain": "web", "mac": MAC}, facts=facts).steps == ()


def test_one_whose_script_failed_is_attached_anew_and_disturbs_nobody() -> None:
    facts = replace(FACTS, domains={"web": Domain(5, "web", devices={0: replace(HTTP, status="error", error="no bridge")})})
    plan = planned({"domain": "web", "mac": MAC}, facts=facts)
    assert [step.why for step in plan.steps] == ["detach vif 0 of web", "attach vif 0 of web"]
    assert plan.disrupts == ()
    assert "NOT CONNECTED no bridge" in plan.texts["vif web/0 (xenstore)"][0]


@pytest.mark.parametrize("how", [{"removed": ("web/00:16:3e:00:00:01",)}, {"prune": True}])
def test_one_that_goes_is_detached_first_and_given_back_by_the_undo(how: Item) -> None:
    applied = remember({"domain": "web", "mac": MAC})
    new = [] if "removed" in how else [{"domain": "web", "mac": "00:16:3e:00:00:09", "name": "new"}]
    plan = planned(*new, applied=applied, **how)
    assert commands(plan.steps)[0] == "xl network-detach web 0"
    assert plan.disrupts[0] == "http of web is detached: its guest loses this interface"


def test_what_nobody_declared_stays() -> None:
    plan = planned(prune=True, applied=remember({"domain": "gone", "mac": MAC}))
    assert plan.steps == () and plan.applied.vifs == {}


def test_one_that_is_declared_by_another_word_now_does_not_go() -> None:
    vif = read_vifs([{"domain": "web", "devid": 0}])[0][0]
    applied = Applied(vifs={vif.name: AppliedVif("site", vif, live=True, config=True)})
    facts = replace(FACTS, files={"web": FileState(CONFIG)})
    plan = planned({"domain": "web", "mac": MAC}, applied=applied, facts=facts, scope="both", prune=True)
    assert plan.steps == () and sorted(plan.applied.vifs) == [f"web/{MAC}"]


def test_a_host_that_has_left_xen_forgets_what_it_had() -> None:
    plan = planned(prune=True, applied=remember({"domain": "web", "mac": MAC}), facts=VifFacts())
    assert plan.steps == () and plan.applied.vifs == {}


@pytest.mark.parametrize(("options", "gone"), [({"guests": []}, True), ({"guests": [], "prune": False}, False), ({"networks": []}, False)])
def test_a_host_of_which_nothing_shall_stay_keeps_no_vif(options: Item, gone: bool) -> None:
    params = ArgumentSpecValidator(HOST_OPTIONS).validate({"prune": True, "allow_empty": True, **options}).validated_parameters
    applied = remember({"domain": "web", "mac": MAC})
    plan = plan_document(host_document(params), HostState(LINKS, kinds={"vifs": FACTS}), applied)
    assert [step.why for step in plan.steps] == ["detach vif 0 of web"] * gone


def test_the_memory_comes_back_as_it_was() -> None:
    applied = remember({"domain": "web", "mac": MAC, "devid": 3, "rate": "10Mb/s"})
    assert applied_from_text(applied.to_text()).vifs == applied.vifs


def test_a_guest_in_the_controllers_bridge_is_no_matter_of_the_controllers() -> None:
    facts = replace(FACTS, files={"web": FileState(CONFIG)})
    plan = planned({"domain": "web", "mac": "00:16:3e:00:00:09", "bridge": "xenbr0"}, control=True, facts=facts, scope="both")
    assert len(plan.steps) == 2 and plan.control == ()


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (
            {"domain": "nosuch", "mac": MAC},
            "vifs[0].domain: no domain nosuch runs on this host, there are: web, win; start it, or correct the name",
        ),
        (
            {"domain": "win", "mac": "00:16:3e:00:00:09", "bridge": "xenbr9"},
            "vifs[0].bridge: there is no bridge xenbr9 on this host, it has xenbr0; declare it with xen_bridge first",
        ),
        (
            {"domain": "win", "mac": "00:16:3e:00:00:09", "bridge": "eth0"},
            "vifs[0].bridge: eth0 is no bridge but a network card; name a bridge",
        ),
        ({"domain": "win", "name": "http"}, "vifs[0].name: http is there already, vif 0 of web; choose another name"),
        ({"domain": "win", "name": "eth0"}, "vifs[0].name: eth0 is there already, and is no vif; choose another name"),
        (
            {"domain": "win", "name": "windows-2025"},
            "vifs[0].name: windows-2025 has 12 characters, and an HVM guest's emulated card is called windows-2025-emu; choose one of 11 at most",
        ),
        ({"domain": "win", "mac": MAC}, f"vifs[0].mac: {MAC} is vif 0 of web already; guests of a host differ in it"),
        (
            {"domain": "win", "mac": "52:54:00:12:34:56"},
            "vifs[0].mac: 52:54:00:12:34:56 is the host's own eth0 already; guests of a host differ in it",
        ),
        (
            {"domain": "web", "devid": 1, "mac": MAC},
            f"vifs[0].devid: 1 of web is another interface ({OTHER}); detach that first, or leave devid out",
        ),
        (
            {"domain": "win", "devid": 0, "script": "vif-my"},
            "vifs[0].script: there is no /etc/xen/scripts/vif-my on this host; install it, or correct the name",
        ),
        (
            {"domain": "win", "devid": 0, "script": "vif-route", "addresses": ["2001:db8::1"]},
            "vifs[0].addresses: vif-route knows IPv4 addresses only; leave IPv6 to another script, or bridge the guest",
        ),
        (
            {"domain": "win", "devid": 0, "backend": "net"},
            "vifs[0].backend: no domain net runs on this host; start it, or correct the name",
        ),
    ],
)
def test_what_the_host_cannot_do_is_said_before_xl_is_called(item: Item, says: str) -> None:
    assert refused(item) == [says]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (VifFacts(), "vifs: this host is no dom0 of Xen (/proc/xen/capabilities does not say control_d); start it under Xen"),
        (VifFacts(dom0=True), "vifs: xl is missing on this host; install the tools of its Xen (Debian's package xen-utils)"),
        (
            replace(FACTS, xend="/var/lock/xend"),
            "vifs: xend runs here (/var/lock/xend), and xl must not change anything beside it; stop xend first",
        ),
        (replace(FACTS, ifconfig=False), "vifs[0].script: vif-route calls ifconfig, which is missing on this host; install net-tools"),
    ],
)
def test_a_host_that_is_none_for_it_is_refused(facts: VifFacts, says: str) -> None:
    assert refused({"domain": "win", "devid": 0, "script": "vif-route"}, facts=facts) == [says]


def test_what_belongs_to_another_owner_stays() -> None:
    assert refused({"domain": "web", "mac": MAC}, applied=remember({"domain": "web", "mac": MAC}, owner="shop")) == [
        f"vifs[0].name: web/{MAC} belongs to owner 'shop', not 'site'; declare it there, or remove it there first"
    ]


CONFIG = """# our web server
name = "web"
vif = [ 'mac=00:16:3e:00:00:01, bridge=xenbr0, rate=1000Kb/s',   # the shop
        'mac=00:16:3e:00:00:02,bridge=xenbr0' ]
"""


def written(*items: Item, text: str = CONFIG, scope: str = "config", **more: Any) -> str:
    """The guest's file afterwards."""
    facts = replace(more.pop("facts", FACTS), files={"web": FileState(text, 0o640)})
    plan = planned(*items, facts=facts, scope=scope, **more)
    found = plan.texts.get("/etc/xen/web.cfg", (text, text))
    again = replace(facts, files={"web": FileState(found[1])})
    if scope == "config":
        assert planned(*items, facts=again, scope=scope, applied=plan.applied).steps == ()
        assert [action.command() for step in plan.steps for action in step.do] == ["write /etc/xen/web.cfg"] * (found[0] != found[1])
    return found[1]


def test_a_file_that_says_it_in_other_words_stays() -> None:
    assert written({"domain": "web", "mac": MAC, "bridge": "xenbr0", "rate": "125KB/s"}) == CONFIG


def test_only_what_differs_is_written_and_in_the_users_words() -> None:
    text = written({"domain": "web", "mac": MAC, "bridge": "xenbr1", "rate": "10Mb/s", "trusted": False})
    old = "'mac=00:16:3e:00:00:01, bridge=xenbr0, rate=1000Kb/s',   # the shop"
    assert text == CONFIG.replace(old, "'mac=00:16:3e:00:00:01, bridge=xenbr1, rate=10Mb/s, untrusted',   # the shop")


def test_quotes_that_xl_takes_for_a_part_of_a_value_go() -> None:
    text = written({"domain": "web", "name": "http"}, text="""vif=['ip="192.168.42.190",vifname="http"']\n""")
    assert text == """vif=['ip="192.168.42.190",vifname=http']\n"""


def test_a_new_one_comes_behind_and_one_that_is_gone_leaves_the_rest() -> None:
    new = {"domain": "web", "mac": "00:16:3e:00:00:09", "name": "web2", "script": "vif-route"}
    text = written(new)
    assert "mac=00:16:3e:00:00:09" in text and "script=vif-route" in text and text.startswith(CONFIG.rstrip(" ]\n"))
    known = read_vifs([new])[0][0]
    applied = Applied(vifs={known.name: AppliedVif("site", known, live=False, config=True)})
    left = written(text=text, applied=applied, prune=True)
    assert "web2" not in left and left.splitlines()[:3] == CONFIG.splitlines()[:3]


def test_live_and_config_are_one_change() -> None:
    facts = replace(FACTS, files={"web": FileState(CONFIG)})
    plan = planned({"domain": "web", "mac": "00:16:3e:00:00:09", "bridge": "xenbr0"}, facts=facts, scope="both")
    assert [step.why for step in plan.steps] == ["file /etc/xen/web.cfg", "attach vif 2 of web"]
    assert plan.steps[0].lasting


def test_a_guest_that_does_not_run_has_a_file() -> None:
    facts = replace(VifFacts(), files={"web": FileState(CONFIG)})
    assert planned({"domain": "web", "mac": "00:16:3e:00:00:09"}, facts=facts, scope="config").steps


def test_a_file_that_cannot_be_edited_is_refused() -> None:
    found = refused(
        {"domain": "web", "mac": MAC, "bridge": "xenbr1"},
        facts=replace(FACTS, files={"web": FileState("vif = ['mac=x'\n")}),
        scope="config",
    )
    assert found and found[0].startswith("/etc/xen/web.cfg:")
    assert refused({"domain": "db", "mac": MAC}, scope="config") == [
        "vifs[0].domain: there is no file /etc/xen/db.cfg on this host; make it first, or say scope: live"
    ]


@pytest.mark.parametrize(("toolstack", "facts"), [("xm", FACTS), ("auto", VifFacts(xm=True))])
def test_xm_takes_eight(toolstack: str, facts: VifFacts) -> None:
    text = "vif = [" + ", ".join(f"'mac=00:16:3e:00:01:0{number}'" for number in range(8)) + "]\n"
    facts = replace(facts, files={"web": FileState(text)})
    assert refused({"domain": "web", "mac": MAC}, facts=facts, scope="config", toolstack=toolstack) == [
        "/etc/xen/web.cfg: has 9 vifs then; xm takes 8 at most"
    ]
