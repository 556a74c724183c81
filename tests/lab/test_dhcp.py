# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vnet_dhcp on whole hosts: guests get addresses and names, hosts change live, leases outlive the reboot, and nothing stays."""

from __future__ import annotations

from typing import Any

import pytest
from answers import talking
from product import Product
from spans import some
from vnet_lab.guest import Guest
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import wait_until

HOSTS = dict(some(("dh12", ("d12-ifupdown", "static")), more=(("dh13", ("d13-networkd", "static")),)))
# A name with a sign that systemd escapes in the names of units.
BRIDGE, NAME = "br-nat", "nat-0"
UNIT = f"hypervisor-vnet-dhcp@{NAME}.service"
LEASES = f"/var/lib/hypervisor-vnet/dhcp/{NAME}.leases"
BRIDGES = {"bridges": [{"name": BRIDGE, "addresses": ["10.77.0.1/16", "2001:db8:77::1/64"]}]}
WEB = {"mac": "52:54:00:77:00:01", "addresses": ["10.77.0.10", "2001:db8:77::10"], "name": "web"}
DB = {"mac": "52:54:00:77:00:02", "addresses": ["10.77.0.20"], "name": "db"}
SPARE = {"mac": "52:54:00:77:00:03", "addresses": ["10.77.0.30"], "name": "spare"}
NETWORK: dict[str, Any] = {"name": NAME, "bridge": BRIDGE, "ranges": ["10.77.2.1-10.77.2.254"], "domain": "lab.example", "mtu": 1400}
# What busybox udhcpc runs: the guest takes its address, and tells what else it got.
TELL = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip -4 address flush dev eth0
ip address add "$ip/$mask" dev eth0
echo "$ip $router $dns $domain $mtu $hostname"
"""


def run(product: Product, host: Machine, *networks: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
    result = product.module(host.name, "vnet_dhcp", {"networks": list(networks), **options}, check=check)
    assert not result.get("failed"), result
    return result


def unchanged(result: dict[str, Any]) -> None:
    assert (result["changed"], result["commands"], result["diff"]) == (False, [], [])


def leased(guest: Guest) -> list[str]:
    """What a DHCP client of the guest is told: address, router, DNS server, domain, MTU, name."""
    guest.host.exec(["sh", "-c", "cat > /run/tell && chmod +x /run/tell"], stdin=TELL)
    words = ["busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1", "-s", "/run/tell", "-O", "mtu"]
    return guest.exec(words).stdout.split()


def leased6(guest: Guest) -> str:
    """The address that ISC's client gets by DHCPv6."""
    files = ["-lf", "/run/leases6", "-pf", "/run/dhclient6.pid"]
    guest.exec(["dhclient", "-6", "-1", "-sf", "/bin/true", *files, "eth0"])
    guest.exec(["dhclient", "-6", "-x", *files, "eth0"])
    return guest.host.exec(["sed", "-n", r"s/^ *iaaddr \(.*\) {/\1/p", "/run/leases6"]).stdout.strip()


def known(guest: Guest, name: str) -> bool:
    return "10.77." in guest.exec(["busybox", "nslookup", "-type=a", name, "10.77.0.1"], check=False).stdout.partition("Name:")[2]


def serves(host: Machine) -> str:
    return host.exec(["systemctl", "show", "--property=MainPID", "--value", UNIT]).stdout.strip()


