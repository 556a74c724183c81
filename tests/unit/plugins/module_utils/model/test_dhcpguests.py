# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests whose records came without their networks are hosts of the DHCP that is there."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcp import AppliedDhcp, Dhcp, DhcpHost
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcpguests import with_guests
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import AppliedGuard, Guard

OWN = DhcpHost("52:54:00:00:00:01", ("10.0.0.1",), "web")
MAC = "52:54:00:00:00:02"


def hosts(*guards: Guard) -> list[str]:
    network = Dhcp("net", "br0", hosts=(OWN,))
    memory = Applied(
        dhcp={"net": AppliedDhcp("nat", network, ("10.0.0.254/24", "2001:db8::1/64"))},
        guards={guard.name: AppliedGuard("guests", guard) for guard in guards},
    )
    assert applied_from_text(memory.to_text()) == memory
    return [host.describe() for host in with_guests(memory)["net"].network.hosts[1:]]


def guard(
    name: str = "mail-0", mac: str = MAC, addresses: tuple[str, ...] = ("10.0.0.2/32",), bridge: str = "br0", guest: str = "mail"
) -> Guard:
    return Guard(name, mac, addresses, bridge=bridge, guest=guest)


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (guard(), [f"{MAC} 10.0.0.2 mail"]),
        (guard(addresses=("10.0.0.2/32", "2001:db8::2/128", "10.0.0.3/32")), [f"{MAC} 10.0.0.2 2001:db8::2 mail"]),
        # Known by its name alone: outside the subnets, or in none in particular.
        (guard(addresses=("10.9.0.2/32",)), [f"{MAC} mail"]),
        (guard(addresses=("10.0.0.0/28",)), [f"{MAC} mail"]),
        # What the network says itself comes first.
        (guard(mac=OWN.mac), []),
        (guard(addresses=("10.0.0.1/32",), guest="web"), []),
        (guard(guest="web"), [f"{MAC} 10.0.0.2"]),
        # Elsewhere, nobody's guest, and no name that DNS could have.
        (guard(bridge="br1"), []),
        (guard(guest=""), []),
        (guard(guest="a,b\n"), [f"{MAC} 10.0.0.2"]),
    ],
)
def test_who_is_known(one: Guard, found: list[str]) -> None:
    assert hosts(one) == found


def test_one_interface_has_its_guests_name() -> None:
    second = guard("mail-1", "52:54:00:00:00:03", ("10.0.0.3/32",))
    assert hosts(second, guard()) == [f"{MAC} 10.0.0.2 mail", "52:54:00:00:00:03 10.0.0.3"]
