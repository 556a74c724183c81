# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Do what a step says."""

from __future__ import annotations

import itertools
import re
import time
import typing as t
from dataclasses import replace

from ..model.problem import VnetError
from ..model.state import FileState
from ..model.step import (
    Action,
    Await,
    Batch,
    DomainDevice,
    EditLines,
    Forget,
    Ip,
    KillDaemon,
    Nft,
    Remove,
    Run,
    StartDaemon,
    Sysctl,
    Virsh,
    Write,
)
from .conntrack import forget
from .libvirt import call, change_device
from .machine import Completed, Machine

_INDEX = re.compile(r"\{index:([^}]+)\}")
_SIX = "-6 "
_DAEMON_LIMIT = 5.0
# A bridge that got its port just now has none for a moment.
_NO_CARRIER = 1.0
_FAILED_LINE = re.compile(r"Command failed -:(\d+)")


def perform(machine: Machine, action: Action) -> None:
    """Do one action; VnetError says which and why it failed."""
    if isinstance(action, Ip):
        perform_batch(machine, [action])
    elif isinstance(action, Batch):
        _batch_of(machine, action)
    elif isinstance(action, Write):
        content = FileState(action.content, action.mode, action.uid, action.gid)
        machine.write(_with_index(machine, action.path), content)
    elif isinstance(action, Remove):
        machine.remove(_with_index(machine, action.path))
    elif isinstance(action, Sysctl):
        machine.set_sysctl(action.key, action.value)
    elif isinstance(action, Nft):
        _run(machine, ["nft", "-f", "-"], action.text)
    elif isinstance(action, Await):
        _await(machine, action)
    elif isinstance(action, Forget):
        forget(machine, action)
    elif isinstance(action, Virsh):
        call(machine, action)
    elif isinstance(action, DomainDevice):
        change_device(machine, action)
    elif isinstance(action, EditLines):
        _edit_lines(machine, action)
    elif isinstance(action, StartDaemon):
        _start_daemon(machine, action)
    elif isinstance(action, KillDaemon):
        if _runs(machine, action.pid_file, action.program):
            machine.run(("kill", "-KILL", machine.text(action.pid_file)))
        machine.remove(action.pid_file)
    else:
        _run_action(machine, action)


def perform_batch(machine: Machine, lines: t.Sequence[Ip]) -> None:
    """One `ip -batch` for many lines; VnetError names the first that fails, and none behind it ran."""
    for family, group in _by_family(lines):
        done = machine.run(["ip", *family, "-batch", "-"], _batch(group))
        if done.rc:
            raise _failed_line("ip", [line.line for line in group], done)


def try_batch(machine: Machine, lines: t.Sequence[Ip]) -> None:
    """Every line, whatever fails: unwinding undoes steps that may not have run.

    Some errors end ip(8) in spite of -force (a master that is not there): without the answer to the last line, each runs alone.
    """
    for family, group in _by_family(lines):
        command = ["ip", *family, "-oneline", "-force", "-batch", "-"]
        if " lo: " not in machine.run(command, _batch([*group, Ip("link show dev lo")])).out:
            for line in group:
                machine.run(command, _batch([line]))


def _by_family(lines: t.Sequence[Ip]) -> list[tuple[list[str], list[Ip]]]:
    # Inside a batch no line can say -6, and a rule's addresses do not: ip(8) would make an IPv4 rule of it.
    groups = itertools.groupby(lines, key=lambda line: line.line.startswith(_SIX))
    return [(["-6"] if six else [], list(group)) for six, group in groups]


def _batch(lines: t.Sequence[Ip]) -> str:
    return "".join(f"{line.line.removeprefix(_SIX)}\n" for line in lines)


def _batch_of(machine: Machine, action: Batch) -> None:
    force = ["-force"] if action.may_fail else []
    done = machine.run([action.program, *force, "-batch", "-"], "".join(f"{line}\n" for line in action.lines))
    if done.rc and not action.may_fail:
        raise _failed_line(action.program, action.lines, done)


def _failed_line(program: str, lines: t.Sequence[str], done: Completed) -> VnetError:
    failed = _FAILED_LINE.search(done.err)
    line = f"{program} {lines[int(failed.group(1)) - 1]}" if failed else f"{program} -batch"
    return VnetError(f"{line}: {_first_line(done.err)}")


def _run_action(machine: Machine, action: Run) -> None:
    if action.unless and action.unless_says in machine.run(action.unless).out.splitlines():
        return
    done = machine.run(action.argv)
    if done.rc and action.otherwise:
        done = machine.run(action.otherwise)
    if done.rc and not action.may_fail:
        why = machine.run(action.explain).out.strip() if action.explain else ""
        raise _failed(action.argv, Completed(done.rc, "", why) if why else done)


def _edit_lines(machine: Machine, action: EditLines) -> None:
    file = machine.read(action.path) or FileState("")
    lines = [line for line in file.content.splitlines() if line not in action.drop]
    lines += [line for line in action.add if line not in lines]
    machine.write(action.path, replace(file, content="".join(f"{line}\n" for line in lines)))


def _start_daemon(machine: Machine, action: StartDaemon) -> None:
    if _runs(machine, action.pid_file, action.argv[0]):
        return
    # In a scope of its own, or it would belong to the SSH session that we came by, and end with it.
    scope = ("systemd-run", "--quiet", "--scope", "--collect", "--slice=system.slice")
    _run(machine, [*(scope if machine.exists("/run/systemd/system") else ()), *action.argv])
    end = time.monotonic() + _DAEMON_LIMIT
    while not _runs(machine, action.pid_file, action.argv[0]):
        if time.monotonic() >= end:
            raise VnetError(f"{' '.join(action.argv)}: does not run {_DAEMON_LIMIT:g} s after its start")
        _pause()


def _runs(machine: Machine, pid_file: str, program: str) -> bool:
    pid = machine.text(pid_file)
    return pid.isdigit() and machine.text(f"/proc/{pid}/cmdline").split("\0")[0].rpartition("/")[2] == program.rpartition("/")[2]


def _run(machine: Machine, argv: list[str], stdin: str = "") -> None:
    done = machine.run(argv, stdin)
    if done.rc:
        raise _failed(argv, done)


def _failed(argv: t.Sequence[str], done: Completed) -> VnetError:
    return VnetError(f"{' '.join(argv)}: exit status {done.rc}: {_first_line(done.err or done.out)}")


def _await(machine: Machine, action: Await) -> None:
    end = time.monotonic() + action.limit
    carried, seen = time.monotonic(), ""
    while True:
        seen = machine.text(action.path) if action.path else machine.run(action.argv, limit=max(action.limit, 1.0)).out.strip()
        if (seen == action.value) if action.path else (action.value in seen):
            return
        if machine.text(f"/sys/class/net/{action.link}/carrier") != "0":
            carried = time.monotonic()
        if time.monotonic() >= carried + _NO_CARRIER:
            return
        if time.monotonic() >= end:
            break
        _pause()
    if action.must:
        raise VnetError(f"{action.path or ' '.join(action.argv)}: says {seen!r}, not {action.value!r}, after {action.limit:g} s")


def _pause() -> None:
    """One beat of polling; sysfs and proc files cannot be awaited otherwise."""
    time.sleep(0.01)


def _with_index(machine: Machine, path: str) -> str:
    return _INDEX.sub(lambda match: machine.text(f"/sys/class/net/{match.group(1)}/ifindex") or "absent", path)


def _first_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0].strip() if lines else "no message"
