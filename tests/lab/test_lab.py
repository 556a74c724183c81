# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab itself: hosts boot, reboot, keep and lose what they should, are measured, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import lab_name
from spans import SOAK, some
from vnet_lab.guest import Guest
from vnet_lab.kinds import DEFAULT_HOSTS, KINDS
from vnet_lab.lab import Lab, gc
from vnet_lab.measure import FINE, measure
from vnet_lab.profile import Profile
from vnet_lab.site import Site
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import LAB_DIR, LabError, wait_until
from vnet_lab.world import EXTRA4_HOST, EXTRA6_HOST, LEASED6, REMOTE4, REMOTE6, TABLE4_HOST, TUNED4_HOST, Place

HOSTS = sorted(DEFAULT_HOSTS)
MANAGERS = {
    "networkd": "systemd-networkd.service",
    "netplan": "systemd-networkd.service",
    "ifupdown": "networking.service",
    "nm": "NetworkManager.service",
}


def leftovers(site: Site) -> list[str]:
    """Everything on this machine that still bears the lab's name."""
    found = [f"netns {name}" for name in site.all_netns()]
    found += [str(path) for path in (site.cgroup, site.dir, site.sockets) if path.exists()]
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    found += [line for line in mounts.splitlines() if f"/{site.name}/" in line or f"/{site.name}." in line]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        needle = str(site.dir).encode()
        if any(needle in word or word == f"--machine={site.name}".encode() for word in words):
            found.append(f"process {path.parent.name}: {b' '.join(words)!r}")
    return found


@pytest.mark.parametrize("name", HOSTS)
def test_hosts_run_with_their_one_manager(four: Lab, name: str) -> None:
    host = four.host(name)
    assert host.system_state() == "running", host.failed_units()
    for unit in MANAGERS.values():
        state = host.exec(["systemctl", "is-active", unit], check=False).stdout.strip()
        assert (state == "active") == (unit == MANAGERS[name]), (unit, state)


@pytest.mark.parametrize("name", HOSTS)
def test_ssh_and_exec_reach_the_same_host(four: Lab, name: str) -> None:
    host = four.host(name)
    assert host.ssh(["hostname"]).stdout.strip() == name == host.exec(["hostname"]).stdout.strip()
    assert host.ssh(["printf", "%s", "a b'c\"$x"]).stdout == "a b'c\"$x"
    assert host.exec(["pwd"]).stdout.strip() == "/"
    with pytest.raises(LabError, match="exit 3"):
        host.ssh("exit 3")


@pytest.mark.parametrize("name", HOSTS)
def test_the_rich_profile_reaches_the_world(four: Lab, name: str) -> None:
    host = four.host(name)
    for target in (REMOTE4, REMOTE6, EXTRA4_HOST, EXTRA6_HOST, TUNED4_HOST):
        host.exec(["ping", "-n", "-q", "-c1", "-W2", target])
    host.exec(["ping", "-n", "-q", "-c1", "-W2", "-I", host.place.second4, TABLE4_HOST])
    labels = host.exec(["ip", "-4", "-o", "address", "show", "label", "eth0:lab"]).stdout
    assert host.place.labelled4 in labels
    assert host.ssh("getent hosts world.lab.test").returncode == 0
    second = host.exec(["ip", "-o", "address", "show", "eth1"]).stdout
    assert "scope global" not in second


@pytest.mark.parametrize("name", some("networkd", more=[name for name in HOSTS if name != "networkd"]))
def test_reboot_keeps_the_disk_and_loses_the_runtime_state(four: Lab, name: str) -> None:
    host = four.host(name)
    before, boot_id = host.snapshot(), host.ssh("cat /proc/sys/kernel/random/boot_id").stdout
    macs = host.exec(["cat", "/sys/class/net/eth0/address", "/sys/class/net/eth1/address"]).stdout
    host.ssh("echo kept >/root/kept; echo lost >/run/lost; ip link add brx type bridge; nft add table inet lost")
    assert any("brx" in line for line in diff_snapshots(before, host.snapshot()))
    host.reboot()
    assert host.ssh("cat /root/kept").stdout == "kept\n"
    host.ssh("test ! -e /run/lost")
    assert host.ssh("cat /proc/sys/kernel/random/boot_id").stdout != boot_id
    assert host.exec(["cat", "/sys/class/net/eth0/address", "/sys/class/net/eth1/address"]).stdout == macs
    # Units wait for these; nobody but the host itself has seen to it that they are there.
    host.exec(["systemctl", "--quiet", "is-active", "sys-subsystem-net-devices-eth0.device", "sys-subsystem-net-devices-eth1.device"])
    assert diff_snapshots(before, host.snapshot()) == []


def test_a_pulled_cable_keeps_the_disk_too(four: Lab) -> None:
    host = four.host("networkd")
    host.exec(["sh", "-c", "echo synced >/root/synced; sync"])
    before = host.snapshot()
    host.power_off_hard()
    assert not host.is_on
    with pytest.raises(LabError, match="is off"):
        host.exec(["true"])
    host.power_on()
    host.wait_ready()
    assert host.ssh("cat /root/synced").stdout == "synced\n"
    assert diff_snapshots(before, host.snapshot()) == []


def test_orderly_power_off_and_on(four: Lab) -> None:
    host = four.host("ifupdown")
    host.power_off()
    assert not host.is_on
    assert four.start("ifupdown", profile="rich").ssh("systemctl is-system-running").stdout == "running\n"


