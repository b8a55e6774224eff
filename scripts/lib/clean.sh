# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A clean system: a distribution with its kernel, as it is installed, before anything of ours. It
# has a disk of its own, which lasts from one boot to the next, and packages from folders alone:
# those that ours depend on, and a newer kernel from its backports. lib/tree.sh knows where to find
# them.

CLEAN_PACKAGES=(
	# what a router has
	conntrack initramfs-tools iproute2 kmod linux-image-amd64 nftables procps systemd-sysv udev
	# what the tests send packets with
	ethtool python3 python3-scapy
)
# What apt may want for our packages.
CLEAN_WANTED=(dkms linux-headers-amd64 openssl libjansson4 libmnl0 libnftables1 libnftnl11)
CLEAN_KERNEL=(linux-image-amd64 linux-headers-amd64)

# fill_repository TREE DIR APT-ARG...: downloads what apt-get install APT-ARG... would.
fill_repository() {
	local tree=$1 dir=$2
	shift 2
	mkdir -p "$dir/partial"
	# By the lists that the tree was made with: packages and kernels fit together.
	in_tree "$tree" "$dir" apt-get -qy --download-only -o Dir::Cache::archives=/mnt \
		-o Debug::NoLocking=1 -o APT::Sandbox::User=root install "$@"
	rm -rf "$dir/partial"
	index_repository "$dir"
}

# index_repository DIR [FIELD=VALUE]...: what apt reads of a folder of packages.
index_repository() {
	local dir=$1 field options=()
	shift
	for field; do
		options+=(-o "APT::FTPArchive::Release::$field")
	done
	(
		# shellcheck disable=SC2164 # errors end it
		cd "$dir"
		apt-ftparchive packages . >Packages
		apt-ftparchive "${options[@]}" release . >Release.new
		mv Release.new Release
	)
}

