# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Contacts with a host that end: each runs in a process of its own, which can be given up and leaves nothing behind.

No connection plugin of ansible-core has a limit once it is connected: ssh waits for ever when the link dies under it.
"""

from __future__ import annotations

import multiprocessing.connection
import os
import pathlib
import pickle
import signal
import subprocess
import threading
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.utils.display import Display

T = t.TypeVar("T")
display = Display()
# How long a contact that has answered may take to end.
ENDING = 5.0


class Contact(t.Generic[T]):
    """Runs ``work`` in a child process with a session of its own. What it returns and raises arrives here by a pipe."""

    def __init__(self, work: t.Callable[[], T]) -> None:
        self._outcome: tuple[t.Any, ...] | None = None
        self.pipe, writer = multiprocessing.connection.Pipe(duplex=False)
        watched, self._life = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _child(work, writer, watched, [self.pipe.fileno(), self._life])
        writer.close()
        os.close(watched)

    def __enter__(self) -> Contact[T]:
        return self

    def __exit__(self, *dummy: object) -> None:
        self.close()

    def answered(self, limit: float) -> bool:
        """Wait up to ``limit`` seconds; true when there is an answer."""
        end = time.monotonic() + limit
        while self._outcome is None:
            if not self.pipe.poll(max(0.0, end - time.monotonic())):
                return False
            self._receive()
        return True

    def answer(self) -> T:
        """What ``work`` returned; raises what it raised, AnsibleConnectionFailure when it was killed. Only when answered."""
        kind, value = self._outcome or ("raised", AnsibleConnectionFailure("there is no answer yet"))
        if kind == "raised":
            raise value
        return t.cast(T, value)

    def _receive(self) -> None:
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            message = ("raised", AnsibleConnectionFailure("the contact with the host ended without an answer"))
        if message[0] == "display":
            getattr(display, message[1])(*message[2], **message[3])
        else:
            self._outcome = message

    def close(self) -> None:
        """End it now, with everything that it started; a contact that has answered may finish first."""
        if self._pid:
            if self._outcome is None or not self._ended(ENDING):
                kill_tree(self._pid)
                os.waitpid(self._pid, 0)
            self._pid = 0
            os.close(self._life)
            self.pipe.close()

    def _ended(self, limit: float) -> bool:
        end = time.monotonic() + limit
        while os.waitpid(self._pid, os.WNOHANG)[0] == 0:
            if time.monotonic() >= end:
                return False
            time.sleep(0.002)
        return True


class _Pipe:
    """Takes the place of Ansible's own queue, whose lock a child that is killed would take along."""

    def __init__(self, writer: multiprocessing.connection.Connection) -> None:
        self._writer = writer

    def send_display(self, method: str, *args: t.Any, **kwargs: t.Any) -> None:
        self._writer.send(("display", method, args, kwargs))

    def send_prompt(self, **dummy: t.Any) -> None:
        raise AnsibleError("the connection wants to ask a question, which cannot be answered here; is the host in known_hosts?")


def _child(work: t.Callable[[], t.Any], writer: multiprocessing.connection.Connection, watched: int, foreign: list[int]) -> t.NoReturn:
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        for handle in foreign:
            os.close(handle)
        threading.Thread(target=_die_with_parent, args=(watched,), daemon=True).start()
        if multiprocessing.parent_process() is not None:
            display.set_queue(_Pipe(writer))
        try:
            message = ("returned", work())
        except BaseException as error:
            message = ("raised", _portable(error))
        writer.send(message)
    finally:
        os._exit(0)


def _die_with_parent(watched: int) -> None:
    """The other end is open for as long as the parent lives, however it dies."""
    os.read(watched, 1)
    kill_tree(os.getpid())


def _portable(error: BaseException) -> AnsibleError:
    try:
        if isinstance(error, AnsibleError) and isinstance(pickle.loads(pickle.dumps(error)), type(error)):
            return error
    except Exception:
        display.debug(f"{type(error).__name__} cannot be passed on as it is")
    text = str(error) or type(error).__name__
    return AnsibleConnectionFailure(text) if isinstance(error, AnsibleConnectionFailure) else AnsibleError(text)


