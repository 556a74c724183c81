#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# root.sh TARGET: stops a make target that changes links and mounts when nobody is root.
set -euo pipefail

[ "$(id -u)" -eq 0 ] || {
    echo "make $1 needs root: it makes network namespaces and whole hosts (only its own, under names of its own). Run 'sudo make $1'." >&2
    exit 1
}
