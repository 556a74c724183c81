# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small helpers shared by the whole lab: running commands, bounded waits, locks, process identity."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

LAB_DIR = Path(__file__).resolve().parent.parent
ENV = dict(os.environ, PATH=os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin", LC_ALL="C")

# command -> Debian package that brings it
TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "dnsmasq": "dnsmasq-base",
    "busybox": "busybox-static",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}


class LabError(Exception):
    """Something in the lab does not work; the text says what and where to look."""


def say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float = 30,
    check: bool = True,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with a limit; a failure carries the command's own words."""
    words = [str(word) for word in argv]
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, env=ENV, check=False, **given)
    except subprocess.TimeoutExpired as late:
        raise LabError(f"no end after {timeout} s: {' '.join(words)}") from late
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise LabError(f"exit {done.returncode}: {' '.join(words)}\n{said}")
    return done


def wait_until(condition: Callable[[], Any], timeout: float, what: str, *, poll: float = 0.05) -> Any:
    """Poll a condition until it is true; a LabError says what did not happen in time."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise LabError(f"after {timeout:g} s still not: {what}")
        time.sleep(poll)


@contextlib.contextmanager
def locked(path: Path, timeout: float = 60) -> Iterator[None]:
    """Hold an exclusive file lock; the kernel drops it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held: list[int] = []

    def taken() -> bool:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who removes a lab removes its lock with it, and another may have made one of the same name since.
            if os.path.samestat(os.fstat(handle), path.stat()):
                held.append(handle)
                return True
        os.close(handle)
        return False

    wait_until(taken, timeout, f"the lock {path.name} is free (another lab command holds it)", poll=0.2)
    try:
        yield
    finally:
        os.close(held[0])


def write_file(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        path.unlink()
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def write_atomic(path: Path, text: str) -> None:
    """Readers of state files run at the same time, so they must never see half a file."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.rename(path)


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def start_time(pid: int) -> str:
    """What tells a process from a later one with the same pid: machine boot and start tick ('' = gone)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    if fields[0] in "ZX":
        return ""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot}:{fields[19]}"


def remove_tree(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        run(["rm", "-rf", "--one-file-system", path], timeout=60)


def ensure_tools() -> None:
    """Install what the lab needs on this machine, and say so."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root (network namespaces, systemd-nspawn): run it with sudo")
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool, path=ENV["PATH"]) is None})
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise LabError(f"please install: {' '.join(missing)} (no apt-get here)")
    say(f"installing on this machine with apt-get: {' '.join(missing)}")
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if run(install, timeout=600, check=False).returncode != 0:
        run(["apt-get", "update"], timeout=300)
        run(install, timeout=600)


def inotify_used() -> int:
    """inotify instances of root on this machine, in all containers: they share one limit."""
    used = 0
    for fds in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            used += sum(os.readlink(fd) == "anon_inode:inotify" for fd in fds.iterdir())
    return used


def room_for_inotify(hosts: int) -> None:
    """A systemd host takes 6-11 inotify instances; with none left it dies at boot with a cryptic message."""
    knob = Path("/proc/sys/fs/inotify/max_user_instances")
    limit = int(knob.read_text(encoding="utf-8"))
    if limit < 1024:
        try:
            knob.write_text("1024", encoding="utf-8")
            say(f"raised fs.inotify.max_user_instances from {limit} to 1024 on this machine (until it restarts)")
            return
        except OSError:
            say(f"fs.inotify.max_user_instances stays {limit}: waiting for room if other labs use it up")
    else:
        return
    wait_until(lambda: inotify_used() + 12 * hosts <= limit, 120, f"{12 * hosts} free inotify instances (limit {limit})", poll=1)