def info(product: Product, host: Machine) -> dict[str, Any]:
    found: dict[str, Any] = product.module(host.name, "vnet_info", {})["dhcp"][0]
    return found


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_guests_get_addresses_and_names(fleet: Lab, name: str) -> None:
    host, product = fleet.host(name), Product(fleet)
    before = host.snapshot()
    assert product.module(name, "xen_bridge", BRIDGES)["changed"]
    web = {**NETWORK, "hosts": [WEB]}
    check = run(product, host, web, check=True)
    real = run(product, host, web)
    assert (check["diff"], check["commands"]) == (real["diff"], real["commands"])
    unchanged(run(product, host, web))
    pid = serves(host)

    one = Guest.plug(host, BRIDGE, "one", mac=WEB["mac"])
    two = Guest.plug(host, BRIDGE, "two")
    assert leased(one) == ["10.77.0.10", "10.77.0.1", "10.77.0.1", "lab.example", "1400", "web"]
    dynamic = leased(two)[0]
    assert dynamic.startswith("10.77.2.")
    assert known(two, "web.lab.example") and not known(two, "db.lab.example")
    wait_until(lambda: "2001:db8:77:" in two.exec(["ip", "-6", "address", "show", "dev", "eth0"]).stdout, 20, "SLAAC")

    # Hosts come, one changes, others go: the same process, and no lease is lost.
    assert run(product, host, {**NETWORK, "hosts": [WEB, DB, SPARE]})["commands"][-1] == f"systemctl reload {UNIT}"
    three = Guest.plug(host, BRIDGE, "three", mac=DB["mac"])
    wait_until(lambda: known(two, "spare.lab.example"), 5, "the new host is known")
    assert leased(three)[0] == "10.77.0.20"
    run(product, host, {**NETWORK, "hosts": [{**WEB, "addresses": ["10.77.0.11", "2001:db8:77::11"]}]})
    wait_until(lambda: not known(two, "spare.lab.example"), 5, "the host that is gone is forgotten")
    assert leased(three)[0].startswith("10.77.2.")
    assert leased(one)[0] == "10.77.0.11" and leased(two)[0] == dynamic
    assert serves(host) == pid
    if name == "dh12":
        assert leased6(one) == "2001:db8:77::11"

    host.reboot()
    wait_until(lambda: serves(host) != "0", 30, "dnsmasq runs again")
    unchanged(run(product, host, {**NETWORK, "hosts": [{**WEB, "addresses": ["10.77.0.11", "2001:db8:77::11"]}]}))
    assert {lease["address"] for lease in info(product, host)["leases"]} >= {"10.77.0.11", dynamic}
    assert UNIT not in host.failed_units()
    # Bound to its bridge, though that got its address after the unit could have started.
    assert f"%{BRIDGE}:67" in host.exec(["ss", "-Hlun", "sport", "=", "67"]).stdout
    assert leased(Guest.plug(host, BRIDGE, "two"))[0] == dynamic

    run(product, host, NETWORK, state="absent")
    assert serves(host) == "0" and host.exec(["ls", "/var/lib/hypervisor-vnet"]).stdout.split().count("dhcp") == 0
    Guest(host, "two").remove()
    assert product.module(name, "xen_bridge", {**BRIDGES, "state": "absent"})["changed"]
    assert diff_snapshots(before, host.snapshot()) == []


def test_what_others_hold_is_refused_and_what_fails_is_undone(fleet: Lab) -> None:
    host, product = fleet.host("dh12"), Product(fleet)
    assert product.module(host.name, "xen_bridge", BRIDGES)["changed"]
    before = host.snapshot()
    other = ["dnsmasq", "--conf-file=/dev/null", "--port=0", f"--interface={BRIDGE}", "--bind-dynamic", "--pid-file=/run/other.pid"]
    host.exec([*other, "--dhcp-range=10.77.0.0,static", "--dhcp-leasefile=/run/other.leases"])
    pid = host.exec(["cat", "/run/other.pid"]).stdout.strip()
    refused = product.module(host.name, "vnet_dhcp", {"networks": [NETWORK]})
    assert [problem["message"].split(";")[0] for problem in refused["problems"]] == [
        f"port 67 (DHCP) is taken on {BRIDGE} by dnsmasq (pid {pid})"
    ]
    host.exec(["kill", pid])

    # dnsmasq's own words, for what only dnsmasq knows: of its rules, and of the host.
    wrong = {**NETWORK, "options": [{"name": "ntp-server", "values": ["300.300.300.300"]}]}
    failed = product.module(host.name, "vnet_dhcp", {"networks": [wrong]})
    assert "dnsmasq: bad IPv4 address at line" in failed["msg"] and "the host is as it was before" in failed["msg"], failed["msg"]
    host.exec(["mkdir", "-p", f"{LEASES}/in-the-way"])
    failed = product.module(host.name, "vnet_dhcp", {"networks": [NETWORK]})
    assert "cannot open or create lease file" in failed["msg"], failed["msg"]
    host.exec(["rm", "-r", LEASES])
    assert diff_snapshots(before, host.snapshot()) == [] and UNIT not in host.failed_units()

    # A running service goes on as before when a change of it fails.
    run(product, host, NETWORK)
    pid = serves(host)
    assert product.module(host.name, "vnet_dhcp", {"networks": [wrong]})["failed"]
    assert serves(host) == pid
    unchanged(run(product, host, NETWORK))

    # The bridge is not taken from under it. Somebody does it by hand, and it comes again later: so does the service.
    refused = product.module(host.name, "xen_bridge", {**BRIDGES, "state": "absent"})
    assert f"{BRIDGE} cannot go while the DHCP of {NAME} (owner 'site') needs it" in refused["msg"], refused
    anew_while_it_stops(host)
    host.exec(["ip", "link", "del", BRIDGE])
    wait_until(lambda: "inactive" in host.exec(["systemctl", "is-active", UNIT], check=False).stdout, 20, "dnsmasq stops with its bridge")
    assert product.module(host.name, "xen_bridge", BRIDGES)["changed"]
    wait_until(lambda: serves(host) != "0", 10, "dnsmasq comes with its bridge")
    unchanged(run(product, host, NETWORK))
    run(product, host, prune=True, allow_empty=True)
    assert diff_snapshots(before, host.snapshot()) == []
    assert product.module(host.name, "xen_bridge", {**BRIDGES, "state": "absent"})["changed"]


