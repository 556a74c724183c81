# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The watchdog: what undoes a change that nobody confirms, whatever becomes of those who made it.

A transient systemd timer (systemd-run(1)) runs the program at the deadline; a unit of the boot runs it when the host was reset
meanwhile. Both stand outside /etc, and the timer only as long as the change is armed. Without systemd a detached
process waits; it does not outlive a reset.
"""

from __future__ import annotations

import os
import sys
import time

from .host.machine import Machine
from .host.session import detach
from .journal import read_header, span_of
from .model.paths import JOURNAL, PROGRAM, STATE
from .model.problem import VnetError
from .model.span import Span
from .model.state import FileState

# Space to undo with when the disk is full by then.
RESERVE = f"{STATE}/reserve"
_RESERVED = 1 << 19
_BEAT = 0.5
_FILES = 1 << 16
_SYSTEMD = "/run/systemd/system"
_UNITS = "/usr/local/lib/systemd/system"
_BOOT_UNIT = "hypervisor-vnet-boot.service"
# Before the managers read their files, and before what the files of the boot are read by.
_BOOT_TEXT = f"""\
# Written by hypervisor.vnet: undoes a change that was not confirmed when the host was reset.
[Unit]
Description=Undo an unconfirmed change of the network
DefaultDependencies=no
RequiresMountsFor=/etc {STATE}
After=systemd-remount-fs.service
Wants=network-pre.target
Before=network-pre.target systemd-modules-load.service systemd-sysctl.service shutdown.target
Conflicts=shutdown.target
ConditionPathExists={JOURNAL}

[Service]
Type=oneshot
ExecStart={sys.executable} {PROGRAM} undo --boot
"""


def arm(machine: Machine, span: Span) -> list[str]:
    """Set the watchdog for a span; warnings. VnetError: it cannot be set, and nothing must be changed."""
    reserve(machine)
    if not machine.exists(_SYSTEMD):
        detach(lambda: _wait_and_undo(machine, span))
        return ["this host has no systemd: a change that cuts it off is undone in time, but not when the host is reset before"]
    timer = ("--on-active", f"{span.deadline - machine.uptime():.3f}", "--timer-property=AccuracySec=100ms")
    unit = (f"--unit={_timer(span)}", "--collect", "--quiet", "--description=Undo an unconfirmed change of the network")
    done = machine.run(("systemd-run", *timer, *unit, *_undo(span)))
    if done.rc:
        raise VnetError(f"the watchdog cannot be set, so nothing was changed: systemd-run: {done.err.strip() or done.rc}")
    return _install_boot_unit(machine)


def disarm(machine: Machine, span: Span) -> None:
    """The span is over. A watchdog that fires all the same finds nothing to undo."""
    machine.remove(RESERVE)
    if machine.exists(_SYSTEMD):
        machine.run(("systemctl", "stop", "--no-block", f"{_timer(span)}.timer"))


def reserve(machine: Machine) -> None:
    """Keep space back for undoing; VnetError when there is none."""
    machine.write(RESERVE, FileState("\0" * _RESERVED, 0o600))


def release_reserve(machine: Machine) -> None:
    """Before undoing: on a full disk even an original cannot be written back."""
    machine.remove(RESERVE)


def leave_session(machine: Machine, pid: int) -> None:
    """Move a process out of the login session's scope, which a host with KillUserProcesses=yes ends with the connection."""
    if machine.exists(_SYSTEMD):
        call = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "StartTransientUnit")
        values = (f"hypervisor-vnet-change-{pid}.scope", "fail", "1", "PIDs", "au", "1", str(pid), "0")
        machine.run(("busctl", "call", *call, "ssa(sv)a(sa(sv))", *values), limit=5.0)


def _timer(span: Span) -> str:
    return f"hypervisor-vnet-watchdog-{span.id}"


def _undo(span: Span) -> tuple[str, ...]:
    return (sys.executable, PROGRAM, "undo", "--span", span.id)


def _wait_and_undo(machine: Machine, span: Span) -> None:
    # The lock that the run held when it set us is not ours: whoever waits for its end would wait for ours.
    os.closerange(3, _FILES)
    while machine.uptime() < span.deadline:
        if span_of(read_header(machine)) != span:
            return
        time.sleep(_BEAT)
    machine.run(_undo(span))


def _install_boot_unit(machine: Machine) -> list[str]:
    path, wants = f"{_UNITS}/{_BOOT_UNIT}", f"{_UNITS}/sysinit.target.wants/{_BOOT_UNIT}"
    try:
        if machine.read(path) != FileState(_BOOT_TEXT):
            machine.write(path, FileState(_BOOT_TEXT))
        if not machine.exists(wants):
            machine.link(wants, f"../{_BOOT_UNIT}")
    except VnetError as error:
        return [f"a change that cuts the host off is undone in time, but not when the host is reset before: {error}"]
    return []
