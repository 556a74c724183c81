#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# units.sh: the unit tests, the way ansible-test runs them. (In the checkout, to look for one: pytest tests/unit)
set -euo pipefail

root=$PWD
python=$(python3 -c 'import sys; print("{}.{}".format(*sys.version_info[:2]))')
echo "== unit"
cd build/ansible_collections/hypervisor/vnet
HOME=$root/build/home ansible-test units --local --python "$python" --color no < /dev/null
