# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The modules by their names: what each takes, and what it does."""

from __future__ import annotations

import typing as t

# First: what is imported after it need not be compiled.
from . import bytecode  # noqa: F401 pylint: disable=unused-import
from .argspec import (
    ANTISPOOF_OPTIONS,
    CHECKPOINT_OPTIONS,
    HOST_OPTIONS,
    KVM_TAP_OPTIONS,
    NAT_OPTIONS,
    VNET_DHCP_OPTIONS,
    VNET_ROUTE_OPTIONS,
    XEN_BRIDGE_OPTIONS,
    XEN_VIF_OPTIONS,
    ZONES_OPTIONS,
    Spec,
)
from .argspec_libvirt import LIBVIRT_NETWORK_OPTIONS
from .options import (
    HOST_LISTS,
    bridges_document,
    dhcp_document,
    guards_document,
    host_document,
    libvirt_document,
    nat_document,
    routes_document,
    taps_document,
    vifs_document,
    zones_document,
)
from .task import Reader, run_checkpoint, run_info, run_module


class Entry(t.NamedTuple):
    """One module. ``arguments`` say what it takes, in the words of Ansible's ArgumentSpecValidator; ``run`` is given what Ansible made of it."""

    arguments: dict[str, t.Any]
    run: t.Callable[[t.Any], None]


def _changing(options: Spec, read: Reader, **more: t.Any) -> Entry:
    return Entry({"argument_spec": options, **more}, lambda module: run_module(module, read))


ENTRIES = {
    "antispoof": _changing(ANTISPOOF_OPTIONS, guards_document),
    "kvm_tap": _changing(KVM_TAP_OPTIONS, taps_document),
    "libvirt_network": _changing(LIBVIRT_NETWORK_OPTIONS, libvirt_document),
    "vnet_checkpoint": Entry({"argument_spec": CHECKPOINT_OPTIONS}, run_checkpoint),
    "vnet_dhcp": _changing(VNET_DHCP_OPTIONS, dhcp_document),
    "vnet_host": _changing(HOST_OPTIONS, host_document, required_one_of=[HOST_LISTS]),
    "vnet_info": Entry({"argument_spec": {}}, run_info),
    "vnet_nat": _changing(NAT_OPTIONS, nat_document),
    "vnet_route": _changing(VNET_ROUTE_OPTIONS, routes_document),
    "vnet_zones": _changing(ZONES_OPTIONS, zones_document),
    "xen_bridge": _changing(XEN_BRIDGE_OPTIONS, bridges_document),
    "xen_vif": _changing(XEN_VIF_OPTIONS, vifs_document),
}
