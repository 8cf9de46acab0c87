# SPDX-License-Identifier: GPL-2.0-or-later
# Guests in encrypted containers: source it after lib.sh and fs_guests.sh.  Each function prints the path of a raw image, whose
# partition 2 is a container that the key file $LUKS_KEY opens.  cryptsetup and QEMU make them, without the kernel's device mapper.

LUKS_KEY=$GUESTS/luks.key
[ -e "$LUKS_KEY" ] || printf 'correct horse battery' > "$LUKS_KEY"

# with_container CONTENT CONTAINER PATH: the function CONTENT makes a file, the function CONTAINER of it another.
with_container() {
	local work status
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-luks.XXXXXX")
	"$1" "$work/content" && "$2" "$work/content" "$work/container" &&
		truncate -s "$(($(stat -c %s "$work/container") / 1048576 + 6))M" "$3" &&
		printf 'label: gpt\nstart=2048, size=2048\nstart=8192, size=%s\n' $(($(stat -c %s "$work/container") / 512)) |
		sfdisk -q "$3" >/dev/null && dd if="$work/container" of="$3" bs=1M seek=4 conv=notrunc,sparse status=none
	status=$?
	rm -rf "$work"
	return $status
}
# Where the machine is busy, QEMU may not find out how fast it is, and gives up.
luks1_by_qemu() {
	local i
	for i in 1 2 3 4 5; do
		qemu-img convert -f raw -O luks --object "secret,id=key,file=$LUKS_KEY" -o key-secret=key,iter-time=10 "$1" "$2" && return
	done
	return 1
}
luks2_by_cryptsetup() { # CONTENT PATH [OPTION...]
	cp --sparse=always "$1" "$2" && truncate -s +32M "$2" &&
		cryptsetup reencrypt -q --encrypt --type luks2 --reduce-device-size 32M --pbkdf argon2id --pbkdf-force-iterations 4 \
			--pbkdf-memory 65536 --pbkdf-parallel 2 --key-file "$LUKS_KEY" "${@:3}" "$2"
}
luks2_large_sectors() { luks2_by_cryptsetup "$1" "$2" --sector-size 4096 --key-size 256; }

# The mini guest's tree in a file system, with names as a guest has them whose installer called the container secret_crypt.
crypt_root() {
	truncate -s 96M "$1" && mkfs.ext4 -q -b 4096 -U 8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c010 "$1" && in_mount "$1" loop fill_crypt_root
}
fill_crypt_root() {
	copy_guest "$1" "/dev/mapper/secret_crypt / ext4 defaults 0 0" && echo 'secret_crypt /dev/vda2 none luks,discard' > "$1/etc/crypttab"
}
crypt_xfs() {
	truncate -s 320M "$1" && mkfs.xfs -q "$1" && in_mount "$1" loop fill_crypt_xfs
}
fill_crypt_xfs() {
	copy_guest "$1" "/dev/mapper/secret_crypt / xfs defaults 0 0" && echo 'secret_crypt /dev/vda2 none luks,discard' > "$1/etc/crypttab"
}
# On a logical volume.
crypt_lvm() {
	local work loop status
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-lvm.XXXXXX")
	truncate -s 104M "$1" && truncate -s 96M "$work/root" && mkfs.ext4 -q -b 4096 "$work/root" &&
		in_mount "$work/root" loop flip "/dev/mapper/crypt--vg-root / ext4 defaults 0 0" && loop=$(losetup --show -f "$1") && {
		mkdir "$work/lock"
		cat > "$work/lvm.conf" <<-END
			devices { dir="/dev" scan=["/dev"] filter=["a|^$loop\$|", "r|.*|"] use_devicesfile=0
				obtain_device_list_from_udev=0 external_device_info_source="none" hints="none" }
			global { locking_dir="$work/lock" use_lvmpolld=0 event_activation=0 }
			activation { udev_sync=0 udev_rules=0 monitoring=0 }
			backup { backup=0 archive=0 }
		END
		export LVM_SYSTEM_DIR=$work LVM_SUPPRESS_FD_WARNINGS=1
		lvm pvcreate --driverloaded n -q --dataalignment 1m "$loop" && lvm vgcreate --driverloaded n -q -s 1M crypt-vg "$loop" &&
			lvm lvcreate --driverloaded n -q -an -Zn -Wn -l 96 -n root crypt-vg
		status=$?
		losetup -d "$loop"
	} >/dev/null 2>"$work/log"
	[ "${status:-1}" = 0 ] && dd if="$work/root" of="$1" bs=1M seek=1 conv=notrunc,sparse status=none || { cat "$work/log" >&2; status=1; }
	rm -rf "$work"
	return "$status"
}

luks1_guest() { make_once mini-luks1.raw with_container crypt_root luks1_by_qemu; }
luks2_guest() { make_once mini-luks2.raw with_container crypt_root luks2_by_cryptsetup; }
luks2_sectors_guest() { make_once mini-luks2-4k.raw with_container crypt_root luks2_large_sectors; }
luks_xfs_guest() { make_once mini-luks-xfs.raw with_container crypt_xfs luks1_by_qemu; }
luks_lvm_guest() { make_once mini-luks-lvm.raw with_container crypt_lvm luks2_by_cryptsetup; }

# A guest with a kernel and cryptsetup's hook for its initramfs; and the mirror with what it lacks.
kernel_guest() {
	make_once kernel.qcow2 "$TEST_TOP/test-images/debian-guest" --profile small --size 2048 --include cryptsetup-initramfs,linux-image-cloud-amd64 \
		--status "$GUESTS/kernel.status" -o
}
kernel_mirror() {
	kernel_guest >/dev/null
	make_once kernel-mirror "$TEST_TOP/test-images/make-mirror" --suite bookworm-security --status "$GUESTS/kernel.status" -o
}
crypt_kernel() {
	truncate -s 1900M "$1" && mkfs.ext4 -q -U 8a0e9fd2-9d39-4f0b-a5d4-6b2ad5a7c011 "$1" && in_mount "$1" loop fill_crypt_kernel
}
fill_crypt_kernel() {
	fill_from "$(kernel_guest)" "/dev/mapper/secret_crypt / ext4 defaults 0 0" "$1" && echo 'secret_crypt /dev/vda2 none luks,discard' > "$1/etc/crypttab"
}
luks_kernel_guest() { kernel_guest >/dev/null; make_once kernel-luks1.raw with_container crypt_kernel luks1_by_qemu; }
