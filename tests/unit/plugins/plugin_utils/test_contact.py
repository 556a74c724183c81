# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contacts in processes of their own: what they bring back, and that nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError

from ansible_collections.hypervisor.vnet.plugins.plugin_utils.contact import Attempt, Bounded, Contact, race


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, limit=10.0):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.01)


def hang(path, new_session=False):
    """Start a program that never ends, tell its process id and this one's, and wait for it."""

    def work():
        child = subprocess.Popen(["sleep", "1000"], start_new_session=new_session)
        path.with_suffix(".tmp").write_text(f"{os.getpid()} {child.pid}", encoding="utf-8")
        path.with_suffix(".tmp").rename(path)
        child.wait()

    return work


def pids(path):
    wait_for(path.exists)
    return [int(pid) for pid in path.read_text(encoding="utf-8").split()]


def test_it_brings_back_what_was_returned_however_long():
    with Contact(lambda: (0, b"x" * 5_000_000, b"")) as contact:
        assert contact.answered(10)
        assert contact.answer() == (0, b"x" * 5_000_000, b"")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AnsibleConnectionFailure("no route to host"), AnsibleConnectionFailure),
        (AnsibleAuthenticationFailure("wrong password"), AnsibleAuthenticationFailure),
        (AnsibleError("missing sudo password"), AnsibleError),
        (OSError("no ssh here"), AnsibleError),
        (KeyboardInterrupt("stop"), AnsibleError),
    ],
)
def test_it_raises_here_what_was_raised_there(error, kind):
    def work():
        raise error

    with Contact(work) as contact:
        assert contact.answered(10)
        with pytest.raises(kind, match=str(error)) as raised:
            contact.answer()
        assert raised.type is kind


def test_one_that_is_killed_is_a_lost_connection():
    with Contact(lambda: os.kill(os.getpid(), signal.SIGKILL)) as contact:
        assert contact.answered(10)
        with pytest.raises(AnsibleConnectionFailure, match="ended without an answer"):
            contact.answer()


@pytest.mark.parametrize("new_session", [False, True], ids=["one session", "another session"])
def test_given_up_it_leaves_nothing(tmp_path, new_session):
    with Contact(hang(tmp_path / "pids", new_session)) as contact:
        assert not contact.answered(0.01)
        found = pids(tmp_path / "pids")
        assert all(alive(pid) for pid in found)
    wait_for(lambda: not any(alive(pid) for pid in found))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_it_dies_with_the_one_who_asked(tmp_path, number):
    """Two at a time, as when the host is asked about a module that hangs."""
    parent = os.fork()
    if parent == 0:
        try:
            with Contact(hang(tmp_path / "one")), Contact(hang(tmp_path / "two", new_session=True)) as contact:
                contact.answered(1000)
        finally:
            os._exit(1)
    found = pids(tmp_path / "one") + pids(tmp_path / "two")
    os.kill(parent, number)
    os.waitpid(parent, 0)
    wait_for(lambda: not any(alive(pid) for pid in found))


def test_signals_mean_to_it_what_they_mean_to_any_process():
    before = signal.signal(signal.SIGTERM, lambda *dummy: None)
    try:
        with Contact(lambda: os.kill(os.getpid(), signal.SIGTERM)) as contact, pytest.raises(AnsibleConnectionFailure):
            assert contact.answered(10)
            contact.answer()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_it_is_in_no_group_that_a_terminal_signals():
    with Contact(lambda: (os.getpgid(0), os.getsid(0), os.getpid())) as contact:
        assert contact.answered(10)
        group, session, pid = contact.answer()
        assert group == session == pid


def fails(text):
    def work():
        raise AnsibleConnectionFailure(text)

    return work


def forever():
    time.sleep(1000)


def returns(value, after=0.0):
    def work():
        time.sleep(after)
        return value

    return work


RACES = [
    ("the first answers", [("a", 0, returns(1)), ("b", 5, forever)], (0, 1, {}), 1),
    ("the first hangs", [("a", 0, forever), ("b", 0.1, returns(2, 1.0))], (1, 2, {"a": "no answer for 1 s"}), 2),
    ("the first fails, nobody waits", [("a", 0, fails("refused")), ("b", 60, returns(2))], (1, 2, {"a": "refused"}), 1),
    ("the slow one is still the first", [("a", 0, returns(1, 0.3)), ("b", 0.1, forever)], (0, 1, {}), 1),
    ("all fail", [("a", 0, fails("refused")), ("b", 0, fails("no\r\nroute"))], (None, None, {"a": "refused", "b": "no route"}), 1),
    ("all hang", [("a", 0, forever), ("b", 0.1, forever)], (None, None, {"a": "no answer for 1 s", "b": "no answer for 1 s"}), 2),
]


@pytest.mark.parametrize(("case", "attempts", "outcome", "limit"), RACES, ids=[row[0] for row in RACES])
def test_races(case, attempts, outcome, limit):
    began = time.monotonic()
    assert race([Attempt(*attempt) for attempt in attempts], 1.4) == outcome
    assert time.monotonic() - began < limit + 1.2


def test_a_race_leaves_nothing(tmp_path):
    attempts = [Attempt("a", 0, hang(tmp_path / "pids")), Attempt("b", 0, lambda: pids(tmp_path / "pids"))]
    found = race(attempts, 10)[1]
    wait_for(lambda: not any(alive(pid) for pid in found))


class Plugin:
    """A connection plugin as far as an action uses it."""

    transport = "pretend"
    cwd = None

    def exec_command(self, cmd, in_data=None, sudoable=True):
        self.cwd = "changed in the child only"
        if cmd == "hang":
            forever()
        return 0, f"{cmd} {in_data} {sudoable} {os.getpid()}".encode(), b""

    def put_file(self, source, target):
        return os.getpid()

    def close(self):
        return os.getpid()


def test_a_bounded_connection_is_the_plugin_in_all_but_its_contacts():
    plugin = Plugin()
    bounded = Bounded(plugin, lambda waited: 10)
    code, out, _err = bounded.exec_command("true", in_data="x", sudoable=False)
    assert (code, out.decode().split()[:3]) == (0, ["true", "x", "False"])
    assert int(out.decode().split()[3]) != os.getpid()
    assert bounded.put_file("a", "b") != os.getpid()
    assert bounded.close() == os.getpid()
    assert bounded.transport == "pretend"
    assert plugin.cwd is None
    bounded.cwd = "/tmp"
    assert plugin.cwd == "/tmp"


def test_a_bounded_connection_ends_when_its_watch_says_so():
    asked = []

    def watch(waited):
        asked.append(waited)
        if len(asked) == 3:
            raise AnsibleConnectionFailure("enough")
        return 0.1

    with pytest.raises(AnsibleConnectionFailure, match="enough"):
        Bounded(Plugin(), watch).exec_command("hang")
    assert asked[0] < 0.1 <= asked[1] < asked[2]
