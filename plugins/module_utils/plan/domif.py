# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The kind ``domifs`` of a document: interfaces of libvirt's domains, in the running domain and in its stored definition."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.applied import Applied
from ..model.document import Document
from ..model.domif import (
    DEFAULT_MODEL,
    LIVE,
    AppliedDomif,
    Domif,
    DomifFacts,
    LibvirtDomain,
    differences,
    mac_of,
    new_interface,
    taken_back,
    with_words,
    words_of,
)
from ..model.libvirt import Element
from ..model.libvirtxml import parse, render
from ..model.state import HostState
from ..model.step import DomainDevice, Phase, Step
from ..render.domif import describe_domif
from .domifcheck import domif_problems, place_of
from .kind import Kind, KindPlan

RUNNING, STORED = "--live", "--config"


class _Change(t.NamedTuple):
    """One interface in one scope; None where there is none. ``words``: which of its words change."""

    domain: str
    scope: str
    old: Element | None
    new: Element | None
    words: tuple[str, ...] = ()

    @property
    def is_plugged_anew(self) -> bool:
        return self.scope == RUNNING and self.old is not None and self.new is not None and bool(set(self.words) - LIVE)


def plan_domifs(document: Document, state: HostState, applied: Applied) -> KindPlan:
    """All interfaces of the document, those that go first."""
    facts: DomifFacts = state.kinds.get("domifs") or DomifFacts()
    gone = document.domifs.gone(applied.owners("domifs"), document.owner)
    problems = domif_problems(document, gone, state, applied, facts)
    if problems:
        return KindPlan(problems=tuple(problems))
    # Whoever is declared by another name now stays.
    stays = {(item.domain, item.mac): item.name for item in document.domifs.items}
    known = {_key(item.domif): item for item in applied.domifs.values()}
    memory = {name: item for name, item in applied.domifs.items() if name not in gone and _key(item.domif) not in stays}
    changes: list[_Change] = []
    texts: dict[str, tuple[str, str]] = {}
    for item in (applied.domifs[name] for name in gone if _key(applied.domifs[name].domif) not in stays):
        changes += _parting(item, facts)
        texts.update(_texts(item.domif, (item.owner, ""), facts, changes))
    for domif in document.domifs.items:
        before, domain = known.get(_key(domif)), facts.domains[domif.domain]
        changes += _coming(domif, before.domif if before else None, domain, facts, place_of(domif, state, applied, facts))
        texts.update(_texts(domif, (before.owner if before else "", document.owner), facts, changes))
        memory[domif.name] = AppliedDomif(document.owner, domif, before.was if before else _was(domif, domain))
    return KindPlan(
        memory=memory,
        steps=tuple(step for change in _joined(changes) for step in _steps(*change)),
        texts=texts,
        disrupts=tuple(line for change in changes for line in _disrupts(change)),
    )


def _key(domif: Domif) -> tuple[str, str]:
    return domif.domain, domif.mac


def _scopes(domain: LibvirtDomain, mac: str) -> t.Iterator[tuple[str, Element | None]]:
    """Where the domain can have the interface, and what it has there."""
    for scope, items in ((RUNNING, domain.live), (STORED, domain.stored)):
        if items is not None:
            yield scope, next((item for item in items if mac_of(item) == mac), None)


def _coming(domif: Domif, known: Domif | None, domain: LibvirtDomain, facts: DomifFacts, place: tuple[str, Element]) -> list[_Change]:
    where, source = place
    words, taken = {**domif.words, "place": where}, taken_back(domif.words, known)
    models = [words_of(item, facts.networks).get("model", "") for _scope, item in _scopes(domain, domif.mac) if item]
    found = []
    for scope, there in _scopes(domain, domif.mac):
        if there is None:
            new = with_words(new_interface(domif.mac), {"model": next(filter(None, models), DEFAULT_MODEL), **words}, (), source)
            found.append(_Change(domif.domain, scope, None, new))
            continue
        wrong = differences(words, words_of(there, facts.networks), taken)
        if wrong:
            some = {word: value for word, value in words.items() if word in wrong}
            new = with_words(there, some, [word for word in taken if word in wrong], source)
            found.append(_Change(domif.domain, scope, there, new, tuple(wrong)))
    return found


