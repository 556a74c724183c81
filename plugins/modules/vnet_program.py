#!/usr/bin/python

# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_program
short_description: Run another module of this collection from the program that the host has kept
version_added: 0.1.0
author:
  - hypervisor.vnet contributors (@hypervisor-vnet)
description:
  - Only the action plugins of this collection use it. There is no reason to call it from a playbook.
  - The modules that change hosts leave a program there, for the watchdog and the console. It holds the sources of all of them. As long as those
    are the sources of the collection on the controller, they need not be packed and sent for each task again.
options:
  module:
    description:
      - The module, without its collection.
    type: str
    required: true
  digest:
    description:
      - The hash of the sources on the controller. A host that has others, or another Python than the one that compiled them, does nothing.
    type: str
    required: true
  arguments:
    description:
      - The options of the module.
    type: dict
    required: true
extends_documentation_fragment:
  - hypervisor.vnet._attributes
seealso:
  - module: hypervisor.vnet.vnet_host
"""

EXAMPLES = r"""
- name: What the action plugin of xen_bridge runs on a host that has the program
  hypervisor.vnet.vnet_program:
    module: xen_bridge
    digest: 1c44a36a0a1d0b5b6ac8a7fbd1e0b6d54b2a6f7b5d5fba6ab5a2e6f7c0d1e2f3
    arguments:
      bridges: [{name: xenbr0, uplink: eth0}]
"""

RETURN = r"""
ran:
  description:
    - Where this is V(false), the module has to be sent after all, and nothing was done. Else what the module returns is all there is.
  returned: when the host has another program, or the module's options are wrong
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.kept import run_kept


def main() -> None:
    spec = {
        "module": {"type": "str", "required": True},
        "digest": {"type": "str", "required": True},
        "arguments": {"type": "dict", "required": True},
    }
    run_kept(AnsibleModule(argument_spec=spec, supports_check_mode=True))


if __name__ == "__main__":
    main()
