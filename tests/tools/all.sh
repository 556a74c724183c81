#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# all.sh: every level of tests. The first that fails ends it.
set -euo pipefail

declare -A pids=()

beside() { # LEVEL COMMAND…: run it and go on; each has a process group of its own, which can be told to end as Ctrl-C does it
    local level=$1
    shift
    echo "== $level: begun; what it says comes later (build/$level.log)"
    set -m
    "$@" > "build/$level.log" 2>&1 &
    pids[$level]=$!
    set +m
}

await() { # LEVEL: what it has said, and how it ended
    local pid=${pids[$1]}
    tail --follow --lines=+1 --sleep-interval=0.5 --pid="$pid" "build/$1.log"
    wait "$pid" || exit
    unset "pids[$1]"
}

end() {
    for pid in "${pids[@]}"; do
        kill -INT -- "-$pid" 2> /dev/null && wait "$pid"
    done
}
trap 'end || true' EXIT
trap 'exit 130' INT TERM

# What the gates look at: every file, and the tools. Nothing but these can change what they say.
looked_at() {
    { git ls-files -z --cached --others --exclude-standard | xargs -0 sha256sum 2> /dev/null || true; pip freeze; } | sha256sum
}

files=$(looked_at)

# An emulated machine takes one core, sanity another. The machine goes first: it has timeouts that cannot be made longer (libxl's
# 40 s for a hotplug script).
beside xen make xen XEN=bookworm
if [ "$(cat build/lint.green 2> /dev/null)" = "$files" ]; then
    echo "== lint: was green, and no file and no tool has changed since (make lint runs it)"
else
    beside lint nice make lint
fi
nice make unit
nice make attack
# Which waits more than it computes; whole hosts are too much beside an emulated one.
beside kernel nice make kernel
if [ -v "pids[lint]" ]; then
    await lint
    echo "$files" > build/lint.green
fi
await xen
make lab
await kernel
echo "== test: all green"
