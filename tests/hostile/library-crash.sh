#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command that changes a library is killed before each call by which it changes the library's disk, and each such
# call is made to fail once with EIO and ENOSPC.  Whatever happens, the library is old or new by its heads, it verifies, and
# the same command again does what was asked and leaves nothing behind.  The whole takes a quarter of an hour and is for
# `make check-full`, with 300 kills at random times; else every third call is tried, another third each day.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
fault=$BUILD/tests/fault_tool
guest=$(mini_guest)
# Programs of our own, so that a process that is left is known by its path, whatever other tests run at the same time.
mkdir "$WORK/bin" && cp "$BUILD/coldpatch" "$BUILD"/coldpatch-* "$WORK/bin/" || fail cp
BUILD=$WORK/bin
step=3 phase=$((10#$(date +%j) % 3)) kills=6
[ -z "${COLDPATCH_TEST_FULL-}" ] || step=1 phase=0 kills=300

victim_update
qemu-img convert -O raw "$guest" "$WORK/other.raw"
change_guest "$WORK/other.raw" touch rebuilt
truncate -s 400M "$WORK/disk.img"
mkfs.ext4 -q "$WORK/disk.img"
mkdir "$WORK/fs" "$WORK/states"
mount -o loop "$WORK/disk.img" "$WORK/fs" || fail mount
trap 'umount "$WORK/fs"; rm -rf "$WORK"' EXIT
library=$WORK/fs/library
echo "library: $library" >> "$WORK/config.yaml"

# The states that the commands start from, and what they do.
save() { cp -a "$library" "$WORK/states/$1"; }
restore() { rm -rf "$library"; cp -a "$WORK/states/$1" "$library"; }
apply=(apply mini --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox)
rollback=(rollback mini --to 0 --reason crash)
import=(import "$WORK/other.raw" --copy --name other)
reimport=(import "$WORK/other.raw" --into mini)
hold=(hold mini --reason crash)
prune=(prune --keep-last 1)

expect 0 init
cp -a "$WORK/store/mirror-snapshots" "$WORK/store/packages" "$library/" 2>/dev/null
expect 0 import "$guest" --name mini
save imported
expect 0 "${apply[@]}"
save applied
expect 0 "${reimport[@]}"
save pruneable

heads() { find "$library/templates" -path '*/heads/[0-9]*' | wc -l; }
generations() { find "$library/templates" -mindepth 2 -maxdepth 2 -name '[0-9]*' -exec test -e '{}/disk0.qcow2' \; -print | wc -l; }
leftovers() { find "$library" "$WORK/scratch" -mindepth 1 \( -name '.*' -o -name '*.new' -o -name owner -o -path "$WORK/scratch/*" \) ! -path '*/trash/*' -print; }
processes() { pgrep -af "^$BUILD/coldpatch" || pgrep -af "qemu-nbd.*$WORK"; }

# sound HOW: the library verifies, and has the heads of before or of after.
sound() {
	local now
	expect 0 verify --all --quiet
	now=$(heads)
	[ "$now" = "$heads_before" ] || [ "$now" = "$heads_after" ] || fail "$1: $now heads, neither $heads_before nor $heads_after"
}
# again HOW COMMAND...: it does what was asked, when that is not yet so; nothing is left.
again() {
	local how=$1
	shift
	expect 0 "$@"
	[ "$(heads)" = "$heads_after" ] || [ "$1" = hold ] || fail "$how: repeated, there are $(heads) heads instead of $heads_after"
	[ -z "$(leftovers)" ] || { leftovers; fail "$how: left behind"; }
	! processes || fail "$how: processes are left"
	! grep -F "$WORK/scratch" /proc/mounts || fail "$how: mounts are left"
}
# faulted STATE FAULT... -- COMMAND...
faulted() {
	local options=()
	restore "$1"; shift
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	status=0
	"$fault" "$WORK/fs" "${options[@]}" -- "$BUILD/coldpatch" "$1" --config "$WORK/config.yaml" "${@:2}" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
}
# Failing at a call is told as such, and only a call that does not matter may fail unseen.
told() { # HOW
	case $status in
	0) [ "$(heads)" = "$heads_after" ] || fail "$1: exit 0, and nothing done" ;;
	73 | 74) ;;
	*) cat "$WORK/err"; fail "$1: exit $status" ;;
	esac
}

# at_every_call STATE COMMAND...
at_every_call() {
	local state=$1 n total error
	shift
	restore "$state"
	heads_before=$(heads)
	faulted "$state" --log "$WORK/calls" -- "$@"
	[ $status = 0 ] || { cat "$WORK/err"; fail "$*: exit $status"; }
	heads_after=$(heads)
	total=$(wc -l < "$WORK/calls")
	echo "$*: $total calls, $heads_before -> $heads_after heads"
	for ((n = 1 + phase; n <= total; n += step)); do
		faulted "$state" --at $n --kill -- "$@"
		[ $status = 121 ] && continue # this time there was one call less
		[ $status = 120 ] || fail "kill at $n: exit $status"
		sound "$1 killed at $(sed -n ${n}p "$WORK/calls")"
		again "$1 killed at $(sed -n ${n}p "$WORK/calls")" "$@"
		for error in EIO ENOSPC; do
			faulted "$state" --at $n --error $error -- "$@"
			[ $status = 121 ] && continue
			told "$1: $error at $(sed -n ${n}p "$WORK/calls")"
			sound "$1: $error at $(sed -n ${n}p "$WORK/calls")"
		done
	done
}
# at_random STATE COMMAND...: killed after a while that is as likely to be any part of it
at_random() {
	local state=$1 took i pid delay
	shift
	restore "$state"
	heads_before=$(heads)
	took=$EPOCHREALTIME
	faulted "$state" -- "$@"
	took=$(awk -v a="$took" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
	heads_after=$(heads)
	for ((i = 0; i < kills; i++)); do
		restore "$state"
		delay=$(awk -v t="$took" -v r=$RANDOM 'BEGIN { print t * r / 32768 }')
		"$fault" "$WORK/fs" -- "$BUILD/coldpatch" "$1" --config "$WORK/config.yaml" "${@:2}" >"$WORK/out" 2>"$WORK/err" </dev/null &
		pid=$!
		sleep "$delay"
		kill -KILL $pid 2>/dev/null # and with it everything below it
		wait $pid 2>/dev/null
		sound "$1 killed after $delay s"
		again "$1 killed after $delay s" "$@"
	done
	echo "$*: killed at random, $kills times"
}

at_every_call imported "${apply[@]}"
at_every_call applied "${rollback[@]}"
at_every_call applied "${reimport[@]}"
at_every_call imported "${import[@]}"
at_every_call pruneable "${prune[@]}"
at_every_call applied "${hold[@]}"
at_random imported "${apply[@]}"
