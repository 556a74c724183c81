# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's options are those of the module that it calls: one is not changed without the other."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import CHANGE_OPTIONS, GUEST_OPTIONS, HOST_OPTIONS, NETWORK_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec_libvirt import LIBVIRT_NETWORK_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec_libvirtnet import LIBVIRT_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.layout import LAYOUTS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.network import ROUTED_OPTIONS

ROLES = pathlib.Path(__file__).resolve().parents[3] / "roles"
# libvirt's networks have a role with words of its own.
_LAYOUTS = [layout for layout in LAYOUTS if layout != "libvirt"]
# What a role leaves to the other one.
_BRIDGES_ALONE = ("networks", "zones", "policies", "routes", "adopt", "bridge_netfilter", "coexist")


def _main(role):
    return yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]


def _bare(spec):
    """An option without what people read of it."""
    found = {key: value for key, value in spec.items() if key != "description"}
    if "options" in found:
        found["options"] = {name: _bare(option) for name, option in found["options"].items()}
    return found


@pytest.mark.parametrize("role", _LAYOUTS)
def test_networks(role):
    options = _bare(_main(role)[f"{role}_networks"])["options"]
    # the role knows one layout
    assert options.pop("layout") == {"type": "str", "default": role, "choices": [role]}
    without = ("layout", "routed", "libvirt", *(ROUTED_OPTIONS if role == "bridge" else ()))
    assert options == {name: spec for name, spec in NETWORK_OPTIONS.items() if name not in without}


def test_libvirt():
    assert _bare(_main("libvirt")["libvirt_networks"])["options"] == LIBVIRT_OPTIONS


def test_guests():
    options = _bare(_main("guests")["guests_list"])["options"]
    # the filter takes it away
    assert options.pop("hosts") == {"type": "list", "elements": "str"}
    assert options == GUEST_OPTIONS


@pytest.mark.parametrize(
    ("role", "module"),
    [
        *((role, CHANGE_OPTIONS) for role in _LAYOUTS),
        ("libvirt", {name: spec for name, spec in LIBVIRT_NETWORK_OPTIONS.items() if name != "networks"}),
        ("guests", {name: spec for name, spec in HOST_OPTIONS.items() if name not in (*_BRIDGES_ALONE, "guests")}),
    ],
)
def test_change_options(role, module):
    options = {name: _bare(spec) for name, spec in _main(role).items()}
    for name, spec in module.items():
        # the action plugin sets it
        if name == "checkpoint":
            continue
        variable = name if name.startswith(f"{role}_") else f"{role}_{name}"
        expected = {**spec, "default": role} if name == "owner" else spec
        assert options[variable] == expected, variable


@pytest.mark.parametrize("role", [*_LAYOUTS, "guests", "libvirt"])
def test_every_variable_has_a_default_and_a_specification(role):
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8"))
    specs = _main(role)
    assert set(defaults) == set(specs)
    assert all(defaults[name] == spec["default"] for name, spec in specs.items() if "default" in spec)


@pytest.mark.parametrize("role", [*_LAYOUTS, "guests", "libvirt"])
def test_every_variable_is_in_the_readme(role):
    text = (ROLES / role / "README.md").read_text(encoding="utf-8")
    assert [name for name in _main(role) if f"| `{name}` |" not in text] == []
