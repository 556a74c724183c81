# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``vifs`` of a document: what is attached to running domains, detached from them, or attached anew.

libxl has no word for changing a vif. What it is asked for is done only when the vif's script has said so in xenstore: `xl network-attach`
leaves the device, the interface and keys behind when the script fails, which is why a failed attach is always undone by a detach.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..model.applied import Applied
from ..model.document import Document
from ..model.state import HostState
from ..model.step import Action, Await, Phase, Run, Step
from ..model.view import LinkView, Views, view_of
from ..model.vif import CONNECTED, AppliedVif, Device, Domain, Vif, VifFacts, Words, differences, match, renewed
from ..render.vif import describe_vif, mentions, stray_key, xl_words
from .hook import kept_hook
from .kind import Kind, KindPlan
from .vifcheck import is_bridged, vif_problems
from .vifconfig import plan_config
from .vifport import port_steps, port_text, port_undo

# How long a script may take to say that it is done once xl has come back: it is done by then, but for its last word.
_SETTLES = 5.0
_GUEST_MAC = "fe:ff:ff:ff:ff:ff"


@dataclass(frozen=True)
class _Change:
    """One device that goes, comes, or both. ``why``: what is not as declared of one that is there."""

    domain: Domain
    devid: int
    old: Device | None = None
    words: Words | None = None
    owner: str = ""
    was_owner: str = ""
    why: tuple[str, ...] = ()
    backend: int = 0

    @property
    def new(self) -> Device | None:
        return None if self.words is None else Device(self.devid, self.words, backend=self.backend)


@dataclass(frozen=True)
class _Wanted:
    """All changes, and the devices that stay."""

    changes: list[_Change] = field(default_factory=list)
    kept: list[_Change] = field(default_factory=list)


