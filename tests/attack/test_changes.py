# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""While guards are changed and loaded anew, nothing false gets through; element changes lose nothing true either."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import pytest
from corpus import GUARD, bad, good
from harness import Child, Namespace
from wire import ATTACKER, NEIGHBOUR_GUARD, Wire, load, raw_socket, tables

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import TABLES as KEYS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import Table
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.ruleset import list_command, parse_table
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import change_text, reload_text, undo_text

OWN = {"interface": ATTACKER, **GUARD}
OTHERS = [
    {"interface": f"vif{number}.0", "mac": f"52:54:00:01:00:{number:02x}", "addresses": [f"10.1.0.{number}", f"10.2.{number}.0/24"]}
    for number in range(4, 40)
]
STOP = "/run/stop"
# Changes at least, and for so many seconds.
ROUNDS, BUSY = 12, 2.0


def blast(guests: Namespace, cases: Mapping[str, bytes]) -> Child:
    """All frames again and again, until told to stop; says how many."""
    mouth = raw_socket(guests, ATTACKER, 0)
    frames = [frame.ljust(60, b"\0") for frame in cases.values()]

    def run() -> int:
        sent = 0
        while not os.path.exists(STOP):
            for frame in frames:
                mouth.send(frame)
            sent += len(frames)
            time.sleep(0.001)
        return sent

    return guests.start(run)


def crossed(host: Namespace) -> int:
    """How many frames left by the neighbour's port."""
    return int(host.json("-statistics", "link", "show", "dev", "vif2.0")[0]["stats64"]["tx"]["packets"])


def during(host: Namespace, guests: Namespace, cases: Mapping[str, bytes], change: Callable[[int], None]) -> tuple[int, int]:
    """Frames sent and delivered while something is changed some times."""
    before = crossed(host)
    child = blast(guests, cases)
    number, busy = 0, time.monotonic() + BUSY
    while number < ROUNDS or time.monotonic() < busy:
        change(number)
        number += 1
    guests.write(STOP, "")
    sent = int(child.value())
    end = time.monotonic() + 5
    while crossed(host) - before < sent and time.monotonic() < end and cases.keys() <= good().keys():
        time.sleep(0.02)
    return sent, crossed(host) - before


def seen(host: Namespace) -> dict[tuple[str, str], object]:
    return {key: parse_table(done.stdout) for key in KEYS if not (done := host.run(*list_command(key), check=False)).returncode}


def shift(host: Namespace, wanted: tuple[Table, ...]) -> None:
    load(host, change_text(seen(host), wanted, KEYS))  # type: ignore[arg-type]


def layouts() -> dict[str, tuple[tuple[Table, ...], tuple[Table, ...]]]:
    """Pairs of rulesets that are loaded in turn, from small changes to large ones."""
    plain = tables(OWN, NEIGHBOUR_GUARD)
    return {
        "a guard comes and goes": (plain, tables(OWN, NEIGHBOUR_GUARD, OTHERS[0] | {"addresses": ["10.1.0.4"]})),
        "the guest's own changes": (plain, tables({**OWN, "addresses": [*GUARD["addresses"], "10.0.0.12"]}, NEIGHBOUR_GUARD)),
        "rules change": (plain, tables(OWN, NEIGHBOUR_GUARD, *OTHERS)),
        "rules of the user": (plain, tables({**OWN, "deny": [{"direction": "to", "protocol": "tcp", "port": 25}]}, NEIGHBOUR_GUARD)),
    }


@pytest.mark.parametrize("name", layouts())
def test_nothing_false_gets_through_while_guards_change(host: Namespace, guests: Namespace, name: str) -> None:
    pair = layouts()[name]
    load(host, reload_text(pair[0]))
    sent, arrived = during(host, guests, bad(), lambda number: shift(host, pair[(number + 1) % 2]))
    assert sent > 1000
    assert arrived == 0


@pytest.mark.parametrize("name", layouts())
def test_nothing_true_is_lost_while_guards_change(host: Namespace, guests: Namespace, name: str) -> None:
    pair = layouts()[name]
    load(host, reload_text(pair[0]))
    sent, arrived = during(host, guests, good(), lambda number: shift(host, pair[(number + 1) % 2]))
    assert sent > 1000
    assert sent == arrived


def test_nothing_false_gets_through_while_all_is_loaded_anew(host: Namespace, guests: Namespace) -> None:
    text = reload_text(tables(OWN, NEIGHBOUR_GUARD, *OTHERS))
    load(host, text)
    sent, arrived = during(host, guests, bad(), lambda number: load(host, text))
    assert sent > 1000
    assert arrived == 0


def test_the_measure_can_fail(host: Namespace, guests: Namespace) -> None:
    """Two transactions leave a gap, and it is seen."""
    text = reload_text(tables(OWN, NEIGHBOUR_GUARD))
    host.ip(f"link set {ATTACKER} type bridge_slave learning off")

    def in_two(number: int) -> None:
        host.run("nft", "delete", "table", "bridge", "vnet_guard")
        load(host, text)

    load(host, text)
    assert during(host, guests, bad(), in_two)[1] > 0


@pytest.mark.parametrize("name", layouts())
def test_the_way_back(host: Namespace, wire: Wire, name: str) -> None:
    """An undo leads back from what was done, from what was half of it, and from nothing done at all."""
    first, then = layouts()[name]
    load(host, reload_text(first))
    before = seen(host)
    forward, back = change_text(before, then, KEYS), undo_text(before, then, first)  # type: ignore[arg-type]
    assert forward
    load(host, back)
    assert change_text(seen(host), first, KEYS) == ""  # type: ignore[arg-type]
    load(host, forward)
    assert change_text(seen(host), then, KEYS) == ""  # type: ignore[arg-type]
    load(host, back)
    assert change_text(seen(host), first, KEYS) == ""  # type: ignore[arg-type]
    assert wire.arrived(bad()) == set()


def test_the_way_back_from_nothing(host: Namespace, guests: Namespace) -> None:
    wanted = tables(OWN, {**NEIGHBOUR_GUARD, "routed": True})
    back = undo_text({}, wanted, ())
    load(host, change_text({}, wanted, KEYS))
    assert len(seen(host)) == 3
    load(host, back)
    load(host, back)
    assert seen(host) == {}


def test_what_somebody_did_to_the_rules_is_repaired(host: Namespace, wire: Wire) -> None:
    wanted = tables(OWN, NEIGHBOUR_GUARD)
    load(host, reload_text(wanted))
    at = "bridge vnet_guard"
    for damage in (
        f"flush chain {at} prerouting",
        f"insert rule {at} guest accept",
        f"flush set {at} from_guest",
        f"add element {at} dhcp_server {{ {ATTACKER} }}",
        f"flush chain {at} refused",
        f"delete table {at}",
    ):
        load(host, damage)
        assert change_text(seen(host), wanted, KEYS), damage  # type: ignore[arg-type]
        shift(host, wanted)
        assert wire.arrived(bad()) == set(), damage


def test_chains_of_the_user_stay(host: Namespace, wire: Wire) -> None:
    wanted = tables(OWN, NEIGHBOUR_GUARD)
    load(host, reload_text(wanted))
    load(host, "add rule bridge vnet_guard custom_from_guest udp dport 5000 drop")
    assert change_text(seen(host), wanted, KEYS) == ""  # type: ignore[arg-type]
    shift(host, tables(OWN, NEIGHBOUR_GUARD, *OTHERS))
    assert "UDP" in set(good()) - wire.arrived(good())
