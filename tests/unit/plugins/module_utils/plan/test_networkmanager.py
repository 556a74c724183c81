# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the back end refuses, what it remembers, and how it looks away and takes over."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge, read_bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.networkmanager import LEASES, Connection, Device, Facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Remove, Run, Step, Write
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.backend import Handover, Transfer
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.networkmanager import BACKEND
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.networkmanager import bridge_path, bridge_uuid, port_uuid

LAN = "11111111-1111-4111-8111-111111111111"
LEASE = f"{LEASES}/internal-{LAN}-eth0.lease"
STATE = HostState(
    {"eth0": Link("eth0", 2, mac="52:54:00:13:00:02")},
    (Route(4, "10.0.0.0/24", "eth0", metric=20100, protocol="dhcp", gateway="10.0.0.1"),),
)


def facts(text: str = "[connection]\ntype=ethernet\n", state: str = "connected", priority: int = 0, **more: object) -> Facts:
    connection = Connection(LAN, "802-3-ethernet", "eth0", priority=priority)
    extra = more.pop("other", ())
    connections = {item.uuid: item for item in (connection, *extra)}  # type: ignore[attr-defined]
    values = {"texts": {"eth0": text}, **more}
    return Facts(True, {"eth0": Device("ethernet", state, LAN), "eth1": Device("ethernet", "disconnected")}, connections, **values)


def bridge(**options: object) -> Bridge:
    made, wrong = read_bridge({"name": "xenbr0", "uplink": "eth0", **options}, "bridges[0]")
    assert not wrong
    return made


def applied(made: Bridge, **captured: str) -> AppliedBridge:
    return AppliedBridge("site", made, "52:54:00:13:00:02", "networkmanager", captured=captured)


@pytest.mark.parametrize(
    ("given", "options", "path", "words"),
    [
        (Facts(), {}, "bridges[0]", "does not run"),
        (facts(state="unmanaged"), {}, "bridges[0].uplink", "leave eth0 alone"),
        (facts(priority=999), {}, "bridges[0].uplink", "autoconnect-priority 998"),
        (facts("[connection]\ntype=ethernet\n[802-1x]\npassword=x\n"), {}, "bridges[0].uplink", "802.1X"),
        (facts("[connection]\ntype=ethernet\n[ethernet]\nwake-on-lan-password=x\n"), {}, "bridges[0].uplink", "Wake-on-LAN password"),
        (facts("[connection]\ntype=wifi\n"), {}, "bridges[0].uplink", "wifi profile"),
        (facts(other=[Connection("v7", "vlan", parents=(LAN,))]), {}, "bridges[0].uplink", "vlan.parent eth0"),
        (facts(slaac={"eth0": ("fd00::1:2:3:4", "fd01::5:6:7:8")}), {}, "bridges[0].uplink", "each IPv6 prefix"),
        (
            facts(),
            {"addresses": ["10.0.0.2/24"], "routes": [{"to": "10.9.0.0/16", "table": "isp"}]},
            "bridges[0].routes[0].table",
            "by number",
        ),
        (facts(), {"addresses": ["10.0.0.2/24"], "dns": ["fd00::1"]}, "bridges[0].dns[0]", "IPv6 server"),
        (facts(), {"addresses": ["10.0.0.2/24"], "routes": [{"to": "fd00::/64"}]}, "bridges[0].routes[0]", "IPv6 routes"),
    ],
)
def test_refused(given: Facts, options: dict, path: str, words: str) -> None:
    found = BACKEND.problems(given, bridge(**options), "bridges[0]")
    assert [problem.path for problem in found] == [path]
    assert words in found[0].message


def test_a_port_of_ours_is_not_judged_again() -> None:
    ours = {"eth0": Device("ethernet", "connected", port_uuid("xenbr0", "eth0"))}
    assert not BACKEND.problems(Facts(True, ours, {"x": Connection("x", "802-3-ethernet", "eth0", priority=999)}), bridge(), "bridges[0]")


def test_claims() -> None:
    known = facts(state="connected (externally)")
    assert not BACKEND.claims(known, "eth0")
    assert BACKEND.claims(facts(state="connecting (getting IP configuration)"), "eth0")
    assert not BACKEND.claims(known, "eth1")
    assert not BACKEND.active(None)


def test_capture() -> None:
    known = facts(dhcp={"eth0": {"4.dhcp_client_identifier": "01:52", "6.iaid": "2b:50:67:35"}}, slaac={"eth0": ("fd00::1:2:3:4",)})
    assert BACKEND.capture(known, STATE, bridge()) == {
        "mac": "52:54:00:13:00:02",
        "profile": "[connection]\ntype=ethernet\n",
        "profile.uuid": LAN,
        "metric4": "20100",
        "metric6": "20100",
        "client-id": "01:52",
        "iaid": str(0x2B506735),
        "token": "::1:2:3:4",
    }


