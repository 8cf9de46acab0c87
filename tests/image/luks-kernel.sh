#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A new kernel for a guest whose root is in an encrypted container: its initramfs opens the container, though that is nowhere to
# be found where it is made; the guest's crypttab is as it was.  An initramfs that would not open it is refused.
. "$(dirname "$0")/../lib.sh"
. "$TEST_TOP/tests/fs_guests.sh"
. "$TEST_TOP/tests/luks_guests.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
[ -n "${COLDPATCH_TEST_FULL:-}" ] || skip "makes a guest with a kernel and two initramfs: COLDPATCH_TEST_FULL=1"
workdir
mkdir "$WORK/output"
image=$(luks_kernel_guest) && mirror=$(kernel_mirror) || exit 1
expect 0 mirror snapshot --quiet --json --keyring $KEYRING "$mirror"
SNAPSHOT=$(jq -r '.digest // .[0].digest' "$OUT")

apply_to "$image" --disk-key "$LUKS_KEY" --allow-left-behind
expect 0 "${APPLY[@]}"
decrypt() { # OVERLAY: its root is mounted at $WORK/root
	qemu-img convert -O raw "$1" "$WORK/disk.raw"
	dd if="$WORK/disk.raw" of="$WORK/container" bs=1M skip=4 conv=sparse status=none
	qemu-img convert --image-opts --object "secret,id=key,file=$LUKS_KEY" "driver=luks,key-secret=key,file.filename=$WORK/container" -O raw "$WORK/content"
	mkdir -p "$WORK/root" && mount -o ro,noload,loop "$WORK/content" "$WORK/root" || fail mount
}
decrypt "$WORK/output/overlay.qcow2"
[ "$(cat "$WORK/root/etc/crypttab")" = 'secret_crypt /dev/vda2 none luks,discard' ] || fail "crypttab: $(cat "$WORK/root/etc/crypttab")"
initramfs=$(ls -t "$WORK"/root/boot/initrd.img-* | head -n 1)
mkdir "$WORK/unpacked" && unmkinitramfs "$initramfs" "$WORK/unpacked"
grep -rqE '^secret_crypt .* none luks,discard,initramfs$' "$WORK/unpacked"/{,main/}cryptroot/crypttab || fail "the initramfs does not know the container"
for name in 'aes*.ko*' 'xts.ko*' 'dm-crypt.ko*' cryptsetup askpass; do
	[ -n "$(find "$WORK/unpacked" -name "$name")" ] || fail "the initramfs has no $name"
done
umount "$WORK/root"

# A hook that makes it otherwise.
qemu-img convert -O raw "$image" "$WORK/other.raw"
dd if="$WORK/other.raw" of="$WORK/container" bs=1M skip=4 conv=sparse status=none
qemu-img convert --image-opts --object "secret,id=key,file=$LUKS_KEY" "driver=luks,key-secret=key,file.filename=$WORK/container" -O raw "$WORK/content"
mount -o loop "$WORK/content" "$WORK/root" &&
	printf '#!/bin/sh\n[ "$1" = prereqs ] && echo cryptroot && exit\n: > "$DESTDIR/cryptroot/crypttab"\n' > "$WORK/root/usr/share/initramfs-tools/hooks/zz" &&
	chmod 755 "$WORK/root/usr/share/initramfs-tools/hooks/zz" && umount "$WORK/root" || fail "the hook"
luks1_by_qemu "$WORK/content" "$WORK/container" && dd if="$WORK/container" of="$WORK/other.raw" bs=1M seek=4 conv=notrunc status=none
rm "$WORK/output"/*
apply_to "$WORK/other.raw" --disk-key "$LUKS_KEY" --allow-left-behind
expect 79 "${APPLY[@]}"
expect_message "does not open the encrypted container that the root is in; see the log for what its tool said"
[ -z "$(ls "$WORK/output")" ] || fail "there is an overlay"
runs_are_over
