# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Diffs as people read them, and files that udev, sysctl and modprobe read."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.view import LinkView
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.boot import MODULES, SYSCTL, UDEV_RULES, boot_files, sysctl_file
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.diff import (
    describe,
    file_diffs,
    lacking,
    link_diffs,
    setting_diffs,
    text_diffs,
)


def test_nothing_is_no_text() -> None:
    assert describe(None) == ""


def test_a_card() -> None:
    view = LinkView(
        "eth0", "link", mac="52:54:00:00:00:01", mtu=1500, master="br0", addresses=("10.0.0.1/24",), routes=("default via 10.0.0.9",)
    )
    assert describe(view) == (
        "link eth0\n  mac 52:54:00:00:00:01\n  mtu 1500\n  master br0\n  down\n  address 10.0.0.1/24\n  route default via 10.0.0.9\n"
    )


def test_only_what_differs_and_in_order() -> None:
    same, old, new = LinkView("a"), LinkView("b"), LinkView("b", up=True)
    diffs = link_diffs({"c": (None, LinkView("c")), "b": (old, new), "a": (same, same)})
    assert [item["before_header"] for item in diffs] == ["b (kernel)", "c (kernel)"]
    assert diffs[1]["before"] == ""


def test_what_is_not_there_is_told_by_its_lines() -> None:
    texts = {"office (libvirt)": ("  mtu 1500\n  port_isolation no\n", "  mtu 1500\n  port_isolation yes\n"), "lab (libvirt)": ("x\n", "")}
    assert lacking(text_diffs(texts)) == ["office (libvirt): port_isolation yes"]


def test_files_are_shown_as_files() -> None:
    old, new = FileState("one\n"), FileState("two\n", 0o600)
    (diff,) = file_diffs({"/etc/f": (old, new)})
    assert diff == {"before_header": "/etc/f", "after_header": "/etc/f", "before": "one\n", "after": "# mode 0600\ntwo\n"}
    assert file_diffs({"/etc/f": (FileState("caf\udce9\n"), None)})[0]["before"] == "caf\\xe9\n"


def test_kernel_parameters() -> None:
    (diff,) = setting_diffs({"net/bridge/bridge-nf-call-iptables": ("1", "0")})
    assert (diff["before_header"], diff["before"], diff["after"]) == ("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n", "0\n")


def applied(name: str, learn: bool = True) -> AppliedBridge:
    return AppliedBridge("site", Bridge(name, settings=BridgeSettings(no_linklocal_learn=learn)), "52:54:00:00:00:01", "networkd")


@pytest.mark.parametrize(
    ("netfilter", "paths"),
    [("keep", {UDEV_RULES}), ("disable", {UDEV_RULES}), ("enable", {UDEV_RULES, MODULES})],
)
def test_boot_files(netfilter: str, paths: set[str]) -> None:
    files = boot_files({"br0": applied("br0"), "br1": applied("br1", False)}, netfilter)
    assert set(files) == paths
    assert 'KERNEL=="br0", ATTR{bridge/no_linklocal_learn}="1"' in files[UDEV_RULES].content
    assert 'KERNEL=="br1", ATTR{bridge/no_linklocal_learn}="0"' in files[UDEV_RULES].content
    kernel = sysctl_file(Applied({"br0": applied("br0")}, bridge_netfilter=netfilter))
    assert set(kernel) == (set() if netfilter == "keep" else {SYSCTL})
    if kernel:
        assert f"-net.bridge.bridge-nf-call-iptables = {int(netfilter == 'enable')}\n" in kernel[SYSCTL].content


def test_no_bridge_no_files() -> None:
    assert boot_files({}, "keep") == {}
