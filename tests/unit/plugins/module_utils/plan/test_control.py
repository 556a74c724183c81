# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which steps touch the controller's connection, and where the host is reached afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model import networkmanager
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import NextHop, Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import (
    Action,
    Await,
    EditLines,
    Ip,
    KillDaemon,
    Nft,
    Phase,
    Remove,
    Run,
    StartDaemon,
    Step,
    Sysctl,
    Write,
)
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.control import touched

UUID0, UUID1 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
INTERFACES = """\
auto lo eth0 eth1 eth1:2
iface eth0 inet static
  address 10.0.0.2/24
iface eth1 inet dhcp
iface eth1:2 inet static
  address 10.2.0.12/24
"""
LEASED = Address("10.0.0.2/24", broadcast="10.0.0.255", label="eth0", metric=100, dynamic=True, valid_lft=3600, preferred_lft=3600)
TUNED = Route(4, "192.0.2.0/24", "eth0", "10.0.0.9", protocol="static", metrics=(("mtu", "1400"),))
LINKS = (
    Link("lo", 1, type="loopback", addresses=(Address("127.0.0.1/8", scope="host"),)),
    Link("eth0", 2, up=True, carrier=True, addresses=(LEASED, Address("2001:db8::2/64"), Address("fe80::2/64", scope="link"))),
    Link(
        "eth1", 3, mac="52:54:00:00:00:11", up=True, carrier=True, addresses=(Address("10.2.0.2/24"), Address("fe80::3/64", scope="link"))
    ),
    Link("eth2", 4, up=True, carrier=True),
    Link("eth3", 5, up=True, carrier=True),
    Link("eth0.200", 6, kind="vlan", lower="eth0", up=True, carrier=True),
    Link("xenbr9", 7, kind="bridge", up=True, bridge=BridgeSettings()),
    Link("tap9", 8, kind="tun", up=True, master="xenbr9"),
)
ROUTES = (
    Route(4, "default", "eth0", "10.0.0.1", metric=100),
    Route(4, "10.0.0.0/24", "eth0", protocol="kernel", metric=100),
    Route(4, "default", "eth1", "10.2.0.1", metric=200),
    Route(4, "10.2.0.0/24", "eth1", protocol="kernel"),
    Route(6, "2001:db8::/64", "eth0", protocol="kernel", metric=256),
    Route(6, "default", "eth0", "fe80::1", metric=1024, protocol="ra"),
    TUNED,
)
FILES = {
    "/etc/network/interfaces": FileState(INTERFACES),
    "/etc/udev/rules.d/70-hypervisor-vnet.rules": FileState('KERNEL=="eth0"\n'),
    "/etc/systemd/network/lan.network": FileState("[Match]\nName=eth0\n"),
}
DEVICES = {"eth0": networkmanager.Device("ethernet", "connected", UUID0), "eth1": networkmanager.Device("ethernet", "connected", UUID1)}
FAR = ControlPath("203.0.113.9", "10.0.0.2", "eth0", "10.0.0.1")
FAR6 = ControlPath("2001:db8:9::9", "2001:db8::2", "eth0", "fe80::1")
STATE = HostState(
    {link.name: link for link in LINKS},
    ROUTES,
    sysctls={"net/ipv4/conf/all/rp_filter": "1", "net/ipv6/conf/eth0/accept_ra": "1", "net/bridge/bridge-nf-call-iptables": "0"},
    files=FILES,
    managers={"networkmanager": networkmanager.Facts(True, DEVICES)},
    control=FAR,
)


def touches(*actions: Action, state: HostState = STATE) -> tuple[str, ...]:
    return touched([Step(Phase.LINK, "", (action,)) for action in actions], state)