def _parting(item: AppliedDomif, facts: DomifFacts) -> list[_Change]:
    """It goes, or is as it was before us. While the guest runs, only as far as it is not unplugged for that."""
    domain, found = facts.domains.get(item.domif.domain), []
    for scope, there in _scopes(domain, item.domif.mac) if domain else ():
        text = item.was.get(scope, next(iter(item.was.values()), ""))
        if there is None or not text:
            found += [_Change(item.domif.domain, scope, there, None)] if there else []
            continue
        was = parse(text)
        had, has = words_of(was, facts.networks), words_of(there, facts.networks)
        wrong = [word for word in {**had, **has} if had.get(word) != has.get(word) and (scope == STORED or word in LIVE)]
        if wrong:
            some = {word: had[word] for word in wrong if word in had}
            new = was if scope == STORED else with_words(there, some, [word for word in wrong if word not in had], was.one("source"))
            found.append(_Change(item.domif.domain, scope, there, new, tuple(wrong)))
    return found


def _was(domif: Domif, domain: LibvirtDomain) -> dict[str, str]:
    return {scope: render(item) if item else "" for scope, item in _scopes(domain, domif.mac)}


def _joined(changes: t.Sequence[_Change]) -> list[tuple[_Change, tuple[str, ...]]]:
    """What is the same for the running domain and the stored one is one command."""
    found: list[tuple[_Change, tuple[str, ...]]] = []
    for change in changes:
        last = found[-1][0] if found else None
        if last and not (last.old or change.old) and (last.domain, last.new) == (change.domain, change.new):
            found[-1] = (change, (RUNNING, STORED))
        else:
            found.append((change, (change.scope,)))
    return found


def _steps(change: _Change, scopes: tuple[str, ...], parting: Phase = Phase.FREEZE) -> t.Iterator[Step]:
    """``parting``: when it is unplugged. Who goes does so before networks and guards, and comes back after them by undoing."""
    one = change.new or change.old or Element("interface")
    what = f"{one.one('target').get('dev') or mac_of(one)} of {change.domain}"
    lasting = STORED in scopes
    if change.old is None:
        undo = [_device("detach", change.domain, one, scope, may_fail=True) for scope in scopes]
        yield Step(Phase.LINK, f"{what} is plugged in", (_device("attach", change.domain, one, *scopes),), tuple(undo), lasting)
    elif change.new is None:
        undo = [_device("attach", change.domain, one, scope, may_fail=True) for scope in scopes]
        yield Step(parting, f"{what} is unplugged", (_device("detach", change.domain, one, *scopes),), tuple(undo), lasting)
    elif change.is_plugged_anew:
        # Two steps: one that was only begun must not be undone by unplugging what still is there.
        yield from _steps(change._replace(new=None), scopes, Phase.LINK)
        yield from _steps(change._replace(old=None), scopes)
    else:
        new, old = (_device("update", change.domain, item, *scopes, may_fail=item is change.old) for item in (change.new, change.old))
        yield Step(Phase.LINK, f"{what} changes", (new,), (old,), lasting)


def _device(verb: str, domain: str, item: Element, *scopes: str, may_fail: bool = False) -> DomainDevice:
    return DomainDevice(f"{verb}-device", domain, render(_bare(item)), scopes, may_fail)


def _bare(item: Element) -> Element:
    """Without what libvirt says of a running interface only."""
    children = []
    for child in item.children:
        if child.tag == "source" and child.get("network"):
            child = replace(child, attributes=tuple(pair for pair in child.attributes if pair[0] in ("network", "portgroup")))
        if child.tag != "alias":
            children.append(child)
    return replace(item, children=tuple(children))


def _disrupts(change: _Change) -> t.Iterator[str]:
    if change.scope != RUNNING or change.old is None:
        return
    what = f"{change.old.one('target').get('dev')} of {change.domain}"
    if change.new is None:
        yield f"{what} is unplugged, and the guest loses it"
    elif change.is_plugged_anew:
        fixed = ", ".join(word for word in change.words if word not in LIVE)
        yield f"{what} is unplugged and plugged in again, because libvirt does not change it while the guest runs: {fixed}"


def _texts(domif: Domif, owners: tuple[str, str], facts: DomifFacts, changes: t.Sequence[_Change]) -> dict[str, tuple[str, str]]:
    """Of the stored interface, and of the running one."""
    domain, texts = facts.domains.get(domif.domain), {}
    later = {change.scope: change.new for change in changes if (change.domain, _mac(change)) == _key(domif)}
    for scope, there in _scopes(domain, domif.mac) if domain else ():
        will = later.get(scope, there)
        before, after = (
            describe_domif(domif.domain, domif.mac, words_of(item, facts.networks), owner) if item else ""
            for item, owner in ((there, owners[0]), (will, owners[1]))
        )
        texts[f"interface {domif.name} of {domif.domain}{' as it runs' if scope == RUNNING else ''} (libvirt)"] = (before, after)
    return texts


def _mac(change: _Change) -> str:
    return mac_of(change.new or change.old or Element("interface"))


KIND = Kind("domifs", lambda document, applied: frozenset(), plan_domifs, lambda applied, state: {}, lambda change: ())
