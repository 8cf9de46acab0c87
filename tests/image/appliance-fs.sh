#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guests on file systems that only an appliance reads and writes.  The same package step as on a plain ext4 guest gives the same
# tree, by the host kernel's own drivers; the file systems are clean; the images are as they were.  An emulated appliance takes
# half a minute to start, so all of it waits for COLDPATCH_TEST_FULL=1.
. "$(dirname "$0")/../lib.sh"
. "$TEST_TOP/tests/fs_guests.sh"
[ -n "${COLDPATCH_TEST_FULL-}" ] || skip "starts a dozen emulated appliances: make check-full"
here=$TEST_TOP/tests/image
workdir
mkdir -p "$WORK/state" "$WORK/output" "$GUESTS/appliances"
ln -s "$GUESTS/appliances" "$WORK/state/appliances"

# patch IMAGE NAME [OPTION...]: applies, leaves the result as $WORK/NAME.raw
patch() {
	local before
	before=$(sha256sum < "$1")
	rm -f "$WORK"/output/*
	apply_to "$1" "${@:3}"
	expect 0 "${APPLY[@]}"
	[ "$(sha256sum < "$1")" = "$before" ] || fail "$1 was changed"
	runs_are_over
	qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/$2.raw"
}
# on_first_partition NAME FUNCTION ARGS...: FUNCTION gets a loop device of $WORK/NAME.raw last
on_first_partition() {
	local loop status
	loop=$(losetup --show -f -o 1048576 "$WORK/$1.raw") || fail losetup
	"${@:2}" "$loop"
	status=$?
	losetup -d "$loop"
	return $status
}
compare_mounted() { "$here/treediff.py" "$WORK/plain" "$1/" --ignore flags --exceptions "$WORK/exceptions" || fail "$NAME: the tree differs"; }
# same_tree NAME OPTIONS: it is that of the plain guest's result
same_tree() { NAME=$1 && on_first_partition "$1" mount_and "$2" compare_mounted; }
mount_and() { in_mount "$3" "$1" "$2"; }
keep_plain() { cp -a --sparse=always "$1" "$WORK/plain"; }

victim_update
cat > "$WORK/exceptions" <<-'END'
	/lost+found any made by mkfs of the plain guest
	/var/log/dpkg.log content the time of the run
	/etc/fstab content,mtime,size names another file system
	/var/log/* mtime the time of the run
	/var/lib/dpkg/* mtime the time of the run
	/var/lib/dpkg mtime the time of the run
	/var/lib/dpkg/info mtime the time of the run
	/var/lib/dpkg/triggers/* mtime the time of the run
	/usr/share mtime the time of the run
	/usr/share/victim mtime the time of the run
	/var/cache/ldconfig/* any the time of the run
	END

patch "$(plain_guest)" plain-guest
on_first_partition plain-guest mount_and ro keep_plain || fail "the plain guest's result"

patch "$(xfs_guest)" xfs
on_first_partition xfs xfs_repair -n > "$WORK/log" 2>&1 || { cat "$WORK/log"; fail "xfs_repair"; }
same_tree xfs ro,nouuid
jq -e '.dsseEnvelope' "$WORK/output/record.json" >/dev/null || fail "no record"

patch "$(btrfs_guest)" btrfs
on_first_partition btrfs btrfs check --readonly > "$WORK/log" 2>&1 || { cat "$WORK/log"; fail "btrfs check"; }
join_subvolumes() { mount --bind "$1/@var" "$1/@/var" && compare_mounted "$1/@"; local status=$?; umount "$1/@/var"; return $status; }
NAME=btrfs on_first_partition btrfs mount_and ro,subvolid=5 join_subvolumes || fail "btrfs"
snapshot() { grep -qx 1.0 "$1/@before/usr/share/victim/version" && grep -qx 2.0 "$1/@/usr/share/victim/version"; }
on_first_partition btrfs mount_and ro,subvolid=5 snapshot || fail "the snapshot was changed, or the root was not"

# The journal holds a directory that is not on the disk yet: it is in the result, and so is the update.
patch "$(dirty_guest)" dirty
on_first_partition dirty e2fsck -fn > "$WORK/log" 2>&1 || { cat "$WORK/log"; fail "e2fsck"; }
journaled() { grep -qx told "$1/var/lib/journaled/file" && grep -qx 2.0 "$1/usr/share/victim/version"; }
on_first_partition dirty mount_and ro,noload journaled || fail "the journal was not replayed"

# By the other executor: the copies are its lower layers.
patch "$(xfs_guest)" xfs-appliance --executor appliance
same_tree xfs-appliance ro,nouuid
