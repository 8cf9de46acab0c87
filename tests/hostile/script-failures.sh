#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a package script may do to us, each with its message and exit code, and nothing left behind: it fails, hangs, asks,
# leaves a daemon, prints 100 MB, kills, fills the disk; and what may happen to us: Ctrl-C, kill -9, too little room.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root for the sandbox"
workdir
image=$(small_guest)
before=$(sha256sum < "$image")
mark=$((RANDOM + 40000)) # seconds that nothing else sleeps

start() { # DEADLINE sh|debs ...: run_tool in the foreground
	"$BUILD/tests/run_tool" "$image" "$BUILD/coldpatch-runner" "$WORK/scratch" "$WORK/log" "$@" >"$WORK/out" 2>"$WORK/err"
}
run() { # CODE DEADLINE sh|debs ...
	local want=$1 status=0
	shift
	rm -rf "$WORK/scratch" && mkdir -m 700 "$WORK/scratch"
	start "$@" || status=$?
	[ $status = "$want" ] || { cat "$WORK/err" "$WORK/log"; fail "exit $status, expected $want: $*"; }
	run_is_over
}
run_is_over() {
	! pgrep -f "sleep $mark" || fail "a process of the guest is left"
	rm -rf "$WORK"/scratch/packages-store "$WORK"/scratch/nbd* # run_tool's own
	runs_are_over
}
message() { grep -qF -- "$1" "$WORK/err" || { cat "$WORK/err"; fail "message lacks: $1"; }; }
logged() { grep -qF -- "$1" "$WORK/log" || { tail -n 20 "$WORK/log"; fail "log lacks: $1"; }; }

# make_deb NAME SCRIPT [KIND]: a package whose postinst, or other script of that kind, is SCRIPT
make_deb() {
	local tree=$WORK/tree-$1 kind=${3:-postinst}
	mkdir -p "$tree/DEBIAN"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: test\n' "$1" >"$tree/DEBIAN/control"
	printf '#!/bin/sh\n%s\n' "$2" >"$tree/DEBIAN/$kind"
	chmod 755 "$tree/DEBIAN/$kind"
	dpkg-deb --root-owner-group -b "$tree" "$WORK/$1_1_all.deb" >/dev/null || fail "dpkg-deb"
	echo "$WORK/$1_1_all.deb"
}

run 79 60 debs "$(make_deb breaks 'exit 3')"
message "guest: configure: dpkg: exit status 1: package breaks: installed breaks package post-installation script subprocess returned error exit status 3; see $WORK/log"

run 79 60 debs "$(make_deb takes 'chmod 644 /usr/bin/dpkg' preinst)"
message "guest: configure: dpkg: cannot be executed in the guest"

run 79 60 sh 'perl -e "for (1 .. 300) { mkdir \"n\" x 250; chdir \"n\" x 250 }"'
message "guest: a path of the view is too long: /nnnnn"

run 75 8 debs "$(make_deb hangs "exec sleep $mark")"
message "busy: the run did not end within 8 s"

run 0 60 debs "$(make_deb daemon "setsid sleep $mark >/dev/null 2>&1 & (trap '' TERM HUP INT; sleep $mark) & exit 0")"

run 0 60 debs "$(make_deb asks 'read answer && exit 5; read answer </dev/tty && exit 6; echo nobody answered')"
logged "nobody answered"

run 0 60 debs "$(make_deb prints 'echo FIRST; yes 1234567890123456789012345678901234567890 | head -c 100000000; echo LAST')"
logged FIRST
logged LAST
logged "bytes of output left out here"
[ "$(stat -c %s "$WORK/log")" -lt 17000000 ] || fail "the log is $(stat -c %s "$WORK/log") bytes"

run 0 60 sh 'kill -9 1; kill -TERM 1; kill -INT 1; echo survived'
logged survived

run 79 60 sh 'kill -9 $$'
message "configure: sh: killed by signal 9; see"

run 79 60 sh 'head -c 20000000000 /dev/zero >/big; rm /big; for i in $(seq 9000); do sleep 60 & done; true'
logged "No space left on device"
logged "Cannot fork"

