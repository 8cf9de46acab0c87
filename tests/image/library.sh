#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The library's verbs on a real guest: import in all its forms, apply, history, path, clone, rollback, hold, and that
# neither a base nor a numbered path ever changes.
set -u
. "$(dirname "$0")/../lib.sh"
workdir
L=$WORK/library
T=$L/templates
done_so() { expect 0 "$1" -L "$L" --quiet "${@:2}"; }
current() { readlink "$T/$1/current"; }
digest() { sha256sum <"$1"; }
chain() { (cd / && qemu-img info --backing-chain --output=json "$1") | jq -r '.[]."filename"' | xargs realpath; }

done_so init
done_so mirror snapshot --keyring "$KEYRING" "$(small_mirror)"
[ -d "$L/mirror-snapshots" ] && [ ! -e "$WORK/store" ] || fail "the library is not the store"

# By reference: the file stays, and what is in the library is an empty overlay.
base=$WORK/golden/web.qcow2
mkdir "$WORK/golden"
cp --reflink=auto --sparse=always "$(small_guest)" "$base"
before=$(digest "$base")
done_so import --json --owner platform --purpose "web servers" --review-by 2027-06-30 --actor anna --reason "first one" "$base"
[ "$(jq -r '[.image, .changed, .code, .generation] | join(" ")' "$OUT")" = "web true 0 0" ] || { cat "$OUT"; fail "summary of an import"; }
RUN=$(jq -r .run "$OUT")
[ -s "$L/runs/$RUN/web/summary.json" ] || fail "the import's run kept nothing"
done_so import --json "$base"
[ "$(jq -r '[.changed, .code] | join(" ")' "$OUT")" = "false 0" ] || fail "a second import changed something"
[ "$(current web)" = 0 ] || fail "current is $(current web)"
[ "$(chain "$T/web/0/disk0.qcow2" | tail -n 1)" = "$base" ] || fail "the chain does not end at the base"
[ "$(chain "$T/web/current/disk0.qcow2" | tail -n 1)" = "$base" ] || fail "the chain through current does not end at the base"

# The template is what its image is.
done_so inspect --packages web
cp "$OUT" "$WORK/packages.template"
expect 0 inspect --packages "$base"
cmp "$OUT" "$WORK/packages.template" || fail "the template is another guest than its image"

# An update becomes a generation.
done_so clone web "$WORK/clone.qcow2"
done_so plan --patchset debian-12-all --allow-left-behind -o "$WORK/plan.json" web
done_so apply --json --plan "$WORK/plan.json" --executor sandbox --allow-left-behind --actor anna --reason "monthly updates" web
[ "$(jq -r '[.image, .changed, .generation] | join(" ")' "$OUT")" = "web true 1" ] || { jq . "$OUT"; fail "summary of an apply"; }
RUN=$(jq -r .run "$OUT")
[ "$(jq -r .record "$OUT")" = "$T/web/1/record.sigstore.json" ] || fail "the record is elsewhere"
[ -s "$L/runs/$RUN/web/log" ] && [ -s "$L/runs/$RUN/web/plan.json" ] || fail "the run's directory lacks plan or log"
zstd -dcq "$T/web/1/run.log.zst" | cmp - "$L/runs/$RUN/web/log" || fail "the generation's log is not the run's"
[ "$(current web)" = 1 ] || fail "current is $(current web)"
[ "$(ls -A "$T/web/1" | tr '\n' ' ')" = "disk0.qcow2 record.sigstore.json run.log.zst " ] || { ls -lA "$T/web/1"; fail "what is in a generation"; }
[ -z "$(find "$T/web/1" -type f -perm /222)" ] || fail "a generation's file can be written"
[ -z "$(find "$T/web/1" -name '*.zst' -perm /007)" ] || fail "others can read a log"
chain "$T/web/1/disk0.qcow2" >"$WORK/chain"
diff "$WORK/chain" - <<<"$T/web/1/disk0.qcow2"$'\n'"$T/web/0/disk0.qcow2"$'\n'"$base" || fail "the chain"
[ "$(digest "$base")" = "$before" ] || fail "the base changed"
zero=$(digest "$T/web/0/disk0.qcow2") one=$(digest "$T/web/1/disk0.qcow2")
expect 0 verify --record "$T/web/1/record.sigstore.json" --parent-record "$T/web/0/record.sigstore.json" "$T/web/1/disk0.qcow2"
! grep -q '^gap' "$OUT" || { cat "$OUT"; fail "the record does not reach back to the import"; }

