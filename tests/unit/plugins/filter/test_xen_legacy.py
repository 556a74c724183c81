# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Xen's old files in, as the books and the wiki have them, and out again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.hypervisor.vnet.plugins.filter.merge_networks import merge_networks
from ansible_collections.hypervisor.vnet.plugins.filter.xen_legacy import xen_legacy
from ansible_collections.hypervisor.vnet.plugins.filter.xend_config import xend_config

CASES = Path(__file__).parents[2] / "cases"
SXP, XL = "/etc/xen/xend-config.sxp", "/etc/xen/xl.conf"
SCRIPT = "/etc/xen/scripts/my-network-script"
BRIDGED = "(network-script network-bridge)\n(vif-script vif-bridge)\n"
NATTED = "(network-script network-nat)\n(vif-script vif-nat)\n"
OWN = "(network-script my-network-script)\n(vif-script vif-bridge)\n"
START = "#!/bin/sh\n/etc/xen/scripts/network-bridge start vifnum=0 netdev=eth0  bridge=xenbr0\n"
CUSTOM = """#!/bin/bash
XENDIR="/etc/xen/scripts"
OP=$1
shift
script=$XENDIR/network-bridge
case ${OP} in
start)
    $script start vifnum=0 bridge=xenbr0 netdev=eth0
    $script start vifnum=1 \\
        bridge=xenbr1 netdev=eth1 # the other
    brctl stp xenbr1 on
    ;;
stop)
    $script stop vifnum=0
    ;;
status) $script status vifnum=0;;
restart|reload) $script start vifnum=1 bridge=xenbr1 netdev=eth1 ;;
esac
for i in 2 3; do
    $script start vifnum=$i
done
if [ -e /etc/third ]; then $script start vifnum=4; fi
if [ -e /etc/fourth ]
then
    $script start vifnum=5 netdev=eth5 bridge=xenbr5
fi
$script start netdev=$(ip route)
"""


def domain(name: str) -> str:
    return (CASES / "domainfile" / f"{name}.cfg").read_text(encoding="utf-8")


HOSTS: dict[str, dict[str, str]] = {
    "rhel5-two-nics": {
        SXP: "#(network-script network-bridge)\n" + OWN,
        SCRIPT: START + "/etc/xen/scripts/network-bridge start vifnum=1 netdev=eth1  bridge=xenbr1\n",
        "/etc/xen/three": domain("three"),
    },
    "rhel5-nat": {SXP: NATTED, "/etc/xen/rhel4": domain("rhel4")},
    "nat-many": {
        SXP: "(network-script 'network-nat netdev=eth1')\n(vif-script vif-nat)\n",
        "/etc/xen/rhel4": domain("rhel4"),
        "/etc/xen/far": "name = 'far'\nvif = ['mac=00:16:3e:00:00:02,ip=10.0.1.200', 'mac=00:16:3e:00:00:03,script=vif-bridge,bridge=xenbr5']\n",
        "/etc/xen/any": "name = 'any'\nvif = ['mac=00:16:3e:00:00:04']\n",
    },
    "antispoof": {
        SXP: "(network-script 'network-bridge netdev=eth1 bridge=xenbr1 antispoof=yes')\n(vif-script vif-bridge)\n",
        "/etc/xen/range": domain("range"),
        "/etc/xen/n1": domain("n1"),
        "/etc/xen/mydomu": domain("mydomu"),
    },
    "wrapper-dummy": {
        SXP: OWN,
        SCRIPT: '#!/bin/sh\ndir=$(dirname "$0")\n"$dir/network-bridge" "$@" vifnum=0\n"$dir/network-bridge" "$@" vifnum=1 netdev=dummy0\n',
        "/etc/xen/hvm": domain("xm-hvm"),
        "/etc/xen/short": domain("short-mac"),
    },
    "wrapper-code": {SXP: OWN, SCRIPT: CUSTOM},
    "opensuse-virtual": {
        SXP: '(network-script \'network-virtual bridgeip="10.98.98.1/24" brnet="10.98.98.0/24"\')\n(vif-script     vif-bridge)\n',
        "/etc/xen/vm/MyDomU": domain("mydomu"),
    },
    "route": {SXP: "(network-script network-route)\n(vif-script vif-route)\n", "/etc/xen/n1": domain("n1")},
    "xl": {
        XL: '# all of it\nautoballoon="off"\nvif.default.script="vif-bridge"\nvif.default.bridge="xenbr7"\nvif.default.backend="netdom"\n',
        "/etc/xen/all.cfg": domain("xl-all"),
        "/etc/xen/lines.cfg": domain("many-lines"),
        "/etc/xen/nfs.cfg": domain("nfs-root"),
        "/etc/xen/dhcp.cfg": domain("dhcp"),
        "/etc/xen/hvm.cfg": domain("hvm").replace("vifname=win", "vifname=windows-2022"),
        "/etc/xen/plain.cfg": "builder='hvm'\nname='plain'\nvif=['type=vif,model=e1000,mac=00:16:3e:00:00:61','mac=00:16:3e:00:00:62']\n",
        "/etc/xen/broken.cfg": domain("bare-bridge"),
        "/etc/xen/vendor.cfg": "vif = ['mac=00:1b:21:00:00:01,ip=10.0.0.300', 'mac=01:00:5e:00:00:01']\n",
    },
    "hostile": {
        "/etc/xen/a.cfg": "name = '{{ lookup(\"pipe\", \"id\") }}'\nvif = ['']\n",
        "/etc/xen/b.cfg": "name = 'b'\nvif = ['bridge=xenbr0,foo=\u2028evil: true\x85more: true']\n",
    },
    "both": {SXP: BRIDGED, XL: 'vif.default.script="vif-nat"\n', "/etc/xen/rhel4": domain("rhel4")},
    "not-readable-xl": {XL: "VIF = 1\n"},
    "not-readable": {SXP: "(network-script 'network-bridge\n", "/etc/xen/scripts/network-bridge": "# Xen's own\n"},
    "nothing": {SXP: NATTED},
}


