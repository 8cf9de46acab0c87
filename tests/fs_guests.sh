# SPDX-License-Identifier: GPL-2.0-or-later
# The mini guest on other file systems: source it after lib.sh.  Each function prints the path of a raw image.
#
# A partition table with one partition for the root; what fstab says goes by the file systems' own UUIDs.

# copy_guest DIRECTORY FSTAB: the mini guest's tree, with that fstab, into a mounted file system.
copy_guest() {
	local raw root status
	raw=$(mktemp "${TMPDIR:-/var/tmp}/coldpatch-mini.XXXXXX")
	root=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-root.XXXXXX")
	rmdir "$1/lost+found" 2>/dev/null
	qemu-img convert -O raw "$(mini_guest)" "$raw" &&
		mount -o "ro,noload,loop,offset=$(($(sfdisk -J "$raw" | jq '.partitiontable.partitions[0].start') * 512))" "$raw" "$root" &&
		cp -a --sparse=always "$root/." "$1/" && printf '%s\n' "$2" > "$1/etc/fstab" && oddities_in "$1"
	status=$?
	umount "$root"
	rmdir "$root"
	rm "$raw"
	return $status
}
# What a copy could lose: owners, times, attributes, ACLs, links, holes, devices, names.
oddities_in() {
	local d=$1/var/lib/odd
	mkdir -m 3770 "$d" && echo one > "$d/$(printf 'n\377ame\n')" && ln "$d"/n* "$d/second" && ln -s dangling "$d/link" &&
		mkfifo "$d/fifo" && mknod "$d/device" c 5 1 && truncate -s 10M "$d/holes" && echo end >> "$d/holes" &&
		cp /bin/true "$d/capable" && setcap cap_net_raw+ep "$d/capable" && chown 60000:61000 "$d/capable" "$d/link" -h &&
		setcap cap_net_raw+ep "$d/capable" && setfacl -m u:1234:r "$d/second" && setfacl -d -m g:55:rwx "$d" &&
		setfattr -n user.long -v "$(head -c 3000 /dev/zero | tr '\0' x)" "$d/holes" && setfattr -n trusted.t -v 1 "$d/holes" &&
		touch -h -d '1999-01-02 03:04:05.123456789' "$d/link" && chmod 4711 "$d/capable" && setcap cap_net_raw+ep "$d/capable" &&
		find "$d" ! -name link -exec touch -h -d '2001-01-01 00:00:00.987654321' {} + && touch -d '2001-01-01' "$1" "$1/etc/fstab" "$1/var/lib"
}

# with_partition SIZE FUNCTION ARGS... PATH: a raw image with one partition, whose loop device FUNCTION gets last.
with_partition() {
	local size=$1 path=${*: -1} loop status
	truncate -s "$size" "$path" && echo 'start=2048, type=83' | sfdisk -q --label dos "$path" >/dev/null || return 1
	loop=$(losetup --show -f -o 1048576 "$path") || return 1
	"${@:2:$#-2}" "$loop"
	status=$?
	losetup -d "$loop"
	return $status
}
in_mount() { # DEVICE OPTIONS FUNCTION ARGS...: FUNCTION gets the mounted directory last
	local root status
	root=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-root.XXXXXX")
	mount -o "$2" "$1" "$root" || return 1
	"${@:3}" "$root"
	status=$?
	umount "$root" && rmdir "$root" || return 1
	return $status
}
flip() { copy_guest "$2" "$1"; }

# fill_from IMAGE FSTAB ROOT: another guest's tree, with that fstab.
fill_from() {
	local raw
	raw=$(mktemp "${TMPDIR:-/var/tmp}/coldpatch-raw.XXXXXX")
	qemu-img convert -O raw "$1" "$raw" && in_mount "$raw" "ro,noload,loop,offset=$(($(sfdisk -J "$raw" | jq '.partitiontable.partitions[0].start') * 512))" copy_all "$3"
	local status=$?
	rm "$raw"
	[ $status = 0 ] && printf '%s\n' "$2" > "$3/etc/fstab"
}
copy_all() { cp -a --sparse=always "$2/." "$1/"; }

# What the others are compared with.
plain_guest() { make_once mini-plain.raw with_partition 256M make_plain; }
PLAIN_UUID=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c000
make_plain() { mkfs.ext4 -q -b 4096 -U $PLAIN_UUID "$1" && in_mount "$1" defaults flip "UUID=$PLAIN_UUID / ext4 defaults 0 0"; }

xfs_guest() { make_once mini-xfs.raw with_partition 512M make_xfs; }
make_xfs() { mkfs.xfs -q -m uuid=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c001 "$1" && in_mount "$1" nouuid flip 'UUID=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c001 / xfs defaults 0 0'; }

# The small guest of the other family.
rpm_xfs_guest() { rpm_mini_guest >/dev/null; make_once rpm-mini-xfs.raw with_partition 512M make_rpm_xfs; }
make_rpm_xfs() {
	mkfs.xfs -q -m uuid=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c005 "$1" &&
		in_mount "$1" nouuid fill_from "$(rpm_mini_guest)" 'UUID=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c005 / xfs defaults 0 0'
}

