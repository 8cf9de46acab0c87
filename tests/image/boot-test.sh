#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `apply --boot-test`: the patched demo guest reaches its login prompt with the new kernel; one that cannot mount its root
# is refused, with the reason, and nothing is left behind.  Emulated this takes minutes.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
[ -n "${COLDPATCH_TEST_FULL:-}" ] || skip "boots a guest twice: make check-full"
workdir
trap 'rm -rf "$WORK"' EXIT

guest=$(demo_guest) && mirror=$(demo_mirror) || exit 1
before=$(sha256sum <"$guest")
expect 0 mirror snapshot "$mirror" --keyring $KEYRING
expect 0 apply "$guest" --patchset debian-12-all --allow-left-behind --boot-test --json --output "$WORK/new.qcow2" --record "$WORK/new.json"
kernel=$(jq -r '.packages[] | select(.from == null) | .name | select(startswith("linux-image-")) | ltrimstr("linux-image-")' "$OUT")
console=$(jq -r .boot_test.console "$OUT")
jq -c .boot_test "$OUT"
[ -n "$kernel" ] || fail "the update has no new kernel"
grep -aq "Loading Linux $kernel " "$console" || { tail -n 5 "$console"; fail "not booted with $kernel"; }
grep -aq "login: " "$console" || fail "no prompt in the console's log"
[ "$(jq -r .boot_test.own_loader "$OUT")" = true ] || fail "its own boot loader was not used"
[ "$before" = "$(sha256sum <"$guest")" ] || fail "the base was written to"
# What the machine wrote is not in the overlay: the content is still what the record says.
expect 0 verify "$WORK/new.qcow2" --record "$WORK/new.json" --backing "$guest"

# Its boot loader names a root that is not there; and has no serial console, so that the kernel is started directly.
qemu-img convert -O raw "$guest" "$WORK/broken.raw"
start=$(sfdisk --json "$WORK/broken.raw" | jq '.partitiontable.partitions[1].start * 512')
mkdir "$WORK/mnt" && mount -o "loop,offset=$start,sizelimit=$((512 << 20))" "$WORK/broken.raw" "$WORK/mnt" || fail "mount"
sed -i 's/root=UUID=[0-9a-f]*-/root=UUID=00000000-/; s/console=ttyS0//' "$WORK/mnt/grub/grub.cfg"
umount "$WORK/mnt" || fail "umount"
oddities_mirror "$WORK/odd"
expect 0 mirror snapshot "$WORK/odd" --keyring "$WORK/odd.key/keyring.gpg"
expect 65 apply "$WORK/broken.raw" --patchset debian-12-all --allow-left-behind --boot-test --output "$WORK/broken.qcow2" --record "$WORK/broken.json"
expect_message "the patched guest did not reach its login prompt: it stopped in its initramfs; last console line: (initramfs)"
expect_message "console log: $WORK/store/runs/"
log=$(sed -n 's/.*console log: //p' "$ERR")
grep -aq "00000000-.* does not exist" "$log" || { tail -n 5 "$log"; fail "the console's log does not say why"; }
[ ! -e "$WORK/broken.qcow2" ] && [ ! -e "$WORK/broken.json" ] || fail "outputs of a failed apply are left"
[ -z "$(ls -A "$WORK/scratch")" ] || { ls -A "$WORK/scratch"; fail "scratch is not empty"; }
echo ok
