# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What qemu_netdev says, the real QEMU takes, and does what was meant."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest import guest_image
from harness import Namespace
from qemu import Qemu, QemuFailed, said

from ansible_collections.hypervisor.vnet.plugins.filter.qemu_netdev import qemu_netdev
from ansible_collections.hypervisor.vnet.plugins.plugin_utils.qemu_models import SEEN, models_of, read_models, read_version

MAC = "52:54:00:27:95:c0"
HELPER = "/usr/lib/qemu/qemu-bridge-helper"
BOOT = 180.0  # by emulation, on a busy machine
VERSION = read_version(said("--version"))
# In QEMU's list of network devices, but no end of a -netdev.
NO_NICS = {"rocker", "pvrdma"}
# linux/if_tun.h
TUNSETIFF, TAP, NO_PI, VNET_HDR, MULTI_QUEUE = 0x400454CA, 0x0002, 0x1000, 0x4000, 0x0100


@pytest.fixture
def host(empty: Namespace) -> Namespace:
    """A host with two taps, one of them with several queues, in a bridge that guests may enter."""
    empty.ip("link add br0 type bridge\nlink set br0 up\ntuntap add dev qtap0 mode tap\ntuntap add dev qtap1 mode tap multi_queue")
    empty.ip("link set qtap0 master br0 up\nlink set qtap1 master br0 up")
    empty.call(lambda: os.makedirs("/etc/qemu"))
    empty.write("/etc/qemu/bridge.conf", "allow br0\n")
    return empty


def open_taps(host: Namespace, name: str, queues: int = 1) -> Iterator[int]:
    """File descriptors of a tap, as a launcher makes them for QEMU: opened in the host's namespace, by a thread of its own."""
    import ctypes
    import threading

    found: list[int] = []

    def enter_and_open() -> None:
        if ctypes.CDLL(None, use_errno=True).setns(host.net, 0x40000000):
            return
        for _queue in range(queues):
            handle = os.open("/dev/net/tun", os.O_RDWR)
            flags = TAP | NO_PI | VNET_HDR | (MULTI_QUEUE if queues > 1 else 0)
            fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
            found.append(handle)

    thread = threading.Thread(target=enter_and_open)
    thread.start()
    thread.join()
    assert len(found) == queues
    return iter(found)


def test_the_models_are_those_of_the_real_qemu():
    real = read_models(said("-device", "help"))
    for name in NO_NICS:
        real.pop(name, None)
    if VERSION in SEEN:
        assert models_of(VERSION) == real
    else:
        assert models_of(VERSION).items() <= real.items()


@pytest.mark.parametrize(
    ("machine", "buses", "intel"),
    [("pc", ("PCI",), True), ("pc", ("PCI", "usb-bus"), False), ("pc", ("ISA",), False), ("microvm", ("virtio-bus",), False)],
    ids=["Intel", "PCI", "ISA", "virtio"],
)
def test_every_model_is_made(empty: Namespace, machine: str, buses: tuple[str, ...], intel: bool):
    """As many models in one machine as it has slots for. xen-bus is there under Xen only."""
    names = [name for name, bus in models_of(VERSION).items() if bus in buses and name.startswith(("e1000", "i8", "igb")) is intel]
    # The virtual functions of igb need slots behind its own.
    names.sort(key=len)
    argv = ["-device", "qemu-xhci"] if "usb-bus" in buses else []
    for number, name in enumerate(names):
        mac = f"{MAC[:-2]}{number:02x}"
        argv += qemu_netdev({"name": f"n{number}", "model": name, "mac": mac}, type="user", version=".".join(map(str, VERSION)))
    with Qemu(empty, *argv, machine=machine) as qemu:
        network = qemu.monitor("info network")
    assert names
    for number, name in enumerate(names):
        assert f"n{number}: index=0,type=nic," in network, name
        assert f"macaddr={MAC[:-2]}{number:02x}" in network, name


def test_a_tap(host: Namespace):
    with Qemu(host, *qemu_netdev({"name": "qtap0", "network": "br0", "mac": MAC.upper(), "mtu": 1400, "qemu": {"addr": "08"}})) as qemu:
        network, pci = qemu.monitor("info network"), qemu.monitor("info pci")
        carrier = host.json("link", "show", "qtap0")[0]["flags"]
    assert f"qtap0: index=0,type=nic,model=virtio-net-pci,macaddr={MAC}" in network
    assert "host-qtap0: index=0,type=tap,ifname=qtap0,script=no,downscript=no" in network
    assert "device   8, function 0" in pci
    assert "LOWER_UP" in carrier


def test_a_tap_with_several_queues(host: Namespace):
    argv = qemu_netdev({"name": "qtap1", "multi_queue": True}, queues=2, vhost=False, sndbuf="1M", vnet_hdr=True)
    with Qemu(host, *argv) as qemu:
        assert "index=1,type=tap" in qemu.monitor("info network")
        assert qemu.ask("qom-get", path="/machine/peripheral/qtap1", property="mq") is True
        assert qemu.ask("qom-get", path="/machine/peripheral/qtap1", property="vectors") == 6


