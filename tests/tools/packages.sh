#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# packages.sh COMMAND=PACKAGE…: installs the Debian packages whose commands this machine lacks, or says which they are.
set -euo pipefail

missing=()
for pair in "$@"; do
    command -v "${pair%%=*}" > /dev/null || missing+=("${pair#*=}")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "== packages: ${missing[*]}"
if ! command -v apt-get > /dev/null; then
    echo "These are missing here: ${missing[*]} (Debian's names). Install them by this system's own means and run make again." >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing and only root can install them: run 'sudo apt-get install ${missing[*]}' and make again." >&2
    exit 1
fi
# levels of tests that run side by side take turns
exec 9> /run/lock/hypervisor-vnet-packages.lock
flock 9
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install --yes -qq --no-install-recommends "${missing[@]}" > /dev/null
