# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: mac_random
short_description: A MAC address for a guest, the same in every run
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Puts three bytes behind three bytes of prefix. The three look random, but come from the names of host and guest and the interface's number (SHA-256).
    So they are the same in every run and on every controller, and nothing has to be remembered.
  - A guest that moves to another host keeps its address if O(host) stays the same. Name the fleet there rather than a host.
  - Three bytes are 16777216 addresses. Two of C(n) guests have the same one with a probability of about C(1 - exp(-n * (n - 1) / 2 / 2**24)).
    That is 0.03% for 100 guests, 0.7% for 500, 2.9% for 1000, 38% for 4000 and 50% for 4823.
    It matters among guests of one layer 2 network only. Several prefixes of your own lower it - with twice as many of them, it is about half.
  - M(hypervisor.vnet.vnet_host) and the others take the addresses as they are, so look for twins, as the last example does.
requirements:
  - netaddr on the controller
options:
  _input:
    description:
      - Name of the guest.
    type: str
    required: true
  host:
    description:
      - Name of the host, or of whatever the guest's name is unique in.
    type: str
    required: true
  index:
    description:
      - Number of the guest's interface, from 0.
    type: int
    default: 0
  prefix:
    description:
      - First three bytes, in quotes. V(52:54:00) is what KVM guests usually have. V(00:16:3e) is Xen's.
      - Of others, only locally administered and unicast ones - the second digit is 2, 6, a or e.
    type: str
    default: '52:54:00'
seealso:
  - plugin: hypervisor.vnet.mac_from_ip
    plugin_type: filter
"""

EXAMPLES = r"""
- name: 52:54:00:ec:dd:48
  ansible.builtin.debug:
    msg: "{{ 'web1' | hypervisor.vnet.mac_random(host='kvm1') }}"

- name: A Xen guest's second interface, wherever it runs
  ansible.builtin.debug:
    msg: "{{ 'rhel4' | hypervisor.vnet.mac_random(host='fleet', index=1, prefix='00:16:3e') }}"

- name: No address comes up twice
  ansible.builtin.assert:
    that: macs | unique | length == macs | length
    fail_msg: "Twins among {{ macs }}; give one of these guests a mac of its own"
  vars:
    guests: [web1, web2, db1]
    macs: "{{ guests | map('hypervisor.vnet.mac_random', host='kvm1') }}"
"""

RETURN = r"""
_value:
  description: The MAC address, in lower case with colons.
  type: str
  sample: 52:54:00:ec:dd:48
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils.mac import require_netaddr, seeded


def mac_random(name: t.Any, host: t.Any = None, index: t.Any = 0, prefix: t.Any = "52:54:00") -> str:
    """The MAC address of this guest's interface on this host."""
    require_netaddr("mac_random")
    try:
        return seeded(name, host, prefix, index)
    except ValueError as error:
        raise AnsibleFilterError(f"mac_random: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"mac_random": mac_random}
