#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The shell lines of docs/record.md verify a record, and reject one that was changed or is of another key.
. "$(dirname "$0")/record.bash"
sed -n '/^## Verifying with openssl alone/,/^## The/{/^```sh/,/^```$/p}' "$TEST_TOP/docs/record.md" | sed '/^```/d' >lines.sh
[ "$(wc -l <lines.sh)" = 3 ] || fail "docs/record.md has $(wc -l <lines.sh) shell lines, not three"

[ "$(sh lines.sh)" = "Verified OK" ] || fail "a good record is rejected"
grep -qF "\"sha256\":\"$(digest overlay.qcow2)\"" payload || fail "the payload does not name the overlay"
grep -qF '"finishedOn":"2026-01-01T00:00:01Z"' payload && fail "the signer did not fill in the time"
grep -qF '"callerUid":4711' payload && fail "the signer did not fill in the caller"
grep -qF "\"callerUid\":$(id -u)" payload || fail "the caller's user id is wrong"

cp r.sigstore.json good
flip r.sigstore.json '"payload":"' 80
sh lines.sh >/dev/null 2>&1 && fail "a flipped payload verifies"
cp good r.sigstore.json
flip r.sigstore.json '"sig":"' 20
sh lines.sh >/dev/null 2>&1 && fail "a flipped signature verifies"
cp good r.sigstore.json
cp other.pub key.pub
sh lines.sh >/dev/null 2>&1 && fail "another key verifies"
exit 0
