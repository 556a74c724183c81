# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process behind one host: starts its container, and starts it again when the host reboots.

With --keep-unit a reboot inside makes systemd-nspawn exit 133. Each boot gets a fresh network namespace, because a
real reboot loses all runtime state; the disk (the overlay's upper layer) stays."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .fabric import Fabric
from .site import Site
from .util import ENV, read_json, start_time, write_atomic
from .world import Place

REBOOT = 133

# $1 cgroup, $2 image, $3 host folder; the overlay is mounted in a mount namespace that dies with the container
_BOOT = """\
echo $$ >"$1/cgroup.procs" || exit 1
mount -t overlay lab -o "lowerdir=$2,upperdir=$3/upper,workdir=$3/work" "$3/root" || exit 1
shift 3
exec "$@"
"""


def boot_argv(site: Site, host: str, image: str) -> list[str]:
    cgroup, folder = site.cgroup / host, site.hosts_dir / host
    nspawn = [
        *site.enter(site.netns(host)),
        *["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", f"--directory={folder}/root"],
        *[f"--machine={site.name}.{host}", f"--hostname={host}", "--capability=all", "--resolv-conf=off"],
        *["--timezone=off", "--link-journal=no", "--console=passive"],
        # a host of virtual machines needs taps
        *[f"--bind={device}" for device in ("/dev/net/tun", "/dev/vhost-net") if Path(device).exists()],
    ]
    # no orphans: the container's own processes die with nspawn, nspawn dies with this supervisor
    shell = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "slave", "sh", "-c", _BOOT, "boot"]
    return [*shell, str(cgroup), image, str(folder), *nspawn]


def supervise(name: str, host: str) -> int:
    """Until the host is powered off. SIGTERM is its power button: an orderly shutdown."""
    site = Site(name)
    folder = site.hosts_dir / host
    spec = read_json(folder / "host.json")
    fabric, place = Fabric(site), Place(int(spec["index"]))
    stopping = False
    child: subprocess.Popen[bytes] | None = None

    def power_button(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, power_button)
    # "yes" leaves /sys writable, so udevd runs; the image's lab-procsys unit then protects /proc/sys
    env = dict(ENV, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1", SYSTEMD_NSPAWN_API_VFS_WRITABLE="yes")
    boots = int((read_json(folder / "boot.json") or {}).get("boots", 0))
    while True:
        cgroup = site.cgroup / host
        if cgroup.exists():
            site.kill_group(host)
        cgroup.mkdir(parents=True)
        fabric.plug(host, place)
        # a hard power-off can leave nspawn's lock or the work folder of the overlay behind
        shutil.rmtree(folder / "work", ignore_errors=True)
        (folder / "work").mkdir()
        boots += 1
        print(f"=== boot {boots} at {time.strftime('%H:%M:%S')}", flush=True)
        child = subprocess.Popen(boot_argv(site, host, spec["image"]), stdin=subprocess.DEVNULL, env=env)
        state = {"boots": boots, "pid": child.pid, "start": start_time(child.pid)}
        write_atomic(folder / "boot.json", json.dumps(state))
        if stopping:
            child.send_signal(signal.SIGTERM)
        code = child.wait()
        print(f"=== container ended with {code}", flush=True)
        if stopping or code != REBOOT:
            site.kill_group(host)
            fabric.unplug(host, place)
            return 0 if code == 0 else 1
