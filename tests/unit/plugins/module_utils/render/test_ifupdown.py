# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden folders: a host's /etc/network before and after, for the bridges of case.json. VNET_GOLDEN=write makes `after` anew."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import read_bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ifupdown import is_of, parse, pristine, take_out
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.ifupdown import Facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan import ifupdown
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ifupdown import is_mixed, own_file, renamed, stays

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "ifupdown"


def files_below(folder: pathlib.Path) -> dict[str, str]:
    return {f"/{path.relative_to(folder)}": path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*")) if path.is_file()}


def facts_of(case: dict, files: dict[str, str]) -> Facts:
    order = sorted(files, key=lambda path: (path != ifupdown.INTERFACES, path))
    dns = ("/etc/network/if-up.d/000resolvconf", "/etc/network/if-down.d/resolvconf") if case.get("dns") else None
    up = {name: name for name in case["up"]}
    return Facts(True, False, {path: FileState(files[path]) for path in order}, up, (), case.get("dhcp", "dhclient"), dns)


def applied_of(case: dict, facts: Facts) -> dict[str, AppliedBridge]:
    bridges = {}
    for index, options in enumerate(case["bridges"]):
        bridge, problems = read_bridge(options, f"bridges[{index}]")
        assert not problems
        assert not ifupdown.problems(facts, bridge, f"bridges[{index}]")
        state = HostState(
            {bridge.uplink: Link(bridge.uplink, 2, mtu=case.get("mtu", 1500))} if bridge.uplink else {}, sysctls=case.get("sysctls", {})
        )
        captured = ifupdown.capture(facts, state, bridge) if bridge.uplink else {}
        bridges[bridge.name] = AppliedBridge("site", bridge, case["mac"], "ifupdown", captured=captured)
    return bridges


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_golden(name: str) -> None:
    case = json.loads((CASES / name / "case.json").read_text(encoding="utf-8"))
    before = files_below(CASES / name / "before")
    facts = facts_of(case, before)
    bridges = applied_of(case, facts)
    after = {path: file.content for path, file in ifupdown.edits(facts, bridges).items()}
    for key, bridge in bridges.items():
        after.update({path: file.content for path, file in ifupdown.files(key, bridge).items()})
    if os.environ.get("VNET_GOLDEN") == "write":
        for path, text in after.items():
            target = CASES / name / "after" / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    assert after == files_below(CASES / name / "after")
    then = facts_of(case, {**before, **after})
    assert {path: file.content for path, file in ifupdown.edits(then, bridges).items()}.items() <= after.items(), (
        "a second run changes nothing"
    )
    plain = {path: file.content for path, file in ifupdown.edits(then, {}).items()}
    assert plain == before, "without bridges the files read as before, byte for byte"
    first = dict(list(bridges.items())[:1])
    once = facts_of(case, {**before, **{path: file.content for path, file in ifupdown.edits(facts, first).items()}})
    assert ifupdown.edits(once, bridges) == ifupdown.edits(facts, bridges), "bridge by bridge comes to the same"


def test_edits_elsewhere_survive() -> None:
    text = "auto lo eth0:1\niface eth0 inet dhcp\niface eth0:1 inet static\n address 192.0.2.1/24"
    marked = take_out(text, {"eth0": "br0"}).replace("\nauto lo\n", "\nauto lo eth7\n") + "\n# by hand\nauto eth9\n"
    assert pristine(marked) == text.replace("auto lo eth0:1", "auto lo eth0:1 eth7") + "\n# by hand\nauto eth9\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "iface eth0 inet dhcp",
        "iface eth0 inet dhcp\r\n\taddress\x0b\n",
        "auto \\\n eth0:1 \\\n lo\niface eth0 inet manual\n up a \\\n # b\n\n\n",
    ],
)
def test_marks_are_taken_back_byte_for_byte(text: str) -> None:
    assert pristine(take_out(text, {"eth0": "br0"})) == text


def test_comments_end_with_their_line_and_options_go_on() -> None:
    stanzas = parse("# c \\\niface eth0 inet manual\n  up a \\\n  # b\n source x\nfoo 1\n")
    assert [(stanza.kind, [line.text for line in stanza.options]) for stanza in stanzas] == [
        ("iface", ["up a   # b"]),
        ("source", ["foo 1"]),
    ]
    assert is_of("eth0:1", "eth0") and not is_of("eth0.1", "eth0") and not is_of("eth01", "eth0")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("ip route add default dev eth0", "ip route add default dev br0"),
        ("eth0:1", "br0:1"),
        ("dev eth0.5", "dev eth0.5"),
        ("dev veth0 my-eth0 eth01", "dev veth0 my-eth0 eth01"),
        ("iptables -i eth0 -j x; y eth0", "iptables -i br0 -j x; y br0"),
        ("sysctl net.ipv4.conf.eth0.rp_filter=1", "sysctl net.ipv4.conf.br0.rp_filter=1"),
        ("echo 1 > /proc/sys/net/ipv6/conf/eth0/accept_ra", "echo 1 > /proc/sys/net/ipv6/conf/br0/accept_ra"),
        ("x dev $IFACE", "x dev $IFACE"),
    ],
)
def test_names_as_words(text: str, result: str) -> None:
    assert renamed(text, "eth0", "br0") == result


@pytest.mark.parametrize(
    ("text", "with_the_interface"),
    [
        ("mtu 9000", True),
        ("bond-mode 1", True),
        ("vlan_raw_device eth1", True),
        ("ethernet-wol g", True),
        ("up ethtool -s eth0 wol g", True),
        ("up /sbin/ip link set eth0 promisc on", True),
        ("up ip -4 l set eth0 up", True),
        ("up echo 1 > /sys/class/net/eth0/gro_flush_timeout", True),
        ("up ip route add default via 192.0.2.1", False),
        ("up ip -6 addr add 2001:db8::1/64 dev eth0", False),
        ("address 192.0.2.1/24", False),
        ("dns-nameservers 192.0.2.1", False),
        ("up iptables-restore < /etc/rules", False),
    ],
)
def test_what_stays_with_the_uplink(text: str, with_the_interface: bool) -> None:
    (stanza,) = parse(f"iface eth0 inet manual\n  {text}\n")
    assert stays(stanza.options[0]) is with_the_interface
    assert not is_mixed(stanza.options[0])


def test_an_internal_bridge_has_no_layer_3() -> None:
    bridge, _none = read_bridge({"name": "xenbr1"}, "bridges[0]")
    text = own_file("xenbr1", AppliedBridge("site", bridge, "02:00:00:00:00:01", "ifupdown")).content
    assert "iface xenbr1 inet manual\n" in text and "accept_ra" in text and "echo 1 > /proc/sys/net/ipv6/conf/xenbr1/addr_gen_mode" in text
