#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guests in encrypted containers, opened by a key file: LUKS1 as QEMU makes it, LUKS2 as cryptsetup makes it, with large sectors
# and with LVM inside.  The update is found there by QEMU and by cryptsetup; the host gets no device of it, and the key is in nothing
# that is kept.
. "$(dirname "$0")/../lib.sh"
. "$TEST_TOP/tests/fs_guests.sh"
. "$TEST_TOP/tests/luks_guests.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mkdir "$WORK/output"
host_state() { find /dev/mapper; losetup -a | grep -F "$WORK"; dmsetup ls 2>&1; }
host_state > "$WORK/host.before"

# patch IMAGE [OPTION...]: $WORK/container becomes the result's
patch() {
	local before
	before=$(sha256sum < "$1")
	rm -f "$WORK"/output/*
	apply_to "$1" --disk-key "$LUKS_KEY" "${@:2}"
	expect 0 "${APPLY[@]}"
	[ "$(sha256sum < "$1")" = "$before" ] || fail "$1 was changed"
	runs_are_over
	qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/disk.raw"
	dd if="$WORK/disk.raw" of="$WORK/container" bs=1M skip=4 status=none
}
decrypt_luks1() { qemu-img convert --image-opts --object "secret,id=key,file=$LUKS_KEY" "driver=luks,key-secret=key,file.filename=$WORK/container" -O raw "$WORK/content"; }
decrypt_luks2() {
	mv "$WORK/container" "$WORK/content"
	cryptsetup reencrypt -q --decrypt --force-offline-reencrypt --header "$WORK/header" --key-file "$LUKS_KEY" "$WORK/content"
	rm "$WORK/header"
}
# clean_update OFFSET: what was decrypted is a clean file system with the update in it
clean_update() {
	dd if="$WORK/content" of="$WORK/root" bs=1M skip="$1" count=96 status=none
	e2fsck -fn "$WORK/root" > "$WORK/log" 2>&1 || { cat "$WORK/log"; fail "e2fsck"; }
	mkdir -p "$WORK/mnt" && mount -o ro,noload,loop "$WORK/root" "$WORK/mnt" || fail "mount"
	[ "$(cat "$WORK/mnt/usr/share/victim/version")" = 2.0 ] || fail "the update is not there"
	umount "$WORK/mnt"
}
key_is_nowhere() {
	! grep -rqF "$(cat "$LUKS_KEY")" "$WORK/store" "$WORK/output" "$OUT" "$ERR" || fail "the key is in $(grep -rlF "$(cat "$LUKS_KEY")" "$WORK/store" "$WORK/output" "$OUT" "$ERR")"
}

victim_update
image=$(luks1_guest)
expect 0 inspect --json --disk-key "$LUKS_KEY" "$image"
"$TEST_TOP/tests/image/json-schema.py" "$TEST_TOP/docs/guest.schema.json" "$OUT" || fail "the document does not fit its schema"
[ "$(jq -r '.filesystems[] | select(.mounted) | [.volume.manager, .mountpoint, .volume.nodes[0]] | join(" ")' "$OUT")" = "luks / /dev/mapper/secret_crypt" ] ||
	fail "what is mounted: $(jq -c '.filesystems' "$OUT")"
patch "$image"
decrypt_luks1 && clean_update 0
key_is_nowhere

# A key file with the newline of an editor; the right key may be the second one.
echo wrong > "$WORK/wrong"
{ cat "$LUKS_KEY"; echo; } > "$WORK/edited"
image=$(luks2_sectors_guest)
patch "$image" --disk-key "$WORK/wrong"
decrypt_luks2 && clean_update 0
key_is_nowhere
expect 0 inspect --disk-key "$WORK/wrong" --disk-key "$WORK/edited" "$image"

image=$(luks_lvm_guest)
patch "$image"
decrypt_luks2 && clean_update 1
host_state | diff "$WORK/host.before" - || fail "the host has something of it"

# In an appliance, to which the volume is served in the clear: emulated, it takes its time.
if [ -n "${COLDPATCH_TEST_FULL-}" ]; then
	mkdir -p "$WORK/state" "$GUESTS/appliances"
	ln -s "$GUESTS/appliances" "$WORK/state/appliances"
	patch "$image" --executor appliance
	decrypt_luks2 && clean_update 1
	key_is_nowhere
	# A file system that an appliance reads, in a container that it knows nothing of.
	patch "$(luks_xfs_guest)"
	decrypt_luks1 && xfs_repair -n "$WORK/content" > "$WORK/log" 2>&1 || { cat "$WORK/log"; fail "xfs_repair"; }
	mount -o ro,nouuid,loop "$WORK/content" "$WORK/mnt" || fail "mount"
	[ "$(cat "$WORK/mnt/usr/share/victim/version")" = 2.0 ] || fail "the update is not there"
	umount "$WORK/mnt"
	key_is_nowhere
fi

rm -f "$WORK"/output/*

# Without the key, or with another.
refused 65 "partition 2 of mini-luks-lvm.raw does not open: it is encrypted, and no key was given; give the file that opens it with --disk-key FILE" "$image"
refused 65 "partition 2 of mini-luks-lvm.raw does not open: it is encrypted, and none of the keys given opens it" "$image" --disk-key "$WORK/wrong"
refused 66 "$WORK/absent" "$image" --disk-key "$WORK/absent"
: > "$WORK/empty"
refused 78 "disk key $WORK/empty: it is empty" "$image" --disk-key "$WORK/empty"

# A header that was damaged, or says what nobody would choose.
damage() { # OFFSET BYTES
	cp --sparse=always "$image" "$WORK/damaged.raw"
	printf '%b' "$2" | dd of="$WORK/damaged.raw" bs=1 seek=$((4 * 1048576 + $1)) conv=notrunc status=none
}
damage 5000 'x'
refused 65 "the checksum of its LUKS header is wrong" "$WORK/damaged.raw" --disk-key "$LUKS_KEY"
damage 8 '\0\0\0\0\377\0\0\0'
refused 65 "its LUKS header claims a size of 4278190080 bytes" "$WORK/damaged.raw" --disk-key "$LUKS_KEY"
damage 6 '\0\3'
refused 65 "version 3 of LUKS is not known" "$WORK/damaged.raw" --disk-key "$LUKS_KEY"
image=$(luks1_guest)
damage 40 'xts-plain65\0'
refused 65 "cipher aes-xts-plain65 with keys of 64 bytes" "$WORK/damaged.raw" --disk-key "$LUKS_KEY"
damage 72 'md9\0'
refused 65 "hash md9 is not known" "$WORK/damaged.raw" --disk-key "$LUKS_KEY"
damage 104 '\377\377\377\377'
refused 65 "what its LUKS header tells of lies outside" "$WORK/damaged.raw" --disk-key "$LUKS_KEY"
