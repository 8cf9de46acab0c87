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
	[ -z "${ABOUT-}" ] || [ "$(of "[.image, .run != null, .plan != null] | join(\" \")")" = "$ABOUT" ] || { cat "$OUT"; fail "what the failure was about"; }
	[ "$(of .msg | wc -l)" = 1 ] || fail "the message is not one line"
}

"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" || fail "the schemas are not schemas"

expect 0 doctor --json
fits doctor
expect 0 inspect "$guest" --json
fits guest
expect 0 key generate --directory "$WORK/keys2" second --json
fits key

expect 0 mirror snapshot --dry-run "$mirror" --keyring "$KEYRING" --json
fits mirror-trial
[ "$(of .exists)" = false ] && [ "$(of .new_packages)" -gt 0 ] || fail "dry run: it is there before it is made"
would=$(of .digest)
expect 0 mirror snapshot "$mirror" --keyring "$KEYRING" --json
fits mirror-snapshot
snapshot=$(of .digest)
[ "$snapshot" = "$would" ] || fail "another mirror snapshot than the dry run said"
expect 0 mirror snapshot --dry-run "$mirror" --keyring "$KEYRING" --json
fits mirror-trial
[ "$(of .exists)" = true ] && [ "$(of .new_packages)" = 0 ] || fail "dry run: it is not there after it was made"
expect 69 mirror snapshot --dry-run "$mirror" "$WORK" --keyring "$KEYRING" --json
fits mirror-trial
[ "$(of .digest)" = null ] && [ "$(of '.refused[0].code')" = 69 ] || fail "dry run: nothing is refused"
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

# The library's verbs.
L=$WORK/library
expect 0 init -L "$L" --json
fits init
in_library() { # CODE SCHEMA VERB ARGS...: what it prints fits
	expect "$1" "$3" -L "$L" --json "${@:4}"
	fits "$2"
}
mkdir images
overlay_of "$guest" images/db.qcow2
truncate -s 1M images/empty.img
in_library 0 import import --name web --dry-run "$guest"
in_library 0 import import --name web "$guest"
in_library 0 import import --name web "$guest"
in_library 3 import import images
[ "$(of '[.results[].code] | join(" ")')" = "0 65" ] || { cat "$OUT"; fail "import of a directory"; }
in_library 0 path path web
in_library 0 path path --pin "a script" web@0
in_library 0 clone clone web clone.qcow2
in_library 0 mirror-snapshot mirror snapshot "$mirror" --keyring "$KEYRING"
in_library 0 plan-output plan --patchset debian-12-all --allow-left-behind web
in_library 0 apply apply --patchset debian-12-all --executor sandbox --allow-left-behind --actor anna --reason updates web
[ "$(of '[.changed, .generation] | join(" ")')" = "true 1" ] || { cat "$OUT"; fail "apply to a template"; }
in_library 0 apply apply --patchset debian-12-all --allow-left-behind web
[ "$(of .msg)" = "nothing to do" ] || { cat "$OUT"; fail "second apply to a template"; }
in_library 0 change hold --reason "an audit" --dry-run web
in_library 3 change hold --reason "an audit" --until 30d web db nothing
in_library 0 status status
in_library 0 history history web
in_library 0 change unhold web db
in_library 0 change rollback --reason "does not start" web
[ "$(of .plan)" != null ] || fail "the rollback names no plan"
in_library 0 change rollback --to 1 web
in_library 0 verify verify web
in_library 0 verify verify --all
in_library 0 log log head
in_library 0 export export --dry-run -o exported.qcow2 web
in_library 0 export export -o exported.qcow2 web
in_library 0 prune prune --keep-last 1
in_library 0 keys key list
cp images/db.qcow2 moved.qcow2
base=$(sha256sum <moved.qcow2 | cut -d' ' -f1)
in_library 0 relocate relocate --dry-run "$base" moved.qcow2
in_library 0 relocate relocate "$base" moved.qcow2
chmod u+w "$L/templates/db/heads/000001" && echo >>"$L/templates/db/heads/000001"
in_library 0 history history db
[ "$(of '.heads[0].problem')" != null ] || fail "the damaged head is no problem"
in_library 0 status status
in_library 1 status status --check
in_library 1 verify verify db
failure 64 path -L "$L" "../x"
failure 66 history -L "$L" nothing
ABOUT="web true false" failure 66 rollback -L "$L" --to 9 web
ABOUT="web true false" failure 66 clone -L "$L" web "$WORK/nowhere/c.qcow2"
failure 66 export -L "$L" -o e.qcow2 nothing
cp -r "$WORK/keys" "$WORK/keys3"
in_library 0 key-end key --directory "$WORK/keys3" retire test

# A mirror snapshot that was tampered with is told, and fits.
chmod u+w "$WORK/store/mirror-snapshots/$snapshot/manifest.json" && echo >>"$WORK/store/mirror-snapshots/$snapshot/manifest.json"
expect 0 mirror list --json
jq '.[0]' "$OUT" >"$WORK/first" && mv "$WORK/first" "$OUT"
[ "$(of .damaged)" != null ] || fail "the damage is not told"
fits mirror-snapshot
failure 76 plan "$guest" --patchset debian-12-security
