# SPDX-License-Identifier: GPL-2.0
# The user's front door. What the modules are made of is in src/Kbuild.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build

# The version stands in dkms.conf, for all.
NFTO_VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)/src NFTO_VERSION=$(NFTO_VERSION)

# Without its key the kernel's signing tool would only complain.
UNSIGNED = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

PRODUCTS = '*.o' '*.ko' '*.mod' '*.mod.c' '.*.cmd' '.*.d' modules.order Module.symvers \
	probed.h '*.result' '*.result.log'

.DEFAULT_GOAL := modules
.PHONY: modules modules_install cli install preflight tree demo check clean help

modules: preflight ## build nft_offload.ko and nft_offload_sim.ko (KVER=, KDIR=, W=1, C=1)
	+$(KBUILD) NFTO_PREFLIGHT=done modules

modules_install: tree ## install them for that kernel (INSTALL_MOD_PATH= for elsewhere)
	+$(KBUILD) INSTALL_MOD_DIR=updates $(UNSIGNED) modules_install

cli: ## build the command nft-offload (needs libmnl, libnftnl, libnftables, jansson)
	+$(MAKE) -C src/cli

install: ## install modules and command (DESTDIR=, PREFIX=)
	+$(MAKE) modules_install $(if $(DESTDIR),INSTALL_MOD_PATH='$(DESTDIR)')
	+$(MAKE) -C src/cli install

preflight: ## only look whether they can be built: sources, kernel, compiler
	+@sh src/compat/preflight make '$(KDIR)' '$(KVER)' $(KBUILD)

tree:
	@sh src/compat/preflight tree '$(KDIR)' '$(KVER)'

demo: ## show what it does, in a virtual machine
	scripts/demo

check: ## run all tests
	scripts/check

clean: ## remove what was built
	@for name in $(PRODUCTS); do find src -name "$$name" -type f -delete; done
	@if test -e src/cli/Makefile; then $(MAKE) -s -C src/cli clean; fi
	@if test -e tests/host/Makefile; then $(MAKE) -s -C tests/host clean; fi

help: ## show this
	@sed -n 's/^\([a-z_]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 26
