# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tiny real guest for QEMU: Debian's kernel and a busybox, from this machine's own Debian mirror, kept between runs."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

KERNEL = "linux-image-cloud-amd64"
LIMIT = 300.0
# In the order in which they need each other; what a kernel has built in is not there.
_MODULES = "virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net"
_APPLETS = "sh mount ip insmod udhcpc nc cat echo sleep"
# Gets its address by DHCP and tells it to whoever connects to port 22 or 80. Who writes an address and a port to port 7 hears it.
_INIT = """\
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for module in /modules/*.ko; do insmod $module; done
until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done
ip link set lo up; ip link set eth0 up
udhcpc -i eth0 -n -q -t 100 -T 1 -s /lease || echo GUEST WITHOUT A LEASE
for port in 22 80; do nc -ll -p $port -e /tell $port & done
nc -ll -p 7 -e /relay &
echo GUEST READY
while :; do sleep 3600; done
"""
_LEASE = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
ip route add default via ${router%% *}
echo hostname=$hostname domain=$domain search=$search dns=$dns router=$router > /told
"""
_TELL = """\
#!/bin/sh
echo port=$1
ip -o addr show dev eth0
cat /sys/class/net/eth0/address /told
"""
_RELAY = """\
#!/bin/sh
read address port && nc $address $port < /dev/null
"""


@dataclass(frozen=True)
class GuestImage:
    """What QEMU's -kernel and -initrd take."""

    kernel: Path
    initrd: Path

    def words(self) -> list[str]:
        start = ["-kernel", str(self.kernel), "-initrd", str(self.initrd), "-append", "console=ttyS0 quiet panic=-1"]
        return ["-accel", "tcg", "-m", "128", "-no-reboot", *start]


def guest_image() -> GuestImage:
    """Made once for each kernel of the mirror and each edition of this file; needs apt-get, no root, and nothing installed."""
    package = _kernel_package()
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = Path(os.environ.get("VNET_LAB_CACHE", "/var/tmp/hypervisor-vnet-lab"), "guests", f"{package}-{recipe}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f"{folder.name}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                _build(Path(scratch), package)
                Path(scratch, "done").rename(folder)
    return GuestImage(folder / "vmlinuz", folder / "initrd.gz")


def _said(*argv: str, cwd: Path | None = None) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


def _kernel_package() -> str:
    """The package that the metapackage stands for today."""
    found = re.search(r"Depends: (linux-image-\S+)", _said("apt-cache", "depends", KERNEL))
    assert found, f"{KERNEL} is unknown here; run apt-get update"
    return found[1]


def _build(scratch: Path, package: str) -> None:
    for name in (package, "busybox-static"):
        _said("apt-get", "download", "-q", name, cwd=scratch)
        _said("dpkg-deb", "-x", str(next(scratch.glob(f"{name}_*.deb"))), str(scratch / "root"))
    root, tree, done = scratch / "root", scratch / "tree", scratch / "done"
    for folder in ("bin", "dev", "proc", "sys", "modules"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(next(path for path in (root / "bin/busybox", root / "usr/bin/busybox") if path.exists()), tree / "bin/busybox")
    for applet in _APPLETS.split():
        (tree / "bin" / applet).symlink_to("busybox")
    for number, name in enumerate(_MODULES.split()):
        for path in root.rglob(f"{name}.ko*"):
            data = path.read_bytes()
            (tree / f"modules/{number}-{name}.ko").write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)
    for name, text in (("init", _INIT), ("lease", _LEASE), ("tell", _TELL), ("relay", _RELAY)):
        (tree / name).write_text(text, encoding="ascii")
        (tree / name).chmod(0o755)
    done.mkdir()
    (done / "initrd.gz").write_bytes(gzip.compress(archive(tree), 1))
    shutil.copy(next(root.glob("boot/vmlinuz-*")), done / "vmlinuz")


def archive(tree: Path) -> bytes:
    """The tree in the format of initramfs-buffer-format.rst (cpio "newc"); everything in it belongs to root."""
    parts = []
    for number, path in enumerate([*sorted(tree.rglob("*")), None], 1):
        name = str(path.relative_to(tree)) if path else "TRAILER!!!"
        data, mode = b"", 0
        if path:
            mode = path.lstat().st_mode
            with contextlib.suppress(IsADirectoryError):
                data = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]
    return b"".join(parts)
