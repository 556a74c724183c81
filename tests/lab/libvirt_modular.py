# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose libvirt is split: one daemon for networks and one for domains, each behind a socket of its own, and no libvirtd.

No release of Debian packages virtnetworkd and virtqemud (11.3 of Debian 13 and 12.8 of sid were looked through). They are libvirtd with one
driver built in, so here libvirtd is given one driver and their socket. Clients choose by the socket that is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vnet_lab.machine import Machine

_LIBVIRTD = [f"libvirtd{part}" for part in (".service", ".socket", "-ro.socket", "-admin.socket")]
_DRIVERS = {"virtnetworkd": "network", "virtqemud": "qemu"}
_SOCKET = """\
[Socket]
ListenStream=/run/libvirt/{0}-sock
FileDescriptorName=libvirtd.socket
RemoveOnStop=yes
"""
_SERVICE = """\
[Service]
Type=notify
Environment=LIBVIRT_DRIVER_DIR=/run/{0}-drivers
ExecStart=/usr/sbin/libvirtd --timeout 120 --pid-file /run/{0}.pid
KillMode=process
"""
_LINK = 'mkdir -p /run/"$1"-drivers; ln -sf /usr/lib/*/libvirt/connection-driver/libvirt_driver_"$2".so /run/"$1"-drivers/'


@contextmanager
def without_libvirtd(host: Machine) -> Iterator[None]:
    """libvirtd is installed, and nothing starts it."""
    host.exec(["systemctl", "mask", "--runtime", "--now", *_LIBVIRTD])
    # systemd leaves them behind, and clients would knock there.
    host.exec(["sh", "-c", "rm -f /run/libvirt/libvirt-*sock*"])
    try:
        yield
    finally:
        host.exec(["systemctl", "unmask", "--runtime", *_LIBVIRTD])
        host.exec(["systemctl", "start", *_LIBVIRTD[1:], _LIBVIRTD[0]])


@contextmanager
def modular(host: Machine) -> Iterator[None]:
    """Within without_libvirtd."""
    units = [f"{daemon}.{kind}" for kind in ("socket", "service") for daemon in _DRIVERS]
    for daemon, driver in _DRIVERS.items():
        host.exec(["sh", "-c", _LINK, "link", daemon, driver])
        for kind, text in (("socket", _SOCKET), ("service", _SERVICE)):
            host.exec(["tee", f"/run/systemd/system/{daemon}.{kind}"], stdin=text.format(daemon))
    host.exec(["systemctl", "daemon-reload"])
    host.exec(["systemctl", "start", *units[:2]])
    try:
        yield
    finally:
        host.exec(["systemctl", "stop", *units])
        host.exec(["rm", *(f"/run/systemd/system/{unit}" for unit in units)])
        host.exec(["systemctl", "daemon-reload"])
