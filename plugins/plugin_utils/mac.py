# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""MAC addresses for guests that have none, the same in every run; and which ones guests should not have."""

from __future__ import annotations

import hashlib
import math
import re
import typing as t

try:
    import netaddr
except ImportError as error:
    netaddr = None
    _MISSING: ImportError | None = error
else:
    _MISSING = None

from ansible.errors import AnsibleFilterError

# Of the vendors' space; Xen's, and so free for its guests. All others have the locally administered bit (0x02 of the first byte).
XEN = "00:16:3e"
# libxl__device_nic_setdefault, and xm before it, clear one bit of the three bytes behind XEN.
_XL_BITS = 23
_PREFIX = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2})+")


def require_netaddr(name: str) -> None:
    """Refuse to go on without netaddr, saying who needs it where. Raises AnsibleFilterError."""
    if _MISSING is not None:
        raise AnsibleFilterError(
            f"{name} needs the Python library netaddr on the controller, in the environment of ansible-core: "
            "pip install netaddr, or your distribution's python3-netaddr"
        ) from _MISSING


def from_address(address: t.Any, prefix: t.Any) -> str:
    """Two bytes of prefix and the four of an IPv4 address, which may have a prefix length. ValueError names the cure."""
    head = _prefix(prefix, 2)
    text = str(address).partition("/")[0]
    try:
        ip = netaddr.IPAddress(text, flags=netaddr.INET_PTON)
    except (netaddr.AddrFormatError, ValueError):
        raise ValueError(f"{str(address)!r} is no address; write it as in 10.0.0.1") from None
    if ip.version != 4:
        raise ValueError(f"{ip} is an IPv6 address, which does not fit into a MAC; take the guest's IPv4 address, or mac_random")
    if int(ip) == 0 or ip.is_multicast() or int(ip) == 0xFFFFFFFF:
        raise ValueError(f"{ip} is no address of one machine; take the guest's own")
    return _mac(head, int(ip), 32)


def seeded(name: t.Any, host: t.Any, prefix: t.Any, index: t.Any) -> str:
    """Three bytes of prefix and three of a digest (SHA-256) of host, guest and interface number. ValueError names the cure."""
    head = _prefix(prefix, 3)
    for what, value in (("the guest's name", name), ("host", host)):
        if not isinstance(value, str) or not value:
            raise ValueError(f"{what} is {value!r}; without a name every guest would get the same address")
    if isinstance(index, bool) or not re.fullmatch(r"\d+", str(index)):
        raise ValueError(f"index: {index!r} is no number; count the guest's interfaces from 0")
    digest = hashlib.sha256("\0".join((str(host), str(name), str(int(index)))).encode()).digest()
    return _mac(head, int.from_bytes(digest[:3], "big"), 24)


def beyond_rules(mac: str) -> str:
    """Why a guest should not have this address (in normal form); empty when it may.

    Guests' are locally administered, Xen's, or VMware's: those that ESX makes (00:0c:29) and those that its administrators give
    (00:50:56:00 to 00:50:56:3f).
    """
    if int(mac[:2], 16) & 2 or mac.startswith((XEN, "00:0c:29:")):
        return ""
    if mac.startswith("00:50:56:"):
        high = int(mac[9:11], 16) > 0x3F
        return f"{mac} is of those that VMware's vCenter gives by itself; take one up to 00:50:56:3f:ff:ff" if high else ""
    return f"{mac} is of a vendor of NICs, so a real one may have it; take 00:16:3e, or a second digit of 2, 6, a or e"


def twins_risk(count: int) -> str:
    """What it means that Xen makes the addresses of ``count`` vifs: 23 bits of each are random."""
    few = f"{_twins(count):.2g} among {count}, and " if count > 1 else ""
    return (
        f"Xen made a random MAC address for {count} of the vifs at every start. Of such addresses 23 bits are random: "
        f"the probability of twins is {few}{_twins(1000):.2g} among 1000."
    )


def _twins(count: int) -> float:
    return 1 - math.exp(-count * (count - 1) / 2 / 2**_XL_BITS)


def _mac(head: str, tail: int, bits: int) -> str:
    return str(netaddr.EUI(int(head.replace(":", ""), 16) << bits | tail, version=48, dialect=netaddr.mac_unix_expanded))


def _prefix(prefix: t.Any, count: int) -> str:
    head = str(prefix).lower().replace("-", ":")
    if not _PREFIX.fullmatch(head) or head.count(":") != count - 1:
        example = "02:00" if count == 2 else "52:54:00"
        raise ValueError(f"prefix: {str(prefix)!r} is not {count} bytes; write it in quotes, as in '{example}'")
    first = int(head[:2], 16)
    if first & 1:
        raise ValueError(f"prefix: {head} is multicast; take an even first byte")
    if not first & 2 and head != XEN:
        second = f"{first | 2:02x}{head[2:]}"
        raise ValueError(f"prefix: {head} belongs to a vendor; take a locally administered one, as in {second}")
    return head