@pytest.mark.parametrize("name", HOSTS)
def test_hosts(name: str):
    made = xen_legacy(HOSTS[name])
    path = CASES / "xen_legacy" / f"{name}.yml"
    if os.environ.get("VNET_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(made["yaml"], encoding="utf-8")
    assert made["yaml"] == path.read_text(encoding="utf-8")
    assert yaml.safe_load(made["yaml"]) == {key: made[key] for key in ("vnet_networks", "vnet_guests")}
    merge_networks({"vnet_networks": made["vnet_networks"]})


def networks(files: dict[str, str]) -> list[dict[str, Any]]:
    return xen_legacy(files)["vnet_networks"]


def test_the_name_of_the_bridge_follows_the_script_that_is_there():
    text = 'netdev=${netdev:-eth0}\nbridge=${bridge:-${netdev}}\npdev="p${netdev}"\n'
    old = "bridge=${bridge:-xenbr${vifnum}}\n"
    assert networks({SXP: BRIDGED, "/etc/xen/scripts/network-bridge": old}) == [{"name": "xenbr0", "layout": "bridge", "uplink": "eth0"}]
    found = xen_legacy({SXP: BRIDGED, "/etc/xen/scripts/network-bridge": text})
    assert found["vnet_networks"] == [{"name": "xenbr0", "layout": "bridge", "uplink": "eth0"}]
    assert any("renamed eth0 to peth0" in comment for comment in found["comments"])


def test_a_guest_of_a_bridge_that_changed_its_name_is_in_it():
    new = "bridge=${bridge:-${netdev}}\n"
    guest = "name = 'web'\nvif = ['bridge=eth0', '']\n"
    files = {SXP: BRIDGED, "/etc/xen/scripts/network-bridge": new, "/etc/xen/web": guest}
    assert [item["network"] for item in xen_legacy(files)["vnet_guests"][0]["interfaces"]] == ["xenbr0", "xenbr0"]


def test_input_that_is_none():
    for wrong in (None, [], {"a": 1}, "text"):
        with pytest.raises(AnsibleFilterError, match="is no dictionary of texts"):
            xen_legacy(wrong)


ONE = {"name": "xenbr1", "layout": "bridge", "uplink": "eth1"}
DMZ = {"name": "dmz", "layout": "brouter", "addresses": ["10.98.98.1/24"]}


@pytest.mark.parametrize(
    "wanted, antispoof, lines",
    [
        ([ONE], False, "(network-script 'network-bridge netdev=eth1 bridge=xenbr1')\n(vif-script vif-bridge)\n"),
        ([ONE], True, "(network-script 'network-bridge netdev=eth1 bridge=xenbr1 antispoof=yes')\n(vif-script vif-bridge)\n"),
        (
            [DMZ],
            False,
            '(network-script \'network-virtual bridgeip="10.98.98.1/24" brnet="10.98.98.0/24" bridge=dmz\')\n(vif-script vif-bridge)\n',
        ),
        (
            [{"name": "vnat0", "layout": "nat", "uplink": "eth0"}],
            False,
            "(network-script 'network-nat netdev=eth0')\n(vif-script vif-nat)\n",
        ),
        ([{"name": "routed0", "layout": "route"}], False, "(network-script network-route)\n(vif-script vif-route)\n"),
        ([ONE, {"name": "xenbr2"}, DMZ], False, "(network-script network-hypervisor-vnet)\n(vif-script vif-bridge)\n"),
        ([], False, "(network-script )\n(vif-script vif-bridge)\n"),
    ],
)
def test_out_and_in_again(wanted: list[dict[str, Any]], antispoof: bool, lines: str):
    made = xend_config(wanted, antispoof)
    assert made["lines"] == lines
    assert made["comments"] == []
    files = {SXP: made["lines"], "/etc/xen/scripts/network-hypervisor-vnet": made["wrapper"]}
    bridged = [{"layout": "bridge", **network} for network in wanted if network.get("layout") not in ("nat", "route")]
    assert networks(files) == bridged


def test_what_xend_does_not_know_is_said():
    found = xend_config([{**ONE, "mtu": 9000, "stp": True}])
    assert found["comments"] == ["xenbr1: xend's scripts know no mtu", "xenbr1: xend's scripts know no stp"]


def test_what_xend_cannot_do_is_refused_at_once():
    wrong = [{"name": "a", "layout": "libvirt"}, {**DMZ, "addresses": []}, {**ONE, "uplink": "eth 1"}, {"name": "n", "layout": "nat"}]
    with pytest.raises(AnsibleFilterError) as refused:
        xend_config(wrong)
    said = str(refused.value)
    for part in (
        "networks[0].layout: 'libvirt'",
        "networks[1].addresses: are not one",
        "networks[2].uplink: 'eth 1'",
        "bridged and routed",
    ):
        assert part in said
    with pytest.raises(AnsibleFilterError, match=r"networks\[0\].addresses\[0\]: 'x' is no address"):
        xend_config([{**DMZ, "addresses": ["x"]}])
    for none in (None, {}, ["xenbr0"]):
        with pytest.raises(AnsibleFilterError, match="is no list of networks"):
            xend_config(none)
