# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of libvirt: the least disruptive way from what is there to what is declared, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import HOST_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec_libvirt import LIBVIRT_NETWORK_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.libvirt import LibvirtFacts, Plug, SeenNetwork
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.nat import read_nats
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import RulesetFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, HostState, Link, TapDevice
from ansible_collections.hypervisor.vnet.plugins.module_utils.options import host_document, libvirt_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.control import touched
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.nat import plan_nat
from ansible_collections.hypervisor.vnet.tests.unit.plugins.module_utils.plan.pretend_libvirt import MAC, UUID, PretendLibvirt

WEB = {"mac": "52:54:00:00:00:01", "name": "web", "address": "10.7.0.10"}
DB = {"mac": "52:54:00:00:00:02", "name": "db", "address": "10.7.0.11"}
OFFICE: dict[str, Any] = {
    "name": "office",
    "bridge": "virbr7",
    "addresses": [{"address": "10.7.0.1/24", "ranges": ["10.7.0.100-10.7.0.199"], "hosts": [WEB]}, {"address": "2001:db8:7::1/64"}],
    "dns": {"hosts": [{"address": "10.7.0.1", "names": ["gate"]}]},
    "portgroups": [{"name": "slow", "bandwidth": {"inbound": {"average": 100}}}],
}
DEFAULT = f"""<network><name>default</name>{UUID}<forward mode='nat'/><bridge name='virbr0' stp='on' delay='0'/>{MAC}
<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip></network>"""


def commands(plan: Plan) -> list[str]:
    return [
        line
        for step in plan.steps
        for action in step.do
        for line in action.command().splitlines()
        if line.startswith(("virsh", "ip", "bridge"))
    ]


def office(**changes: Any) -> dict[str, Any]:
    return {**OFFICE, **changes}


def subnet(**changes: Any) -> dict[str, Any]:
    return office(addresses=[{**OFFICE["addresses"][0], **changes}, OFFICE["addresses"][1]])


def with_guest(isolated: bool = False) -> PretendLibvirt:
    libvirt = PretendLibvirt()
    libvirt.run([OFFICE])
    libvirt.links["vnet0"] = Link("vnet0", 9, master="virbr7")
    libvirt.plugs = (Plug("vnet0", "web", WEB["mac"], "office", "virbr7", isolated, ("vid 10 pvid untagged",), 1400),)
    return libvirt


def with_default(autostart: bool = True) -> PretendLibvirt:
    links = {"virbr0": Link("virbr0", 4, "bridge", bridge=BridgeSettings())}
    return PretendLibvirt({"default": SeenNetwork(DEFAULT, DEFAULT, autostart)}, links=links)


def test_a_network_comes_and_goes() -> None:
    libvirt = PretendLibvirt()
    plan = libvirt.run([OFFICE])
    assert commands(plan) == ["virsh net-define /dev/stdin <<'EOF'", "virsh net-autostart office", "virsh net-start office"]
    assert (
        plan.texts["network office (libvirt)"][0] == "" and "    range 10.7.0.100-10.7.0.199" in plan.texts["network office (libvirt)"][1]
    )
    assert commands(libvirt.run([], prune=True)) == ["virsh net-destroy office", "virsh net-undefine office"]
    assert libvirt.networks == {}


@pytest.mark.parametrize(
    ("changed", "sections"),
    [
        (subnet(hosts=[WEB, DB]), ["add-last ip-dhcp-host"]),
        (subnet(hosts=[{**WEB, "address": "10.7.0.12"}]), ["delete ip-dhcp-host", "add-last ip-dhcp-host"]),
        (subnet(hosts=[]), ["delete ip-dhcp-host"]),
        (subnet(ranges=["10.7.0.50-10.7.0.99", "10.7.0.100-10.7.0.199"]), ["add-last ip-dhcp-range"]),
        (office(dns={"hosts": [], "txt": [{"name": "a", "value": "b"}], "srv": [{"service": "ldap", "protocol": "tcp"}]}),
         ["delete dns-host", "add-last dns-srv", "add-last dns-txt"]),
        (office(portgroups=[]), ["delete portgroup"]),
        (office(portgroups=[{"name": "slow", "bandwidth": {"inbound": {"average": 200}}}]), ["delete portgroup", "add-last portgroup"]),
    ],
)  # fmt: skip
def test_what_changes_live(changed: dict[str, Any], sections: list[str]) -> None:
    libvirt = with_guest()
    plan = libvirt.run([changed])
    said = commands(plan)
    assert said[0].startswith("virsh net-define") and not plan.disrupts
    assert [" ".join(line.split()[3:5]) for line in said[1:]] == sections
    libvirt.undo(plan)
    assert plan_left(libvirt) == []


def plan_left(libvirt: PretendLibvirt) -> list[str]:
    return commands(libvirt.plan([OFFICE]))


