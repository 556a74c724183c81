# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel as Python functions: mounts, namespaces, a child that dies with its parent, /proc/sys and files."""

from __future__ import annotations

import ctypes
import os
import signal

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_REC, _MS_PRIVATE, _MS_BIND = 0x4000, 1 << 18, 0x1000
_PR_SET_PDEATHSIG = 1


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()), f"mount {kind} on {target}")


def die_with_parent(parent: int) -> None:
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def unshare() -> None:
    """A network and a mount namespace of its own for the calling process."""
    _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET), "unshare")


def enter(mnt: int, net: int) -> None:
    """Move the calling process into both."""
    for handle, kind in ((mnt, _CLONE_NEWNS), (net, _CLONE_NEWNET)):
        _check(_libc.setns(handle, kind), "setns")


def private_mounts() -> None:
    """What is mounted from now on is seen by this namespace only."""
    mount("none", "/", "", _MS_REC | _MS_PRIVATE)


def bind(source: str, target: str) -> None:
    mount(source, target, "", _MS_BIND)


def sysctl(key: str, value: str | None) -> str:
    path = f"/proc/sys/{key}"
    if value is not None:
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
    return read(path).strip()


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