@pytest.mark.parametrize(
    ("line", "control"),
    [
        ("link set dev eth0 master br0", "eth0 becomes a port of br0"),
        ("link set dev eth2 master xenbr9", ""),
        ("link set dev eth01 master br0", ""),
        ("link set dev eth0.200 master br200", ""),
        ("link set dev veth0 nomaster", ""),
        ("link set dev eth0 nomaster", "eth0 leaves "),
        ("link set dev eth0 down", "eth0 goes down"),
        ("link set dev eth0 up", ""),
        ("link set dev eth1 down", ""),
        ("link set dev eth0 mtu 1400", "eth0 gets mtu 1400"),
        ("link set dev eth0 address 52:54:00:00:00:01", "eth0 gets address 52:54:00:00:00:01"),
        ("link del dev eth0", "eth0 is removed"),
        ("link del dev xenbr9", ""),
        ("link add link eth0 name eth0.5 type vlan id 5", "interfaces: ip link add link eth0 name eth0.5 type vlan id 5"),
        ("link add name xenbr1 address 52:54:00:00:00:11 type bridge forward_delay 0", ""),
        ("address del 10.0.0.2/24 dev eth0", "addresses: 10.0.0.2 leaves eth0"),
        ("address replace 10.0.0.2/24 dev br0", "addresses: 10.0.0.2 comes to br0"),
        ("address replace 10.9.0.3/24 dev eth0", "addresses: 10.9.0.3 comes to eth0"),
        ("address replace 10.0.0.11/32 dev xenbr9", ""),
        ("address del 10.2.0.2/24 dev eth1", ""),
        ("address replace 203.0.0.1/16 dev xenbr9", "addresses: 203.0.0.1/16 comes to xenbr9 (the network of 203.0.113.9)"),
        ("address replace 10.0.0.1/32 dev xenbr9", "addresses: 10.0.0.1 comes to xenbr9"),
        ("address replace 10.8.0.1 peer 203.0.113.9/32 dev tap9", "addresses: 10.8.0.1 comes to tap9 (the network of 203.0.113.9)"),
        ("address replace 10.0.0.200/24 dev xenbr9", "addresses: 10.0.0.200/24 comes to xenbr9 (the network of 10.0.0.1)"),
        ("address replace 10.0.0.200/24 metric 101 dev xenbr9", ""),
        ("address replace 10.1.2.3/8 dev xenbr9", ""),
        ("address replace fe80::77/64 scope link nodad dev br1", ""),
        (LEASED.add_line("eth0"), ""),
        (LEASED.moved("eth0", "eth0").add_line("eth0", settled=True), ""),
        ("route replace default via 10.0.0.1 dev br0 table main metric 100", "routes: default through br0"),
        ("route replace default via 10.2.0.1 dev br1 table main metric 200", ""),
        ("route replace default via 10.2.0.1 dev br1 table main metric 100", "routes: default through br1"),
        ("route replace default via 10.2.0.1 dev br1", "routes: default through br1"),
        ("route replace default via 10.2.0.1 dev br1 table 100 metric 200", "routes: default of table 100 through br1"),
        ("route del default via 10.0.0.1 dev eth0 metric 100", "routes: default goes"),
        ("route del default via 10.2.0.1 dev eth1 metric 200", ""),
        ("route replace 203.0.113.0/24 via 10.2.0.9 dev eth1 metric 500", "routes: 203.0.113.0/24 through eth1"),
        ("route replace blackhole 203.0.113.9 table main", "routes: 203.0.113.9"),
        ("route replace 10.0.0.0/25 dev xenbr9", "routes: 10.0.0.0/25 through xenbr9"),
        ("route replace 198.51.100.0/24 via 10.2.0.9 dev eth1", ""),
        ("route replace 198.51.100.0/24 via 10.0.0.9 dev eth0", "routes: 198.51.100.0/24 through eth0"),
        (
            "route replace 198.51.100.0/24 table main nexthop via 10.2.0.9 dev eth1 nexthop via 10.0.0.9 dev eth0",
            "routes: 198.51.100.0/24 through eth0, eth1",
        ),
        ("route replace ::/0 via fe80::1 dev br1 table main metric 512", ""),
        ("route replace strange", "routes: strange"),
        (TUNED.line("replace"), ""),
        ("rule add priority 100 from 10.0.0.2 table 100", "policy rules: add priority 100 from 10.0.0.2 table 100"),
        ("rule add priority 100 from all iif eth1 table 100", ""),
        ("rule add priority 100 not from all iif eth1 table 100", "policy rules: add priority 100 not from all iif eth1 table 100"),
        ("rule del priority 100 from all oif eth0 table 100", "policy rules: del priority 100 from all oif eth0 table 100"),
        ("rule add priority 100 from all iif lo table 100", "policy rules: add priority 100 from all iif lo table 100"),
        ("-6 rule add priority 100 from all table 100", ""),
        ("neigh replace 10.0.0.1 lladdr 52:54:00:00:00:99 dev br0 nud permanent", "neighbours: 10.0.0.1 of br0"),
        ("neigh replace proxy 203.0.113.9 dev eth1", "neighbours: 203.0.113.9 of eth1"),
        ("neigh replace 10.0.0.11 lladdr 52:54:00:00:00:99 dev eth0 nud stale", ""),
        ("xfrm policy flush", "commands: ip xfrm policy flush"),
    ],
)
def test_lines_of_ip(line: str, control: str) -> None:
    assert "\n".join(touches(Ip(line))) == control
    command = Run(("ip", *line.split()))
    assert "\n".join(touches(command)) == (control if not line.startswith("-6") else "")