@pytest.mark.parametrize(
    "changed",
    [
        office(stp=False),
        office(delay=2),
        office(mtu=9000),
        office(mac="52:54:00:99:99:99"),
        office(zone="dmz"),
        office(forward={"mode": "route"}),
        office(forward={"nat_ports": "2000-3000"}),
        office(domain={"name": "office.example"}),
        office(dns={"enable": False}),
        office(bandwidth={"inbound": {"average": 100}}),
        office(port_isolation=True),
        office(dnsmasq_options=["log-queries"]),
        office(routes=[{"to": "10.8.0.0/16", "via": "10.7.0.9"}]),
        office(addresses=OFFICE["addresses"][:1]),
        subnet(tftp="/srv/tftp"),
        subnet(bootp={"file": "pxelinux.0"}),
        office(bridge="virbr8"),
    ],
)
def test_what_needs_a_restart(changed: dict[str, Any]) -> None:
    libvirt = with_guest(isolated=True)
    plan = libvirt.run([changed])
    bridge = changed["bridge"]
    assert commands(plan) == [
        "virsh net-define /dev/stdin <<'EOF'",
        "virsh net-destroy office",
        "virsh net-start office",
        "ip link set dev vnet0 mtu 1400",
        f"ip link set dev vnet0 master {bridge}",
        "ip link set dev vnet0 type bridge_slave isolated on",
        "bridge vlan add dev vnet0 vid 10 pvid untagged",
        "bridge vlan del dev vnet0 vid 1",
    ]
    assert plan.disrupts == ("network office is restarted, and these lose it for a moment: vnet0 of web",)
    libvirt.undo(plan)
    assert plan_left(libvirt) == [] and libvirt.links["vnet0"].master == "virbr7"


def test_another_name_takes_the_bridge_over() -> None:
    libvirt = PretendLibvirt()
    libvirt.run([OFFICE])
    libvirt.links["virbr7"] = replace(libvirt.links["virbr7"], addresses=(Address("10.7.0.1/24"),))
    said = commands(libvirt.run([office(name="bureau")], prune=True))
    assert [line.split()[1] for line in said] == ["net-destroy", "net-undefine", "net-define", "net-autostart", "net-start"]


def test_without_guests_nobody_is_asked() -> None:
    libvirt = PretendLibvirt()
    libvirt.run([OFFICE])
    plan = libvirt.run([office(mtu=9000)])
    assert "virsh net-destroy office" in commands(plan) and plan.disrupts == ()


def test_a_guest_that_lost_its_bridge_is_plugged_in_again() -> None:
    libvirt = with_guest()
    libvirt.links["vnet0"] = Link("vnet0", 9)
    assert "ip link set dev vnet0 master virbr7" in commands(libvirt.run([OFFICE]))
    # One that was moved to another bridge on purpose stays there.
    libvirt.links["vnet0"] = Link("vnet0", 9, master="br9")
    assert commands(libvirt.plan([OFFICE])) == []


def test_the_default_network_is_switched_off_and_given_back() -> None:
    libvirt = with_default()
    off = {"name": "default", "active": False, "autostart": False}
    with pytest.raises(
        Refused, match=r"networks\[0\].name: libvirt has a network default that was not declared here; adopt: true takes it over"
    ):
        libvirt.plan([off])
    plan = libvirt.run([off], adopt=True)
    assert commands(plan) == ["virsh net-destroy default", "virsh net-autostart default --disable"]
    assert libvirt.networks["default"] == SeenNetwork(DEFAULT, "", False)
    plan = libvirt.run([], ("default",))
    assert commands(plan) == ["virsh net-autostart default", "virsh net-start default"]


def test_an_adopted_network_gets_its_definition_back() -> None:
    libvirt = with_default(autostart=False)
    item = {
        "name": "default",
        "bridge": "virbr0",
        "addresses": [{"address": "192.168.122.1/24", "ranges": ["192.168.122.9-192.168.122.99"]}],
    }
    plan = libvirt.run([item], adopt=True)
    assert [line.split()[1] for line in commands(plan)] == ["net-define", "net-autostart", "net-update", "net-update"]
    assert UUID in libvirt.networks["default"].stored and MAC.replace("'", '"') in libvirt.networks["default"].stored
    libvirt.run([], ("default",))
    assert not libvirt.networks["default"].autostart and "192.168.122.254" in libvirt.networks["default"].running
    # In its own words, which mean the same.
    assert "netmask='255.255.255.0'" in libvirt.networks["default"].stored


def test_names_with_two_addresses_are_not_told_live() -> None:
    libvirt = PretendLibvirt()
    libvirt.run([OFFICE])
    two = {"hosts": [*OFFICE["dns"]["hosts"], {"address": "10.7.0.2", "names": ["gate"]}]}
    assert "virsh net-destroy office" in commands(libvirt.run([office(dns=two)]))


