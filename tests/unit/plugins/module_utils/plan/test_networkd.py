# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps around the kernel's, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import AppliedBridge, UplinkBefore
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge, StaticRoute
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.networkd import Facts, NetworkFile
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Phase, Step
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.backend import Handover, Transfer
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.networkd import BACKEND

OWN = "[Match]\nName=eth0\n[Network]\nDHCP=yes\n"
FILES = {"10-eth0.network": NetworkFile("/etc/systemd/network/10-eth0.network", OWN)}
FACTS = Facts(True, ("systemd-networkd.socket",), FILES, {2: "10-eth0.network", 4: "20-eth2.network"}, {"eth0": 2, "eth1": 3})
LEASED = Address("10.0.0.5/24", broadcast="10.0.0.255", metric=1024, dynamic=True, valid_lft=3600, preferred_lft=3600)
TUNED = Route(4, "192.0.2.0/24", "eth0", "10.0.0.1", metrics=(("mtu", "1400"),))
STATE = HostState(
    {
        "eth0": Link("eth0", 2, mac="52:54:00:00:00:01", carrier=True, addresses=(LEASED,)),
        "eth1": Link("eth1", 3, mac="52:54:00:00:00:02"),
        "eth2": Link("eth2", 4, mac="52:54:00:00:00:03", carrier=True),
    },
    routes=(TUNED,),
)
MOVED = Bridge("xenbr0", uplink="eth0")


def applied(bridge: Bridge) -> AppliedBridge:
    captured = BACKEND.capture(FACTS, STATE, bridge) if bridge.uplink else {}
    return AppliedBridge("site", bridge, "52:54:00:00:00:01", "networkd", {bridge.uplink: UplinkBefore(True)}, captured=captured)


def handover(before: Bridge | None, after: Bridge | None, *moves: Transfer) -> Handover:
    was, will = ({bridge.name: applied(bridge)} if bridge else {} for bridge in (before, after))
    old = {path for name, bridge in was.items() for path in BACKEND.files(name, bridge)}
    new = {path: file for name, bridge in will.items() for path, file in BACKEND.files(name, bridge).items()}
    files: dict[str, FileState | None] = {**dict.fromkeys(old), **new}
    same = {path for path in old & set(new) if BACKEND.files("", was[before.name]).get(path) == new[path]} if before else set()
    return Handover(STATE, FACTS, was, will, moves, {path: file for path, file in files.items() if path not in same})


def words(steps: tuple[Step, ...], undo: bool = False) -> list[str]:
    return [action.command() for step in steps for action in (step.undo if undo else step.do)]


def test_an_uplink_moves() -> None:
    change = handover(None, MOVED, Transfer("eth0", "xenbr0", "xenbr0"))
    freeze, thaw = BACKEND.freeze(change), BACKEND.thaw(change)
    assert {step.phase for step in freeze} == {Phase.FREEZE} and {step.phase for step in thaw} == {Phase.THAW}
    keep = "/run/systemd/network/{}.network.d/zz-hypervisor-vnet.conf"
    assert words(freeze) == [
        *(f"write {keep.format(name)}" for name in ("05-hypervisor-vnet-xenbr0", "10-eth0", "20-eth2")),
        "systemctl stop systemd-networkd.socket",
        "systemctl kill --signal=SIGUSR2 systemd-networkd.service",
        "# wait until systemctl show --property=ActiveState systemd-networkd.service says ActiveState=inactive",
    ]
    assert words(thaw) == [
        "systemctl reset-failed systemd-networkd.socket systemd-networkd.service",
        "systemctl start systemd-networkd.socket systemd-networkd.service",
        "# wait until networkctl list --no-legend --no-pager xenbr0 says configured",
        "# wait until networkctl list --no-legend --no-pager eth0 says configured",
        "ip address replace 10.0.0.5/24 broadcast 10.0.0.255 metric 1024 valid_lft 3600 preferred_lft 3600 dev xenbr0",
        "ip route del 192.0.2.0/24 via 10.0.0.1 dev xenbr0 table main proto boot mtu 1400",
        "ip route replace 192.0.2.0/24 via 10.0.0.1 dev xenbr0 table main proto boot mtu 1400",
        f"rm -f {keep.format('10-eth0')}",
    ]


def test_its_undo_looks_away_and_looks_again() -> None:
    change = handover(None, MOVED, Transfer("eth0", "xenbr0", "xenbr0"))
    back = words(BACKEND.thaw(change), undo=True)
    assert "systemctl kill --signal=SIGUSR2 systemd-networkd.service" in back
    again = words(BACKEND.freeze(change), undo=True)
    assert "systemctl start systemd-networkd.socket systemd-networkd.service" in again
    # The drop-ins of interfaces that stay managed stay: only that of the bridge goes.
    assert [word for word in again if word.startswith("rm ")] == [
        "rm -f /run/systemd/network/05-hypervisor-vnet-xenbr0.network.d/zz-hypervisor-vnet.conf"
    ]
    lease = "ip address replace 10.0.0.5/24 broadcast 10.0.0.255 metric 1024 valid_lft 3600 preferred_lft 3600 dev eth0"
    assert again.index("# wait until networkctl list --no-legend --no-pager eth0 says configured") < again.index(lease)