def test_taps_that_somebody_else_opened(host: Namespace):
    one, several = list(open_taps(host, "qtap0")), list(open_taps(host, "qtap1", 2))
    argv = [*qemu_netdev({"name": "a"}, fd=one[0]), *qemu_netdev({"name": "b"}, fds=several)]
    try:
        with Qemu(host, *argv, fds=[*one, *several]) as qemu:
            network = qemu.monitor("info network")
    finally:
        for handle in (*one, *several):
            os.close(handle)
    assert f"host-a: index=0,type=tap,fd={one[0]}" in network
    assert f"host-b: index=1,type=tap,fd={several[1]}" in network


@pytest.mark.parametrize(
    ("interface", "options"),
    [({"name": "n", "network": "br0"}, {"type": "bridge"}), ({"name": "n"}, {"helper": HELPER, "br": "br0"})],
    ids=["bridge", "helper"],
)
def test_the_helper_puts_a_tap_into_the_bridge(host: Namespace, interface: dict[str, str], options: dict[str, str]):
    with Qemu(host, *qemu_netdev(interface, **options)) as qemu:
        assert "host-n: index=0,type=tap" in qemu.monitor("info network")
        ports = {link["ifname"] for link in host.json("link", "show", "master", "br0")}
    assert len(ports) == 3, ports


def test_scripts_run_with_the_name_of_the_tap(host: Namespace):
    for name in ("up", "down"):
        host.write(f"/etc/qemu-{name}", f"#!/bin/sh\necho {name} $1 >> /run/said\n")
        host.run("chmod", "0755", f"/etc/qemu-{name}")
    with Qemu(host, *qemu_netdev({"name": "qtap0"}, script="/etc/qemu-up", downscript="/etc/qemu-down")) as qemu:
        qemu.ask("quit")
        qemu.process.wait(10)
    assert host.read("/run/said") == "up qtap0\ndown qtap0\n"


def test_vhost_is_asked_for(host: Namespace):
    argv = qemu_netdev({"name": "qtap0"}, vhost=True)
    if os.path.exists("/dev/vhost-net"):
        with Qemu(host, *argv) as qemu:
            assert "vhost=on" not in qemu.warnings()
        return
    try:
        with Qemu(host, *argv) as qemu:
            warnings = qemu.warnings()
    except QemuFailed as failed:
        # Without the device 7.2 ends here, newer ones go on.
        warnings = str(failed)
    assert re.search("vhost char device|'/dev/vhost-net'", warnings), warnings


USER = {
    "type": "user",
    "net": "10.9.0.0/16",
    "host": "10.9.0.1",
    "dns": "10.9.0.2",
    "dhcpstart": "10.9.0.10",
    "restrict": True,
    "ipv4": True,
    "ipv6": True,
    "ipv6_net": "2001:db8::/64",
    "ipv6_host": "2001:db8::1",
    "ipv6_dns": "2001:db8::2",
    "hostname": "web1",
    "domainname": "example.org",
    "dnssearch": ["example.org", "example.com"],
    "tftp": "/srv/a,b",
    "tftp_server_name": "tftp.example.org",
    "bootfile": "/pxelinux.0",
    "guestfwd": [{"address": "10.9.0.100", "port": 80, "command": "echo a,b"}, {"address": "10.9.0.101", "port": 81, "to": "null"}],
}


def test_everything_of_the_user_mode_network(empty: Namespace):
    with Qemu(empty, *qemu_netdev({"name": "n", "mac": MAC, "qemu": USER})) as qemu:
        network = qemu.monitor("info network")
    assert "host-n: index=0,type=user,net=10.9.0.0,restrict=on" in network
    assert f"n: index=0,type=nic,model=virtio-net-pci,macaddr={MAC}" in network


def test_every_form_of_hostfwd_listens(empty: Namespace, tmp_path_factory: pytest.TempPathFactory):
    forwards = [
        {"port": 5022, "to_port": 22},
        {"port": 8080, "to": "10.0.2.15", "to_port": 80},
        {"protocol": "tcp", "listen_address": "127.0.0.1", "port": 8443},
        {"protocol": "udp", "port": 5353, "to_port": 53},
        {"protocol": "udp", "listen_address": "127.0.0.2", "port": 69, "to": "10.0.2.20"},
        {"port": 0, "to_port": 2222},
    ]
    with Qemu(empty, *qemu_netdev({"name": "n", "qemu": {"type": "user", "hostfwd": forwards}})) as qemu:
        usernet = qemu.monitor("info usernet")
        listening = empty.run("ss", "-H", "-l", "-n", "-t", "-u").stdout.split()
    words = [line.split() for line in usernet.splitlines() if "HOST_FORWARD" in line]
    rows = {(row[0], row[2], row[3], row[4], row[5]) for row in words if row[5] != "2222"}
    assert rows == {
        ("TCP[HOST_FORWARD]", "*", "5022", "10.0.2.15", "22"),
        ("TCP[HOST_FORWARD]", "*", "8080", "10.0.2.15", "80"),
        ("TCP[HOST_FORWARD]", "127.0.0.1", "8443", "10.0.2.15", "8443"),
        ("UDP[HOST_FORWARD]", "*", "5353", "10.0.2.15", "53"),
        ("UDP[HOST_FORWARD]", "127.0.0.2", "69", "10.0.2.20", "69"),
    }
    chosen = next(row[3] for row in words if row[5] == "2222")
    for place in ("0.0.0.0:5022", "0.0.0.0:8080", "127.0.0.1:8443", "0.0.0.0:5353", "127.0.0.2:69", f"0.0.0.0:{chosen}"):
        assert place in listening, listening


