# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dom0's disk, hypervisor, kernel and initrd: built once from this machine's own Debian mirror, kept outside the checkout."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import lzma
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from guest import archive
from vnet_lab.images import BUILD_LIMIT, bootstrap, cache_dir, configure
from vnet_lab.util import LabError, ensure_tools, locked, remove_tree, run, say, write_file

from .contents import DISK_MODULES, DOM0_INIT, DOMU_INIT, MODULES, PROGRAMS, RELEASES, recipe

_SIZE = "1400M"  # sparse
_KERNEL = "linux-image-amd64"  # the cloud kernel has no CONFIG_XEN_DOM0
# The kernel is unpacked only: its package would want an initramfs of its own.
_FETCH = (
    'chroot "$1" sh -c \'cd /root && apt-get -q -o APT::Sandbox::User=root download'
    f' $(apt-cache depends {_KERNEL} | grep -om1 "linux-image-[0-9].*")\''
)


@dataclass(frozen=True)
class Dom0Image:
    """``disk`` is a raw file system that is only ever read; ``key`` logs in as root."""

    release: str
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def xen(self) -> Path:
        return self.folder / "xen"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinux"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def key(self) -> Path:
        return self.folder / "key"


def ensure_dom0(release: str) -> Dom0Image:
    """The image of a release; built when it is missing or its recipe changed."""
    if release not in RELEASES:
        raise LabError(f"no such release: {release} (known: {', '.join(RELEASES)})")
    ensure_tools()
    images = cache_dir() / "xen"
    ready = images / f"{release}-{_digest(release)}"
    if ready.is_dir():
        return Dom0Image(release, ready)
    with locked(images / f".{release}.lock", timeout=BUILD_LIMIT):
        if not ready.is_dir():
            for left in images.glob(f".build-{release}-*"):
                remove_tree(left)
            _build(release, ready)
            _drop_old(release, ready)
    return Dom0Image(release, ready)


def _digest(release: str) -> str:
    """Of everything that the image is made by."""
    parts = [recipe(release).digest, MODULES.pattern, *DISK_MODULES, DOM0_INIT, DOMU_INIT]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _drop_old(release: str, keep: Path) -> None:
    """Images of an older recipe go, unless a dom0 runs on them: it holds their lock."""
    for path in keep.parent.glob(f"{release}-*"):
        if path == keep:
            continue
        with open(path / "lock", "a+b") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            say(f"removing the old image {path.name}")
            remove_tree(path)


def _build(release: str, ready: Path) -> None:
    say(f"building the dom0 {ready.name} (about a minute)")
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=f".build-{release}-", dir=ready.parent))
    try:
        root, done = work / "root", work / "done"
        done.mkdir()
        cooked = recipe(release)
        bootstrap(cooked, root, _FETCH)
        version = _unpack_kernel(root, work)
        configure(cooked, root)
        _finish(root, done, version)
        disk = done / "disk"
        run(["truncate", "-s", _SIZE, disk])
        # without metadata_csum, because nothing but speed matters here
        options = ["-E", "lazy_itable_init=0,lazy_journal_init=0", "-O", "^metadata_csum,^64bit", "-m", "0"]
        run(["mke2fs", "-q", "-t", "ext4", "-L", "dom0", *options, "-d", root, disk], timeout=120)
        (done / "lock").touch()
        done.rename(ready)
    finally:
        remove_tree(work)
    say(f"built the dom0 {ready.name} in {time.monotonic() - began:.0f} s")


def _finish(root: Path, done: Path, version: str) -> None:
    """Everything but the disk, and what of it stands on the disk."""
    for program in PROGRAMS:
        (root / program).chmod(0o755)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "xen lab", "-f", done / "key"])
    run(["chroot", root, "ssh-keygen", "-q", "-A"])
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    write_file(root / "root/.ssh/authorized_keys", (done / "key.pub").read_text(encoding="ascii"), 0o600)
    modules = next(path for path in (root / "lib/modules" / version, root / "usr/lib/modules" / version) if path.is_dir())
    order = _load_order(root, version)
    (done / "initrd").write_bytes(_initrd(root, modules, DOM0_INIT, order, "newroot"))
    (root / "srv/domu").mkdir(parents=True)
    (root / "srv/domu/initrd").write_bytes(_initrd(root, modules, DOMU_INIT, ["xen-netfront"]))
    kernel = next((root / "boot").glob("vmlinuz-*"))
    # uncompressed: inflating it is slow in emulation
    (done / "vmlinux").write_bytes(_inflated(kernel.read_bytes()))
    shutil.copy(done / "vmlinux", root / "srv/domu/vmlinux")
    kernel.unlink()
    (done / "xen").write_bytes(gzip.decompress(next((root / "boot").glob("xen-*-amd64.gz")).read_bytes()))


