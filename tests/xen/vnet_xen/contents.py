# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a dom0 and its guests consist of: packages, files, masked units, kernel modules. Data only; image.py cooks it."""

from __future__ import annotations

import re
from pathlib import Path

from vnet_lab.recipe import Recipe

# Debian's release -> its Xen.
RELEASES = {"bookworm": "4.17", "trixie": "4.20"}

# net-tools: vif-route and vif-nat of every Xen call ifconfig, and no package of Xen's depends on it.
_PACKAGES = (
    "systemd systemd-sysv udev dbus kmod procps iproute2 iputils-ping ifupdown openssh-server python3 bridge-utils net-tools"
    " nftables conntrack dnsmasq-base busybox-static tcpdump xen-utils-common xenstore-utils"
).split()
_MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer"
    " systemd-timesyncd.service getty@tty1.service systemd-pcrphase.service systemd-pcrphase-sysinit.service"
    " systemd-pcrmachine.service modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service"
    " modprobe@efi_pstore.service modprobe@fuse.service modprobe@loop.service sys-kernel-debug.mount sys-kernel-tracing.mount"
    " sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount systemd-logind.service systemd-binfmt.service"
    " systemd-firstboot.service"
).split()

_INTERFACES = """\
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 10.0.2.15/24
    gateway 10.0.2.2

source /etc/network/interfaces.d/*
"""

# domu-exec NAME COMMAND: by the guest's console, whatever the network does. Ends as the command does.
_DOMU_EXEC = r"""#!/usr/bin/python3
import os, re, select, subprocess, sys, termios, time, tty

name, command, limit = sys.argv[1], sys.argv[2], float(sys.argv[3])
domid = subprocess.check_output(["xl", "domid", name], text=True).strip()
path = subprocess.check_output(["xenstore-read", "/local/domain/%s/console/tty" % domid], text=True).strip()
console = os.open(path, os.O_RDWR | os.O_NOCTTY)
tty.setraw(console)
termios.tcflush(console, termios.TCIFLUSH)
tag = "T%d" % os.getpid()
os.write(console, ('(%s) </dev/null 2>&1; echo %s""E:$?\n' % (command, tag)).encode())
text, end = "", time.time() + limit
while time.time() < end:
    if select.select([console], [], [], 0.5)[0]:
        text += os.read(console, 4096).decode(errors="replace").replace("\r", "")
        found = re.search(tag + r"E:(\d+)\n", text)
        if found:
            # without the echo of what we typed
            sys.stdout.write(re.sub(r'^.*echo ' + tag + r'""E:\$\?\n', "", text[: found.start()], flags=re.S))
            sys.exit(int(found.group(1)))
sys.exit("domu-exec: no answer in %g s; so far: %r" % (limit, text))
"""

_WARM_PYTHON = """\
[Unit]
Description=lab: a Python that has loaded Ansible's modules
[Service]
RuntimeDirectory=warm-python.d
ExecStart=/usr/local/bin/warm-python serve
[Install]
WantedBy=multi-user.target
"""

_FILES = {
    "etc/hostname": "dom0\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 dom0\n",
    "etc/resolv.conf": "nameserver 10.0.2.3\n",
    "etc/fstab": "/dev/vda / ext4 noatime,errors=remount-ro 0 1\n",
    "etc/machine-id": "00000000000000000000000000000001\n",
    "etc/network/interfaces": _INTERFACES,
    # MaxStartups: tests open many sessions at once; the default of 10 would drop some at random
    "etc/ssh/sshd_config.d/lab.conf": "PermitRootLogin prohibit-password\nUseDNS no\nMaxStartups 100:30:200\nMaxSessions 100\n",
    "etc/systemd/system/warm-python.service": _WARM_PYTHON,
    "usr/local/bin/domu-exec": _DOMU_EXEC,
    "usr/local/bin/warm-python": "#!/usr/bin/python3\n" + Path(__file__).with_name("warm.py").read_text(encoding="utf-8"),
}
PROGRAMS = tuple(path for path in _FILES if path.startswith("usr/local/bin/"))

# Of Debian's kernel, what dom0 and its guests can have any use for; what these need comes along.
MODULES = re.compile(
    r"^kernel/(?:drivers/(?:xen|virtio|block/(?:virtio_blk|loop|xen-)|net/(?:virtio_net|veth|tun|tap|dummy|ifb|macvlan|bonding"
    r"|net_failover|xen-))|net/(?:bridge|netfilter|ipv4|ipv6|802|8021q|llc|sched|core|packet)|fs/(?:ext4|jbd2|autofs)|fs/mbcache"
    r"|drivers/char/hw_random|arch/x86/crypto/crc|crypto/crc|lib/)"
)
# What dom0 must have before it has its disk, in the order in which they need each other is told by modprobe.
DISK_MODULES = ("crc32c_generic", "crc32c-intel", "virtio_blk", "ext4", "virtio_net", "virtio_pci")

DOM0_INIT = """\
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read -r module; do insmod "/lib/$module.ko" || echo "initrd: insmod $module failed"; done < /lib/order
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
mount -t ext4 -o rw,noatime /dev/vda /newroot || exec sh
umount /proc; umount /sys
mount --move /dev /newroot/dev
exec switch_root /newroot /sbin/init
"""

# ip0=10.0.0.1/24 gw0=10.0.0.254 ip1=… on its command line are given to eth0, eth1 … whenever these appear.
DOMU_INIT = """\
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
insmod /lib/xen-netfront.ko 2>/dev/null
ip link set lo up
told() { sed -n "s/.*\\b$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline; }
hostname "$(told name)"
( while :; do
    for path in /sys/class/net/eth*; do
      [ -e "$path" ] || continue
      dev=${path##*/}; number=${dev#eth}; index=$(cat $path/ifindex)
      if [ "$(cat /run.$dev 2>/dev/null)" != "$index" ]; then
        echo "$index" > "/run.$dev"; ip link set "$dev" up
        address=$(told "ip$number"); [ -n "$address" ] && ip addr add "$address" dev "$dev"
        gateway=$(told "gw$number")
        [ -n "$gateway" ] && ip route add "$gateway" dev "$dev" 2>/dev/null
        [ -n "$gateway" ] && ip route add default via "$gateway" dev "$dev"
      fi
    done
    sleep 1
  done ) &
mkdir -p /www; echo "hello from $(hostname)" > /www/index.html; httpd -h /www -p 80
echo "DOMU-UP $(hostname)"
export PS1='# '
while :; do setsid sh -c 'exec sh <>/dev/hvc0 >&0 2>&1'; sleep 1; done
"""


def recipe(release: str) -> Recipe:
    """The dom0 of a Debian release, but for its kernel. Its version is to be raised when image.py cooks the same data differently."""
    xen = (f"xen-hypervisor-{RELEASES[release]}-amd64", f"xen-utils-{RELEASES[release]}")
    packages = (*_PACKAGES, *xen)
    return Recipe(
        release,
        packages,
        dict(_FILES),
        tuple(_MASKED),
        ("ssh.service", "networking.service", "warm-python.service"),
        ("etc/ssh/ssh_host_*",),
    )
