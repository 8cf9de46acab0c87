#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest with an EFI system partition: updates that do not touch it are made without an appliance, and it keeps every byte; where a package
# has files for it, or a script writes there, an appliance reads and writes it.  What vfat cannot keep is refused by name before the commit.
# Nothing is done to the mount point of a file system that is left alone.  More of that, with XFS beside it and in a library, takes minutes: COLDPATCH_TEST_FULL=1.
. "$(dirname "$0")/../lib.sh"
. "$TEST_TOP/tests/fs_guests.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mkdir "$WORK/output"

# On the one root its line is what systemd's generators and installers of some distributions write, on the other the usual one.
esp_guest() { make_once "esp-${1:-ext4}.raw" make_esp "${1:-ext4}"; }
make_esp() { # TYPE FILE
	local type=$1 loop root status
	shift
	truncate -s 436M "$1" && sfdisk -q "$1" >/dev/null <<-END || return 1
		label: gpt
		start=2048, size=65536, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
		start=67584, size=786432
		start=854016, size=32768
	END
	loop=$(losetup --show -f -o 1048576 --sizelimit 33554432 "$1") && mkfs.vfat -i e5b0e5b0 "$loop" >/dev/null &&
		printf 'MZ' | mcopy -i "$loop" - ::BOOTX64.EFI && printf 'nobody' | mcopy -i "$loop" - ::unowned
	status=$?
	losetup -d "$loop"
	[ $status = 0 ] && loop=$(losetup --show -f -o 437256192 --sizelimit 16777216 "$1") && mkfs.vfat -i e5b0e5b1 "$loop" >/dev/null
	status=$?
	losetup -d "$loop"
	[ $status = 0 ] && loop=$(losetup --show -f -o 34603008 --sizelimit 402653184 "$1") && make_root "$type" "$loop" && in_mount "$loop" defaults fill_esp "$type"
	status=$?
	losetup -d "$loop"
	return $status
}
make_root() { case $1 in xfs) mkfs.xfs -q "$2" ;; *) mkfs.ext4 -q -b 4096 "$2" 120M ;; esac; }
fill_esp() { mkdir -p "$2/boot/efi" "$2/srv/media" && copy_guest "$2" "/dev/vda2 / $1 defaults 0 0
UUID=E5B0-E5B0 /boot/efi vfat umask=0077$([ "$1" = xfs ] || echo ,noauto,x-systemd.automount) 0 1
/dev/vda3 /srv/media vfat defaults 0 0"; }
esp_bytes() { dd if="$1" bs=1M skip=1 count=32 status=none | sha256sum; }

image=$(esp_guest)
victim_update
apply_to "$image"
expect 0 "${APPLY[@]}"
qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/after.raw"
[ "$(esp_bytes "$WORK/after.raw")" = "$(esp_bytes "$image")" ] || fail "the EFI system partition was changed"
expect 0 inspect --json "$WORK/output/overlay.qcow2" --backing "$image"
jq -e '.notes | any(test("^/boot/efi \\(UUID=E5B0-E5B0 in /etc/fstab\\) is not mounted: it is vfat, which only an appliance reads, and is left alone unless an update has files for it"))' "$OUT" >/dev/null || fail "notes: $(jq -c .notes "$OUT")"

result() { # $WORK/after.raw, and that nothing else was changed
	[ "$(sha256sum < "$image")" = "$before" ] || fail "the image was changed"
	qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/after.raw"
	dd if="$WORK/after.raw" of="$WORK/esp" bs=1M skip=1 count=32 status=none && fsck.vfat -n "$WORK/esp" >/dev/null || fail "fsck.vfat"
	[ "$(mtype -i "$WORK/esp" ::/BOOTX64.EFI)" = MZ ] || fail "another file"
}
has() { # FILE...: and nothing else
	diff <(printf '::/%s\n' BOOTX64.EFI "$@" | LC_ALL=C sort) <(mdir -b -/ -i "$WORK/esp" ::/ | LC_ALL=C sort) || fail "what is in the EFI system partition"
}
patch() {
	apply_to "$image"
	rm -f "$WORK"/output/*
	expect 0 "${APPLY[@]}"
	result
}
before=$(sha256sum < "$image")

# A package's file for it: it is brought in by an appliance, and written; nothing else of it changes.
listing() { mdir -b -/ -i "$1@@1M" ::/ | LC_ALL=C sort; }
mkdir -p "$WORK/files/boot/efi/EFI/debian"
head -c 300001 /dev/urandom > "$WORK/files/boot/efi/EFI/debian/shimx64.efi"
touch -d '2024-02-03 04:05:07.5 UTC' "$WORK/files/boot/efi/EFI/debian/shimx64.efi"
echo old >"$WORK/files/boot/efi/EFI/debian/of-1970"; touch -d '1970-06-01 UTC' "$WORK/files/boot/efi/EFI/debian/of-1970"
victim_update 'set -e; test -f /boot/efi/BOOTX64.EFI; echo 2 > /boot/efi/grub.cfg; chmod 600 /boot/efi/grub.cfg; touch -d "2110-06-01 UTC" /boot/efi/EFI/debian/of-2110; mv /boot/efi/unowned /boot/efi/UNOWNED' "$WORK/files"
patch
has EFI/ EFI/debian/ EFI/debian/of-1970 EFI/debian/of-2110 EFI/debian/shimx64.efi UNOWNED grub.cfg
mdir -i "$WORK/esp" ::/EFI/debian >"$WORK/times"
grep -q "1980-01-01 .* of-1970\$" "$WORK/times" && grep -q "2107-12-31 .* of-2110\$" "$WORK/times" || { cat "$WORK/times"; fail "times that vfat does not hold"; }
[ "$(mtype -i "$WORK/esp" ::/UNOWNED)" = nobody ] || fail "what has another spelling"
mcopy -n -i "$WORK/esp" ::/EFI/debian/shimx64.efi "$WORK/shim" && cmp "$WORK/shim" "$WORK/files/boot/efi/EFI/debian/shimx64.efi" || fail "the loader is another"
[ "$(mtype -i "$WORK/esp" ::/grub.cfg)" = 2 ] || fail "what the script wrote"

# What it cannot keep is refused before the commit, by name; what it keeps less of is no difference.
refuses() { # MESSAGE POSTINST
	victim_update "$2" "$WORK/files"
	rm -f "$WORK"/output/*
	refused_in_run 65 "$1" "$image"
}
rm -r "$WORK/files/boot/efi/EFI"; echo other > "$WORK/files/boot/efi/bootx64.efi"
refuses "/boot/efi/bootx64.efi is brought, and there is BOOTX64.EFI, which is the same name for the file system of the guest's /boot/efi; give it the package's spelling in the guest first"
rm "$WORK/files/boot/efi/bootx64.efi"
refuses "the packages remove /srv, where the guest mounts a file system that was not mounted now (/srv/media); hold the package back" 'rm -r /srv'
refuses "a script of the packages puts /srv/media/x on the guest's /srv/media, whose file system (vfat) is not written by this version; hold the package back" 'echo x > /srv/media/x'

[ -n "${COLDPATCH_TEST_FULL:-}" ] || { echo "the usual part of it; COLDPATCH_TEST_FULL=1 for the rest"; exit 0; }
ln -s BOOTX64.EFI "$WORK/files/boot/efi/link"
refuses "/boot/efi/link is a symbolic link, which the file system of the guest's /boot/efi does not keep; hold back the package that brings it"
rm "$WORK/files/boot/efi/link"; mkdir "$WORK/files/boot/efi/EFI"; : >"$WORK/files/boot/efi/EFI/a:b"
refuses '/boot/efi/EFI/a:b is a name with one of * ? < > | " : \, which the file system of the guest'\''s /boot/efi does not keep; hold back the package that brings it'
rm "$WORK/files/boot/efi/EFI/a:b"; : >"$WORK/files/boot/efi/EFI/Ä.efi"; : >"$WORK/files/boot/efi/EFI/ä.efi"
refuses "/boot/efi/EFI/Ä.efi and /boot/efi/EFI/ä.efi are brought, which may be the same name for the file system of the guest's /boot/efi; hold back the package that brings one of them"
rm -r "$WORK/files/boot/efi/EFI"; echo a > "$WORK/files/boot/efi/a"
refuses "/boot/efi/b is a second name of a file, which the file system of the guest's /boot/efi does not keep" 'ln /boot/efi/a /boot/efi/b'
refuses "/boot/efi/pipe is neither a file nor a directory, which the file system of the guest's /boot/efi does not keep" 'mkfifo /boot/efi/pipe'
head -c 40000000 /dev/urandom > "$WORK/files/boot/efi/a"
refuses "vfat: write a: the file system is too small"

# One that is damaged is found before the update, whether or not the image was checked without it; two files share a cluster.
entry_of() { LC_ALL=C grep -obUam1 "$1        " "$WORK/damaged.raw" | cut -d : -f 1; }
sound=$image image=$WORK/damaged.raw
cp --sparse=always "$sound" "$image"
for name in BIG BAD; do echo "$name" | mcopy -i "$image@@1M" - "::$name" || fail "mcopy"; done
dd if="$image" of="$image" bs=1 skip=$(($(entry_of BIG) + 26)) seek=$(($(entry_of BAD) + 26)) count=2 conv=notrunc status=none || fail "damage"
patch_nothing() { victim_update; apply_to "$image"; rm -f "$WORK"/output/*; expect 0 "${APPLY[@]}"; }
patch_nothing
echo a > "$WORK/files/boot/efi/a"
refuses "before the update: file system at /boot/efi: the file system is not clean (fsck.vfat -n: /BIG  and /BAD share clusters. Truncating second to 0 bytes." ""
expect_message "); repair it with fsck.vfat"
image=$sound

# What a script writes there is found after it ran: it is run again, and finds the partition.
victim_update 'set -e; mkdir -p /boot/efi/EFI; echo x > /boot/efi/EFI/x; ! test -f /boot/efi/BOOTX64.EFI || rm -r /boot/efi/EFI; ! test -f /boot/efi/BOOTX64.EFI || echo y > /boot/efi/y'
patch
has unowned y

# The same with a root that an appliance reads anyway: then the partition is there in every run.
image=$(esp_guest xfs) before=$(sha256sum < "$image")
rm -r "$WORK/files/boot/efi/"*; echo loader > "$WORK/files/boot/efi/shimx64.efi"
victim_update 'set -e; test -f /boot/efi/BOOTX64.EFI; echo 3 > /boot/efi/grub.cfg' "$WORK/files"
patch
has shimx64.efi grub.cfg unowned
[ "$(mtype -i "$WORK/esp" ::/grub.cfg)" = 3 ] || fail "what the script wrote beside XFS"

# The boot loader's environment lies on it: a new boot loader finds it there, and which entry is the default is known.
env=$WORK/env.raw root=$WORK/root
cp --sparse=always "$(esp_guest)" "$env"
mkdir "$root" && mount -o loop,offset=34603008 "$env" "$root" && mkdir -p "$root/boot/grub" && ln -s ../efi/EFI/debian/grubenv "$root/boot/grub/grubenv" &&
	touch "$root/boot/vmlinuz-1" && umount "$root" || fail "a guest with its grubenv on the partition"
mmd -i "$env@@1M" ::/EFI ::/EFI/debian && echo saved_entry=1 | mcopy -i "$env@@1M" - ::/EFI/debian/grubenv || fail mcopy
mkdir -p "$WORK/loader/DEBIAN" && printf 'Package: grub-test\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n' >"$WORK/loader/DEBIAN/control"
printf '#!/bin/sh\ngrep -q saved_entry=1 /boot/grub/grubenv && echo saved_entry=2 > /boot/grub/grubenv\n' >"$WORK/loader/DEBIAN/postinst"
chmod 755 "$WORK/loader/DEBIAN/postinst"
dpkg-deb -Zgzip --root-owner-group -b "$WORK/loader" "$WORK/grub-test_1_all.deb" >/dev/null || fail dpkg-deb
deb=$(VICTIM_FIELDS="Depends: grub-test" victim_deb 2.0 "$WORK") && rm -rf "$WORK/mirror"
"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" "$WORK/grub-test_1_all.deb" || fail make-signed-mirror
expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
SNAPSHOT=$(jq -r '.digest // .[0].digest' "$OUT")
expect 0 inspect --json "$env"
[ "$(jq -c '.boot | [.elsewhere, .default_kernel]' "$OUT")" = '[true,null]' ] || { jq .boot "$OUT"; fail "what is not known of the menu"; }
image=$env before=$(sha256sum <"$env")
patch
has EFI/ EFI/debian/ EFI/debian/grubenv unowned
[ "$(mtype -i "$WORK/esp" ::/EFI/debian/grubenv)" = saved_entry=2 ] || fail "the environment is as it was"

# In a library: updates that have no file for it any more, and a squash of one that had.
image=$(esp_guest) before=$(sha256sum < "$image")
export COLDPATCH_LIBRARY=$WORK/library
expect 0 init
echo 'chain-depth: 2' > "$WORK/library/coldpatch.yaml"
expect 0 import --name web "$image"
update() { expect 0 apply web --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox; }
rm "$WORK"/files/boot/efi/*; echo old > "$WORK/files/boot/efi/dropped"
victim_update 'set -e; echo 3 > /boot/efi/grub.cfg' "$WORK/files"
update
for version in 3.0 4.0; do
	deb=$(victim_deb $version "$WORK") && rm -rf "$WORK/mirror" || fail "victim $version"
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	SNAPSHOT=$(jq -r '.digest // .[0].digest' "$OUT")
	update
done
rm "$WORK"/output/*; cp "$WORK/library/templates/web/3/disk0.qcow2" "$WORK/copy.qcow2"
[ "$(cd / && qemu-img info -U --output json --backing-chain "$WORK/library/templates/web/3/disk0.qcow2" | jq length)" -le 3 ] || fail "no squash"
expect 0 export -o "$WORK/output/overlay.qcow2" web
result
has grub.cfg unowned
expect 0 verify web
