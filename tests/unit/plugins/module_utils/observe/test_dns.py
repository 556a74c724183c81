# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dns import Dns, LinkDns
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.dns import parse_resolv_conf, parse_resolvectl

RESOLVED = [
    ("nothing", "Global:\nLink 2 (eth0):\n", "Global:\nLink 2 (eth0):\n", Dns("resolved")),
    (
        "one interface",
        "Global:\nLink 2 (eth0):\nLink 7 (br0): 8.8.8.8 2001:4860:4860::8888\n",
        "Global:\nLink 2 (eth0):\nLink 7 (br0): example.org ~.\n",
        Dns("resolved", links=(LinkDns("br0", ("8.8.8.8", "2001:4860:4860::8888"), ("example.org", "~.")),)),
    ),
    (
        "the whole host, and a domain without servers",
        "Global: 192.0.2.53\nLink 2 (eth0):\n",
        "Global: lab.test\nLink 2 (eth0): example.org\n",
        Dns("resolved", ("192.0.2.53",), ("lab.test",), (LinkDns("eth0", (), ("example.org",)),)),
    ),
    (
        "a long list goes on in the next line",
        "Global:\nLink 3 (br0): 192.0.2.1\n              192.0.2.2\nLink 4 (br1): 192.0.2.3\n",
        "Global:\n",
        Dns("resolved", links=(LinkDns("br0", ("192.0.2.1", "192.0.2.2")), LinkDns("br1", ("192.0.2.3",)))),
    ),
]


@pytest.mark.parametrize(("servers", "domains", "expected"), [case[1:] for case in RESOLVED], ids=[case[0] for case in RESOLVED])
def test_resolvectl(servers, domains, expected):
    assert parse_resolvectl(servers, domains) == expected


FILES = [
    ("empty", "", (), ()),
    (
        "usual",
        "# by hand\nsearch lab.test example.org\nnameserver 192.0.2.53\nnameserver fd00::53\noptions edns0\n",
        ("192.0.2.53", "fd00::53"),
        ("lab.test", "example.org"),
    ),
    ("the last one counts", "domain one.test\nsearch two.test\n", (), ("two.test",)),
    ("half a line", "nameserver\nsearch\n", (), ()),
]


@pytest.mark.parametrize(("text", "servers", "search"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_resolv_conf(text, servers, search):
    assert parse_resolv_conf(text) == Dns("/etc/resolv.conf", servers, search)
