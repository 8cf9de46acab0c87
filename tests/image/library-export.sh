#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An exported file stands alone: no backing file, no internal snapshot, the guest's bytes, and it verifies with its record
# and a public key in an empty directory.  In check-full it boots.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
L=$WORK/library
export COLDPATCH_LIBRARY=$L
trap 'umount "$WORK/small" 2>/dev/null; rm -rf "$WORK"' EXIT
fits() { # SCHEMA, of what the last command printed
	cp "$OUT" "$WORK/document.json"
	"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" "$1" "$WORK/document.json" || fail "it does not fit docs/$1.schema.json"
}
of() { jq -r "$1" "$OUT"; }

expect 0 init
overlay_of "$(tiny_guest)" "$WORK/base.qcow2" raw
qemu-img snapshot -c inside "$WORK/base.qcow2"
expect 0 import "$WORK/base.qcow2" --backing "$(tiny_guest)" --name web
mkdir "$WORK/exports" "$WORK/empty"
mkfs.ext4 -q "$WORK/data.raw" 8M
expect 0 import --disk "$WORK/base.qcow2" --disk "$WORK/data.raw" --backing "$(tiny_guest)" --name two

alone() { # FILE RECORD: exits as verify does, on a host that knows neither library nor key
	mkdir -p "$WORK/elsewhere" && cp --sparse=always "$1" "$WORK/elsewhere/" && cp "$2" "$WORK/elsewhere/r.json" && cp "$WORK/keys/test.pub" "$WORK/elsewhere/k.pub"
	echo "state: $WORK/elsewhere/state" >"$WORK/elsewhere/config.yaml"
	(cd "$WORK/elsewhere" && env -u COLDPATCH_LIBRARY "$BUILD/coldpatch" verify --config config.yaml --public-key k.pub --record r.json "$(basename "$1")") >"$WORK/alone" 2>&1
}
for format in qcow2 raw vmdk; do
	file=$WORK/exports/web.$format
	expect 0 export web -o "$file" --format $format --json --actor me --reason why
	fits export
	[ "$(of '"\(.changed) \(.generation) \(.code)"')" = "true 0 0" ] || fail "summary: $(cat "$OUT")"
	[ "$(of '.files[0].sha256')" = "$(sha256sum <"$file" | cut -d' ' -f1)" ] || fail "sha256"
	info=$(qemu-img info --output=json "$file")
	[ "$(jq -r '.format, ."backing-filename", .snapshots' <<<"$info" | paste -sd' ')" = "$format null null" ] || fail "not alone: $info"
	qemu-img compare -q "$file" "$L/templates/web/0/disk0.qcow2" || fail "$format: other bytes"
	content=$(of '.files[0].content')
	alone "$file" "$file.sigstore.json" || { cat "$WORK/alone"; fail "$format does not verify alone"; }
	grep -q "^ok *export" "$WORK/alone" && grep -q "^ok *sha512" "$WORK/alone" || { cat "$WORK/alone"; fail "digests were not compared"; }
	rm -rf "$WORK/elsewhere"
done
[ "$content" = "$("$TEST_TOP/tests/image/content-digest.py" "$WORK/exports/web.raw")" ] || fail "content digest"
strings -n 8 "$WORK/exports/web.vmdk" | grep -qF 'SPARSE "web.vmdk"' || fail "the vmdk calls itself otherwise"
payload=$(jq -r .dsseEnvelope.payload "$WORK/exports/web.raw.sigstore.json" | base64 -d)
[ "$(jq -r .predicate.buildDefinition.buildType <<<"$payload")" = urn:coldpatch:export:v1 ] || fail "build type"
[ "$(jq -r '.subject[0].digest.sha512' <<<"$payload")" = "$(sha512sum <"$WORK/exports/web.raw" | cut -d' ' -f1)" ] || fail "sha512"
[ "$(jq -r '.predicate.buildDefinition.resolvedDependencies[0].digest.sha256' <<<"$payload")" = "$(sha256sum <"$L/templates/web/0/record.sigstore.json" | cut -d' ' -f1)" ] || fail "it does not name the generation's record"
expect 0 verify "$WORK/exports/web.raw" --record "$WORK/exports/web.raw.sigstore.json"
grep -q "^gap *generation-record" "$OUT" || fail "the generation's record was not given, and that is not said"
expect 0 verify "$WORK/exports/web.raw" --record "$WORK/exports/web.raw.sigstore.json" --parent-record "$L/templates/web/0/record.sigstore.json"
grep -q "^ok *generation-record" "$OUT" || fail "the generation's record was not compared"
expect 1 verify "$WORK/exports/web.raw" --record "$WORK/exports/web.raw.sigstore.json" --parent-record "$L/templates/two/0/record.sigstore.json"
expect 1 verify "$WORK/exports/web.vmdk" --record "$WORK/exports/web.raw.sigstore.json"
cp "$WORK/exports/web.qcow2" "$WORK/changed.qcow2" && chmod u+w "$WORK/changed.qcow2"
printf x | dd of="$WORK/changed.qcow2" bs=1 seek=2000000 conv=notrunc status=none
expect 1 verify "$WORK/changed.qcow2" --record "$WORK/exports/web.qcow2.sigstore.json"
grep -q "^bad *export" "$OUT" && grep -q "^bad *sha512" "$OUT" || fail "a changed file: $(cat "$OUT")"
expect 0 key generate --directory "$WORK/keys" other
expect 1 verify "$WORK/exports/web.qcow2" --record "$WORK/exports/web.qcow2.sigstore.json" --public-key "$WORK/keys/other.pub"

