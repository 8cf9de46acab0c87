#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What makes a guest itself is byte for byte what it was after an apply, with the same metadata, whether it is there, empty or a
# link: machine-id, host keys, random seed, resolv.conf, hostname, adjtime.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root for kernel mounts"
tiny=$(tiny_guest) || exit 1
workdir

names=(etc/machine-id var/lib/dbus/machine-id etc/hostname etc/hosts etc/resolv.conf etc/adjtime etc/fstab
	var/lib/systemd/random-seed var/lib/urandom/random-seed etc/ssh/ssh_host_ed25519_key etc/ssh/ssh_host_ed25519_key.pub)
give_identity() { # in the guest's root
	mkdir -p etc/ssh var/lib/dbus var/lib/systemd var/lib/urandom
	rm -f etc/resolv.conf etc/machine-id var/lib/dbus/machine-id
	echo 0123456789abcdef0123456789abcdef > etc/machine-id; chmod 444 etc/machine-id
	ln -s /etc/machine-id var/lib/dbus/machine-id
	echo golden > etc/hostname
	printf '127.0.0.1 localhost\n127.0.1.1 golden\n' > etc/hosts
	ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf
	printf '0.0 0 0.0\n0\nUTC\n' > etc/adjtime
	head -c 512 /dev/urandom > var/lib/systemd/random-seed; chmod 600 var/lib/systemd/random-seed
	head -c 512 /dev/urandom > var/lib/urandom/random-seed; chmod 600 var/lib/urandom/random-seed
	echo "private $RANDOM" > etc/ssh/ssh_host_ed25519_key; chmod 600 etc/ssh/ssh_host_ed25519_key
	echo "public" > etc/ssh/ssh_host_ed25519_key.pub
	setfattr -n user.test -v kept etc/hostname
	touch -h -d 2020-02-02T02:02:02.123456789Z "${names[@]}"
}
without_identity() { # a template that is made to find its own at the first boot
	rm -rf etc/ssh/ssh_host_* etc/adjtime var/lib/systemd/random-seed var/lib/urandom var/lib/dbus/machine-id
	: > etc/machine-id; : > etc/resolv.conf
	touch -d 2020-02-02T02:02:02Z etc/machine-id etc/resolv.conf
}
describe() { # in the guest's root: each with all that is known of it, but for the inode's number and change time
	local name
	for name in "${names[@]}"; do
		[ -e "$name" ] || [ -L "$name" ] || { echo "$name: absent"; continue; }
		stat -c '%n: %F %a %u:%g %s %y %h' "$name"
		if [ -L "$name" ]; then readlink "$name"; else sha256sum < "$name"; getfattr -d -m - --absolute-names "$name"; fi
	done
}
into() { "${@:2}" > "$1"; }

# kept TITLE PREPARE: applies an update to a guest that PREPARE made
kept() {
	echo "== $1"
	cp --sparse=always "$tiny" "$WORK/guest.raw"
	change_guest "$WORK/guest.raw" "$2"
	change_guest "$WORK/guest.raw" into "$WORK/before" describe
	victim_update
	rm -rf "$WORK/output"; mkdir "$WORK/output"
	apply_to "$WORK/guest.raw"
	expect 0 "${APPLY[@]}"
	qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/after.raw"
	change_guest "$WORK/after.raw" into "$WORK/after" describe
	diff "$WORK/before" "$WORK/after" || fail "$1: identity changed"
	change_guest "$WORK/after.raw" grep -qx 2.0 usr/share/victim/version || fail "nothing was updated"
}

kept "there" give_identity
grep -q 'etc/hostname: regular file' "$WORK/before" && grep -q 'user.test="kept"' "$WORK/before" || fail "the test sees no identity"
kept "not there" without_identity
grep -q 'etc/adjtime: absent' "$WORK/before" || fail "the test sees an identity"
echo "identity is kept"
