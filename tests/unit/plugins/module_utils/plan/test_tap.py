# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of taps beside and in the bridge that carries the controller's connection, and in every back end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.networkd import Facts, NetworkFile
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.rate import Bucket, Rate, Shaping
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, FileState, HostState, Link, TapDevice
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Batch, Phase
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.tap import Account, Tap, TapFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vlan import VlanRange, untagged
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe import ifupdown, networkmanager
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.diff import commands, describe

BRIDGE = Link("br0", 9, kind="bridge", mac="52:54:00:00:b0:00", up=True, bridge=BridgeSettings())
STATE = HostState(links={"br0": BRIDGE}, control=ControlPath("203.0.113.9", "10.0.0.2", "br0"), machine_id="0")
INTERFACES = FileState("source /etc/network/interfaces.d/*\n")
MANAGERS = {
    "networkd": Facts(True, (), {"10-br0.network": NetworkFile("/etc/systemd/network/10-br0.network", "[Match]\nName=br0\n")}),
    "ifupdown": ifupdown.Facts(True, False, {"/etc/network/interfaces": INTERFACES}, {"lo": "lo", "br0": "br0"}),
    "networkmanager": networkmanager.Facts(True),
}


def planned(*taps: Tap, persist: str = "none", state: HostState = STATE, applied: Applied | None = None) -> Plan:
    managers = {persist: MANAGERS[persist]} if persist in MANAGERS else {}
    state = replace(state, managers=managers, files={"/etc/network/interfaces": INTERFACES})
    return plan_document(Document(taps=Declared(taps, path="taps"), persist=persist), state, applied or Applied())


def there(plan: Plan, name: str) -> HostState:
    """The host once the plan is done."""
    tap = plan.applied.taps[name]
    link = Link(name, 10, "tun", mac=tap.mac, mtu=tap.mtu, up=True, master=tap.tap.bridge, tap=TapDevice())
    return replace(STATE, links={**STATE.links, name: link})


@pytest.mark.parametrize("persist", ["none", *MANAGERS])
def test_a_tap_comes_into_the_bridge_of_the_connection_and_goes(persist: str) -> None:
    plan = planned(Tap("tap0", "br0"), persist=persist)
    assert plan.steps and any(path.startswith("/etc/") for path in plan.files) is (persist != "none")
    assert plan.control == ()
    assert applied_from_text(plan.applied.to_text()) == plan.applied
    gone = Document(taps=Declared(removed=("tap0",)))
    managers = {persist: MANAGERS[persist]} if persist in MANAGERS else {}
    after = replace(there(plan, "tap0"), managers=managers)
    left = plan_document(gone, after, plan.applied)
    assert left.steps and left.control == ()
    # the controller may be the guest behind it
    guest = replace(after, links={**after.links, "tap0": replace(after.links["tap0"], carrier=True)})
    assert "tap0 is removed" in plan_document(gone, guest, plan.applied).control


@pytest.mark.parametrize("tap", [Tap("tap0", "br0", mtu=1400), Tap("tap0", "br0", mac="02:00:00:00:00:01")])
def test_a_tap_from_which_the_bridge_may_take_something_touches_the_connection(tap: Tap) -> None:
    assert planned(tap).control == ("tap0 becomes a port of br0",)


def test_one_batch_for_all_in_the_words_of_an_administrator() -> None:
    facts = TapFacts(users={"qemu": Account(64055, "qemu")})
    plan = planned(Tap("tap0", "br0", "qemu", mac="fe:00:00:00:00:01"), Tap("tap1", up=False), state=replace(STATE, kinds={"taps": facts}))
    assert [step.phase for step in plan.steps] == [Phase.FILES, Phase.FILES, Phase.LINK]
    assert commands(plan.steps)[1:] == [
        "udevadm control --reload",
        "ip tuntap add dev tap0 mode tap user qemu",
        "ip tuntap add dev tap1 mode tap",
        "ip link set dev tap0 address fe:00:00:00:00:01 addrgenmode none master br0 up",
        f"ip link set dev tap1 address {plan.applied.taps['tap1'].mac}",
    ]


