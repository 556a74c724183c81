# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vnet_host with networks and guests: bridges, taps and guards of one document, and what QEMU looks for on the host."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from harness import Answer, Namespace, assert_same
from hosts import foreign, no_waiting

from ansible_collections.hypervisor.vnet.plugins.module_utils.facts import host_facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

DMZ = {"name": "dmz", "bridge": "br-dmz", "addresses": ["10.98.98.1/24", "2001:db8:98::1/64"], "persist": None}
WEB = {"network": "dmz", "name": "web-0", "mac": "52:54:00:00:00:01", "addresses": ["10.98.98.2/24", "2001:db8:98::2"]}
CACHE = {"network": "dmz", "name": "cache-0", "mac": "52:54:00:00:00:02", "addresses": "auto"}
CACHE["tap"] = {"isolated": True, "rate": {"to_guest": "1gbit"}}


@pytest.fixture
def host(empty: Namespace) -> Namespace:
    no_waiting(empty)
    foreign(empty)
    empty.settle()
    return empty


def guest(*interfaces: dict[str, Any], name: str = "") -> dict[str, Any]:
    return {"name": name or interfaces[0]["name"], "interfaces": list(interfaces)}


def network(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in {**DMZ, **options}.items() if value is not None}


def apply(host: Namespace, **options: Any) -> Answer:
    """Check, do, and do again: the same diff, then nothing."""
    before = host.snapshot()
    check = host.module("vnet_host", check=True, **options).ok()
    assert_same(before, host.snapshot(), memory=True)
    real = host.module("vnet_host", **options).ok()
    assert (check.diff_bytes, check.changed, check.commands) == (real.diff_bytes, real.changed, real.commands)
    assert check.data.get("assigned") == real.data.get("assigned")
    again = host.module("vnet_host", **options).ok()
    assert (again.changed, again.diff, again.commands) == (False, [], [])
    assert again.data.get("assigned") == real.data.get("assigned")
    return real


def ports(host: Namespace, bridge: str) -> set[str]:
    return {link["ifname"] for link in host.json("link", "show", "master", bridge)}


def guarded(host: Namespace) -> set[str]:
    done = host.run("nft", "--json", "list", "set", "bridge", "vnet_guard", "from_guest", check=False)
    found = [item["set"].get("elem", []) for item in json.loads(done.stdout or '{"nftables": []}')["nftables"] if "set" in item]
    return {item["elem"]["val"] if isinstance(item, dict) else item for elements in found for item in elements}


def facts(host: Namespace, kind: str) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        return list(host_facts(Machine())[kind])

    return list(host.call(read))


def test_one_document_of_everything(host: Namespace) -> None:
    before = host.snapshot()
    made = apply(host, networks=[network()], guests=[guest(WEB), guest(CACHE)])
    assert ports(host, "br-dmz") == {"web-0", "cache-0"} == guarded(host)
    whole = {item["interface"]: item["state"] for item in facts(host, "guards")}
    assert whole == {"web-0": "enforce", "cache-0": "enforce"}
    # The filter is there before what it filters.
    first = [next(at for at, line in enumerate(made.commands) if word in line) for word in ("nft", "link add", "tuntap add")]
    assert first == sorted(first)
    apply(host, networks=[], guests=[], prune=True, allow_empty=True)
    assert_same(before, host.snapshot())


KINDS = ("networks", "taps", "guards")


@pytest.mark.parametrize("order", list(itertools.permutations(KINDS)), ids="-".join)
def test_removed_in_any_order(host: Namespace, order: tuple[str, ...]) -> None:
    before = host.snapshot()
    apply(host, networks=[network()], guests=[guest(WEB)])
    for kind in order:
        if kind == "networks":
            apply(host, networks=[network()], state="absent")
        else:
            module, item = ("kvm_tap", {"name": "web-0"}) if kind == "taps" else ("antispoof", {"interface": "web-0"})
            assert host.module(module, **{kind: [item]}, state="absent").ok().changed
            assert not host.module(module, **{kind: [item]}, state="absent").ok().changed
    assert_same(before, host.snapshot())


