# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes into a base image: packages, files, masked units. Data only; images.py cooks it.

One base per Debian release serves every host kind: all network managers are installed and enabled here, and a host's
own disk masks those that are not its own (see kinds.py)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

RELEASES = {"12": "bookworm", "13": "trixie"}

_COMMON = (
    "systemd systemd-sysv dbus udev kmod procps openssh-server python3 iproute2 nftables iputils-ping iputils-arping"
    " tcpdump ifupdown bridge-utils dnsmasq-base systemd-resolved network-manager netplan.io busybox-static ethtool"
    " conntrack iptables firewalld sudo less"
).split()
# Debian 13's ifupdown takes dhcpcd when dhclient is missing, and that is what its installer sets up.
_DHCP_CLIENT = {"bookworm": "isc-dhcp-client", "trixie": "dhcpcd-base"}

_MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service"
    " man-db.timer getty@tty1.service console-getty.service systemd-rfkill.socket systemd-timesyncd.service"
    " wpa_supplicant.service nm-priv-helper.service"
).split()

_ENABLED = (
    "ssh.service systemd-networkd.service systemd-resolved.service NetworkManager.service networking.service lab-procsys.service"
).split()

# nspawn runs with SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes (a writable /sys of the host's own netns, so that udevd runs as
# on a real host). kernel.*, vm.* and fs.* are not namespaced: this unit makes /proc/sys read-only again except net.
# --rbind, because a plain bind hides nspawn's private boot_id and no reboot would ever be seen.
_PROCSYS = """\
[Unit]
Description=lab: only /proc/sys/net stays writable
DefaultDependencies=no
ConditionVirtualization=systemd-nspawn
Before=systemd-sysctl.service systemd-udevd.service sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=mount --rbind /proc/sys /proc/sys
ExecStart=mount --bind /proc/sys/net /proc/sys/net
ExecStart=mount -o remount,bind,ro /proc/sys
[Install]
WantedBy=sysinit.target
"""

_FILES = {
    "etc/systemd/system/lab-procsys.service": _PROCSYS,
    # /sys shows the machine's own devices: only the host's NICs may get (cold plug) events
    "etc/systemd/system/systemd-udev-trigger.service.d/lab.conf": (
        "[Service]\nExecStart=\nExecStart=-udevadm trigger --action=add --subsystem-match=net\n"
    ),
    # MaxStartups: tests open many sessions at once; the default of 10 would drop some at random
    "etc/ssh/sshd_config.d/lab.conf": "UseDNS no\nMaxStartups 100:30:200\nMaxSessions 100\n",
    "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=persistent\nSystemMaxUse=32M\n",
    "etc/machine-id": "",
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/network/interfaces": "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n",
}

# installed, but started by tests alone; with stars, as a plain name is looked for behind the link, which leads outside
_FIREWALLD = (
    "etc/systemd/system/multi-user.target.wants/firewalld*",
    "etc/systemd/system/dbus-org.fedoraproject.FirewallD1*",
)

LIBVIRT = "libvirt-"
_LIBVIRT_PACKAGES = (
    "libvirt-daemon-system libvirt-daemon-config-network libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 iptables".split()
)
_LIBVIRT_FILES = {
    # What a container has not got: cgroup controllers of its own, mount namespaces for guests, AppArmor.
    "etc/libvirt/qemu.conf": 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\ncgroup_controllers = []\nnamespaces = []\n',
}

# identities that packages bake in, and files that belong to the machine that built the image
_REMOVED = ("etc/ssh/ssh_host_*", "etc/hostname", "etc/hosts", *_FIREWALLD)


@dataclass(frozen=True)
class Recipe:
    release: str
    packages: tuple[str, ...]
    files: dict[str, str] = field(default_factory=lambda: dict(_FILES))
    masked: tuple[str, ...] = tuple(_MASKED)
    enabled: tuple[str, ...] = tuple(_ENABLED)
    removed: tuple[str, ...] = _REMOVED
    kind: str = ""  # of hosts that need more than the others
    version: int = 1  # raise when images.py cooks the same data differently

    @property
    def digest(self) -> str:
        data = {key: value for key, value in asdict(self).items() if key != "kind"}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        return f"{self.kind}{self.release}-{self.digest}"


def recipe(image: str) -> Recipe:
    """Of a release, or of one with libvirt and QEMU: ``libvirt-`` and the release."""
    release = image.removeprefix(LIBVIRT)
    common = (*_COMMON, _DHCP_CLIENT[release])
    if release == image:
        return Recipe(release=release, packages=common)
    return Recipe(release, (*common, *_LIBVIRT_PACKAGES), {**_FILES, **_LIBVIRT_FILES}, kind=LIBVIRT)
