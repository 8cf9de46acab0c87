#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packages whose scripts fail, hang, ask, print without end, fill the disk or try to get out: what coldpatch says of them.
# What the sandbox itself allows is in script-failures.sh.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
image=$(tiny_guest)
before=$(stat -c '%i %s %y %z' "$image")
mark=$((RANDOM + 40000)) # seconds that nothing else sleeps
mkdir "$WORK/output"

log() { grep -qF -- "$1" "$WORK"/store/runs/*/log || { tail -n 20 "$WORK"/store/runs/*/log; fail "the log lacks: $1"; }; }
update() { # [POSTINST [FILES]]
	rm -rf "$WORK/store" "$WORK/state" "$WORK/output"
	mkdir "$WORK/output"
	victim_update "$@"
}
supervised() { # CODE [OPTION...]: applies, and no process of it is left
	local want=$1 status=0
	shift
	apply_to "$image" "$@"
	OUT=$WORK/out ERR=$WORK/err
	"$TEST_TOP/tests/hostile/supervise.py" --within 120 -- "$BUILD/coldpatch" apply --config "$WORK/config.yaml" "${APPLY[@]:1}" >"$OUT" 2>"$ERR" || status=$?
	[ $status = "$want" ] || { cat "$ERR" "$WORK"/store/runs/*/log; fail "exit $status, expected $want"; }
}
# Applied, and the content of FILE in the overlay: value FILE
value() { qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/result.raw"; debugfs -R "cat $1" "$WORK/result.raw?offset=1048576" 2>/dev/null; }

# It fails.
update 'echo before it broke; exit 3'
refused_in_run 79 'package victim: installed victim package post-installation script subprocess returned error exit status 3; see ' "$image"
expect_message "see $RUN/log"
grep -q '^before it broke$' "$RUN/log" || fail "the log lacks what the script said"

# It makes the guest one whose family nobody knows any more, or one that the next update would refuse.
update 'sed -i s/^ID=debian/ID=fedora/ /usr/lib/os-release'
refused_in_run 79 'check of the new overlay: after the update: os-release says that this is fedora, whose package database would be /var/lib/rpm' "$image"
update 'rm /etc/os-release /usr/lib/os-release'
refused_in_run 79 'check of the new overlay: after the update: no operating system found in disk0.qcow2: no file system has etc/os-release' "$image"

# It hangs: the deadline, and 5 s to end.
update "exec sleep $mark"
apply_to "$image" --deadline 20
status=0
SECONDS=0
"$TEST_TOP/tests/hostile/supervise.py" --within 25 -- "$BUILD/coldpatch" apply --config "$WORK/config.yaml" "${APPLY[@]:1}" 2>"$WORK/err" || status=$?
ERR=$WORK/err
[ $status = 75 ] || { cat "$ERR"; fail "exit $status of a hanging script"; }
expect_message "coldpatch: $image: "
expect_message "did not end within 20 s: "
expect_message "; see $WORK/store/runs/"
nothing_left
! pgrep -f "^sleep $mark" || fail "the script is still there"

# All that a script may do without harm, in one run: each line that begins with ALLOWED is a hole.
update "$(cat <<SCRIPT
setsid sleep $mark >/dev/null 2>&1 &
(trap '' TERM HUP INT; sleep $mark) &
read answer && echo ALLOWED stdin
read answer </dev/tty && echo ALLOWED tty
yes 1234567890123456789012345678901234567890 | head -c 100000000
echo AFTER
try() { "\$@" >/dev/null 2>&1 && echo "ALLOWED \$*"; }
try mount -t tmpfs x /mnt
try mount --bind /proc /mnt
try umount /proc
try mknod /dev/sda b 8 0
try mknod /tmp/loop b 7 0
try sh -c 'echo 1 >/proc/sys/kernel/sysrq'
try sh -c 'echo x >/proc/sysrq-trigger'
try sh -c 'echo x >/sys/power/state'
try sh -c 'cat /proc/1/environ | grep .'
try sh -c 'cat /proc/kcore | head -c 1 | grep .'
try sh -c 'grep -q . /proc/1/mem'
try chroot /proc/1/root sh -c 'test -e $WORK'
try sh -c 'test -e $WORK'
try unshare -Ur true
try nsenter -t 1 -m true
try hostname other
try bash -c 'echo >/dev/tcp/127.0.0.1/22'
try bash -c 'echo >/dev/udp/10.0.0.1/53'
try dmesg
try swapon /etc/passwd
try date -s '2001-01-01'
perl -e 'mkdir "/tmp/jail"; chroot "/tmp/jail"; chdir ".." for 1..64; chroot "."; print "ALLOWED chroot-breakout\n" if -e "$WORK"'
perl -e 'print "ALLOWED ptrace\n" if syscall(101, 16, 1, 0, 0) == 0; print "ALLOWED bpf\n" if syscall(321, 0, 0, 0) >= 0; print "ALLOWED keyctl\n" if syscall(250, 0, -3, 1) >= 0'
for name in /dev/sd? /dev/vd? /dev/nvme* /dev/loop* /dev/mem /dev/kvm /dev/fuse /dev/net/tun; do [ ! -e \$name ] || echo "ALLOWED \$name"; done
[ "\$(ls /proc | grep -c '^[0-9]')" -lt 30 ] || echo ALLOWED other processes
cp /bin/true /usr/bin/setuid && chmod 4755 /usr/bin/setuid
chattr +i /usr/share/victim/version
cd /var/lib && i=0 && while [ \$i -lt 300 ]; do mkdir deep && cd deep && i=\$((i + 1)); done
cd / && touch /var/lib/\$(printf %255s '' | tr ' ' n)
true
SCRIPT
)"
supervised 0
! grep -h ALLOWED "$WORK"/store/runs/*/log || fail "the sandbox allows too much"
log AFTER
log "bytes of output left out here"
[ "$(stat -c %s "$WORK"/store/runs/*/log)" -lt 17000000 ] || fail "the log is too long"
[ -z "$(find "$WORK"/store/runs "$WORK"/store/layers -type f -perm /027)" ] || fail "others can read log or layer"
! pgrep -f "^sleep $mark" || fail "a daemon is left"

# A question by debconf, at the highest priority: nobody is asked, the default holds.
mkdir -p "$WORK/asks/DEBIAN"
printf 'Template: victim/question\nType: string\nDefault: unasked\nDescription: what?\n' >"$WORK/asks/DEBIAN/templates"
VICTIM_FIELDS='Depends: debconf' update '. /usr/share/debconf/confmodule
db_reset victim/question; db_input critical victim/question; db_go; db_get victim/question; echo "answer $RET" >&2' "$WORK/asks"
supervised 0
log "answer unasked"

# A full disk ends with the script; the host has what it had.  (Thousands of processes: script-failures.sh.)
update 'head -c 100000000000 /dev/zero >/big; echo FULL; exit 1'
refused_in_run 79 'package victim: ' "$image"
log "No space left on device"
log FULL

# A name that only an overlay's whiteout may have.
update 'touch /var/lib/.wh.name'
refused_in_run 65 '.wh.name' "$image"

[ "$before" = "$(stat -c '%i %s %y %z' "$image")" ] || fail "the image was written to"
