# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is it Xen? What all other tests here stand on."""

from __future__ import annotations

import pytest
from vnet_lab.util import LabError
from vnet_xen.contents import RELEASES
from vnet_xen.dom0 import Dom0


def test_the_hypervisor_is_the_releases(dom0: Dom0) -> None:
    assert f"xen_version            : {RELEASES[dom0.release]}." in dom0.ssh("xl info").stdout


def test_a_command_that_fails_is_told(dom0: Dom0) -> None:
    with pytest.raises(LabError, match="exit 3: exit 3"):
        dom0.ssh("exit 3")
