#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pins come and go, those of clones that are gone are told; prune takes nothing while it cannot tell who needs what; clones
# and exports go to other file systems than scratch.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
L=$WORK/library
export COLDPATCH_LIBRARY=$L
mkdir "$WORK/clones" "$WORK/other" "$WORK/third"
trap 'umount "$WORK/other" "$WORK/third" 2>/dev/null; rm -rf "$WORK"' EXIT
mount -t tmpfs -o size=600M tmpfs "$WORK/other" && mount -t tmpfs -o size=20M tmpfs "$WORK/third" || fail mount
of() { jq -r "$1" "$OUT"; }
fits() { # SCHEMA, of what the last command printed
	cp "$OUT" "$WORK/document.json"
	"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" "$1" "$WORK/document.json" || fail "it does not fit docs/$1.schema.json"
}
pins() { ls "$L/templates/web/pins" | wc -l; }
would() { # REASON: why prune keeps generation 0, which a rule would let go
	expect 0 prune web --dry-run --json --keep-last 1
	[ "$(of '.templates[0].generations[] | select(.generation == 0) | .reason')" = "$1" ] || { cat "$OUT"; fail "kept for another reason than: $1"; }
}

expect 0 init --dry-run --json
[ "$(jq .changed "$OUT")" = true ] && [ ! -e "$(jq -r .library "$OUT")" ] || fail "init --dry-run made a library"
expect 0 init
expect 0 init --dry-run
grep -q 'is there already$' "$OUT" || fail "init --dry-run of a library that is there"
expect 0 key generate --dry-run --directory "$WORK/no-keys" k
[ ! -e "$WORK/no-keys" ] || fail "key generate --dry-run made something"
expect 77 key generate --dry-run --directory "$WORK/keys" test
expect_message "test.pub: exists already"
expect 0 import "$(tiny_guest)" --name web
overlay_of "$(tiny_guest)" "$WORK/rebuilt.qcow2" raw
qemu-io -f qcow2 -c 'write -P 7 900M 64k' "$WORK/rebuilt.qcow2" >/dev/null
expect 0 import "$WORK/rebuilt.qcow2" --into web
would "no rule keeps it"

# --- a pin ends when its owner says so
expect 0 path web@0 --pin "the CI" --dry-run --json
[ "$(jq .pin "$OUT")" = null ] && [ -z "$(find "$WORK" -path '*/pins/*' -type f)" ] || fail "path --pin --dry-run pinned"
expect 0 path web@0 --pin "the CI"
expect 0 path --unpin "the CI" --dry-run --json web@0
[ "$(jq -c '[.changed, (.unpinned | length)]' "$OUT")" = '[false,1]' ] || fail "path --unpin --dry-run"
[ -n "$(find "$WORK" -path '*/pins/*' -type f)" ] || fail "path --unpin --dry-run unpinned"
expect 0 path web@0 --pin anna
expect 0 path web --pin anna
case $(cp_run prune web --dry-run --json --keep-last 1 | jq -r '.templates[0].generations[0].reason') in
"pinned by the CI, anna" | "pinned by anna, the CI") ;;
*) fail "prune does not say who pins the generation" ;;
esac
expect 64 path web --pin a --unpin b
expect_message "either --pin or --unpin"
expect 66 path --unpin anna nothing
expect_message "coldpatch: nothing: no such template"
expect 0 path --unpin nobody web --json
fits unpin
[ "$(of '"\(.changed) \(.code) \(.msg)"')" = "false 0 has no such pin" ] || fail "nobody: $(cat "$OUT")"
expect 0 path --unpin anna web@0
grep -qx "web: generation 0 is not pinned by anna any more" "$OUT" || { cat "$OUT"; fail "unpinned"; }
[ "$(pins)" = 2 ] || fail "the pin on the other generation is gone, too"
would "pinned by the CI"
expect 0 path web@0 --pin anna
expect 0 path --unpin anna web --json
fits unpin
[ "$(of '[.changed, (.unpinned | map(.generation) | sort)] | tojson')" = "[true,[0,1]]" ] || fail "of all generations: $(cat "$OUT")"
expect 0 path --unpin "the CI" web
would "no rule keeps it"
expect 0 path --unpin "the CI" web
grep -qx "web: nothing is pinned by the CI" "$OUT" || { cat "$OUT"; fail "nothing to unpin"; }

