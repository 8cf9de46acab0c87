#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Images with backing files, imported by reference: whatever coldpatch says of a chain, QEMU finds the same by the headers
# alone, from the numbered path; moved, squashed, cloned and published, too.  What QEMU would not find is refused or named.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
L=$WORK/library
export COLDPATCH_LIBRARY=$L
of() { jq -r "$1" "$OUT"; }
disk() { echo "$L/templates/$1/$2/disk0.qcow2"; }
digest() { sha256sum <"$1" | cut -d' ' -f1; }
chain() { (cd / && qemu-img info -U --backing-chain --output=json "$1") | jq -r '.[].filename' | xargs -d '\n' realpath | paste -sd' '; }
leads_to() { # FILE BASE...: QEMU's own way down from FILE
	local found
	found=$(chain "$1") || fail "QEMU cannot open the chain of $1"
	[ "$found" = "$*" ] || fail "chain of $1: $found, expected: $*"
}
reads() { # FILE RAW: plain QEMU reads these bytes
	(cd / && qemu-img convert -U -O raw "$1" "$WORK/read.raw" && qemu-io -r -U -f qcow2 -c 'read 0 64k' "$1" >/dev/null) || fail "QEMU cannot read $1"
	cmp "$WORK/read.raw" "$2" || fail "$1: other bytes"
}
fine() {
	expect 0 status --check
	expect 0 verify --all --quick
	expect 0 verify --all
}
found() { # WHAT: both find it
	expect 1 status --check
	grep -qF -- "$1" "$OUT" || { cat "$OUT"; fail "status does not name: $1"; }
	expect 1 verify --all --quick
	grep -qF -- "$1" "$OUT" || { cat "$OUT"; fail "verify does not name: $1"; }
}

expect 0 init
mkdir -p "$WORK/golden/sub" "$WORK/clones" "$WORK/else where"
golden=$WORK/golden
cp --reflink=auto --sparse=always "$(tiny_guest)" "$golden/base.raw"
cd "$golden" || exit 1
qemu-img create -q -f qcow2 -b base.raw -F raw mid.qcow2
qemu-io -f qcow2 -c 'write -P 5 900M 64k' mid.qcow2 >/dev/null
(cd sub && qemu-img create -q -f qcow2 -b ../mid.qcow2 -F qcow2 top.qcow2 && qemu-io -f qcow2 -c 'write -P 7 800M 64k' top.qcow2 >/dev/null)
cd / || exit 1
qemu-img convert -O raw "$golden/sub/top.qcow2" "$WORK/top.raw"
base=$(digest "$golden/base.raw") mid=$(digest "$golden/mid.qcow2") top=$(digest "$golden/sub/top.qcow2")

# --- relative names
expect 0 import --name web --backing "$golden/mid.qcow2" --backing "$golden/base.raw" "$golden/sub/top.qcow2"
leads_to "$(disk web 0)" "$golden/sub/top.qcow2" "$golden/mid.qcow2" "$golden/base.raw"
reads "$(disk web 0)" "$WORK/top.raw"
expect 0 import --name mid --backing "$golden/base.raw" "$golden/mid.qcow2"
leads_to "$(disk mid 0)" "$golden/mid.qcow2" "$golden/base.raw"
fine
expect 0 import --json --name web --backing "$golden/mid.qcow2" --backing "$golden/base.raw" "$golden/sub/top.qcow2"
[ "$(of .changed)" = false ] || fail "imported once more"
printf '%s\n' "clone-roots: [$WORK/clones]" "publish: $WORK/published" "chain-depth: 1" >"$L/coldpatch.yaml"
expect 0 clone web@0 "$WORK/clones/vm.qcow2"
reads "$WORK/clones/vm.qcow2" "$WORK/top.raw"
expect 0 export web@0 -o "$WORK/web.raw" --format raw
cmp "$WORK/web.raw" "$WORK/top.raw" || fail "exported"
rm "$WORK/web.raw"