def test_made_by_the_modules_one_after_the_other(host: Namespace) -> None:
    """The same three kinds without a document: nobody puts right what another made."""
    before = host.snapshot()
    runs: list[tuple[str, dict[str, Any]]] = [
        ("xen_bridge", {"bridges": [{"name": "br0"}]}),
        ("kvm_tap", {"taps": [{"name": "web-0", "bridge": "br0"}]}),
        ("antispoof", {"guards": [{"interface": "web-0", "mac": WEB["mac"], "addresses": ["10.0.0.1"]}]}),
    ]
    for module, options in runs:
        answer = host.module(module, **options).ok()
        assert answer.changed and not answer.data.get("warnings")
    for module, options in runs:
        assert not host.module(module, **options).ok().changed
    for module, options in runs:
        assert host.module(module, **options, state="absent").ok().changed
    assert_same(before, host.snapshot())


def test_one_list_leaves_the_other_alone(host: Namespace) -> None:
    apply(host, networks=[network()], guests=[guest(WEB)])
    apply(host, networks=[network(ageing_time=200)], prune=True)
    assert guarded(host) == {"web-0"} == ports(host, "br-dmz")
    # The bridge by its own name: the network's is not spoken of here.
    apply(host, guests=[guest({**WEB, "network": "br-dmz"}), guest({**CACHE, "network": "br-dmz"})], prune=True)
    assert ports(host, "br-dmz") == {"web-0", "cache-0"}


def test_free_addresses_stay(host: Namespace) -> None:
    first = apply(host, networks=[network()], guests=[guest(CACHE)]).data["assigned"]["cache-0"]
    assert len(first) == 2 and all(text.startswith(("10.98.98.", "2001:db8:98:")) for text in first)
    # A guest that would begin its search at the same place, and one that is declared with the address of nobody.
    more = [guest({**CACHE, "name": f"more-{index}", "mac": f"52:54:00:00:01:{index:02x}"}) for index in range(40)]
    assigned = apply(host, networks=[network()], guests=[*more, guest(CACHE), guest(WEB)]).data["assigned"]
    assert assigned["cache-0"] == first
    every = [text for texts in assigned.values() for text in texts] + ["10.98.98.1", "10.98.98.2"]
    assert len(set(every)) == len(every) == 84
    assert {item["interface"]: item["addresses"] for item in facts(host, "guards")}["cache-0"] == [f"{first[0]}/32", f"{first[1]}/128"]
    # Somebody else is declared with it: he gets another.
    taken = {**WEB, "addresses": first}
    assert apply(host, networks=[network()], guests=[guest(taken), guest(CACHE)], prune=True).data["assigned"]["cache-0"] != first


def test_rates_and_vlans_of_guests(host: Namespace) -> None:
    apply(host, networks=[network()], guests=[guest(CACHE)])
    assert "rate 1Gbit" in host.run("tc", "qdisc", "show", "dev", "cache-0").stdout
    apply(host, networks=[network()], guests=[guest({**CACHE, "tap": {"isolated": True}})])
    assert "tbf" not in host.run("tc", "qdisc", "show", "dev", "cache-0").stdout
    bad = {**CACHE, "tap": {"rate": {"to_guest": "quick"}, "vlan": {"trunk": ["20-29"]}}}
    answer = host.module("vnet_host", networks=[network()], guests=[guest(bad)])
    answer.failed()
    assert answer.problems == [
        "guests[0].interfaces[0].tap.rate.to_guest: 'quick' is no rate; write it as tc does: 10mbit, 1.5gbit, 500kbit, 2mbps (bytes)",
        "guests[0].interfaces[0].tap.vlan.trunk: has frames with a tag, which a guard refuses; say guarded: false",
    ]
    access = host.module("vnet_host", networks=[network()], guests=[guest({**CACHE, "tap": {"vlan": {"access": 10}}})])
    cure = "declare it with vlan_filtering: true"
    access.failed()
    assert access.problems == [f"guests[0].interfaces[0].tap.vlan: br-dmz is not VLAN-aware, so its ports have no VLANs; {cure}"]


