# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    # A module that changes hosts.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change without changing it.
    support: full
  diff_mode:
    description: Says in diff mode what has changed, or in C(check_mode) what would change.
    support: full
    details:
      - The diff of a check run and of the real run that follows it are identical.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
      - This assumes that nobody else has changed the host in between.
    support: full
  platform:
    description: The operating systems of the hosts that the module can work on.
    platforms: linux
    support: full
    details:
      - Needs root, Python 3.9 or newer and iproute2 on the host.
"""

    # A module that only reads: this one instead of the one above.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change without changing it.
    support: full
    details:
      - This module does not change anything.
  diff_mode:
    description: Says in diff mode what has changed, or in C(check_mode) what would change.
    support: N/A
    details:
      - This module does not change anything.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
      - This assumes that nobody else has changed the host in between.
    support: full
    details:
      - This module does not change anything.
  platform:
    description: The operating systems of the hosts that the module can work on.
    platforms: linux
    support: full
    details:
      - Needs root, Python 3.9 or newer and iproute2 on the host.
"""

    # Every module.
    ACTIONGROUP_VNET = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/hypervisor.vnet.vnet) in C(module_defaults) to set defaults for all modules of the collection.
    support: full
    membership:
      - hypervisor.vnet.vnet
"""
