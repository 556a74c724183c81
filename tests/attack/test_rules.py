# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users allow and deny, guest by guest."""

from __future__ import annotations

import frames as f
import pytest
from corpus import GUARD, US4, US6, VICTIM, VICTIM4, VICTIM6, bad, good, v4, v6
from harness import Namespace
from wire import ATTACKER, NEIGHBOUR, Wire, load, tables

from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import reload_text

OWN = {"interface": ATTACKER, **GUARD}


def tcp(port: int, target: str = VICTIM4) -> bytes:
    return v4(US4, f.tcp(US4, target, 4000, port), protocol=f.TCP, target=target)


CASES = {
    "mail": tcp(25),
    "mail to the relay": tcp(25, "10.0.0.25"),
    "web": tcp(80),
    "udp": v4(US4, f.udp(US4, VICTIM4, 4000, 25)),
    "ping": v4(US4, f.icmp(8), protocol=f.ICMP),
    "mail6": v6(US6, f.tcp(US6, VICTIM6, 4000, 25), header=f.TCP),
    "udp6": v6(US6),
    "arp": good()["ARP request"],
    "nd": good()["NS"],
}
IP = {"mail", "mail to the relay", "web", "udp", "ping", "mail6", "udp6"}
MAIL = {"protocol": "tcp", "port": 25}


@pytest.mark.parametrize(
    ("deny", "allow", "dropped"),
    [
        ([MAIL], [], {"mail", "mail to the relay", "mail6"}),
        ([MAIL], [{**MAIL, "address": "10.0.0.25"}], {"mail", "mail6"}),
        ([{"address": "10.0.0.16/29"}], [], {"mail", "web", "udp", "ping"}),
        ([{"address": "2001:db8::/32"}], [], {"mail6", "udp6"}),
        ([{"protocol": "icmp"}], [], {"ping"}),
        ([{}], [{"protocol": "udp"}], IP - {"udp", "udp6"}),
        ([{}], [], IP),
        ([{"address": "10.0.0.0/8"}, {"protocol": "tcp"}], [{"address": "10.0.0.25"}], {"mail", "web", "udp", "ping", "mail6"}),
    ],
)
def test_from_the_guest(host: Namespace, wire: Wire, deny: list[dict], allow: list[dict], dropped: set[str]) -> None:  # type: ignore[type-arg]
    rules = {"deny": [{"direction": "from", **rule} for rule in deny], "allow": [{"direction": "from", **rule} for rule in allow]}
    load(host, reload_text(tables({**OWN, **rules})))
    assert set(CASES) - wire.arrived(CASES) == dropped
    assert wire.arrived(bad()) == set()


def test_to_the_guest(host: Namespace, wire: Wire) -> None:
    """The neighbour is told what it may get; all others still get it."""
    rules = {"deny": [{"direction": "to", **MAIL}], "allow": [{"direction": "to", **MAIL, "address": US6}]}
    load(host, reload_text(tables(OWN, {"interface": NEIGHBOUR, "mac": VICTIM, "addresses": [VICTIM4], **rules})))
    host.run("bridge", "fdb", "add", VICTIM, "dev", NEIGHBOUR, "master", "static")
    assert set(CASES) - wire.arrived(CASES) == {"mail", "mail to the relay"}
    host.run("bridge", "fdb", "del", VICTIM, "dev", NEIGHBOUR, "master")
    assert set(CASES) - wire.arrived(CASES) == set()


def test_what_a_rule_allows_is_still_no_spoof(host: Namespace, wire: Wire) -> None:
    load(host, reload_text(tables({**OWN, "allow": [{"direction": "from"}]})))
    assert wire.arrived(bad()) == set()
