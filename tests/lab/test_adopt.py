# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hypervisor.vnet.adopt on a whole host with Xen's old files: what it writes, and what it leaves alone. VNET_SOAK=1 runs it twice."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import yaml
from product import Product
from spans import SOAK
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine

HOSTS = {"xen": ("d12-networkd", "static")}
ADOPT = "hypervisor.vnet.adopt"
FILES = {
    "xend-config.sxp": "# (network-script network-bridge)\n(network-script my-network-script)\n(vif-script vif-bridge)\n",
    "scripts/my-network-script": "#!/bin/sh\n/etc/xen/scripts/network-bridge start vifnum=1 netdev=eth1 bridge=xenbr1\nbrctl stp xenbr1 on\n",
    "scripts/vif-bridge": "#!/bin/sh\n",
    "web": "import os\nname = 'web'\nvif = [ 'mac=00:16:3e:00:00:01,ip=192.0.2.10,vifname=web' ]\n",
    "xmexample1": "name = 'example'\nvif = [ '' ]\n",
    "web.bak": "name = 'old'\nvif = [ '' ]\n",
    "cpupool": "name = 'pool'\n",
}
WANTED = {
    "vnet_networks": [{"name": "xenbr1", "layout": "bridge", "uplink": "eth1"}],
    "vnet_guests": [
        {
            "name": "web",
            "toolstack": "xm",
            "interfaces": [{"network": "xenbr1", "name": "web", "mac": "00:16:3e:00:00:01", "addresses": ["192.0.2.10"], "guarded": False}],
        }
    ],
}


def write(host: Machine) -> None:
    for name, text in FILES.items():
        path = f"/etc/xen/{name}"
        host.exec(["sh", "-c", f"mkdir -p {path.rpartition('/')[0]} && printf %s {shlex.quote(text)} > {path}"])


def test_adopt(fleet: Lab, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"hypervisors": {"hosts": {"xen": {}}}}), encoding="utf-8")
    written = tmp_path / "host_vars/xen/vnet.yml"

    def run(*words: str) -> tuple[int, int, str]:
        played = Product(fleet).playbook("-i", str(path), ADOPT, "-e", f"vnet_host_vars={written.parent.parent}", *words)
        return played.rc, played.recap["xen"]["changed"], played.output

    if SOAK:
        assert run()[:2] == (0, 0)
        assert not written.parent.exists()

    write(fleet.host("xen"))
    rc, changed, output = run("--check", "--diff")
    assert (rc, changed) == (0, 2), output
    assert "+    uplink: eth1" in output
    assert not written.parent.exists()

    assert run()[:2] == (0, 2)
    assert yaml.safe_load(written.read_text(encoding="utf-8")) == WANTED
    assert "# my-network-script, line 3: brctl stp xenbr1 on (not taken over)" in written.read_text(encoding="utf-8")
    if SOAK:
        assert run()[:2] == (0, 0)

    written.write_text("vnet_networks: []  # mine\n", encoding="utf-8")
    rc, _changed, output = run()
    assert rc != 0 and "vnet.yml says something else. Move it away" in output
    assert written.read_text(encoding="utf-8") == "vnet_networks: []  # mine\n"
    if SOAK:
        assert run("-e", "vnet_overwrite=true")[:2] == (0, 1)
        assert yaml.safe_load(written.read_text(encoding="utf-8")) == WANTED
