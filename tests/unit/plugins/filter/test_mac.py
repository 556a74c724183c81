# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.filter import mac_from_ip, mac_random
from ansible_collections.hypervisor.vnet.plugins.plugin_utils import mac

from_ip = mac_from_ip.FilterModule().filters()["mac_from_ip"]
random = mac_random.FilterModule().filters()["mac_random"]


@pytest.mark.parametrize(
    ("address", "prefix", "expected"),
    [
        ("10.0.0.1", "02:00", "02:00:0a:00:00:01"),
        ("10.0.0.1/16", "02:00", "02:00:0a:00:00:01"),
        ("192.168.122.254", "aa:10", "aa:10:c0:a8:7a:fe"),
        ("1.0.0.0", "FE-FF", "fe:ff:01:00:00:00"),
        ("223.255.255.255", "06:01", "06:01:df:ff:ff:ff"),
    ],
)
def test_an_address_can_be_read_from_its_mac(address, prefix, expected):
    assert from_ip(address, prefix) == expected


@pytest.mark.parametrize(
    ("address", "prefix", "problem"),
    [
        ("2001:db8::1", "02:00", "2001:db8::1 is an IPv6 address, which does not fit into a MAC"),
        ("10.0.0", "02:00", "'10.0.0' is no address"),
        ("web1", "02:00", "'web1' is no address"),
        ("", "02:00", "'' is no address"),
        (None, "02:00", "'None' is no address"),
        ("10.0.0.256", "02:00", "'10.0.0.256' is no address"),
        ("0.0.0.0", "02:00", "0.0.0.0 is no address of one machine"),
        ("224.0.0.1", "02:00", "224.0.0.1 is no address of one machine"),
        ("255.255.255.255", "02:00", "255.255.255.255 is no address of one machine"),
        ("10.0.0.1", "03:00", "prefix: 03:00 is multicast; take an even first byte"),
        ("10.0.0.1", "00:16", "prefix: 00:16 belongs to a vendor; take a locally administered one, as in 02:16"),
        ("10.0.0.1", "52:54:00", "prefix: '52:54:00' is not 2 bytes; write it in quotes, as in '02:00'"),
        # 02:00 without quotes, as YAML 1.1 reads it
        ("10.0.0.1", 120, "prefix: '120' is not 2 bytes; write it in quotes"),
    ],
)
def test_no_mac_from_these(address, prefix, problem):
    with pytest.raises(AnsibleFilterError, match="^" + re.escape(f"mac_from_ip: {problem}")):
        from_ip(address, prefix)


def test_the_same_in_every_run():
    """Written down: a change of these breaks the addresses of everybody's guests."""
    assert random("web1", "kvm1") == "52:54:00:ec:dd:48"
    assert random("rhel4", "fleet", 1, "00:16:3e") == "00:16:3e:5f:01:53"


def test_every_part_of_the_seed_counts():
    seeds = [("a", "b", 0), ("b", "a", 0), ("a", "b", 1), ("ab", "c", 0), ("a", "bc", 0), ("a", "b", 10)]
    assert len({random(*seed) for seed in seeds}) == len(seeds)


@pytest.mark.parametrize("prefix", ["52:54:00", "00:16:3e", "02:00:00", "AE-00-11"])
def test_the_prefix_stands_in_front(prefix):
    assert random("web1", "kvm1", prefix=prefix) == prefix.lower().replace("-", ":") + random("web1", "kvm1")[8:]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("", "kvm1"), "the guest's name is ''; without a name"),
        ((None, "kvm1"), "the guest's name is None; without a name"),
        (("web1",), "host is None; without a name"),
        (("web1", ""), "host is ''; without a name"),
        (("web1", "kvm1", -1), "index: -1 is no number"),
        (("web1", "kvm1", "eth0"), "index: 'eth0' is no number"),
        (("web1", "kvm1", 0, "00:11:22"), "prefix: 00:11:22 belongs to a vendor; take a locally administered one, as in 02:11:22"),
        (("web1", "kvm1", 0, "01:00:5e"), "prefix: 01:00:5e is multicast"),
        (("web1", "kvm1", 0, "52:54"), "prefix: '52:54' is not 3 bytes"),
    ],
)
def test_no_random_mac_from_these(arguments, problem):
    with pytest.raises(AnsibleFilterError, match="^" + re.escape(f"mac_random: {problem}")):
        random(*arguments)


def test_the_risk_that_the_documentation_names():
    said = re.findall(r"([\d.]+)% for (\d+)", mac_random.DOCUMENTATION)
    assert len(said) == 5
    for percent, count in said:
        risk = 100 * (1 - math.exp(-int(count) * (int(count) - 1) / 2 / 2**24))
        assert float(f"{risk:.2g}") == pytest.approx(float(percent), rel=0.06), count


@pytest.mark.parametrize("call", [lambda: from_ip("10.0.0.1"), lambda: random("web1", "kvm1")])
def test_netaddr_missing_is_told_with_its_cure(call, monkeypatch):
    monkeypatch.setattr(mac, "_MISSING", ImportError("No module named 'netaddr'"))
    with pytest.raises(AnsibleFilterError, match=r"needs the Python library netaddr on the controller.*pip install netaddr"):
        call()


@pytest.mark.parametrize(
    "address",
    ["00:16:3e:00:00:01", "52:54:00:00:00:01", "aa:00:00:00:00:01", "00:0c:29:00:00:01", "00:50:56:00:00:01", "00:50:56:3f:ff:ff"],
)
def test_what_guests_may_have(address):
    assert mac.beyond_rules(address) == ""


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("00:1b:21:00:00:01", "00:1b:21:00:00:01 is of a vendor of NICs"),
        ("00:16:3f:00:00:01", "00:16:3f:00:00:01 is of a vendor of NICs"),
        ("a4:00:00:00:00:01", "a4:00:00:00:00:01 is of a vendor of NICs"),
        ("00:50:56:40:00:00", "00:50:56:40:00:00 is of those that VMware's vCenter gives"),
    ],
)
def test_what_guests_should_not_have(address, said):
    assert mac.beyond_rules(address).startswith(said)


def test_the_risk_of_random_addresses_has_numbers():
    """Among 3420 of 2**23 it is one half: the birthday paradox."""
    assert "0.5 among 3410" in mac.twins_risk(3410)
    assert "is 0.058 among 1000" in mac.twins_risk(1)
