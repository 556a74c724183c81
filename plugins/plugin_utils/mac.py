# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""MAC addresses for guests that have none, the same in every run."""

from __future__ import annotations

import hashlib
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
