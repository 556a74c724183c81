# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Options that several modules share."""

from __future__ import annotations

import typing as t

# First: what is imported after it need not be compiled.
from . import bytecode  # noqa: F401 pylint: disable=unused-import
from .argspec_libvirtnet import LIBVIRT_OWN_OPTIONS
from .model.document import PERSIST
from .model.guard import PROTOCOLS

Spec = dict[str, t.Any]

ROUTE_OPTIONS: Spec = {
    "to": {"type": "str", "required": True},
    "via": {"type": "str"},
    "metric": {"type": "int"},
    "table": {"type": "str"},
    "source": {"type": "str"},
    "mtu": {"type": "int"},
}

BRIDGE_OPTIONS: Spec = {
    "name": {"type": "str", "required": True},
    "uplink": {"type": "str"},
    "ports": {"type": "list", "elements": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "gateway4": {"type": "str"},
    "gateway6": {"type": "str"},
    "routes": {"type": "list", "elements": "dict", "options": ROUTE_OPTIONS},
    "dns": {"type": "list", "elements": "str"},
    "dns_search": {"type": "list", "elements": "str"},
    "dhcp4": {"type": "bool"},
    "dhcp6": {"type": "bool"},
    "accept_ra": {"type": "bool"},
    "stp": {"type": "bool", "default": False},
    "forward_delay": {"type": "int"},
    "priority": {"type": "int", "default": 32768},
    "ageing_time": {"type": "int", "default": 300},
    "mac": {"type": "str"},
    "mtu": {"type": "int"},
    "multicast_snooping": {"type": "bool", "default": True},
    "vlan_filtering": {"type": "bool", "default": False},
    "no_linklocal_learn": {"type": "bool", "default": True},
}

TAP_OPTIONS: Spec = {
    "name": {"type": "str", "required": True},
    "bridge": {"type": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "multi_queue": {"type": "bool", "default": False},
    "vnet_hdr": {"type": "bool", "default": False},
    "mtu": {"type": "int"},
    "mac": {"type": "str"},
    "isolated": {"type": "bool", "default": False},
    "up": {"type": "bool", "default": True},
    "rate": {"type": "dict", "options": {"to_guest": {"type": "str"}, "from_guest": {"type": "str"}}},
    "vlan": {
        "type": "dict",
        "options": {"access": {"type": "int"}, "trunk": {"type": "list", "elements": "str"}, "native": {"type": "int"}},
    },
}

VIF_OPTIONS: Spec = {
    "domain": {"type": "str", "required": True},
    "devid": {"type": "int"},
    "name": {"type": "str"},
    "mac": {"type": "str"},
    "bridge": {"type": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "script": {"type": "str"},
    "rate": {"type": "str"},
    "mtu": {"type": "int"},
    "gatewaydev": {"type": "str"},
    "backend": {"type": "str"},
    "trusted": {"type": "bool"},
    "vlan": {"type": "str"},
    "isolated": {"type": "bool"},
    "type": {"type": "str", "choices": ["vif", "ioemu"]},
    "model": {"type": "str"},
}

NAT_FORWARD_OPTIONS: Spec = {
    "protocol": {"type": "str", "choices": ["tcp", "udp", "both"], "default": "tcp"},
    "port": {"type": "str", "required": True},
    "to": {"type": "str", "required": True},
    "to_port": {"type": "str"},
    "listen_address": {"type": "str"},
    "listen_interface": {"type": "str"},
    "from": {"type": "list", "elements": "str"},
}

NAT_NETWORK_OPTIONS: Spec = {
    "name": {"type": "str", "required": True},
    "bridge": {"type": "str"},
    "sources": {"type": "list", "elements": "str"},
    "uplink": {"type": "str"},
    "masquerade": {"type": "bool"},
    "snat": {"type": "str"},
    "nat_ports": {"type": "str", "default": "1024-65535"},
    "no_nat_to": {"type": "list", "elements": "str"},
    "forwards": {"type": "list", "elements": "dict", "options": NAT_FORWARD_OPTIONS},
    "nat66": {"type": "bool", "default": False},
    "one_to_one": {
        "type": "list",
        "elements": "dict",
        "options": {"address": {"type": "str", "required": True}, "to": {"type": "str", "required": True}},
    },
    "point_to_point": {"type": "bool", "default": False},
    "guests": {
        "type": "list",
        "elements": "dict",
        "options": {"interface": {"type": "str", "required": True}, "addresses": {"type": "list", "elements": "str", "required": True}},
    },
}

DHCP_HOST_OPTIONS: Spec = {
    "mac": {"type": "str", "required": True},
    "addresses": {"type": "list", "elements": "str"},
    "name": {"type": "str"},
}

DHCP_OPTIONS: Spec = {
    "name": {"type": "str", "required": True},
    "bridge": {"type": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "ranges": {"type": "list", "elements": "str"},
    "hosts": {"type": "list", "elements": "dict", "options": DHCP_HOST_OPTIONS},
    "router": {"type": "str"},
    "domain": {"type": "str"},
    "forwarders": {"type": "list", "elements": "str"},
    "records": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, "addresses": {"type": "list", "elements": "str", "required": True}},
    },
    "mtu": {"type": "int"},
    "lease_time": {"type": "str", "default": "1h"},
    "ra": {"type": "bool"},
    "slaac": {"type": "bool"},
    "dhcp6": {"type": "list", "elements": "str"},
    "options": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "values": {"type": "list", "elements": "str"},
            "ipv6": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
        },
    },
    "dns": {"type": "bool", "default": True},
}

