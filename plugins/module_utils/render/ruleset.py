# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Tables as text for `nft -f`: whole ones, and the smallest transaction from what is there to what is wanted."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import replace

from ..model.ruleset import CUSTOM, Key, Seen, SeenTable, Set, Table, as_seen

COMMENT = "hypervisor.vnet"


def table_text(table: Table) -> str:
    """The whole table, which must not be there yet."""
    lines = [f"table {_at(table.key)} {{", f'\tcomment "{COMMENT}"']
    for name, item in table.sets.items():
        lines += _set_lines(name, item)
    lines += [line for name in table.custom for line in (f"\tchain {name} {{", "\t}")]
    return "\n".join([*lines, *_chain_lines(table, table.chains), "}", ""])


def reload_text(tables: t.Sequence[Table]) -> str:
    """The whole tables, whatever stands there now, in one transaction."""
    drop = "".join(f"add table {_at(table.key)}\ndelete table {_at(table.key)}\n" for table in tables)
    return drop + "".join(table_text(table) for table in tables)


def change_text(seen: Seen, wanted: t.Sequence[Table], known: t.Iterable[Key]) -> str:
    """One transaction that leads from what is seen to what is wanted, empty when nothing differs.

    Sets keep their counters and elements that stay, chains of the user stay; ``known`` tables that are not wanted go.
    """
    keys = {table.key for table in wanted}
    text = "".join(f"delete table {_at(key)}\n" for key in sorted(known) if key in seen and key not in keys)
    for table in wanted:
        there = seen.get(table.key)
        text += table_text(table) if there is None else _change(there, table)
    return text


def undo_text(seen: Seen, wanted: t.Sequence[Table], before: t.Sequence[Table]) -> str:
    """The way back to what was seen, which does no harm when nothing had been done. ``before``: the tables as last applied.

    Rules cannot be read back, so those that stood there are taken to be the ones that we applied.
    """
    text = ""
    rules = {table.key: table for table in before}
    for table in wanted:
        there = seen.get(table.key)
        if there is None:
            text += f"add table {_at(table.key)}\ndelete table {_at(table.key)}\n"
        else:
            text += _refill(as_seen(table), _with_elements(rules.get(table.key, table), there), table)
    keys = {table.key for table in wanted}
    gone = [_with_elements(table, seen[table.key]) for table in before if table.key in seen and table.key not in keys]
    return text + reload_text(gone)


def _with_elements(table: Table, seen: SeenTable) -> Table:
    return replace(table, sets={name: replace(item, elements=seen.sets.get(name, frozenset())) for name, item in table.sets.items()})


def _change(there: SeenTable, table: Table) -> str:
    wanted = as_seen(table)
    same_chains = there.ours == wanted.ours and there.chains.keys() >= set(table.custom)
    if not same_chains or {name for name in there.sets if not name.startswith(CUSTOM)} != set(table.sets):
        return _refill(there, table, None)
    return _elements(there, table)


def _elements(there: SeenTable, table: Table) -> str:
    text = ""
    for name, item in table.sets.items():
        old = there.sets.get(name, frozenset())
        text += _command("delete", table.key, name, old - item.elements) + _command("add", table.key, name, item.elements - old)
    return text


def _refill(there: SeenTable, table: Table, unless_done: Table | None) -> str:
    """Every rule anew, elements as few as possible. With ``unless_done`` the result is the same from ``table`` as from that one."""
    at = _at(table.key)
    old_sets = [name for name in there.sets if name not in table.sets and not name.startswith(CUSTOM)]
    old_chains = [name for name in there.ours if name not in table.chains]
    declared = {name: replace(item, elements=frozenset()) for name, item in table.sets.items()}
    if unless_done:
        declared.update({name: replace(unless_done.sets[name], elements=frozenset()) for name in old_sets})
    lines = [f"table {at} {{", *(line for name, item in declared.items() for line in _set_lines(name, item)), "}"]
    lines += [f"add chain {at} {name}" for name in (*table.custom, *(old_chains if unless_done else ()))]
    # A base chain cannot be flushed before it is there.
    lines += [f"flush chain {at} {name}" for name in sorted({*there.ours} | ({*table.chains} if unless_done else set()))]
    lines = [*_missing_chains(there, table, bool(unless_done)), *lines]
    lines += [f"table {at} {{", *_chain_lines(table, table.chains, hooks=False), "}"]
    # What an element leads to cannot go before the element.
    gone = [f"flush map {at} {name}" for name in old_sets if name in there.maps]
    gone += [f"delete {'map' if name in there.maps else 'set'} {at} {name}" for name in old_sets]
    gone += [f"delete chain {at} {name}" for name in old_chains]
    elements = _safe_elements(there, table) if unless_done else _elements(there, table)
    return "\n".join([*lines, ""]) + elements + "".join(f"{line}\n" for line in gone)


def _missing_chains(there: SeenTable, table: Table, every: bool) -> list[str]:
    lines = [f"table {_at(table.key)} {{"]
    for name, chain in table.chains.items():
        if every or name not in there.chains:
            lines += [f"\tchain {name} {{", *([f"\t\t{chain.hook}"] if chain.hook else []), "\t}"]
    return [*lines, "}"]


def _safe_elements(there: SeenTable, table: Table) -> str:
    """What is deleted may not be there: it is added first. Where not everything can stand beside it, all is filled anew."""
    text = ""
    for name, item in table.sets.items():
        if item.refilled:
            text += f"flush {item.word} {_at(table.key)} {name}\n" + _command("add", table.key, name, item.elements)
            continue
        gone = there.sets.get(name, frozenset()) - item.elements
        text += _command("add", table.key, name, item.elements | gone) + _command("delete", table.key, name, gone)
    return text


def _command(verb: str, key: Key, name: str, elements: frozenset[str]) -> str:
    if not elements:
        return ""
    return f"{verb} element {_at(key)} {name} {{ {', '.join(sorted(elements))} }}\n"


def element_text(tables: t.Iterable[Table], verb: str) -> str:
    """``add`` or ``delete`` what the tables' sets hold of ports; what is deleted need not be there."""
    text = ""
    for table in tables:
        for name, item in table.sets.items():
            elements = frozenset(element for element in item.elements if element.startswith('"'))
            text += _command("add", table.key, name, elements) + (_command(verb, table.key, name, elements) if verb != "add" else "")
    return text


def _set_lines(name: str, item: Set) -> list[str]:
    lines = [f"\t{item.word} {name} {{", f"\t\t{item.type}"]
    lines += ["\t\tcounter"] if item.counter else []
    if item.elements:
        lines.append("\t\telements = { " + ",\n\t\t\t     ".join(sorted(item.elements)) + " }")
    return [*lines, "\t}"]


def _chain_lines(table: Table, names: t.Iterable[str], hooks: bool = True) -> list[str]:
    lines = []
    for name in names:
        chain = table.chains[name]
        head = [f"\t\t{chain.hook}"] if chain.hook and hooks else []
        lines += [f"\tchain {name} {{", *head, *(f"\t\t{rule}" for rule in chain.rules), "\t}"]
    return lines


def mask_words(version: int, length: int) -> str:
    """``& MASK`` for a prefix length, empty for single addresses."""
    bits = 32 if version == 4 else 128
    if length == bits:
        return ""
    mask = (1 << bits) - (1 << (bits - length))
    return f" & {ipaddress.IPv4Address(mask) if version == 4 else ipaddress.IPv6Address(mask)}"


def _at(key: Key) -> str:
    return " ".join(key)
