#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Symbolic links in a guest that point out of it, wherever the host's side reads or writes: they are resolved inside the
# guest or refused, and not a file of the host changes.  The host's files that they aim at are ones of this test.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mkdir "$WORK/i" "$WORK/host" "$WORK/output"
echo "ID=debian" >"$WORK/host/os-release"
cp /etc/passwd "$WORK/host/passwd"
host_state() { (cd "$WORK/host" && find . -printf '%p %i %s %m %T@ %C@\n' | sort); stat -c '%n %i %s %Y' /etc /etc/passwd /etc/resolv.conf /usr/sbin /boot /var/lib/dpkg 2>/dev/null; }
before=$(host_state)
up=../../../../../../../../../../../..

guest() { # COMMAND: run in the root of a fresh guest
	rm -f "$WORK"/i/*
	cp --sparse=always "$(tiny_guest)" "$WORK/i/guest.raw"
	change_guest "$WORK/i/guest.raw" bash -c "$1" || fail "change_guest: $1"
}
unharmed() { [ "$before" = "$(host_state)" ] || { diff <(echo "$before") <(host_state); fail "the host was written to"; }; }
attack() { # applies to the guest: any outcome with a message of its own will do, but for "a bug", and the host is as it was
	local status=0 image=$WORK/i/guest.raw
	rm -rf "$WORK/output" && mkdir "$WORK/output"
	apply_to "$image"
	cp_run "${APPLY[@]}" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
	ERR=$WORK/err
	unharmed
	[ "$status" = "$1" ] || { cat "$ERR"; fail "exit $status, expected $1: $2"; }
	[ "$status" = 0 ] && return
	expect_message "coldpatch: $image: "
	expect_message "$2"
	nothing_left
}
victim_update 'echo nameserver 192.0.2.1 >/etc/resolv.conf 2>/dev/null; echo new:x:1:1::/:/bin/sh >>/etc/passwd; echo done'

# Where we read before anything runs.
guest "ln -sfn $up$WORK/host/os-release etc/os-release; rm usr/lib/os-release; ln -s $WORK/host/os-release usr/lib/os-release"
attack 65 'os-release'
guest "mv etc/fstab etc/was; ln -s $up$WORK/host/passwd etc/fstab"
attack 0
guest "mv var/lib/dpkg/status var/lib/dpkg/was; ln -s $WORK/host/passwd var/lib/dpkg/status"
attack 65 'no known package database in the guest: looked for /var/lib/dpkg/status, /var/lib/rpm'
guest "rm -rf etc; ln -s / etc"
attack 0

# Where runner and scripts write: several at once, each of them resolved in the guest.
guest "rm -rf run; ln -s $up$WORK/host run"
attack 65 '/run of the guest is not a directory in it; mend it in the guest'
guest "rm -rf tmp run; mkdir -p srv/run srv/tmp; ln -s $up/srv/tmp tmp; ln -s /srv/run run; rm -f etc/resolv.conf; ln -s $up$WORK/host/passwd etc/resolv.conf
	rm -rf boot mnt; ln -s $up$WORK/host boot; ln -s $WORK/host mnt"
attack 0
guest "mkdir -p usr/lib/sbin-of-guest; cp -a usr/sbin/. usr/lib/sbin-of-guest/; rm -rf usr/sbin; ln -s /usr/lib/sbin-of-guest usr/sbin"
attack 0
guest "mv var/lib/dpkg/info var/lib/dpkg/was; ln -s $up$WORK/host var/lib/dpkg/info"
attack 79 'unpack: dpkg: exit status 2: unable to create new file '

# Where commit writes: the package's directory is a link out, made by the admin, and by the script of the package itself.
guest "rm -rf usr/share/victim; mkdir -p .$WORK/host; ln -s $up$WORK/host usr/share/victim"
attack 0
victim_update "rm -rf /usr/share/victim; ln -s $up$WORK/host /usr/share/victim; ln -s $WORK/host/passwd /etc/victim; mv /var/log /var/log2; ln -s $WORK/host /var/log"
guest true
attack 79 'check of the new overlay: checking the files of victim: after the update /usr/share/victim/version of victim 2.0 is missing'

# A mount point that is a link.
guest "rm -rf boot; ln -s $up$WORK/host boot; echo 'UUID=00000000-0000-0000-0000-000000000000 /boot ext4 defaults 0 2' >>etc/fstab"
attack 65 'is not in this image; give all disks of the guest'
