# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A guest's file of Xen with other vifs and keys in it; every byte that says something else stays."""

from __future__ import annotations

import re
import typing as t

from ..model.domainfile import FLAGS, GUEST_KEYS, DomainFile, VifEntry, WantedDomain, WantedVif, file_mac, read_domain_file
from ..model.domaintext import Literal, Setting, comma_after, comma_before, effective
from ..model.problem import Problem, Refused

# xend numbers the netloop devices and refuses more.
_XM_VIFS = 8
_PART = re.compile(r"(\s*)([^=\s]*)(\s*=\s*)?(.*?)(\s*)", re.DOTALL)
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_KEY = re.compile(r"[a-z][a-z0-9_]*")


def edit_domain_file(file: DomainFile, wanted: WantedDomain) -> str:
    """The new text. Raises Refused with all problems: those of the file, and what cannot be written safely, by line."""
    targets = [_target(file, vif) for vif in wanted.vifs]
    problems = [*file.problems, *_problems(file, wanted, targets)]
    if problems:
        raise Refused(problems)
    pairs = list(zip(wanted.vifs, targets))
    going = sorted((target for vif, target in pairs if vif.keys is None and target is not None), reverse=True)
    for vif, target in pairs:
        if vif.keys is not None and target is not None:
            file = _again(file, _changed(file, file.vifs[target], vif.keys))
    for target in going:
        file = _again(file, _removed(file, target))
    for vif, target in pairs:
        if vif.keys is not None and target is None:
            file = _again(file, _added(file, _entry(vif)))
    for key, value in wanted.keys.items():
        file = _again(file, _set(file, key, value))
    return file.text


def _again(file: DomainFile, text: str) -> DomainFile:
    if text == file.text:
        return file
    after = read_domain_file(text, file.path)
    if after.problems:
        # As when the key that goes is used by another.
        raise Refused(after.problems)
    return after


def _target(file: DomainFile, wanted: WantedVif) -> int | None:
    """Which entry is meant: by its MAC, else by its devid."""
    mac = file_mac(wanted.mac)
    for found in ([mac != "" and entry.mac == mac for entry in file.vifs], [entry.devid == wanted.devid for entry in file.vifs]):
        if any(found):
            return found.index(True)
    return None


def _problems(file: DomainFile, wanted: WantedDomain, targets: t.Sequence[int | None]) -> list[Problem]:
    problems = []
    pairs = list(zip(wanted.vifs, targets))
    for at, (vif, target) in enumerate(pairs):
        name = vif.mac or f"devid {vif.devid}"
        if target is not None and target in targets[:at]:
            problems.append(Problem(file.path, f"{name} is the vif of line {file.vifs[target].line}, which is wanted twice; name it once"))
        if vif.mac and sum(entry.mac == file_mac(vif.mac) for entry in file.vifs) > 1:
            problems.append(Problem(file.path, f"{name} is the MAC of several vifs; give each its own"))
        there = file.vifs[target].written if target is not None else {}
        problems += [
            Problem(file.path, f"{key}={value} of {name} has a character that ends a key there; leave it out")
            for key, value in (vif.keys or {}).items()
            if there.get(key) != value and (not _KEY.fullmatch(key) or re.search(r"[,'\"\\\r\n]", value or ""))
        ]
        if target is not None and vif.keys is not None and _differs(file.vifs[target], vif.keys):
            problems += _fixed(file, file.vifs[target].literal, "the vif")
    added = sum(target is None and vif.keys is not None for vif, target in pairs)
    count = len(file.vifs) + added - sum(target is not None and vif.keys is None for vif, target in pairs)
    if added and "xm" in (wanted.toolstack, file.grammar) and count > _XM_VIFS:
        problems.append(Problem(file.path, f"has {count} vifs then; xm takes {_XM_VIFS} at most"))
    problems += _list_problems(file) if added else []
    return problems + [problem for key, value in wanted.keys.items() for problem in _key_problems(file, key, value)]


def _list_problems(file: DomainFile) -> list[Problem]:
    found = effective(file.settings, "vif")
    if found and found[-1].items is not None and found[-1].brackets == (0, 0):
        return [Problem(f"{file.path}:{found[-1].line}", "vif is in round brackets; write a list, as in vif = ['bridge=xenbr0']")]
    return []


def _key_problems(file: DomainFile, key: str, value: str | None) -> t.Iterator[Problem]:
    found = effective(file.settings, key)
    if key not in GUEST_KEYS:
        yield Problem(file.path, f"{key} is no key of a guest's network; there is: {', '.join(GUEST_KEYS)}")
    if re.search(r"['\"\\\r\n]", value or ""):
        yield Problem(file.path, f"{key}: {value!r} has a quote, backslash or line break, which is not written; leave it out")
    if value == file.keys.get(key):
        return
    if len(found) > 1:
        yield Problem(f"{file.path}:{found[-1].line}", f"{key} is put together from several lines; write it in one")
    elif found and found[0].text:
        yield from _fixed(file, found[0].text, key)


def _fixed(file: DomainFile, literal: Literal, what: str) -> list[Problem]:
    """What is put together can be written anew as one text, unless it is put together from names, or needs escapes again."""
    if literal.sort == "computed":
        why = f"{what} is put together from names; write the text itself, so that it can be changed"
    elif literal.sort == "joined" and re.search(r"['\\\r\n]", literal.value):
        why = f"{what} has quotes, backslashes or line breaks; write it without, so that it can be changed"
    else:
        return []
    return [Problem(f"{file.path}:{literal.line}", why)]


