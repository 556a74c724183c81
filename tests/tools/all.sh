#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# all.sh: every level of tests. The first that fails ends it.
set -euo pipefail

log=build/xen.log
# a process group of its own, which can be told to end as Ctrl-C does it
set -m
# an emulated machine takes one core: it runs beside what leaves one
make xen XEN=bookworm > "$log" 2>&1 &
xen=$!
set +m

end() {
    kill -INT -- "-$xen" 2> /dev/null || return 0
    wait "$xen" || true
}
trap end EXIT
trap 'exit 130' INT TERM

echo "== xen: begun; what it says comes behind the next three ($log)"
# It has timeouts that cannot be made longer (libxl's 40 s for a hotplug script), so it goes first.
nice make lint
nice make unit
nice make attack
tail --follow --lines=+1 --sleep-interval=0.5 --pid="$xen" "$log"
wait "$xen"
make kernel
make lab
echo "== test: all green"