def test_a_network_is_known_by_its_name(host: Namespace) -> None:
    """Networks of an earlier call: taps, guards and guests find their bridges."""
    apply(host, networks=[network(), {"name": "plain"}])
    taps = [{"name": "tap0", "bridge": "dmz"}, {"name": "tap1", "bridge": "plain"}]
    made = host.module("kvm_tap", taps=taps, owner="taps").ok()
    assert (ports(host, "br-dmz"), ports(host, "plain")) == ({"tap0"}, {"tap1"})
    assert not host.module("kvm_tap", taps=[{**taps[0], "bridge": "br-dmz"}, taps[1]], owner="taps").ok().changed
    guard = {"interface": "tap0", "mac": "52:54:00:00:00:07", "bridge": "dmz", "addresses": ["auto"]}
    assert host.module("antispoof", guards=[guard], owner="taps", persist="none").ok().data["assigned"]["tap0"][0].startswith("10.98.98.")
    apply(host, guests=[guest(CACHE)])
    assert ports(host, "br-dmz") == {"tap0", "cache-0"} and made.changed
    # one bridge under two names
    mac = "fe:00:00:00:00:07"
    twice = [{"name": "tap2", "bridge": "dmz", "mac": mac}, {"name": "tap3", "bridge": "br-dmz", "mac": mac}]
    answer = host.module("kvm_tap", taps=twice)
    answer.failed()
    assert answer.problems == [f"taps[1].mac: {mac} is already taps[0].mac in br-dmz; ports of a bridge differ in it"]
    twins = [
        {**guard, "interface": "tap8", "addresses": ["none"]},
        {**guard, "interface": "tap9", "bridge": "br-dmz", "addresses": ["none"]},
    ]
    answer = host.module("antispoof", guards=twins, persist="none")
    answer.failed()
    assert any(line.startswith("guards[1].mac: 52:54:00:00:00:07 is already") for line in answer.problems)
    # a bridge of the name is nearer than a network of the name
    host.ip("link add dmz type bridge")
    host.module("kvm_tap", taps=[{"name": "tap4", "bridge": "dmz"}], owner="other").ok()
    assert ports(host, "dmz") == {"tap4"}


def test_what_has_no_tap_of_ours(host: Namespace) -> None:
    user = {"name": "net0", "qemu": {"type": "user", "hostfwd": [{"port": 5022, "to_port": 22}]}}
    free = {**WEB, "guarded": False, "qemu": {"queues": 4}}
    apply(host, networks=[network()], guests=[guest(user, free, name="web")])
    assert (ports(host, "br-dmz"), guarded(host)) == ({"web-0"}, set())
    assert next(tap for tap in facts(host, "taps") if tap["name"] == "web-0")["multi_queue"]


def test_all_that_is_wrong_is_said_at_once(host: Namespace) -> None:
    host.module("vnet_host", networks=[]).ok()
    before = host.snapshot()
    twin = {**WEB, "name": "twin-0", "addresses": ["10.98.98.2"], "tap": {"owner": "nobody-here"}}
    bad = {"network": "dmz", "name": "a-name-that-is-far-too-long", "mac": "53:54:00:00:00:01", "addresses": ["10.98.98.400"]}
    guests = [
        guest(WEB),
        guest(twin, bad, {"mac": "52:54:00:00:00:09", "addresses": ["10.0.0.9"]}, name="web-0"),
        guest({**CACHE, "addresses": []}),
    ]
    guests[0]["toolstack"] = "bhyve"
    answer = host.module("vnet_host", networks=[network()], guests=guests)
    assert answer.failed
    paths = {problem["path"] for problem in answer.data["problems"]}
    assert paths == {
        "guests[0].toolstack",
        "guests[1].name",
        "guests[1].interfaces[0].mac",
        "guests[1].interfaces[0].addresses[0]",
        "guests[1].interfaces[1].name",
        "guests[1].interfaces[1].mac",
        "guests[1].interfaces[1].addresses[0]",
        "guests[1].interfaces[2].network",
        "guests[1].interfaces[2].name",
        "guests[2].interfaces[0].addresses",
    }
    assert_same(before, host.snapshot(), memory=True)


