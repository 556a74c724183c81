# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""dhcp_hosts: the three texts as golden ones, which dnsmasq 2.90, dhcpd 4.4.3 and Kea 2.2 have read."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.filter.dhcp_hosts import dhcp_hosts

HOSTS: list[dict[str, t.Any]] = [
    {"mac": "00-16-3E-27-95-C0", "addresses": ["10.0.0.1/16", "2001:db8::10"], "name": "rhel4"},
    {"mac": "00:16:3e:27:95:c1", "name": "named"},
    {"mac": "00:16:3e:27:95:c2", "addresses": ["2001:db8::12", "2001:db8::13"]},
]
DNSMASQ = """\
dhcp-host=00:16:3e:27:95:c0,id:*,10.0.0.1,[2001:db8::10],rhel4
dhcp-host=00:16:3e:27:95:c1,id:*,named
dhcp-host=00:16:3e:27:95:c2,id:*,[2001:db8::12],[2001:db8::13]
"""
ISC4 = """\
host vnet-00163e2795c0 { hardware ethernet 00:16:3e:27:95:c0; fixed-address 10.0.0.1; option host-name "rhel4"; }
host vnet-00163e2795c1 { hardware ethernet 00:16:3e:27:95:c1; option host-name "named"; }
"""
ISC6 = """\
host vnet-00163e2795c0 { hardware ethernet 00:16:3e:27:95:c0; fixed-address6 2001:db8::10; }
host vnet-00163e2795c1 { hardware ethernet 00:16:3e:27:95:c1; }
host vnet-00163e2795c2 { hardware ethernet 00:16:3e:27:95:c2; fixed-address6 2001:db8::12, 2001:db8::13; }
"""
KEA6 = """\
[
  {
    "hw-address": "00:16:3e:27:95:c0",
    "ip-addresses": [
      "2001:db8::10"
    ],
    "hostname": "rhel4"
  },
  {
    "hw-address": "00:16:3e:27:95:c1",
    "hostname": "named"
  },
  {
    "hw-address": "00:16:3e:27:95:c2",
    "ip-addresses": [
      "2001:db8::12",
      "2001:db8::13"
    ]
  }
]
"""


@pytest.mark.parametrize(
    ("words", "text"), [(("dnsmasq",), DNSMASQ), (("dnsmasq", 6), DNSMASQ), (("isc",), ISC4), (("isc", 6), ISC6), (("kea", 6), KEA6)]
)
def test_texts(words: tuple[t.Any, ...], text: str) -> None:
    assert dhcp_hosts(HOSTS, *words) == text


def test_kea_of_ipv4_and_nothing_at_all() -> None:
    assert '"ip-address": "10.0.0.1"' in dhcp_hosts(HOSTS, "kea") and "2001:" not in dhcp_hosts(HOSTS, "kea")
    assert [dhcp_hosts([], name) for name in ("dnsmasq", "isc", "kea")] == ["", "", "[]\n"]


@pytest.mark.parametrize(
    ("hosts", "words", "said"),
    [
        (HOSTS, ("bind",), "format: 'bind' is unknown; there is: dnsmasq, isc, kea"),
        (HOSTS, ("isc", 5), "family: 5 is neither 4 nor 6"),
        ("x", (), "hosts are a list of"),
        ([{"mac": "x", "name": "y z"}], (), "hosts[0].mac: 'x' is not a MAC address"),
        ([{"mac": "x", "name": "y z"}], (), "hosts[0].name: 'y z' is no host's name"),
    ],
)
def test_refusals(hosts: t.Any, words: tuple[t.Any, ...], said: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        dhcp_hosts(hosts, *words)
    assert said in str(error.value)
