# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A change outlives the connection that started it, and is the only one on its host."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
import typing as t

from ..model.problem import VnetError


class Interrupted(VnetError):
    """INT or TERM arrived: unwind, then stop."""


@contextlib.contextmanager
def own_session() -> t.Iterator[None]:
    """Ignore the loss of the connection (HUP, PIPE); turn INT and TERM into an exception that unwinds."""
    # A process that leads its group already (pty without pipelining) cannot; ignoring HUP serves it as well.
    with contextlib.suppress(PermissionError):
        os.setsid()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGPIPE)}
    before.update({number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)})
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: t.Any) -> t.NoReturn:
    # A second signal must not interrupt the unwinding.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Interrupted(f"stopped by {signal.Signals(number).name}")


@contextlib.contextmanager
def uninterrupted() -> t.Iterator[None]:
    """Hold INT and TERM back: half an unwinding or half a commit would be neither the one state nor the other."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def past_undoing() -> None:
    """The change is complete: INT and TERM come too late, those held back too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def detach(work: t.Callable[[], None]) -> int:
    """Go on with ``work`` in a process of its own, which no end of a connection or session reaches; its process id.

    The child keeps our locks, and its files are closed but for those: nobody waits for the end of its output.
    """
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        work()
        status = 0
    finally:
        # Whatever happened: the module's own answer is its parent's.
        os._exit(status)


def await_end(parent: int, limit: float = 5.0) -> None:
    """Wait up to ``limit`` seconds for the end of our parent, which may have something to say first."""
    end = time.monotonic() + limit
    while os.getppid() == parent and time.monotonic() < end:
        time.sleep(0.005)


@contextlib.contextmanager
def exclusive(path: str, limit: float = 300.0) -> t.Iterator[None]:
    """Hold the one lock of the host; wait for another run up to ``limit`` seconds."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    os.chmod(os.path.dirname(path), 0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + limit
        while not _locked(handle):
            if time.monotonic() >= end:
                raise VnetError(f"{path}: another run still holds the lock after {limit:g} s; see which with: fuser -v {path}")
            time.sleep(0.05)
        sign_lock(path)
        yield
    finally:
        os.close(handle)


def is_held_above(path: str) -> bool:
    """Does a process that we descend from hold the lock? Whoever waits for our end must not be waited for."""
    if not is_held(path):
        return False
    with open(path, encoding="ascii") as file:
        holder = file.read().strip()
    pid = str(os.getpid())
    while pid not in ("", "0", holder):
        pid = _parent(pid)
    return pid == holder


def _parent(pid: str) -> str:
    """Empty for a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name before it may hold anything.
            return file.read().rpartition(")")[2].split()[1]
    except OSError:
        return ""


def sign_lock(path: str) -> None:
    """Say in the lock who holds it; a child that took the lock over signs again."""
    with open(path, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))


def end_holder(path: str, limit: float = 15.0) -> None:
    """Ask who holds the lock to unwind and stop; after ``limit`` seconds, kill it. Its children die with it."""
    end, number = time.monotonic() + limit, signal.SIGTERM
    while is_held(path):
        with open(path, encoding="ascii") as file:
            holder = file.read().strip()
        if not holder.isdigit():
            raise VnetError(f"{path}: is held, and does not say by whom; see which with: fuser -v {path}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(holder), number)
        number = signal.SIGCONT if time.monotonic() < end else signal.SIGKILL
        time.sleep(0.1)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_until_free(path: str, limit: float = 300.0) -> None:
    """Wait for a run that goes on now to end, without taking the lock: a look at half a change would mislead."""
    end = time.monotonic() + limit
    while is_held(path) and time.monotonic() < end:
        time.sleep(0.05)


def is_held(path: str) -> bool:
    """Does a run hold the lock now? Looks without making the file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
