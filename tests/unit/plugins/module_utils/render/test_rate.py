# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rates in the words of tc(8), and the files that shape a tap whenever it is made."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.rate import Bucket, Rate, Shaping, rate_text, tc_rate
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.tap import AppliedTap, Tap
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.rate import rate_files, shaping_lines, wanted_shaping

NONE = Shaping()
BOTH = wanted_shaping(Rate(12_500_000, 1_250_000), 1500)
ROOT = "qdisc replace dev tap0 root handle 766e: tbf rate 100mbit burst 125000 latency 50ms"
NO_ROOT = "qdisc delete dev tap0 root handle 766e:"
HOOK, NO_HOOK = "qdisc replace dev tap0 clsact", "qdisc delete dev tap0 clsact"
POLICE = "filter add dev tap0 ingress protocol all pref 30318 matchall action police rate 10mbit burst 131072 mtu 131072"
POLICE += " conform-exceed drop/continue"
NO_POLICE = "filter delete dev tap0 ingress pref 30318"

# (as tc has it, bytes a second)
UNITS = [
    ("8000", 1000),
    ("8000bit", 1000),
    ("10mbit", 1_250_000),
    ("10Mbit", 1_250_000),
    ("1.5gbit", 187_500_000),
    ("1 gbit", 125_000_000),
    ("10mibit", 1_310_720),
    ("2kbps", 2000),
    ("2KiBps", 2048),
    ("5bps", 5),
    ("33333Kbit", 4_166_625),
]


@pytest.mark.parametrize(("text", "speed"), UNITS)
def test_units(text: str, speed: int) -> None:
    assert tc_rate(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "-1mbit", "10m", "10 mb", "1e6", "10ibit", "50%", "1mbit 2", "1.mbit"])
def test_what_is_no_rate(text: str) -> None:
    assert tc_rate(text) is None


@pytest.mark.parametrize(
    ("speed", "text"), [(1000, "8kbit"), (187_500_000, "1500mbit"), (1_310_720, "10485760bit"), (125 * 10**9, "1tbit")]
)
def test_rates_as_people_read_them(speed: int, text: str) -> None:
    assert rate_text(speed) == text and tc_rate(text) == speed


# (had, wanted, the lines, the lines back)
CHANGES = [
    (NONE, NONE, [], []),
    (NONE, BOTH, [ROOT, HOOK, POLICE], [NO_ROOT, NO_POLICE, NO_HOOK]),
    (BOTH, NONE, [NO_ROOT, NO_POLICE, NO_HOOK], [ROOT, HOOK, POLICE]),
    (wanted_shaping(Rate(1_000_000, 500_000), 1500), BOTH, [ROOT, NO_POLICE, POLICE], None),
    # somebody else has filters there, or only their hook
    (Shaping(hooked=True, shared=True), BOTH, [ROOT, POLICE], [NO_ROOT, NO_POLICE]),
    (Shaping(BOTH.to_guest, BOTH.from_guest, hooked=True, shared=True), NONE, [NO_ROOT, NO_POLICE], [ROOT, HOOK, POLICE]),
    # somebody made another burst of ours, or took our policer away
    (Shaping(Bucket(12_500_000, 9000), BOTH.from_guest, hooked=True), BOTH, [ROOT], None),
    (Shaping(BOTH.to_guest), BOTH, [HOOK, POLICE], [NO_POLICE, NO_HOOK]),
    # rounded by the kernel
    (Shaping(Bucket(12_500_000, 124_998), Bucket(1_250_100, 131_070), hooked=True), BOTH, [], []),
]


@pytest.mark.parametrize(("had", "wanted", "lines", "back"), CHANGES)
def test_only_what_differs(had: Shaping, wanted: Shaping, lines: list[str], back: list[str] | None) -> None:
    assert shaping_lines("tap0", had, wanted) == lines
    if back is not None:
        assert shaping_lines("tap0", wanted, had) == back


def test_no_frame_is_larger_than_its_bucket() -> None:
    slow = wanted_shaping(Rate(1000, 1000), 65521)
    assert slow.to_guest.burst > 65521 + 18 and slow.from_guest.burst > 65536 + 64
    assert wanted_shaping(Rate(1000), 1500).to_guest.burst == 32768


def test_files_of_those_that_are_kept() -> None:
    head = "# Written by hypervisor.vnet; change it in the inventory, not here.\n"
    taps = {
        "tap0": AppliedTap("site", Tap("tap0", rate=Rate(12_500_000, 1_250_000)), "fe:00:00:00:00:01", 1500, "networkd"),
        "tap1": AppliedTap("site", Tap("tap1", rate=Rate(1000)), "fe:00:00:00:00:02", 1500, "none"),
        "tap2": AppliedTap("site", Tap("tap2"), "fe:00:00:00:00:03", 1500, "networkd"),
    }
    rule = 'ACTION=="add", SUBSYSTEM=="net", TEST=="/etc/hypervisor-vnet/tc.d/%k", '
    assert rate_files(taps) == {
        "/etc/hypervisor-vnet/tc.d/tap0": FileState(f"{head}{ROOT}\n{HOOK}\n{POLICE}\n"),
        "/etc/udev/rules.d/60-hypervisor-vnet-taps.rules": FileState(
            f'{head}{rule}RUN+="/sbin/tc -force -batch /etc/hypervisor-vnet/tc.d/%k"\n'
        ),
    }
    del taps["tap0"]
    assert rate_files(taps) == {}
