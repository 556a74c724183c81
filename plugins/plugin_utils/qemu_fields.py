# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The options of QEMU's -netdev and -device that have a field here, and what each may hold."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.model.interface import mac_problems, name_problems, normal_mac

Check = t.Callable[[t.Any], str]
_ID = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_PCI_ADDRESS = re.compile(r"(?:0x)?[01]?[0-9a-f](?:\.[0-7])?", re.IGNORECASE)
_HOST_DEVICE = re.compile(r"(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]", re.IGNORECASE)


@dataclass(frozen=True)
class Field:
    """One option. ``check`` gives QEMU's spelling of a value or raises ValueError with what is wrong and the cure."""

    check: Check
    key: str
    many: bool = False


def text(value: t.Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is no text; write it in quotes")
    if not str(value) or "\n" in str(value) or "\0" in str(value):
        raise ValueError("is empty or has more than one line; write one line, or leave it out")
    return str(value)


def switch(value: t.Any) -> str:
    try:
        return "on" if boolean(value, strict=True) else "off"
    except TypeError:
        raise ValueError(f"{value!r} is neither true nor false") from None


def number(low: int, high: int) -> Check:
    def check(value: t.Any) -> str:
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)) or not low <= int(value) <= high:
            raise ValueError(f"{value!r} is no whole number from {low} to {high}")
        return str(int(value))

    return check


def identifier(value: t.Any) -> str:
    if not _ID.fullmatch(str(value)):
        raise ValueError(f"{str(value)!r} cannot be an id of QEMU; begin with a letter and use letters, digits, '.', '_' and '-' only")
    return str(value)


def link(value: t.Any) -> str:
    for problem in name_problems(str(value), ""):
        raise ValueError(problem.message)
    return str(value)


def mac(value: t.Any) -> str:
    for problem in mac_problems(normal_mac(str(value)), ""):
        raise ValueError(problem.message)
    return normal_mac(str(value))


def path(value: t.Any) -> str:
    if not text(value).startswith("/"):
        raise ValueError(f"{value!r} is no absolute path; begin it with a slash")
    return text(value)


def script(value: t.Any) -> str:
    """A path, or V(no) for none, which YAML may have read as a boolean."""
    if value is False or value == "no":
        return "no"
    try:
        return path(value)
    except ValueError:
        raise ValueError(f"{value!r} is neither an absolute path nor 'no'") from None


def address(version: int) -> Check:
    def check(value: t.Any) -> str:
        try:
            return str((ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address)(str(value)))
        except ValueError:
            example = "10.0.2.2" if version == 4 else "fec0::2"
            raise ValueError(f"{str(value)!r} is no IPv{version} address; write it as in {example}") from None

    return check


def any_address(value: t.Any) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise ValueError(f"{str(value)!r} is no address; write it without a prefix length") from None


def network(version: int) -> Check:
    def check(value: t.Any) -> str:
        example = "10.0.2.0/24" if version == 4 else "fec0::/64"
        try:
            if "/" not in str(value):
                raise ValueError
            return str((ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network)(str(value), strict=False))
        except ValueError:
            raise ValueError(f"{str(value)!r} is no IPv{version} network with its prefix length; write it as in {example}") from None

    return check


def handle(value: t.Any) -> str:
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)):
        raise ValueError(f"{value!r} is no file descriptor; write the number under which QEMU gets it from its parent")
    return str(value)


def handles(value: t.Any) -> str:
    if not isinstance(value, list) or not value:
        raise ValueError("is no list of file descriptors; write one for each queue, as in [3, 4]")
    return ":".join(handle(item) for item in value)


def size(value: t.Any) -> str:
    if isinstance(value, bool) or not re.fullmatch(r"\d+[bkKMGT]?", str(value)):
        raise ValueError(f"{value!r} is no number of bytes; write it as in 1048576 or 1M")
    return str(value)


def pci_address(value: t.Any) -> str:
    # QEMU reads hexadecimal digits; a bare 10 is what YAML made of a number, and nobody can tell which one was meant.
    if isinstance(value, int) and value > 9:
        raise ValueError(f"{value} may mean two things; QEMU reads it as hexadecimal, so write it in quotes, as in '{value}'")
    if isinstance(value, bool) or not _PCI_ADDRESS.fullmatch(str(value)):
        raise ValueError(f"{value!r} is no place on a PCI bus; write slot and function in hexadecimal and in quotes, as in '08' or '1f.0'")
    return str(value)