def kill_tree(pid: int) -> None:
    """Kill a process with its group and its descendants: ssh may stand in a session of its own, too."""
    mine = os.getpid()
    for victim in _descendants(pid):
        _kill(os.kill, victim)
    _kill(os.killpg, pid)
    if pid != mine:
        _kill(os.kill, pid)


def _kill(call: t.Callable[[int, int], None], pid: int) -> None:
    try:
        call(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for child, parent in _processes():
        children.setdefault(parent, []).append(child)
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found[1:]


def _processes() -> t.Iterator[tuple[int, int]]:
    """Every process with its parent."""
    entries = list(pathlib.Path("/proc").glob("[0-9]*/stat"))
    if not entries:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
        yield from ((int(pid), int(parent)) for pid, parent in (line.split() for line in listed.stdout.splitlines()))
    for entry in entries:
        try:
            yield int(entry.parent.name), int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile


class Attempt(t.NamedTuple):
    """One way to ask the same question. It starts after ``delay`` seconds, or as soon as those before it have failed."""

    name: str
    delay: float
    work: t.Callable[[], t.Any]


class _Started(t.NamedTuple):
    name: str
    contact: Contact[t.Any]
    at: float

    def why_silent(self) -> dict[str, str]:
        silent = time.monotonic() - self.at
        return {self.name: f"no answer for {silent:.0f} s"} if silent >= 1.0 else {}


def race(attempts: t.Sequence[Attempt], limit: float) -> tuple[int | None, t.Any, dict[str, str]]:
    """Ask side by side, each attempt up to ``limit`` seconds; the first answer ends all the others.

    Returns the index of the attempt that answered (None: none did), its answer, and why the others did not, by name.
    """
    began = time.monotonic()
    waiting = list(enumerate(attempts))
    running: dict[int, _Started] = {}
    errors: dict[str, str] = {}
    try:
        while waiting or running:
            now = time.monotonic()
            if waiting and (not running or now >= began + waiting[0][1].delay):
                index, attempt = waiting.pop(0)
                running[index] = _Started(attempt.name, Contact(attempt.work), now)
                continue
            until = min([*(began + attempt.delay for _index, attempt in waiting[:1]), *(each.at + limit for each in running.values())])
            multiprocessing.connection.wait([each.contact.pipe for each in running.values()], max(0.0, until - now))
            for index, each in list(running.items()):
                try:
                    if each.contact.answered(0.0):
                        answer = each.contact.answer()
                        silent = [other.why_silent() for other in running.values() if other is not each]
                        return index, answer, {key: why for found in (errors, *silent) for key, why in found.items()}
                    if time.monotonic() < each.at + limit:
                        continue
                    errors.update(each.why_silent())
                except AnsibleError as error:
                    errors[each.name] = " ".join(str(error).split())
                running.pop(index).contact.close()
        return None, None, errors
    finally:
        for each in running.values():
            each.contact.close()


class Bounded:
    """A connection plugin each of whose contacts runs as a Contact; everything else is the plugin's own.

    ``watch`` is called while a contact has not answered, with the seconds that it has taken so far, and returns after how
    many more it wants to be called again. What it raises ends the contact.
    """

    _CALLS = ("exec_command", "put_file", "fetch_file")

    def __init__(self, connection: t.Any, watch: t.Callable[[float], float]) -> None:
        object.__setattr__(self, "real", connection)
        object.__setattr__(self, "watch", watch)

    def __getattr__(self, name: str) -> t.Any:
        value = getattr(self.real, name)
        return value if name not in self._CALLS else lambda *args, **kwargs: self._call(lambda: value(*args, **kwargs))

    def __setattr__(self, name: str, value: t.Any) -> None:
        setattr(self.real, name, value)

    def _call(self, work: t.Callable[[], T]) -> T:
        began = time.monotonic()
        with Contact(work) as contact:
            while not contact.answered(self.watch(time.monotonic() - began)):
                pass
            return contact.answer()
