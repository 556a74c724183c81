# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host kinds: a Debian release and the one network manager that owns the NICs; all others are masked."""

from __future__ import annotations

from dataclasses import dataclass

from .recipe import LIBVIRT, RELEASES
from .util import LabError

_NETWORKD_UNITS = ("systemd-networkd.service", "systemd-networkd.socket", "systemd-networkd-wait-online.service")
_NM_UNITS = ("NetworkManager.service", "NetworkManager-wait-online.service", "NetworkManager-dispatcher.service")
_RESOLVED = ("systemd-resolved.service",)
_IFUPDOWN = ("networking.service",)

_MASKS = {
    "networkd": (*_NM_UNITS, *_IFUPDOWN),
    "netplan": (*_NM_UNITS, *_IFUPDOWN),
    "ifupdown": (*_NETWORKD_UNITS, *_NM_UNITS, *_RESOLVED),
    "nm": (*_NETWORKD_UNITS, *_IFUPDOWN, *_RESOLVED),
}
# the back end below the manager, in the words of the product's option
_BACKENDS = {"networkd": "networkd", "netplan": "networkd", "ifupdown": "ifupdown", "nm": "networkmanager"}

DEFAULT_HOSTS = {"networkd": "d12-networkd", "ifupdown": "d12-ifupdown", "nm": "d13-nm", "netplan": "d12-netplan"}


@dataclass(frozen=True)
class Kind:
    name: str
    release: str
    manager: str
    image: str

    @property
    def backend(self) -> str:
        return _BACKENDS[self.manager]

    @property
    def masks(self) -> tuple[str, ...]:
        return _MASKS[self.manager]

    @property
    def resolved(self) -> bool:
        return self.manager in ("networkd", "netplan")


KINDS = {
    f"d{number}-{manager}": Kind(f"d{number}-{manager}", release, manager, release)
    for number, release in RELEASES.items()
    for manager in _MASKS
}
# Of an image that is built only where somebody asks for it.
_LARGE = {
    f"d{number}-libvirt": Kind(f"d{number}-libvirt", release, "networkd", f"{LIBVIRT}{release}") for number, release in RELEASES.items()
}


def kind(name: str) -> Kind:
    every = {**KINDS, **_LARGE}
    if name not in every:
        raise LabError(f"no host kind {name!r}; there are: {', '.join(sorted(every))}")
    return every[name]


def default_kind(host: str) -> str:
    """A host named after a kind, or one of the four default names, needs no further word."""
    if host in {**KINDS, **_LARGE}:
        return host
    if host not in DEFAULT_HOSTS:
        raise LabError(f"which kind is host {host!r}? write {host}=KIND with one of: {', '.join(sorted(KINDS))}")
    return DEFAULT_HOSTS[host]