# The same plan once more: the head has moved on.
expect 75 apply -L "$L" --quiet --plan "$WORK/plan.json" --executor sandbox --allow-left-behind web
done_so plan --patchset debian-12-all --check --allow-left-behind web
expect 77 apply -L "$L" --quiet --patchset debian-12-all --allow-left-behind web@0
expect_message "generation 0 is not the current one; roll back to it first"

# A clone reads what it read.
[ "$(qemu-img info --output=json "$WORK/clone.qcow2" | jq -r '."backing-filename"')" = "$T/web/0/disk0.qcow2" ] || fail "a clone on another path"
reads_base() { (cd / && qemu-img compare "$1" "$base" >/dev/null); }
reads_base "$WORK/clone.qcow2" || fail "the clone reads something else"
! reads_base "$T/web/current/disk0.qcow2" || fail "the update changed nothing"
grep -qF "$WORK/clone.qcow2" "$T"/web/pins/0-* || fail "the clone pins nothing"
done_so path web
[ "$(cat "$OUT")" = "$T/web/1/disk0.qcow2" ] || fail "path of the current generation"
done_so path --pin vm-42 web@0
done_so path --pin vm-42 web@0
[ "$(cat "$OUT")" = "$T/web/0/disk0.qcow2" ] || fail "path of generation 0"
[ "$(ls "$T/web/pins" | wc -l)" = 2 ] || fail "the same pin twice"

# Back, and the undone plan is refused until somebody says otherwise.
done_so rollback --json --actor bert --reason "nginx does not start" --until 7d web
[ "$(jq -r '[.changed, .generation] | join(" ")' "$OUT")" = "true 0" ] || { cat "$OUT"; fail "summary of a rollback"; }
[ "$(current web)" = 0 ] || fail "current after a rollback is $(current web)"
expect 77 apply -L "$L" --quiet --plan "$WORK/plan.json" --executor sandbox --allow-left-behind web
expect_message " of this plan, was rolled back, and is refused until"
done_so rollback --json --run "$RUN"
[ "$(jq -r .changed "$OUT")" = false ] || fail "a run that is undone was undone again"
done_so rollback --to 1 web
[ "$(current web)" = 1 ] || fail "forward again"
done_so rollback --run "$RUN"
[ "$(current web)" = 0 ] || fail "a run is not rolled back"
done_so unhold web

# Held: refused, and said why.
done_so hold --reason "audit in progress" --until 30d web
expect 77 apply -L "$L" --quiet --patchset debian-12-all --executor sandbox --allow-left-behind web
expect_message "web: is held until"
expect_message "audit in progress"
done_so status --json web
hold=$(jq -c '.templates[0].hold' "$OUT")
jq -e '.templates[0].hold | (keys == ["actor", "reason", "since", "until"]) and .reason == "audit in progress" and .until > .since' "$OUT" >/dev/null || { cat "$OUT"; fail "a hold in status"; }
done_so history --json web
[ "$(jq -c .hold "$OUT")" = "$hold" ] || { jq .hold "$OUT"; fail "a hold in history is not that in status"; }
done_so unhold web
done_so apply --patchset debian-12-all --executor sandbox --allow-left-behind web
[ "$(current web)" = 2 ] || fail "a number was used twice: $(current web)"
[ "$(digest "$T/web/0/disk0.qcow2") $(digest "$T/web/1/disk0.qcow2")" = "$zero $one" ] || fail "a generation changed"