def plan_vifs(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """All vifs of the document, those that go first."""
    facts: VifFacts = state.kinds.get("vifs") or VifFacts()
    problems = vif_problems(document, state, applied, facts)
    if problems:
        return KindPlan(problems=tuple(problems))
    gone = document.vifs.gone(applied.owners("vifs"), document.owner)
    memory = {name: vif for name, vif in applied.vifs.items() if name not in gone}
    where = document.vif_options
    memory.update({vif.name: _applied(document, vif, applied.vifs.get(vif.name)) for vif in document.vifs.items})
    config = plan_config(document, [applied.vifs[name] for name in gone if applied.vifs[name].config], applied, facts)
    if config.problems:
        return KindPlan(problems=config.problems)
    found = _found(document, facts)
    wanted = _Wanted()
    _parting([applied.vifs[name] for name in gone if applied.vifs[name].live], found, facts, wanted)
    if where.live:
        _coming(document, found, applied, facts, wanted)
    changes = wanted.changes
    steps = [
        _detach(change.domain, change.old, port_undo(change.domain.link(change.old), state, facts)) for change in changes if change.old
    ]
    steps += [_attach(change.domain, change.new) for change in changes if change.new]
    texts = {**config.texts, **{header: texts for change in (*changes, *wanted.kept) for header, texts in _texts(change).items()}}
    for vif, known, name in _staying(document, found, applied, facts, wanted):
        steps += port_steps(vif, known, name, state, facts)
        texts[f"port {name} (kernel)"] = port_text(vif, name, state, facts, known)
    return KindPlan(
        memory=memory,
        steps=(*config.steps, *steps),
        views={name: view for change in changes for name, view in _views(change, state, facts).items()},
        texts=texts,
        disrupts=tuple(line for change in changes for line in _disrupts(change)),
    )


def _applied(document: Document, vif: Vif, known: AppliedVif | None) -> AppliedVif:
    """Declared in one place, it stays in the other."""
    live, config = (known.live, known.config) if known else (False, False)
    return AppliedVif(document.owner, vif, document.vif_options.live or live, document.vif_options.config or config)


def _found(document: Document, facts: VifFacts) -> dict[str, Device]:
    """The declared vifs that are there, by their names."""
    found: dict[str, Device] = {}
    for name, domain in facts.domains.items():
        found.update(match([vif for vif in document.vifs.items if vif.domain == name], domain.devices))
    return found


def _staying(
    document: Document, found: t.Mapping[str, Device], applied: Applied, facts: VifFacts, wanted: _Wanted
) -> t.Iterator[tuple[Vif, Vif | None, str]]:
    """The declared vifs that are neither attached nor attached anew, each with how it was declared before and its interface."""
    kept = [change.old for change in wanted.kept]
    for vif in document.vifs.items:
        device, known = found.get(vif.name), applied.vifs.get(vif.name)
        if device and any(device is other for other in kept):
            yield vif, known.vif if known else None, facts.domains[vif.domain].link(device)


def _parting(gone: t.Sequence[AppliedVif], found: t.Mapping[str, Device], facts: VifFacts, wanted: _Wanted) -> None:
    """Those that are still there, and that no declaration means by another name."""
    for applied in gone:
        domain = facts.domains.get(applied.vif.domain)
        device = match([applied.vif], domain.devices).get(applied.vif.name) if domain else None
        if domain and device and all(device is not other for other in found.values()):
            wanted.changes.append(_Change(domain, device.devid, device, was_owner=applied.owner))


def _coming(document: Document, found: t.Mapping[str, Device], applied: Applied, facts: VifFacts, wanted: _Wanted) -> None:
    taken = {name: set(domain.devices) for name, domain in facts.domains.items()}
    for vif in document.vifs.items:
        taken[vif.domain].add(vif.devid)
    for vif in document.vifs.items:
        domain, device, known = facts.domains[vif.domain], found.get(vif.name), applied.vifs.get(vif.name)
        if device is None:
            devid = vif.devid if vif.devid >= 0 else max(taken[vif.domain]) + 1
            taken[vif.domain].add(devid)
            wanted.changes.append(_Change(domain, devid, None, vif.words, document.owner, backend=_backend(vif.words, facts)))
            continue
        owner = known.owner if known else ""
        why = tuple(differences(vif, known.vif if known else None, device))
        if not why and device.status == CONNECTED:
            wanted.kept.append(_Change(domain, device.devid, device, device.words, document.owner, owner))
            continue
        devid = vif.devid if vif.devid >= 0 else device.devid
        words = renewed(vif, known.vif if known else None, device)
        wanted.changes.append(_Change(domain, devid, device, words, document.owner, owner, why, _backend(words, facts)))


def _detach(domain: Domain, device: Device, port: tuple[Action, ...]) -> Step:
    """``port``: the hook knows of its port only how it is declared now."""
    read = ("xenstore-read", f"{domain.path(device.devid, device.backend)}/mac")
    again = Run(_attach_words(domain, device.devid, device.words), unless=read, unless_says=device.words.get("mac", ""))
    run = Run(("xl", "network-detach", domain.name, str(device.devid)))
    return Step(
        Phase.LINK, f"detach vif {device.devid} of {domain.name}", (run, *_swept(device.words)), (again, *port, *_swept(device.words))
    )


def _attach(domain: Domain, device: Device) -> Step:
    path = domain.path(device.devid, device.backend)
    run = Run(_attach_words(domain, device.devid, device.words), explain=("xenstore-read", f"{path}/hotplug-error"))
    done = Await(CONNECTED, _SETTLES, argv=("xenstore-read", f"{path}/hotplug-status"))
    undo = Run(("xl", "network-detach", domain.name, str(device.devid)), may_fail=True)
    why = f"attach vif {device.devid} of {domain.name}"
    return Step(Phase.LINK, why, (run, done, *_swept(device.words)), (undo, *_swept(device.words)))


def _backend(words: Words, facts: VifFacts) -> int:
    domain = facts.domains.get(words.get("backend", ""))
    return domain.domid if domain else 0


def _attach_words(domain: Domain, devid: int, words: Words) -> tuple[str, ...]:
    return ("xl", "network-attach", domain.name, *xl_words(devid, words))


def _swept(words: Words) -> tuple[Action, ...]:
    key = stray_key(words.get("vifname", ""))
    return (Run(("xenstore-rm", key), may_fail=True),) if key else ()


def _views(change: _Change, state: HostState, facts: VifFacts) -> Views:
    """The interface on the host, which is another one after a change of its name."""
    domain, old, new = change.domain, change.old, change.new
    before = domain.link(old) if old else ""
    after = domain.link(new) if new else ""
    views: Views = {before: (view_of(state, before), None)} if before else {}
    if new:
        seen = views[after][0] if after in views else None
        views[after] = (seen, _after(after, new.words, state, facts))
    return views


def _after(name: str, words: Words, state: HostState, facts: VifFacts) -> LinkView:
    """What a script makes of it as far as its name tells."""
    bridge = words.get("bridge", facts.defaults.get("bridge", "xenbr0")) if is_bridged(words, facts) else ""
    link = state.links.get(bridge)
    mtu = int(words.get("mtu", 0)) or (link.mtu if link else 1500)
    return LinkView(name, "link", mac=_GUEST_MAC, mtu=mtu, up=True, master=bridge)


def _texts(change: _Change) -> dict[str, tuple[str, str]]:
    domain, old, new = change.domain, change.old, change.new
    status = "" if old is None or old.status == CONNECTED else f"NOT CONNECTED {old.error}".strip()
    before = describe_vif(old.devid, domain.name, old.words, change.was_owner, status) if old else ""
    after = describe_vif(new.devid, domain.name, new.words, change.owner) if new else ""
    if new and old and old.devid != new.devid:
        return {_header(domain, old.devid): (before, ""), _header(domain, new.devid): ("", after)}
    return {_header(domain, change.devid): (before, after)}


def _header(domain: Domain, devid: int) -> str:
    return f"vif {domain.name}/{devid} (xenstore)"


def _disrupts(change: _Change) -> list[str]:
    """Behind one that is not connected there is nobody."""
    if change.old is None or change.old.status != CONNECTED:
        return []
    who = mentions(Vif(change.domain.name, change.old.devid, change.old.words))
    if change.new is None:
        return [f"{who} is detached: its guest loses this interface"]
    words = ", ".join("name" if word == "vifname" else "addresses" if word == "ip" else word for word in change.why)
    return [f"{who} is attached anew for another {words}: its guest loses this interface and gets a new one, some seconds without network"]


KIND = Kind("vifs", lambda document, applied: frozenset(), plan_vifs, kept_hook, lambda change: ())
