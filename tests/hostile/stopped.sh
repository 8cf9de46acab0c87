#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An apply that is interrupted ends with 75 within 5 s and leaves nothing; one that is killed, or of which a part is killed,
# leaves nothing that the next command does not clean up.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
image=$WORK/image.raw
cp --sparse=always "$(tiny_guest)" "$image"
before=$(stat -c '%i %s %y %z' "$image")
slow='i=0; while [ $i -lt 600 ]; do i=$((i + 1)); sleep 0.05; done'
mkdir "$WORK/output"

supervised() { # CODE [OPTION...]: an apply to $image under supervise.py
	local want=$1 status=0
	shift
	apply_to "$image"
	OUT=$WORK/out ERR=$WORK/err
	"$TEST_TOP/tests/hostile/supervise.py" "$@" -- "$BUILD/coldpatch" apply --config "$WORK/config.yaml" "${APPLY[@]:1}" >"$OUT" 2>"$ERR" || status=$?
	[ $status = "$want" ] || { cat "$ERR"; fail "exit $status, expected $want: $*"; }
	[ "$before" = "$(stat -c '%i %s %y %z' "$image")" ] || fail "the image was written to"
}
interrupted() { # SIGNAL WHEN...
	supervised 75 --within 5 --send "$@"
	expect_message "coldpatch: $image: "
	expect_message "interrupted"
	nothing_left
}
# Everything at once, as by the OOM killer or a container's end.  What is left goes with the next command, whatever it is for.
killed() { # WHEN...
	supervised 137 --send KILL --to-all "$@"
	[ -z "$(ls "$WORK/output")" ] || fail "an output is there"
	SNAPSHOT=$FAST
	apply_to "$image"
	expect 0 "${APPLY[@]}"
	rm "$WORK/output/overlay.qcow2" "$WORK/output/record.json"
	nothing_left
}
part_killed() { # PROCESS WHEN...
	supervised "$CODE" --within 20 --send KILL --to "$@"
	expect_message "coldpatch: $image: "
	[ "$(grep -c '^coldpatch: ' "$ERR")" = 1 ] || { cat "$ERR"; fail "not one line of message"; }
	nothing_left
}

victim_update "$slow"
SLOW=$SNAPSHOT
mkdir -p "$WORK/files/usr/lib/victim"
head -c 24M /dev/urandom >"$WORK/files/usr/lib/victim/random"
sleep 1 # a mirror of the same second is not newer
victim_update '' "$WORK/files"
FAST=$SNAPSHOT

SNAPSHOT=$FAST
for stage in inspect view capture commit digest; do
	interrupted TERM --stage $stage
done
interrupted TERM --stage sign --hold 'coldpatch-sign'
interrupted INT --stage view --delay 0.2
SNAPSHOT=$SLOW
interrupted INT --stage configure --delay 0.5
interrupted TERM --stage configure --delay 0.1


# Killed as a whole: while it copies, in the script, and while it writes the overlay.
SNAPSHOT=$FAST
killed --stage view --delay 0.2
SNAPSHOT=$SLOW
killed --stage configure --delay 0.2
SNAPSHOT=$FAST
killed --stage commit
killed --stage sign --hold 'coldpatch-sign'

# Killed in part.  Its janitor cleans up after the main process; what else dies is named, and no result is made of half a run.
SNAPSHOT=$SLOW
supervised 137 --within 20 --send KILL --stage configure
nothing_left
CODE=75 part_killed 'coldpatch-worker layer' --stage configure
expect_message "the layer worker was killed from outside (out of memory?)"
CODE=79 part_killed '^dpkg .*--configure' --stage configure --process '^dpkg .*--configure'
CODE=75 part_killed 'coldpatch-runner|^/proc/self/fd' --stage configure
expect_message "coldpatch-runner was killed from outside (out of memory, or by somebody); try again; see $WORK/store/runs/"
SNAPSHOT=$FAST
CODE=75 part_killed 'qemu-nbd' --stage view
expect_message "qemu-nbd, which serves $image, was killed by signal 9 (Killed) before it was done"
CODE=75 part_killed 'coldpatch-worker commit' --stage check
CODE=75 part_killed 'coldpatch-sign' --stage sign --hold 'coldpatch-sign'
expect_message "coldpatch-sign was killed from outside (out of memory?); try again"
CODE=75 part_killed 'coldpatch-sign' --stage view --process 'coldpatch-sign'
supervised 0 --within 60 --send KILL --to 'coldpatch-janitor' --stage configure
rm "$WORK/output/overlay.qcow2" "$WORK/output/record.json"
nothing_left
