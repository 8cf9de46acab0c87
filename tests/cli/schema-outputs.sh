#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What every verb prints with --json fits its schema in docs/, on a real guest: found, planned, patched, verified,
# nothing to do, refused, damaged.  And each schema would refuse a member too few or too many.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
python3 -c 'import jsonschema' 2>/dev/null || skip "needs python3-jsonschema"
workdir
guest=$(small_guest) mirror=$(small_mirror)
cd "$WORK" || exit 1

fits() { # SCHEMA, of what the last command printed
	cp "$OUT" "$WORK/document.json"
	"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" "$1" "$WORK/document.json" || fail "it does not fit docs/$1.schema.json"
}
of() { jq -r "$1" "$OUT"; }
failure() { # CODE VERB ARGS...
	expect "$@" --json
	fits error
	[ "$(of .code)" = "$1" ] || fail "the document says $(of .code), the exit code is $1"
	[ "$(of .msg | wc -l)" = 1 ] || fail "the message is not one line"
}

"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" || fail "the schemas are not schemas"

expect 0 doctor --json
fits doctor
expect 0 inspect "$guest" --json
fits guest
expect 0 key generate --directory "$WORK/keys2" second --json
fits key

expect 0 mirror snapshot "$mirror" --keyring "$KEYRING" --json
fits mirror-snapshot
snapshot=$(of .digest)
expect 0 mirror verify "$snapshot" --json
fits mirror-snapshot
expect 0 mirror list --json
[ "$(of length)" = 1 ] || fail "mirror list does not list one mirror snapshot"
jq '.[0]' "$OUT" >"$WORK/first" && mv "$WORK/first" "$OUT"
fits mirror-snapshot

expect 0 mirror want "$guest" --json
fits want
expect 0 mirror want "$guest" -o w --json
fits want
expect 0 mirror fetch --want w -o fetched --source "$mirror" --keyring "$KEYRING" --json
fits fetch
failure 66 mirror fetch --want w -o fetched --source "$WORK/nothing" --keyring "$KEYRING"

# --allow-left-behind: what the small mirror lacks does not matter here.
expect 0 plan "$guest" --patchset debian-12-all --allow-left-behind --json -o plan.json
fits plan-output
[ "$(of '.plan.changes | length')" -gt 0 ] || fail "nothing was planned: this test shows nothing"
"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" plan-output plan.json || fail "the file of plan -o does not fit"
jq .plan "$OUT" >"$WORK/plan-alone.json"
"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" plan "$WORK/plan-alone.json" || fail "the plan does not fit"

expect 0 apply "$guest" --patchset debian-12-all --allow-left-behind --dry-run --json
fits apply
[ "$(of .msg)" = "would be patched" ] || fail "dry run: $(of .msg)"
expect 0 apply "$guest" --plan plan.json --output overlay.qcow2 --record r.json --executor sandbox --allow-left-behind --json
fits apply
[ "$(of .msg)" = "patched" ] || fail "apply: $(of .msg)"
expect 0 inspect ./overlay.qcow2 --backing "$guest" --json
fits guest
expect 0 apply ./overlay.qcow2 --backing "$guest" --patchset debian-12-all --output o2.qcow2 --record r2.json --allow-left-behind --json
fits apply
[ "$(of .msg)" = "nothing to do" ] || fail "second apply: $(of .msg)"

expect 0 verify overlay.qcow2 --backing "$guest" --record r.json --json
fits verify
expect 1 verify "$guest" --record r.json --json
fits verify
[ "$(of '[.findings[] | select(.status == "bad")] | length')" -gt 0 ] || fail "nothing is bad"

failure 65 inspect "$WORK/config.yaml"
failure 66 inspect "$WORK/nothing.qcow2"
failure 66 plan "$guest" --patchset debian-12-nothing
failure 78 plan "$guest" --patchset debian-13-security
failure 69 mirror snapshot "$WORK" --keyring "$KEYRING"
failure 78 mirror snapshot "$mirror"
failure 66 mirror verify 0123456789
failure 75 apply ./overlay.qcow2 --backing "$guest" --plan plan.json --output o3.qcow2 --record r3.json
failure 64 apply "$guest" --plan plan.json --output overlay.qcow2 --record r3.json
failure 77 key generate --directory "$WORK/keys2" second

# A mirror snapshot that was tampered with is told, and fits.
chmod u+w "$WORK/store/mirror-snapshots/$snapshot/manifest.json" && echo >>"$WORK/store/mirror-snapshots/$snapshot/manifest.json"
expect 0 mirror list --json
jq '.[0]' "$OUT" >"$WORK/first" && mv "$WORK/first" "$OUT"
[ "$(of .damaged)" != null ] || fail "the damage is not told"
fits mirror-snapshot
failure 76 plan "$guest" --patchset debian-12-security
