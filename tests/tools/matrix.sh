#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# matrix.sh: the unit tests and ansible-test sanity on every ansible-core, the host side on every Python that a host may have.
# An interpreter is looked for on PATH and under ~/.pyenv/versions; one that is missing is a failure, told at the end.
#   MATRIX_CORES='2.19:3.11 …'   MATRIX_PYTHONS='3.9 …'   narrow it down
set -euo pipefail

read -ra cores <<< "${MATRIX_CORES:-2.19:3.11 2.20:3.12 2.21:3.13}"
read -ra pythons <<< "${MATRIX_PYTHONS:-3.9 3.10 3.11 3.12 3.13}"
root=$PWD
work=$root/build/matrix
requirements=(pytest pytest-mock pytest-xdist hypothesis netaddr jmespath PyYAML)
mkdir -p "$work"
problems=()

interpreter() { # the path of a Python of this version; fails when there is none
    local candidate
    for candidate in "$(type -P "python$1" || true)" "$HOME"/.pyenv/versions/"$1".*/bin/"python$1"; do
        if [ -x "$candidate" ] && "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != tuple(map(int, '$1'.split('.'))))" 2> /dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

environment() { # FOLDER PYTHON REQUIREMENT…: made once, made again when the requirements change
    local folder=$1 python=$2
    shift 2
    [ "$*" = "$(cat "$folder/.requirements" 2> /dev/null)" ] && return
    tests/tools/venv.sh "$python" "$folder" "$@"
    echo "$*" > "$folder/.requirements"
}

step() { # NAME COMMAND…
    local name=$1 start=$SECONDS
    shift
    echo "== matrix: $name"
    if "$@"; then echo "   ok, $((SECONDS - start)) s"; else problems+=("$name"); fi
}

on_core() ( # the collection as it is, under one ansible-core
    export PATH=$1/bin:$PATH
    cd "$root/build/ansible_collections/hypervisor/vnet"
    HOME=$root/build/home ansible-test "$2" --local --python "$3" --color no < /dev/null
)

on_host() ( # what runs on hosts: the files import, and the unit tests of module_utils pass
    export PYTHONPATH=$work/target
    "$1/bin/python" tests/tools/import_all.py
    tests=()
    for folder in tests/unit/plugins/module_utils tests/unit/module_utils tests/unit/plugins/modules tests/unit/modules; do
        [ ! -d "$folder" ] || tests+=("$folder")
    done
    [ -d tests/unit ] || { echo "   no unit tests here"; return 1; }
    "$1/bin/python" -m pytest -q "${tests[@]:-tests/unit}"
)

for pair in "${cores[@]}"; do
    core=${pair%:*} version=${pair#*:}
    if ! python=$(interpreter "$version"); then
        problems+=("ansible-core $core: no Python $version on PATH or under ~/.pyenv/versions")
        continue
    fi
    venv=$work/core-$core
    environment "$venv" "$python" "ansible-core==$core.*" "${requirements[@]}"
    # what a host sees of ansible-core: its module_utils, whatever Python the controller needs
    if [ ! -e "$work/target/ansible/module_utils" ]; then
        mkdir -p "$work/target/ansible"
        touch "$work/target/ansible/__init__.py"
        ln -sfn "$venv/lib/python$version/site-packages/ansible/module_utils" "$work/target/ansible/module_utils"
    fi
    step "ansible-core $core on Python $version: units" on_core "$venv" units "$version"
    step "ansible-core $core on Python $version: sanity" on_core "$venv" sanity "$version"
done

for version in "${pythons[@]}"; do
    if ! python=$(interpreter "$version"); then
        problems+=("hosts with Python $version: no such interpreter on PATH or under ~/.pyenv/versions")
        continue
    fi
    venv=$work/python-$version
    environment "$venv" "$python" "${requirements[@]}"
    step "a host with Python $version" on_host "$venv"
done

if [ "${#problems[@]}" -gt 0 ]; then
    echo "== matrix: FAILED"
    printf '   %s\n' "${problems[@]}"
    exit 1
fi
echo "== matrix: all green"