run 0 60 sh 'for try in "unshare -U true" "mount -t tmpfs x /mnt" "chroot / mount -t proc x /proc" "mknod /dev/sda b 8 0" "hostname other"; do $try 2>/dev/null && echo "ALLOWED $try"; done; cat /proc/1/environ; true'
grep -q "^ALLOWED" "$WORK/log" && { cat "$WORK/log"; fail "the sandbox allows too much"; }

RUN_TOOL_COPY_LIMIT=1000 run 73 60 sh true
message "and copy-limit is 1000"

# No room on the host: the scratch directory on a small file system.
rm -rf "$WORK/scratch" && mkdir -m 700 "$WORK/scratch"
mount -t tmpfs -o size=100m,mode=700 small "$WORK/scratch" || fail "mount"
start 60 sh true && status=0 || status=$?
umount "$WORK/scratch"
[ $status = 73 ] || { cat "$WORK/err"; fail "exit $status on a full host"; }
message "bytes of scratch space, and $WORK/scratch has"

# Interrupted while the guest's code runs.
interrupt() { # SIGNAL
	rm -rf "$WORK/scratch" && mkdir -m 700 "$WORK/scratch"
	start 120 sh "sleep $mark" &
	for _ in $(seq 300); do
		pgrep -f "^sleep $mark" >/dev/null && break
		sleep 0.1
	done
	pgrep -f "^sleep $mark" >/dev/null || fail "the command did not start"
	tool=$(pgrep -f "^$BUILD/tests/run_tool $image .* $WORK/scratch")
	kill "-$1" "$tool"
	wait $!
	status=$?
}
interrupt TERM
[ $status = 75 ] || fail "exit $status after SIGTERM"
message "busy: interrupted"
run_is_over
interrupt KILL
[ $status = 137 ] || fail "exit $status after SIGKILL"
for _ in $(seq 50); do pgrep -f "sleep $mark" >/dev/null || break; sleep 0.1; done
rm -f "$WORK"/scratch/view.img && rm -rf "$WORK/scratch/packages" "$WORK/scratch/view"
run_is_over

# What the runner and its view are: not there, or not a runner.
run 0 60 sh 'test ! -e /run/coldpatch/packages/x && touch /run/coldpatch/packages/x 2>/dev/null && exit 1; true'
rm -rf "$WORK/scratch" && mkdir -m 700 "$WORK/scratch"
"$BUILD/tests/run_tool" "$image" "$WORK/no-runner" "$WORK/scratch" "$WORK/log" 60 sh true 2>"$WORK/err" >/dev/null && fail "no runner, no failure"
message "open the runner $WORK/no-runner: No such file or directory"
"$BUILD/tests/run_tool" "$image" "$BUILD/coldpatch-runner" "$WORK/scratch" "$WORK/none/log" 60 sh true 2>"$WORK/err" >/dev/null && fail "no log, no failure"
message "make the log $WORK/none/log: No such file or directory"

# A runner that was taken over: a shell that takes its argument, "fd:8", for a script.  It reports to 6, the capture goes to 7.
mkdir -m 755 "$WORK/taken" && cd "$WORK/taken" || exit 1
taken_over() { # CODE MESSAGE SCRIPT
	local status=0
	echo "$3" > fd:8
	rm -rf "$WORK/scratch" && mkdir -m 700 "$WORK/scratch"
	"$BUILD/tests/run_tool" "$image" /bin/dash "$WORK/scratch" "$WORK/log" 60 sh true >"$WORK/out" 2>"$WORK/err" || status=$?
	[ $status = "$1" ] || { cat "$WORK/err"; fail "exit $status, expected $1: $3"; }
	message "$2"
	run_is_over
}
done='echo "{\"event\":\"end\",\"outcome\":\"done\",\"message\":\"\"}" >&6'
taken_over 79 "the runner's report is malformed" 'head -c 300000 /dev/zero >&6'
taken_over 79 "the runner ended without a capture; see $WORK/log" "$done"
taken_over 79 "the runner's capture is malformed: not a capture" "$done; echo rubbish >&7"
taken_over 79 "the runner's capture is malformed: it ends too early" 'printf 1 >&7'
taken_over 70 "coldpatch-runner was killed by signal 11 (Segmentation fault); see $WORK/log" "ulimit -s 1024; exec bash -c 'deeper() { deeper; }; deeper'"
cd "$WORK" || exit 1

[ "$before" = "$(sha256sum < "$image")" ] || fail "the image was changed"
