#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command that changes a library is killed before each call by which it changes the library's disk, and each such
# call is made to fail once with EIO and ENOSPC.  Whatever happens, the library is old or new by its heads, it verifies, and
# the next command leaves nothing behind; the same command again does what was asked.
#
#     library-crash.sh [apply|rollback|reimport|import|prune|hold|random]...
#
# The whole, with 300 kills at random times, takes more than an hour and is for `make check-full`.  Else calls are taken by
# their kind, which is the call and what it is made on without the names of one run: of all kinds a share, another one each day,
# and of the calls of one kind another one in each round.  Each is killed once and made to fail with one of the errors.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
# All lies in memory: what is asked for is what is left when processes die, not machines (library-power-cut.sh asks for that).
memory=$WORK/memory
# Roomy: the janitor may still be removing what a killed run had in scratch when the next one begins.
mkdir "$memory" && mount -t tmpfs -o size=6G,mode=700 memory "$memory" && mkdir "$memory/scratch" "$memory/states" || fail "no memory"
sed -i "s|^scratch: .*|scratch: $memory/scratch|" "$WORK/config.yaml"
end() {
	umount "$WORK/fs" 2>/dev/null
	# The loop device on it goes a moment later.
	umount "$memory" 2>/dev/null || { sleep 2 && umount "$memory"; }
	rm -rf "$WORK"
}
trap end EXIT
guest=$(mini_guest)
# Programs of our own, so that a process that is left is known by its path, whatever other tests run at the same time.
mkdir "$WORK/bin" && cp "$BUILD/coldpatch" "$BUILD"/coldpatch-* "$BUILD/tests/fault_tool" "$WORK/bin/" || fail cp
BUILD=$WORK/bin fault=$WORK/bin/fault_tool
kills=3 repeated=0
[ -z "${COLDPATCH_TEST_FULL-}" ] || kills=300

victim_update
qemu-img convert -O raw "$guest" "$memory/other.raw"
change_guest "$memory/other.raw" touch rebuilt
truncate -s 400M "$memory/disk.img"
mkfs.ext4 -q "$memory/disk.img"
mkdir "$WORK/fs"
mount -o loop "$memory/disk.img" "$WORK/fs" || fail mount
library=$WORK/fs/library
echo "library: $library" >> "$WORK/config.yaml"

# The states that the commands start from, and what they do.
save() { cp -a "$library" "$memory/states/$1"; }
restore() { rm -rf "$library"; cp -a "$memory/states/$1" "$library"; }
apply=(apply mini --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox)
rollback=(rollback mini --to 0 --reason crash)
import=(import "$memory/other.raw" --copy --name other)
reimport=(import "$memory/other.raw" --into mini)
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
leftovers() { find "$library" "$memory/scratch" -mindepth 1 \( -name '.*' -o -name '*.new' -o -name owner -o -path "$memory/scratch/*" \) ! -path '*/trash/*' -print; }
processes() { pgrep -af "^$BUILD/coldpatch" || pgrep -af "qemu-nbd.*$WORK"; }
# One that was killed may be busy in the kernel yet, freeing the hundreds of megabytes of a view that it was removing.
await_killed() {
	local i pid
	for ((i = 0; i < 100; i++)); do
		for pid in $(pgrep -f "^$BUILD/coldpatch"); do
			! grep -qs '^S[ih].Pnd:.*[13579bdf]..$' "/proc/$pid/status" || { sleep 0.1; continue 2; }
		done
		return
	done
}

