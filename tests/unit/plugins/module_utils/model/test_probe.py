# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What probes may say, and where the default routes of `ip -json route show default` lead."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.probe import Hop, Probes, best_hops, read_probes, tcp_target


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (None, Probes()),
        ({}, Probes()),
        ({"gateway": None, "tcp": None, "dns": None}, Probes()),
        ({"gateway": False}, Probes(gateway=False)),
        (
            {"tcp": [" 10.0.0.1:22 ", "10.0.0.1:22"], "dns": ["a.test", "b.test", "a.test"]},
            Probes(True, ("10.0.0.1:22",), ("a.test", "b.test")),
        ),
    ],
)
def test_read(params: dict[str, t.Any] | None, expected: Probes) -> None:
    assert read_probes(params) == (expected, [])


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.1:22", "10.0.0.1", 22),
        ("[2001:db8::1]:65535", "2001:db8::1", 65535),
        ("host:1", "host", 1),
        ("host.example.org:443", "host.example.org", 443),
        ("host.example.org.:443", "host.example.org.", 443),
        ("xn--bcher-kva.example:443", "xn--bcher-kva.example", 443),
        ("1host:80", "1host", 80),
    ],
)
def test_good_tcp(text: str, host: str, port: int) -> None:
    assert read_probes({"tcp": [text]}) == (Probes(tcp=(text,)), [])
    assert tcp_target(text) == (host, port)


BAD_TCP = {
    "": "is not host:port",
    "10.0.0.1": "is not host:port",
    "10.0.0.1:": "is not host:port",
    "10.0.0.1:ssh": "is not host:port",
    "10.0.0.1:-1": "is not host:port",
    "10.0.0.1:999999": "is not host:port",
    "2001:db8::1": "is not host:port",
    "2001:db8::1:22": "is not host:port",
    "[2001:db8::1]": "is not host:port",
    "tcp://10.0.0.1:22": "is not host:port",
    ":22": "'' is neither an address nor a host name",
    "10.0.0.300:22": "'10.0.0.300' is neither an address nor a host name",
    "10.0.0:22": "'10.0.0' is neither an address nor a host name",
    "bad host:22": "'bad host' is neither an address nor a host name",
    "-host:22": "'-host' is neither an address nor a host name",
    "10.0.0.1:0": "0 is no port; use 1 to 65535",
    "10.0.0.1:65536": "65536 is no port; use 1 to 65535",
    "[]:22": "'' is not an IPv6 address",
    "[10.0.0.1]:22": "'10.0.0.1' is not an IPv6 address",
    "[fe80::1]:22": "fe80::1 is link-local",
    "[fe80::1%eth0]:22": "fe80::1%eth0 is link-local",
}


@pytest.mark.parametrize(("text", "message"), BAD_TCP.items())
def test_bad_tcp(text: str, message: str) -> None:
    problems = read_probes({"tcp": ["10.0.0.1:22", "10.0.0.1:22", text]})[1]
    assert [problem.path for problem in problems] == ["probes.tcp[2]"]
    assert message in problems[0].message


@pytest.mark.parametrize("name", ["example.org", "example.org.", "localhost", "_sip._tcp.example.org", "1.example.org", "a" * 63 + ".org"])
def test_good_dns(name: str) -> None:
    assert read_probes({"dns": [name]}) == (Probes(dns=(name,)), [])


@pytest.mark.parametrize(
    "name",
    ["", ".", ".org", "a..org", "-a.org", "a-.org", "a b.org", "bücher.example", "a" * 64 + ".org", ".".join(["a" * 50] * 6), "a.org:53"],
)
def test_bad_dns(name: str) -> None:
    problems = read_probes({"dns": ["example.org", name]}, "vnet_probes")[1]
    assert [problem.path for problem in problems] == ["vnet_probes.dns[1]"]
    assert "is not a name that DNS can know" in problems[0].message


@pytest.mark.parametrize("address", ["10.0.0.1", "2001:db8::1"])
def test_an_address_is_no_dns_name(address: str) -> None:
    problems = read_probes({"dns": [address]})[1]
    assert "is an address" in problems[0].message


def test_all_problems_at_once() -> None:
    problems = read_probes({"tcp": ["bad host:0"], "dns": ["a b"]})[1]
    assert [problem.path for problem in problems] == ["probes.tcp[0]", "probes.tcp[0]", "probes.dns[0]"]


# As iproute2 6.1 prints them.
ROUTES: list[tuple[str, list[dict[str, t.Any]], list[Hop]]] = [
    ("none", [], []),
    ("plain", [{"dst": "default", "gateway": "10.0.0.1", "dev": "eth0", "flags": []}], [Hop("eth0", "10.0.0.1")]),
    (
        "the lowest metric, with its source",
        [
            {"dst": "default", "gateway": "10.1.0.1", "dev": "eth1", "metric": 200, "flags": []},
            {"dst": "default", "gateway": "10.0.0.1", "dev": "eth0", "prefsrc": "10.0.0.3", "metric": 100, "flags": []},
        ],
        [Hop("eth0", "10.0.0.1", "10.0.0.3")],
    ),
    (
        "none is lower than any",
        [
            {"dst": "default", "gateway": "10.1.0.1", "dev": "eth1", "metric": 1, "flags": []},
            {"dst": "default", "gateway": "10.0.0.1", "dev": "eth0", "flags": []},
        ],
        [Hop("eth0", "10.0.0.1")],
    ),
    (
        "through the other family",
        [{"dst": "default", "via": {"family": "inet6", "host": "fe80::1"}, "dev": "eth0", "metric": 300, "flags": []}],
        [Hop("eth0", "fe80::1")],
    ),
    ("a link", [{"dst": "default", "dev": "tun0", "scope": "link", "flags": []}], [Hop("tun0")]),
    (
        "several legs, less those that the kernel passes over",
        [
            {
                "dst": "default",
                "flags": [],
                "nexthops": [
                    {"via": {"family": "inet6", "host": "fe80::1"}, "dev": "eth0", "weight": 1, "flags": []},
                    {"gateway": "10.1.0.1", "dev": "eth1", "weight": 1, "flags": ["linkdown"]},
                    {"gateway": "10.2.0.1", "dev": "eth2", "weight": 1, "flags": ["dead", "linkdown"]},
                ],
            }
        ],
        [Hop("eth0", "fe80::1"), Hop("eth1", "10.1.0.1")],
    ),
    (
        "a dead route gives way to the next",
        [
            {"dst": "default", "gateway": "10.0.0.1", "dev": "eth0", "flags": ["dead", "linkdown"]},
            {"dst": "default", "gateway": "10.1.0.1", "dev": "eth1", "metric": 600, "flags": []},
        ],
        [Hop("eth1", "10.1.0.1")],
    ),
    (
        "two IPv6 routers, and what leads nowhere",
        [
            {"dst": "default", "gateway": "fe80::1", "dev": "eth0", "protocol": "ra", "metric": 1024, "flags": [], "pref": "high"},
            {"dst": "default", "gateway": "fe80::2", "dev": "eth0", "protocol": "ra", "metric": 1024, "flags": [], "pref": "low"},
            {"type": "unreachable", "dst": "default", "dev": "lo", "metric": 1, "flags": [], "pref": "medium"},
        ],
        [Hop("eth0", "fe80::1"), Hop("eth0", "fe80::2")],
    ),
]


@pytest.mark.parametrize(("items", "expected"), [case[1:] for case in ROUTES], ids=[case[0] for case in ROUTES])
def test_default_routes(items: list[dict[str, t.Any]], expected: list[Hop]) -> None:
    assert best_hops(items) == expected
