# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What all scripts share: messages, the cache, the table of kernels, host packages, root.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${NFTO_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nft_offload}
[[ $CACHE == /* ]] || CACHE=$PWD/$CACHE
PROGRAM=${0##*/}
export LC_ALL=C.UTF-8
shopt -s inherit_errexit

# Statuses of our own, away from those that commands usually return. 124 is what timeout(1) uses.
STATUS_USAGE=2
STATUS_TIMEOUT=124
STATUS_BROKEN=125

say() {
	echo "$PROGRAM: $*" >&2
}

die() {
	say "$*"
	exit "$STATUS_BROKEN"
}

usage_error() {
	say "$* ($PROGRAM --help tells the usage)"
	exit "$STATUS_USAGE"
}

[[ $CACHE/ != "$TOP"/* ]] || die "the cache $CACHE is inside the checkout; set NFTO_CACHE"

# Prints a script's opening comment: its help text.
print_help() {
	awk 'NR > 2 && !/^#/ { exit } NR > 2 { sub(/^# ?/, ""); print }' "$0"
}

# The version, which stands in dkms.conf.
project_version() {
	sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TOP/dkms.conf"
}

# A short hash over standard input.
short_hash() {
	sha256sum | cut -c1-16
}

# The table of supported kernels without comments.
support_table() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$TOP/scripts/kernels"
}

# Those of them that can be booted.
kernel_table() {
	support_table | awk '$2 != "-"'
}

kernel_names() {
	kernel_table | awk '{ print $1 }'
}

default_kernel() {
	kernel_names | head -n 1
}

# kernel_field NAME COLUMN
kernel_field() {
	{
		kernel_table
		# Supported by nobody: lib/debug.sh makes it.
		echo "debug debug - linux-source-6.12 -"
	} | awk -v name="$1" -v column="$2" '$1 == name { print $column }'
}

# base_kernel NAME: the supported kernel that it is, or that it was built from.
base_kernel() {
	if [[ $1 == debug ]]; then
		echo trixie
	else
		echo "$1"
	fi
}

# The table of what users miss, without comments.
limits_table() {
	sed -e '/^#/d' -e '/^[[:space:]]*$/d' "$TOP/tests/limits"
}

# limits_of_kernel NAME: its lines of that table, each with its number before it.
limits_of_kernel() {
	local kernel number=0 kind name patterns sentence
	kernel=$(base_kernel "$1")
	while read -r kind name patterns sentence; do
		((++number))
		# shellcheck disable=SC2053 # a pattern
		[[ $kernel != @(${patterns//,/|}) ]] || echo "$number $kind $name $sentence"
	done < <(limits_table)
}

require_kernel() {
	local names
	[[ -n $(kernel_field "$1" 1) ]] && return
	names=$(kernel_names | paste -sd ' ')' debug'
	usage_error "unknown kernel '$1'; known: $names"
}

# Guest trees hold device nodes and files of many owners, so they need root.
become_root() {
	[[ $(id -u) == 0 ]] && return
	command -v sudo >/dev/null ||
		die "this needs root to build the guest system: run it as root, or install sudo"
	exec sudo -- env ${NFTO_CACHE:+"NFTO_CACHE=$NFTO_CACHE"} \
		${NFTO_ACCEL:+"NFTO_ACCEL=$NFTO_ACCEL"} ${NFTO_QEMU:+"NFTO_QEMU=$NFTO_QEMU"} \
		"$TOP/scripts/$PROGRAM" "$@"
}

# need_commands COMMAND=PACKAGE ...: installs the packages of the commands that are missing.
need_commands() {
	local pair missing=()
	for pair; do
		command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
	done
	((${#missing[@]})) || return 0
	command -v apt-get >/dev/null ||
		die "please install ${missing[*]}: there is no apt-get here to do it"
	say "installing ${missing[*]}"
	if ! apt_install "${missing[@]}"; then
		apt_update
		apt_install "${missing[@]}" ||
			die "apt-get could not install ${missing[*]}; the reason is above"
	fi
}

# Another of our scripts may be at it: apt-get would not wait for it.
apt_update() {
	mkdir -p "$CACHE"
	flock "$CACHE/apt.lock" apt-get -q update >&2
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends \
		-o DPkg::Lock::Timeout=300 install "$@" </dev/null >&2
}

# once DIR COMMAND ARG...: makes the directory DIR by running COMMAND ARG... NEW, where NEW is an
# empty directory that becomes DIR only when COMMAND is through. So DIR is complete if it exists,
# however an earlier run ended, and concurrent runs make it once. What COMMAND started holds the
# lock too: it may outlive this script.
once() {
	local dir=$1 lock ignored
	shift
	# Where bash ignores errors (left of ||, say), half of a failed COMMAND's work would pass
	# for all of it.
	ignored=$(trap 'exit 0' EXIT; false; echo yes)
	[[ -z $ignored ]] || die "internal error: once, called where errors are ignored"
	if [[ -d $dir ]]; then
		touch "$dir"
		return
	fi
	mkdir -p "${dir%/*}"
	exec {lock}>"$dir.lock"
	if ! flock -n "$lock"; then
		say "waiting for another run that is making ${dir##*/}"
		flock "$lock"
	fi
	if [[ ! -d $dir ]]; then
		rm -rf --one-file-system "$dir.new"
		mkdir "$dir.new"
		"$@" "$dir.new" >&2
		mv -T "$dir.new" "$dir"
	fi
	exec {lock}>&-
}

# prune DIR DAYS: removes what lies directly in DIR and was not used for DAYS.
prune() {
	find "$1" -mindepth 1 -maxdepth 1 -mtime "+$2" ! -name '*.lock' \
		-exec rm -rf --one-file-system {} + 2>/dev/null || true
}
