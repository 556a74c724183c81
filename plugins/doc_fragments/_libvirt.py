# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of networks of libvirt."""

from __future__ import annotations

import re

from ansible_collections.hypervisor.vnet.plugins.doc_fragments._bridge import indented
from ansible_collections.hypervisor.vnet.plugins.doc_fragments._libvirtnet import LIBVIRT


def _own() -> str:
    """What a network of the document has only where libvirt keeps it; for the rest it has words of its own."""
    without = "name|xml|bridge|mac|stp|delay|mtu|addresses|routes"
    text = re.sub(rf"(?m)^(?:{without}):\n(?: .*\n)+", "", LIBVIRT)
    return text.replace("O(networks[].", "O(networks[].libvirt.")


LIBVIRT_OWN = _own()


class ModuleDocFragment:
    """Fragment V(hypervisor.vnet._libvirt)."""

    DOCUMENTATION: str = f"""
options:
  networks:
    description:
      - The networks. One with no more than O(networks[].name), O(networks[].active) and O(networks[].autostart) keeps the definition that it has.
    type: list
    elements: dict
    default: []
    suboptions:
{indented(LIBVIRT, 6)}
"""