def test_a_hub_joins_both_ends(empty: Namespace):
    argv = [*qemu_netdev({"name": "a", "qemu": {"type": "user", "hub": 3}}), *qemu_netdev({"name": "b"}, type="user", hub=3, model="e1000")]
    with Qemu(empty, *argv) as qemu:
        network = qemu.monitor("info network")
    hub = network.partition("hub 3\n")[2]
    for end in ("hub-host-a: host-a", "hub-host-b: host-b", "hub-a: a", "hub-b: b"):
        assert end in hub, network


def test_passt_by_its_socket(empty: Namespace, tmp_path_factory: pytest.TempPathFactory):
    """A comma in the path, to see that it comes out as one."""
    path = str(tmp_path_factory.mktemp("passt") / "passt,1.sock")
    with socket.socket(socket.AF_UNIX) as passt:
        passt.bind(path)
        passt.listen()
        passt.settimeout(10)
        options = {"reconnect_ms": 500} if VERSION >= (9, 2) else {}
        with Qemu(empty, *qemu_netdev({"name": "n"}, type="passt", socket=path, **options)) as qemu:
            passt.accept()[0].close()
            assert "host-n: index=0,type=stream" in qemu.monitor("info network")


@pytest.mark.skipif(VERSION < (10, 1), reason="QEMU starts passt by itself since 10.1")
def test_passt_gets_every_option(empty: Namespace, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("passt")
    program = folder / "passt"
    program.write_text(f"#!/bin/sh\necho $* > {folder}/said\nexit 1\n", encoding="ascii")
    program.chmod(0o755)
    options = {"mtu": 1400, "search": ["a.org", "b.org"], "ipv6": False, "tcp_ports": ["80", "5022:22"], "param": ["--trace"]}
    with pytest.raises(QemuFailed):
        Qemu(empty, *qemu_netdev({"name": "n"}, type="passt", path=str(program), **options))
    told = Path(folder, "said").read_text(encoding="ascii")
    assert "--mtu 1400 --ipv4-only --search a.org b.org --tcp-ports 80,5022:22 --trace " in told


@pytest.mark.parametrize("options", [{"host": "0000:7f:1f.7"}, {"sysfsdev": "/sys/bus/pci/devices/0000:7f:1f.7"}], ids=["host", "sysfsdev"])
def test_vfio_looks_for_the_device(empty: Namespace, options: dict[str, str]):
    """There is none to give away here: the arguments are taken, and the device is what is missed."""
    argv = qemu_netdev({"name": "vf0"}, type="vfio", addr="09", bus="pcie.0", bootindex=1, rombar=0, **options)
    with pytest.raises(QemuFailed, match=r"0000:7f:1f\.7.*(no such host device|No such file or directory)"):
        Qemu(empty, *argv)


def told_by(host: Namespace, address: str, port: int) -> str:
    """What the guest says behind a forward; nothing while it is not up, when QEMU takes the connection and drops it."""

    def connect() -> str:
        with socket.create_connection((address, port), timeout=5) as connection:
            return b"".join(iter(lambda: connection.recv(4096), b"")).decode()

    try:
        return str(host.call(connect))
    except RuntimeError:
        return ""


def test_a_guest_answers_through_hostfwd(empty: Namespace):
    """A real guest that got its address, name and domains by the DHCP server of the user mode network."""
    options = {name: value for name, value in USER.items() if name not in ("ipv6", "ipv6_net", "ipv6_host", "ipv6_dns", "tftp", "bootfile")}
    forwards = [{"port": 5022, "to_port": 22}, {"listen_address": "127.0.0.2", "port": 8080, "to": "10.9.0.10", "to_port": 80}]
    argv = qemu_netdev({"name": "n", "mac": MAC, "qemu": {**options, "hostfwd": forwards, "romfile": ""}})
    with Qemu(empty, *guest_image().words(), *argv, run=True) as qemu:
        end, told = time.monotonic() + BOOT, ""
        while "port=22" not in told:
            assert time.monotonic() < end, f"no answer within {BOOT:g} s: {told!r} {qemu.warnings()}"
            time.sleep(0.2)
            told = told_by(empty, "127.0.0.1", 5022)
        other = told_by(empty, "127.0.0.2", 8080)
        closed = told_by(empty, "127.0.0.1", 8080)
    assert "inet 10.9.0.10/16 " in told
    assert MAC in told.splitlines()
    # A restricted guest is told no way out, and forwards reach it all the same.
    assert "hostname=web1 domain=example.org search=example.org example.com dns= router=" in told.splitlines()
    assert other.startswith("port=80\n")
    assert not closed
