#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What does it is the action plugin of the same name, together with the program that the changing modules leave on the host.

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_rollback
short_description: Undo a change of the host's virtual networks
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Undoes what a module of this collection did on the host, as C(hypervisor-vnet rollback) does on its console.
  - Without O(last) that is what waits to be confirmed, or what a run left behind that was killed.
  - It survives that the host loses the connection by it, and finds the host at the address that it had before the change.
    The tasks after it reach the host there.
  - A rollback is not watched over. Where the way to the host that there was before the change is gone, the host is lost by it.
options:
  last:
    description:
      - Undo the last change that was kept, unless the host was booted since, or somebody changed since what that change had made.
      - Only the very last change can be undone, and only once.
    type: bool
    default: false
extends_documentation_fragment:
  - hypervisor.vnet._attributes
  - hypervisor.vnet._attributes.actiongroup_vnet
attributes:
  diff_mode:
    support: none
    details:
      - RV(undone) says in words what is undone.
seealso:
  - module: hypervisor.vnet.vnet_checkpoint
  - module: hypervisor.vnet.vnet_info
"""

EXAMPLES = r"""
- name: Take back what was done last
  hypervisor.vnet.vnet_rollback:
    last: true

- name: Do not wait until the host undoes by itself what an interrupted play has left armed
  hypervisor.vnet.vnet_rollback:
"""

RETURN = r"""
undone:
  description:
    - What was undone, the last step first; in check mode what would be.
  returned: success
  type: list
  elements: str
  sample: [eth0 becomes a port of xenbr0, bridge xenbr0]
report:
  description:
    - What the host reports about it.
  returned: when something was undone
  type: dict
  contains:
    why:
      description: Why it was undone.
      type: str
      sample: asked for, after it had been kept
    at:
      description: When, by the host's clock, in UTC.
      type: str
      sample: "2026-11-21T06:00:00Z"
    undone:
      description: As RV(undone).
      type: list
      elements: str
      sample: [eth0 becomes a port of xenbr0, bridge xenbr0]
    failures:
      description: What could not be undone. The task fails then.
      type: list
      elements: str
      sample: []
    left:
      description: What is not as it was before the change. The task fails then.
      type: list
      elements: str
      sample: []
"""