def test_rates_are_one_batch_and_touch_nobody_elses_connection() -> None:
    rated = [Tap(f"tap{number}", "br0", rate=Rate(12_500_000)) for number in range(2)]
    plan = planned(*rated, persist="networkd")
    assert commands(plan.steps)[-2].splitlines() == [
        f"tc qdisc replace dev tap{number} root handle 766e: tbf rate 100mbit burst 125000 latency 50ms" for number in range(2)
    ]
    assert plan.control == () and "/etc/hypervisor-vnet/tc.d/tap1" in plan.files
    assert applied_from_text(plan.applied.to_text()) == plan.applied
    # the controller is the guest behind it
    known = there(plan, "tap0")
    guest = replace(known, links={**known.links, "tap0": replace(known.links["tap0"], carrier=True)})
    slower = planned(Tap("tap0", "br0", rate=Rate(1000)), persist="networkd", state=guest, applied=plan.applied)
    assert any("tc qdisc replace dev tap0" in line for line in slower.control)


def test_a_removed_tap_comes_back_with_its_rate() -> None:
    plan = planned(Tap("tap0", "br0", rate=Rate(12_500_000)))
    shaping = Shaping(Bucket(12_500_000, 125_000))
    state = replace(there(plan, "tap0"), kinds={"taps": TapFacts(shapings={"tap0": shaping})})
    gone = plan_document(Document(taps=Declared(removed=("tap0",))), state, plan.applied)
    undo = [action for step in gone.steps for action in step.undo if isinstance(action, Batch)]
    assert undo == [Batch("tc", ("qdisc replace dev tap0 root handle 766e: tbf rate 100mbit burst 125000 latency 50ms",), may_fail=True)]
    assert "rate to_guest 100mbit" in describe(gone.views["tap0"][0])


def test_a_host_without_tc() -> None:
    state = replace(STATE, kinds={"taps": TapFacts(tc=False)})
    assert planned(Tap("tap0"), state=state).steps
    with pytest.raises(Refused, match=r"taps\[0\]\.rate: tc is missing on this host; install iproute2"):
        planned(Tap("tap0", rate=Rate(1000)), state=state)


def test_a_host_without_tun_loads_it_or_says_so() -> None:
    plan = planned(Tap("tap0"), state=replace(STATE, kinds={"taps": TapFacts(tun=False)}))
    assert commands(plan.steps)[0] == "modprobe tun"
    with pytest.raises(Refused, match="taps: this host has no /dev/net/tun"):
        planned(Tap("tap0"), state=replace(STATE, kinds={"taps": TapFacts(tun=False, loadable=False)}))


def test_a_tun_device_that_its_user_cannot_open() -> None:
    facts = TapFacts(tun_mode=0o600, users={"qemu": Account(64055, "qemu")})
    with pytest.raises(Refused, match="/dev/net/tun is 0600, so that qemu cannot open it; chmod 0666"):
        planned(Tap("tap0", user="qemu"), state=replace(STATE, kinds={"taps": facts}))


OTHER_KINDS = [
    (Link("x0", 9), "a network card"),
    (Link("x0", 9, kind="veth"), "a veth"),
    (Link("x0", 9, kind="tun"), "a tun"),
    (Link("x0", 9, kind="bridge", bridge=BridgeSettings()), "a bridge"),
]


@pytest.mark.parametrize(("link", "kind"), OTHER_KINDS)
def test_a_name_that_another_kind_of_link_has(link: Link, kind: str) -> None:
    state = replace(STATE, links={**STATE.links, "x0": link})
    with pytest.raises(Refused, match=rf"taps\[0\]\.name: x0 exists and is no tap but {kind}; choose another name"):
        planned(Tap("x0"), state=state)
    if link.bridge is None:
        with pytest.raises(Refused, match=rf"taps\[0\]\.bridge: x0 is no bridge but {kind}; name a bridge"):
            planned(Tap("tap0", "x0"), state=state)