# sound HOW: the library verifies, and has the heads of before or of after.
sound() {
	local now
	expect 0 verify --all --quiet
	now=$(heads)
	[ "$now" = "$heads_before" ] || [ "$now" = "$heads_after" ] || fail "$1: $now heads, neither $heads_before nor $heads_after"
}
# again HOW COMMAND...: the same does what was asked, when that is not yet so; nothing is left.  An update takes long, so two of
# three times another command comes next, unless all are tried.
again() {
	local how=$1
	shift
	repeated=$((repeated + 1))
	if [ "$1" = apply ] && [ $((repeated % 3)) != 0 ] && [ -z "${COLDPATCH_TEST_FULL-}" ]; then
		expect 0 hold mini --reason next
	else
		expect 0 "$@"
		[ "$(heads)" = "$heads_after" ] || [ "$1" = hold ] || fail "$how: repeated, there are $(heads) heads instead of $heads_after"
	fi
	[ -z "$(leftovers)" ] || { leftovers; fail "$how: left behind"; }
	await_killed
	! processes || fail "$how: processes are left"
	! grep -F "$memory/scratch" /proc/mounts || fail "$how: mounts are left"
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
	3) grep -q '^taken ' "$WORK/out" || { cat "$WORK/out" "$WORK/err"; fail "$1: exit 3, and nothing was taken before"; } ;;
	*) cat "$WORK/err"; fail "$1: exit $status" ;;
	esac
}

# chosen SHARE: the numbers of the calls to try, out of the log of all
chosen() {
	[ -z "${COLDPATCH_TEST_FULL-}" ] || { cut -d' ' -f1 "$WORK/calls"; return; }
	sed -E 's/[0-9]{8}T[0-9]+Z?-[0-9a-z]+/RUN/g; s/\.tmp-([a-zA-Z]+)-[0-9.]+[0-9a-f]+/.tmp-\1/; s/#[0-9]+ \(deleted\)/#/; s/[0-9a-f]{12,}/HEX/g
		s/\bfd\/[0-9]+/fd/; s/\.[A-Za-z0-9]{6}$/.XXXXXX/' "$WORK/calls" |
		awk -v share="$1" -v day=$((10#$(date +%j))) '
			{ n = $1; sub(/^[0-9]+ /, ""); if (!($0 in kind)) { kind[$0] = kinds++ }; calls[kind[$0]] = calls[kind[$0]] " " n }
			END { for (k = day % share; k < kinds; k += share) { count = split(calls[k], of); print of[1 + int(day / share) % count] } }' | sort -n
}
# at_every_call SHARE STATE COMMAND...
at_every_call() {
	local share=$1 state=$2 n call error errors tried=0
	shift 2
	restore "$state"
	heads_before=$(heads)
	faulted "$state" --log "$WORK/calls" -- "$@"
	[ $status = 0 ] || { cat "$WORK/err"; fail "$*: exit $status"; }
	heads_after=$(heads)
	for n in $(chosen "$share"); do
		call=$(sed -n "${n}p" "$WORK/calls")
		tried=$((tried + 1))
		faulted "$state" --at "$n" --kill -- "$@"
		[ $status = 121 ] && continue # this time there was one call less
		[ $status = 120 ] || fail "kill at $n: exit $status"
		sound "$1 killed at $call"
		again "$1 killed at $call" "$@"
		errors=(EIO ENOSPC)
		[ -n "${COLDPATCH_TEST_FULL-}" ] || errors=("${errors[(tried + 10#$(date +%j)) % 2]}")
		for error in "${errors[@]}"; do
			faulted "$state" --at "$n" --error "$error" -- "$@"
			[ $status = 121 ] && continue
			told "$1: $error at $call"
			sound "$1: $error at $call"
		done
	done
	echo "$*: tried $tried of $(wc -l < "$WORK/calls") calls, $heads_before -> $heads_after heads"
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

[ $# -gt 0 ] || set -- apply rollback reimport import prune hold random
for part; do
	case $part in
	apply) at_every_call 12 imported "${apply[@]}" ;;
	rollback) at_every_call 3 applied "${rollback[@]}" ;;
	reimport) at_every_call 8 applied "${reimport[@]}" ;;
	import) at_every_call 8 imported "${import[@]}" ;;
	prune) at_every_call 5 pruneable "${prune[@]}" ;;
	hold) at_every_call 3 applied "${hold[@]}" ;;
	random) at_random imported "${apply[@]}" ;;
	*) fail "usage: $0 [apply|rollback|reimport|import|prune|hold|random]..." ;;
	esac
done