def host_device(value: t.Any) -> str:
    if not _HOST_DEVICE.fullmatch(str(value)):
        raise ValueError(f"{str(value)!r} is no PCI device; write it as lspci -D does, as in 0000:03:10.0")
    return str(value)


_DASHED = frozenset(
    """ipv6_net ipv6_host ipv6_dns tftp_server_name poll_us vhost_user outbound_if4 outbound_if6 dhcp_dns dhcp_search map_host_loopback
    map_guest_addr dns_forward dns_host tcp_ports udp_ports reconnect_ms""".split()
)


def _fields(many: tuple[str, ...] = (), **checks: Check) -> dict[str, Field]:
    return {name: Field(check, name.replace("_", "-") if name in _DASHED else name, name in many) for name, check in checks.items()}


_UINT32 = number(0, 0xFFFFFFFF)
# The order of the words is the order here. hostfwd and guestfwd have a form of their own: qemu_forward.
NETDEV: t.Mapping[str, t.Mapping[str, Field]] = {
    "tap": _fields(
        ifname=link, fd=handle, fds=handles, script=script, downscript=script, br=link, helper=text, sndbuf=size, vnet_hdr=switch,
        vhost=switch, vhostfd=handle, vhostfds=handles, vhostforce=switch, queues=number(1, 256), poll_us=_UINT32,
    ),
    "bridge": _fields(br=link, helper=text),
    "user": _fields(
        ("dnssearch",),
        ipv4=switch, net=network(4), host=address(4), ipv6=switch, ipv6_net=network(6), ipv6_host=address(6), restrict=switch,
        hostname=text, dhcpstart=address(4), dns=address(4), ipv6_dns=address(6), dnssearch=text, domainname=text, tftp=text,
        tftp_server_name=text, bootfile=text, smb=path, smbserver=address(4),
    ),
    "passt": _fields(
        ("search", "tcp_ports", "udp_ports", "param"),
        path=path, quiet=switch, vhost_user=switch, mtu=number(0, 65535), address=any_address, netmask=text, gateway=any_address, interface=link,
        outbound=text, outbound_if4=link, outbound_if6=link, dns=any_address, search=text, fqdn=text, dhcp_dns=switch, dhcp_search=switch,
        map_host_loopback=text, map_guest_addr=text, dns_forward=any_address, dns_host=any_address, tcp=switch, udp=switch, icmp=switch,
        dhcp=switch, ndp=switch, dhcpv6=switch, ra=switch, freebind=switch, ipv4=switch, ipv6=switch, tcp_ports=text, udp_ports=text,
        param=text,
    ),
    "vfio": {},
}  # fmt: skip
# passt that was started by somebody else, reached by its socket.
SOCKET = {"socket": Field(path, "addr.path"), **_fields(reconnect_ms=_UINT32)}
FORWARDS = ("hostfwd", "guestfwd")

_ROM = _fields(bootindex=number(-1, 0x7FFFFFFF), rombar=number(0, 1), romfile=lambda value: "" if value == "" else text(value))
_PLACE = _fields(bus=text, addr=pci_address, multifunction=switch)
_VIRTIO = _fields(mq=switch, vectors=_UINT32, host_mtu=number(68, 65535), rx_queue_size=number(64, 1024), tx_queue_size=number(64, 1024))
VFIO = {**_fields(host=host_device, sysfsdev=path), **_PLACE, **_ROM}
NIC = {**_fields(mac=mac), **_PLACE, **_ROM, **_VIRTIO}
VIRTIO_ONLY = frozenset(_VIRTIO)
# By the bus of a model; further fields it does not have.
BUS_FIELDS: t.Mapping[str, frozenset[str]] = {
    "PCI": frozenset(NIC),
    "ISA": frozenset({"mac", "bootindex"}),
    "usb-bus": frozenset({"mac", "bootindex", "bus"}),
    "virtio-bus": frozenset({"mac", "bootindex", "bus"}) | VIRTIO_ONLY - {"vectors"},
    "xen-bus": frozenset({"mac"}),
}