# A logical volume of two segments with the root on XFS, on one disk: 64 MiB that lie behind the others come first.
xfs_lvm_guest() { make_once mini-xfs-lvm.raw with_partition 448M make_xfs_lvm; }
make_xfs_lvm() {
	local work status=1
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-lvm.XXXXXX")
	truncate -s 384M "$work/root" && mkfs.xfs -q "$work/root" && in_mount "$work/root" nouuid,loop flip '/dev/mapper/golden--vg-root / xfs defaults 0 0' && {
		mkdir "$work/lock"
		cat > "$work/lvm.conf" <<-END
			devices { dir="/dev" scan=["/dev"] filter=["a|^$1\$|", "r|.*|"] use_devicesfile=0
				obtain_device_list_from_udev=0 external_device_info_source="none" hints="none" }
			global { locking_dir="$work/lock" use_lvmpolld=0 event_activation=0 }
			activation { udev_sync=0 udev_rules=0 monitoring=0 }
			backup { backup=0 archive=0 }
		END
		(
			export LVM_SYSTEM_DIR=$work LVM_SUPPRESS_FD_WARNINGS=1
			lvm pvcreate --driverloaded n -q --dataalignment 1m "$1" && lvm vgcreate --driverloaded n -q -s 1M golden-vg "$1" &&
				lvm lvcreate --driverloaded n -q -an -Zn -Wn -l 320 -n root golden-vg "$1:64-383" &&
				lvm lvextend --driverloaded n -q -l 384 golden-vg/root "$1:0-63"
		) >/dev/null 2>"$work/log" && dd if="$work/root" of="$1" bs=1M seek=65 count=320 conv=notrunc status=none &&
			dd if="$work/root" of="$1" bs=1M seek=1 skip=320 count=64 conv=notrunc status=none
		status=$?
	}
	[ $status = 0 ] || cat "$work/log" >&2
	rm -rf "$work"
	return $status
}
lvm_volume() { # DISK TO: what the volume holds
	dd if="$1" of="$2" bs=1M skip=66 count=320 status=none && dd if="$1" of="$2" bs=1M skip=2 seek=320 count=64 conv=notrunc status=none
}

# The root in subvolume @, as Ubuntu has it; /var in one of its own; a snapshot that nobody mounts.
btrfs_guest() { make_once mini-btrfs.raw with_partition 512M make_btrfs; }
BTRFS_UUID=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c002
make_btrfs() { mkfs.btrfs -q -U $BTRFS_UUID "$1" && in_mount "$1" defaults fill_btrfs; }
fill_btrfs() {
	btrfs -q subvolume create "$1/@" && btrfs -q subvolume create "$1/@var" && btrfs -q subvolume create "$1/@home" &&
		mkdir "$1/@/var" && mount --bind "$1/@var" "$1/@/var" &&
		copy_guest "$1/@" "UUID=$BTRFS_UUID / btrfs subvol=@,noatime 0 0
UUID=$BTRFS_UUID /var btrfs noatime,subvol=/@var 0 0
UUID=$BTRFS_UUID /home btrfs subvol=@home 0 0"
	local status=$?
	umount "$1/@/var"
	[ $status = 0 ] && btrfs -q subvolume snapshot -r "$1/@" "$1/@before"
}

# An ext4 that was cut off while it was mounted: its journal holds what a copy has to have.
dirty_guest() { make_once mini-dirty.raw with_partition 256M make_dirty; }
DIRTY_UUID=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c003
make_dirty() { mkfs.ext4 -q -b 4096 -U $DIRTY_UUID "$1" && in_mount "$1" defaults flip "UUID=$DIRTY_UUID / ext4 defaults 0 0" && in_mount "$1" commit=600 cut_off "$1"; }
xfs_dirty_guest() { make_once mini-xfs-dirty.raw with_partition 512M make_xfs_dirty; }
make_xfs_dirty() {
	mkfs.xfs -q -m uuid=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c004 "$1" &&
		in_mount "$1" nouuid flip 'UUID=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c004 / xfs defaults 0 0' && in_mount "$1" nouuid cut_off "$1"
}
# With quota files inside, which are not written directly.
quota_guest() { make_once mini-quota.raw with_partition 256M make_quota; }
make_quota() {
	mkfs.ext4 -q -b 4096 -U 8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c006 "$1" &&
		in_mount "$1" defaults flip 'UUID=8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c006 / ext4 defaults 0 0' && tune2fs -O quota "$1" >/dev/null
}
cut_off() { # the journal has the names, the tree on the disk has not
	mkdir "$2/var/lib/journaled" && echo told > "$2/var/lib/journaled/file" && sync "$2/var/lib/journaled/file" "$2/var/lib/journaled" &&
		dd if="$1" of="${TMPDIR:-/var/tmp}/coldpatch-cut.$$" bs=1M status=none iflag=direct
	local status=$?
	umount -l "$2" && sleep 1 && while grep -q " $2 " /proc/mounts; do sleep 0.2; done
	mount -t tmpfs none "$2" # in_mount unmounts it
	dd if="${TMPDIR:-/var/tmp}/coldpatch-cut.$$" of="$1" bs=1M status=none conv=fsync && rm "${TMPDIR:-/var/tmp}/coldpatch-cut.$$"
	return $status
}