ROUTED_OPTIONS: Spec = {
    "name": {"type": "str", "required": True},
    "interface": {"type": "str"},
    "guests": {"type": "list", "elements": "str"},
    "subnets": {"type": "list", "elements": "str"},
    "via": {"type": "str"},
    "source": {"type": "list", "elements": "str"},
    "metric": {"type": "int"},
    "proxy_arp": {"type": "bool"},
    "uplink": {"type": "str"},
}

# A network's own layout says what stands where it says nothing.
_ROUTED = {
    name: {key: value for key, value in spec.items() if key != "default"}
    for name, spec in NAT_NETWORK_OPTIONS.items()
    if name not in ("name", "bridge", "uplink")
}

NETWORK_OPTIONS: Spec = {
    "layout": {"type": "str", "default": "bridge"},
    "bridge": {"type": "str"},
    "routed": {"type": "bool"},
    **BRIDGE_OPTIONS,
    **_ROUTED,
    "proxy_arp": {"type": "bool"},
    "zone": {"type": "str"},
    "libvirt": {"type": "dict", "options": LIBVIRT_OWN_OPTIONS},
    "dhcp": {"type": "dict", "options": {name: spec for name, spec in DHCP_OPTIONS.items() if name not in ("name", "bridge", "addresses")}},
}

GUARD_RULE_OPTIONS: Spec = {
    "direction": {"type": "str", "choices": ["from", "to"], "required": True},
    "address": {"type": "str"},
    "protocol": {"type": "str", "choices": sorted(PROTOCOLS)},
    "port": {"type": "int"},
}