@pytest.mark.parametrize(
    ("line", "is_touched"),
    [
        ("address replace 2001:db8::2/64 nodad dev br0", True),
        ("address replace 2001:db8:9::1/64 dev xenbr9", True),
        ("address replace 2001:db8:30::1/64 dev xenbr9", False),
        ("address replace fe80::1/64 scope link dev xenbr9", False),
        ("address replace fe80::1/64 scope link dev eth0", True),
        ("neigh replace fe80::1 lladdr 52:54:00:00:00:99 dev br1 nud stale", False),
        ("neigh replace fe80::1 lladdr 52:54:00:00:00:99 dev eth0 nud stale", True),
        ("route replace ::/0 via fe80::1 dev br1 table main metric 1024", True),
        ("route replace ::/0 via fe80::1 dev br1 table main", True),
        ("route replace ::/0 via fe80::1 dev br1 table main metric 2048", False),
        ("route replace default via 10.0.0.1 dev br0 table main", False),
        ("rule add priority 100 from all table 100", False),
        ("-6 rule add priority 100 from all table 100", True),
    ],
)
def test_lines_of_ip_for_a_peer_in_ipv6(line: str, is_touched: bool) -> None:
    assert bool(touches(Ip(line), state=replace(STATE, control=FAR6))) == is_touched