def test_users_and_groups_that_there_are_not() -> None:
    state = replace(STATE, kinds={"taps": TapFacts(users={"qemu": Account(1, "qemu")}, groups={"kvm": Account(2, "kvm")})})
    assert planned(Tap("tap0", user="qemu", group="kvm"), state=state).steps
    with pytest.raises(Refused) as refused:
        planned(Tap("tap0", user="kvm", group="qemu"), state=state)
    assert [str(problem) for problem in refused.value.problems] == [
        "taps[0].owner: this host has no user 'kvm'; make it first, or write a number",
        "taps[0].group: this host has no group 'qemu'; make it first, or write a number",
    ]


@pytest.mark.parametrize(("there", "new", "room"), [(1022, 1, True), (1022, 2, False), (1023, 1, False), (0, 1024, False)])
def test_more_ports_than_a_bridge_takes(there: int, new: int, room: bool) -> None:
    """Whoever the ports are; a tap that moves or is made anew counts once."""
    ports = {f"vif{number}.0": Link(f"vif{number}.0", 100 + number, master="br0") for number in range(there)}
    state = replace(STATE, links={**STATE.links, **ports})
    taps = [Tap(f"tap{number}", "br0") for number in range(new)]
    if room:
        assert planned(*taps, state=state).steps
        return
    with pytest.raises(Refused) as refused:
        planned(*taps, state=state)
    first = 1023 - there
    assert [str(problem) for problem in refused.value.problems] == [
        f"taps[{first}].bridge: br0 would have {there + new} ports, and a Linux bridge takes 1023; use more bridges"
    ]


def test_what_a_back_end_cannot_keep() -> None:
    with pytest.raises(Refused, match=r"taps\[0\].isolated: NetworkManager has no word"):
        planned(Tap("tap0", "br0", isolated=True), persist="networkmanager")
    everything = Facts(True, (), {"00-all.network": NetworkFile("/etc/systemd/network/00-all.network", "[Match]\nName=tap*\n")})
    document = Document(taps=Declared((Tap("tap0"),), path="taps"), persist="networkd")
    with pytest.raises(Refused, match=r"00-all\.network sorts before 05-hypervisor-vnet-tap0\.network"):
        plan_document(document, replace(STATE, managers={"networkd": everything}), Applied())
    unread = ifupdown.Facts(True, False, {"/etc/network/interfaces": FileState("")}, {"lo": "lo", "br0": "br0"})
    document = replace(document, persist="ifupdown")
    with pytest.raises(Refused, match=r"does not read /etc/network/interfaces\.d/hypervisor-vnet-tap0; add `source"):
        plan_document(document, replace(STATE, managers={"ifupdown": unread}), Applied())


def test_what_keeps_the_bridge_keeps_its_taps() -> None:
    names = {"br0": 9}
    facts = replace(MANAGERS["networkd"], names=names, links={9: "10-br0.network"})
    state = replace(STATE, managers={"networkd": facts, "networkmanager": MANAGERS["networkmanager"]})
    plan = plan_document(Document(taps=Declared((Tap("tap0", "br0"),))), state, Applied())
    assert plan.applied.taps["tap0"].persist == "networkd"
    with pytest.raises(Refused, match="all run here; which one shall keep tap1"):
        plan_document(Document(taps=Declared((Tap("tap1"),))), state, Applied())


AWARE = replace(BRIDGE, bridge=BridgeSettings(vlan_filtering=True))
VLANS = replace(STATE, links={"br0": AWARE, "br1": replace(AWARE, name="br1", index=10, default_pvid=5)})
ACCESS = untagged(10)


def test_vlans_are_one_batch() -> None:
    trunk = Tap("tap1", "br0", vlans=(*untagged(1), VlanRange(20, 29)))
    plan = planned(Tap("tap0", "br0", vlans=ACCESS), trunk, state=VLANS)
    assert commands(plan.steps)[-1].splitlines() == [
        "bridge vlan add dev tap0 vid 10 pvid untagged",
        "bridge vlan del dev tap0 vid 1",
        "bridge vlan add dev tap1 vid 20-29",
    ]
    assert plan.steps[-1].undo == (
        Batch(
            "bridge",
            ("vlan add dev tap0 vid 1 pvid untagged", "vlan del dev tap0 vid 10", "vlan del dev tap1 vid 20-29"),
            may_fail=True,
        ),
    )
    assert plan.control == () and applied_from_text(plan.applied.to_text()) == plan.applied
    assert "\n  vlan 1 pvid untagged\n  vlan 20-29\n" in describe(plan.views["tap1"][1])


