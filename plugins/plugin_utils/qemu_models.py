# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The NIC models that QEMU's x86 machines emulate, by the version of QEMU."""

from __future__ import annotations

import re
import typing as t

Version = tuple[int, int]

# As `qemu-system-x86_64 -device help` of Debian's packages lists them under "Network devices", with the bus that each sits on.
# Left out: rocker and pvrdma, which are no end of a -netdev.
_COMMON: t.Mapping[str, str] = {
    **dict.fromkeys(("e1000", "e1000-82540em", "e1000-82544gc", "e1000-82545em", "e1000e"), "PCI"),
    **dict.fromkeys(("i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b"), "PCI"),
    **dict.fromkeys(("i82559a", "i82559b", "i82559c", "i82559er", "i82562", "i82801"), "PCI"),
    **dict.fromkeys(("ne2k_pci", "pcnet", "rtl8139", "tulip", "vmxnet3"), "PCI"),
    **dict.fromkeys(("virtio-net", "virtio-net-pci", "virtio-net-pci-non-transitional", "virtio-net-pci-transitional"), "PCI"),
    "ne2k_isa": "ISA",
    "usb-net": "usb-bus",
    "virtio-net-device": "virtio-bus",
}
_NEWER = {"igb": "PCI", "xen-net-device": "xen-bus"}
SEEN: t.Mapping[Version, t.Mapping[str, str]] = {
    (7, 2): _COMMON,
    (10, 0): {**_COMMON, **_NEWER},
    (11, 1): {**_COMMON, **_NEWER},
}
# Short for virtio-net-pci in -nic and -net, and nowhere else.
ALIASES = {"virtio": "virtio-net-pci"}
DEFAULT = "virtio-net-pci"

_DEVICE = re.compile(r'^name "([^"]+)", bus ([\w-]+)(?:, alias "([^"]+)")?', re.MULTILINE)


def models_of(version: Version | None) -> dict[str, str]:
    """Model -> bus, in the newest list seen of a QEMU that is not newer than ``version``; without one, every model of any version."""
    if version is None:
        return {model: bus for models in SEEN.values() for model, bus in models.items()}
    known = [seen for seen in SEEN if seen <= version]
    return dict(SEEN[max(known) if known else min(SEEN)])


def read_models(said: t.Any) -> dict[str, str]:
    """Model -> bus from the user's own list, or from what `qemu-system-x86_64 -device help` printed. ValueError when it is neither."""
    if isinstance(said, str):
        part = said.partition("Network devices:")[2].split("\n\n")[0]
        found = {name: bus for model, bus, alias in _DEVICE.findall(part) for name in (model, alias) if name}
        if not found:
            raise ValueError("names no network device; hand over what 'qemu-system-x86_64 -device help' prints, or a list of models")
        return found
    if isinstance(said, list) and said and all(isinstance(model, str) for model in said):
        known = models_of(None)
        return {str(model): known.get(model, "PCI") for model in said}
    raise ValueError("is no list of models; write it as in [virtio-net-pci, e1000e]")


def is_virtio(model: str) -> bool:
    """Has it the options of virtio: queues, vectors, an MTU that it tells the guest?"""
    return model.startswith("virtio-net")


def read_version(said: t.Any) -> Version:
    """Major and minor number of ``'10.0'``, ``'10.0.13'`` or a whole line of ``qemu-system-x86_64 --version``. ValueError when there is none."""
    match = re.search(r"\b(\d+)\.(\d+)", str(said)) if isinstance(said, (str, float)) else None
    if not match:
        raise ValueError(f"{said!r} is no version of QEMU; write it in quotes, as in '10.0'")
    return int(match[1]), int(match[2])