@pytest.mark.parametrize(
    ("action", "is_touched"),
    [
        (Nft("add rule inet vnet_zones input drop"), True),
        (Await("up", 3.0, path="/sys/class/net/eth0/operstate"), False),
        (Sysctl("net/ipv6/conf/eth0/accept_ra", "0"), True),
        (Sysctl("net/ipv6/conf/eth0/accept_ra", "1"), False),
        (Sysctl("net/ipv6/conf/eth0.200/accept_ra", "0"), False),
        (Sysctl("net/ipv6/conf/eth01/disable_ipv6", "1"), False),
        (Sysctl("net/ipv6/conf/all/disable_ipv6", "1"), True),
        (Sysctl("net/ipv4/conf/default/rp_filter", "1"), True),
        (Sysctl("net/ipv4/conf/all/rp_filter", "2"), True),
        (Sysctl("net/ipv4/conf/all/rp_filter", "0"), False),
        (Sysctl("net/ipv4/conf/all/rp_filter", "1"), False),
        (Sysctl("net/ipv4/conf/all/forwarding", "1"), True),
        (Sysctl("net/ipv4/ip_forward", "1"), True),
        (Sysctl("net/ipv4/neigh/eth0/proxy_delay", "1"), True),
        (Sysctl("net/bridge/bridge-nf-call-iptables", "1"), False),
        (Sysctl("kernel/printk", "1"), False),
        (Write("/etc/systemd/network/05-hypervisor-vnet-eth0.network", ""), True),
        (Write("/etc/systemd/network/05-hypervisor-vnet-eth0.200.network", ""), False),
        (Write("/etc/systemd/network/05-hypervisor-vnet-xenbr1.network", "[Match]\nName=xenbr1\n"), False),
        (Write("/etc/systemd/network/50-x.network", "[Match]\nName=eth1 eth0\n"), True),
        (Write("/etc/systemd/network/50-x.network", "[Match]\nName=eth01 veth0\n"), False),
        (Write("/etc/systemd/network/lan.network", "[Match]\nName=eth7\n"), True),
        (Remove("/etc/systemd/network/lan.network"), True),
        (Write("/run/systemd/network/10-eth0.network.d/zz-hypervisor-vnet.conf", "[Network]\nKeepConfiguration=yes\n"), False),
        (Remove("/run/systemd/network/10-eth0.network.d/zz-hypervisor-vnet.conf"), False),
        (Write("/run/systemd/network/10-eth0.network.d/other.conf", ""), True),
        (Write("/run/NetworkManager/devices/{index:eth0}", "[device]\n"), True),
        (Write("/run/NetworkManager/devices/{index:eth1}", f"[device]\nconnection-uuid={UUID1}\n"), False),
        (Write("/run/NetworkManager/devices/{index:eth1}", f"[device]\nconnection-uuid={UUID0}\n"), True),
        (Write("/etc/udev/rules.d/70-hypervisor-vnet.rules", 'KERNEL=="eth0"\nKERNEL=="xenbr1"\n'), False),
        (Write("/etc/udev/rules.d/70-hypervisor-vnet.rules", 'KERNEL=="xenbr1"\n'), True),
        (Write("/etc/network/interfaces", "source /x\n" + INTERFACES), False),
        (Write("/etc/network/interfaces", INTERFACES.replace("iface eth1 inet dhcp", "#")), False),
        (Write("/etc/network/interfaces", INTERFACES.replace(" eth1:2\n", "\n")), False),
        (Write("/etc/network/interfaces", INTERFACES.replace("lo eth0", "lo")), True),
        (Write("/etc/network/interfaces", INTERFACES.replace("10.0.0.2/24", "10.0.0.3/24")), True),
        (EditLines("/run/network/ifstate", ("eth1=eth1",), ("xenbr1=xenbr1",)), False),
        (EditLines("/run/network/ifstate", ("eth0=eth0",)), True),
        (StartDaemon(("dhclient", "-4", "-pf", "/run/dhclient.eth1.pid", "eth1"), "/run/dhclient.eth1.pid"), False),
        (StartDaemon(("dhclient", "-4", "eth0"), "/run/d.pid"), True),
        (KillDaemon("/run/dhclient.eth0.pid", "dhclient"), True),
        (KillDaemon("/run/dhclient.eth1.pid", "dhclient"), False),
        (Run(("networkctl", "reload")), False),
        (Run(("networkctl", "reconfigure", "eth0")), True),
        (Run(("ifup", "eth1")), True),
        (Run(("ifquery", "eth0")), False),
        (Run(("nmcli", "device", "set", "eth1", "managed", "no")), False),
        (Run(("nmcli", "connection", "up", UUID0)), True),
        (Run(("nmcli", "device", "reapply", "xenbr9"), otherwise=("nmcli", "connection", "up", UUID0)), True),
        (Run(("udevadm", "control", "--reload")), False),
        (Run(("modprobe", "br_netfilter")), False),
        (Run(("systemctl", "stop", "NetworkManager")), False),
        (Run(("systemctl", "kill", "--signal=SIGUSR2", "systemd-networkd.service")), False),
        (Run(("systemctl", "start", "systemd-networkd.socket", "systemd-networkd.service")), False),
        (Run(("systemctl", "disable", "NetworkManager")), True),
        (Run(("systemctl", "stop", "systemd-networkd.service", "sshd.service")), True),
        (Run(("systemctl", "restart", "networking")), True),
        (Run(("env", "IFACE=xenbr1", "/etc/network/if-up.d/000resolvconf")), False),
        (Run(("env", "IFACE=eth0", "/etc/network/if-up.d/000resolvconf")), True),
        (Run(("env", "LANG=C", "reboot")), True),
        (Run(("/etc/NetworkManager/dispatcher.d/hypervisor-vnet-xenbr1", "xenbr1", "up")), False),
        (Run(("conntrack", "-F")), True),
        (Run(("systemctl", "enable", "hypervisor-vnet-nftables.service")), False),
        (Nft('add element bridge vnet_guard mac { "vif1.0" . 00:16:3e:00:00:01 }\n'), False),
        (Nft('table bridge vnet_guard {\n\tset from_guest {\n\t\telements = { "vif1.0" }\n\t}\n}\n'), False),
        (Nft('add element bridge vnet_guard from_guest { "eth0" }\n'), True),
        (Nft('table bridge vnet_guard {\n\tchain prerouting {\n\t\tiifname "et*" drop\n\t}\n}\n'), True),
        (Nft("delete table bridge vnet_guard\nflush ruleset\n"), True),
    ],
)
def test_other_actions(action: Action, is_touched: bool) -> None:
    found = touches(action)
    assert bool(found) == is_touched, found


