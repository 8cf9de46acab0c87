#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `apply` in an appliance that is interrupted, loses its QEMU, runs into its deadline, floods its log or fills the host's
# disk: each with its exit code and message, and nothing left.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
[ -d /usr/lib/x86_64-linux-gnu/guestfs/supermin.d ] || skip "libguestfs is not installed"
workdir
trap 'umount "$WORK/scratch" 2>/dev/null; rm -rf "$WORK"' EXIT
image=$WORK/image.raw
cp --sparse=always "$(tiny_guest)" "$image"
before=$(stat -c '%i %s %y %z' "$image")
mkdir -p "$WORK/output" "$WORK/state" "$GUESTS/appliances"
ln -s "$GUESTS/appliances" "$WORK/state/appliances"

# supervised CODE OPTION... -- [OPTION OF APPLY...]
supervised() {
	local want=$1 status=0 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	apply_to "$image" --executor appliance "${@:2}"
	OUT=$WORK/out ERR=$WORK/err
	"$TEST_TOP/tests/hostile/supervise.py" "${options[@]}" -- "$BUILD/coldpatch" apply --config "$WORK/config.yaml" "${APPLY[@]:1}" >"$OUT" 2>"$ERR" || status=$?
	[ $status = "$want" ] || { cat "$ERR"; fail "exit $status, expected $want: ${options[*]}"; }
	[ "$before" = "$(stat -c '%i %s %y %z' "$image")" ] || fail "the image was written to"
	[ -z "$(compgen -G '/tmp/libguestfs*')" ] || fail "libguestfs left something in /tmp"
	nothing_left
}
refused_so() { # MESSAGE...: the last run said these, in one line
	expect_message "coldpatch: $image: "
	[ "$(grep -c '^coldpatch: ' "$ERR")" = 1 ] || { cat "$ERR"; fail "not one line of message"; }
	while [ $# -gt 0 ]; do expect_message "$1"; shift; done
}
log() { echo "$(ls -td "$WORK"/store/runs/*/ | head -n 1)log"; }

echo "== interrupted"
victim_update 'sleep 1000'
supervised 75 --within 5 --stage launch --delay 2 --send TERM --
refused_so "interrupted"
# What QEMU was started with: no network, formats given, nothing that names the image.
look() {
	local process
	for _ in $(seq 300); do
		for process in /proc/[0-9]*; do
			grep -qsF /appliance/root "$process/cmdline" && grep -qsF "$WORK" "$process/mountinfo" && tr '\0' '\n' <"$process/cmdline" >"$WORK/qemu" && return
		done
		sleep 0.2
	done
}
look & looking=$!
supervised 75 --within 5 --stage guest --delay 8 --send INT --
refused_so "interrupted"
wait $looking
grep -qx -e -nodefaults "$WORK/qemu" && grep -qx -e -sandbox "$WORK/qemu" || { cat "$WORK/qemu"; fail "QEMU has defaults, or no sandbox"; }
! grep -qE '^-(net|nic|netdev)|virtio-net|vmdk' "$WORK/qemu" || { cat "$WORK/qemu"; fail "QEMU has a network"; }
drives=$(grep -c -A1 -x -e -drive "$WORK/qemu")
[ "$drives" = 4 ] && [ "$(grep -cE 'file=.*format=(raw|qcow2)' "$WORK/qemu")" = 4 ] || { cat "$WORK/qemu"; fail "$drives drives, not all with a format"; }
! grep -F "$image" "$WORK/qemu" || fail "QEMU has the image itself"

echo "== QEMU killed"
supervised 75 --within 20 --stage guest --delay 5 --send KILL --to qemu-system --
refused_so "appliance: /payload/runner: its QEMU died: killed from outside, or out of memory?"

echo "== the session killed, and with COLDPATCH_TEST_FULL its worker"
supervised 137 --within 20 --stage launch --delay 4 --send KILL --
if [ -n "${COLDPATCH_TEST_FULL:-}" ]; then
	supervised 75 --within 20 --stage guest --send KILL --to 'coldpatch-worker layer' --
	refused_so "the layer worker was killed from outside (out of memory?)"
fi

echo "== endless output, until the deadline"
victim_update 'echo FIRST; while :; do echo 01234567890123456789012345678901234567890123456789012345678901234567890123456789; done'
supervised 75 --within 500 -- --deadline 25
refused_so "the run did not end within 25 s: " "$(log)"
grep -q FIRST "$(log)" || fail "the log has not what the guest said"
[ "$(stat -c %s "$(log)")" -le 17000000 ] || fail "the log has $(stat -c %s "$(log)") bytes"

echo "== the host's disk is full"
mount -t tmpfs -o size=120m,mode=700 small "$WORK/scratch" || fail "mount"
victim_update 'head -c 400000000 /dev/zero | tr "\0" x >/usr/lib/victim-large'
supervised 73 --within 500 --
refused_so "no space left in $WORK/scratch"
umount "$WORK/scratch"