def _unpack_kernel(root: Path, work: Path) -> str:
    """The kernel and those of its modules that we want; its version."""
    package = next((root / "root").glob("linux-image-*.deb"))
    run(["dpkg-deb", "-x", package, work / "kernel"], timeout=120)
    package.unlink()
    kernel = next((work / "kernel/boot").glob("vmlinuz-*"))
    version = kernel.name.partition("-")[2]
    shutil.copy(kernel, root / "boot")
    source = next(path for path in (work / "kernel").rglob(version) if path.parent.name == "modules")
    target = root / "lib/modules" / version
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target, symlinks=True)
    run(["chroot", root, "depmod", version], timeout=120)
    for name in _unwanted(target / "modules.dep"):
        (target / name).unlink()
    run(["chroot", root, "depmod", version], timeout=120)
    return version


def _unwanted(dependencies: Path) -> list[str]:
    needs = {}
    for line in dependencies.read_text(encoding="ascii").splitlines():
        name, _colon, others = line.partition(":")
        needs[name] = others.split()
    wanted: set[str] = set()
    todo = [name for name in needs if MODULES.search(name)]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += needs[name]
    return [name for name in needs if name not in wanted]


def _load_order(root: Path, version: str) -> list[str]:
    """The modules that dom0 needs for its disk, each behind those that it needs. What is built in is none."""
    order: dict[str, None] = {}
    for module in DISK_MODULES:
        shown = run(["chroot", root, "modprobe", "-S", version, "--show-depends", module], check=False).stdout
        for path in re.findall(r"^insmod (\S+)", shown, re.MULTILINE):
            order[re.sub(r"\.ko(\.xz)?$", "", Path(path).name)] = None
    return list(order)


def _initrd(root: Path, modules: Path, init: str, order: Iterable[str], *folders: str) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        for folder in ("bin", "dev", "proc", "sys", "lib", *folders):
            (tree / folder).mkdir()
        shutil.copy(root / "bin/busybox", tree / "bin")
        for name in order:
            path = next(modules.rglob(f"{name}.ko*"))
            data = path.read_bytes()
            (tree / f"lib/{name}.ko").write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)
        write_file(tree / "lib/order", "".join(f"{name}\n" for name in order))
        write_file(tree / "init", init, 0o755)
        return gzip.compress(archive(tree), 6)


def _inflated(image: bytes) -> bytes:
    """The ELF file in a bzImage (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length)."""
    start = (image[0x1F1] + 1) * 512 + struct.unpack_from("<I", image, 0x248)[0]
    payload = image[start : start + struct.unpack_from("<I", image, 0x24C)[0]]
    if payload[:6] == b"\xfd7zXZ\0":
        kernel = lzma.LZMADecompressor().decompress(payload)
    elif payload[:4] == b"\x28\xb5\x2f\xfd":
        # The length of what comes out stands behind it.
        kernel = subprocess.run(["zstd", "-dcq"], input=payload[:-4], stdout=subprocess.PIPE, timeout=60, check=True).stdout
    elif payload[:2] == b"\x1f\x8b":
        kernel = zlib.decompressobj(31).decompress(payload)
    else:
        raise LabError(f"the kernel is compressed in an unknown way: {payload[:6]!r}")
    if kernel[:4] != b"\x7fELF":
        raise LabError("the kernel holds no ELF file")
    return kernel


def hold(image: Dom0Image) -> int:
    """A file descriptor that keeps the image from being removed for as long as it is open."""
    lock = os.open(image.folder / "lock", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock
