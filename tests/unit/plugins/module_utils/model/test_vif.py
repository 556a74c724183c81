# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vifs as users write them: what is refused, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vif import Device, Vif, match, read_vifs
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.vif import stray_key, vif_rate, xl_words

MAC = "00:16:3e:00:00:01"


def told(*items: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in read_vifs([{"domain": "web", **item} for item in items])[1]]


def words(**options: Any) -> dict[str, str]:
    (vif,), problems = read_vifs([{"domain": "web", "mac": MAC, **options}])
    assert problems == []
    return dict(vif.words)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({}, "vifs[0]: nothing says which of the guest's interfaces it is; give it a mac, a devid or a name"),
        (
            {"mac": MAC, "domain": "5"},
            "vifs[0].domain: 5 is a number, which is another one at each start of the guest; write the domain's name",
        ),
        ({"mac": MAC, "domain": "a b"}, "vifs[0].domain: 'a b' is no name of a domain; it holds letters, digits, '_', '.', '+' and '-'"),
        ({"devid": -2}, "vifs[0].devid: -2 is less than 0; a guest's first interface is 0"),
        (
            {"name": "a-name-of-16-chr"},
            "vifs[0].name: 'a-name-of-16-chr' has 16 characters; Linux allows 15 at most, choose a shorter name",
        ),
        (
            {"mac": "00:16:3e:1"},
            "vifs[0].mac: '00:16:3e:1' is not a MAC address; write six pairs of hexadecimal digits, as in 52:54:00:12:34:56",
        ),
        (
            {"mac": MAC, "rate": "fast"},
            "vifs[0].rate: 'fast' is no rate of xl; write it as in 10Mb/s (bits), 250KB/s (bytes) or 1MB/s@20ms",
        ),
        ({"mac": MAC, "rate": "8b/s"}, "vifs[0].rate: 8b/s makes 0 bytes each 50000 µs; both are 1 to 4294967295 in libxl"),
        ({"mac": MAC, "mtu": 65518}, "vifs[0].mtu: 65518 is outside 68-65517"),
        ({"mac": MAC, "script": "../x"}, "vifs[0].script: '../x' is no script; write its name in /etc/xen/scripts, or its whole path"),
        (
            {"mac": MAC, "script": "x,bridge=y"},
            "vifs[0].script: 'x,bridge=y' is no script; write its name in /etc/xen/scripts, or its whole path",
        ),
        ({"mac": MAC, "addresses": ["10.0.0"]}, "vifs[0].addresses[0]: '10.0.0' is no IP address; write it as in 10.0.0.1 or 10.0.0.1/24"),
    ],
)
def test_nonsense_is_refused_with_place_and_cure(item: dict[str, Any], says: str) -> None:
    assert told(item) == [says]


def test_two_places_for_one_thing_are_refused() -> None:
    items = ({"mac": MAC, "name": "http", "devid": 1}, {"mac": MAC.upper(), "name": "http", "devid": 1})
    assert [text.split(":")[0] for text in told(*items)] == ["vifs[1].mac", "vifs[1].name", "vifs[1].devid"]


def test_words_are_those_that_libxl_keeps() -> None:
    assert words(rate="1000Kb/s", script="vif-route", addresses=["10.0.0.2", "10.0.0.3/24"], trusted=False, name="http") == {
        "mac": MAC,
        "vifname": "http",
        "ip": "10.0.0.2 10.0.0.3/24",
        "script": "/etc/xen/scripts/vif-route",
        "rate": "6250,50000",
        "trusted": "0",
    }


@pytest.mark.parametrize("rate", ["10Mb/s", "250KB/s", "1MB/s@20ms", "33333B/s@7ms", "1GB/s@1s", "12345b/s@333333us"])
def test_a_rate_comes_back_as_it_was(rate: str) -> None:
    """xl rounds down what it is told; what a detached vif is given back must not shrink."""
    kept = words(rate=rate)["rate"]
    assert words(rate=vif_rate(kept))["rate"] == kept


def test_xl_is_told_what_is_said_and_no_more() -> None:
    said = {"backend": "Domain-0", "trusted": "1", "bridge": "xenbr0", "mac": MAC, "rate": "6250,50000"}
    assert xl_words(3, said) == ("devid=3", f"mac={MAC}", "bridge=xenbr0", "rate=125000B/s@50000us", "trusted")
    assert xl_words(0, {"trusted": "0", "backend": "net"}) == ("devid=0", "backend=net", "untrusted")


@pytest.mark.parametrize(
    ("name", "key"),
    [("http", "/local/domain/http"), ("web.2", "/local/domain/web"), ("vif5.1", ""), ("5", ""), ("vif5", ""), ("5.eth0", ""), ("", "")],
)
def test_no_debris_is_looked_for_in_a_domain(name: str, key: str) -> None:
    """xenstore-rm takes everything below away: the number of a domain must never be named."""
    assert stray_key(name) == key


def test_a_vif_is_found_by_mac_then_devid_then_name() -> None:
    devices = {0: Device(0, {"mac": MAC, "vifname": "http"}), 1: Device(1, {"mac": "00:16:3e:00:00:02", "vifname": "db"})}
    by_mac, by_name = Vif("web", 1, {"mac": MAC}), Vif("web", words={"vifname": "db", "mac": "00:16:3e:00:00:09"})
    found = match([by_name, by_mac], devices)
    assert found == {by_mac.name: devices[0], by_name.name: devices[1]}
    assert match([Vif("web", 1)], devices) == {"web/1": devices[1]}