# --- patched, published, squashed onto the base
for version in 2.0 3.0; do
	deb=$(victim_deb $version "$WORK") && rm -rf "$WORK/mirror" || exit 1
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	expect 0 apply --json web --patchset debian-12-all --snapshot "$(of '.digest // .[0].digest')" --executor sandbox
done
[ "$(of .squashed)" = true ] || { jq . "$OUT"; fail "generation 2 is not squashed"; }
leads_to "$(disk web 1)" "$(disk web 0)" "$golden/sub/top.qcow2" "$golden/mid.qcow2" "$golden/base.raw"
leads_to "$(disk web 2)" "$golden/sub/top.qcow2" "$golden/mid.qcow2" "$golden/base.raw"
qemu-img convert -O raw "$(disk web 2)" "$WORK/web2.raw"
reads "$WORK/published/web-g2.qcow2" "$WORK/web2.raw"
fine
# What a clone on the base itself needs is not pruned.
qemu-img create -q -f qcow2 -b "$L/bases/$mid/mid.qcow2" -F qcow2 "$WORK/clones/on-base.qcow2"
touch -d '3 hours ago' "$L"/bases/*.json
rm -rf "$L/templates/mid"
expect 0 prune --json
[ "$(of '[.removed[] | select(.what == "base")] | length')" = 0 ] || fail "a base that is used was taken"

# --- moved: bottom up, under their names
mv "$golden" "$WORK/silver"
silver=$WORK/silver
expect 1 status --check
# Nobody knows what a base lies on while it is gone: it may be a generation.
expect 77 prune --keep-last 1
expect_message "the base is gone; if it was moved: coldpatch relocate"
expect 66 relocate "$mid" "$silver/mid.qcow2"
expect_message "base $golden/base.raw: is gone; if it was moved: coldpatch relocate $base PATH"
expect 0 relocate "$base" "$silver/base.raw"
mv "$silver/mid.qcow2" "$silver/other.qcow2"
expect 77 relocate "$mid" "$silver/other.qcow2"
expect_message "call the file so there, too"
mv "$silver/other.qcow2" "$silver/mid.qcow2"
expect 0 relocate "$mid" "$silver/mid.qcow2"
expect 0 relocate "$top" "$silver/sub/top.qcow2"
expect 0 relocate --json "$top" "$silver/sub/top.qcow2"
[ "$(of '"\(.changed) \(.msg)"')" = "false is there already" ] || { cat "$OUT"; fail "relocated to where it is"; }
fine
leads_to "$(disk web 2)" "$silver/sub/top.qcow2" "$silver/mid.qcow2" "$silver/base.raw"
reads "$WORK/clones/vm.qcow2" "$WORK/top.raw"
reads "$WORK/published/web-g2.qcow2" "$WORK/web2.raw"

# --- moved from below another: not without a link where the header looks
mv "$silver/base.raw" "$WORK/else where/lower.raw"
for dry in --dry-run ""; do
	expect 77 relocate $dry "$base" "$WORK/else where/lower.raw"
	expect_message "base $silver/mid.qcow2: its header names base.raw, that is $silver/"
	expect_message "leave a link there (ln -s '$WORK/else where/lower.raw' $silver/"
	cp "$ERR" "$WORK/advice"
done
found "relocate $base"
# Another file is told as another file, and one in the library, where prune would find it, is none to rely on.
expect 76 relocate "$base" "$silver/mid.qcow2"
expect_message "another file"
expect 65 relocate "$base" "$silver"
mkdir -p "$L/trash/20200101T000000Z-abcdef-x-1" && cp "$WORK/else where/lower.raw" "$L/trash/20200101T000000Z-abcdef-x-1/disk0.raw"
expect 64 relocate "$base" "$L/trash/20200101T000000Z-abcdef-x-1/disk0.raw"
expect_message "lies in the library; name a place outside"
rm -r "$L/trash/20200101T000000Z-abcdef-x-1"
eval "$(grep -o 'ln -s [^)]*' "$WORK/advice")" || fail "what the message advises does not work"
expect 0 relocate "$base" "$WORK/else where/lower.raw"
fine
leads_to "$(disk web 2)" "$silver/sub/top.qcow2" "$silver/mid.qcow2" "$WORK/else where/lower.raw"
reads "$(disk web 0)" "$WORK/top.raw"
# Another file where the header leads: the library would read one, and QEMU the other.
rm "$silver/base.raw" && cp --reflink=auto --sparse=always "$WORK/else where/lower.raw" "$silver/base.raw"
found "its header names base.raw"
expect 76 export web -o "$WORK/none.qcow2"
expect_message "its header names base.raw"
rm "$silver/base.raw" && ln -s "$WORK/else where/lower.raw" "$silver/base.raw"
# What the .json says of a header is what the header says.
cp "$L/bases/$mid.json" "$WORK/mid.json"
jq -c --arg name ./base.raw '.backingName = $name' "$WORK/mid.json" >"$L/bases/$mid.json"
expect 1 verify --all --quick
grep -q "^bad *backing" "$OUT" || { cat "$OUT"; fail "a .json that lies is not found"; }
cp "$WORK/mid.json" "$L/bases/$mid.json"
fine

# --- absolute names: a link to the file, which may be called otherwise later
qemu-img create -q -f qcow2 -b "$silver/mid.qcow2" -F qcow2 "$WORK/absolute.qcow2"
expect 0 import --name absolute "$WORK/absolute.qcow2"
mv "$WORK/absolute.qcow2" "$WORK/renamed.qcow2"
expect 0 relocate "$(digest "$WORK/renamed.qcow2")" "$WORK/renamed.qcow2"
leads_to "$(disk absolute 0)" "$WORK/renamed.qcow2" "$silver/mid.qcow2" "$WORK/else where/lower.raw"
mv "$silver/mid.qcow2" "$WORK/else where/mid.qcow2"
expect 77 relocate "$mid" "$WORK/else where/mid.qcow2"
mv "$WORK/else where/mid.qcow2" "$silver/mid.qcow2"
fine

# --- the same content twice, one of them below an image: refused before anything is made
cp --reflink=auto --sparse=always "$WORK/else where/lower.raw" "$WORK/twin.raw"
qemu-img create -q -f qcow2 -b twin.raw -F raw "$WORK/a twin.qcow2"
qemu-io -f qcow2 -c 'write -P 9 700M 64k' "$WORK/a twin.qcow2" >/dev/null
for dry in --dry-run ""; do
	expect 65 import $dry --name twin --backing "$WORK/twin.raw" "$WORK/a twin.qcow2"
	expect_message "the library has a file of the same content as a base, $WORK/else where/lower.raw"
done
[ ! -e "$L/templates/twin" ] && [ ! -e "$L/bases/$(digest "$WORK/a twin.qcow2")" ] || fail "something of what was refused is there"
eval "$(grep -o 'qemu-img rebase -u [^)]*' "$ERR")" || fail "what the message advises does not work"
expect 0 import --name twin "$WORK/a twin.qcow2"
leads_to "$(disk twin 0)" "$WORK/a twin.qcow2" "$WORK/else where/lower.raw"
fine
# The other way round there is nothing to refuse.
cp --sparse=always "$silver/sub/top.qcow2" "$silver/sub/same.qcow2"
expect 0 import --name same "$silver/sub/same.qcow2"
leads_to "$(disk same 0)" "$silver/sub/top.qcow2" "$silver/mid.qcow2" "$WORK/else where/lower.raw"
fine
echo "chains: QEMU finds what the library knows"