def test_foreign_networks_stay() -> None:
    libvirt = with_default()
    libvirt.run([OFFICE])
    assert not any("default" in line for line in commands(libvirt.run([], prune=True)))


def test_what_somebody_else_changed_is_put_right() -> None:
    libvirt = with_guest()
    seen = libvirt.networks["office"]
    libvirt.networks["office"] = SeenNetwork(seen.stored, seen.running.replace("10.7.0.199", "10.7.0.150"), False)
    plan = libvirt.run([OFFICE])
    assert [line.split()[1] for line in commands(plan)] == ["net-autostart", "net-update", "net-update"]
    assert "range 10.7.0.100-10.7.0.150" in plan.texts["network office as it runs (libvirt)"][0]


def refused(libvirt: PretendLibvirt, *items: dict[str, Any], state: HostState | None = None, **options: Any) -> list[str]:
    if state:
        libvirt.state = lambda: state  # type: ignore[method-assign]
    with pytest.raises(Refused) as raised:
        libvirt.plan(list(items), **options)
    return [str(problem) for problem in raised.value.problems]


def test_everything_that_the_host_has_against_it() -> None:
    libvirt = with_default()
    libvirt.links["eth0"] = Link("eth0", 2, addresses=(Address("192.168.130.31/24"),))
    libvirt.links["br9"] = Link("br9", 3, "bridge", bridge=BridgeSettings())
    found = refused(
        libvirt,
        {"name": "a", "bridge": "br9", "addresses": [{"address": "192.168.130.1/25"}]},
        {"name": "b", "bridge": "virbr0"},
        {"name": "c", "bridge": "br8", "forward": {"mode": "bridge"}},
        {"name": "d", "forward": {"mode": "nat", "dev": "eth9"}},
        {"name": "e", "active": False},
    )
    assert [text.split(";")[0] for text in found] == [
        "networks[0].bridge: br9 is there already, and not libvirt's",
        "networks[0].addresses[0]: 192.168.130.0/25 is in use: eth0 has 192.168.130.31/24",
        "networks[1].bridge: virbr0 is the bridge of libvirt's network default already",
        "networks[2].bridge: br8 is no bridge of this host",
        "networks[3].forward: eth9 is no interface of this host",
        "networks[4].name: libvirt has no network e that could stay as it is",
    ]


def test_what_is_wrong_in_itself_comes_with_what_the_host_has_against_it() -> None:
    subnet = {"address": "192.168.122.1/24", "ranges": ["192.168.130.100-192.168.130.199"]}
    host = {"mac": "52:54:00:00:00:01", "address": "10.9.0.9"}
    networks = [
        {"name": "a", "xml": "<network>"},
        {"name": "b", "bridge": "br9", "addresses": [{"address": "10.9.0.1/24", "hosts": [host, host]}]},
        {"name": "c", "addresses": [subnet], "forward": {"dev": "eth9"}},
    ]
    document = libvirt_document(ArgumentSpecValidator(LIBVIRT_NETWORK_OPTIONS).validate({"networks": networks}).validated_parameters)
    libvirt = PretendLibvirt()
    libvirt.links["eth0"] = Link("eth0", 2, addresses=(Address("192.168.122.31/24"),))
    libvirt.links["br9"] = Link("br9", 3, "bridge", bridge=BridgeSettings())
    with pytest.raises(Refused) as raised:
        plan_document(document, libvirt.state(), Applied())
    assert [str(problem).partition(";")[0] for problem in raised.value.problems] == [
        "networks[0].xml: is no XML: no element found: line 1, column 9",
        "networks[1].addresses[0].hosts[1].mac: 52:54:00:00:00:01 is already networks[1].addresses[0].hosts[0].mac",
        "networks[1].addresses[0].hosts[1].address: 10.9.0.9 is already networks[1].addresses[0].hosts[0].address",
        "networks[2].addresses[0].ranges[0]: 192.168.130.100-192.168.130.199 is outside 192.168.122.0/24",
        "networks[1].bridge: br9 is there already, and not libvirt's",
        "networks[2].addresses[0]: 192.168.122.0/24 is in use: eth0 has 192.168.122.31/24",
        "networks[2].forward: eth9 is no interface of this host",
    ]


@pytest.mark.parametrize(("mode", "refused_for"), [("nat", "nat"), ("route", "route"), ("isolated", "isolated"), ("open", "")])
def test_forwards_need_a_network_without_rules_of_libvirt(mode: str, refused_for: str) -> None:
    libvirt = PretendLibvirt()
    libvirt.run([office(forward={"mode": mode})])
    forward = {"port": "8080", "to": "10.7.0.10", "protocol": "tcp"}
    nats, wrong = read_nats([{"name": "office", "bridge": "virbr7", "sources": ["10.7.0.0/24"], "forwards": [forward]}])
    assert wrong == []
    state = replace(libvirt.state(), kinds={"ruleset": RulesetFacts((1, 0, 6))})
    plan = plan_nat(Document(nat=Declared(nats, path="networks")), state, libvirt.applied)
    said = f"networks[0].forwards: virbr7 is network office of libvirt, with forward mode {refused_for}, whose rules reject them"
    assert [str(problem).partition(";")[0] for problem in plan.problems] == ([said] if refused_for else [])


