#!/usr/bin/env bash
# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# stage.sh: the collection as Galaxy would install it, in build/ansible_collections/hypervisor/vnet; nothing is done when it is still true.
set -euo pipefail

stage=$PWD/build/ansible_collections/hypervisor/vnet
mkdir -p build/home/.ansible/test/cache build/home/.config/pip
exec 9> build/.stage.lock
flock 9

# ansible-test looks for these before it asks the network; its many installations need not be told line by line
printf '[global]\nquiet = 2\n' > build/home/.config/pip/pip.conf
for version in 24_2 25_2; do
    cp tests/tools/get_pip.py "build/home/.ansible/test/cache/get_pip_$version.py"
done

state=$(find . \( -path './.*' -o -path ./build -o -name __pycache__ -o -path ./tests/output \) -prune -o -type f -printf '%p %s %T@\n' | LC_ALL=C sort | sha256sum)
if [ -d "$stage" ] && [ "$state" = "$(cat build/.stage.state 2> /dev/null)" ]; then
    exit 0
fi
rm -f build/.stage.state
rm -rf build/.stage
ansible-galaxy collection install --offline --no-deps --force -p build/.stage . > build/stage.log 2>&1 || {
    cat build/stage.log
    exit 1
}
mkdir -p "$stage"
python3 tests/tools/mirror.py build/.stage/ansible_collections/hypervisor/vnet "$stage"
rm -rf build/.stage
# in a folder that git ignores ansible-test sees no files, unless the folder is a repository itself
git init -q "$stage"
echo "$state" > build/.stage.state
