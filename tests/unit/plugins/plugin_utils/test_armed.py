# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run of a module whose connection may break or hang, against a host that speaks the contract."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.plugin_utils.armed import ENDLESS, GRACE, ArmedRun, ConnectionLost
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.confirm import LATE
from ansible_collections.hypervisor.vnet.tests.unit.plugins.plugin_utils.pretend_host import FOREVER, HOME, PretendHost, Time

ARMED = {"changed": True, "commands": ["ip link set eth0 master xenbr0"], "armed": {"id": "s1", "timeout": 90, "addresses": ["10.0.0.9"]}}
KEPT = {"changed": True, "commands": ["ip link set eth0 master xenbr0"]}
KILLED = {"failed": True, "msg": "MODULE FAILURE", "module_stdout": "", "rc": 137}


def begin(joined=False, timeout=120.0, **host):
    time = Time()
    pretend = PretendHost(time, timeout=timeout, **host)
    return pretend, ArmedRun(pretend, "s1", timeout, time.clock(), joined)


def answers(result, after=1.0):
    """A module that answers after so many seconds; whoever waits is asked as a contact asks."""

    def run(watch):
        began = run.time.now
        while run.time.now < began + after:
            run.time.pass_by(min(watch(run.time.now - began), began + after - run.time.now))
        return dict(result)

    return run


def breaks(after=1.0):
    def run(watch):
        run.time.pass_by(after)
        raise ConnectionLost from OSError("Broken pipe")

    return run


def do(run, pretend, armed_run):
    run.time = pretend.time
    return armed_run.result(run)


def test_an_unarmed_answer_is_all_there_is():
    pretend, run = begin(armed_at=FOREVER)
    assert do(answers({"changed": False}), pretend, run) == ({"changed": False}, None, ())
    assert not pretend.asked


def test_a_refusal_is_all_there_is():
    pretend, run = begin(armed_at=FOREVER)
    assert do(answers({"failed": True, "msg": "eth7 does not exist"}), pretend, run).span is None
    assert not pretend.asked


def test_an_armed_answer_says_when_the_host_will_undo():
    pretend, run = begin()
    result, span, addresses = do(answers(ARMED), pretend, run)
    assert result == KEPT
    assert (span.id, span.earliest, span.latest, span.joined) == ("s1", 90, 91, False)
    assert addresses == ("10.0.0.9",)


@pytest.mark.parametrize(("said", "joined"), [({"joined": True}, True), ({"joined": False}, False)])
def test_the_host_says_whether_the_run_is_one_of_several(said, joined):
    pretend, run = begin(joined=not joined)
    assert do(answers({"armed": {**ARMED["armed"], **said}}), pretend, run).span.joined is joined


LOSSES = [
    # the host; what the run did; armed?; not before and not after (seconds)
    ("it had not armed", {"armed_at": FOREVER}, breaks(), False, 1 + GRACE, 10),
    ("it arms a little later", {"armed_at": 4}, breaks(), True, 4, 8),
    ("it had armed", {}, breaks(), True, 1, 2),
    ("cut off and undone", {"reached": ((0, 1, HOME), (125, FOREVER, HOME))}, breaks(), True, 125, 145),
    ("cut off for ever", {"reached": ((0, 1, HOME),)}, breaks(), False, 120 + LATE, 120 + LATE + 20),
    ("killed, had not armed", {"armed_at": FOREVER}, answers(KILLED), None, 1, 2),
    ("killed, had armed", {}, answers(KILLED), True, 1, 2),
    ("killed, not reached again", {"reached": ((0, 1, HOME),)}, answers(KILLED), None, 1, 20),
    ("hangs, had armed", {}, answers(ARMED, after=FOREVER), True, 15, 25),
    ("hangs, short timeout", {"timeout": 10.0}, answers(ARMED, after=FOREVER), True, 5, 12),
    ("hangs, arms later", {"armed_at": 100}, answers(ARMED, after=FOREVER), True, 100, 125),
    ("hangs, cut off for ever", {"reached": ((0, 1, HOME),)}, answers(ARMED, after=FOREVER), False, 180, 215),
    ("hangs, never arms", {"armed_at": FOREVER}, answers({}, after=FOREVER), False, ENDLESS, ENDLESS + 30),
    ("takes long, unarmed", {"armed_at": FOREVER}, answers({"changed": True}, after=600), None, 600, 602),
    ("takes long, then arms", {"armed_at": 599}, answers(ARMED, after=600), True, 600, 602),
    ("the answer is on its way", {"armed_at": 14}, answers(ARMED, after=17), True, 17, 18),
]


@pytest.mark.parametrize(("case", "host", "module", "armed", "soonest", "latest"), LOSSES, ids=[row[0] for row in LOSSES])
def test_lost_answers(case, host, module, armed, soonest, latest):
    pretend, run = begin(**host)
    if armed is False:
        with pytest.raises(ConnectionLost):
            do(module, pretend, run)
    else:
        found = do(module, pretend, run)
        assert bool(found.span) is bool(armed)
    assert soonest <= pretend.time.now <= latest


def test_a_lost_answer_within_a_checkpoint_is_not_taken_from_an_earlier_run():
    pretend, run = begin(joined=True)
    pretend.time.now = 30
    with pytest.raises(ConnectionLost):
        do(breaks(), pretend, run)


@pytest.mark.parametrize(("case", "host"), [("still running", {"takes": 40}), ("undone", {"timeout": 25.0})])
def test_what_becomes_of_a_checkpoint_is_seen_without_the_answer(case, host):
    pretend, run = begin(joined=True, **host)
    pretend.time.now = 30
    assert do(breaks(), pretend, run).span.joined


def test_what_the_connection_said_stays_the_cause():
    pretend, run = begin(armed_at=FOREVER)
    with pytest.raises(ConnectionLost) as raised:
        do(breaks(), pretend, run)
    assert str(raised.value.__cause__) == "Broken pipe"


def test_a_lost_answer_is_found_on_the_host():
    pretend, run = begin(answer=ARMED)
    assert do(breaks(), pretend, run).result == KEPT


def test_without_it_the_task_is_changed_and_says_so():
    pretend, run = begin()
    result, span, addresses = do(breaks(), pretend, run)
    assert result["changed"]
    assert result["warnings"] == ["the module's answer was lost with its connection; what it did is not known in detail"]
    assert (span.id, addresses) == ("s1", ())


def test_an_answer_that_comes_in_time_is_taken_though_the_host_was_asked():
    pretend, run = begin(armed_at=14)
    assert do(answers(ARMED, after=17), pretend, run).result == KEPT
    assert len(pretend.asked) == 1


def test_other_errors_are_none_of_its_business():
    pretend, run = begin()

    def module(watch):
        raise ValueError("no such module")

    with pytest.raises(ValueError, match="no such module"):
        run.result(module)
    assert not pretend.asked
