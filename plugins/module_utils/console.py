# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""``hypervisor-vnet`` on the host: look at it, confirm a change, roll it back. It needs no Ansible.

For people: status, confirm, rollback, rollback --last. For the controller, which names its span and reads JSON: result,
confirm, rollback. For the watchdog and the boot: undo. For the unit of routes: routes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import typing as t

from .host.machine import Machine
from .host.session import is_held, own_session
from .journal import read_journal, span_of
from .model.paths import LOCK
from .model.problem import Refused, VnetError
from .model.step import Json
from .span import confirm, outcome, roll_back, roll_back_last, undo_at_boot, undo_expired
from .watchdog import leave_session

# How long a person waits for probes to pass.
_PATIENCE = 10.0


def main(argv: t.Sequence[str]) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(argv)
    machine = Machine()
    if not machine.is_root():
        return _complain("only root can look at this host's memory and change its network; try: sudo hypervisor-vnet ...")
    try:
        if options.run is _routes:
            # A service: TERM ends it.
            return int(options.run(machine, options))
        with own_session():
            return int(options.run(machine, options))
    except (Refused, VnetError) as error:
        return _complain(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hypervisor-vnet", description="The virtual networks of this host, as hypervisor.vnet set them up."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    status = commands.add_parser("status", help="what there is, and whether a change waits to be confirmed")
    _for_programs(status)
    status.set_defaults(run=_status)
    confirming = commands.add_parser("confirm", help="the change that waits shall stay")
    _named(confirming)
    _patient(confirming)
    confirming.set_defaults(run=_confirm)
    rolling = commands.add_parser("rollback", help="undo the change that waits to be confirmed")
    one = rolling.add_mutually_exclusive_group()
    one.add_argument("--last", action="store_true", help="undo the last change, though it was confirmed, unless the host was changed since")
    _named(one)
    _for_programs(rolling)
    rolling.set_defaults(run=_rollback)
    result = commands.add_parser("result", help="for the controller: how the run of a change ended")
    _named(result, nargs=None)
    _patient(result)
    result.set_defaults(run=_result)
    undo = commands.add_parser("undo", help="for the watchdog and the boot: undo what was not confirmed")
    undo.add_argument("--span", default="")
    undo.add_argument("--boot", action="store_true")
    undo.set_defaults(run=_undo)
    routes = commands.add_parser("routes", help="for the unit of routes: give interfaces theirs whenever they appear")
    routes.set_defaults(run=_routes)
    return parser


def _for_programs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def _named(parser: argparse._ActionsContainer, nargs: str | None = "?") -> None:
    parser.add_argument("id", nargs=nargs, default="", help="for the controller: the id of the change")


def _patient(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", type=float, default=_PATIENCE, metavar="SECONDS")


def _status(machine: Machine, options: argparse.Namespace) -> int:
    # With all kinds of objects: three times what an answer to a controller needs, which waits for one in every change.
    from .changes import change_facts
    from .facts import host_facts
    from .render.status import status_text

    facts = {**host_facts(machine), **change_facts(machine)}
    sys.stdout.write(f"{json.dumps(facts)}\n" if options.json else status_text(facts))
    return 0


def _confirm(machine: Machine, options: argparse.Namespace) -> int:
    answer = confirm(machine, options.id or _standing(machine), options.wait)
    if options.id:
        return _say(answer)
    if answer["confirmed"]:
        sys.stdout.write("The change stays.\n")
        return 0
    if answer["report"]:
        _tell(answer["report"])
        return _complain("not confirmed: it was undone already")
    failing = [f"\n  {name}: {why}" for name, why in answer["probes"].items() if why]
    why = f"what was reached before is not reached now:{''.join(failing)}" if failing else "it is not at its end yet"
    return _complain(f"not confirmed: {why}\nIt is undone in time, or now with: hypervisor-vnet rollback")


def _rollback(machine: Machine, options: argparse.Namespace) -> int:
    # What is undone may be the very connection that this was asked through.
    leave_session(machine, os.getpid())
    if options.id:
        return _say(roll_back(machine, options.id))
    try:
        report = roll_back_last(machine) if options.last else _roll_back(machine)
    except VnetError as error:
        return _say({"error": str(error)}) if options.json else _complain(str(error))
    if options.json:
        return _say({"report": report})
    _tell(report)
    return 1 if report["failures"] or report["left"] else 0


def _roll_back(machine: Machine) -> Json:
    """Undo what is neither kept nor undone: a span, or a run that was killed."""
    entries = read_journal(machine)
    if not entries:
        raise VnetError("no change waits to be confirmed; hypervisor-vnet rollback --last undoes the last one that was kept")
    span = span_of(entries)
    if not span and is_held(LOCK):
        raise VnetError("a run is changing the host now; wait for its end")
    answer = roll_back(machine, span.id if span else "")
    if "report" not in answer:
        raise VnetError("the change was kept meanwhile; hypervisor-vnet rollback --last undoes it all the same")
    report: Json = answer["report"]
    return report


def _standing(machine: Machine) -> str:
    span = span_of(read_journal(machine))
    if not span:
        raise VnetError("no change waits to be confirmed")
    return span.id


def _result(machine: Machine, options: argparse.Namespace) -> int:
    return _say(outcome(machine, options.id, options.wait))


def _undo(machine: Machine, options: argparse.Namespace) -> int:
    if options.boot:
        undo_at_boot(machine)
    else:
        undo_expired(machine, options.span)
    return 0


def _routes(machine: Machine, options: argparse.Namespace) -> int:
    from .follow import follow

    follow(machine)


def _tell(report: Json) -> None:
    from .render.status import report_text

    sys.stdout.write(report_text(report))


def _say(answer: Json) -> int:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    return 0


def _complain(message: str) -> int:
    sys.stderr.write(f"hypervisor-vnet: {message}\n")
    return 1