# Several disks: a file each, one record.
expect 0 export two -o "$WORK/exports/two.qcow2" --record "$WORK/exports/two.json"
for i in 0 1; do
	qemu-img compare -q "$WORK/exports/two-disk$i.qcow2" "$L/templates/two/0/disk$i.qcow2" || fail "disk $i"
	expect 0 verify "$WORK/exports/two-disk$i.qcow2" --record "$WORK/exports/two.json"
done

# What is refused leaves nothing.
nothing() { # CODE MESSAGE ARGS...
	expect "$1" export "${@:3}"
	expect_message "$2"
	[ -z "$(ls -A "$WORK/empty")" ] || { ls -lA "$WORK/empty"; fail "something is left"; }
}
nothing 64 "exists already" web -o "$WORK/exports/web.raw"
nothing 64 "none of qcow2, raw, vmdk" web -o "$WORK/empty/x" --format vdi
nothing 66 "web" web@7 -o "$WORK/empty/x"
nothing 66 "nothing" nothing -o "$WORK/empty/x"
nothing 66 "for $WORK/no/x" web -o "$WORK/no/x"
nothing 78 "signing key" web -o "$WORK/empty/x" --key "$WORK/nokey"
expect 0 export web -o "$WORK/empty/x" --dry-run --json
fits export
[ -z "$(ls -A "$WORK/empty")" ] || fail "a dry run wrote something"
mkdir "$WORK/small" && mount -t tmpfs -o size=20M tmpfs "$WORK/small" || fail "mount"
expect 73 export web -o "$WORK/small/x.qcow2"
expect_message "No space left"
[ -z "$(ls -A "$WORK/small")" ] || { ls -lA "$WORK/small"; fail "something is left where there was no room"; }
[ "$(grep -c '^coldpatch: ' "$ERR")" = 1 ] || { cat "$ERR"; fail "not one line of message"; }
# The record of the generation says what a guest must see: bytes that changed behind our back do not get out.
cp --sparse=always "$(tiny_guest)" "$WORK/b.raw" && printf x | dd of="$WORK/b.raw" bs=1 seek=700 conv=notrunc status=none
expect 0 import "$WORK/b.raw" --name changed
stamp=$(stat -c %y "$WORK/b.raw")
printf y | dd of="$WORK/b.raw" bs=1 seek=700 conv=notrunc status=none && touch -d "$stamp" "$WORK/b.raw"
nothing 76 "content digest" changed -o "$WORK/empty/x"
[ -z "$(ls -A "$WORK/scratch")" ] || fail "something is left in scratch"

[ -n "${COLDPATCH_TEST_FULL:-}" ] || exit 0
# The demo guest's own disk boots, exported as what other hypervisors take.
expect 0 import "$(demo_guest)" --name demo
expect 0 export demo -o "$WORK/exports/demo.vmdk" --format vmdk
mkfifo "$WORK/console"
timeout 900 qemu-system-x86_64 -m 1024 -nographic -snapshot -net none -monitor none -serial stdio \
	-drive "file=$WORK/exports/demo.vmdk,format=vmdk,if=virtio" >"$WORK/console" 2>/dev/null </dev/null &
machine=$!
grep -aqm1 "login: " "$WORK/console" || fail "the exported guest does not reach its login prompt"
kill "$machine"
echo ok
