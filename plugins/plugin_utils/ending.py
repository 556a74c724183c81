# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The ending of a span as the result of a task."""

from __future__ import annotations

import typing as t

from .confirm import Ending, Span

Result = dict[str, t.Any]
CONSOLE = "on its console, hypervisor-vnet status shows where it stands and hypervisor-vnet rollback undoes the change at once"


def task_result(result: Result, ending: Ending, span: Span, seconds: float) -> Result:
    """What the task returns: ``result``, which the module had promised, or a failure.

    ``seconds`` is how long the host was left unconfirmed.
    """
    if ending.state in ("confirmed", "done"):
        kept = _with_warnings(result, (ending.answer.get("result") or {}).get("warnings") or [])
        if ending.state == "confirmed":
            kept["confirmed"] = {
                "id": span.id,
                "seconds": round(seconds, 1),
                "address": ending.place,
                "probes": dict(ending.answer.get("probes") or {}),
            }
        return kept
    failure: Result = {"failed": True, "changed": False}
    if ending.state == "failed":
        told = dict(ending.answer.get("result") or {})
        failure["msg"] = told.get("msg") or "the change failed on the host, which does not say why"
        if told.get("problems"):
            failure["problems"] = told["problems"]
        return _with_warnings(failure, told.get("warnings") or [])
    failure["msg"] = failure_text(ending, span)
    report = ending.answer.get("report")
    if report:
        failure["report"] = report
    return failure


def failure_text(ending: Ending, span: Span) -> str:
    """What happened, what was seen from here, what was undone; in sentences, each on a line."""
    report = ending.answer.get("report") or {}
    lines = [_what_happened(ending, span, report)]
    if report.get("step"):
        lines.append(f"The last step was: {report['step']}.")
    if ending.errors:
        lines.append(f"Seen from here: {_listed(ending.errors)}.")
    unsaid = {name: why for name, why in ending.probes.items() if f"{name}: {why}" not in str(report.get("why"))}
    if unsaid:
        lines.append(f"Probes that failed: {_listed(unsaid)}.")
    wrong = [*(report.get("failures") or []), *(report.get("left") or [])]
    if report.get("undone"):
        whole = "" if wrong else "; the host is as it was before"
        lines.append(f"Undone: {len(report['undone'])} groups of steps, listed in report.undone{whole}.")
    if wrong:
        lines.append(f"Not undone: {'; '.join(wrong)}.")
    broken = {name: why for name, why in (report.get("probes") or {}).items() if why}
    if broken:
        lines.append(f"Probes that fail since: {_listed(broken)}.")
    return "\n".join(lines)


def _what_happened(ending: Ending, span: Span, report: t.Mapping[str, t.Any]) -> str:
    if ending.state == "undone":
        return f"The host has undone the change by itself: {report.get('why') or 'it does not say why'}."
    if ending.state == "unknown":
        return f"The host answers, but knows nothing of the change {span.id} any more; look at it before you go on: {CONSOLE}."
    if ending.place:
        return f"The host answers, but has not undone the unconfirmed change in time; {CONSOLE}."
    return (
        "The host does not answer. It undoes the change by itself when its time is up, or when it boots; it should have been back by now: "
        f"{CONSOLE}."
    )


def _listed(reasons: t.Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in reasons.items())


def _with_warnings(result: Result, warnings: t.Sequence[str]) -> Result:
    return {**result, "warnings": [*(result.get("warnings") or []), *warnings]} if warnings else dict(result)
