# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python3 tests/xen/xen.py prepare [RELEASE…]: images and snapshots; up [RELEASE]: a dom0 to play with, until you end it (Ctrl-C)."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

sys.path.extend(str(Path(__file__).resolve().parents[1] / folder) for folder in ("xen", "lab", "kernel"))

from vnet_lab.util import LabError
from vnet_xen.contents import RELEASES
from vnet_xen.dom0 import Dom0


def main(command: str = "", *releases: str) -> int:
    if command == "prepare":
        for release in releases or RELEASES:
            dom0 = Dom0(release)
            try:
                if not dom0.is_prepared:
                    dom0.start()
            finally:
                dom0.close()
        return 0
    if command == "up" and len(releases) < 2:
        with Dom0(*releases or [next(iter(RELEASES))]) as dom0:
            print(f"inventory: {dom0.write_inventory()}\n{shlex.join(dom0.ssh_argv())}", flush=True)
            signal.pause()
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_about: sys.exit(0))
    try:
        sys.exit(main(*sys.argv[1:]))
    except LabError as error:
        sys.exit(f"xen: {error}")
