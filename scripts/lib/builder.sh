# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The builder: the default guest system with what packages are built and tried with, and fuzzers.

BUILDER_PACKAGES=(
	apt-utils autodep8 autopkgtest build-essential cpio createrepo-c debhelper dh-dkms dkms dnf
	lintian openssl pkgconf rpm rpm2cpio rpmlint
	clang libclang-rt-14-dev
)

# make_builder TREE NEW: the default guest system, with what packages are built and tried with.
make_builder() {
	local tree=$1 new=$2
	say "making the system that packages are built in"
	cp -a "$tree/tree" "$new/tree"
	# shellcheck disable=SC2016 # the inner shell expands these
	in_new_tree "$new" sh -euc 'apt-get -qy update
		apt-get -qy --no-install-recommends install "$@"' \
		builder "${BUILDER_PACKAGES[@]}" >"$CACHE/builder.log" 2>&1 || {
		tail -n 20 "$CACHE/builder.log" >&2
		die "apt could not make it; the whole log is in $CACHE/builder.log"
	}
}

builder_tree() {
	local tree dir
	tree=$(default_tree)
	dir=$CACHE/builder-$({
		echo "$tree" "${BUILDER_PACKAGES[@]}"
		declare -f make_builder
	} | short_hash)
	once "$dir" make_builder "$tree"
	echo "$dir"
}
