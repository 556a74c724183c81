# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of a real libvirt on whole hosts, with a real guest of QEMU in them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from answers import asked, telling
from libvirt_examples import EXAMPLES, LATER, LINKS
from libvirt_guest import BOOT, OS, bring_guest, pinged, pings, ports, settle, virsh
from libvirt_modular import modular, without_libvirtd
from product import Product
from spans import SOAK, some
from steps import Steps
from test_layouts import leased
from vnet_lab.guest import Guest
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import wait_until
from vnet_lab.world import REMOTE4, ROUTER4

# libvirt 11.3 with nftables; soak has 9.0 with iptables too.
HOSTS = {name: (f"d{name[2:]}-libvirt", "static") for name in some("lv13", more=["lv12"])}
WEB = {"mac": "52:54:00:00:00:01", "name": "web", "address": "10.70.0.10"}
DB = {"mac": "52:54:00:00:00:02", "name": "db", "address": "10.70.0.11"}
SUBNET: dict[str, Any] = {"address": "10.70.0.1/24", "ranges": ["10.70.0.100-10.70.0.199"], "hosts": [WEB]}
OFFICE: dict[str, Any] = {"name": "office", "bridge": "virbr7", "stp": False, "addresses": [SUBNET, {"address": "2001:db8:70::1/64"}]}
DOMAIN = f"""\
<domain type='qemu'><name>web</name><memory unit='MiB'>128</memory>{OS}
<devices><interface type='network'><mac address='52:54:00:00:00:01'/><source network='office'/><model type='virtio'/>
<port isolated='yes'/><rom enabled='no'/></interface></devices></domain>
"""


def run(lab: Lab, host: Machine, *networks: dict[str, Any], **options: Any) -> dict[str, Any]:
    result = Product(lab).module(host.name, "libvirt_network", {"networks": list(networks), **options})
    assert not result.get("failed"), result.get("msg")
    return result


def unchanged(lab: Lab, host: Machine, *networks: dict[str, Any], **options: Any) -> None:
    again = run(lab, host, *networks, **options)
    assert (again["changed"], again["commands"], again["diff"]) == (False, [], [])


# For the checksums of DHCP to guests, where the NIC does not make them, libvirt wants act_csum of the kernel, which not every machine has.
TC = """#!/bin/sh
case "$*" in *"action csum"*) /usr/sbin/tc "$@" 2>/dev/null || exit 0 ;; *) exec /usr/sbin/tc "$@" ;; esac
"""


@pytest.fixture(scope="module", autouse=True)
def _backend(fleet: Lab) -> None:
    """Debian's libvirt takes iptables wherever that is installed, as it is on the hosts of the lab."""
    for host in fleet:
        if host.name == "lv13":
            host.exec(["sh", "-c", "cat > /usr/local/sbin/tc; chmod +x /usr/local/sbin/tc"], stdin=TC)
            host.exec(["tee", "-a", "/etc/libvirt/network.conf"], stdin='firewall_backend = "nftables"\n')
            host.exec(["systemctl", "restart", "libvirtd"])


@contextmanager
def guest(host: Machine) -> Iterator[None]:
    """It asks for its address by DHCP."""
    bring_guest(host)
    virsh(host, "create", "/dev/stdin", stdin=DOMAIN)
    try:
        wait_until(lambda: pings(host, WEB["address"]), BOOT, "the guest answers")
        yield
    finally:
        host.exec(["virsh", "destroy", "web"], check=False)