def test_an_uplink_comes_back() -> None:
    change = handover(MOVED, None, Transfer("xenbr0", "eth0", "xenbr0"))
    bridge = replace(STATE.links["eth0"], name="xenbr0", index=9)
    facts = replace(
        FACTS, links={2: "05-hypervisor-vnet-eth0.network", 9: "05-hypervisor-vnet-xenbr0.network"}, names={"eth0": 2, "xenbr0": 9}
    )
    state = replace(STATE, links={**STATE.links, "eth0": replace(STATE.links["eth0"], addresses=()), "xenbr0": bridge}, routes=())
    thaw = words(BACKEND.thaw(replace(change, facts=facts, state=state)))
    assert "# wait until networkctl list --no-legend --no-pager eth0 says configured" in thaw
    assert any(word.startswith("ip address replace 10.0.0.5/24") and word.endswith("dev eth0") for word in thaw)
    gone = [word for word in thaw if word.startswith("rm ")]
    assert len(gone) == 2 and all("hypervisor-vnet-" in word for word in gone)


@pytest.mark.parametrize(
    ("before", "after", "gentle"),
    [
        (None, Bridge("int0"), True),
        (None, Bridge("int0", addresses=("10.9.9.1/24",), declared_profile=True), True),
        (Bridge("int0"), None, True),
        (Bridge("int0"), Bridge("int0", mtu=1400), True),
        (Bridge("int0"), Bridge("int0", ports=("eth1",)), False),
        (Bridge("int0"), Bridge("int0", addresses=("10.9.9.1/24",), declared_profile=True), False),
    ],
)
def test_a_reload_is_enough_where_nothing_can_be_lost(before: Bridge | None, after: Bridge | None, gentle: bool) -> None:
    change = handover(before, after)
    thaw = words(BACKEND.thaw(change))
    assert ("networkctl reload" in thaw) == gentle
    assert words(BACKEND.freeze(change), undo=True)[:1] == (
        ["networkctl reload"] if gentle else words(BACKEND.freeze(change), undo=True)[:1]
    )
    assert (words(BACKEND.freeze(change)) == []) == gentle


def test_a_tuned_route_that_is_not_declared_any_more_is_not_made_again() -> None:
    routed = Bridge("int0", addresses=("10.9.9.1/24",), routes=(StaticRoute("192.0.2.0/24", "10.9.9.9", mtu=1400),), declared_profile=True)
    new = handover(None, routed)
    assert [word for word in words(BACKEND.thaw(new)) if "192.0.2.0/24" in word and "int0" in word]
    change = handover(routed, Bridge("int0"))
    link = Link("int0", 9, addresses=(Address("10.9.9.1/24"),))
    facts = replace(FACTS, links={**FACTS.links, 9: "05-hypervisor-vnet-int0.network"}, names={**FACTS.names, "int0": 9})
    state = replace(STATE, links={**STATE.links, "int0": link}, routes=(TUNED, replace(TUNED, dev="int0")))
    again = words(BACKEND.thaw(replace(change, facts=facts, state=state)))
    assert [word for word in again if "192.0.2.0/24" in word and "eth0" in word]
    assert not [word for word in again if "192.0.2.0/24" in word and "int0" in word]


def test_nothing_to_do_without_files_or_without_networkd() -> None:
    change = handover(None, MOVED, Transfer("eth0", "xenbr0", "xenbr0"))
    for idle in (replace(change, transfers=(), files={}), replace(change, facts=Facts()), replace(change, facts=None)):
        assert BACKEND.freeze(idle) == BACKEND.thaw(idle) == ()


def test_who_manages_what() -> None:
    assert BACKEND.active(FACTS) and not BACKEND.active(Facts()) and not BACKEND.active(None)
    assert BACKEND.claims(FACTS, "eth0") and not BACKEND.claims(FACTS, "eth1") and not BACKEND.claims(None, "eth0")


@pytest.mark.parametrize(
    ("name", "text", "refused"),
    [
        ("0-all.network", "[Match]\nName=*\n", True),
        ("0-all.network", "[Network]\nDHCP=yes\n", False),
        ("0-ether.network", "[Match]\nType=ether\n", False),
        ("0-bridge.network", "[Match]\nKind=bridge\n", True),
        ("0-not.network", "[Match]\nName=!xenbr*\n", False),
        ("0-driver.network", "[Match]\nDriver=virtio_net\n", False),
        ("10-all.network", "[Match]\nName=*\n", False),
    ],
)
def test_files_that_would_win_over_ours(name: str, text: str, refused: bool) -> None:
    facts = replace(FACTS, files={**FILES, name: NetworkFile(f"/etc/systemd/network/{name}", text)})
    found = BACKEND.problems(facts, MOVED, "bridges[0]")
    assert bool(found) == refused
    assert all(name in problem.message and "rename" in problem.message for problem in found)


def test_what_a_reboot_would_lose_is_refused() -> None:
    stray = BACKEND.problems(replace(FACTS, links={}, stray=frozenset({"eth0"})), MOVED, "bridges[0]")
    assert [problem.path for problem in stray] == ["bridges[0].uplink"]
    table = Bridge("int0", routes=(StaticRoute("192.0.2.0/24", "10.0.0.1", table="guests"),), declared_profile=True)
    assert [problem.path for problem in BACKEND.problems(FACTS, table, "b")] == ["b.routes[0].table"]
