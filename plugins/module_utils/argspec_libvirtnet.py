# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Options of a network of libvirt."""

from __future__ import annotations

import typing as t

from .model.libvirtread import MODES

Spec = dict[str, t.Any]

_VLAN = {
    "tags": {"type": "list", "elements": "int", "required": True},
    "trunk": {"type": "bool", "default": False},
    "native": {"type": "int"},
}
_FLOW = {"type": "dict", "options": {word: {"type": "int"} for word in ("average", "peak", "burst")}}
_LIBVIRT_BANDWIDTH = {"type": "dict", "options": {"inbound": _FLOW, "outbound": _FLOW}}

LIBVIRT_OPTIONS: Spec = {
    "name": {"type": "str", "required": True},
    "active": {"type": "bool", "default": True},
    "autostart": {"type": "bool", "default": True},
    "xml": {"type": "str"},
    "bridge": {"type": "str"},
    "mac": {"type": "str"},
    "stp": {"type": "bool"},
    "delay": {"type": "int"},
    "mtu": {"type": "int"},
    "zone": {"type": "str"},
    "ipv6": {"type": "bool"},
    "forward": {
        "type": "dict",
        "options": {
            "mode": {"type": "str", "choices": list(MODES), "default": "nat"},
            "dev": {"type": "str"},
            "interfaces": {"type": "list", "elements": "str"},
            "pf": {"type": "str"},
            "addresses": {"type": "list", "elements": "str"},
            "driver": {"type": "str"},
            "managed": {"type": "bool", "default": False},
            "nat_addresses": {"type": "str"},
            "nat_ports": {"type": "str"},
            "nat_ipv6": {"type": "bool", "default": False},
        },
    },
    "domain": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "local_only": {"type": "bool", "default": False},
            "register": {"type": "bool", "default": False},
        },
    },
    "addresses": {
        "type": "list",
        "elements": "dict",
        "options": {
            "address": {"type": "str", "required": True},
            "ranges": {"type": "list", "elements": "str"},
            "hosts": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "mac": {"type": "str"},
                    "id": {"type": "str"},
                    "name": {"type": "str"},
                    "address": {"type": "str", "required": True},
                },
            },
            "bootp": {"type": "dict", "options": {"file": {"type": "str", "required": True}, "server": {"type": "str"}}},
            "tftp": {"type": "str"},
            "local_ptr": {"type": "bool", "default": False},
        },
    },
    "dns": {
        "type": "dict",
        "options": {
            "enable": {"type": "bool", "default": True},
            "forward_plain_names": {"type": "bool"},
            "forwarders": {"type": "list", "elements": "dict", "options": {"address": {"type": "str"}, "domain": {"type": "str"}}},
            "hosts": {
                "type": "list",
                "elements": "dict",
                "options": {"address": {"type": "str", "required": True}, "names": {"type": "list", "elements": "str", "required": True}},
            },
            "txt": {
                "type": "list",
                "elements": "dict",
                "options": {"name": {"type": "str", "required": True}, "value": {"type": "str", "required": True}},
            },
            "srv": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "service": {"type": "str", "required": True},
                    "protocol": {"type": "str", "required": True},
                    "domain": {"type": "str"},
                    "target": {"type": "str"},
                    "port": {"type": "int"},
                    "priority": {"type": "int"},
                    "weight": {"type": "int"},
                },
            },
        },
    },
    "routes": {
        "type": "list",
        "elements": "dict",
        "options": {"to": {"type": "str", "required": True}, "via": {"type": "str", "required": True}, "metric": {"type": "int"}},
    },
    "vlan": {"type": "dict", "options": _VLAN},
    "portgroups": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "default": {"type": "bool", "default": False},
            "vlan": {"type": "dict", "options": _VLAN},
            "bandwidth": _LIBVIRT_BANDWIDTH,
        },
    },
    "bandwidth": _LIBVIRT_BANDWIDTH,
    "port_isolation": {"type": "bool"},
    "dnsmasq_options": {"type": "list", "elements": "str"},
}

# What a network of the document has only where libvirt keeps it; for the rest it has words of its own.
LIBVIRT_OWN_OPTIONS: Spec = {
    name: spec
    for name, spec in LIBVIRT_OPTIONS.items()
    if name not in ("name", "xml", "bridge", "mac", "stp", "delay", "mtu", "addresses", "routes")
}
