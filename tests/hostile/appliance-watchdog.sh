#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What may happen to an appliance, and in one: a kernel that hangs or panics, a disk that never answers, a QEMU that refuses,
# a program that fails, floods the console, hangs (with COLDPATCH_TEST_FULL); each ends with its kind and message, and nothing
# is left of it.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
[ -d /usr/lib/x86_64-linux-gnu/guestfs/supermin.d ] || skip "libguestfs is not installed"
workdir
tool=$BUILD/tests/appliance_job_tool
real=$("$tool" build "$GUESTS/appliances" | cut -d' ' -f1) && [ -n "$real" ] || fail "no appliance"
job=$WORK/job

# run CODE WITHIN APPLIANCE LAUNCH PROGRAM SHUTDOWN ARGV...: on the image, or on the socket that is there already
run() {
	local want=$1 within=$2 status=0 disk=socket
	shift 2
	[ -d "$job" ] || { mkdir "$job" && cp --sparse=always "$image" "$job/image" && disk=image; }
	[ -z "${AS-}" ] || chown -R "$AS" "$job"
	ERR=$WORK/err
	"$TEST_TOP/tests/hostile/supervise.py" --within "$within" -- ${AS:+setpriv --reuid $AS --regid $AS --clear-groups} "$tool" run "$1" "$job" $disk "${@:2}" >"$WORK/out" 2>"$ERR" || status=$?
	[ $status = "$want" ] || { cat "$ERR"; tail -n 20 "$job/console"; fail "exit $status, expected $want: $*"; }
	! ls -d /tmp/libguestfs* 2>/dev/null || fail "libguestfs left something in /tmp"
	grep -F "$job" /proc/mounts && fail "a mount is left"
	! grep -F "format was not specified" "$job/console" || fail "QEMU guesses formats"
	mv "$job/console" "$WORK/console"
	rm -rf "$job"
}
# initrd_of PROGRAM FILE: an initramfs whose init is this C program
initrd_of() {
	mkdir -p "$WORK/initrd"
	echo "$1" | cc -static -x c -o "$WORK/initrd/init" - || fail "cc"
	rm -f "$2"
	(cd "$WORK/initrd" && echo init | cpio -o -H newc --quiet) >"$2"
}
image=$(tiny_guest)
changed=$WORK/changed # a copy of the appliance, for parts of it to be replaced
cp -r --sparse=always "$real" "$changed" && chmod -R u+w "$changed" || fail "cp"

echo "== a kernel that never comes up"
initrd_of '#include <unistd.h>
int main(void) { for (;;) pause(); }' "$changed/initrd"
run 75 30 "$changed" 8 10 10 /bin/true
expect_message "busy: appliance: launch: not done after 8 s"

echo "== a kernel that panics at once"
initrd_of 'int main(void) { return 3; }' "$changed/initrd"
run 75 120 "$changed" 100 10 10 /bin/true
expect_message "busy: appliance: launch: its kernel stopped: Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300"

echo "== a QEMU that does not start"
rm -f "$changed/kernel" && echo "no kernel" >"$changed/kernel"
run 71 60 "$changed" 50 10 10 /bin/true
expect_message "host: appliance: launch: qemu: linux kernel too old to load a ram disk"

echo "== a disk that never answers"
mkdir "$job"
python3 - "$job/socket" <<-'EOF' &
	import socket, sys, time
	server = socket.socket(socket.AF_UNIX)
	server.bind(sys.argv[1])
	server.listen(8)
	time.sleep(1000)
EOF
silent=$!
for _ in $(seq 50); do [ -S "$job/socket" ] && break; sleep 0.1; done
run 75 30 "$real" 5 10 10 /bin/true
expect_message "busy: appliance: launch: not done after 5 s"
kill $silent

echo "== a program that is not there, for a user who is not root, with a directory too long for a socket"
chmod 711 "$WORK"
mkdir "$WORK/a-directory-whose-name-is-far-too-long-for-the-socket-of-an-appliance"
job=$WORK/a-directory-whose-name-is-far-too-long-for-the-socket-of-an-appliance/job
AS=65534 run 79 200 "$real" 150 60 60 /no/such/program
expect_message "guest: appliance: /no/such/program: "
grep -qx "kernel $(basename "$(ls -d /lib/modules/*/ | sort -V | tail -n 1)")" "$WORK/out" || fail "the kernel's release: $(cat "$WORK/out")"

echo "== a program that floods the console, and then a panic"
run 75 300 "$real" 150 120 60 /bin/sh -c 'yes 0123456789012345678901234567890123456789012345678901234567890123 | head -c 1500000 >/dev/console; echo c >/proc/sysrq-trigger; sleep 100'
expect_message "busy: appliance: /bin/sh: its kernel stopped: Kernel panic - not syncing: sysrq triggered crash"
[ "$(stat -c %s "$WORK/console")" -le 1048576 ] || fail "the console has $(stat -c %s "$WORK/console") bytes"
grep -qF 0123456789012345678901234567890 "$WORK/console" || fail "the console has not what was written to it"

[ -n "${COLDPATCH_TEST_FULL:-}" ] || exit 0

echo "== a program that hangs"
run 75 200 "$real" 150 5 60 /bin/sleep 1000
expect_message "busy: appliance: /bin/sleep: not done after 5 s"
