#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# docs.sh: the documentation site in build/docs.
set -euo pipefail

rm -rf build/docs
mkdir -p build/docs
chmod 0755 build/docs # antsibull-docs refuses a folder that a group may write to
echo "== docs: write the Sphinx project"
antsibull-docs sphinx-init --use-current --squash-hierarchy --lenient --fail-on-error --dest-dir build/docs hypervisor.vnet
if ! cmp -s build/docs/requirements.txt build/docs-venv/requirements.txt; then
    tests/tools/venv.sh python3 build/docs-venv -r build/docs/requirements.txt
    cp build/docs/requirements.txt build/docs-venv/
fi
echo "== docs: build the pages"
PATH=$PWD/build/docs-venv/bin:$PATH build/docs/build.sh
echo "== docs: build/docs/build/html/index.html"