def test_all_that_this_host_cannot_do_is_said_at_once(host: Namespace) -> None:
    before = host.snapshot()
    lost = {**WEB, "network": "nowhere", "tap": {"owner": "nobody-here"}}
    uplink = {**CACHE, "name": "up-0", "mac": "52:54:00:00:00:03", "network": "lan"}
    bare = {**CACHE, "name": "bare-0", "mac": "52:54:00:00:00:04", "network": "bare"}
    lan = {"name": "lan", "uplink": "eth1"}
    answer = host.module("vnet_host", networks=[lan, {"name": "bare"}], guests=[guest(lost), guest(uplink), guest(bare)])
    assert answer.failed
    assert {problem["path"] for problem in answer.data["problems"]} == {
        "guests[0].interfaces[0].network",
        "guests[0].interfaces[0].tap.owner",
        "guests[1].interfaces[0].addresses",
        "guests[2].interfaces[0].addresses",
    }
    assert_same(before, host.snapshot())


def test_a_bridge_does_not_go_from_under_a_declared_guest(host: Namespace) -> None:
    apply(host, networks=[network()], guests=[guest(WEB)])
    answer = host.module("vnet_host", networks=[], guests=[guest({**WEB, "network": "br-dmz"})], prune=True, allow_empty=True)
    assert [problem["path"] for problem in answer.data["problems"]] == ["guests[0].interfaces[0].network"]
    assert "is removed in the same run" in answer.data["msg"]


def test_what_qemu_looks_for(host: Namespace) -> None:
    """Debian's own script and an ACL of somebody else are there before."""
    host.write("/etc/qemu-ifup", "#!/bin/sh\necho theirs\n")
    host.write("/etc/qemu/bridge.conf", "allow docker0\n")
    before = host.snapshot()
    apply(host, networks=[network()], guests=[guest(WEB), guest(CACHE)], qemu_acl=["br-dmz"], qemu_scripts="enable")
    assert host.read("/etc/qemu/bridge.conf") == "allow docker0\n# BEGIN hypervisor.vnet\nallow br-dmz\n# END hypervisor.vnet\n"
    # Taps that lost what they had, and come back by the script alone.
    host.ip("link set web-0 down nomaster\nlink set cache-0 down nomaster")
    for name in ("web-0", "cache-0"):
        host.run("/etc/qemu-ifup", name)
    again = host.module("vnet_host", networks=[network()], guests=[guest(WEB), guest(CACHE)]).ok()
    assert (again.changed, again.commands) == (False, [])
    host.run("/etc/qemu-ifdown", "web-0")
    assert ports(host, "br-dmz") == {"web-0", "cache-0"}
    host.ip("tuntap add dev stray mode tap")
    refused = host.run("/etc/qemu-ifup", "stray", check=False)
    assert refused.returncode == 1 and "no tap stray is declared" in refused.stderr
    host.ip("link set stray master docker0\nlink set stray up")
    host.run("/etc/qemu-ifdown", "stray")
    assert "stray" not in ports(host, "docker0")
    host.ip("link del stray")
    # Another's line comes while ours stand there, and stays when they go.
    host.write("/etc/qemu/bridge.conf", host.read("/etc/qemu/bridge.conf") + "deny all\n")
    apply(host, guests=[guest({**WEB, "network": "br-dmz"})], qemu_acl=[], qemu_scripts="disable")
    assert host.read("/etc/qemu/bridge.conf") == "allow docker0\ndeny all\n"
    host.write("/etc/qemu/bridge.conf", "allow docker0\n")
    apply(host, networks=[], guests=[], prune=True, allow_empty=True)
    assert_same(before, host.snapshot())


def test_qemus_files_go_with_the_last_tap(host: Namespace) -> None:
    host.write("/etc/qemu/theirs.conf", "")
    before = host.snapshot()
    apply(host, networks=[network()], guests=[guest(WEB)], qemu_acl=["br-dmz"], qemu_scripts="enable")
    apply(host, networks=[network()], guests=[guest(WEB)], state="absent")
    assert_same(before, host.snapshot())
