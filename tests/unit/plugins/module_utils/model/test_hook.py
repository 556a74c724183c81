# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which vifs without a name are opened, for what, and what is declared of a vif."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import AppliedGuard, Guard, GuardSettings
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.hook import declared_vif, nameless_guard, standing_guards
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vif import Device, Domain, Vif

MAC = "00:16:3e:00:00:01"
WEB = Guard("web0", MAC, ("10.0.0.1/32",), dhcp_client=False)
CLOSED = GuardSettings(unlisted=True, match=("tap*", "vif*"))


def found(
    guard: Guard = WEB, name: str = "web", settings: GuardSettings = CLOSED, links: frozenset[str] = frozenset(), **words: str
) -> Guard | None:
    device = Device(2, {"mac": MAC, "bridge": "xenbr0", **words})
    return nameless_guard({guard.interface: guard}, settings, Domain(7, name), device, links)


def test_the_guard_of_its_mac_is_meant() -> None:
    assert found() == replace(WEB, interface="vif7.2")
    assert found(replace(WEB, guest="web", bridge="xenbr0"))
    assert found(replace(WEB, guest="web"), "web--incoming")


def test_what_is_declared_of_others_opens_nothing() -> None:
    assert found(mac="00:16:3e:00:00:02") is None
    assert found(replace(WEB, guest="db")) is found(replace(WEB, bridge="xenbr1")) is found(replace(WEB, routed=True)) is None
    # The declared interface is there: this is another with the same MAC.
    assert found(links=frozenset({"web0"})) is None
    # One with a name waits for its own guard.
    assert found(vifname="www") is None


def test_only_what_is_closed_is_opened() -> None:
    assert found(settings=GuardSettings()) is found(settings=GuardSettings(unlisted=True, match=("tap*",))) is None
    assert found(replace(WEB, interface="vif7.2")) is None


def test_they_stand_beside_those_that_are_applied() -> None:
    domains = {"web": Domain(7, "web", devices={2: Device(2, {"mac": MAC}), 3: Device(3, {"mac": "00:16:3e:00:00:02"})})}
    guards = standing_guards({"web0": AppliedGuard("site", WEB)}, CLOSED, domains, ("lo",))
    assert sorted(guards.guards) == ["vif7.2", "web0"] and guards.settings == CLOSED


def test_what_is_declared_of_a_vif() -> None:
    domain = Domain(7, "web--incoming")
    by_mac, by_devid, other = Vif("web", -1, {"mac": MAC}), Vif("web", 2), Vif("web", 2, {"mac": "00:16:3e:00:00:05"})
    device = Device(2, {"mac": MAC})
    assert declared_vif([by_devid, by_mac], domain, device) in (by_devid, by_mac)
    assert declared_vif([by_devid], domain, device) is by_devid
    assert declared_vif([other, Vif("db", 2)], domain, device) is None
    assert declared_vif([Vif("web", -1, {"vifname": "www"})], domain, Device(2, {"mac": MAC, "vifname": "www"}))
