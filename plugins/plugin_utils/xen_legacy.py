# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What Xen's old files say, as a host_vars file with a comment for everything that has no equivalent."""

from __future__ import annotations

import textwrap
import typing as t

import yaml

from .xen_guests import read_guests
from .xen_networks import Item, read_networks

_WIDTH = 120
# A text with one of these would be run by whoever loads the file as variables.
_TEMPLATE = ("{{", "{%", "{#")


class _Dumper(yaml.SafeDumper):
    """Lists in dictionaries stand to the right of their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> t.Any:
        return super().increase_indent(flow, False)


def adopted(files: t.Mapping[str, str]) -> dict[str, t.Any]:
    """``vnet_networks`` and ``vnet_guests`` of the files (path -> text) of one host, ``comments``, and all of it as ``yaml``."""
    networks = read_networks(files)
    guests = _harmless(read_guests(files, networks), networks.comments)
    networks.items = _harmless(networks.items, networks.comments)
    return {
        "vnet_networks": [item.options for item in networks.items],
        "vnet_guests": [item.options for item in guests],
        "comments": [*networks.comments, *(comment for item in [*networks.items, *guests] for comment in item.comments)],
        "yaml": "\n".join(
            ["---", *_comments(networks.comments), *_list("vnet_networks", networks.items), *_list("vnet_guests", guests), ""]
        ),
    }


def _harmless(items: t.Sequence[Item], comments: list[str]) -> list[Item]:
    kept = [item for item in items if not any(mark in text for text in _texts(item.options) for mark in _TEMPLATE)]
    comments += [f"{item.options['name']} is not taken over: it has brackets that are a template's." for item in items if item not in kept]
    return kept


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


def _list(name: str, items: t.Sequence[Item]) -> list[str]:
    if not items:
        return [f"{name}: []"]
    lines = [f"{name}:"]
    for item in items:
        lines += [f"  {line}" for line in _comments(item.comments)]
        lines += [f"  {line}" for line in yaml.dump([item.options], Dumper=_Dumper, sort_keys=False, width=_WIDTH).splitlines()]
    return lines


def _comments(comments: t.Iterable[str]) -> list[str]:
    """One line break in a comment would make the rest of it configuration, and YAML knows more of them than most."""
    clean = ("".join(sign if sign.isprintable() else " " for sign in comment) for comment in comments)
    return [line for comment in clean for line in textwrap.wrap(comment, _WIDTH, initial_indent="# ", subsequent_indent="#   ")]
