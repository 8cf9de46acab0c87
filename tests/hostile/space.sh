#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# No room: on the guest's file system before anything is run, and on each of the host's directories in the middle.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
trap 'umount "$WORK"/store "$WORK"/scratch "$WORK"/output 2>/dev/null; rm -rf "$WORK"' EXIT
image=$(tiny_guest)
before=$(stat -c '%i %s %y %z' "$image")
small() { mkdir -p "$WORK/$1" && mount -t tmpfs -o "size=$2" small "$WORK/$1" || fail "mount"; } # DIRECTORY SIZE
room() { umount "$WORK/$1" || fail "umount $1"; }

# The guest's: the update wants a terabyte, says the mirror.  Nothing is run.
VICTIM_FIELDS='Installed-Size: 1073741824' victim_update
refused 65 'guest file system / is too small: needs 1048593 MiB, has ' "$image"
[ ! -e "$WORK/store/runs" ] || fail "something was run"

# The host's.  24 MB that do not compress go through each of these directories.
mkdir -p "$WORK/files/usr/lib/victim"
head -c 24M /dev/urandom >"$WORK/files/usr/lib/victim/random"
sleep 1
rm -rf "$WORK/store"
small store 40M
victim_update '' "$WORK/files"
refused 73 "layer in the store $WORK/store: " "$image"
[ -z "$(find "$WORK/store/layers" -mindepth 1 2>/dev/null)" ] || fail "half a layer is in the store"
room store
victim_update '' "$WORK/files"
small output 10M
refused 73 "$WORK/output" "$image"
room output
small scratch 10M
refused 73 "$WORK/scratch" "$image"
room scratch
# Enough to begin with: another takes the rest away meanwhile.
small scratch 1400M
(
	until compgen -G "$WORK/scratch/*/view.img" >/dev/null; do sleep 0.01; done
	head -c 1400M /dev/zero >"$WORK/scratch/other" 2>/dev/null
) &
apply_to "$image"
expect 73 "${APPLY[@]}"
wait
rm -f "$WORK/scratch/other"
expect_message "coldpatch: $image: "
expect_message "$WORK/scratch"
nothing_left
room scratch

# And with room it works.
apply_to "$image"
expect 0 "${APPLY[@]}"
[ "$before" = "$(stat -c '%i %s %y %z' "$image")" ] || fail "the image was written to"
runs_are_over
