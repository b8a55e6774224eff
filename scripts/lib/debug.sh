# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The debug kernel: the sources of Debian 13's kernel, small, and with everything that finds faults
# (lib/debug.config). It runs on that suite's system.

DEBUG_SUITE=trixie
DEBUG_PACKAGES=(bc bison cpio flex libelf-dev libssl-dev linux-source-6.12)

# make_debug TREE NEW: a copy of the suite's system, with the debug kernel installed.
make_debug() {
	local tree=$1 new=$2
	say "building the debug kernel; this takes some 20 minutes, once"
	cp -a "$tree/tree" "$new/tree"
	grep -v '^#' "$TOP/scripts/lib/debug.config" >"$new/tree/usr/src/debug.config"
	cp "$TOP/scripts/lib/build-debug" "$new/tree/usr/src/"
	in_new_tree "$new" bash /usr/src/build-debug "${DEBUG_PACKAGES[@]}" \
		>"$CACHE/debug.log" 2>&1 || {
		tail -n 20 "$CACHE/debug.log" >&2
		die "it could not be built; the whole log is in $CACHE/debug.log"
	}
}

debug_tree() {
	local tree dir
	tree=$(tree_of_suite "$DEBUG_SUITE")
	dir=$CACHE/debug-$({
		echo "$tree" "${DEBUG_PACKAGES[@]}"
		declare -f make_debug
		cat "$TOP/scripts/lib/debug.config" "$TOP/scripts/lib/build-debug"
	} | short_hash)
	once "$dir" make_debug "$tree"
	echo "$dir"
}
