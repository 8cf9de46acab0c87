#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A library that somebody has changed behind coldpatch's back: verify names each change by its object, a generation that
# does not verify backs nothing, and no verb follows a planted link or removes what it leads to.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
L=$WORK/library T=$WORK/library/templates
export COLDPATCH_LIBRARY=$L
sed -i "s,^public-keys:.*,public-keys: [$WORK/keys]," "$WORK/config.yaml"

bad() { jq -r '.findings[] | select(.status == "bad") | "\(.what) \(.object): \(.found)"' "$OUT"; }
sound() {
	OUT=$WORK/out
	cp_run verify --all --json "$@" >"$OUT" 2>"$WORK/err" && return
	cat "$WORK/err"
	bad
	fail "line ${BASH_LINENO[0]}: verify --all $* finds the above"
}
# names WHAT OBJECT FOUND [VERIFY-OPTION...]: verify has this bad finding, and exits 1
names() {
	expect 1 verify --json "${@:4}" $([ $# -gt 3 ] || echo --all)
	bad | grep -F -- "$1 $2: " | grep -qF -- "$3" || { bad; fail "verify does not name $1 $2: $3"; }
}
# notes WHAT OBJECT FOUND: verify tells of it, and nothing is bad because of it
notes() {
	sound
	jq -r '.findings[] | select(.status == "note") | "\(.what) \(.object): \(.found)"' "$OUT" | grep -qxF -- "$1 $2: $3" ||
		{ jq . "$OUT"; fail "verify does not note $1 $2: $3"; }
}
# found PROBLEM: status has it
found() {
	expect 1 status --check
	grep -qF -- "$1" "$OUT" || { cat "$OUT"; fail "status does not name: $1"; }
}
restore() { rm -rf "$L" && cp -a "$WORK/good" "$L" && cp -a "$WORK/base.good" "$WORK/base.qcow2" && rm -f "$WORK"/keys/*.re*; }
fits() { # SCHEMA, of what the last command printed
	python3 -c 'import jsonschema' 2>/dev/null || return 0
	"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" "$1" "$OUT" || fail "it does not fit docs/$1.schema.json"
}
canary() { (cd "$WORK" && find canary -printf '%p %y %m %s %T@ %l\n' | sort; find canary -type f -exec sha256sum {} + | sort) | sha256sum; }
update=(apply web --patchset debian-12-all --executor sandbox --quiet)
refused() { # every verb that builds on the current generation says 76
	local verb
	for verb in "${update[*]}" "clone web $WORK/c.qcow2" "export web -o $WORK/e.qcow2" "path web"; do
		expect 76 $verb
	done
}
# No verb touches what is outside, or removes anything that was there.
harmless() {
	local before verb status
	before=$(canary)
	find "$L" -path "$L/runs" -prune -o -path '*/current' -prune -o ! -name lease ! -name '.tmp-*' ! -path "$L/trash/*" -printf '%p %y %l\n' | sort >"$WORK/before"
	for verb in status "history web" "path web --pin me" "clone web $WORK/c.qcow2" "hold web --reason x" "unhold web --reason x" "${update[*]}" \
		"rollback web" "export web -o $WORK/e.qcow2" "prune --keep-last 9 --dry-run" "verify --all" "log head"; do
		status=0
		timeout 60 "$BUILD/coldpatch" ${verb%% *} --config "$WORK/config.yaml" --quiet $([ "$verb" = "${verb#* }" ] || echo "${verb#* }") >"$WORK/out" 2>"$WORK/err" || status=$?
		[ $status != 70 ] && [ $status -lt 124 ] || { cat "$WORK/err"; fail "coldpatch $verb: exit $status"; }
		[ "$(canary)" = "$before" ] || fail "coldpatch $verb changed something outside of the library"
		rm -f "$WORK"/{c,e}.qcow2*
	done
	find "$L" -path "$L/runs" -prune -o -path '*/current' -prune -o ! -name lease ! -name '.tmp-*' ! -path "$L/trash/*" -printf '%p %y %l\n' | sort >"$WORK/after"
	comm -23 "$WORK/before" "$WORK/after" >"$WORK/lost"
	[ ! -s "$WORK/lost" ] || { cat "$WORK/lost"; fail "a verb removed what is named above"; }
	status=0
	cp_run prune --quiet --keep-last 1 >"$WORK/out" 2>"$WORK/err" || status=$?
	[ $status != 70 ] && [ "$(canary)" = "$before" ] || fail "prune changed something outside of the library"
}

# --- three generations of one template, one of another
cp "$(mini_guest)" "$WORK/base.qcow2"
cp -a "$WORK/base.qcow2" "$WORK/base.good"
expect 0 init
expect 0 import "$WORK/base.qcow2" --name web
expect 0 import "$WORK/base.qcow2" --name db
expect 0 log head web
cp "$OUT" "$WORK/first"
for version in 2.0 3.0; do
	deb=$(victim_deb $version "$WORK") && rm -rf "$WORK/mirror" || exit 1
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	[ $version = 3.0 ] || expect 0 "${update[@]}"
	sleep 1 # a mirror of the same second is not newer
done
expect 0 path web@1 --pin somebody
expect 0 log head
cp "$OUT" "$WORK/second"
expect 0 log head
cmp "$OUT" "$WORK/second" || fail "log head says something else the second time"
expect 0 "${update[@]}"
expect 0 log head
cp "$OUT" "$WORK/third"
[ "$(cut -d' ' -f1,2 "$WORK/third" | tr '\n' ' ')" = "db 1 web 3 " ] || { cat "$WORK/third"; fail "log head"; }
cp -a "$L" "$WORK/good"
base=$(basename "$(ls -d "$L"/bases/*.json)" .json)
mkdir -p "$WORK/canary/web/heads" "$WORK/canary/1"
cp "$T"/web/heads/* "$WORK/canary/web/heads/"
cp -a "$T/web/1" "$T/web/0" "$WORK/canary/web/"
echo precious >"$WORK/canary/file"

sound
[ -z "$(bad)" ] || fail "bad findings, and exit 0"
fits verify
expect 0 log head --json
fits log
expect 0 key list --json
fits keys
expect 0 key retire test --dry-run --json
fits key-end
sound
for what in head key record overlay backing parent-record base current pin generation; do
	jq -e --arg what $what '.findings[] | select(.what == $what and .status == "ok")' "$OUT" >/dev/null || fail "no finding tells that $what is well"
done
sound --since "$WORK/first"
sound --since "$WORK/second"
sound --since "$WORK/third"
grep -v '^web ' "$WORK/third" >"$WORK/without-web"
sound --since "$WORK/without-web"
names log web "the file of --since has no line of it" --since "$WORK/without-web" web
names log web@1 "the file of --since has no line of it" --since "$WORK/without-web" web@1
expect 0 verify web@1 --quick --since "$WORK/third"
expect 0 verify web@1 --json
jq -e '.findings[] | select(.object | test("web/2"))' "$OUT" && fail "verify web@1 looks at generation 2"
expect 66 verify web@7
expect_message "has no generation 7"
expect 66 verify nothing
expect 0 verify web --quick --json
jq -e '.findings[] | select(.what == "overlay")' "$OUT" >/dev/null && fail "verify --quick reads disks"

# --- generations
rm -rf "$T/web/1"
names generation "$T/web/1" "is missing"
names parent-record "$T/web/2/record.sigstore.json" "no generation has this record"
names pin "$(ls "$T"/web/pins/*)" "generation 1 is not there"
harmless; restore; sound

mv "$T/web/1" "$T/x" && mv "$T/web/2" "$T/web/1" && mv "$T/x" "$T/web/2"
names generation "$T/web/1/record.sigstore.json" "is not the record with sha256"
names generation "$T/web/2/record.sigstore.json" "is not the record with sha256"
refused; harmless; restore

mv "$T/web/1/disk0.qcow2" "$T/x" && mv "$T/web/2/disk0.qcow2" "$T/web/1/" && mv "$T/x" "$T/web/2/disk0.qcow2"
names overlay "$T/web/1/disk0.qcow2" "sha256:"
names overlay "$T/web/2/disk0.qcow2" "sha256:"
names backing "$T/web/1/disk0.qcow2" "../1/disk0.qcow2"
restore

chmod u+w "$T/web/1/disk0.qcow2"
names mode "$T/web/1/disk0.qcow2" 0644
printf x | dd of="$T/web/1/disk0.qcow2" bs=1 seek=300000 conv=notrunc status=none
names overlay "$T/web/1/disk0.qcow2" "sha256:"
expect 1 verify web@2 --json
expect 0 verify web@0
expect 0 verify db
harmless; restore; sound

: >"$T/web/2/disk0.qcow2" && chmod a-w "$T/web/2/disk0.qcow2"
found "$T/web/2/disk0.qcow2: is empty"
restore
cp "$T/web/1/disk0.qcow2" "$T/web/1/disk1.qcow2"
names generation "$T/web/1/record.sigstore.json" "tells of 1 disk, there are 2"
restore
qemu-img create -q -f qcow2 "$WORK/data.qcow2" 8M
expect 0 import --quiet --name two --disk "$WORK/base.qcow2" --disk "$WORK/data.qcow2"
rm "$T/two/0/disk1.qcow2"
names generation "$T/two/0/record.sigstore.json" "tells of 2 disks, there are 1"
found "generation 0: $T/two/0/record.sigstore.json: tells of 2 disks, there are 1"
for verb in "path two" "clone two $WORK/c.qcow2" "export two -o $WORK/e.qcow2" "apply two --patchset debian-12-all --executor sandbox"; do
	expect 76 $verb
	expect_message "tells of 2 disks, there are 1"
done
qemu-img create -q -f qcow2 "$WORK/more.qcow2" 16M
rm -r "$T/two"
expect 0 import --quiet --name two --disk "$WORK/base.qcow2" --disk "$WORK/data.qcow2"
expect 0 import --quiet --into two --disk "$WORK/base.qcow2" --disk "$WORK/more.qcow2"
rm "$T/two/0/disk1.qcow2"
expect 0 prune two --dry-run --keep-last 1
grep -q "damaged: .*tells of 2 disks, there are 1" "$OUT" || { cat "$OUT"; fail "prune does not see that a disk is gone"; }
restore
rm "$T/web/2/disk0.qcow2" && echo '{}' >"$T/web/2/pruned.json"
names generation "$T/web/2" "is the current one, and has no disks"
restore
rm "$T/web/2/record.sigstore.json"
names generation "$T/web/2/record.sigstore.json" "not there"
refused; restore
cp "$T/db/0/record.sigstore.json" "$T/web/0/record.sigstore.json" 2>/dev/null || { rm -f "$T/web/0/record.sigstore.json"; cp "$T/db/0/record.sigstore.json" "$T/web/0/"; }
names generation "$T/web/0/record.sigstore.json" "is not the record with sha256"
restore
rm "$T/web/1/disk0.qcow2" && echo '{}' >"$T/web/1/pruned.json"
names parent "$T/web/2/disk0.qcow2" "the generation with it is not in its place"
restore
touch "$T/web/1/notes.txt"
names file "$T/web/1/notes.txt" "nothing of coldpatch's has this name"
restore
mkdir "$T/web/notes"
names file "$T/web/notes" "nothing of coldpatch's has this name"
[ "$(bad | grep -cF "$T/web/notes")" -eq 1 ] || { bad; fail "verify tells of one directory more than once"; }
restore

# --- what people say of it
rm "$T/web/template.json"
names file web "whose code is in it is not known: "
found "$T/web/template.json: not there"
harmless; restore
echo '[]' >"$T/web/template.json"
names file web "whose code is in it is not known: "
found "$T/web/template.json: is no JSON object"
restore

# --- heads
rm -rf "$T/web/heads/000003" "$T/web/2" && ln -sfn 1 "$T/web/current"
sound
sound --since "$WORK/second"
names log web "the log ends at head 2" --since "$WORK/third"
expect 0 "${update[@]}"
names log "$T/web/heads/000003" "sha256:" --since "$WORK/third"
sound --since "$WORK/second"
restore
rm -rf "$T/db"
names log db "no such template" --since "$WORK/third"
restore
echo web 1 >"$WORK/cut"
expect 64 verify --since "$WORK/cut"
expect_message "line 1 is none that \`coldpatch log head\` prints"
: >"$WORK/cut"
expect 64 verify --since "$WORK/cut"
expect_message "has no line, so it tells nothing of any template"

rm "$T/web/heads/000002"
names head "$T/web/heads/000002" "missing"
names head "$T/web/heads/000003" "before it, is missing"
names log web "that head is missing" --since "$WORK/second"
expect 76 log head
expect_message "see coldpatch verify web"
refused; harmless; restore

rm "$T"/web/heads/00000[12]
names head "$T/web/heads/000001" "missing, and all before head 3"
restore
for lost in "$T/web/heads/*" "$T/web/heads"; do
	rm -r $lost
	names head "$T/web/heads" "has no head"
	found "has generations, and no head"
	expect 76 hold web --reason x
	expect_message "web: has generations, and no head: put its heads back from a backup"
	expect 76 import "$WORK/base.qcow2" --name web
	expect_message "web: has generations, and no head: put its heads back from a backup"
	expect 76 log head
	expect_message "web: has generations, and no head: put its heads back from a backup"
	expect 0 prune --keep-last 1 --json
	jq -e '[.templates[].generations[].taken] | any | not' "$OUT" >/dev/null || { cat "$OUT"; fail "prune takes from a template without heads"; }
	refused; harmless
	names head "$T/web/heads" "has no head"
	restore
done
mv "$T/web/heads/000002" "$T/x" && mv "$T/web/heads/000003" "$T/web/heads/000002" && mv "$T/x" "$T/web/heads/000003"
names head "$T/web/heads/000002" "is head 3, put into this place"
names head "$T/web/heads/000003" "is head 2, put into this place"
refused; harmless; restore

rm "$T/web/heads/000001" && cp "$T/db/heads/000001" "$T/web/heads/000001"
names head "$T/web/heads/000001" "is a head of template db"
names head "$T/web/heads/000002" "the head before it is of template db"
harmless; restore
rm "$T/web/heads/000003" && cp "$T/db/heads/000001" "$T/web/heads/000003"
names head "$T/web/heads/000003" "is a head of template db"
expect 76 rollback web
expect_message "web: last head: $T/web/heads/000003: is a head of template db"
rm "$T/web/heads/000003" && echo '{}' >"$T/web/heads/000003"
expect 0 history web
grep -q '^web, generation - is current$' "$OUT" && ! grep -q '(current)' "$OUT" && grep -qE '^3 +- +- +- ' "$OUT" ||
	{ cat "$OUT"; fail "history says what is current, which nobody knows"; }
refused; restore

# a key of somebody else's: the same steps, with a configuration of his own
mkdir "$WORK/other"
expect 0 key generate --directory "$WORK/other" other
sed "s,$WORK/keys\],$WORK/other\, $WORK/keys]," "$WORK/config.yaml" >"$WORK/other.yaml"
"$BUILD/coldpatch" rollback web --config "$WORK/other.yaml" --key "$WORK/other/other.key" >/dev/null || fail "rollback with another key"
names head "$T/web/heads/000004" "none of the"
refused; harmless; restore; sound

# --- bases
chmod u+w "$WORK/base.qcow2"
printf x | dd of="$WORK/base.qcow2" bs=1 seek=1000000 conv=notrunc status=none
names base "$L/bases/$base" "edited behind our back"
expect 76 "${update[@]}"
touch -r "$WORK/base.good" "$WORK/base.qcow2"
names base "$WORK/base.qcow2" "sha256:"
harmless; restore
rm "$WORK/base.qcow2"
names base "$L/bases/$base" "is gone"
restore
rm "$L/bases/$base.json"
names parent "$T/web/0/disk0.qcow2" "no generation and no base has this digest"
restore
other=$(echo "$base" | tr 0-9a-f 1-9a-f0)
sed "s/$base/$other/" "$L/bases/$base.json" >"$L/bases/$other.json"
notes leftover "$L/bases/$other" "not there, and no generation needs it"
restore
ln -sfn "$WORK/canary/file" "$L/bases/$base"
names base "$L/bases/$base" "leads to $WORK/canary/file"
expect 76 "${update[@]}"
harmless; restore; sound

# --- current, which is a view: any command puts it right
ln -sfn 0 "$T/web/current"
names current "$T/web/current" 0
found "current leads to 0, the last head says 2"
expect 0 path web
expect 0 hold web --reason x
[ "$(readlink "$T/web/current")" = 2 ] || fail "current is $(readlink "$T/web/current")"
restore
ln -sfn "$WORK/canary" "$T/web/current"
names current "$T/web/current" "$WORK/canary"
harmless; restore; sound

# --- what a command leaves that was killed on this host: PID.STARTED.BOOT in the name
boot=$(cat /proc/sys/kernel/random/boot_id)/$(readlink /proc/self/ns/pid)
dead=.tmp-run-0.1.1.$(printf %s "$boot" | sha256sum | cut -c-16)
ln -s 2 "$T/web/$dead"
notes leftover "$T/web/$dead" "an unfinished link"
rm "$T/web/$dead" && mkdir "$T/web/$dead"
notes leftover "$T/web/$dead" "whoever made it is gone"
restore

# --- links, everywhere
plant() { # TARGET PLACE: in place of what is there
	rm -rf "${2:?}" && ln -s "$1" "$2"
	names link "$2" "a link to $1"
	harmless; restore
}
plant "$WORK/canary/web" "$T/web"
plant "$WORK/canary/web/heads" "$T/web/heads"
plant "$WORK/canary/web/heads/000002" "$T/web/heads/000002"
plant "$WORK/canary/file" "$T/web/heads/000004"
plant "$WORK/canary/web/1" "$T/web/1"
plant "$WORK/canary/web/1/disk0.qcow2" "$T/web/1/disk0.qcow2"
plant "$WORK/canary/web/1/record.sigstore.json" "$T/web/1/record.sigstore.json"
plant "$WORK/canary/file" "$T/web/1/run.log.zst"
plant "$WORK/canary" "$T/web/3"
plant "$WORK/canary" "$T/web/.tmp-run.1.1.0"
plant "$WORK/canary" "$T/.tmp-run.1.1.0"
plant "$WORK/canary" "$T/web/pins"
plant "$WORK/canary/file" "$T/web/template.json"
plant "$WORK/canary/file" "$T/web/lease"
plant "$WORK/canary" "$L/bases/.tmp-run.1.1.0"
plant "$WORK/canary" "$L/bases"
plant "$WORK/canary" "$L/templates"
plant "$WORK/canary" "$L/trash"
plant "$WORK/canary" "$L/runs"
plant "$WORK/canary" "$L/layers"
plant "$WORK/canary" "$L/plans"
plant "$WORK/canary" "$L/mirror-snapshots"
mkdir "$L/trash" 2>/dev/null
plant "$WORK/canary" "$L/trash/20200101T000000Z-aaaaaa-web-1"
mkdir "$L/trash/20200101T000000Z-aaaaaa-web-1" 2>/dev/null || mkdir -p "$L/trash/20200101T000000Z-aaaaaa-web-1"
plant "$WORK/canary" "$L/trash/20200101T000000Z-aaaaaa-web-1/x"
sound
mkfifo "$T/web/fifo"
names file "$T/web/fifo" "is neither a file nor a directory"
harmless; restore; sound

# --- keys
expect 0 key list
grep -qE '^test +active +signs and verifies ' "$OUT" || { cat "$OUT"; fail "key list"; }
expect 0 key generate --directory "$WORK/twin" test
sed "s,^public-keys:.*,public-keys: [$WORK/keys\, $WORK/twin]," "$WORK/config.yaml" >"$WORK/twins.yaml"
status=0
"$BUILD/coldpatch" key revoke test --config "$WORK/twins.yaml" 2>"$ERR" >/dev/null || status=$?
[ $status = 64 ] || fail "a key whose name another has, too: exit $status"
expect_message "key test: there are several of this name; give the id, as \`coldpatch key list\` prints it"
[ -z "$(ls "$WORK"/*/*.revoked 2>/dev/null)" ] || fail "a key was revoked by half of its name"
expect 66 key revoke nobody
expect_message "key nobody: none of this name"
expect 0 key revoke test --dry-run
[ -z "$(ls "$WORK"/keys/*.revoked 2>/dev/null)" ] || fail "a dry run wrote something"
expect 0 key revoke test
names head "$T/web/heads/000001" "which is revoked"
names head "$T/web/heads/000003" "which is revoked"
refused
expect 77 import "$WORK/base.qcow2" --name fresh
expect_message "is revoked and signs no more"
expect 0 key generate --directory "$WORK/keys" new
sed -i "s,^key:.*,key: $WORK/keys/new.key," "$WORK/config.yaml"
refused; harmless; restore
sed -i "s,^key:.*,key: $WORK/keys/test.key," "$WORK/config.yaml"

expect 0 key revoke test --good "$WORK/second" --json
[ "$(jq -c '[.state, .changed, .good.web.head]' "$OUT")" = '["revoked",true,2]' ] || { cat "$OUT"; fail "key revoke --json"; }
expect 0 key revoke test --good "$WORK/second" --json
[ "$(jq -c .changed "$OUT")" = false ] || fail "the same revocation is said again"
names head "$T/web/heads/000003" "not one of the heads that the revocation calls good"
bad | grep -q "heads/00000[12]" && fail "what is older than the revocation is bad"
names record "$T/web/2/record.sigstore.json" "which is revoked"
expect 0 verify db
expect 77 key retire test
expect_message "is revoked, which is more"
expect 0 key revoke test --good "$WORK/third"
sound
expect 1 verify --record "$T/web/1/record.sigstore.json" --parent-record "$T/web/0/record.sigstore.json" "$T/web/1/disk0.qcow2"
restore

expect 0 key retire test
sound
jq -e '.findings[] | select(.what == "key" and .status == "note" and .found == "retired")' "$OUT" >/dev/null || fail "verify does not tell of a retired key"
expect 77 "${update[@]}"
expect_message "is retired and signs no more"
expect 77 hold web --reason x
expect 0 hold web --reason x --key "$WORK/keys/new.key"
expect 0 unhold web --reason x --key "$WORK/keys/new.key"
sound
expect 0 verify --record "$T/web/1/record.sigstore.json" --parent-record "$T/web/0/record.sigstore.json" "$T/web/1/disk0.qcow2"
expect 0 key list
grep -qE '^test +retired +verifies what is older ' "$OUT" || { cat "$OUT"; fail "key list"; }
# Somebody has a copy of the retired key, and signs with it, later than in the second of its end.
sleep 1
mkdir "$WORK/copy" && cp "$WORK/keys/test.key" "$WORK/copy/"
expect 76 hold web --reason x --key "$WORK/copy/test.key"
expect_message "web: head not published: "
expect_message "after that key was retired"
sound

# A template under another name has no head that verifies: an import of what it was made of says nothing of it.
restore
mv "$T/web" "$T/www"
expect 76 import "$WORK/base.qcow2" --name www --owner mallory
! grep -q mallory "$T/www/template.json" || fail "an import wrote into a template that does not verify"

# Another library that shares the key is named by saying it again; until then nothing of it is good.
restore
expect 0 init -L "$WORK/second-library"
expect 0 import -L "$WORK/second-library" --copy --name far "$(mini_guest)"
expect 0 key retire test
expect 76 path -L "$WORK/second-library" far
expect 0 key retire -L "$WORK/second-library" test --json
[ "$(jq -c '[.changed, (.good | keys)]' "$OUT")" = '[true,["db","far","web"]]' ] || { cat "$OUT"; fail "a second library"; }
expect 0 path -L "$WORK/second-library" far
expect 0 verify -L "$WORK/second-library" --all
sound
exit 0
