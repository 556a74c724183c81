# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forwarding is switched on by the first that needs it and off behind the last, with all that the kernel writes along."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model import forwarding
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.forwarding import IP4, IP6, REDIRECTS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan import forwarding as plan
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.forwarding import ForwardingPlan, plan_forwarding
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.boot import SYSCTL, sysctl_file

OFF = {IP4: "0", REDIRECTS: "1", IP6: "0", "net/ipv4/conf/default/forwarding": "0", "net/ipv4/conf/eth1/forwarding": "0"}
ADVERTISED = Route(6, "default", "eth0", "fe80::1", protocol="ra")


@dataclass(frozen=True)
class Routed:
    """An applied object of some routed kind."""

    forwards: tuple[int, ...]
    persist: bool = True


@dataclass(frozen=True)
class Memory(Applied):
    """A memory with such a kind."""

    routed: dict[str, Routed] = field(default_factory=dict)


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (forwarding, plan):
        monkeypatch.setattr(module, "ROUTED_KINDS", ("routed",))


def state(sysctls: dict[str, str], *routes: Route) -> HostState:
    return HostState({"eth0": Link("eth0", 2), "eth1": Link("eth1", 3)}, routes=routes, sysctls=sysctls)


def planned(before: Memory, after: Memory, host: HostState) -> ForwardingPlan:
    return plan_forwarding(["routed"], before, after, host)


def done(found: ForwardingPlan) -> list[str]:
    return [action.command().removeprefix("sysctl -w ") for step in found.steps for action in step.do]


def undone(found: ForwardingPlan) -> list[str]:
    return [action.command().removeprefix("sysctl -w ") for step in reversed(found.steps) for action in step.undo]


def test_on_and_off_again() -> None:
    some = Memory(routed={"a": Routed((4,))})
    on = planned(Memory(), some, state(OFF))
    assert done(on) == [f"{IP4}=1", f"{REDIRECTS}=1"]
    assert undone(on) == [f"{IP4}=0", f"{REDIRECTS}=1"]
    assert on.settings == {IP4: ("0", "1")}
    assert on.originals == {IP4: "0", REDIRECTS: "1"}
    now = {**OFF, IP4: "1"}
    kept = Memory(sysctls=on.originals, routed=some.routed)
    assert planned(kept, kept, state(now)) == ForwardingPlan(originals=on.originals)
    off = planned(kept, Memory(), state(now))
    assert (done(off), off.originals) == ([f"{IP4}=0", f"{REDIRECTS}=1"], {})


def test_one_that_somebody_else_had_on_stays_on() -> None:
    some, now = Memory(routed={"a": Routed((4,))}), {**OFF, IP4: "1", REDIRECTS: "0"}
    on = planned(Memory(), some, state(now))
    assert (on.steps, on.originals) == ((), {IP4: "1", REDIRECTS: "0"})
    assert planned(Memory(sysctls=on.originals, routed=some.routed), Memory(), state(now)) == ForwardingPlan()


def test_interfaces_that_forwarded_alone_get_it_back() -> None:
    now = {**OFF, "net/ipv4/conf/eth1/forwarding": "1"}
    some = Memory(routed={"a": Routed((4,))})
    on = planned(Memory(), some, state(now))
    assert undone(on)[-1] == "net/ipv4/conf/eth1/forwarding=1"
    off = planned(Memory(sysctls=on.originals, routed=some.routed), Memory(), state({**now, IP4: "1"}))
    assert done(off) == [f"{IP4}=0", f"{REDIRECTS}=1", "net/ipv4/conf/eth1/forwarding=1"]


def test_an_uplink_keeps_its_router_advertisements() -> None:
    key = "net/ipv6/conf/eth0/accept_ra"
    some, now = Memory(routed={"a": Routed((6,))}), {**OFF, key: "1"}
    on = planned(Memory(), some, state(now, ADVERTISED))
    assert done(on) == [f"{key}=2", f"{IP6}=1"]
    assert undone(on) == [f"{IP6}=0", f"{key}=1"]
    kept = Memory(sysctls=on.originals, routed=some.routed)
    assert sysctl_file(kept)[SYSCTL].content.splitlines()[1:] == ["-net.ipv6.conf.eth0.accept_ra = 2", "net.ipv6.conf.all.forwarding = 1"]
    off = planned(kept, Memory(), state({**now, key: "2", IP6: "1"}, ADVERTISED))
    assert done(off) == [f"{IP6}=0", f"{key}=1"]
    # A manager that reads advertisements itself has it off.
    assert done(planned(Memory(), some, state({**OFF, key: "0"}, ADVERTISED))) == [f"{IP6}=1"]


def test_a_link_that_is_gone_is_left_out() -> None:
    kept = Memory(sysctls={IP6: "0", "net/ipv6/conf/usb0/accept_ra": "1"}, routed={"a": Routed((6,))})
    assert planned(kept, kept, state({**OFF, IP6: "1"})).steps == ()
    assert done(planned(kept, Memory(), state({**OFF, IP6: "1"}))) == [f"{IP6}=0"]


def test_an_uplink_that_is_a_port_now_is_left_alone() -> None:
    key = "net/ipv6/conf/eth0/accept_ra"
    some = Memory(sysctls={IP6: "0", key: "1"}, routed={"a": Routed((6,))})
    links = {"eth0": Link("eth0", 2, master="br0"), "br0": Link("br0", 3, bridge=BridgeSettings())}
    now = HostState(links, sysctls={**OFF, IP6: "1", key: "0"})
    assert planned(some, some, now) == ForwardingPlan(originals=some.sysctls)
    assert done(planned(some, Memory(), now)) == [f"{IP6}=0"]


def test_the_bridge_of_an_uplink_hears_for_it() -> None:
    bridge = AppliedBridge("site", Bridge("br0", uplink="eth0"), "52:54:00:00:00:01", "none")
    some, now = Memory({"br0": bridge}, routed={"a": Routed((6,))}), {**OFF, "net/ipv6/conf/eth0/accept_ra": "1"}
    assert done(planned(Memory(), some, state(now, ADVERTISED))) == ["net/ipv6/conf/br0/accept_ra=2", f"{IP6}=1"]


def test_what_does_not_last_is_in_no_file() -> None:
    originals = {IP4: "0", REDIRECTS: "1", IP6: "0"}
    both = {"a": Routed((4, 6), persist=False), "b": Routed((4,))}
    assert sysctl_file(Memory(sysctls=originals, routed=both))[SYSCTL].content.splitlines()[1:] == [
        "net.ipv4.ip_forward = 1",
        "net.ipv4.conf.all.accept_redirects = 1",
    ]
    assert sysctl_file(Memory(sysctls=originals, routed={"a": both["a"]})) == {}


def test_a_document_without_routed_kinds_touches_nothing() -> None:
    kept = Memory(sysctls={IP4: "0"}, routed={"a": Routed((4,))})
    assert plan_forwarding(["taps"], kept, kept, state(OFF)) == ForwardingPlan(originals={IP4: "0"})
