# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Test results in TAP: writing them, and adding up those of several runs.

TAP_COUNT=0 TAP_FAILED=0

tap_ok() {
	echo "ok $((++TAP_COUNT)) - $1"
}

# tap_not_ok NAME: details come on standard input.
tap_not_ok() {
	((++TAP_FAILED))
	echo "not ok $((++TAP_COUNT)) - $1"
	sed 's/^/#   /'
}

# tap_run NAME COMMAND ARG...: a test that passes if COMMAND does; its output is shown if not. A
# process of its own runs it, with set -e in force.
tap_run() {
	local name=$1 status=0 log
	shift
	log=$(mktemp)
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if ((status)); then
		tap_not_ok "$name" <"$log"
	else
		tap_ok "$name"
	fi
	rm -f "$log"
}

# tap_take NAME FILE LOG: takes over the results in FILE, which another program wrote. One that did
# not come to its plan is a failure more, which LOG tells of.
tap_take() {
	local name=$1 file=$2 log=$3 line count=0 plan=''
	while IFS= read -r line; do
		case $line in
		'ok '*) ((++count)); tap_ok "$name: ${line#ok * - }" ;;
		'not ok '*)
			((++count, ++TAP_FAILED))
			echo "not ok $((++TAP_COUNT)) - $name: ${line#not ok * - }"
			;;
		'1..'*) plan=${line#1..} ;;
		*) echo "$line" ;;
		esac
	done <"$file"
	if [[ $plan != "$count" ]]; then
		tail -n 60 "$log" | tap_not_ok "$name: ${plan:-no} tests planned, $count came"
	fi
}

tap_plan() {
	echo "1..$TAP_COUNT"
}

PASSED=0 FAILED=0 SKIPPED=0
FAILURES=()

# tap_add NAME FILE STATUS KERNEL: adds the results in FILE of the run NAME, which ended with
# STATUS. A run that does not come to its plan, has no test, or fails without a failed test counts
# as a failure more. So does a skip whose reason tests/limits does not have for KERNEL.
tap_add() {
	local name=$1 file=$2 status=$3 kernel=$4 line plan='' count=0 running='' failed=0
	while IFS= read -r line; do
		case $line in
		'ok '*' # SKIP'*)
			((++count))
			tap_add_skip "$name" "$kernel" "${line#ok * - }"
			;;
		'ok '*) ((++count, ++PASSED)) ;;
		'not ok '*)
			((++count, ++failed))
			tap_failure "$name: ${line#not ok * - }"
			;;
		'# running '*) running=${line#\# running } ;;
		'1..'*) plan=${line#1..} ;;
		esac
	done <"$file"
	if [[ -z $plan ]]; then
		tail -n 20 "$file"
		tap_failure "$name: no plan (status $status)${running:+, ended in $running}"
	elif ((plan != count)); then
		tap_failure "$name: $plan tests were planned, $count came"
	elif ((count == 0)); then
		tap_failure "$name: no test ran"
	elif ((status != 0 && failed == 0)); then
		tap_failure "$name: status $status, although no test failed"
	fi
}

tap_failure() {
	((++FAILED))
	FAILURES+=("$1")
}

# tap_add_skip NAME KERNEL "TEST # SKIP REASON"
tap_add_skip() {
	local test=${3% # SKIP*} reason=${3#*# SKIP } number kind name sentence
	while read -r number kind name sentence; do
		if [[ $reason == "$sentence" ]]; then
			((++SKIPPED))
			return
		fi
	done < <(limits_of_kernel "$2")
	tap_failure "$1: $test was skipped for no reason that tests/limits has: $reason"
}

# tap_total: the failures and the last line. Fails unless all is well.
tap_total() {
	local failure
	if ((${#FAILURES[@]})); then
		echo
		echo "Failed:"
		for failure in "${FAILURES[@]}"; do
			echo "  $failure"
		done
	fi
	echo
	if ((SKIPPED)); then
		echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	else
		echo "$PASSED passed, $FAILED failed"
	fi
	((FAILED == 0 && PASSED > 0))
}
