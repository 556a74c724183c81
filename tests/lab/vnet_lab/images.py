# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base images: built once from this machine's own Debian mirror, kept outside the checkout, shared by all labs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .recipe import LIBVIRT, RELEASES, Recipe, recipe
from .util import ENV, LabError, locked, read_json, remove_tree, run, say, wait_until, write_file

BUILD_LIMIT = 900.0


def cache_dir() -> Path:
    return Path(os.environ.get("VNET_LAB_CACHE", "/var/tmp/hypervisor-vnet-lab"))


def image_dir(release: str) -> Path:
    return cache_dir() / "images" / recipe(release).name


def _source_lines() -> list[tuple[str, str]]:
    """(URI, suites) of this machine's apt sources, both formats."""
    found: list[tuple[str, str]] = []
    for path in [*Path("/etc/apt/sources.list.d").glob("*.sources")]:
        for stanza in path.read_text(encoding="utf-8").split("\n\n"):
            keys = dict(re.findall(r"^(\w[\w-]*):[ \t]*(.*)$", stanza, re.MULTILINE))
            if "deb" in keys.get("Types", "").split() and keys.get("Enabled", "yes").lower() != "no":
                found += [(uri, keys.get("Suites", "")) for uri in keys.get("URIs", "").split()]
    for path in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.list")]:
        if path.exists():
            text = path.read_text(encoding="utf-8")
            found += re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)", text, re.MULTILINE)
    return found


def mirror_lines(release: str) -> list[str]:
    """The apt lines of the image: the mirror that this machine itself uses, with the image's release."""
    debian = r"^(?:bookworm|trixie|bullseye|forky|stable|testing|sid)"
    lines = _source_lines()
    main = next((uri for uri, suites in lines if re.match(debian + r"(?:\s|$)", suites)), "")
    if not main:
        raise LabError("no Debian mirror in this machine's apt sources (/etc/apt/sources.list*)")
    wanted = [f"deb {main} {release} main", f"deb {main} {release}-updates main"]
    security = next((uri for uri, suites in lines if re.match(debian + r"-security", suites)), "")
    return [*wanted, f"deb {security} {release}-security main"] if security else wanted


def _keyring(release: str) -> list[str]:
    """Newer releases are signed with keys that an older debian-archive-keyring may not have in its trusted set."""
    ring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    return [f"--keyring={ring}"] if ring.exists() else []


def bootstrap(cooked: Recipe, target: Path, *hooks: str) -> None:
    """The packages of a recipe in a new tree. ``hooks``: shell commands at the end, which find the tree in $1."""
    options = ["--mode=root", "--variant=minbase", f"--include={','.join(cooked.packages)}", *_keyring(cooked.release)]
    for option in ('Acquire::Check-Valid-Until "false"', 'APT::Install-Recommends "false"', 'Acquire::Languages "none"'):
        options.append(f"--aptopt={option}")
    for path in ("man", "locale", "doc"):
        options.append(f"--dpkgopt=path-exclude=/usr/share/{path}/*")
    options += [f"--customize-hook={hook}" for hook in hooks]
    # namespaces of its own for mounts and processes: whatever happens to us, nothing of the build stays on the machine
    fence = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "slave"]
    fence += ["--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    argv = [*fence, "mmdebstrap", *options, cooked.release, str(target)]
    argv += mirror_lines(cooked.release)
    began = time.monotonic()
    log = target.with_name(target.name + ".log")
    with open(log, "w+", encoding="utf-8") as output:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=ENV, start_new_session=True)
        said = 0

        def finished() -> bool:
            nonlocal said
            if time.monotonic() - began > (said + 1) * 10:
                said += 1
                steps = re.findall(r"^I: (.*)$", log.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
                say(f"  {cooked.release}: {said * 10} s, {steps[-1] if steps else 'starting'}")
            return child.poll() is not None

        try:
            wait_until(finished, BUILD_LIMIT, f"mmdebstrap has built {cooked.release}", poll=0.2)
        finally:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait(timeout=10)
    text = log.read_text(encoding="utf-8", errors="replace")
    log.unlink()
    if child.returncode != 0:
        raise LabError(f"mmdebstrap failed for {cooked.release}:\n{text[-3000:]}")


def configure(cooked: Recipe, root: Path) -> None:
    """The files and units of a recipe in its tree."""
    for pattern in cooked.removed:
        for path in root.glob(pattern):
            path.unlink()
    for name, text in cooked.files.items():
        write_file(root / name, text)
    units = root / "etc/systemd/system"
    for unit in cooked.masked:
        link = units / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    run(["chroot", root, "systemctl", "enable", *cooked.enabled], timeout=60)
    link = root / "etc/localtime"
    link.unlink(missing_ok=True)
    link.symlink_to("/usr/share/zoneinfo/UTC")
    # installed but not to be found by any other program: only hosts with systemd-resolved get this name back
    (root / "usr/sbin/resolvconf").unlink(missing_ok=True)
    for log in root.glob("var/cache/apt/archives/*.deb"):
        log.unlink()


def _drop_old(release: str, keep: Path) -> None:
    """Images of an older recipe go, unless a lab still stands on them."""
    used = {str((read_json(path) or {}).get("image")) for path in cache_dir().glob("labs/*/hosts/*/host.json")}
    for path in keep.parent.glob(f"{release}-*"):
        if path != keep and str(path) not in used:
            say(f"removing the old image {path.name}")
            remove_tree(path)


def ensure_image(release: str) -> Path:
    """The base image of a release; built when it is missing or its recipe changed."""
    if release.removeprefix(LIBVIRT) not in RELEASES.values():
        raise LabError(f"no such release: {release} (known: {', '.join(RELEASES.values())})")
    cooked = recipe(release)
    ready = image_dir(release)
    if ready.is_dir():
        return ready
    images = ready.parent
    with locked(images / f".{release}.lock", timeout=BUILD_LIMIT):
        if ready.is_dir():  # somebody else built it while we waited
            return ready
        for left in images.glob(f".build-{release}-*"):
            remove_tree(left)
        say(f"building the base image {cooked.name} ({len(cooked.packages)} packages, about a minute)")
        began = time.monotonic()
        work = Path(tempfile.mkdtemp(prefix=f".build-{release}-", dir=images))
        try:
            root = work / "root"
            bootstrap(cooked, root)
            configure(cooked, root)
            root.rename(ready)
        finally:
            remove_tree(work)
        size = run(["du", "-sm", ready], timeout=60).stdout.split()[0]
        say(f"built {cooked.name}: {size} MB in {time.monotonic() - began:.0f} s")
        _drop_old(release, ready)
    return ready
