#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest with an EFI system partition, which is not written: updates that do not touch it are made, and it keeps every byte; a package
# that brings files for it is refused by name before anything is run, a script that writes there before anything is committed.
. "$(dirname "$0")/../lib.sh"
. "$TEST_TOP/tests/fs_guests.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mkdir "$WORK/output"

esp_guest() { make_once mini-esp.raw make_esp; }
make_esp() {
	local loop root status
	truncate -s 164M "$1" && sfdisk -q "$1" >/dev/null <<-END || return 1
		label: gpt
		start=2048, size=65536, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
		start=67584
	END
	loop=$(losetup --show -f -o 1048576 --sizelimit 33554432 "$1") && mkfs.vfat -i e5b0e5b0 "$loop" >/dev/null &&
		printf 'MZ' | mcopy -i "$loop" - ::BOOTX64.EFI
	status=$?
	losetup -d "$loop"
	[ $status = 0 ] && loop=$(losetup --show -f -o 34603008 "$1") && mkfs.ext4 -q -b 4096 "$loop" 120M && in_mount "$loop" defaults fill_esp
	status=$?
	losetup -d "$loop"
	return $status
}
fill_esp() { mkdir -p "$1/boot/efi" && copy_guest "$1" "/dev/vda2 / ext4 defaults 0 0
UUID=E5B0-E5B0 /boot/efi vfat umask=0077 0 1"; }
esp_bytes() { dd if="$1" bs=1M skip=1 count=32 status=none | sha256sum; }

image=$(esp_guest)
victim_update
apply_to "$image"
expect 0 "${APPLY[@]}"
qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/after.raw"
[ "$(esp_bytes "$WORK/after.raw")" = "$(esp_bytes "$image")" ] || fail "the EFI system partition was changed"
expect 0 inspect --json "$WORK/output/overlay.qcow2" --backing "$image"
jq -e '.notes | any(test("^/boot/efi \\(UUID=E5B0-E5B0 in /etc/fstab\\) is not mounted: it is vfat"))' "$OUT" >/dev/null || fail "notes: $(jq -c .notes "$OUT")"

# The file would lie where the guest does not look.
mkdir -p "$WORK/files/boot/efi/EFI/debian"
echo loader > "$WORK/files/boot/efi/EFI/debian/shimx64.efi"
victim_update 'echo "this ran" >&2' "$WORK/files"
rm -f "$WORK"/output/*
refused_in_run 65 "package victim 2.0 puts /boot/efi/EFI/debian/shimx64.efi on the guest's /boot/efi, whose file system (vfat) is not written by this version; hold the package back" "$image"
[ ! -s "$RUN/log" ] || fail "it was run: $(cat "$RUN/log")"

victim_update 'mkdir -p /boot/efi/EFI && echo x > /boot/efi/EFI/x'
refused_in_run 65 "a script of the packages puts /boot/efi/EFI on the guest's /boot/efi" "$image"
