#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# lint.sh [GATE…]: every gate, or those named; all of them run, and the failed ones are named at the end.
set -euo pipefail

root=$PWD
stage=$root/build/ansible_collections/hypervisor/vnet
python=$(python3 -c 'import sys; print("{}.{}".format(*sys.version_info[:2]))')
failed=()

gate() {
    local name=$1 start=$SECONDS
    shift
    [ "${#wanted[@]}" -eq 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
    echo "== lint: $name"
    if "$@"; then
        echo "   ok, $((SECONDS - start)) s"
    else
        echo "   FAILED, $((SECONDS - start)) s"
        failed+=("$name")
    fi
}

types() {
    local packages=()
    for room in module_utils plugin_utils; do
        [ ! -d "$stage/plugins/$room" ] || packages+=(-p "ansible_collections.hypervisor.vnet.plugins.$room")
    done
    [ "${#packages[@]}" -gt 0 ] || { echo "   nothing to check yet"; return 0; }
    # the paths as they are in the checkout, so that an editor finds them
    (cd build && mypy --config-file ../.mypy.ini --cache-dir mypy "${packages[@]}") | sed 's#^ansible_collections/hypervisor/vnet/##'
}

sanity() {
    (cd "$stage" && HOME=$root/build/home ansible-test sanity --local --python "$python" --color no < /dev/null)
}

docs() {
    # with the variable set, a path gets into the generated pages and now and then breaks them
    env -u ANSIBLE_COLLECTIONS_PATH antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all .
}

importer() {
    local venv=build/importer-venv
    [ -e "$venv/.ready" ] || tests/tools/venv.sh python3 "$venv" 'galaxy-importer>=0.4.44' 'ansible-core>=2.19.0' || return 1
    rm -f build/hypervisor-vnet-*.tar.gz
    ansible-galaxy collection build --force --output-path build . > build/importer.log || { cat build/importer.log; return 1; }
    (
        cd build || exit 1
        export PATH=$root/$venv/bin:$PATH HOME=$root/build/home
        unset ANSIBLE_COLLECTIONS_PATH
        GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=1 GALAXY_IMPORTER_CHECK_CHANGELOG=1 \
            python -m galaxy_importer.main hypervisor-vnet-*.tar.gz > importer.log 2>&1
        code=$?
        grep -E 'WARNING|ERROR|Importer processing' importer.log || true
        [ "$code" -eq 0 ] && ! grep -qE '^ERROR|ERROR:' importer.log
    )
}

wanted=("$@")
# it takes longer than all others together, and one core; with a process group of its own it does not ignore that somebody ends us
set -m
(
    gate sanity sanity
    [ "${#failed[@]}" -eq 0 ]
) > build/sanity.log 2>&1 &
beside=$!
set +m
trap 'kill -TERM -- "-$beside" 2> /dev/null || true' EXIT
trap 'exit 130' INT TERM
gate ruff ruff check .
gate format ruff format --check --diff .
gate mypy types
gate yamllint yamllint --strict .
gate ansible-lint ansible-lint --offline --profile production --nocolor -q
gate docs docs
gate changelog antsibull-changelog lint
gate importer importer
tail --follow --lines=+1 --sleep-interval=0.2 --pid="$beside" build/sanity.log
wait "$beside" || failed+=(sanity)

if [ "${#failed[@]}" -gt 0 ]; then
    echo "== lint: FAILED: ${failed[*]}   (one alone: make lint GATES='${failed[0]}')"
    exit 1
fi
echo "== lint: all green"
