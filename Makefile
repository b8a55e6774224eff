# SPDX-License-Identifier: GPL-2.0
# The user's front door. What the modules are made of is in src/Kbuild.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build

# The version stands in dkms.conf, for all.
NFTO_VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)/src NFTO_VERSION=$(NFTO_VERSION)

PREFIX ?= /usr
srcdir ?= $(PREFIX)/src
modprobedir ?= $(PREFIX)/lib/modprobe.d
INSTALL ?= install

# Without its key the kernel's signing tool would only complain.
UNSIGNED = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

PRODUCTS = '*.o' '*.ko' '*.mod' '*.mod.c' '.*.cmd' '.*.d' modules.order Module.symvers \
	probed.h '*.result' '*.result.log'

.DEFAULT_GOAL := modules
.PHONY: modules modules_install dkms cli install install-dkms install-modprobe preflight tree
.PHONY: deb rpm demo check clean help

modules: preflight ## build nft_offload.ko and nft_offload_sim.ko (KVER=, KDIR=, W=1, C=1)
	+$(KBUILD) NFTO_PREFLIGHT=done modules

modules_install: tree ## install them for that kernel (INSTALL_MOD_PATH= for elsewhere)
	+$(KBUILD) INSTALL_MOD_DIR=updates $(UNSIGNED) modules_install

cli: ## build the command nft-offload (needs libmnl, libnftnl, libnftables, jansson)
	+$(MAKE) -C src/cli

install: install-modprobe ## install modules and command (DESTDIR=, PREFIX=)
	+$(MAKE) modules_install $(if $(DESTDIR),INSTALL_MOD_PATH='$(DESTDIR)')
	+$(MAKE) -C src/cli install

# A build that fails would keep the distribution from upgrading its kernel. Where not even the stubs
# can be built, it is the machine that lacks something.
dkms: ## what DKMS runs: modules, or stubs that refuse to load in one sentence
	+@$(MAKE) modules || { \
		echo 'nft_offload: not to be built, for the reason above: building stubs'; \
		$(MAKE) modules NFTO_STUB=yes; \
	}

# The tree that DKMS builds from: sources by name, nothing that was built.
DKMS_FILES = dkms.conf Makefile src/Kbuild $(filter-out \
	%.mod.c src/compat/probed.h src/compat/probes, \
	$(wildcard src/compat/* src/compat/probes/*.c src/core/*.[ch] src/sim/*.[ch] \
	src/uapi/linux/*.h))

install-dkms: ## install the sources for DKMS (DESTDIR=)
	for file in $(DKMS_FILES); do \
		$(INSTALL) -D -m $$(test -x $$file && echo 755 || echo 644) $$file \
			'$(DESTDIR)$(srcdir)/nft-offload-$(NFTO_VERSION)'/$$file || exit; \
	done

install-modprobe: ## install what has the module loaded with the first flowtable (DESTDIR=)
	$(INSTALL) -D -m 644 src/modprobe.d/nft-offload.conf \
		'$(DESTDIR)$(modprobedir)/nft-offload.conf'

# Where the kernel's packages have it, unless it was said.
RPM_KDIR = $(if $(filter file,$(origin KDIR)),,$(KDIR))

deb: ## build Debian's packages in packages/
	scripts/package deb packages

rpm: ## build RPMs in packages/ (KVER=, KDIR= of the kernel for kmod-nft-offload)
	scripts/package rpm packages '$(KVER)' '$(RPM_KDIR)'

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
