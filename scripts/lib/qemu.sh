# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs one command in a guest. Caller sets:
#   RUN      directory of this run; argv (NUL-separated) and kernel are in it
#   SOURCES  seen in the guest at /nfto, read-only
#   IMAGE BOOT STAGE   from lib/boot.sh
#   SHARE    seen at /share, or empty
#   TIMEOUT  seconds; ALLOW_WARNINGS  not empty if a complaint of the kernel is no failure
#   EMULATOR from emulator()

QEMU_PID=

# Whatever goes wrong in the kernel ends the guest.
KERNEL_ARGS='console=ttyS0 loglevel=5 panic=-1 oops=panic softlockup_panic=1 watchdog_thresh=60'
KERNEL_ARGS+=' rcupdate.rcu_cpu_stall_timeout=120'
# QEMU 10 asserts what is not so (iotlb_to_section) where one processor moves devices in memory, as
# it does at boot, and another looks for one: that one comes later, see guest-init.
KERNEL_ARGS+=' maxcpus=1'
# What is emulated has nobody to be protected from, and its clock does not drift.
KERNEL_ARGS+=' mitigations=off tsc=reliable'

# QEMU's suite: its version 10 emulates what tests do most, to start commands, in half the time that
# 7.2 takes, and whatever the host has, all hosts run the same.
EMULATOR_SUITE=trixie

# make_emulator NEW
make_emulator() {
	local new=$1 log=$CACHE/emulator.log archive=()
	need_commands mmdebstrap=mmdebstrap
	say "fetching QEMU ($EMULATOR_SUITE)"
	tree_apt_options >"$new/apt.conf"
	tree_sources "$EMULATOR_SUITE" >"$new/sources.list"
	[[ ! -s $new/sources.list ]] || archive=("$new/sources.list")
	if ! unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
		mmdebstrap --mode=root --variant=apt --include=qemu-system-x86 \
		--dpkgopt=force-unsafe-io --aptopt="$new/apt.conf" \
		--aptopt='APT::Install-Recommends "false"' \
		"$EMULATOR_SUITE" "$new/tree" "${archive[@]}" </dev/null >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "mmdebstrap could not install QEMU; the whole log is in $log"
	fi
}

# emulator: prints the directory of QEMU's tree, or NFTO_QEMU, a command that does as QEMU does.
emulator() {
	local dir
	if [[ -n ${NFTO_QEMU:-} ]]; then
		echo "$NFTO_QEMU"
		return
	fi
	dir=$CACHE/emulator-$({
		echo "$EMULATOR_SUITE"
		declare -f make_emulator
	} | short_hash)
	once "$dir" make_emulator
	echo "$dir"
}

# emulator_command: sets QEMU to how QEMU is started. Out of its tree, and with its tree's
# libraries, but among the host's files.
emulator_command() {
	local tree=$EMULATOR/tree libraries
	if [[ ! -d $tree ]]; then
		QEMU=("$EMULATOR")
		return
	fi
	libraries=$tree/usr/lib/x86_64-linux-gnu
	QEMU=(env "QEMU_MODULE_DIR=$libraries/qemu" "$tree/lib64/ld-linux-x86-64.so.2"
		--library-path "$libraries" "$tree/usr/bin/qemu-system-x86_64"
		-L "$tree/usr/share/qemu" -L "$tree/usr/share/seabios")
}

# qemu_base ACCELERATOR: sets QEMU to the command and what all guests have in common.
qemu_base() {
	emulator_command
	QEMU+=(-nodefaults -no-user-config -no-reboot -display none -monitor none
		-nic none -machine pc -smp 2 -m 2048
		-kernel "$BOOT/vmlinuz" -initrd "$BOOT/initrd")
	if [[ $1 == kvm ]]; then
		QEMU+=(-accel kvm -cpu host)
	else
		# Five levels of page tables would only be walked for nothing.
		QEMU+=(-accel "tcg,thread=multi,tb-size=1024" -cpu "max,la57=off")
	fi
}

# /dev/kvm may be there and yet run nothing, or nothing but a busy loop: only a guest that boots
# proves it. Tried once per boot of the host.
accelerator() {
	local boot verdict=tcg
	if [[ -n ${NFTO_ACCEL:-} ]]; then
		echo "$NFTO_ACCEL"
		return
	fi
	if [[ -w /dev/kvm ]]; then
		read -r boot </proc/sys/kernel/random/boot_id
		if [[ ! -s $CACHE/accel-$boot ]]; then
			say "trying whether KVM works here (20 s at most)"
			if kvm_boots; then
				verdict=kvm
			fi
			rm -f "$CACHE"/accel-*
			echo "$verdict" >"$CACHE/accel-$boot"
		fi
		verdict=$(<"$CACHE/accel-$boot")
	fi
	echo "$verdict"
}

kvm_boots() {
	qemu_base kvm
	timeout --kill-after=5 20 "${QEMU[@]}" -append 'console=ttyS0 panic=-1 nfto.trial' \
		-serial "file:${RUN//,/,,}/trial" </dev/null >/dev/null 2>&1 || true
	grep -q 'nfto: trial passed' "$RUN/trial" 2>/dev/null
}

