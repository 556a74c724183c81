# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Lists of one kind that several variables declare, as one list in which each item knows where it stands."""

from __future__ import annotations

import functools
import typing as t

import jinja2
from ansible.errors import AnsibleFilterError

from ..module_utils.model.problem import Problem

Item = t.Mapping[str, t.Any]
T = t.TypeVar("T")


class Words(t.NamedTuple):
    """How people are told of a kind: its first variable, one item of it, and an example of one."""

    main: str
    noun: str
    example: str


def joined(variables: t.Any, words: Words) -> tuple[list[tuple[str, Item]], list[Problem]]:
    """All items behind their places, those of the main variable first, and what is wrong with the lists themselves.

    ``variables`` are the lists by the names of their variables. AnsibleFilterError when it is no dictionary: that is the play's
    mistake, not the inventory's.
    """
    if not isinstance(variables, dict):
        cure = f"write it as in {{'{words.main}': {words.main}}}"
        raise AnsibleFilterError(f"the input is {kind_of(variables)}, not a dictionary of lists; {cure}")
    problems: list[Problem] = []
    found: list[tuple[str, Item]] = []
    for name in sorted(variables, key=lambda name: (name != words.main, name)):
        found += _items(name, variables[name], words, problems)
    return found, problems


def _items(name: str, value: t.Any, words: Words, problems: list[Problem]) -> t.Iterator[tuple[str, Item]]:
    if not isinstance(value, list):
        cure = "write each as an item with a dash before it, and [] for none"
        problems.append(Problem(name, f"is {kind_of(value)}, not a list of {words.noun}s; {cure}"))
        return
    for index, item in enumerate(value):
        place = f"{name}[{index}]"
        if isinstance(item, dict):
            yield place, item
        else:
            problems.append(Problem(place, f"is {kind_of(item)}, not a {words.noun}; write it as in {words.example}"))


def of_variables(work: t.Callable[..., T]) -> t.Callable[..., T]:
    """A filter whose input is plain: without Ansible's own containers, as options are checked on copies, and a copy of one takes
    its templating along; and without what is ``omit``, which Ansible leaves to filters."""

    @jinja2.pass_environment
    @functools.wraps(work)
    def call(environment: jinja2.Environment, variables: t.Any, *args: t.Any, **kwargs: t.Any) -> T:
        return work(_plain(variables, environment.globals.get("omit")), *args, **kwargs)

    return t.cast("t.Callable[..., T]", call)


def _plain(value: t.Any, omit: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _plain(item, omit) for key, item in value.items() if omit is None or item is not omit}
    if isinstance(value, list):
        return [_plain(item, omit) for item in value if omit is None or item is not omit]
    return value


def kind_of(value: t.Any) -> str:
    """In the words of YAML."""
    if value is None:
        return "empty"
    if isinstance(value, str):
        return f"the string {str(value)!r}"
    kinds = {bool: "a boolean", int: "a number", float: "a number", dict: "a dictionary", list: "a list"}
    return next((word for kind, word in kinds.items() if isinstance(value, kind)), type(value).__name__)
