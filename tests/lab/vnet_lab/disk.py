# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk of a host: what its overlay adds to the base image before the first boot."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .kinds import Kind
from .profile import WRITERS, Profile
from .util import run, write_file
from .world import DOMAIN

# In a container, PID 1 hears udev only if udev's socket is there when it begins (sd_device_monitor_new). So it begins anew, at
# every boot, before the first event; else no device unit would be there, nor what waits for one.
# udevd answers by then: netplan's generator, which runs again as well, waits a minute for it.
_HEAR_UDEV = """\
[Unit]
Description=lab: PID 1 hears udev
DefaultDependencies=no
After=systemd-udevd.service
Before=systemd-udev-trigger.service sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=systemctl daemon-reexec
"""


def prepare_disk(root: Path, host: str, kind: Kind, profile: Profile, public_key: Path) -> None:
    root.mkdir(parents=True)
    root.chmod(0o755)
    for folder in ("var", "root", "etc"):
        (root / folder).mkdir()
    (root / "root").chmod(0o700)
    (root / "root/.ssh").mkdir(mode=0o700)
    write_file(root / "root/.ssh/authorized_keys", public_key.read_text(encoding="ascii"), 0o600)
    write_file(root / "etc/hostname", f"{host}\n")
    own = f"127.0.0.1 localhost\n127.0.1.1 {host}.{DOMAIN} {host}\n::1 localhost ip6-localhost ip6-loopback\n"
    write_file(root / "etc/hosts", own)
    # a fixed machine-id: DHCP identities come from it, and an empty one would make each first boot re-enable units
    write_file(root / "etc/machine-id", hashlib.md5(f"lab {host}".encode(), usedforsecurity=False).hexdigest() + "\n", 0o444)
    (root / "etc/ssh").mkdir()
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{host}", "-f", root / "etc/ssh/ssh_host_ed25519_key"])
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)
    # PID 1 would wait for somebody to read the console once that is full, as at the shutdown of a host with many services
    write_file(root / "etc/systemd/system.conf.d/lab.conf", "[Manager]\nShowStatus=no\n")
    write_file(units / "lab-udev.service", _HEAR_UDEV)
    (units / "sysinit.target.wants").mkdir()
    (units / "sysinit.target.wants/lab-udev.service").symlink_to("/etc/systemd/system/lab-udev.service")
    for unit in kind.masks:
        (units / unit).symlink_to("/dev/null")
    if kind.resolved:
        (root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    else:  # a plain file for the manager or the DHCP client to write
        write_file(root / "etc/resolv.conf", "")
    for file in WRITERS[kind.manager](profile):
        write_file(root / file.path, file.text, file.mode)