def anew_while_it_stops(host: Machine) -> None:
    """The new bridge is there before dnsmasq of the old one has ended, as on a busy machine."""
    pid, dropin = serves(host), f"/run/systemd/system/{UNIT}.d"
    slow = f"mkdir -p {dropin} && printf '[Service]\\nExecStopPost=sleep 1\\n' > {dropin}/slow.conf && systemctl daemon-reload"
    host.exec(["sh", "-c", slow])
    lines = ("link del {0}", "link add {0} type bridge", "link set {0} up", "address add 10.77.0.1/16 dev {0}")
    host.exec(["ip", "-batch", "-"], stdin="".join(f"{line.format(BRIDGE)}\n" for line in lines))
    wait_until(lambda: serves(host) not in ("0", pid), 20, "dnsmasq serves the new bridge")
    host.exec(["sh", "-c", f"rm -r {dropin} && systemctl daemon-reload"])


def many(changed: int = 0) -> dict[str, Any]:
    """Guests 1 to 200, each with an address and a port of the host. ``changed``: one that has others."""
    hosts, forwards = [], []
    for number in range(1, 201):
        address = f"10.77.{4 if number == changed else 3}.{number}"
        hosts.append({"mac": f"52:54:00:77:03:{number:02x}", "addresses": [address], "name": f"guest{number}"})
        forwards.append({"port": str(7000 + number), "to": address, "to_port": "7"})
    dhcp = {"ranges": NETWORK["ranges"], "domain": NETWORK["domain"], "hosts": hosts}
    network = {"name": NAME, "bridge": BRIDGE, "layout": "nat", "addresses": ["10.77.0.1/16"], "dhcp": dhcp, "forwards": forwards}
    return {"networks": [network]}


def test_one_of_two_hundred_changes_alone(fleet: Lab) -> None:
    host, product = fleet.host("dh12"), Product(fleet)
    before = host.snapshot()
    made = product.module(host.name, "vnet_host", many())
    assert made["changed"] and not made.get("failed"), made
    guests = [Guest.plug(host, BRIDGE, f"g{number}", mac=f"52:54:00:77:03:{number:02x}") for number in (1, 2, 3)]
    assert [leased(guest)[0] for guest in guests] == ["10.77.3.1", "10.77.3.2", "10.77.3.3"]
    for guest in guests:
        guest.exec(["ip", "route", "add", "default", "via", "10.77.0.1"])
        guest.exec(["sh", "-c", "busybox nc -ll -p 7 -e cat > /dev/null 2>&1 < /dev/null &"])
    world, address = fleet.site.enter(fleet.fabric.netns), host.address
    pid, leases = serves(host), host.exec(["cat", LEASES]).stdout
    with talking(world, address, 7001) as first, talking(world, address, 7002) as second, talking(world, address, 7003) as third:
        assert [say("before") for say in (first, second, third)] == ["before"] * 3
        change = product.module(host.name, "vnet_host", many(changed=2))
        assert len([line for line in change["commands"] if line.startswith("nft ")]) == 1, change["commands"]
        assert [line for line in change["commands"] if line.startswith("systemctl ")] == [f"systemctl reload {UNIT}"]
        # Who was forwarded to another guest has lost it; the others have noticed nothing.
        assert [say("after") for say in (first, second, third)] == ["after", "", "after"]
    assert (serves(host), host.exec(["cat", LEASES]).stdout) == (pid, leases)
    assert [leased(guest)[0] for guest in guests] == ["10.77.3.1", "10.77.4.2", "10.77.3.3"]

    # A guest that is declared without its network, as by the role guests: the same DHCP knows it, and forgets it.
    interface = {"network": BRIDGE, "name": "tap-mail", "mac": "52:54:00:77:05:01", "addresses": ["10.77.5.1/16"]}
    record = {"guests": [{"name": "mail", "interfaces": [interface]}], "owner": "guests"}
    told = product.module(host.name, "vnet_host", record)
    assert [line for line in told["commands"] if UNIT in line] == [f"systemctl reload {UNIT}"], told
    guests.append(Guest.plug(host, BRIDGE, "mail", mac=interface["mac"]))
    assert leased(guests[-1])[0] == "10.77.5.1" and known(guests[0], "mail.lab.example")
    unchanged(product.module(host.name, "vnet_host", many(changed=2)))
    gone = product.module(host.name, "vnet_host", {**record, "state": "absent"})
    assert f"systemctl reload {UNIT}" in gone["commands"], gone
    assert interface["mac"] not in host.exec(["cat", f"/etc/hypervisor-vnet/dhcp/{NAME}.hosts"]).stdout
    for guest in guests:
        guest.remove()
    assert product.module(host.name, "vnet_host", {**many(), "state": "absent"})["changed"]
    assert diff_snapshots(before, host.snapshot()) == []