@pytest.mark.parametrize("name", some("nm", more=[name for name in HOSTS if name != "nm"]))
def test_measuring_nothing_loses_nothing(four: Lab, name: str) -> None:
    found = measure(four.host(name), lambda: "done", after=1.0, every=FINE)
    assert found.result == "done"
    assert (found.lost, found.longest_gap_ms, found.ssh_alive) == (0, 0.0, True), found.text()
    assert len(found.streams) == 4 and len(found.sessions) == 3
    assert all(stream.sent > 300 for stream in found.streams), found.text()


def test_measuring_sees_an_outage(four: Lab) -> None:
    host = four.host("networkd")
    port = four.fabric.port(host.place, "eth0")

    def outage() -> None:
        four.fabric.exec(["ip", "link", "set", port, "nomaster"])
        host.exec(["sleep", "0.3"])
        four.fabric.exec(["ip", "link", "set", port, "master", "lan"])

    found = measure(host, outage, after=2.0, every=FINE)
    assert 250 < found.stream("v4").longest_gap_ms < 1500, found.text()
    assert found.lost > 500 and found.longest_stall_ms > 250 and found.ssh_alive, found.text()


def test_an_action_that_fails_leaves_no_probe(four: Lab) -> None:
    def failing() -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        measure(four.host("nm"), failing)
    running = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in running.splitlines() if "probe.py" in line and line.split()[0] == str(os.getpid())]


def test_a_guest_in_a_bridge(four: Lab) -> None:
    host = four.host("netplan")
    host.exec(["ip", "-batch", "-"], stdin="link add brg type bridge\nlink set brg up\naddress add 192.168.77.1/24 dev brg\n")
    try:
        one = Guest.plug(host, "brg", "one", ["192.168.77.2/24"], "192.168.77.1")
        two = Guest.plug(host, "brg", "two", ["192.168.77.3/24"])
        assert one.ping("192.168.77.1") and two.ping("192.168.77.2")
        assert not one.ping(REMOTE4)  # the world does not know the way back: nobody translates
        one.remove()
        assert not two.ping("192.168.77.2")
        two.remove()
    finally:
        host.exec(["ip", "link", "del", "brg"])


def test_ansible_inventory_is_complete(four: Lab) -> None:
    text = four.inventory()
    for host in four:
        assert f'ansible_host: "{host.address}"' in text and f'lab_kind: "{host.spec.kind}"' in text
    assert 'lab_backend: "networkmanager"' in text and text == four.write_inventory().read_text(encoding="utf-8")


@pytest.mark.skipif(not SOAK, reason="the lab's own leases; others stand on them: make soak")
@pytest.mark.parametrize("dhcp6", [True, False])
def test_leases_are_real_and_survive_a_reboot(dhcp6: bool) -> None:
    with Lab(lab_name("lease"), owner=os.getpid(), dhcp6=dhcp6) as lab:
        for host in lab.start_many({name: (kind, "dhcp") for name, kind in DEFAULT_HOSTS.items()}):
            leased = host.address
            assert leased.startswith("10.213.7.") and leased in lab.site.leases.read_text(encoding="ascii")
            assert "fd00:13:7:" in host.address6
            assert (LEASED6 in host.exec(["ip", "-6", "address"]).stdout) == dhcp6
            before = host.snapshot()
            host.reboot()
            assert host.address == leased
            assert diff_snapshots(before, host.snapshot()) == [], host.name


def test_two_labs_do_not_meet_and_down_leaves_nothing() -> None:
    first, second = Lab(lab_name("one"), owner=os.getpid()), Lab(lab_name("two"), owner=os.getpid())
    with first, second:
        one, two = first.start("networkd", wait=False), second.start("networkd", wait=False)
        one.wait_ready()
        two.wait_ready()
        assert one.address == two.address
        one.ssh("touch /root/mark")
        two.ssh("test ! -e /root/mark")
        first.down()
        assert leftovers(first.site) == []
        two.ssh("true")
        assert measure(two, after=0.5).lost == 0
    assert leftovers(second.site) == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill-9"])
def test_a_lab_goes_with_its_owner(end: signal.Signals) -> None:
    name = lab_name("orphan")
    program = (
        f"import sys, os, signal; sys.path.insert(0, {str(LAB_DIR)!r})\n"
        "from vnet_lab.lab import Lab\n"
        # A shell's background job has it ignored, and hands that down.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"with Lab({name!r}, owner=os.getpid()) as lab:\n"
        "    lab.start('networkd')\n"
        "    print('up', flush=True)\n"
        "    signal.pause()\n"
    )
    site = Site(name)
    with subprocess.Popen([sys.executable, "-B", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        assert leftovers(site)
        child.send_signal(end)
        try:
            child.wait(timeout=30)
        finally:
            child.kill()
    wait_until(lambda: not site.dir.exists() and not leftovers(site), 15, "the lab went with its owner")


def test_gc_removes_what_the_watch_missed() -> None:
    name = lab_name("missed")
    program = (
        f"import sys, os; sys.path.insert(0, {str(LAB_DIR)!r})\n"
        "from vnet_lab.lab import Lab\n"
        f"Lab({name!r}, owner=os.getpid()).up()\n"
        "print('up', flush=True)\n"
        "sys.stdin.read()\n"
    )
    site = Site(name)
    with subprocess.Popen([sys.executable, "-B", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        site.kill_group("_watch")
        child.kill()
        child.wait(timeout=10)
    assert leftovers(site)
    assert name in gc()
    assert leftovers(site) == []


@pytest.mark.parametrize("name", sorted(KINDS))
def test_profiles_name_what_they_promise(name: str) -> None:
    """Cheap: no host is needed to see that each manager is told the same addresses."""
    from vnet_lab.profile import WRITERS

    for profile in ("static", "rich"):
        wanted = Profile(profile, Place(3))
        text = "\n".join(file.text for file in WRITERS[KINDS[name].manager](wanted))
        assert [address for address in wanted.addresses if address not in text] == []