def test_without_a_connection_nothing_touches_it() -> None:
    assert touches(Ip("link del dev eth0"), Nft("flush ruleset"), state=replace(STATE, control=None)) == ()


def with_links(*links: Link, control: ControlPath, routes: tuple[Route, ...] = ROUTES) -> HostState:
    return replace(STATE, links={**STATE.links, **{link.name: link for link in links}}, control=control, routes=routes)


BOND = (Link("eth4", 14, master="bond0"), Link("eth5", 15, master="bond0"), Link("bond0", 16, kind="bond", master="xenbr0"))
STACK = with_links(
    *BOND,
    Link("xenbr0", 20, kind="bridge", bridge=BridgeSettings()),
    Link("xenbr0.7", 21, kind="vlan", lower="xenbr0", addresses=(Address("10.7.0.2/24"),)),
    Link("vif3.0", 22, master="xenbr0"),
    control=ControlPath("10.7.0.9", "10.7.0.2", "xenbr0.7"),
)


@pytest.mark.parametrize("name", ["xenbr0.7", "xenbr0", "bond0", "eth4", "eth5", "vif3.0"])
def test_everything_under_the_interface_counts(name: str) -> None:
    assert touches(Ip(f"link set dev {name} down"), state=STACK) == (f"{name} goes down",)
    assert touches(Ip("link set dev eth1 down"), Run(("modprobe", "xen-netback")), state=STACK) == ()


@pytest.mark.parametrize("name", ["eth4", "bond0", "xenbr0"])
def test_everything_above_the_interface_counts(name: str) -> None:
    state = replace(STACK, control=ControlPath("203.0.113.9", "10.9.9.9", "eth4"))
    assert touches(Ip(f"link set dev {name} down"), state=state) == (f"{name} goes down",)


def test_a_bridge_under_it_hears_the_bridge_filter() -> None:
    assert touches(Sysctl("net/bridge/bridge-nf-call-iptables", "1"), state=STACK)
    assert touches(Run(("modprobe", "br_netfilter")), state=STACK)
    assert touches(Ip("link set dev xenbr0 type bridge vlan_filtering 1"), state=STACK) == ("xenbr0 gets vlan_filtering 1",)


def test_the_answers_may_leave_by_another_interface_than_was_spoken_to() -> None:
    asymmetric = replace(STATE, control=ControlPath("203.0.113.9", "10.2.0.2", "eth0", "10.0.0.1"))
    for name in ("eth0", "eth1"):
        assert touches(Ip(f"link set dev {name} down"), state=asymmetric)
    hops = (NextHop("eth2", "10.4.0.1"), NextHop("eth3", "10.5.0.1"))
    both = with_links(control=ControlPath("203.0.113.9", "10.2.0.2", "eth2", "10.4.0.1"), routes=(Route(4, "default", nexthops=hops),))
    for name in ("eth1", "eth2", "eth3"):
        assert touches(Ip(f"link set dev {name} down"), state=both)
    assert not touches(Ip("link set dev eth0 down"), state=both)


@pytest.mark.parametrize(
    "links",
    [
        (Link("mgmt0", 30, kind="wireguard", type="none", addresses=(Address("10.66.0.2/24"),)),),
        (Link("mgmt0", 30, kind="gre", type="gre", lower="eth0", addresses=(Address("10.66.0.2/24"),)),),
        (Link("mgmt0", 30, kind="openvswitch", addresses=(Address("10.66.0.2/24"),)),),
        (Link("mgmt0", 30, kind="bridge", addresses=(Address("10.66.0.2/24"),)), Link("tap1", 31, kind="tun", master="mgmt0")),
        (),
    ],
)
def test_what_carries_a_tunnel_may_be_any_interface(links: tuple[Link, ...]) -> None:
    state = with_links(*links, control=ControlPath("10.66.0.9", "10.66.0.2", "mgmt0"))
    assert touches(Ip("link set dev eth1 master br1"), state=state) == ("eth1 becomes a port of br1",)
    assert touches(Ip("route replace default via 10.30.0.9 dev br1 metric 900"), state=state) == ("routes: default through br1",)
    assert touches(Ip("address replace 10.30.0.1/24 dev br1"), state=state) == (
        "addresses: 10.30.0.1/24 comes to br1 (the network of 10.66.0.9)",
    )
    assert touches(Ip("link add name br1 type bridge"), Ip("link set dev br1 up"), Run(("networkctl", "reload")), state=state) == ()


