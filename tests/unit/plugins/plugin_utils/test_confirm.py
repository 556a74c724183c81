# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settling, confirming and awaiting the return, against a host that speaks the contract, on a clock of its own."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.plugin_utils.confirm import LATE, Confirmation, Span
from ansible_collections.hypervisor.vnet.tests.unit.plugins.plugin_utils.pretend_host import (
    CONNECTING,
    FOREVER,
    HOME,
    NEW,
    PretendHost,
    Time,
)

GATEWAY = {"gateway4": "10.0.0.1 answers neither ARP nor ICMP"}


def begin(joined=False, latest=0.5, **host):
    """The module has answered half a second after the host began to count."""
    time = Time()
    time.now = latest
    pretend = PretendHost(time, **host)
    told = []
    span = Span("s1", earliest=pretend.timeout, latest=pretend.timeout + latest, joined=joined)
    return pretend, Confirmation(pretend, span, told.append, time.clock()), told


def cut(since, until=FOREVER, then=HOME):
    return ((0.0, since, HOME), (until, FOREVER, then))


ENDINGS = [
    # what becomes of the host, the ending, where, not before and not after (seconds)
    ("all is well", {}, "confirmed", HOME, 2, 4),
    ("the run takes long", {"takes": 40}, "confirmed", HOME, 40, 42),
    ("the run undoes itself", {"fails": "no carrier"}, "failed", HOME, 2, 4),
    ("it moves", {"reached": ((0, 1.5, HOME), (1.5, FOREVER, NEW))}, "confirmed", NEW, 2, 30),
    ("a gap of 20 s", {"reached": ((0, 1.5, HOME), (21.5, FOREVER, HOME))}, "confirmed", HOME, 21, 45),
    ("the gateway is slow", {"probes": lambda now: GATEWAY if now < 50 else {}}, "confirmed", HOME, 50, 65),
    ("the gateway is dead", {"probes": lambda now: GATEWAY}, "undone", HOME, 121, 125),
    ("the gateway dies later", {"probes": lambda now: GATEWAY if now > 2.2 else {}, "takes": 5}, "undone", HOME, 121, 125),
    ("cut off, back again", {"reached": cut(1.5, 123)}, "undone", HOME, 123, 145),
    ("cut off when the run ends", {"reached": cut(2.4, 123)}, "undone", HOME, 123, 145),
    ("cut off once confirmed", {"reached": cut(2.55, 123)}, "confirmed", HOME, 123, 145),
    ("cut off for ever", {"reached": cut(1.5)}, "lost", "", 120.5 + LATE, 120.5 + LATE + CONNECTING + 2),
    ("a short timeout", {"timeout": 10, "reached": cut(1.5, 12)}, "undone", HOME, 12, 35),
    ("undoing takes long", {"probes": lambda now: GATEWAY, "undoing": 30}, "undone", HOME, 150, 155),
    ("undoing never ends", {"probes": lambda now: GATEWAY, "undoing": 999}, "lost", HOME, 180, 184),
    ("the run never ends", {"takes": FOREVER, "timeout": 20, "undoing": 999}, "lost", HOME, 80, 90),
    ("the span is forgotten", {"forgotten_at": 1}, "unknown", HOME, 0, 3),
    ("forgotten while probing", {"forgotten_at": 9, "probes": lambda now: GATEWAY}, "unknown", HOME, 9, 25),
    ("somebody confirms on the console", {"confirmed_at": 1.9}, "confirmed", HOME, 1, 5),
    ("somebody rolls back on the console", {"undone_at": 3, "probes": lambda now: GATEWAY}, "undone", HOME, 4, 20),
    ("the confirmation's answer is lost", {"told_twice": True}, "confirmed", HOME, 2, 6),
]


@pytest.mark.parametrize(("case", "host", "state", "place", "soonest", "latest"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_every_ending(case, host, state, place, soonest, latest):
    pretend, confirmation, _told = begin(**host)
    ending = confirmation.settle()
    assert (ending.state, ending.place) == (state, place)
    assert soonest <= pretend.time.now <= latest


def test_it_is_confirmed_over_a_fresh_connection_only():
    pretend, confirmation, _told = begin()
    confirmation.settle()
    assert [fresh for *_asked, fresh in pretend.words("confirm")] == [True]
    assert not any(fresh for *_asked, fresh in pretend.words("result"))


def test_probes_that_fail_are_told_and_those_that_pass_are_not():
    _pretend, confirmation, _told = begin(probes=lambda now: {**GATEWAY, "tcp 10.0.0.1:22": ""})
    assert confirmation.settle().probes == GATEWAY


def test_no_confirmation_waits_longer_than_the_host_does():
    pretend, confirmation, _told = begin(probes=lambda now: GATEWAY)
    confirmation.settle()
    assert pretend.words("confirm")
    assert all(1 <= int(wait) <= max(1, pretend.timeout - at) for at, _word, _id, _option, wait, _fresh in pretend.words("confirm"))


@pytest.mark.parametrize(
    ("case", "host", "state"),
    [
        ("done", {}, "done"),
        ("failed", {"fails": "no carrier"}, "failed"),
        ("lost and back", {"reached": ((0, 1.5, HOME), (30, FOREVER, HOME))}, "done"),
        ("undone meanwhile", {"reached": cut(1.5, 125)}, "undone"),
        ("never back", {"reached": cut(1.5)}, "lost"),
    ],
)
def test_a_joined_run_is_awaited_and_not_confirmed(case, host, state):
    pretend, confirmation, _told = begin(joined=True, **host)
    assert confirmation.settle().state == state
    assert not pretend.words("confirm")


def test_it_tells_what_it_waits_for_but_not_all_the_time():
    _pretend, confirmation, told = begin(reached=cut(1.5, 123))
    ending = confirmation.settle()
    assert 4 <= len(told) <= 13
    assert told[0].startswith("waiting for the host to answer again (10.0.0.5: Connection timed out); ")
    assert ending.errors == {HOME: "Connection timed out"}


def test_what_was_said_last_is_kept():
    _pretend, confirmation, _told = begin(probes=lambda now: GATEWAY)
    ending = confirmation.settle()
    assert ending.answer["report"]["why"] == "not confirmed within 120 s"
