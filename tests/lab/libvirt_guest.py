# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real guest of QEMU under the libvirt of a host, and whether it answers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guest import guest_image
from vnet_lab.machine import Machine

# Without hardware help, on a machine that others use too.
BOOT = 120.0
OS = """
<os><type arch='x86_64'>hvm</type><kernel>/var/lib/libvirt/vmlinuz</kernel><initrd>/var/lib/libvirt/initrd.gz</initrd>
<cmdline>console=ttyS0 quiet panic=-1</cmdline></os>"""


def bring_guest(host: Machine) -> None:
    """The files that OS names."""
    image, folder = guest_image(), Path(f"/proc/{host.leader}/root/var/lib/libvirt")
    shutil.copy(image.kernel, folder / "vmlinuz")
    shutil.copy(image.initrd, folder / "initrd.gz")


def virsh(host: Machine, *words: str, stdin: str | None = None) -> str:
    return host.exec(["virsh", "--quiet", *words], stdin=stdin).stdout


def settle(host: Machine) -> None:
    """What libvirt leaves of a network that ran once is no trace of ours: empty tables, and forwarding."""
    virsh(host, "net-start", "default")
    virsh(host, "net-destroy", "default")
    host.exec(["sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1"])


def pings(host: Machine, address: str) -> bool:
    return host.exec(["ping", "-n", "-q", "-c", "1", "-W", "1", address], check=False).returncode == 0


@dataclass
class Pinged:
    """How many echo requests were lost, and the longest time in seconds without an answer."""

    lost: int = 0
    gap: float = 0.0


@contextmanager
def pinged(host: Machine, address: str) -> Iterator[Pinged]:
    """While the guest is asked 20 times a second; less often where ping(8) has to look for it first."""
    found = Pinged()
    with subprocess.Popen(host.exec_argv(["ping", "-n", "-D", "-i", "0.05", address]), stdout=subprocess.PIPE, text=True) as child:
        try:
            yield found
        finally:
            host.exec(["pkill", "-INT", "-x", "ping"])
            said = child.communicate(timeout=30)[0]
    sent, received = (int(number) for number in re.findall(r"(\d+) (?:packets transmitted|received)", said))
    times = [float(text) for text in re.findall(r"^\[([0-9.]+)\] \d+ bytes from", said, re.MULTILINE)]
    # The last one may still be under way.
    found.lost = max(0, sent - received - 1)
    found.gap = max(after - before for before, after in zip(times, times[1:]))


def ports(host: Machine, bridge: str) -> dict[str, dict[str, Any]]:
    links = json.loads(host.exec(["ip", "-json", "-detail", "link", "show", "master", bridge]).stdout)
    return {link["ifname"]: link["linkinfo"]["info_slave_data"] for link in links if link}
