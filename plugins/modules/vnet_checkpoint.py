#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_checkpoint
short_description: Several tasks that are confirmed or undone together
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Between O(state=open) and O(state=confirmed), the changes that this collection makes on the host stand on trial. The host undoes
    all of them by itself when O(timeout) is over, when it is reset, or when a probe that passed before does not pass any more.
  - Without it, every task confirms its own change. It is for plays with tasks of their own in between, which show whether the host
    still does its work.
  - What other collections change in between is not undone.
  - A run of somebody else that wants to change the host waits until the checkpoint is over.
options:
  state:
    description:
      - V(open) sets the watchdog, V(confirmed) proves over a fresh connection that the host is reached and makes the changes stay,
        V(undone) undoes them at once.
      - The task counts as changed only when V(undone) has undone something.
    type: str
    choices: [open, confirmed, undone]
    required: true
  timeout:
    description:
      - Seconds, from O(state=open), after which the host undoes everything. 5 to 3600.
    type: int
    default: 120
extends_documentation_fragment:
  - hypervisor.vnet._confirm.probes
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
attributes:
  check_mode:
    details:
      - Nothing is changed then, so no watchdog is set.
  diff_mode:
    support: none
    details:
      - The tasks in between have the diffs.
"""

EXAMPLES = r"""
- name: From here on everything is on trial
  hypervisor.vnet.vnet_checkpoint:
    state: open
    timeout: 300
    probes:
      tcp: ["10.0.0.53:53"]

- name: A bridge
  hypervisor.vnet.xen_bridge:
    bridges:
      - name: xenbr0
        uplink: eth0

- name: The guests' storage is still reached
  ansible.builtin.wait_for:
    host: 10.0.0.9
    port: 3260
    timeout: 20

- name: It stays
  hypervisor.vnet.vnet_checkpoint:
    state: confirmed
"""

RETURN = r"""
confirmed:
  description:
    - How the changes were confirmed.
  returned: when O(state=confirmed)
  type: dict
  contains:
    id:
      description: The checkpoint.
      type: str
      sample: 5f0c1f0cb4f94e5e8a3a2ad5c2f4bb4e
    seconds:
      description: How long it took.
      type: float
      sample: 0.7
    address:
      description: Where the host was reached.
      type: str
      sample: 10.0.0.9
    probes:
      description: The O(probes) that were required, each by its name, with what was wrong with it, which is nothing.
      type: dict
      sample: {"gateway4": "", "tcp 10.0.0.53:53": ""}
report:
  description:
    - What the host undid, and why.
  returned: when the changes were undone
  type: dict
  sample: {"why": "not confirmed within 120 s", "undone": ["eth0 becomes a port of xenbr0"], "failures": [], "left": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.entry import ENTRIES


def main() -> None:
    entry = ENTRIES["vnet_checkpoint"]
    entry.run(AnsibleModule(**entry.arguments, supports_check_mode=True))


if __name__ == "__main__":
    main()