# --- a clone that is gone: its pin is told, and is no fault; not where the directory is gone, too
expect 0 clone --dry-run --json web@0 "$WORK/clones/vm.qcow2"
cp "$OUT" "$WORK/document.json"
"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" clone "$WORK/document.json" || fail "it does not fit docs/clone.schema.json"
[ "$(jq -c '[.changed, .msg, .pin]' "$OUT")" = '[false,"would be cloned",null]' ] && [ ! -e "$WORK/clones/vm.qcow2" ] || fail "clone --dry-run"
expect 0 clone web@0 "$WORK/clones/vm.qcow2"
expect 0 status --check --json
[ "$(of '.templates[0].pins_gone | length')" = 0 ] || fail "a clone that is there is told to be gone"
mv "$WORK/clones/vm.qcow2" "$WORK/vm.qcow2"
expect 0 status --check --json
fits status
[ "$(of '.templates[0].pins_gone[0] | "\(.generation) \(.who)"')" = "0 $WORK/clones/vm.qcow2" ] || { cat "$OUT"; fail "a clone that is gone is not told"; }
expect 0 status
grep -qF "coldpatch path --unpin $WORK/clones/vm.qcow2 web" "$OUT" || { cat "$OUT"; fail "status does not say how to end the pin"; }
mv "$WORK/clones" "$WORK/unmounted"
expect 0 status --json
[ "$(of '.templates[0].pins_gone | length')" = 0 ] || fail "a clone that may only be out of sight is told to be gone"
mv "$WORK/unmounted" "$WORK/clones"
sed -i 's/"host": *"[^"]*"/"host": "another"/' "$L"/templates/web/pins/*
expect 0 status --json
[ "$(of '.templates[0].pins_gone | length')" = 0 ] || fail "a clone of another host is told to be gone"
expect 0 path --unpin "$WORK/clones/vm.qcow2" web

# --- what cannot be read: prune takes nothing and says why, status names it
printf '%s\n' "clone-roots: [$WORK/clones]" >"$L/coldpatch.yaml"
qemu-img create -q -u -f qcow2 -F qcow2 -b "json:{\"file.filename\":\"$L/templates/web/0/disk0.qcow2\"}" "$WORK/clones/json.qcow2" 1G
would "backs the clone $WORK/clones/json.qcow2"
truncate -s 200 "$WORK/clones/json.qcow2"
for dry in --dry-run ""; do
	expect 77 prune web $dry --keep-last 1
	expect_message "$WORK/clones/json.qcow2: its header names a backing file that cannot be read: what it is backed by is not known, so nothing is pruned"
done
[ -e "$L/templates/web/0/disk0.qcow2" ] || fail "pruned all the same"
expect 1 status --check --json
fits status
expect 1 status --check
grep -qF "$WORK/clones/json.qcow2: its header names" "$OUT" || { cat "$OUT"; fail "status does not name it"; }
rm "$WORK/clones/json.qcow2"
expect 0 status --check

# --- other file systems
expect 0 clone web "$WORK/other/vm.qcow2"
qemu-img compare -q "$WORK/other/vm.qcow2" "$L/templates/web/1/disk0.qcow2" || fail "a clone on another file system"
expect 0 export web -o "$WORK/other/web.qcow2" --record "$WORK/third/web.json"
expect 0 verify "$WORK/other/web.qcow2" --record "$WORK/third/web.json"
mkfs.ext4 -q "$WORK/data.raw" 8M
expect 0 import --disk "$(tiny_guest)" --disk "$WORK/data.raw" --name two
expect 0 clone two "$WORK/other/two-0.qcow2" "$WORK/other/two-1.qcow2"
expect 64 clone two "$WORK/other/a.qcow2" "$WORK/third/b.qcow2"
expect_message "must be on one file system"
[ ! -e "$WORK/other/a.qcow2" ] && [ ! -e "$WORK/third/b.qcow2" ] && [ "$(ls "$L/templates/two/pins" | wc -l)" = 1 ] || fail "something is left of what was refused"
expect 66 clone two "$WORK/no/a.qcow2" "$WORK/no/b.qcow2"
[ -z "$(find "$WORK/other" "$WORK/third" -name '.*')" ] || fail "a workspace is left"
[ -z "$(ls -A "$WORK/scratch")" ] || fail "something is left in scratch"
echo ok
