# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vif_name
short_description: A name for the host's end of a guest's interface
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Makes a name that Linux takes, that is the same in every run, and that still tells whose interface it is. C(web1-0) is the first one of guest web1.
  - Where the guest's name is too long, or has other characters than small letters, digits, C(_), C(-) and C(.), what fits of it is followed by
    four characters of a digest. The same happens to names that libvirt would take for its own (C(vnet), C(vif), C(macvtap), C(macvlan)).
  - Two such names are the same only if they begin alike and their digests meet, which is one in 1048576 for any two.
options:
  _input:
    description:
      - Name of the guest.
    type: str
    required: true
  index:
    description:
      - Number of the guest's interface, from 0.
    type: int
    default: 0
  prefix:
    description:
      - What the name begins with, as in V(tap-). Rules for firewalls can then name all of them at once, as in C(tap-*).
    type: str
    default: ''
  length:
    description:
      - Longest name, V(8) to V(15). Linux allows 15 characters.
    type: int
    default: 15
  hvm:
    description:
      - Whether the guest is one of Xen's HVM guests. Their device model's end has C(-emu) behind the name, which leaves 11 characters.
    type: bool
    default: false
seealso:
  - plugin: hypervisor.vnet.qemu_netdev
    plugin_type: filter
"""

EXAMPLES = r"""
- name: web1-0
  ansible.builtin.debug:
    msg: "{{ 'web1' | hypervisor.vnet.vif_name }}"

- name: mailserv-ex42-1
  ansible.builtin.debug:
    msg: "{{ 'mailserver.example.org' | hypervisor.vnet.vif_name(1) }}"

- name: wind-w3g5-0
  ansible.builtin.debug:
    msg: "{{ 'windows2022' | hypervisor.vnet.vif_name(hvm=true) }}"

- name: tap-web1-0
  ansible.builtin.debug:
    msg: "{{ 'web1' | hypervisor.vnet.vif_name(prefix='tap-') }}"
"""

RETURN = r"""
_value:
  description: The name.
  type: str
  sample: web1-0
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils.vif_names import interface_name


def vif_name(guest: t.Any, index: t.Any = 0, prefix: t.Any = "", length: t.Any = 15, hvm: t.Any = False) -> str:
    """The name of the host's end of this guest's interface."""
    try:
        return interface_name(guest, index, prefix, length, boolean(hvm))
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"vif_name: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"vif_name": vif_name}