def info(lab: Lab, host: Machine, name: str) -> dict[str, Any]:
    found = Product(lab).module(host.name, "vnet_info", {})["libvirt"]
    return dict(next(item for item in found if item["name"] == name))


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_a_network_changes_under_its_guest(fleet: Lab, name: str) -> None:
    host = fleet.host(name)
    settle(host)
    before = host.snapshot()
    check = Product(fleet).module(name, "libvirt_network", {"networks": [OFFICE]}, check=True)
    made = run(fleet, host, OFFICE)
    assert made["changed"] and made["diff"] == check["diff"]
    unchanged(fleet, host, OFFICE)

    with guest(host):
        (dev,) = ports(host, "virbr7")
        more = {
            **OFFICE,
            "addresses": [{**SUBNET, "hosts": [WEB, DB]}, OFFICE["addresses"][1]],
            "domain": {"name": "office.example"},
        }
        refused = Product(fleet).module(name, "libvirt_network", {"networks": [more]})
        assert refused["failed"] and f"network office is restarted, and these lose it for a moment: {dev} of web" in refused["msg"]
        with pinged(host, WEB["address"]) as found:
            live = {key: value for key, value in more.items() if key != "domain"}
            assert [line.split()[1] for line in run(fleet, host, live)["commands"]] == ["net-define", "net-update"]
        assert found.lost == 0

        with pinged(host, WEB["address"]) as found:
            run(fleet, host, more, allow_disruption=True)
            began = time.monotonic()
            wait_until(lambda: pings(host, WEB["address"]), 10, "the guest answers again")
            assert time.monotonic() - began < 2
        print(f"{name}: {found.gap:.1f} s without an answer", flush=True)
        # How long it takes hangs on how busy this machine is.
        assert found.gap < 10
        assert ports(host, "virbr7")[dev]["isolated"]
        unchanged(fleet, host, more)
        wrong = {"networks": [{**more, "dnsmasq_options": ["no-such-option"]}], "allow_disruption": True}
        failed = Product(fleet).module(name, "libvirt_network", wrong)
        assert failed["failed"] and "the host is as it was before" in failed["msg"], failed
        wait_until(lambda: pings(host, WEB["address"]), 10, "the guest answers once the change is undone")
        known = info(fleet, host, "office")
        assert known["interfaces"] == [{"dev": dev, "guest": "web", "mac": WEB["mac"]}]
        assert [lease["address"] for lease in known["leases"]] == [WEB["address"]]

    other = Guest.plug(host, "virbr7", "other")
    had = leased(other)
    host.reboot()
    unchanged(fleet, host, more)
    assert {lease["address"] for lease in info(fleet, host, "office")["leases"]} == {WEB["address"], had}
    other = Guest.plug(host, "virbr7", "other")
    assert leased(other) == had
    other.remove()
    settle(host)
    assert run(fleet, host, more, state="absent")["changed"]
    assert diff_snapshots(before, host.snapshot()) == []


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_the_default_network_goes_and_comes_back(fleet: Lab, name: str) -> None:
    host = fleet.host(name)
    virsh(host, "net-start", "default")
    virsh(host, "net-autostart", "default")
    before, stored = host.snapshot(), virsh(host, "net-dumpxml", "--inactive", "default")
    off = {"name": "default", "active": False, "autostart": False}
    assert run(fleet, host, off, adopt=True)["changed"]
    assert "virbr0" not in host.exec(["ip", "-br", "link"]).stdout
    unchanged(fleet, host, off, adopt=True)
    assert run(fleet, host, off, state="absent")["changed"]
    assert virsh(host, "net-dumpxml", "--inactive", "default") == stored
    assert diff_snapshots(before, host.snapshot()) == []
    virsh(host, "net-autostart", "default", "--disable")
    virsh(host, "net-destroy", "default")


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_libvirts_rules_and_ours_stand_beside_each_other(fleet: Lab, name: str) -> None:
    """Whoever begins anew: libvirt, or firewalld, after which libvirt makes its rules again. A port leads into the open network."""
    host, product = fleet.host(name), Product(fleet)
    settle(host)
    before = host.snapshot()
    subnet = {"address": "10.73.0.1/24", "ranges": ["10.73.0.100-10.73.0.199"]}
    web = {"name": "web", "bridge": "virbr8", "stp": False, "forward": {"mode": "open"}, "addresses": [subnet]}
    run(fleet, host, {**OFFICE, "addresses": [SUBNET]}, web)
    forwards = [{"port": "5022", "to": "10.73.0.20", "to_port": "22"}]
    network = {"name": "web", "bridge": "virbr8", "sources": ["10.73.0.0/24"], "forwards": forwards}
    foreign = rules_of_libvirt(host)
    made = product.module(host.name, "vnet_nat", {"networks": [network]})
    assert made["changed"], made
    assert rules_of_libvirt(host) == foreign
    fleet.fabric.exec(["ip", "route", "replace", "10.70.0.0/24", "via", host.address])
    theirs = Guest.plug(host, "virbr7", "theirs", ["10.70.0.20/24"], gateway="10.70.0.1")
    ours = Guest.plug(host, "virbr8", "ours", ["10.73.0.20/24"], gateway="10.73.0.1")
    with telling(fleet.fabric, 7000), telling(ours, 22), telling(theirs, 22):

        def stand() -> None:
            for guest in (theirs, ours):
                wait_until(lambda guest=guest: asked(guest, REMOTE4, 7000) == host.address, 10, f"{guest.name} reaches the world")
            wait_until(lambda: asked(fleet.fabric, host.address, 5022) == ROUTER4, 10, "the world reaches ours")
            # libvirt takes its rules away before it makes them again.
            wait_until(lambda: asked(fleet.fabric, "10.70.0.20", 22) == "", 10, "the world does not reach theirs")
            assert (leased(theirs)[:8], leased(ours)[:8]) == ("10.70.0.", "10.73.0.")

        def stands_after(*words: str) -> None:
            host.exec(["systemctl", *words])
            stand()

        stand()
        stands_after("restart", "libvirtd")
        host.exec(["systemctl", "start", "firewalld"])
        # Else firewalld stops what libvirt leaves to others. libvirt 9.0 puts no such bridge into a zone, whatever it is told.
        zoned = web if name == "lv12" else {**web, "zone": "libvirt"}
        if zoned is web:
            host.exec(["firewall-cmd", "--permanent", "--zone=libvirt", "--add-interface=virbr8"])
            host.exec(["firewall-cmd", "--reload"])
        else:
            assert run(fleet, host, zoned, allow_disruption=True)["changed"]
        stand()
        for words in (("restart", "firewalld"), *some(more=[("reload", "firewalld"), ("restart", "libvirtd")])):
            stands_after(*words)
        unchanged(fleet, host, zoned)
        host.exec(["systemctl", "stop", "firewalld"])
        host.exec(["sh", "-c", "rm -f /etc/firewalld/zones/libvirt.xml*"])
        # firewalld takes everybody's rules of iptables along when it goes.
        stands_after("restart", "libvirtd")
    for guest in (theirs, ours):
        guest.remove()
    fleet.fabric.exec(["ip", "route", "del", "10.70.0.0/24"])
    assert product.module(host.name, "vnet_nat", {"networks": [network], "state": "absent"})["changed"]
    run(fleet, host, OFFICE, web, state="absent")
    settle(host)
    assert diff_snapshots(before, host.snapshot()) == []


