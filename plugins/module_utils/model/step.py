# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A plan is an ordered row of steps; a step is data: what to do, what undoes it, why, and when."""

from __future__ import annotations

import enum
import shlex
import typing as t
from dataclasses import dataclass

Json = dict[str, t.Any]


class Phase(enum.IntEnum):
    """Orders the steps of all kinds in one plan. What can fail early stands early, while nothing is lost yet."""

    PREPARE = 10  # undo-only work that must come last when unwinding
    FREEZE = 20  # the network manager looks away
    FILES = 30  # what the manager will find when it looks again
    FILTER = 40  # filters stand before links come up
    LINK = 50  # links are made and set
    SWITCH = 60  # the profile changes its interface
    SETTLE = 70  # kernel settings that hold from now on
    THAW = 80  # the manager takes over what it finds
    SERVICE = 90  # services follow addresses


@dataclass(frozen=True)
class Ip:
    """One ip-batch(8) line. ``may_fail``: the kernel may have done it already."""

    line: str
    may_fail: bool = False

    def command(self) -> str:
        return f"ip {self.line}"


@dataclass(frozen=True)
class Batch:
    """Lines of one batch of tc(8) or bridge(8). ``may_fail``: every line is tried, whatever fails."""

    program: str
    lines: tuple[str, ...]
    may_fail: bool = False

    def command(self) -> str:
        return "\n".join(f"{self.program} {line}" for line in self.lines)


@dataclass(frozen=True)
class Nft:
    """One nft(8) transaction as text."""

    text: str

    def command(self) -> str:
        return "nft -f - <<'EOF'\n" + self.text.rstrip("\n") + "\nEOF"


@dataclass(frozen=True)
class Write:
    """A file, replaced atomically. ``{index:NAME}`` in the path stands for an interface's index, which is known only when it exists."""

    path: str
    content: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0

    def command(self) -> str:
        return f"write {self.path}"


@dataclass(frozen=True)
class Remove:
    """A file that shall not be there; its absence is no error."""

    path: str

    def command(self) -> str:
        return f"rm -f {shlex.quote(self.path)}"


@dataclass(frozen=True)
class Sysctl:
    """One kernel parameter. ``key`` is the path below /proc/sys, because interface names may hold dots."""

    key: str
    value: str

    def command(self) -> str:
        return f"sysctl -w {self.key}={shlex.quote(self.value)}"


@dataclass(frozen=True)
class EditLines:
    """Lines that go out of a shared file and lines that come in, read at that very moment: others write it too."""

    path: str
    drop: tuple[str, ...] = ()
    add: tuple[str, ...] = ()

    def command(self) -> str:
        changes = [f"-{line}" for line in self.drop] + [f"+{line}" for line in self.add]
        return f"edit {self.path}: {' '.join(changes)}"


@dataclass(frozen=True)
class Forget:
    """Connections that end: those of ``flows`` that are none of ``kept``, both in options of conntrack(8); FIRST:LAST are ports in a row."""

    flows: tuple[str, ...]
    kept: tuple[str, ...] = ()

    def command(self) -> str:
        return "\n".join(f"conntrack -D {flow}" for flow in self.flows)


@dataclass(frozen=True)
class StartDaemon:
    """A daemon that writes its own pid file; one that runs by that file already is left alone."""

    argv: tuple[str, ...]
    pid_file: str

    def command(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True)
class KillDaemon:
    """SIGKILL, for a daemon that would undo its work when it is asked to end. ``program`` is what the pid must be running."""

    pid_file: str
    program: str

    def command(self) -> str:
        return f"pkill -KILL --pidfile {self.pid_file} {self.program}"


@dataclass(frozen=True)
class Run:
    """One command. ``may_fail`` is for commands whose failure says no more than that there was nothing to do.

    ``unless``: a command that makes this one needless when one of its lines is ``unless_says``. ``otherwise``: what is run
    when this one fails. ``explain``: a command whose output says why it failed, where its own words do not.
    """

    argv: tuple[str, ...]
    may_fail: bool = False
    unless: tuple[str, ...] = ()
    unless_says: str = ""
    otherwise: tuple[str, ...] = ()
    explain: tuple[str, ...] = ()

    def command(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True)
class Virsh:
    """One virsh(1) command about the network ``name`` of libvirt; ``more`` follows the name, ``xml`` is what net-define reads."""

    verb: str
    name: str
    more: tuple[str, ...] = ()
    xml: str = ""
    may_fail: bool = False

    def words(self) -> tuple[str, ...]:
        return (self.verb, "/dev/stdin") if self.xml else (self.verb, self.name, *self.more)

    def command(self) -> str:
        line = shlex.join(("virsh", *self.words()))
        return f"{line} <<'EOF'\n{self.xml.rstrip()}\nEOF" if self.xml else line


@dataclass(frozen=True)
class DomainDevice:
    """One virsh(1) command about a device of a domain of libvirt. ``scopes``: --live for the running domain, --config for the stored one."""

    verb: str
    domain: str
    xml: str
    scopes: tuple[str, ...]
    may_fail: bool = False

    def words(self) -> tuple[str, ...]:
        return (self.verb, self.domain, "/dev/stdin", *self.scopes)

    def command(self) -> str:
        return f"{shlex.join(('virsh', *self.words()))} <<'EOF'\n{self.xml.rstrip()}\nEOF"


@dataclass(frozen=True)
class Await:
    """A condition with a limit in seconds. ``path``: the file's text is ``value``; ``argv``: the command's output holds ``value``.

    Nobody waits for what a manager does with ``link`` while that has no carrier.
    """

    value: str
    limit: float
    path: str = ""
    argv: tuple[str, ...] = ()
    must: bool = True
    link: str = ""

    def command(self) -> str:
        return f"# wait until {self.path or shlex.join(self.argv)} says {self.value}"


Action = t.Union[Ip, Batch, Nft, Write, Remove, Sysctl, EditLines, StartDaemon, KillDaemon, Run, Await, Forget, Virsh, DomainDevice]
_ACTIONS: dict[str, type] = {kind.__name__.lower(): kind for kind in t.get_args(Action)}


def action_to_json(action: Action) -> Json:
    return {"action": type(action).__name__.lower(), **vars(action)}


def action_from_json(data: Json) -> Action:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key != "action"}
    return t.cast(Action, _ACTIONS[data["action"]](**fields))


@dataclass(frozen=True)
class Step:
    """``undo`` runs from left to right when the step is unwound, and must do no harm when the step had not run.

    ``lasting`` undos are about what a reboot keeps (files below /etc and /var); the others are skipped after one.
    """

    phase: Phase
    why: str
    do: tuple[Action, ...] = ()
    undo: tuple[Action, ...] = ()
    lasting: bool = False


def ip_step(phase: Phase, why: str, do: str, undo: str = "") -> Step:
    """The commonest step: one line and the line that takes it back."""
    return Step(phase, why, (Ip(do),), (Ip(undo),) if undo else ())


def sysctl_step(phase: Phase, why: str, key: str, value: str, before: str) -> Step:
    return Step(phase, why, (Sysctl(key, value),), (Sysctl(key, before),))
