#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packages that cannot be had as promised: unsatisfiable, for another guest, or not the bytes that the snapshot took.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
image=$(tiny_guest)
mkdir "$WORK/output"

# A dependency that nobody has: the package stays, the plan says which and why, and that is not a failure.
VICTIM_FIELDS='Depends: no-such-package (>= 7)' victim_update
expect 2 plan --patchset debian-12-all --snapshot "$SNAPSHOT" "$image"
grep -q victim "$OUT" && grep -q no-such-package "$OUT" || { cat "$OUT"; fail "the plan lacks package and reason"; }
expect 0 plan --patchset debian-12-all --snapshot "$SNAPSHOT" --allow-left-behind "$image"
apply_to "$image"
expect 2 "${APPLY[@]}"
grep -q no-such-package "$OUT" || fail "apply does not say why"
[ -z "$(ls -A "$WORK/output")" ] || fail "an overlay without a change"
nothing_left

# In the store, changed after the snapshot was made.
sleep 1
victim_update
package=$(find "$WORK/store/packages" -type f -newer "$WORK/mirror-key/pubring.kbx" -size +0 -print | xargs ls -t | head -n 1)
cp "$package" "$WORK/kept"
printf x | dd of="$package" bs=1 seek=100 conv=notrunc status=none
refused_in_run 76 "package file $package has changed in the store; remove it and make the mirror snapshot again" "$image"
! grep -q '^== ' "$RUN/log" 2>/dev/null || fail "something was run"
rm "$package"
refused 69 "package file $(basename "$package") is not in the store; make the mirror snapshot again" "$image"
ln -s "$WORK/kept" "$package"
refused 76 "package file $(basename "$package") is a symbolic link" "$image"
rm "$package"
cp "$WORK/kept" "$package"

# The snapshot itself: gone, or changed.
nobody=$(tr 0-9a-f 1 <<<"$SNAPSHOT")
refused 66 "mirror snapshot $nobody: there is none" "$image" --snapshot "$nobody"
manifest=$WORK/store/mirror-snapshots/$SNAPSHOT/manifest.json
chmod u+w "$manifest" && sed -i 's/"version":1/"version":1 /; s/victim/victiM/' "$manifest"
refused 76 "$SNAPSHOT: manifest.json is not what its name says; remove it and make it again" "$image"
