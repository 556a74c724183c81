# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of the lab."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

from .guest import Guest
from .images import ensure_image
from .kinds import DEFAULT_HOSTS, KINDS, default_kind
from .lab import DEFAULT_NAME, Lab, gc, labs, owner_gone, watch
from .profile import PROFILES
from .recipe import RELEASES
from .supervisor import supervise
from .util import LabError, ensure_tools, say


def _wanted(words: list[str], profile: str) -> dict[str, tuple[str, str]]:
    """NAME, NAME=KIND, NAME:PROFILE or NAME=KIND:PROFILE; nothing means the default four."""
    wanted: dict[str, tuple[str, str]] = {}
    for word in words or list(DEFAULT_HOSTS):
        head, own_profile = word.partition(":")[::2]
        name, kind = head.partition("=")[::2]
        wanted[name] = (kind or default_kind(name), own_profile or profile)
    return wanted


def _existing(name: str) -> Lab:
    lab = Lab(name)
    if not lab.exists:
        raise LabError(f"lab {lab.name} is not up (`up` starts it)")
    return lab


def _up(args: argparse.Namespace) -> int:
    began = time.monotonic()
    lab = Lab(args.name, owner=args.owner, dhcp6=args.dhcp6)
    lab.up()
    hosts = lab.start_many(_wanted(args.hosts, args.profile))
    say(f"{len(hosts)} host(s) ready in {time.monotonic() - began:.1f} s; inventory: {lab.site.inventory}")
    return 0


def _down(args: argparse.Namespace) -> int:
    lab = Lab(args.name)
    known = lab.exists
    lab.down()
    say(f"lab {lab.name} is gone" if known else f"there was no lab {lab.name}")
    return 0


def _ssh(args: argparse.Namespace) -> int:
    lab = _existing(args.name)
    sys.stdout.flush()
    argv = lab.host(args.host).ssh_argv(" ".join(args.command))
    os.execvp(argv[0], argv)


def _exec(args: argparse.Namespace) -> int:
    lab = _existing(args.name)
    argv = lab.host(args.host).exec_argv(args.command or ["bash", "-l"])
    os.execvp(argv[0], argv)


def _status(args: argparse.Namespace) -> int:
    for name in labs():
        lab = Lab(name)
        print(f"lab {name}" + (" (its owner is gone)" if owner_gone(name) else ""))
        for host in lab:
            state = host.system_state() if host.leader else "off"
            print(f"  {host.name:14} {host.spec.kind:14} {host.spec.profile:8} {host.address or '-':15} {state:10} boots={host.boots}")
    return 0


def _inventory(args: argparse.Namespace) -> int:
    lab = _existing(args.name)
    lab.write_inventory()
    print(lab.inventory(), end="")
    return 0


def _images(_args: argparse.Namespace) -> int:
    ensure_tools()
    for release in RELEASES.values():
        print(ensure_image(release))
    return 0


def _guest(args: argparse.Namespace) -> int:
    lab = _existing(args.name)
    guest = Guest.plug(lab.host(args.host), args.bridge, args.guest, args.address, args.gateway)
    say(f"guest {guest.name} ({guest.mac}) is plugged into {args.bridge} of {args.host} as {guest.port}")
    say(f"try: exec {args.host} ip netns exec {guest.name} ip address")
    return 0


def _measure(args: argparse.Namespace) -> int:
    from .measure import FINE, measure

    lab = _existing(args.name)
    host = lab.host(args.host)
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    result = measure(host, (lambda: host.exec(command, timeout=args.limit, check=False)) if command else None, after=args.after, every=FINE)
    print(result.text())
    return 0


def _reboot(args: argparse.Namespace) -> int:
    began = time.monotonic()
    lab = _existing(args.name)
    host = lab.host(args.host)
    if args.hard:
        host.power_cycle()
    else:
        host.reboot()
    lab.write_inventory()
    say(f"{host.name} is ready again after {time.monotonic() - began:.1f} s")
    return 0


def _poweroff(args: argparse.Namespace) -> int:
    host = _existing(args.name).host(args.host)
    if args.hard:
        host.power_off_hard()
    else:
        host.power_off()
    return 0


def _gc(_args: argparse.Namespace) -> int:
    removed = gc()
    say(f"removed: {' '.join(removed)}" if removed else "nothing to remove")
    return 0


def _internal_supervise(args: argparse.Namespace) -> int:
    return supervise(args.name, args.host)


def _internal_watch(args: argparse.Namespace) -> int:
    watch(args.name)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab.py", description="Whole Debian hosts in containers, with a network world around them.")
    default = os.environ.get("VNET_LAB_NAME", DEFAULT_NAME)
    parser.add_argument("--name", default=default, help=f"which lab (default {default}; env VNET_LAB_NAME)")
    commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], int], text: str, *hosts: str) -> argparse.ArgumentParser:
        # what starts with _ is for the lab itself
        sub = commands.add_parser(name) if name.startswith("_") else commands.add_parser(name, help=text, description=text)
        sub.set_defaults(action=action)
        for host in hosts:
            sub.add_argument(host)
        return sub

    kinds = f"kinds: {', '.join(sorted(KINDS))}; profiles: {', '.join(PROFILES)}"
    up = command("up", _up, "start the lab and hosts (default: the four of networkd, ifupdown, nm, netplan)")
    up.add_argument("hosts", nargs="*", metavar="NAME[=KIND][:PROFILE]", help=kinds)
    up.add_argument("--profile", default="static", choices=PROFILES)
    up.add_argument("--owner", type=int, metavar="PID", help="remove the lab when this process is gone")
    up.add_argument("--dhcp6", action="store_true", help="the LAN speaks DHCPv6 beside SLAAC")
    command("down", _down, "remove the lab and everything of it")
    ssh = command("ssh", _ssh, "log in by SSH, or run a command", "host")
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    run = command("exec", _exec, "run a command in a host without SSH (works with its network broken)", "host")
    run.add_argument("command", nargs=argparse.REMAINDER)
    command("status", _status, "all labs and their hosts")
    command("inventory", _inventory, "print the ansible inventory")
    command("images", _images, "build the base images, no more")
    guest = command("guest", _guest, "plug a cheap guest into a bridge of a host", "host", "bridge", "guest")
    guest.add_argument("address", nargs="*", help="ADDRESS/LEN")
    guest.add_argument("--gateway", default="")
    measure = command("measure", _measure, "what a command in the host costs the traffic through its uplink", "host")
    measure.add_argument("--after", type=float, default=3.0, help="seconds to go on measuring")
    measure.add_argument("--limit", type=float, default=120.0, help="seconds that the command may take")
    measure.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    reboot = command("reboot", _reboot, "reboot a host and wait until it is ready", "host")
    reboot.add_argument("--hard", action="store_true", help="pull the power instead")
    poweroff = command("poweroff", _poweroff, "shut a host down (`up` starts it again)", "host")
    poweroff.add_argument("--hard", action="store_true", help="pull the power instead")
    command("gc", _gc, "remove labs whose owner is gone")
    command("_supervise", _internal_supervise, "", "host")
    command("_watch", _internal_watch, "")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        return int(args.action(args))
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted (`down` removes what is there)", file=sys.stderr)
        return 130
