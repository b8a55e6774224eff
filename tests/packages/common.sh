# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the stages share. They run in the guest, as root.
set -euo pipefail
TOP=/nfto
. "$TOP/scripts/lib/tap.sh"

VERSION=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TOP/dkms.conf")
# The kernel that the machine boots: in a guest, the one that runs.
KVER=$(readlink /vmlinuz)
KVER=${KVER#*vmlinuz-}
ROUTER=$TOP/tests/packages/router.py

# Nothing of ours in the file system, but for what is named.
nothing_left() {
	local found
	found=$(find / -xdev \( -path /nfto -o -path /share -o -path /repository -o -path /proc \
		-o -path /sys -o -path /run -o -path /var/log -o -path /tmp \) -prune -o \
		\( -name '*nft-offload*' -o -name '*nft_offload*' \) -print)
	[[ -z $found ]] || {
		echo "left: $found"
		return 1
	}
}

# traffic: connections through the ruleset that is loaded are switched by the ASIC.
traffic() {
	/usr/bin/python3 "$ROUTER" traffic
}

# installed KERNEL: DKMS has built and installed both modules for it.
installed() {
	dkms status
	dkms status "nft-offload/$VERSION" -k "$1" | grep -q ': installed$'
	modinfo -k "$1" -F version nft_offload | grep -qx "$VERSION"
	modinfo -k "$1" -F version nft_offload_sim | grep -qx "$VERSION"
	# A stub would have no more than a description.
	modinfo -k "$1" -F depends nft_offload | grep -q nf_flow_table
}

service_is_active() {
	systemctl status --no-pager nftables.service || true
	systemctl -q is-active nftables.service
}
