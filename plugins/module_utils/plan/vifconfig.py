# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Vifs in the guests' own files: what they have from their next start on."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..model.applied import Applied
from ..model.document import Document
from ..model.domainfile import DomainFile, WantedDomain, WantedVif, file_mac, read_domain_file
from ..model.problem import Problem, Refused
from ..model.state import FileState
from ..model.step import Phase, Step, Write
from ..model.vif import DEFAULTS, AppliedVif, Device, Vif, VifFacts, Words, config_path, differences, kept_rate, match, whole_script
from ..render.domainfile import edit_domain_file

_PLAIN = ("bridge", "ip", "vifname", "backend", "mtu")


@dataclass(frozen=True)
class ConfigPlan:
    """What the files of all guests need."""

    problems: tuple[Problem, ...] = ()
    steps: tuple[Step, ...] = ()
    texts: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)


def plan_config(document: Document, gone: t.Sequence[AppliedVif], applied: Applied, facts: VifFacts) -> ConfigPlan:
    """The files in which something is declared, and those from which it goes."""
    coming = document.vifs.items if document.vif_options.config else ()
    problems, steps, texts = list[Problem](), list[Step](), {}
    for domain in sorted({vif.domain for vif in coming} | {item.vif.domain for item in gone}):
        path, file = config_path(domain), facts.files.get(domain)
        own = [vif for vif in coming if vif.domain == domain]
        if file is None:
            places = [place for place, vif in document.vifs.placed() if vif in own]
            cure = "make it first, or say scope: live"
            problems += [Problem(f"{place}.domain", f"there is no file {path} on this host; {cure}") for place in places[:1]]
            continue
        try:
            parting = [item.vif for item in gone if item.vif.domain == domain]
            text = edit_domain_file(parsed := read_domain_file(file.content, path), _wanted(parsed, own, parting, applied, document, facts))
        except Refused as refusal:
            problems += refusal.problems
            continue
        if text != file.content:
            steps.append(_write(path, text, file))
            texts[path] = (file.content, text)
    return ConfigPlan(tuple(problems), tuple(steps), texts)


def _wanted(
    file: DomainFile, own: t.Sequence[Vif], parting: t.Sequence[Vif], applied: Applied, document: Document, facts: VifFacts
) -> WantedDomain:
    devices = {entry.devid: Device(entry.devid, file_words(entry.keys)) for entry in file.vifs}
    # A name in quotes is found by, and is another one for xl.
    written = {entry.devid: Device(entry.devid, file_words(entry.written)) for entry in file.vifs}
    found, leaving = match(own, devices), match(parting, devices)
    vifs = []
    for vif in own:
        device, known = found.get(vif.name), applied.vifs.get(vif.name)
        if device is None:
            number = {"devid": str(vif.devid)} if vif.devid >= 0 else {}
            keys: dict[str, str | None] = {**number, **_keys(vif, vif.words), **vif.card}
            vifs.append(WantedVif(vif.words.get("mac", ""), vif.devid if vif.devid >= 0 else None, keys))
        else:
            before, entry = known.vif if known else None, next(item for item in file.vifs if item.devid == device.devid)
            keys = {**_keys(vif, differences(vif, before, written[device.devid])), **_card(vif, before, entry.written)}
            vifs.append(WantedVif(devid=device.devid, keys=keys))
    stay = [device.devid for device in found.values()]
    vifs += [WantedVif(devid=device.devid) for device in leaving.values() if device.devid not in stay]
    old = document.vif_options.toolstack == "xm" or (document.vif_options.toolstack == "auto" and facts.xm and not facts.xl)
    return WantedDomain(tuple(vifs), toolstack="xm" if old else "xl")


def _keys(vif: Vif, words: t.Iterable[str]) -> dict[str, str | None]:
    """What the file says of these; what is not declared goes."""
    keys: dict[str, str | None] = {}
    for word in words:
        if word == "trusted":
            yes = vif.words[word] == "1"
            keys.update({"trusted": "" if yes else None, "untrusted": None if yes else ""})
        elif word == "devid":
            keys[word] = str(vif.devid)
        elif word == "gatewaydev":
            # netdev is what it was called before.
            keys.update({word: vif.told.get(word), "netdev": None})
        else:
            keys[word] = vif.told.get(word)
    return keys


def _card(vif: Vif, known: Vif | None, there: t.Mapping[str, str]) -> dict[str, str | None]:
    """What differs of the emulated card, and what was declared of it before."""
    taken = [word for word in (known.card if known else ()) if word not in vif.card and word in there]
    return {**{word: value for word, value in vif.card.items() if there.get(word) != value}, **dict.fromkeys(taken)}


def file_words(keys: t.Mapping[str, str]) -> Words:
    """What libxl would make of the keys of an entry."""
    words = {word: keys[word] for word in _PLAIN if keys.get(word)}
    if keys.get("mac"):
        words["mac"] = file_mac(keys["mac"])
    if keys.get("gatewaydev") or keys.get("netdev"):
        words["gatewaydev"] = keys.get("gatewaydev") or keys["netdev"]
    if keys.get("script"):
        words["script"] = whole_script(keys["script"])
    if keys.get("rate"):
        words["rate"] = kept_rate(keys["rate"]) or keys["rate"]
    words["trusted"] = "0" if "untrusted" in keys else DEFAULTS["trusted"]
    return words


def _write(path: str, text: str, file: FileState) -> Step:
    do, undo = (Write(path, content, file.mode, file.uid, file.gid) for content in (text, file.content))
    return Step(Phase.FILES, f"file {path}", (do,), (undo,), lasting=True)
