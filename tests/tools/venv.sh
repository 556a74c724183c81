#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# venv.sh PYTHON FOLDER [REQUIREMENT…]: a fresh virtual environment with requirements-dev.txt, or with the requirements given.
set -euo pipefail

python=$1 folder=$2
shift 2
[ "$#" -gt 0 ] || set -- -r requirements-dev.txt

# the interpreter under an environment that somebody may have activated
python=$("$python" -c 'import sys; print(sys._base_executable)')
version=$("$python" -c 'import platform; print(platform.python_version())')
if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    "$(dirname "$0")/packages.sh" "no-such-command=python3-venv"
fi
echo "== $folder: Python $version with $*"
rm -rf "$folder"
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install -qq --disable-pip-version-check "$@"
touch "$folder/.ready"
