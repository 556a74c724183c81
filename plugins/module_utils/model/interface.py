# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Names and hardware addresses of network interfaces."""

from __future__ import annotations

import re

from .problem import Problem

# IFNAMSIZ (include/uapi/linux/if.h) is 16 with the closing zero.
NAME_LENGTH = 15
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
# Names that mean something else to ip(8), to /proc/sys/net/*/conf, or to the kernel.
_RESERVED = frozenset({"all", "default", "lo", "dev", "type", "none"})


def name_problems(name: str, path: str) -> list[Problem]:
    """Refuse what the kernel, a configuration file or a command line could take for something else."""
    if not name:
        return [Problem(path, "the name is empty; give the interface a name of 1 to 15 characters")]
    problems = []
    if len(name) > NAME_LENGTH:
        problems.append(Problem(path, f"{name!r} has {len(name)} characters; Linux allows {NAME_LENGTH} at most, choose a shorter name"))
    if not _NAME.fullmatch(name):
        problems.append(Problem(path, f"{name!r} may hold only letters, digits, '_', '-' and '.', and cannot begin with '-' or '.'"))
    elif name in _RESERVED:
        problems.append(Problem(path, f"{name!r} has a meaning of its own in Linux; choose another name"))
    return problems


def normal_mac(mac: str) -> str:
    """Lower case with colons, the kernel's form; what is no MAC comes back as it was."""
    return mac.strip().lower().replace("-", ":")


def mac_problems(mac: str, path: str) -> list[Problem]:
    """Refuse malformed, multicast and all-zero hardware addresses. ``mac`` is in normal form."""
    if not _MAC.fullmatch(mac):
        return [Problem(path, f"{mac!r} is not a MAC address; write six pairs of hexadecimal digits, as in 52:54:00:12:34:56")]
    if int(mac[:2], 16) & 1:
        return [Problem(path, f"{mac} is a multicast address; the second digit of an interface's own MAC is even")]
    if mac == "00:00:00:00:00:00":
        return [Problem(path, "00:00:00:00:00:00 cannot be used as an address; leave mac out to get a stable one")]
    return []


def eui64_address(mac: str) -> str:
    """The last 64 bits of the IPv6 addresses that SLAAC derives from ``mac`` (RFC 4291, appendix A), as 16 hex digits."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets = [octets[0] ^ 2, octets[1], octets[2], 0xFF, 0xFE, octets[3], octets[4], octets[5]]
    return "".join(f"{octet:02x}" for octet in octets)