# clean_files ROOT: how the clean system is set up.
# shellcheck disable=SC2178,SC2179,SC2128 # options: no array here
clean_files() {
	local root=$1 options=trans=virtio,version=9p2000.L timer
	options+=,x-systemd.requires=systemd-modules-load.service
	rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
	echo router >"$root/etc/hostname"
	printf '127.0.0.1 localhost router\n' >"$root/etc/hosts"
	mkdir -p "$root/nfto" "$root/share" "$root/repository"
	cat >"$root/etc/fstab" <<-EOF
		/dev/vda / ext4 noatime 0 1
		nfto /nfto 9p ro,$options,cache=loose 0 0
		share /share 9p $options 0 0
		repository /repository 9p ro,$options,cache=loose 0 0
	EOF
	# Before that, the host's directories may not have been found yet.
	echo 9pnet_virtio >"$root/etc/modules-load.d/nfto.conf"
	rm -f "$root"/etc/apt/sources.list.d/*
	cat >"$root/etc/apt/sources.list" <<-EOF
		deb [trusted=yes] file:/repository/ours ./
		deb [trusted=yes] file:/repository/suite ./
		deb [trusted=yes] file:/repository/backports ./
	EOF
	cat >"$root/etc/systemd/system/nfto-stage.service" <<-EOF
		[Unit]
		Description=the stage of the test
		After=nftables.service network.target
		RequiresMountsFor=/nfto /share /repository
		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		ExecStart=/bin/bash /nfto/tests/packages/guest
		[Install]
		WantedBy=multi-user.target
	EOF
	ln -s ../nfto-stage.service \
		"$root/etc/systemd/system/multi-user.target.wants/nfto-stage.service"
	# apt is the test's.
	for timer in apt-daily apt-daily-upgrade; do
		ln -sf /dev/null "$root/etc/systemd/system/$timer.timer"
	done
	# The console is for the kernel.
	ln -sf /dev/null "$root/etc/systemd/system/serial-getty@.service"
}

# make_clean SUITE NEW
make_clean() {
	local suite=$1 new=$2 log=$CACHE/clean-$1.log packages
	need_commands mmdebstrap=mmdebstrap apt-ftparchive=apt-utils mke2fs=e2fsprogs
	say "making a clean system ($suite) in $CACHE; this takes some minutes, once"
	tree_apt_options >"$new/apt.conf"
	tree_sources "$suite" >"$new/sources.list"
	[[ -s $new/sources.list ]] || die "this needs a Debian whose apt has Debian's archive"
	packages=$(IFS=,; echo "${CLEAN_PACKAGES[*]}")
	# apt's lists stay until the repositories are filled.
	if ! unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
		mmdebstrap --mode=root --variant=minbase --include="$packages" \
		--dpkgopt=force-unsafe-io --aptopt="$new/apt.conf" --skip=cleanup/apt \
		"$suite" "$new/tree" "$new/sources.list" </dev/null >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "mmdebstrap could not make the clean system; the whole log is in $log"
	fi
	fill_repository "$new" "$new/repository/suite" "${CLEAN_WANTED[@]}" >>"$log" 2>&1
	fill_repository "$new" "$new/repository/backports" -t "$suite-backports" \
		"${CLEAN_KERNEL[@]}" >>"$log" 2>&1
	index_repository "$new/repository/backports" Suite="$suite-backports" \
		Codename="$suite-backports" NotAutomatic=yes ButAutomaticUpgrades=yes
	rm -rf "$new"/tree/var/lib/apt/lists/* "$new"/tree/var/cache/apt/*
	clean_files "$new/tree"
	mke2fs -q -t ext4 -m 0 -d "$new/tree" "$new/disk" 6G >/dev/null
	cp -L "$new/tree/vmlinuz" "$new/vmlinuz"
	cp -L "$new/tree/initrd.img" "$new/initrd"
}

# clean_of_suite SUITE: the directory with tree, disk, vmlinuz, initrd and repository.
clean_of_suite() {
	local suite=$1 key dir
	key=$({
		echo "$suite" "${CLEAN_PACKAGES[@]}" "${CLEAN_WANTED[@]}" "${CLEAN_KERNEL[@]}"
		declare -f make_clean clean_files fill_repository index_repository
	} | short_hash)
	dir=$CACHE/clean-$suite-$key
	once "$dir" make_clean "$suite"
	echo "$dir"
}

# boot_disk DIR SECONDS STAGE...: boots DIR/disk with the kernel and initrd that its last boot left
# in DIR/share, or that came with it, and lets it run each STAGE of tests/packages, whose results
# (TAP) and log are then in DIR/share. Caller sets SOURCES, what the guest has at /nfto.
boot_disk() {
	local dir=$1 seconds=$2 console=$1/console-$3 append status=0 tries=3
	shift 2
	rm -f "$dir/share/status"
	echo "$*" >"$dir/share/stages"
	BOOT=$dir/boot
	mkdir -p "$BOOT"
	mv "$dir"/share/{vmlinuz,initrd} "$BOOT/"
	append="$KERNEL_ARGS root=/dev/vda rw net.ifnames=0 systemd.show_status=error"
	qemu_base "$(accelerator)"
	QEMU+=(-drive "file=${dir//,/,,}/disk,if=virtio,format=raw,cache=unsafe"
		-serial "file:${console//,/,,}")
	share_args nfto "$SOURCES" readonly=on
	share_args repository "$dir/repository" readonly=on
	share_args share "$dir/share"
	# QEMU may fail at boot, see boot_failure(): nothing of ours has run then.
	while ((tries--)); do
		status=0
		timeout --foreground "$seconds" "${QEMU[@]}" -append "$append" \
			</dev/null >"$dir/qemu" 2>&1 || status=$?
		[[ ! -e $dir/share/results-$1 ]] || break
		grep -q 'Assertion .* failed' "$dir/qemu" || break
	done
	[[ ! -s $dir/share/status || $status != 0 ]] || return 0
	{
		echo "the guest ended with status $status; QEMU: $(tail -n 1 "$dir/qemu")"
		tail -n 40 "$console" | tr -d '\r'
	} >>"$dir/share/log-$1"
	return 1
}
