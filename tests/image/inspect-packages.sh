#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `coldpatch inspect --packages` says what dpkg-query says of the same database.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root to make the guest"
workdir
guest=$(small_guest) || exit 1
mkdir -p "$WORK/admin/info" "$WORK/admin/updates"
cp "$GUESTS/small.status" "$WORK/admin/status"
dpkg-query --admindir="$WORK/admin" -W -f '${Package} ${Version} ${Architecture}\n' | LC_ALL=C sort >"$WORK/theirs"
[ "$(wc -l <"$WORK/theirs")" -gt 50 ] || fail "dpkg-query lists too little"
expect 0 inspect --packages "$guest"
diff "$WORK/theirs" <(LC_ALL=C sort "$OUT") || fail "not the packages that dpkg-query lists"
cut -d' ' -f1 "$OUT" | LC_ALL=C sort -c || fail "not sorted by name"
expect 0 inspect "$guest"
grep -q "^packages      deb, $(wc -l <"$WORK/theirs") installed, 0 not settled" "$OUT" || { cat "$OUT"; fail "count"; }