# The whole of it in the history.
done_so history --json web
[ "$(jq -c '[.heads[].kind]' "$OUT")" = '["import","commit","rollback","rollback","rollback","release","hold","release","commit"]' ] || { jq .heads "$OUT"; fail "the heads"; }
[ "$(jq -c '[.generations[] | [.number, .before, .below, .kind]]' "$OUT")" = '[[0,null,null,"import"],[1,0,0,"commit"],[2,0,0,"commit"]]' ] || { jq .generations "$OUT"; fail "the generations"; }
[ "$(jq -r '.generations[0].bases[0].path' "$OUT")" = "$base" ] || fail "the base in the history"
[ "$(jq '[.generations[].problem, .heads[].problem] | map(select(. != null)) | length' "$OUT")" = 0 ] || fail "a problem in the history"
done_so history web
grep -q '^web, generation 2 is current' "$OUT" && grep -q 'nginx does not start' "$OUT" && grep -q 'owner platform, purpose web servers, review by 2027-06-30' "$OUT" ||
	{ cat "$OUT"; fail "the history for people"; }

# A rebuilt image comes in as a new generation; the same once more is none.
rebuilt=$WORK/golden/rebuilt.qcow2
cp --reflink=auto --sparse=always "$base" "$rebuilt"
qemu-io -f qcow2 -c 'write -P 7 900M 64k' "$rebuilt" >/dev/null
qemu-img create -q -f qcow2 "$WORK/golden/data.qcow2" 1M
done_so import --dry-run --into web --disk "$rebuilt" --disk "$WORK/golden/data.qcow2"
expect_message "web: generation 2 has 1 disk, what is imported has 2"
expect 0 init -L "$WORK/pair"
expect 0 import -L "$WORK/pair" --copy --name two --disk "$rebuilt" --disk "$WORK/golden/data.qcow2"
expect 64 clone -L "$WORK/pair" two "$WORK/one.qcow2" "$WORK/one.qcow2"
expect_message "$WORK/one.qcow2: is named twice"
expect 64 clone -L "$WORK/pair" two "$WORK/one.qcow2"
expect_message "2 disks, but 1 file to make"
rm -r "$WORK/pair" "$WORK/golden/data.qcow2"
done_so import --into web --reason rebuilt "$rebuilt"
[ "$(current web)" = 3 ] || fail "import --into: $(current web)"
done_so import --json --into web "$rebuilt"
[ "$(jq -r .changed "$OUT")" = false ] || fail "the same rebuilt image twice"
# What somebody went back from is not in force: the same image comes in anew.
done_so rollback web --to 2
done_so import --json --into web "$rebuilt"
[ "$(jq -r .changed "$OUT") $(current web)" = "true 4" ] || { cat "$OUT"; fail "an image that was rolled back, imported again"; }
done_so rollback web --to 3
jq -r .dsseEnvelope.payload "$T/web/3/record.sigstore.json" | base64 -d | jq -e '.predicate.buildDefinition | .buildType == "urn:coldpatch:import:v1" and
	([.resolvedDependencies[] | select(.name == "parent-record") | .annotations.note] | .[0] | test("nothing is known"))' >/dev/null || fail "the record of an import into a template"