def rules_of_libvirt(host: Machine) -> str:
    """Everybody's but ours."""
    script = "nft list tables | grep -v vnet_ | while read -r table family name; do nft -s list table $family $name; done"
    return host.exec(["sh", "-c", script]).stdout


@pytest.mark.skipif(not SOAK, reason="Debian has no split daemons, so this is libvirtd in two parts: make soak")
def test_split_daemons_do_as_well(fleet: Lab) -> None:
    host = fleet.host("lv13")
    settle(host)
    before, options = host.snapshot(), {"networks": [OFFICE]}
    with without_libvirtd(host):
        refused = Product(fleet).module(host.name, "libvirt_network", options)
        assert "libvirt does not answer" in refused["msg"] and "start libvirtd.service" in refused["msg"], refused
        with modular(host):
            run(fleet, host, OFFICE)
            unchanged(fleet, host, OFFICE)
            active = host.exec(["systemctl", "is-active", "virtnetworkd.service", "libvirtd.service"], check=False).stdout.split()
            assert active == ["active", "inactive"]
            assert run(fleet, host, OFFICE, state="absent")["changed"]
    settle(host)
    assert diff_snapshots(before, host.snapshot()) == []


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_whole_definitions_stay_as_libvirt_took_them(fleet: Lab, name: str) -> None:
    host = fleet.host(name)
    before = host.snapshot()
    for link in LINKS:
        host.exec(["ip", "link", "add", link, "type", "bridge"])
    version = tuple(int(part) for part in virsh(host, "--version").split(".")[:2])
    known = [examples for first, examples in LATER.items() if first <= version]
    texts = {key: text for examples in (EXAMPLES, *known) for key, text in examples.items()}
    networks = [{"name": key, "xml": text, "active": False, "autostart": False} for key, text in texts.items()]
    assert run(fleet, host, *networks)["changed"]
    unchanged(fleet, host, *networks)
    assert run(fleet, host, prune=True, allow_empty=True)["changed"]
    for first, examples in LATER.items():
        for key, text in examples.items() if first > version else ():
            # An older libvirt leaves out what it does not know, without a word.
            lost = Product(fleet).module(name, "libvirt_network", {"networks": [{"name": key, "xml": text, "active": False}]})
            assert lost["failed"] and f"still to do: virsh net-define /dev/stdin <<'EOF'\n<network>\n  <name>{key}<" in lost["msg"], lost
    for link in LINKS:
        host.exec(["ip", "link", "del", link])
    assert diff_snapshots(before, host.snapshot()) == []