def test_a_host_without_libvirt() -> None:
    state = HostState({}, kinds={"libvirt": LibvirtFacts(missing="virsh is missing")})
    assert refused(PretendLibvirt(), OFFICE, state=state) == ["virsh is missing"]


@pytest.mark.parametrize(("dev", "touches"), [("virbr7", True), ("eth0", False)])
def test_a_controller_that_comes_by_the_network(dev: str, touches: bool) -> None:
    libvirt = with_guest()
    libvirt.links = {**libvirt.links, "eth0": Link("eth0", 2), "vnet0": Link("vnet0", 9, master="virbr7")}
    control = ControlPath("10.7.0.10", "10.7.0.1", dev, port=22)
    state = HostState(dict(libvirt.links), control=control, kinds=libvirt.state().kinds)
    plan = libvirt.plan([office(stp=False)])
    assert bool(touched(plan.steps, state)) == touches


def document(**options: Any) -> Document:
    checked = ArgumentSpecValidator(HOST_OPTIONS).validate(options)
    assert checked.error_messages == []
    return host_document(checked.validated_parameters)


LAYOUT: dict[str, Any] = {"name": "office", "layout": "libvirt", "bridge": "virbr7", "addresses": ["10.7.0.1/24"], "dhcp": {}}
TAP: dict[str, Any] = {"network": "office", "name": "tap0", "mac": "52:54:00:00:00:07", "addresses": ["10.7.0.7/24"]}


def planned(host: PretendLibvirt, **options: Any) -> Plan:
    state = host.state()
    return plan_document(document(**options), replace(state, kinds={**state.kinds, "ruleset": RulesetFacts((1, 0, 9))}), host.applied)


def made(host: PretendLibvirt) -> None:
    plan = planned(host, networks=[LAYOUT])
    host.do(plan.steps)
    host.applied = plan.applied


def test_beside_a_tap_that_is_plugged_into_it() -> None:
    guests = [{"name": "web", "interfaces": [TAP]}]
    host = PretendLibvirt()
    with pytest.raises(Refused) as refused:
        planned(host, networks=[LAYOUT], guests=guests, persist="networkd")
    assert [str(problem) for problem in refused.value.problems if "virbr7" in problem.message] == [
        "guests[0].interfaces[0].network: virbr7 is there only once libvirt runs, so that no reboot would bring tap0 back into it; say toolstack: libvirt"
        " for a guest of libvirt, or persist: none for a tap until reboot"
    ]
    plan = planned(host, networks=[LAYOUT], guests=guests, persist="none")
    words = [line for line in commands(plan) if "net-start" in line or "virbr7" in line]
    assert words[0] == "virsh net-start office" and "master virbr7" in words[-1]


def test_its_guests_are_told_live_and_it_goes_with_idle_taps() -> None:
    host = PretendLibvirt()
    made(host)
    guests = [{"name": "web", "toolstack": "xl", "interfaces": [{**TAP, "guarded": False}]}]
    lines = [line for line in commands(planned(host, networks=[LAYOUT], guests=guests)) if "net-" in line]
    assert [line.split()[:5] for line in lines[1:]] == [
        ["virsh", "net-update", "office", "add-last", "ip-dhcp-host"],
        ["virsh", "net-update", "office", "add-last", "dns-host"],
    ]
    device = TapDevice(True, False, False)
    host.links["tap0"] = Link("tap0", 9, master="virbr7", up=True, tap=device)
    assert planned(host, networks=[], prune=True, allow_empty=True).disrupts == ()
    host.links["tap0"] = replace(host.links["tap0"], carrier=True)
    assert planned(host, networks=[], prune=True, allow_empty=True).disrupts == ("network office goes, and these lose it: tap0",)


def test_another_layout_takes_its_network_away() -> None:
    host = PretendLibvirt()
    made(host)
    assert "virsh net-undefine office" in commands(planned(host, networks=[{"name": "office", "bridge": "br7"}], persist="none"))


def test_rules_of_ours_wait_for_no_bridge_that_comes() -> None:
    routed = {**LAYOUT, "routed": True, "zone": "dmz"}
    plan = planned(PretendLibvirt(), networks=[routed], zones=[{"name": "world", "interfaces": ["eth0"]}])
    assert not [line for line in plan.warnings if "virbr7" in line]