# Copies: the library has its own, shared by two templates; the originals may go.
overlay_of "$base" "$WORK/golden/db.qcow2"
qemu-io -f qcow2 -c 'write -P 5 800M 64k' "$WORK/golden/db.qcow2" >/dev/null
overlay_of "$base" "$WORK/golden/mail.qcow2"
mv "$rebuilt" "$WORK/rebuilt.qcow2"
copies=$WORK/copies
mkdir "$copies"
for name in db mail; do cp "$WORK/golden/$name.qcow2" "$copies/"; qemu-img rebase -u -F qcow2 -b web.qcow2 "$copies/$name.qcow2"; done
cp --reflink=auto --sparse=always "$base" "$copies/web.qcow2"
L2=$WORK/second
expect 0 init -L "$L2"
expect 0 import -L "$L2" --quiet --json --copy "$copies"
[ "$(jq -c '[.code, (.results | map(.image))]' "$OUT")" = '[0,["db","mail"]]' ] || { cat "$OUT"; fail "import of a directory"; }
[ "$(ls "$L2"/bases/*.json | wc -l)" = 3 ] || { ls "$L2/bases"; fail "the base below both is not shared"; }
expect 0 import -L "$L2" --quiet --json --move --name moved "$copies/mail.qcow2" --backing "$copies/web.qcow2"
[ ! -e "$copies/mail.qcow2" ] && [ -e "$copies/web.qcow2" ] && [ -e "$copies/db.qcow2" ] || fail "what a move takes away"
expect_message "$copies/web.qcow2: is copied, and stays: $copies/db.qcow2 needs it"
rm -r "$copies"
expect 0 inspect -L "$L2" --packages db
cmp "$OUT" "$WORK/packages.template" || fail "the copy is another guest"
qemu-img check -q "$L2/templates/db/0/disk0.qcow2" || fail "qemu-img check of a copied chain"
(cd / && qemu-img compare "$L2/templates/db/0/disk0.qcow2" "$WORK/golden/db.qcow2" >/dev/null) || fail "the copied chain differs"
(cd / && qemu-img compare "$L2/templates/moved/current/disk0.qcow2" "$WORK/golden/mail.qcow2" >/dev/null) || fail "the moved chain differs"

# A move takes nothing out of a library, by whichever path it is named; and nobody else puts a file there.
expect 0 clone -L "$L2" moved "$WORK/taken.qcow2"
qemu-io -f qcow2 -c 'write -P 6 850M 64k' "$WORK/taken.qcow2" >/dev/null || fail qemu-io
mkdir "$WORK/again" && mount --bind "$L2" "$WORK/again" || fail "mount"
trap 'umount "$WORK/again"; rm -rf "$WORK"' EXIT
qemu-img rebase -u -F qcow2 -b "$WORK/again/templates/moved/0/disk0.qcow2" "$WORK/taken.qcow2"
before_move=$(find "$L2" -type f | sort)
backing=()
while read -r file; do backing+=(--backing "$file"); done < <(qemu-img info -U --backing-chain --output=json "$WORK/taken.qcow2" | jq -r '.[1:][].filename')
expect 0 init -L "$WORK/third"
expect 0 import -L "$WORK/third" --quiet --move --name taken "$WORK/taken.qcow2" "${backing[@]}"
[ ! -e "$WORK/taken.qcow2" ] || fail "the clone itself was not moved"
[ "$(find "$L2" -type f | sort)" = "$before_move" ] || fail "files of a library were moved away"
outside() { expect 64 "$@"; expect_message "lies in a library; name a place outside"; }
outside clone -L "$L2" moved "$WORK/again/templates/db/0/vm.qcow2"
outside export -L "$L2" moved -o "$L/exported.qcow2"
outside apply --output "$L/bases/o.qcow2" --record "$WORK/o.json" --patchset debian-12-all --executor sandbox "$base"
outside apply --output "$WORK/o.qcow2" --record "$L/o.json" --patchset debian-12-all --executor sandbox "$base"
outside plan --patchset debian-12-all -o "$T/web/0/plan.json" "$base"
outside mirror want -o "$T/web/0/want" "$base"
outside init -L "$L/templates/x"
mkdir "$WORK/a part" && mount --bind "$L2/templates/moved/0" "$WORK/a part" || fail "mount"
outside clone -L "$L2" moved "$WORK/a part/vm.qcow2"
outside export -L "$L2" moved -o "$WORK/a part/vm.qcow2"
umount "$WORK/a part"
umount "$WORK/again"
trap 'rm -rf "$WORK"' EXIT

reads_base "$WORK/clone.qcow2" || fail "the clone reads something else by now"
[ "$(digest "$base")" = "$before" ] || fail "the base changed"
[ -z "$(ls -A "$WORK/scratch")" ] || fail "something is left in scratch"
[ -z "$(find "$L" "$L2" -name '.*' -path '*/templates/*' ! -name .tmp-lease ! -name '.lease')" ] || { find "$L" "$L2" -name '.*'; fail "something is left in the library"; }
echo "library: import, apply, history, path, clone, rollback and hold do what they say"