# One after the other, each on top of those before; what a restart is needed for, and what is live. Without bandwidth, for
# which libvirt needs the qdisc sfq of the kernel.
RESTARTS: dict[str, dict[str, Any]] = {
    "stp": {"stp": True},
    "delay": {"delay": 2},
    "no stp": {"stp": False, "delay": None},
    "mtu": {"mtu": 1400},
    "nat ports": {"forward": {"mode": "nat", "nat_ports": "2000-3000"}},
    "nat addresses": {"forward": {"mode": "nat", "nat_addresses": "192.0.2.4-192.0.2.10"}},
    "nat of IPv6": {"forward": {"mode": "nat", "nat_ipv6": True}},
    "ipv6": {"ipv6": True},
    "bridge": {"bridge": "virbr9"},
    "bridge again": {"bridge": "virbr7"},
    "mac": {"mac": "52:54:00:77:77:77"},
    "forward": {"forward": {"mode": "route"}},
    "domain": {"domain": {"name": "office.example", "local_only": True}},
    "forwarders": {"dns": {"forwarders": [{"address": "192.0.2.53"}, {"domain": "example.net", "address": "192.0.2.54"}]}},
    "forward_plain_names": {"dns": {"forward_plain_names": False}},
    "dns": {"dns": {"enable": False}},
    "local_ptr": {"addresses": [{**SUBNET, "local_ptr": True}]},
    "tftp": {"addresses": [{**SUBNET, "tftp": "/srv"}]},
    "bootp": {"addresses": [{**SUBNET, "bootp": {"file": "pxelinux.0", "server": "10.70.0.2"}}]},
    "DHCPv6": {"addresses": [SUBNET, {"address": "2001:db8:70::1/64", "ranges": ["2001:db8:70::100-2001:db8:70::1ff"]}]},
    "routes": {"routes": [{"to": "10.71.0.0/16", "via": "10.70.0.9"}]},
    "dnsmasq_options": {"dnsmasq_options": ["log-queries"]},
    "port_isolation": {"port_isolation": True},
    "addresses": {"addresses": [SUBNET, {"address": "10.72.0.1/24"}]},
}
LIVE: dict[str, dict[str, Any]] = {
    "hosts": {"addresses": [{**SUBNET, "hosts": [WEB, DB]}]},
    "ranges": {"addresses": [{**SUBNET, "ranges": ["10.70.0.100-10.70.0.149", "10.70.0.160-10.70.0.199"]}]},
    "portgroups": {"portgroups": [{"name": "slow", "bandwidth": {"inbound": {"average": 100}}}]},
    "autostart": {"autostart": False},
    "dns records": {
        "dns": {
            "hosts": [{"address": "10.70.0.1", "names": ["gate"]}],
            "txt": [{"name": "a", "value": "b"}],
            "srv": [{"service": "ldap", "protocol": "tcp"}],
        }
    },
}


