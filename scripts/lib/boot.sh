# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What a guest boots from: root file system, kernel with initramfs, and the built modules.

# make_image TREE NEW: the tree as a file system without what only builds need.
make_image() {
	local tree=$1/tree new=$2 root=$2/root size
	say "making the guest's root file system"
	cp -al "$tree" "$root"
	rm -rf "${root:?}"/{boot,lib/modules,usr/src,var/cache/apt}/*
	# Fresh files: the old ones are hard links into the tree.
	rm -f "$root"/etc/hostname "$root"/etc/hosts "$root"/etc/resolv.conf
	echo guest >"$root/etc/hostname"
	printf '127.0.0.1 localhost guest\n::1 localhost guest\n' >"$root/etc/hosts"
	mkdir -p "$root/nfto" "$root/share"
	size=$(du -sm "$root" | cut -f 1)
	mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$root" "$new/root.ext4" \
		"$((size * 5 / 4 + 512))M" >/dev/null
	rm -rf "$root"
}

image_of_tree() {
	local dir
	dir=$CACHE/image-${1##*/}-$(declare -f make_image | short_hash)
	once "$dir" make_image "$1"
	echo "$dir/root.ext4"
}

# make_boot TREE KVER NEW: the kernel, and an initramfs that finds the root file system.
make_boot() {
	local tree=$1 kver=$2 new=$3
	cp "$tree/tree/boot/vmlinuz-$kver" "$new/vmlinuz"
	mkdir -p "$new"/root/{bin,dev,modules,proc,root,sys}
	cp "$tree/tree/bin/busybox" "$new/root/bin/"
	cp "$TOP/scripts/lib/initramfs-init" "$new/root/init"
	chmod 755 "$new/root/init"
	# shellcheck disable=SC2016 # the tree's shell expands these
	in_tree "$tree" "$new/root" bash -euo pipefail -c '
		modprobe -S "$1" -aD virtio_pci virtio_blk virtio_console 9pnet_virtio 9p ext4 |
			awk "\$1 == \"insmod\" && !seen[\$2]++ { print \$2 }" |
			while read -r module; do
				name=${module##*/}
				name=${name%%.*}.ko
				case $module in
				*.xz) busybox xzcat "$module" >"/mnt/modules/$name" ;;
				*) cp "$module" "/mnt/modules/$name" ;;
				esac
				echo "$name" >>/mnt/modules/order
			done' sh "$kver"
	in_tree "$tree" "$new" busybox sh -euc '
		cd /mnt/root
		busybox find . | busybox cpio -o -H newc | gzip -1 >/mnt/initrd' 2>/dev/null
	rm -rf "$new/root"
}

boot_of_kernel() {
	local tree=$1 kver=$2 dir
	dir=$CACHE/boot-${tree##*/}-$kver-$({
		declare -f make_boot
		cat "$TOP/scripts/lib/initramfs-init"
	} | short_hash)
	once "$dir" make_boot "$tree" "$kver"
	echo "$dir"
}

# copy_sources FROM TO: the checkout without history and build products.
copy_sources() {
	mkdir -p "$2"
	# Status 1 is a file that changed or went while it was read: someone is at work there.
	{ tar -C "$1" --exclude=./.git --exclude='*.o' --exclude='*.ko' --exclude='.*.cmd' \
		--exclude='*.mod' --exclude='*.mod.c' --exclude=modules.order \
		--exclude=Module.symvers --exclude=__pycache__ -cf - . || (($? == 1)); } |
		tar -C "$2" --no-same-owner -xf -
	chmod -R go+rX "$2"
}

# build_in_tree TREE SOURCES WHAT [MAKE ARG]...: builds WHAT as a user would, in the tree. A warning
# is a failure.
build_in_tree() {
	local tree=$1 sources=$2 what=$3 log=$2.log status=0
	shift 3
	in_tree "$tree" "$sources" make -C /mnt -j"$(nproc)" "$@" >"$log" 2>&1 || status=$?
	if ((status)) || grep -qi 'warning' "$log"; then
		cat "$log" >&2
		say "building $what failed or gave warnings"
		return 1
	fi
}

# make_stage TREE KVER SOURCES NEW: the guest's /lib/modules/KVER: the distribution's as hard
# links, plus our modules and, beside them, the command.
make_stage() {
	local tree=$1 kver=$2 sources=$3 new=$4 updates
	say "building the modules for $kver"
	build_in_tree "$tree" "$sources" "the modules for $kver" KVER="$kver" modules ||
		exit "$STATUS_BROKEN"
	# The harness plants modules without it.
	[[ ! -e $sources/src/cli ]] ||
		build_in_tree "$tree" "$sources" "the command nft-offload" cli ||
		exit "$STATUS_BROKEN"
	cp -al "$tree/tree/lib/modules/$kver" "$new/modules"
	updates=$new/modules/updates
	mkdir -p "$updates"
	find "$sources/src" -name '*.ko' -exec cp {} "$updates/" \;
	[[ ! -e $sources/src/cli ]] || cp "$sources/src/cli/build/nft-offload" "$updates/"
	mkdir -p "$new/lib/modules/$kver"
	mv "$new/modules" "$new/lib/modules/"
	rmdir "$new/lib/modules/$kver"
	mv "$new/lib/modules/modules" "$new/lib/modules/$kver"
	# depmod replaces its files by new ones, so those of the tree stay as they are.
	in_tree "$tree" "$new" depmod -b /mnt "$kver"
}

# stage_of_kernel TREE KVER SOURCES: prints the directory to mount as /lib/modules/KVER.
stage_of_kernel() {
	local tree=$1 kver=$2 sources=$3 key dir
	key=$({
		echo "${tree##*/}"
		declare -f make_stage build_in_tree
		cd "$sources" || exit
		find . -type f -print0 | sort -z | xargs -0 sha256sum
	} | short_hash)
	dir=$CACHE/modules/$kver-$key
	once "$dir" make_stage "$tree" "$kver" "$sources"
	prune "$CACHE/modules" 2
	echo "$dir/lib/modules/$kver"
}