# share_args TAG PATH [OPTION]: a directory for the guest. Commas end a value unless doubled.
share_args() {
	QEMU+=(-fsdev
		"local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap${3:+,$3}"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}

port_args() {
	local file=${RUN//,/,,}/$1
	: >"$RUN/$1"
	QEMU+=(-chardev "file,id=$1,path=$file" -device "virtserialport,chardev=$1,name=$1")
}

# Files that the guest makes in SHARE belong to who called sudo, and so does the QEMU process.
user_args() {
	if [[ $(id -u) == 0 && ${SUDO_UID:-0} != 0 ]]; then
		QEMU+=(-runas "$SUDO_UID:$SUDO_GID")
	fi
}

start_guest() {
	local append=$KERNEL_ARGS port
	qemu_base "$(accelerator)"
	QEMU+=(-drive "file=${IMAGE//,/,,},if=virtio,format=raw,snapshot=on"
		-serial "file:${RUN//,/,,}/console" -device virtio-serial-pci)
	for port in out err status; do
		port_args "$port"
	done
	share_args nfto "$SOURCES" readonly=on
	share_args run "$RUN" readonly=on
	share_args modules "$STAGE" readonly=on
	if [[ -n $SHARE ]]; then
		share_args share "$SHARE"
		append+=' nfto.share'
	fi
	user_args
	"${QEMU[@]}" -append "$append" </dev/null >"$RUN/qemu" 2>&1 &
	QEMU_PID=$!
}

stop_guest() {
	[[ -n $QEMU_PID ]] || return 0
	kill "$QEMU_PID" 2>/dev/null || true
	wait "$QEMU_PID" 2>/dev/null || true
	QEMU_PID=
}

# follow_guest: passes the output on until the guest is gone. Sets STOPPED if it had to be stopped.
follow_guest() {
	local deadline=$((SECONDS + TIMEOUT)) sent='' tails=()
	tail -q -c +1 -s 0.1 -f --pid="$QEMU_PID" "$RUN/out" &
	tails+=($!)
	tail -q -c +1 -s 0.1 -f --pid="$QEMU_PID" "$RUN/err" >&2 &
	tails+=($!)
	STOPPED=''
	while kill -0 "$QEMU_PID" 2>/dev/null; do
		if [[ -z $sent && -s $RUN/status ]]; then
			# All is done but for switching off.
			sent=yes
			deadline=$((SECONDS + 60))
		fi
		if ((SECONDS >= deadline)); then
			STOPPED=yes
			break
		fi
		sleep 0.1
	done
	stop_guest
	wait "${tails[@]}" || true
}

# guest_trouble: what the kernel complained of, if anything: the first such line of the console.
guest_trouble() {
	grep -a -m 1 -E -f <(grep -v '^#' "$TOP/tests/vm/kernel-trouble") "$RUN/console" |
		tr -d '\r' || true
}

# What ended the boot before anything of ours, in words; nothing if that is not what happened. An
# emulated machine trips over code that the kernel patches while another processor runs it, about
# once in 200 boots, before the kernel's first process; and QEMU may fail, see KERNEL_ARGS.
boot_failure() {
	[[ -z $STOPPED && ! -s $RUN/status ]] || return 0
	if [[ ! -s $RUN/qemu ]]; then
		grep -a -q 'nfto: init runs' "$RUN/console" || guest_trouble
	elif ! grep -a -q 'nfto: the command runs' "$RUN/console"; then
		grep -m 1 'Assertion .* failed' "$RUN/qemu" || true
	fi
}

# run_guest: runs the command and sets GUEST_STATUS to its status. If the guest failed, it says why
# in a sentence, after the end of the console, and exits with STATUS_TIMEOUT or STATUS_BROKEN.
run_guest() {
	local trouble panic tries=4
	start_guest
	follow_guest
	while ((--tries)); do
		trouble=$(boot_failure)
		[[ -n $trouble ]] || break
		say "the guest did not come to its first process of ours: $trouble"
		say "booting it again"
		start_guest
		follow_guest
	done
	trouble=$(guest_trouble)
	GUEST_STATUS=$(sed -n 's/^exit //p' "$RUN/status")
	if [[ -n $STOPPED && -z $GUEST_STATUS ]]; then
		guest_failed "the guest was stopped: no end after $TIMEOUT s" "$STATUS_TIMEOUT"
	elif [[ -n $STOPPED ]]; then
		guest_failed "the guest was stopped: it did not switch itself off" "$STATUS_BROKEN"
	elif [[ -z $GUEST_STATUS && -s $RUN/qemu ]]; then
		guest_failed "QEMU failed: $(tail -n 1 "$RUN/qemu")" "$STATUS_BROKEN"
	elif [[ -z $GUEST_STATUS ]]; then
		guest_failed "the guest crashed: ${trouble:-it ended without a word}" \
			"$STATUS_BROKEN"
	elif panic=$(grep -a -m 1 'Kernel panic' "$RUN/console"); then
		guest_failed "the guest crashed on its way out: ${panic%$'\r'}" "$STATUS_BROKEN"
	elif [[ -n $trouble && -z $ALLOW_WARNINGS ]]; then
		guest_failed "the guest's kernel complained: $trouble" "$STATUS_BROKEN"
	fi
}

guest_failed() {
	say "the end of the console:"
	tail -n 40 "$RUN/console" | tr -d '\r' >&2 || true
	say "$1"
	exit "$2"
}