@pytest.mark.skipif(not SOAK, reason="every attribute with a guest: make soak")
@pytest.mark.parametrize("name", sorted(HOSTS))
def test_what_each_attribute_costs(fleet: Lab, name: str) -> None:
    host = fleet.host(name)
    now = {**OFFICE, "addresses": [SUBNET]}
    run(fleet, host, now)
    with guest(host):
        for what, change in [*LIVE.items(), *RESTARTS.items()]:
            now = {key: value for key, value in {**now, **change}.items() if value is not None}
            with pinged(host, WEB["address"]) as found:
                made = run(fleet, host, now, allow_disruption=True)
                began = time.monotonic()
                wait_until(lambda: pings(host, WEB["address"]), 10, "the guest answers again")
                assert now["stp"] or time.monotonic() - began < 2
            restarted = any("net-destroy" in line for line in made["commands"])
            print(f"{name}: {what}: {'restart' if restarted else 'live'}, {found.lost} lost, {found.gap:.1f} s", flush=True)
            assert restarted == (what in RESTARTS) and (restarted or found.lost == 0)
            unchanged(fleet, host, now)
    run(fleet, host, now, state="absent")


@pytest.mark.skipif(not SOAK, reason="many networks: make soak")
def test_fifty_networks_and_five_hundred_hosts(fleet: Lab) -> None:
    host = fleet.host("lv13")
    networks = [many(number) for number in range(50)]
    times = {}
    for what, items, changes in (("made", networks, True), ("seen", networks, False), ("nothing", [], False)):
        began = time.monotonic()
        assert run(fleet, host, *items)["changed"] == changes
        times[what] = time.monotonic() - began
    print(times, flush=True)
    assert times["seen"] - times["nothing"] < 2
    run(fleet, host, prune=True, allow_empty=True)


def many(number: int) -> dict[str, Any]:
    net = f"10.{100 + number}.0"
    hosts = [{"mac": f"52:54:00:00:{number:02x}:{at:02x}", "address": f"{net}.{at}"} for at in range(10, 20)]
    subnet = {"address": f"{net}.1/24", "ranges": [f"{net}.100-{net}.199"], "hosts": hosts}
    return {"name": f"n{number}", "bridge": f"vb{number}", "active": number < 10, "addresses": [subnet]}


_ENDS = [(before, victim) for victim in ("module", "daemon") for before in ("net-define", "net-destroy", "net-start", "net-autostart")]


@pytest.mark.parametrize(("before", "victim"), some(("net-start", "module"), more=_ENDS))
def test_killed_in_the_middle_the_next_run_converges(fleet: Lab, before: str, victim: str) -> None:
    """A restart is the longest that a run does: the network is gone for a moment."""
    host, steps = fleet.host("lv13"), Steps(fleet.host("lv13"))
    run(fleet, host, OFFICE)
    changed = {**OFFICE, "mtu": 1400, "autostart": False}
    steps.hold(before)
    with ThreadPoolExecutor() as beside:
        done = beside.submit(Product(fleet).module, host.name, "libvirt_network", {"networks": [changed]})
        wait_until(lambda: steps.reached, 60, f"the run comes to {before}")
        host.exec(["kill", "-KILL", steps.process] if victim == "module" else ["pkill", "-KILL", "libvirtd"])
        steps.release()
        answer = done.result(120)
    failed = bool(answer.get("failed") or answer.get("unreachable"))
    assert failed or victim == "daemon", answer
    stored = virsh(host, "net-dumpxml", "--inactive", "office")
    # Of a killed module, the next run undoes what it did.
    assert victim == "module" or ("1400" in stored) != failed
    after = run(fleet, host, changed)
    assert victim == "daemon" or "an earlier run was stopped in the middle" in str(after.get("warnings"))
    unchanged(fleet, host, changed)
    run(fleet, host, OFFICE, state="absent")
