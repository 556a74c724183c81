# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# PYTHON makes the environment; everything afterwards runs in it.
PYTHON ?= python3
BASE_PYTHON := $(shell command -v $(PYTHON))
VENV := .venv
READY := $(VENV)/.ready
GATES ?=
HOST ?=
XEN ?= bookworm trixie
SOAK ?= $(wildcard tests/kernel/test_*.py tests/lab/test_*.py tests/xen/test_*.py)

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export LANG := C.UTF-8
export LC_ALL := C.UTF-8
export PYTHONDONTWRITEBYTECODE := 1
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/build

.PHONY: help demo test lint format unit kernel attack lab xen soak lab-up lab-ssh lab-down matrix bench docs changelog build clean root stage

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: root stage ## whole hosts get a bridge over the NIC that SSH comes in by: diff, change, nothing to change, reboot (root)
	@echo "== demo"
	@python3 tests/lab/demo.py

test: root stage ## everything that must be green (root)
	@tests/tools/all.sh

lint: stage ## all gates; GATES='ruff mypy' runs only those
	@tests/tools/packages.sh shellcheck=shellcheck
	@tests/tools/lint.sh $(GATES)

format: $(READY) ## let ruff lay the code out and mend what it can
	@ruff check --fix --quiet . || true
	@ruff format .

unit: stage ## models, plans and renderers, on nothing real
	@tests/tools/units.sh

kernel: root $(READY) ## the modules on a real kernel, in network namespaces (root)
	@tests/tools/packages.sh ip=iproute2 nft=nftables conntrack=conntrack iptables-nft=iptables qemu-system-x86_64=qemu-system-x86 dnsmasq=dnsmasq-base busybox=busybox-static
	@echo "== kernel"
	@pytest -v -n 2 --dist loadfile --no-loadscope-reorder tests/kernel

attack: root $(READY) ## frames that lie, from a guest, through the real ruleset (root)
	@tests/tools/packages.sh ip=iproute2 nft=nftables arpspoof=dsniff atk6-fake_router26=thc-ipv6 iptables-nft=iptables
	@echo "== attack"
	@pytest -v -n 2 --dist loadfile tests/attack

lab: root stage ## the playbooks on whole hosts over real SSH (root)
	@tests/tools/packages.sh qemu-system-x86_64=qemu-system-x86
	@echo "== lab"
	@pytest -v -n 3 --dist loadfile --no-loadscope-reorder tests/lab

xen: root stage ## Xen itself and its guests, by emulation; XEN=trixie: on one of the two only (root)
	@tests/tools/packages.sh qemu-system-x86_64=qemu-system-x86 qemu-img=qemu-utils mke2fs=e2fsprogs zstd=zstd
	@echo "== xen"
	@python3 tests/xen/xen.py prepare $(XEN)
	@VNET_XEN="$(XEN)" pytest -v tests/xen

soak: root stage ## what cuts hosts off, at every step and 20 to 30 times each: hours (root)
	@tests/tools/packages.sh qemu-system-x86_64=qemu-system-x86 qemu-img=qemu-utils mke2fs=e2fsprogs zstd=zstd
	@echo "== soak"
	@for file in $(SOAK); do VNET_SOAK=1 pytest -v -s "$$file"; done

lab-up: root stage ## start the lab's hosts and leave them running, to play with (root)
	@python3 tests/lab/lab.py up

lab-ssh: root $(READY) ## HOST=name: a shell on one of them (root)
	@[ -n "$(HOST)" ] || { echo "Which host? make lab-ssh HOST=name"; exit 2; }
	@python3 tests/lab/lab.py ssh "$(HOST)"

lab-down: root $(READY) ## stop them and remove every trace (root)
	@python3 tests/lab/lab.py down

matrix: stage ## every supported ansible-core and Python
	@tests/tools/matrix.sh

bench: root stage ## side by side with the peers, as ratios (root)
	@echo "== bench"
	@python3 tests/bench/run.py

docs: stage ## the site, as HTML in build/docs/build/html
	@tests/tools/docs.sh

changelog: stage ## take changelogs/fragments/ and the new modules into CHANGELOG.md and CHANGELOG.rst
	@antsibull-changelog release --update-existing --reload-plugins

build: $(READY) ## the tarball for Galaxy, in build/
	@echo "== build"
	@rm -f build/hypervisor-vnet-*.tar.gz
	@ansible-galaxy collection build --force --output-path build .

clean: ## remove build/ and .venv
	@rm -rf build $(VENV)

root:
	@tests/tools/root.sh "$(MAKECMDGOALS)"

stage: $(READY)
	@tests/tools/stage.sh

$(READY): requirements-dev.txt tests/tools/venv.sh
	@[ -n "$(BASE_PYTHON)" ] || { echo "No $(PYTHON) here. Install python3, or name another: make PYTHON=/path/to/python3"; exit 1; }
	@tests/tools/packages.sh git=git
	@tests/tools/venv.sh "$(BASE_PYTHON)" $(VENV)
