# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.doc_fragments._qemu import ModuleDocFragment
from ansible_collections.hypervisor.vnet.plugins.filter.qemu_netdev import DOCUMENTATION, FilterModule, qemu_netdev
from ansible_collections.hypervisor.vnet.plugins.plugin_utils import qemu_fields

HELP = """\
Storage devices:
name "nvme", bus PCI, desc "Non-Volatile Memory Express"

Network devices:
name "e1000", bus PCI, alias "e1000-82540em", desc "Intel Gigabit Ethernet"
name "virtio-net-device", bus virtio-bus

Input devices:
name "i8042", bus ISA
"""

TAP = "tap,id=host-web1-0,ifname=web1-0,script=no,downscript=no"
NIC = "virtio-net-pci,netdev=host-web1-0,id=web1-0"
NET = "virtio-net-pci,netdev=host-n,id=n"


def words(backend, device):
    return ["-netdev", backend, "-device", device]


MADE = [
    ("a tap", {"name": "web1-0"}, {}, words(TAP, NIC)),
    (
        "what the record says, and nothing of what is for others",
        {"name": "web1-0", "network": "xenbr0", "mac": "52-54-00-AB-CD-EF", "mtu": 1400, "addresses": ["10.0.0.1"], "rate": "1mbit"},
        {},
        words(TAP, f"{NIC},mac=52:54:00:ab:cd:ef,host_mtu=1400"),
    ),
    ("an MTU is virtio's alone", {"name": "web1-0", "mtu": 1400, "model": "rtl8139"}, {}, words(TAP, NIC.replace("virtio-net-pci", "rtl8139"))),
    ("the old short name", {"name": "web1-0", "model": "virtio"}, {}, words(TAP, NIC)),
    (
        "an option of the filter comes before the record's",
        {"name": "web1-0", "qemu": {"model": "e1000", "addr": "08"}},
        {"model": "e1000e"},
        words(TAP, "e1000e,netdev=host-web1-0,id=web1-0,addr=08"),
    ),
    ("several queues", {"name": "web1-0", "multi_queue": True}, {"queues": 4}, words(f"{TAP},queues=4", f"{NIC},mq=on,vectors=10")),
    ("queues without vectors", {"name": "web1-0"}, {"queues": 2, "vectors": 0}, words(f"{TAP},queues=2", f"{NIC},mq=on,vectors=0")),
    (
        "open taps",
        {"name": "web1-0"},
        {"fds": [3, 4], "vhost": True, "vhostfds": [5, 6]},
        words("tap,id=host-web1-0,fds=3:4,vhost=on,vhostfds=5:6", f"{NIC},mq=on,vectors=6"),
    ),
    ("an open tap", {"name": "web1-0"}, {"fd": 3, "vhostfd": "4"}, words("tap,id=host-web1-0,fd=3,vhostfd=4", NIC)),
    (
        "a tap by a helper",
        {"name": "web1-0"},
        {"helper": "/usr/lib/qemu/qemu-bridge-helper", "br": "br0"},
        words("tap,id=host-web1-0,br=br0,helper=/usr/lib/qemu/qemu-bridge-helper", NIC),
    ),
    (
        "scripts, and the rest of a tap",
        {"name": "web1-0"},
        {"script": "/etc/qemu-ifup", "downscript": False, "sndbuf": "1M", "vnet_hdr": "off", "vhost": "yes", "vhostforce": True, "poll_us": 50},
        words("tap,id=host-web1-0,ifname=web1-0,script=/etc/qemu-ifup,downscript=no,sndbuf=1M,vnet_hdr=off,vhost=on,vhostforce=on,poll-us=50", NIC),
    ),
    ("a name that is no id", {"name": "1st"}, {"id": "n"}, words("tap,id=host-n,ifname=1st,script=no,downscript=no", NET)),
    ("a bridge is the network's", {"name": "n", "network": "xenbr0"}, {"type": "bridge"}, words("bridge,id=host-n,br=xenbr0", NET)),
    ("or its own", {"name": "n", "network": "lan", "bridge": "br0"}, {"type": "bridge"}, words("bridge,id=host-n,br=br0", NET)),
    (
        "the device",
        {"name": "n"},
        {
            "type": "user", "bus": "pcie.0", "addr": "1f.7", "multifunction": True, "bootindex": 1, "rombar": 0, "romfile": "",
            "mq": False, "vectors": 4, "host_mtu": 9000, "rx_queue_size": 512, "tx_queue_size": 256,
        },
        words(
            "user,id=host-n",
            f"{NET},bus=pcie.0,addr=1f.7,multifunction=on,bootindex=1,rombar=0,romfile=,mq=off,vectors=4,host_mtu=9000,"
            "rx_queue_size=512,tx_queue_size=256",
        ),
    ),
    (
        "a hub, once called vlan",
        {"name": "n"},
        {"type": "user", "hub": 0},
        [
            *("-netdev", "user,id=host-n", "-netdev", "hubport,id=hub-host-n,hubid=0,netdev=host-n"),
            *("-netdev", "hubport,id=hub-n,hubid=0", "-device", "virtio-net-pci,netdev=hub-n,id=n"),
        ],
    ),
    (
        "everything of the user mode network",
        {"name": "n"},
        {
            "type": "user", "ipv4": True, "net": "10.9.0.0/255.255.0.0", "host": "10.9.0.1", "dns": "10.9.0.2", "dhcpstart": "10.9.0.10",
            "restrict": "yes", "ipv6": True, "ipv6_net": "2001:db8::/64", "ipv6_host": "2001:db8::1", "ipv6_dns": "2001:db8::2",
            "hostname": "web1", "domainname": "example.org", "dnssearch": ["example.org", "example.com"], "tftp": "/srv/a,b",
            "tftp_server_name": "tftp", "bootfile": "/pxelinux.0", "smb": "/srv/smb", "smbserver": "10.9.0.4",
        },
        words(
            "user,id=host-n,ipv4=on,net=10.9.0.0/16,host=10.9.0.1,ipv6=on,ipv6-net=2001:db8::/64,ipv6-host=2001:db8::1,restrict=on,"
            "hostname=web1,dhcpstart=10.9.0.10,dns=10.9.0.2,ipv6-dns=2001:db8::2,dnssearch=example.org,dnssearch=example.com,"
            "domainname=example.org,tftp=/srv/a,,b,tftp-server-name=tftp,bootfile=/pxelinux.0,smb=/srv/smb,smbserver=10.9.0.4",
            NET,
        ),
    ),
    (
        "every form of hostfwd",
        {"name": "n"},
        {
            "type": "user",
            "hostfwd": [
                {"port": 5022, "to_port": 22},
                {"port": 80},
                {"protocol": "udp", "port": 5022, "to_port": 22},
                {"listen_address": "127.0.0.1", "port": "8080", "to": "10.0.2.15", "to_port": 80},
                {"port": 0, "to_port": 22},
                {"port": 0, "to_port": 23},
                {"protocol": "unix", "path": "/run/a,b.sock", "to_port": 22},
            ],
        },
        words(
            "user,id=host-n,hostfwd=tcp::5022-:22,hostfwd=tcp::80-:80,hostfwd=udp::5022-:22,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80,"
            "hostfwd=tcp::0-:22,hostfwd=tcp::0-:23,hostfwd=unix:/run/a,,b.sock-:22",
            NET,
        ),
    ),
    (
        "guestfwd",
        {"name": "n"},
        {
            "type": "user",
            "guestfwd": [{"address": "10.0.2.100", "port": 80, "command": "echo a,b"}, {"address": "10.0.2.101", "port": 81, "to": "chardev:c0"}],
        },
        words("user,id=host-n,guestfwd=tcp:10.0.2.100:80-cmd:echo a,,b,guestfwd=tcp:10.0.2.101:81-chardev:c0", NET),
    ),
    (
        "passt that QEMU starts",
        {"name": "n"},
        {"type": "passt", "version": "10.1", "tcp_ports": ["5022:22", "80"], "ipv6": False, "param": ["--trace"], "dns_forward": "192.0.2.53"},
        words("passt,id=host-n,dns-forward=192.0.2.53,ipv6=off,tcp-ports=5022:22,tcp-ports=80,param=--trace", NET),
    ),
    (
        "passt that runs already",
        {"name": "n"},
        {"type": "passt", "version": "9.2", "socket": "/run/passt,1.sock", "reconnect_ms": 500},
        words("stream,id=host-n,server=off,addr.type=unix,addr.path=/run/passt,,1.sock,reconnect-ms=500", NET),
    ),
    ("vfio", {"name": "n", "mac": "52:54:00:00:00:01"}, {"type": "vfio", "host": "0000:03:10.0"}, ["-device", "vfio-pci,id=n,host=0000:03:10.0"]),
    (
        "vfio by sysfs",
        {"name": "n"},
        {"type": "vfio", "sysfsdev": "/sys/bus/pci/devices/0000:03:10.0", "bus": "rp1", "addr": 9, "rombar": 0, "bootindex": 2},
        ["-device", "vfio-pci,id=n,sysfsdev=/sys/bus/pci/devices/0000:03:10.0,bus=rp1,addr=9,bootindex=2,rombar=0"],
    ),
    (
        "a model of the user's own QEMU", {"name": "n", "model": "e1000"}, {"type": "user", "models": HELP},
        words("user,id=host-n", NET.replace("virtio-net-pci", "e1000")),
    ),
    (
        "one of a list", {"name": "n", "model": "newest"}, {"type": "user", "models": ["newest"]},
        words("user,id=host-n", NET.replace("virtio-net-pci", "newest")),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("interface", "options", "expected"), [case[1:] for case in MADE], ids=[case[0] for case in MADE])
def test_made(interface, options, expected):
    assert FilterModule().filters()["qemu_netdev"](interface, **options) == expected


# (interface, options, the beginning of each problem in order)
REFUSED = [
    ("no name", {}, {}, ["interface.name: is missing; give the interface its name"]),
    ("a name that is no id", {"name": "1st"}, {}, ["interface.name: '1st' cannot be an id of QEMU; begin with a letter"]),
    (
        "a type of nothing", {"name": "n", "qemu": {"type": "nat"}}, {},
        ["interface.qemu.type: 'nat' does not exist; there is: tap, bridge, user, passt, vfio"],
    ),
    ("an option of another type", {"name": "n"}, {"hostfwd": []}, ["hostfwd: is no option of type tap; it is an option of user; here there is: type, id,"]),
    ("a slip of the pen", {"name": "n", "qemu": {"vhots": True}}, {}, ["interface.qemu.vhots: is no option of type tap; here there is: "]),
    ("no dictionary", {"name": "n", "qemu": ["user"]}, {}, ["interface.qemu: ['user'] is no dictionary; write it as in {type: user}"]),
    ("an unknown model", {"name": "n", "model": "x"}, {}, ["interface.model: 'x' is no NIC model of this QEMU; there is: e1000, e1000-82540em,"]),
    (
        "a model of a later QEMU", {"name": "n", "model": "igb"}, {"version": "QEMU emulator version 7.2.22 (Debian)"},
        ["interface.model: 'igb' is no NIC model of QEMU 7.2; "],
    ),
    (
        "a model of nobody's list", {"name": "n", "model": "igb"}, {"models": HELP},
        ["interface.model: 'igb' is no NIC model of this QEMU; there is: e1000, e1000-82540em, virtio-net-device"],
    ),
    (
        "what is no list of models", {"name": "n"}, {"models": "e1000"},
        ["models: names no network device; hand over what 'qemu-system-x86_64 -device help' prints"],
    ),
    ("what is no version", {"name": "n"}, {"version": "new"}, ["version: 'new' is no version of QEMU; write it in quotes, as in '10.0'"]),
    ("a multicast MAC", {"name": "n", "mac": "53:54:00:00:00:01"}, {}, ["interface.mac: 53:54:00:00:00:01 is a multicast address"]),
    ("a long tap", {"name": "a-very-long-name"}, {}, ["interface.name: 'a-very-long-name' has 16 characters; Linux allows 15 at most"]),
    (
        "what YAML made a number", {"name": "n"}, {"addr": 10},
        ["addr: 10 may mean two things; QEMU reads it as hexadecimal, so write it in quotes, as in '10'"],
    ),
    ("no such slot", {"name": "n"}, {"addr": "20.0"}, ["addr: '20.0' is no place on a PCI bus"]),
    ("no such function", {"name": "n"}, {"addr": "2.8"}, ["addr: '2.8' is no place on a PCI bus"]),
    (
        "virtio's options elsewhere", {"name": "n", "model": "e1000"}, {"vectors": 4, "mq": True},
        ["mq: is for virtio models only", "vectors: is for virtio models only"],
    ),
    ("queues elsewhere", {"name": "n", "model": "e1000"}, {"queues": 2}, ["queues: e1000 has one queue; take virtio-net-pci"]),
    ("a PCI address elsewhere", {"name": "n", "model": "ne2k_isa"}, {"addr": "3"}, ["addr: ne2k_isa has no such option, because of its bus (ISA)"]),
    ("queues that the tap has not", {"name": "n", "multi_queue": False}, {"queues": 2}, ["interface.multi_queue: the tap and QEMU must agree"]),
    (
        "queues that QEMU has not", {"name": "n", "multi_queue": True}, {},
        ["interface.multi_queue: the tap and QEMU must agree on several queues; set queues"],
    ),
    (
        "a name beside an open tap", {"name": "n"}, {"fd": 3, "ifname": "t", "queues": 2},
        ["ifname: means nothing beside fd", "queues: means nothing beside fd"],
    ),
    ("one tap's vhost for several", {"name": "n"}, {"fds": [3], "vhostfd": 4}, ["vhostfd: means nothing beside fds"]),
    ("several vhosts for one tap", {"name": "n"}, {"vhostfds": [4]}, ["vhostfds: needs fds"]),
    ("fewer vhosts than taps", {"name": "n"}, {"fds": [3, 4], "vhostfds": [5]}, ["vhostfds: needs fds, as many of them"]),
    ("a file descriptor by name", {"name": "n"}, {"fd": "tap0"}, ["fd: 'tap0' is no file descriptor"]),
    ("a bridge without a helper", {"name": "n"}, {"br": "br0"}, ["br: is read by a helper only"]),
    ("a helper without a bridge", {"name": "n"}, {"type": "bridge"}, ["br: is missing; name the bridge"]),
    ("a script by its short name", {"name": "n"}, {"script": "qemu-ifup"}, ["script: 'qemu-ifup' is neither an absolute path nor 'no'"]),
    ("addresses outside", {"name": "n"}, {"type": "user", "host": "10.1.0.1", "net": "10.0.2.0/24"}, ["host: 10.1.0.1 is outside 10.0.2.0/24"]),
    ("one address twice", {"name": "n"}, {"type": "user", "dns": "10.0.2.2"}, ["dns: 10.0.2.2 is both host and dns"]),
    ("a network too small", {"name": "n"}, {"type": "user", "net": "10.0.2.0/30"}, ["net: 10.0.2.3 is both dns and dhcpstart"]),
    ("a network without its prefix", {"name": "n"}, {"type": "user", "net": "10.0.2.0"}, ["net: '10.0.2.0' is no IPv4 network with its prefix length"]),
    ("a text for a list", {"name": "n"}, {"type": "user", "dnssearch": "a.org"}, ["dnssearch: is no list; write each value as an item"]),
    ("two lines", {"name": "n"}, {"type": "user", "hostname": "a\nb"}, ["hostname: is empty or has more than one line"]),
    ("no switch", {"name": "n"}, {"type": "user", "restrict": "perhaps"}, ["restrict: 'perhaps' is neither true nor false"]),
    (
        "forwards", {"name": "n", "qemu": {"type": "user", "hostfwd": [
            {"port": 22, "to": "192.0.2.1"}, {"port": 22, "to_port": 23}, {"port": 65536}, {"to_port": 22}, "tcp::1-:2",
            {"protocol": "sctp", "port": 1}, {"port": 1, "listen": "::1"}, {"listen_address": "::1", "port": 2},
            {"protocol": "unix", "path": "/run/a-b", "to_port": 1}, {"protocol": "unix", "port": 5, "path": "/run/a"}, {"port": 3, "path": "/a"},
        ]}}, {"version": "10.1"},
        [
            "interface.qemu.hostfwd[0].to: 192.0.2.1 is outside 10.0.2.0/24",
            "interface.qemu.hostfwd[1]: listens where interface.qemu.hostfwd[0] does already",
            "interface.qemu.hostfwd[2].port: 65536 is no whole number from 0 to 65535",
            "interface.qemu.hostfwd[2].port: 65536 is no whole number from 1 to 65535",
            "interface.qemu.hostfwd[3].port: is missing",
            "interface.qemu.hostfwd[4]: 'tcp::1-:2' is no forward; write it as in {port: 5022, to_port: 22}",
            "interface.qemu.hostfwd[5].protocol: 'sctp' does not exist; there is: tcp, udp, unix",
            "interface.qemu.hostfwd[6]: listen: no such option; a forward has: protocol, listen_address,",
            "interface.qemu.hostfwd[7].listen_address: '::1' is no IPv4 address",
            "interface.qemu.hostfwd[8].protocol: unix came with QEMU 10.2",
            "interface.qemu.hostfwd[8].path: /run/a-b has a dash",
            "interface.qemu.hostfwd[9].port: is for tcp and udp only",
            "interface.qemu.hostfwd[9].protocol: unix came with QEMU 10.2",
            "interface.qemu.hostfwd[9].to_port: is missing",
            "interface.qemu.hostfwd[10].path: is for protocol unix only",
        ],
    ),
    (
        "guestfwd", {"name": "n"}, {"type": "user", "guestfwd": [{"address": "10.0.2.3", "port": 1, "to": "a"}, {"address": "10.0.2.9", "port": 1}]},
        ["guestfwd[0].address: 10.0.2.3 must be in 10.0.2.0/24, and neither", "guestfwd[1]: needs either command, "],
    ),
    ("no list of forwards", {"name": "n"}, {"type": "user", "hostfwd": "tcp::1-:2"}, ["hostfwd: is no list of forwards"]),
    (
        "passt before its time", {"name": "n"}, {"type": "passt", "version": "10.0"},
        ["type: QEMU starts passt by itself since 10.1; start passt --socket PATH"],
    ),
    ("a socket before its time", {"name": "n"}, {"type": "passt", "version": "7.1", "socket": "/s"}, ["socket: QEMU can connect to a UNIX socket since 7.2"]),
    ("passt's options for a socket", {"name": "n"}, {"type": "passt", "socket": "/s", "fqdn": "a"}, ["fqdn: is no option of type passt with a socket; here"]),
    (
        "reconnecting before its time", {"name": "n"}, {"type": "passt", "version": "9.1", "socket": "/s", "reconnect_ms": 1},
        ["reconnect_ms: came with QEMU 9.2"],
    ),
    ("vfio without a device", {"name": "n"}, {"type": "vfio"}, ["host: vfio needs the PCI device on the host"]),
    ("a device that is none", {"name": "n"}, {"type": "vfio", "host": "eth0"}, ["host: 'eth0' is no PCI device; write it as lspci -D does"]),
    ("a MAC for vfio", {"name": "n"}, {"type": "vfio", "host": "03:10.0", "mac": "52:54:00:00:00:01"}, ["mac: is no option of type vfio; here"]),
]  # fmt: skip


@pytest.mark.parametrize(("interface", "options", "expected"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_with_all_problems_at_once(interface, options, expected):
    with pytest.raises(AnsibleFilterError) as refused:
        qemu_netdev(interface, **options)
    head, *problems = str(refused.value).splitlines()
    assert head == f"QEMU's arguments for the interface {interface.get('name', 'without a name')}:"
    assert len(problems) == len(expected), problems
    assert all(problem.startswith(text) for problem, text in zip(problems, expected)), problems


def test_what_is_no_interface_is_refused():
    with pytest.raises(AnsibleFilterError, match="needs a guest's interface"):
        qemu_netdev("web1-0")


def test_nothing_that_is_undefined_counts():
    assert qemu_netdev({"name": "web1-0", "mac": None, "qemu": None}, queues=None) == words(TAP, NIC)


def test_every_option_is_documented_and_nothing_else():
    texts = (DOCUMENTATION, ModuleDocFragment.USER, ModuleDocFragment.PASST)
    documented = {name for text in texts for name in yaml.safe_load(text)["options"]}
    groups = (*qemu_fields.NETDEV.values(), qemu_fields.SOCKET, qemu_fields.NIC, qemu_fields.VFIO)
    fields = {name for group in groups for name in group}
    assert documented == fields | {*qemu_fields.FORWARDS, "_input", "version", "models", "type", "id", "model", "hub"}
