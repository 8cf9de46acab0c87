#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guests on file systems that only an appliance reads and writes.  The same package step as on a plain ext4 guest gives the same
# tree, by the host kernel's own drivers; the file systems are clean; the images are as they were.
#
#   appliance-fs.sh [KIND...]
#
# An emulated appliance takes half a minute to start, and each update three of them: only XFS in the sandbox is done without
# COLDPATCH_TEST_FULL=1.
. "$(dirname "$0")/../lib.sh"
. "$TEST_TOP/tests/fs_guests.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
here=$TEST_TOP/tests/image
kinds=(xfs)
[ -z "${COLDPATCH_TEST_FULL-}" ] || kinds+=(xfs_appliance xfs_lvm xfs_dirty btrfs btrfs_appliance dirty features rpm)
[ $# = 0 ] || kinds=("$@")
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
	qemu-img check -q "$WORK/output/overlay.qcow2" || fail "qemu-img check"
	qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/$2.raw"
	jq -e '.dsseEnvelope' "$WORK/output/record.json" >/dev/null || fail "no record"
}
# on_partition NAME OFFSET FUNCTION ARGS...: FUNCTION gets a loop device of $WORK/NAME.raw last
on_partition() {
	local loop status
	loop=$(losetup --show -f -o "$2" "$WORK/$1.raw") || fail losetup
	"${@:3}" "$loop"
	status=$?
	losetup -d "$loop"
	return $status
}
first() { on_partition "$1" 1048576 "${@:2}"; }
# clean NAME PROGRAM...: a checker has nothing to say of the first partition
clean() { first "$1" "${@:2}" > "$WORK/log" 2>&1 || { cat "$WORK/log"; fail "${*:2}"; }; }
compare_mounted() { "$here/treediff.py" "$WORK/plain" "$1/" --ignore flags --exceptions "$WORK/exceptions" || fail "$NAME: the tree differs"; }
# same_tree NAME OPTIONS: it is that of the plain guest's result
same_tree() { NAME=$1 && first "$1" mount_and "$2" compare_mounted; }
mount_and() { in_mount "$3" "$1" "$2"; }
keep_plain() { cp -a --sparse=always "$1" "$WORK/plain"; }
plain_result() {
	[ -d "$WORK/plain" ] || { patch "$(plain_guest)" plain-guest && first plain-guest mount_and ro keep_plain || fail "the plain guest's result"; }
}
cat > "$WORK/exceptions" <<-'END'
	/var/log/dpkg.log content the time of the run
	/etc/fstab content,size names another file system
	/var/log/* mtime the time of the run
	/var/lib/dpkg/* mtime the time of the run
	/var/lib/dpkg mtime the time of the run
	/var/lib/dpkg/info mtime the time of the run
	/var/lib/dpkg/info/* mtime the time of the run
	/var/lib/dpkg/triggers/* mtime the time of the run
	/usr/share mtime the time of the run
	/usr/share/victim mtime the time of the run
	/var/cache/ldconfig/* any the time of the run
	END

test_xfs() { # [OPTION...]
	plain_result
	patch "$(xfs_guest)" xfs "$@"
	clean xfs xfs_repair -n
	same_tree xfs ro,nouuid
}
# By the other executor: the copies are its lower layers.
test_xfs_appliance() { test_xfs --executor appliance; }

# The root on a logical volume over two pieces of a disk.
test_xfs_lvm() {
	plain_result
	patch "$(xfs_lvm_guest)" lvm
	lvm_volume "$WORK/lvm.raw" "$WORK/volume" || fail "taking the volume out"
	xfs_repair -n "$WORK/volume" > "$WORK/log" 2>&1 || { cat "$WORK/log"; fail "xfs_repair"; }
	NAME=xfs-lvm in_mount "$WORK/volume" ro,nouuid,loop compare_mounted
}

# The log holds a directory that is not on the disk yet.
journaled() { grep -qx told "$1/var/lib/journaled/file" && grep -qx 2.0 "$1/usr/share/victim/version"; }
test_xfs_dirty() {
	patch "$(xfs_dirty_guest)" xfs-dirty
	clean xfs-dirty xfs_repair -n
	first xfs-dirty mount_and ro,nouuid journaled || fail "the log was not replayed"
}
test_dirty() {
	patch "$(dirty_guest)" dirty
	clean dirty e2fsck -fn
	first dirty mount_and ro,noload journaled || fail "the journal was not replayed"
}

# A feature that is not written directly.
test_features() {
	plain_result
	patch "$(quota_guest)" quota
	clean quota e2fsck -fn
	same_tree quota ro,noload
}

join_subvolumes() { mount --bind "$1/@var" "$1/@/var" && compare_mounted "$1/@"; local status=$?; umount "$1/@/var"; return $status; }
snapshot() { grep -qx 1.0 "$1/@before/usr/share/victim/version" && grep -qx 2.0 "$1/@/usr/share/victim/version"; }
test_btrfs() { # [OPTION...]
	plain_result
	patch "$(btrfs_guest)" btrfs "$@"
	clean btrfs btrfs check --readonly
	NAME=btrfs first btrfs mount_and ro,subvolid=5 join_subvolumes || fail "btrfs"
	first btrfs mount_and ro,subvolid=5 snapshot || fail "the snapshot was changed, or the root was not"
}
test_btrfs_appliance() { test_btrfs --executor appliance; }

# The other family, on XFS as its installers make it.
test_rpm() {
	local SNAPSHOT PATCHSET=fedora-all
	needs_rpm_material
	rpm_victim_update
	patch "$(rpm_xfs_guest)" rpm
	clean rpm xfs_repair -n
	first rpm mount_and ro,nouuid updated || fail "the update is not there"
}
updated() { grep -qx 2.0 "$1/usr/share/victim/version"; }

victim_update
for kind in "${kinds[@]}"; do
	start=$SECONDS
	"test_$kind"
	echo "ok $kind ($((SECONDS - start))s)"
done
