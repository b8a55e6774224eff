# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The guest tree: a Debian system in a directory, with kernels, their headers and the build tools.
# Modules are built in it, and the guest's root file system is made from it.
. "$TOP/scripts/lib/debug.sh"

GUEST_PACKAGES=(
	# what runs in the guest
	busybox-static conntrack ethtool iperf3 iproute2 iputils-ping kmod mount netbase nftables
	procps python3 python3-pytest python3-scapy tcpdump
	# what builds and checks the sources
	gcc libc6-dev libjansson-dev libmnl-dev libnftables-dev libnftnl-dev make perl pkg-config
	shellcheck sparse xz-utils
)

# The other suites that kernels of SUITE are taken from.
tree_froms() {
	kernel_table | awk -v suite="$1" '$2 == suite && $3 != "-" { print $3 }' | sort -u
}

# Where the host's apt has Debian's archive: lines of LABEL|URI. None if it is no Debian.
host_archives() {
	# shellcheck disable=SC2016 # apt-get fills these in
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian|//p'
}

# The apt sources of SUITE, from the host's own apt configuration if it has Debian's archive
# there. Prints nothing if not: mmdebstrap knows a default then.
tree_sources() {
	local suite=$1 key=/usr/share/keyrings/debian-archive-keyring.gpg
	local archives archive security options='' from
	command -v apt-get >/dev/null || return 0
	archives=$(host_archives)
	if [[ -z $archives ]]; then
		# Labels are known only after an update.
		apt_update
		archives=$(host_archives)
	fi
	archive=$(sed -n '/^Debian|/{s///p;q}' <<<"$archives")
	security=$(sed -n '/^Debian-Security|/{s///p;q}' <<<"$archives")
	[[ -n $archive ]] || return 0
	[[ ! -r $key ]] || options="[signed-by=$key] "
	echo "deb $options$archive $suite main"
	[[ $suite != sid ]] || return 0
	echo "deb $options$archive $suite-updates main"
	for from in $(tree_froms "$suite"); do
		echo "deb $options$archive $from main"
	done
	[[ -z $security ]] || echo "deb $options$security $suite-security main"
}

# What the administrator told apt about fetching; mmdebstrap looks at sources and keys only.
tree_apt_options() {
	command -v apt-config >/dev/null || return 0
	apt-config dump --no-empty --format '%F "%v";%n' \
		Acquire::Check-Valid-Until Acquire::Check-Date Acquire::http Acquire::https
}

# make_tree SUITE NEW
make_tree() {
	local suite=$1 new=$2 log=$CACHE/$1.log kernels packages sources=() from edit froms=()
	need_commands mmdebstrap=mmdebstrap
	say "making the guest system ($suite) in $CACHE; this takes some minutes, once"
	tree_apt_options >"$new/apt.conf"
	tree_sources "$suite" >"$new/sources.list"
	cp "$TOP/scripts/lib/install-kernels" "$new/"
	if [[ -s $new/sources.list ]]; then
		sources=("$new/sources.list")
	else
		for from in $(tree_froms "$suite"); do
			edit="s/^\\(.*\\) $suite main\$/&\\n\\1 $from main/"
			froms+=("--setup-hook=sed -i '$edit' \"\$1\"/etc/apt/sources.list")
		done
	fi
	packages=$(IFS=,; echo "${GUEST_PACKAGES[*]}")
	kernels=$(kernel_table | awk -v suite="$suite" '$2 == suite { print $1, $3, $4 }')
	# In namespaces of its own: however it ends, no mount and no process stays behind.
	# shellcheck disable=SC2016 # mmdebstrap's shell expands these
	if ! unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
		mmdebstrap --mode=root --variant=apt --include="$packages" \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--aptopt="$new/apt.conf" "${froms[@]}" \
		--customize-hook='cp "$1/../install-kernels" "$1/tmp/"' \
		--customize-hook='chroot "$1" sh /tmp/install-kernels '"${kernels//$'\n'/ }" \
		--customize-hook='rm "$1/tmp/install-kernels"' \
		"$suite" "$new/tree" "${sources[@]}" </dev/null >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "mmdebstrap could not make the guest system; the whole log is in $log"
	fi
}

# The directory of SUITE's tree, which is made if it is not there yet. The suite of the debug kernel
# is debug.
tree_of_suite() {
	local suite=$1 key dir
	if [[ $suite == debug ]]; then
		debug_tree
		return
	fi
	key=$({
		echo "$suite" "${GUEST_PACKAGES[@]}"
		kernel_table | awk -v suite="$suite" '$2 == suite { print $1, $3, $4 }'
		declare -f make_tree
		cat "$TOP/scripts/lib/install-kernels"
	} | short_hash)
	dir=$CACHE/$suite-$key
	once "$dir" make_tree "$suite"
	echo "$dir"
}

# The tree of the default kernel, for what does not depend on the kernel.
default_tree() {
	tree_of_suite "$(kernel_field "$(default_kernel)" 2)"
}

# enter_tree ACCESS TREE WORK COMMAND...: see in_tree and in_new_tree.
enter_tree() {
	# shellcheck disable=SC2016 # the inner shell expands these
	unshare --mount --pid --fork --kill-child --propagation private bash -euc '
		access=$1 tree=$2 work=$3
		shift 3
		mount --bind "$tree" "$tree"
		[[ $access != ro ]] || mount -o remount,bind,ro "$tree"
		mount -t proc proc "$tree/proc"
		mount -t sysfs -o ro sysfs "$tree/sys"
		mount --rbind /dev "$tree/dev"
		mount -t tmpfs tmpfs "$tree/tmp"
		[[ -z $work ]] || mount --bind "$work" "$tree/mnt"
		[[ ! -e /etc/resolv.conf ]] || mount --bind /etc/resolv.conf "$tree/etc/resolv.conf"
		exec chroot "$tree" env -i HOME=/tmp LC_ALL=C.UTF-8 \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			PYTHONDONTWRITEBYTECODE=1 DEBIAN_FRONTEND=noninteractive \
			${http_proxy:+http_proxy="$http_proxy"} \
			${https_proxy:+https_proxy="$https_proxy"} "$@"' \
		enter_tree "$@" </dev/null
}

# in_tree DIR WORK COMMAND...: runs COMMAND in the tree, which it cannot write to, with WORK
# mounted at /mnt. Mounts and processes end with it.
in_tree() {
	enter_tree ro "$1/tree" "${@:2}"
}

# in_new_tree NEW COMMAND...: the same in a tree that is being made, which COMMAND may write to.
in_new_tree() {
	enter_tree rw "$1/tree" '' "${@:2}"
}

# The version of the kernel NAME in the tree DIR, as uname -r gives it.
kernel_version() {
	local dir=$1 name=$2 file
	file=$dir/tree/etc/nfto-kernels/$name
	[[ -r $file ]] || die "the package $(kernel_field "$name" 4) of kernel $name is not in" \
		"Debian's archive (any more): take another in scripts/kernels"
	cat "$file"
}
