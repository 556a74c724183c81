# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Diffs and command lists that people read: one block an object, sorted, files as files."""

from __future__ import annotations

import typing as t
from dataclasses import fields

from ..model.rate import rate_text
from ..model.state import BridgeSettings, FileState, TapDevice
from ..model.step import Step
from ..model.view import LinkView, Views

Diff = dict[str, str]


def describe(view: LinkView | None) -> str:
    """A link as a paragraph, empty when it is not there."""
    if view is None:
        return ""
    lines = [f"{view.kind} {view.name}"]
    pairs = [("owner", view.owner), ("mac", view.mac), ("mtu", str(view.mtu)), ("master", view.master)]
    lines += [f"  {name} {value}" for name, value in pairs if value]
    lines.append("  up" if view.up else "  down")
    if view.settings is not None:
        for field in fields(BridgeSettings):
            lines.append(f"  {field.name} {_word(getattr(view.settings, field.name))}")
    lines += _tap_lines(view.tap) if view.tap else []
    lines += ["  isolated yes"] if view.isolated else []
    lines += [f"  rate {name} {rate_text(speed)}" for name, speed in vars(view.rate).items() if speed]
    lines += [f"  vlan {item}" for item in view.vlans]
    lines += [f"  port {port}" for port in sorted(view.ports)]
    lines += [f"  address {address}" for address in view.addresses]
    lines += [f"  route {route}" for route in view.routes]
    return "\n".join([*lines, ""])


def _tap_lines(tap: TapDevice) -> list[str]:
    pairs = [("user", tap.user), ("group", tap.group)]
    lines = [f"  {name} {value}" for name, value in pairs if value]
    lines += [f"  {name} {_word(getattr(tap, name))}" for name in ("multi_queue", "vnet_hdr")]
    return lines if tap.persistent else [*lines, "  not persistent"]


def _word(value: t.Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def link_diffs(views: Views) -> list[Diff]:
    diffs = []
    # Words take longer than a look, and of thousands most stay.
    for name in sorted(name for name, (before, after) in views.items() if before != after):
        before, after = (describe(view) for view in views[name])
        if before != after:
            diffs.append(_diff(f"{name} (kernel)", before, after))
    return diffs


def text_diffs(texts: t.Mapping[str, tuple[str, str]]) -> list[Diff]:
    """Objects that are no links: header -> text before and after."""
    return [_diff(header, *texts[header]) for header in sorted(texts) if texts[header][0] != texts[header][1]]


def file_diffs(files: t.Mapping[str, tuple[FileState | None, FileState | None]]) -> list[Diff]:
    return [_diff(path, *(_text(file) for file in files[path])) for path in sorted(files)]


def setting_diffs(settings: t.Mapping[str, tuple[str, str]]) -> list[Diff]:
    return [_diff(f"/proc/sys/{key}", *(f"{value}\n" for value in settings[key])) for key in sorted(settings)]


def lacking(diffs: t.Iterable[Diff]) -> list[str]:
    """The lines that shall be there and are not, each behind what it is of."""
    found = []
    for diff in diffs:
        there = set(diff["before"].splitlines())
        found += [f"{diff['after_header']}: {line.strip()}" for line in diff["after"].splitlines() if line not in there]
    return found


def _text(file: FileState | None) -> str:
    if file is None:
        return ""
    # JSON and terminals take no lone surrogates.
    text = file.content.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text if file.mode == 0o644 else f"# mode {file.mode:04o}\n{text}"


def _diff(header: str, before: str, after: str) -> Diff:
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def commands(steps: t.Sequence[Step]) -> list[str]:
    """What an administrator would have typed."""
    return [action.command() for step in steps for action in step.do]
