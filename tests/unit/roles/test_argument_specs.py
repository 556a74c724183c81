# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's options are those of the module that it calls: one is not changed without the other."""

from __future__ import annotations

import pathlib

import yaml

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import CHANGE_OPTIONS, NETWORK_OPTIONS

ROLE = pathlib.Path(__file__).resolve().parents[3] / "roles/bridge"


def _main():
    return yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]


def _bare(spec):
    """An option without what people read of it."""
    found = {key: value for key, value in spec.items() if key != "description"}
    if "options" in found:
        found["options"] = {name: _bare(option) for name, option in found["options"].items()}
    return found


def test_networks():
    options = _bare(_main()["bridge_networks"])["options"]
    # the role knows one layout
    assert options.pop("layout") == {"type": "str", "default": "bridge", "choices": ["bridge"]}
    assert options == {name: spec for name, spec in NETWORK_OPTIONS.items() if name != "layout"}


def test_change_options():
    options = {name: _bare(spec) for name, spec in _main().items()}
    for name, spec in CHANGE_OPTIONS.items():
        # the action plugin sets it
        if name == "checkpoint":
            continue
        role = name if name.startswith("bridge_") else f"bridge_{name}"
        expected = {**spec, "default": "bridge"} if name == "owner" else spec
        assert options[role] == expected, role


def test_every_variable_has_a_default_and_a_specification():
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    specs = _main()
    assert set(defaults) == set(specs)
    assert all(defaults[name] == spec["default"] for name, spec in specs.items() if "default" in spec)


def test_every_variable_is_in_the_readme():
    text = (ROLE / "README.md").read_text(encoding="utf-8")
    assert [name for name in _main() if f"| `{name}` |" not in text] == []