def commands(steps: tuple[Step, ...], undo: bool = False) -> list[str]:
    return [action.command() for step in steps for action in (step.undo if undo else step.do)]


def handover(known: Facts, removed: bool = False) -> Handover:
    made = {"xenbr0": applied(bridge(), **{"profile.uuid": LAN})}
    moves = (Transfer("xenbr0", "eth0", "xenbr0") if removed else Transfer("eth0", "xenbr0", "xenbr0"),)
    text = None if removed else FileState("x", 0o600)
    return Handover(STATE, known, made if removed else {}, {} if removed else made, moves, {bridge_path("xenbr0"): text})


def test_a_transfer_stops_networkmanager_and_notes_whose_is_what() -> None:
    given = handover(facts(leases={LEASE: FileState("ADDRESS=10.0.0.9\n", 0o600)}))
    freeze, thaw = BACKEND.freeze(given), BACKEND.thaw(given)
    assert commands(freeze) == ["systemctl stop NetworkManager"]
    back = [action for step in freeze for action in step.undo]
    assert [action.path for action in back if isinstance(action, Write)] == ["/run/NetworkManager/devices/{index:eth0}"]
    assert any(isinstance(action, Write) and f"connection-uuid={LAN}\nnm-owned=false" in action.content for action in back)
    forward = [action for step in thaw for action in step.do]
    notes = {action.path: action.content for action in forward if isinstance(action, Write)}
    assert notes.pop(f"{LEASES}/internal-{bridge_uuid('xenbr0')}-xenbr0.lease") == "ADDRESS=10.0.0.9\n"
    assert f"connection-uuid={bridge_uuid('xenbr0')}\nnm-owned=true" in notes["/run/NetworkManager/devices/{index:xenbr0}"]
    assert f"connection-uuid={port_uuid('xenbr0', 'eth0')}\nnm-owned=false" in notes["/run/NetworkManager/devices/{index:eth0}"]
    assert commands(thaw, undo=True)[-1] == "systemctl stop NetworkManager"
    assert all(not step.undo or step.lasting for step in thaw if any(isinstance(action, Remove) for action in step.undo))


def test_the_way_back_gives_the_uplink_its_own_profile() -> None:
    given = handover(facts(leases={f"{LEASES}/internal-{bridge_uuid('xenbr0')}-xenbr0.lease": FileState("l", 0o600)}), removed=True)
    forward = [action for step in BACKEND.thaw(given) for action in step.do]
    assert any(isinstance(action, Write) and f"connection-uuid={LAN}" in action.content for action in forward)
    assert any(isinstance(action, Write) and action.path == LEASE for action in forward)
    assert any(isinstance(action, Remove) and action.path.endswith("-xenbr0.lease") for action in forward)


def test_with_a_vpn_nothing_is_stopped() -> None:
    given = handover(facts(other=[Connection("vpn", "wireguard", "wg0")]))
    words = commands(BACKEND.freeze(given)) + commands(BACKEND.thaw(given))
    assert not [line for line in words if "systemctl" in line]
    assert words[0] == "nmcli device set eth0 managed no"
    undo = commands(BACKEND.thaw(given), undo=True)
    assert undo[-2:] == [f"nmcli connection delete {bridge_uuid('xenbr0')}", f"nmcli connection delete {port_uuid('xenbr0', 'eth0')}"]


def test_changes_without_transfer_never_stop_it() -> None:
    old, new = applied(bridge(uplink="", addresses=["10.0.0.1/24"])), applied(bridge(uplink="", addresses=["10.0.0.2/24"]))
    path = bridge_path("xenbr0")
    made = Handover(STATE, facts(), {}, {"xenbr0": new}, files={path: FileState("x", 0o600)})
    changed = Handover(STATE, facts(), {"xenbr0": old}, {"xenbr0": new}, files={path: FileState("x", 0o600)})
    gone = Handover(STATE, facts(), {"xenbr0": old}, {}, files={path: None})
    for given in (made, changed, gone):
        every = [action for step in (*BACKEND.freeze(given), *BACKEND.thaw(given)) for action in (*step.do, *step.undo)]
        assert not [action for action in every if isinstance(action, Run) and action.argv[0] == "systemctl"]
    assert any("connection up" in line for line in commands(BACKEND.thaw(made)))
    assert any("device reapply xenbr0" in line for line in commands(BACKEND.thaw(changed)))
    assert commands(BACKEND.freeze(gone)) == ["nmcli device set xenbr0 managed no", f"nmcli connection load {path}"]