def _differs(entry: VifEntry, keys: t.Mapping[str, str | None]) -> bool:
    return any(entry.written.get(key) != value for key, value in keys.items())


def _part(key: str, value: str) -> str:
    return key if key in FLAGS and not value else f"{key}={value}"


def _entry(wanted: WantedVif) -> str:
    keys = wanted.keys or {}
    own = {"mac": wanted.mac} if wanted.mac and "mac" not in keys else {}
    return ",".join(_part(key, value) for key, value in {**own, **keys}.items() if value is not None)


def _changed(file: DomainFile, entry: VifEntry, keys: t.Mapping[str, str | None]) -> str:
    """With the order, the blanks and the quotes that the entry has."""
    left = {key: value for key, value in keys.items() if entry.written.get(key) != value}
    if not left:
        return file.text
    parts = entry.literal.value.split(",")
    kept = [new for new in (_part_changed(part, left) for part in parts) if new is not None]
    if kept and left.get(_key_of(parts[0]), "") is None:
        kept[0] = kept[0].lstrip()
    lead = re.match(r"\s*", parts[1] if len(parts) > 1 else "")
    blank = (lead.group() if lead else "") if any(part.strip() for part in kept) else ""
    there = {_key_of(part) for part in parts}
    new = [blank + _part(key, value) for key, value in left.items() if value is not None and key not in there]
    # A comma at the end stays there.
    at = len(kept) - (1 if kept and not kept[-1].strip() else 0)
    return _replaced(file.text, entry.literal, ",".join([*kept[:at], *new, *(kept[at:] if at else [])]))


def _key_of(part: str) -> str:
    return part.partition("=")[0].strip()


def _part_changed(part: str, left: t.Mapping[str, str | None]) -> str | None:
    match = _PART.fullmatch(part)
    if not match or match[2] not in left:
        return part
    value = left[match[2]]
    return None if value is None else f"{match[1]}{_part(match[2], value).replace('=', match[3] or '=', 1)}{match[5]}"


def _replaced(text: str, literal: Literal, value: str) -> str:
    last = text[literal.end - 1]
    quote = last if literal.sort == "plain" and last in "'\"" else "'"
    return f"{text[: literal.start]}{quote}{value}{quote}{text[literal.end :]}"


def _removed(file: DomainFile, index: int) -> str:
    """Without the entry and one comma; without its line, comment and all, if nothing else stands there."""
    text, literal = file.text, file.vifs[index].literal
    comma = comma_after(text, literal.end)
    end = literal.end if comma is None else comma + 1
    line = text.rfind("\n", 0, literal.start) + 1
    rest = _REST_OF_LINE.match(text, end)
    if not text[line : literal.start].strip() and rest and "\n" not in text[literal.end : end] and text[end : rest.end()]:
        return text[:line] + text[rest.end() :]
    start = literal.start
    if comma is None and index:
        before = comma_before(text, start, file.vifs[index - 1].literal.end)
        if before is not None and not text[before + 1 : start].strip(" \t"):
            return text[:before] + text[end:]
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    return text[:start] + text[end:]


def _added(file: DomainFile, value: str) -> str:
    found = effective(file.settings, "vif")
    if not found:
        return _appended(file.text, f"vif = [ '{value}' ]")
    text, setting = file.text, found[-1]
    start, stop = setting.brackets
    last = next((entry.literal for entry in reversed(file.vifs) if start <= entry.literal.start < stop), None)
    if last is None:
        return f"{text[:start]}'{value}'{text[start:]}"
    quote = text[last.end - 1] if text[last.end - 1] in "'\"" else "'"
    comma = comma_after(text, last.end)
    end = last.end if comma is None else comma + 1
    line = text.rfind("\n", 0, last.start) + 1
    new = f"{quote}{value}{quote}" + ("," if comma is not None else "")
    between = "" if comma is not None else ","
    if text[line : last.start].strip():
        return f"{text[:end]}{between} {new}{text[end:]}"
    rest = _REST_OF_LINE.match(text, end)
    behind = rest.end() if rest else end
    newline = _newline(text)
    indent = text[line : last.start]
    if rest:
        return f"{text[: last.end]}{between}{text[last.end : behind]}{indent}{new}{newline}{text[behind:]}"
    return f"{text[:end]}{between}{newline}{indent}{new}{text[end:]}"


def _set(file: DomainFile, key: str, value: str | None) -> str:
    found = effective(file.settings, key)
    if value == file.keys.get(key):
        return file.text
    if not found:
        return _appended(file.text, f'{key} = "{value}"')
    setting = found[-1]
    if value is None:
        return _without(file.text, setting)
    return _replaced(file.text, setting.text, value) if setting.text else file.text


def _without(text: str, setting: Setting) -> str:
    line = text.rfind("\n", 0, setting.start) + 1
    rest = _REST_OF_LINE.match(text, setting.end)
    if not text[line : setting.start].strip() and rest:
        return text[:line] + text[rest.end() :]
    separator = re.match(r"[ \t]*;[ \t]*", text[setting.end :])
    return text[: setting.start] + text[setting.end + (separator.end() if separator else 0) :]


def _appended(text: str, line: str) -> str:
    newline = _newline(text)
    return text + (newline if text and not text.endswith("\n") else "") + line + newline


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