GUARD_OPTIONS: Spec = {
    "interface": {"type": "str", "required": True},
    "mac": {"type": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "bridge": {"type": "str"},
    "dhcp_client": {"type": "bool", "default": True},
    "dhcp_server": {"type": "bool", "default": False},
    "router_advertisements": {"type": "bool", "default": False},
    "allowed_pairs": {
        "type": "list",
        "elements": "dict",
        "options": {"mac": {"type": "str"}, "address": {"type": "str", "required": True}},
    },
    "mode": {"type": "str", "choices": ["enforce", "observe"], "default": "enforce"},
    "log": {"type": "bool", "default": False},
    "routed": {"type": "bool", "default": False},
    "emulated": {"type": "bool", "default": False},
    "allow": {"type": "list", "elements": "dict", "options": GUARD_RULE_OPTIONS},
    "deny": {"type": "list", "elements": "dict", "options": GUARD_RULE_OPTIONS},
}

# What a guest's interface has of its tap and its guard beside what follows from the rest of the record.
_GUEST_TAP = {
    name: {key: value for key, value in spec.items() if key != "default"}
    for name, spec in TAP_OPTIONS.items()
    if name not in ("name", "bridge")
}
_GUEST_GUARD = {
    name: spec for name, spec in GUARD_OPTIONS.items() if name not in ("interface", "mac", "addresses", "bridge", "routed", "emulated")
}

GUEST_INTERFACE_OPTIONS: Spec = {
    "network": {"type": "str"},
    "name": {"type": "str"},
    "mac": {"type": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "guarded": {"type": "bool", "default": True},
    "tap": {"type": "dict", "options": _GUEST_TAP},
    "guard": {"type": "dict", "options": _GUEST_GUARD},
    "mtu": {"type": "int"},
    "model": {"type": "str"},
    "qemu": {"type": "dict"},
    "device": {"type": "str"},
    "gateway4": {"type": "str"},
    "gateway6": {"type": "str"},
    "dns": {"type": "list", "elements": "str"},
    "dns_search": {"type": "list", "elements": "str"},
    "dhcp4": {"type": "bool"},
    "dhcp6": {"type": "bool"},
    "accept_ra": {"type": "bool"},
}

GUEST_OPTIONS: Spec = {
    "name": {"type": "str", "required": True},
    "toolstack": {"type": "str", "default": "qemu"},
    "interfaces": {"type": "list", "elements": "dict", "options": GUEST_INTERFACE_OPTIONS},
}

CONFIRM_OPTIONS: Spec = {
    "confirm_timeout": {"type": "int", "default": 120},
    "confirm": {"type": "str", "choices": ["auto", "always"], "default": "auto"},
    "probes": {
        "type": "dict",
        "options": {
            "gateway": {"type": "bool", "default": True},
            "tcp": {"type": "list", "elements": "str", "default": []},
            "dns": {"type": "list", "elements": "str", "default": []},
        },
    },
    "checkpoint": {"type": "str", "default": ""},
}

CHECKPOINT_OPTIONS: Spec = {
    "state": {"type": "str", "choices": ["open", "confirmed", "undone"], "required": True},
    "timeout": {"type": "int", "default": 120},
    "probes": CONFIRM_OPTIONS["probes"],
    "checkpoint": CONFIRM_OPTIONS["checkpoint"],
}

# What every changing module has.
COMMON_OPTIONS: Spec = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "prune": {"type": "bool", "default": False},
    "allow_empty": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": "site"},
    "persist": {"type": "str", "choices": list(PERSIST), "default": "auto"},
    "allow_disruption": {"type": "bool", "default": False},
    **CONFIRM_OPTIONS,
}

# Of modules that make bridges.
CHANGE_OPTIONS: Spec = {
    **COMMON_OPTIONS,
    "adopt": {"type": "bool", "default": False},
    "bridge_netfilter": {"type": "str", "choices": ["keep", "enable", "disable"], "default": "keep"},
}

XEN_BRIDGE_OPTIONS: Spec = {
    "bridges": {"type": "list", "elements": "dict", "default": [], "options": BRIDGE_OPTIONS},
    **CHANGE_OPTIONS,
}

KVM_TAP_OPTIONS: Spec = {"taps": {"type": "list", "elements": "dict", "default": [], "options": TAP_OPTIONS}, **COMMON_OPTIONS}

# Of modules whose networks others may filter.
COEXIST_OPTION: Spec = {"coexist": {"type": "bool", "default": False}}

_LIST_OPTIONS = ("state", "prune", "allow_empty", "owner")

# What holds for all guards of a host.
GUARD_SETTINGS: Spec = {
    "unlisted_ports": {"type": "str", "choices": ["keep", "untouched", "drop"], "default": "keep"},
    "match": {"type": "list", "elements": "str", "default": ["vif*", "tap*"]},
    "log_group": {"type": "int"},
    "conntrack": {"type": "str", "choices": ["keep", "track", "bypass"], "default": "keep"},
}

ZONE_OPTIONS: Spec = {
    "name": {"type": "str", "required": True},
    "networks": {"type": "list", "elements": "str"},
    "interfaces": {"type": "list", "elements": "str"},
}

POLICY_OPTIONS: Spec = {
    "from": {"type": "str", "required": True},
    "to": {"type": "str", "required": True},
    "allow": {"type": "list", "elements": "str"},
    "log": {"type": "bool", "default": False},
}

HOST_OPTIONS: Spec = {
    "networks": {"type": "list", "elements": "dict", "options": NETWORK_OPTIONS},
    "guests": {"type": "list", "elements": "dict", "options": GUEST_OPTIONS},
    "zones": {"type": "list", "elements": "dict", "options": ZONE_OPTIONS},
    "policies": {"type": "list", "elements": "dict", "options": POLICY_OPTIONS},
    "routes": {"type": "list", "elements": "dict", "options": ROUTED_OPTIONS},
    **CHANGE_OPTIONS,
    **COEXIST_OPTION,
    **GUARD_SETTINGS,
    "qemu_acl": {"type": "list", "elements": "str"},
    "qemu_scripts": {"type": "str", "choices": ["keep", "enable", "disable"], "default": "keep"},
    "xl_defaults": {"type": "dict", "options": {word: {"type": "str"} for word in ("script", "bridge", "gatewaydev", "backend")}},
}

ANTISPOOF_OPTIONS: Spec = {
    "guards": {"type": "list", "elements": "dict", "default": [], "options": GUARD_OPTIONS},
    **GUARD_SETTINGS,
    **{name: COMMON_OPTIONS[name] for name in _LIST_OPTIONS},
    "persist": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
    **CONFIRM_OPTIONS,
}

XEN_VIF_OPTIONS: Spec = {
    "vifs": {"type": "list", "elements": "dict", "default": [], "options": VIF_OPTIONS},
    "scope": {"type": "str", "choices": ["live", "config", "both"], "default": "live"},
    "toolstack": {"type": "str", "choices": ["auto", "xl", "xm"], "default": "auto"},
    **{name: COMMON_OPTIONS[name] for name in (*_LIST_OPTIONS, "allow_disruption")},
    **CONFIRM_OPTIONS,
}

NAT_OPTIONS: Spec = {
    "networks": {"type": "list", "elements": "dict", "default": [], "options": NAT_NETWORK_OPTIONS},
    **{name: COMMON_OPTIONS[name] for name in _LIST_OPTIONS},
    "persist": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
    **COEXIST_OPTION,
    **CONFIRM_OPTIONS,
}

VNET_DHCP_OPTIONS: Spec = {
    "networks": {"type": "list", "elements": "dict", "default": [], "options": DHCP_OPTIONS},
    **{name: COMMON_OPTIONS[name] for name in _LIST_OPTIONS},
    "persist": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
    **COEXIST_OPTION,
    **CONFIRM_OPTIONS,
}

VNET_ROUTE_OPTIONS: Spec = {
    "routes": {"type": "list", "elements": "dict", "default": [], "options": ROUTED_OPTIONS},
    **{name: COMMON_OPTIONS[name] for name in _LIST_OPTIONS},
    "persist": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
    **COEXIST_OPTION,
    **CONFIRM_OPTIONS,
}

ZONES_OPTIONS: Spec = {
    "zones": {"type": "list", "elements": "dict", "default": [], "options": ZONE_OPTIONS},
    "policies": {"type": "list", "elements": "dict", "default": [], "options": POLICY_OPTIONS},
    **{name: COMMON_OPTIONS[name] for name in _LIST_OPTIONS},
    "persist": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
    **COEXIST_OPTION,
    **CONFIRM_OPTIONS,
}