def seen(plan: Plan, *vlans: VlanRange) -> HostState:
    """The host with tap0 in br0, and these VLANs."""
    return replace(there(plan, "tap0"), links={**there(plan, "tap0").links, **VLANS.links}, kinds={"taps": TapFacts(vlans={"tap0": vlans})})


def linked(plan: Plan) -> list[str]:
    return commands([step for step in plan.steps if step.phase == Phase.LINK])


def test_vlans_that_others_changed_that_move_and_that_go() -> None:
    plan = planned(Tap("tap0", "br0", vlans=ACCESS), state=VLANS)
    as_declared = seen(plan, *ACCESS)
    assert linked(planned(Tap("tap0", "br0", vlans=ACCESS), state=as_declared, applied=plan.applied)) == []
    changed = planned(Tap("tap0", "br0", vlans=ACCESS), state=seen(plan, *untagged(1)), applied=plan.applied)
    assert linked(changed) == ["bridge vlan add dev tap0 vid 10 pvid untagged\nbridge vlan del dev tap0 vid 1"]
    moved = planned(Tap("tap0", "br1", vlans=ACCESS), state=as_declared, applied=plan.applied)
    assert linked(moved)[-1] == "bridge vlan add dev tap0 vid 10 pvid untagged\nbridge vlan del dev tap0 vid 5"
    left_out = planned(Tap("tap0", "br0"), state=as_declared, applied=plan.applied)
    assert linked(left_out) == ["bridge vlan add dev tap0 vid 1 pvid untagged\nbridge vlan del dev tap0 vid 10"]
    gone = plan_document(Document(taps=Declared(removed=("tap0",))), as_declared, plan.applied)
    assert Batch("bridge", ("vlan add dev tap0 vid 10 pvid untagged", "vlan del dev tap0 vid 1"), may_fail=True) in [
        action for step in gone.steps for action in step.undo
    ]


def test_a_bridge_that_is_not_vlan_aware() -> None:
    with pytest.raises(Refused, match=r"taps\[0\]\.vlan: br0 is not VLAN-aware, so its ports have no VLANs; ip link set dev br0 type"):
        planned(Tap("tap0", "br0", vlans=ACCESS))
    ours = Document(
        bridges=Declared((Bridge("xenbr1"),)), taps=Declared((Tap("tap0", "xenbr1", vlans=ACCESS),), path="taps"), persist="none"
    )
    with pytest.raises(Refused, match="xenbr1 is not VLAN-aware, so its ports have no VLANs; declare it with vlan_filtering: true"):
        plan_document(ours, STATE, Applied())
    aware = replace(ours, bridges=Declared((Bridge("xenbr1", settings=BridgeSettings(vlan_filtering=True)),)))
    assert commands(plan_document(aware, STATE, Applied()).steps)[-1].startswith("bridge vlan add dev tap0 vid 10 pvid untagged")


def test_who_keeps_vlans() -> None:
    def persisted(persist: str, systemd: int) -> Plan:
        return planned(Tap("tap0", "br0", vlans=ACCESS), persist=persist, state=replace(VLANS, kinds={"taps": TapFacts(systemd=systemd)}))

    assert persisted("networkd", 257).steps and persisted("ifupdown", 0).steps and persisted("none", 0).steps
    with pytest.raises(
        Refused, match=r"taps\[0\]\.vlan: systemd-networkd 252 leaves the bridge's own VLAN on every port.*systemd 256 takes"
    ):
        persisted("networkd", 252)
    with pytest.raises(Refused, match=r"taps\[0\]\.vlan: NetworkManager leaves the bridge's own VLAN on every port"):
        persisted("networkmanager", 257)