def test_two_cards_in_one_bridge_may_close_a_loop() -> None:
    plug = (Ip("link set dev eth2 master br1"), Ip("link set dev eth3 master br1"))
    new = Ip("link add name br1 type bridge forward_delay 0")
    assert touches(new, *plug) == ("eth2 becomes a port of br1", "eth3 becomes a port of br1")
    assert touches(new, plug[0]) == ()
    assert touches(Ip("link add name br1 type bridge stp_state 1"), *plug) == ()


@pytest.mark.parametrize(
    ("made", "control"),
    [
        ("link add name br0 type bridge stp_state 1", "eth0 becomes a port of br0, which blocks it for about 30 s (STP)"),
        ("link add name br0 type bridge stp_state 1 forward_delay 400", "eth0 becomes a port of br0, which blocks it for about 8 s (STP)"),
        ("link add name br0 type bridge forward_delay 0", "eth0 becomes a port of br0"),
    ],
)
def test_stp_makes_the_uplink_wait(made: str, control: str) -> None:
    assert touches(Ip(made), Ip("link set dev eth0 master br0")) == (control,)


def test_a_new_port_of_its_bridge() -> None:
    assert touches(Ip("link set dev tap5 master xenbr0"), state=STACK) == ("tap5 becomes a port of xenbr0",)


def test_an_address_competes_with_the_metric_that_the_kernel_gives_it() -> None:
    routes = (Route(6, "2001:db8::/64", "eth0", protocol="ra", metric=100),)
    state = replace(STATE, routes=routes, control=ControlPath("2001:db8::9", "2001:db8::2", "eth0"))
    assert touches(Ip("address replace 2001:db8::3/64 dev xenbr9"), state=state) == ()
    assert touches(Ip("address replace 2001:db8::3/64 metric 100 dev xenbr9"), state=state)


def test_stp_switched_on_makes_all_ports_wait() -> None:
    lines = (Ip("link set dev xenbr0 type bridge forward_delay 400"), Ip("link set dev xenbr0 type bridge stp_state 1"))
    assert touches(*lines, state=STACK) == (
        "xenbr0 gets forward_delay 400",
        "xenbr0 gets stp_state 1, which blocks its ports for about 8 s",
    )


def test_a_route_made_again_is_a_gap_only_for_those_behind_it() -> None:
    words = TUNED.words()
    again = (Run(("ip", "route", "del", *words), may_fail=True), Run(("ip", "route", "replace", *words)))
    assert touches(*again) == ()
    behind = replace(STATE, control=replace(FAR, peer="192.0.2.9", gateway="10.0.0.9"))
    assert touches(*again, state=behind) == ("routes: 192.0.2.0/24 goes",)
    assert touches(again[0]) == ("routes: 192.0.2.0/24 goes",)


def test_routes_to_guests() -> None:
    def file(*lines: str) -> Write:
        return Write("/etc/hypervisor-vnet/routes/n1", "".join(f"ip {line}\n" for line in lines))

    proxy = "neigh replace proxy 10.0.0.190 dev eth0"
    assert touches(file("route replace 10.0.0.190 dev n1 table main proto 119", proxy), Ip(proxy)) == ()
    assert touches(Remove("/etc/hypervisor-vnet/routes/n1"), Run(("systemctl", "stop", "hypervisor-vnet-routes.service"))) == ()
    # What takes the peer away, now or when the interface appears.
    assert touches(file("route replace 203.0.113.9 dev n1 table main proto 119")) != ()
    assert touches(Nft('table inet vnet_route {\n\telements = { "n1" }\n}\n')) == ()
    assert touches(Nft('table inet vnet_route {\n\telements = { "eth0" }\n}\n')) != ()


def test_long_rows_are_cut() -> None:
    settings = [Sysctl(f"net/ipv4/conf/eth0/{key}", "1") for key in "abcdef"]
    assert touches(*settings, *settings) == (
        "kernel settings: " + ", ".join(f"net/ipv4/conf/eth0/{key} = 1" for key in "abcd") + " and 2 more",
    )
    plugs = [Ip(f"link set dev tap{number} master xenbr0") for number in range(12)]
    assert touches(*plugs, state=STACK) == (*(f"tap{number} becomes a port of xenbr0" for number in range(10)), "and 2 more")
