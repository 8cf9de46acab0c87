#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a library keeps and what it lets go: linked clones read the same bytes whatever happens to their template, prune
# takes only what nobody needs and can be outrun by a rollback, the published directory follows, a moved base is found.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
command -v strace >/dev/null || skip "needs strace"
workdir
L=$WORK/library
mkdir "$WORK/clones"
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$WORK"' EXIT

of() { jq -r "$1" "$OUT"; }
disk() { echo "$L/templates/web/$1/disk0.qcow2"; }
same() { qemu-img compare -q -U "$1" "$2" || fail "$1 and $2 read differently"; }
update() { # VERSION: a mirror that has it, and the next generation
	local deb
	deb=$(victim_deb "$1" "$WORK") && rm -rf "$WORK/mirror" || exit 1
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	expect 0 apply web --patchset debian-12-all --snapshot "$(of '.digest // .[0].digest')" --executor sandbox
}
would() { # keep|take GENERATION REASON [OPTION...]
	local taken=false item
	[ "$1" = take ] && taken=true
	expect 0 prune web --dry-run --json "${@:4}"
	item=$(of ".templates[0].generations[] | select(.generation == $2) | \"\(.taken) \(.reason)\"")
	[ "$item" = "$taken $3" ] || fail "prune ${*:4}, generation $2: $item, expected: $taken $3"
}
whole() { [ -e "$(disk "$1")" ] || fail "generation $1 is not there"; }
pruned() { [ ! -e "$(disk "$1")" ] && [ -e "$L/templates/web/$1/record.sigstore.json" ] || { cat "$OUT"; fail "generation $1 was not pruned"; }; }
fine() { expect 0 status --check || fail "status finds something"; }
found() { # WHAT: status --check finds it
	expect 1 status --check
	grep -qF -- "$1" "$OUT" || { cat "$OUT"; fail "status does not name: $1"; }
}
fits() { # SCHEMA, of what the last command printed
	cp "$OUT" "$WORK/document.json"
	"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" "$1" "$WORK/document.json" || fail "it does not fit docs/$1.schema.json"
}
verifies() { expect 0 verify web; } # every record, head and disk of it
in_trash() { find "$L/trash" -mindepth 2 -maxdepth 2 -name "$1" | grep -q .; }

expect 64 status
expect_message "no library is given"
export COLDPATCH_LIBRARY=$L
expect 66 status
expect 0 init
printf '%s\n' "clone-roots: [$WORK/clones]" "publish: $WORK/published" >"$L/coldpatch.yaml"
cp --sparse=always "$(tiny_guest)" "$WORK/base.raw"
base=$(sha256sum <"$WORK/base.raw")
expect 0 import "$WORK/base.raw" --name web
update 2.0
update 3.0
fine
expect 66 status nothing
expect 0 status web --json
fits status
[ "$(of '.templates[0] | "\(.generation) \(.release) \(.chain_depth)"')" = "2 debian-12 3" ] || fail "status: $(of '.templates[0]')"

# --- the published directory: overlays on numbered paths, for whoever lists directories
[ "$(cd "$WORK/published" && echo *)" = "web-g0.qcow2 web-g1.qcow2 web-g2.qcow2" ] || fail "published: $(ls -A "$WORK/published")"
[ "$(qemu-img info --output=json "$WORK/published/web-g1.qcow2" | jq -r '."backing-filename"')" = "$(disk 1)" ] || fail "not on its numbered path"
same "$WORK/published/web-g2.qcow2" "$(disk 2)"

# --- a linked clone reads the same bytes; one made through `current` does not, and is named
qemu-img convert -O raw "$(disk 1)" "$WORK/g1.raw"
qemu-img convert -O raw "$(disk 2)" "$WORK/g2.raw"
expect 0 clone web@1 "$WORK/clones/vm1.qcow2"
same "$WORK/clones/vm1.qcow2" "$WORK/g1.raw"
fine
qemu-img create -q -f qcow2 -b "$L/templates/web/current/disk0.qcow2" -F qcow2 "$WORK/clones/wrong.qcow2"
found "$WORK/clones/wrong.qcow2: is backed by web through \`current\`"
same "$WORK/clones/wrong.qcow2" "$WORK/g2.raw"
mkdir -p "$WORK/clones/deep/er" && mv "$WORK/clones/wrong.qcow2" "$WORK/clones/deep/er/"
ln -s "$L/templates/web/current" "$WORK/detour"
qemu-img create -q -f qcow2 -b "$WORK/detour/disk0.qcow2" -F qcow2 "$WORK/clones/de tour.qcow2"
qemu-img create -q -f qcow2 -b "$WORK/clones/de tour.qcow2" -F qcow2 "$WORK/clones/second.qcow2"
found "$WORK/clones/deep/er/wrong.qcow2: is backed"
grep -qF "$WORK/clones/de tour.qcow2: is backed" "$OUT" || fail "a path that leads through current by a link is not named"
grep -qF "$WORK/clones/second.qcow2: is backed" "$OUT" || fail "a clone of a clone is not named"
# Nor is it a base to rely on; the one by the numbered path is.
mapfile -t chain < <(qemu-img info -U --backing-chain --output=json "$WORK/clones/de tour.qcow2" | jq -r '.[1:][].filename')
backing=()
for file in "${chain[@]}"; do backing+=(--backing "$file"); done
expect 65 import --reference --name leaning --dry-run "${backing[@]}" "$WORK/clones/de tour.qcow2"
expect_message "$WORK/clones/de tour.qcow2: is backed by a template through \`current\`, and reads another disk after the next head; put it on the numbered path (qemu-img rebase -u -F qcow2 -b $(disk 2) '$WORK/clones/de tour.qcow2')"
eval "$(grep -o 'qemu-img rebase -u [^)]*' "$ERR")" || fail "what the message advises does not work"
expect 0 import --reference --name leaning --dry-run "${backing[@]}" "$WORK/clones/de tour.qcow2"
rm -r "$WORK"/clones/{deep,"de tour.qcow2",second.qcow2}
fine

# --- one reason after the other
would keep 2 "no rule was given"
would keep 2 "current" --keep-last 1
would keep 1 "pinned by $WORK/clones/vm1.qcow2" --keep-last 1
rm "$L"/templates/web/pins/*
would keep 1 "backs the clone $WORK/clones/vm1.qcow2" --keep-last 1
mv "$WORK/clones/vm1.qcow2" "$WORK/vm1.qcow2"
would keep 1 "backs generation 2" --keep-last 1
would keep 0 "backs generation 1" --keep-last 1
expect 0 rollback web --to 0 --reason test
same "$WORK/vm1.qcow2" "$WORK/g1.raw"
would take 1 "no rule keeps it" --keep-last 1
would take 2 "no rule keeps it" --keep-last 1
would keep 2 "one of the last 2" --keep-last 2
would keep 1 "backs generation 2" --keep-last 2
would keep 2 "was current in the last 90 days" --keep-within 90d
would keep 0 "current" --keep-last 1
# Over a file that was published, too.
qemu-img create -q -f qcow2 -b "$WORK/published/web-g2.qcow2" -F qcow2 "$WORK/clones/pool.qcow2"
would keep 2 "backs the clone $WORK/clones/pool.qcow2" --keep-last 1
rm "$WORK/clones/pool.qcow2"
expect 0 path web@2 --pin "the CI"
would keep 2 "pinned by the CI" --keep-last 1
rm "$L"/templates/web/pins/*
qemu-nbd --read-only --persistent --socket="$WORK/nbd" --format=qcow2 "$(disk 2)" &
server=$!
for _ in $(seq 100); do [ -S "$WORK/nbd" ] && break; sleep 0.1; done
would keep 2 "$(disk 2) is open in QEMU" --keep-last 1
kill "$server" && wait "$server" 2>/dev/null
server=
expect 0 hold web --reason "a freeze" --actor me
would keep 2 "the template is held: a freeze" --keep-last 1
fits prune
expect 0 status --json
fits status
expect 0 status web
grep -qF "held by me: a freeze" "$OUT" || fail "status does not tell the hold"
expect 0 unhold web --reason over
mkdir "$L/templates/web/.tmp-test" && qemu-img create -q -u -f qcow2 -b ../2/disk0.qcow2 -F qcow2 "$L/templates/web/.tmp-test/disk0.qcow2" 1G
would keep 2 "backs $L/templates/web/.tmp-test/disk0.qcow2" --keep-last 1
rm -r "$L/templates/web/.tmp-test"
cp "$L/templates/web/heads/000002" "$WORK/head" && chmod u+w "$L/templates/web/heads/000002" && echo >>"$L/templates/web/heads/000002"
would keep 2 "head 2 does not verify" --keep-last 1
found "head 2: "
expect 1 status --check --json
fits status
cp "$WORK/head" "$L/templates/web/heads/000002"
chmod u+w "$(disk 2)"
found "$(disk 2): can be written to"
chmod a-w "$(disk 2)"
fine
expect 64 prune --keep-within 90
expect_message "not a number of days"
expect 66 prune nothing --keep-last 1
# A root that is not there: who knows what lies in it.
mv "$WORK/clones" "$WORK/elsewhere"
expect 77 prune --keep-last 1
expect_message "$WORK/clones: it cannot be looked through: No such file or directory: what it is backed by is not known, so nothing is pruned"
expect 0 status
grep -qF "$WORK/clones: it cannot be looked through" "$OUT" || { cat "$OUT"; fail "status does not tell of the root"; }
mv "$WORK/elsewhere" "$WORK/clones"

# Nor does anybody know of a file that cannot be read.
printf 'QFI\xfb\0\0\0\3' | tee "$WORK/clones/one.qcow2" >"$WORK/clones/two.qcow2"
expect 77 prune --keep-last 1
expect_message ".qcow2 (and 1 more; status names them): "
expect_message "what it is backed by is not known, so nothing is pruned; make it readable, or take it out of the clone roots"
rm "$WORK"/clones/{one,two}.qcow2

# --- prune and rollback at the same time: whoever is second sees the other
all_back() { # as if nothing had been pruned
	local n entry
	for n in 1 2; do
		[ -e "$(disk $n)" ] && continue
		entry=$(find "$L/trash" -maxdepth 1 -name "*-web-$n" -exec test -e {}/disk0.qcow2 \; -print)
		rm -r "$L/templates/web/$n" && mv "$entry" "$L/templates/web/$n" || fail "nothing to put back"
	done
	rm -rf "$L"/trash/*
}
wins=0
rounds=6
[ -z "${COLDPATCH_TEST_FULL:-}" ] || rounds=60
for i in $(seq $rounds); do
	cp_run prune web --keep-last 1 --quiet >"$WORK/prune.log" 2>&1 &
	pid=$!
	status=0
	sleep "$(printf '0.%02d' $((i * 13 % 100)))"
	cp_run rollback web --to 2 --reason race --quiet >"$WORK/rollback.log" 2>&1 || status=$?
	wait "$pid"
	case $? in 0 | 75) ;; *) cat "$WORK/prune.log"; fail "prune failed" ;; esac
	case $status in
	0) whole 2; whole 1; wins=$((wins + 1)); same "$(disk 2)" "$WORK/g2.raw" ;;
	66 | 75) ;;
	*) cat "$WORK/rollback.log"; fail "rollback: exit $status" ;;
	esac
	fine
	[ -z "$(find "$L/trash" -name '*.back-*' -o -name '*.rest')" ] || { ls "$L/trash"; fail "something is left in the trash"; }
	all_back
	[ "$(readlink "$L/templates/web/current")" = 0 ] || expect 0 rollback web --to 0 --reason again
done
echo "rollback won $wins of $rounds times"
# The same with each of the two stopped at its worst moment, until the other is through.
stop_at renameat2 prune web --keep-last 1
expect 0 rollback web --to 2 --reason "between the decision and the move"
go_on
grep -q "came into use meanwhile" "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "prune has taken nothing back"; }
whole 2 && whole 1 && same "$(disk 2)" "$WORK/g2.raw"
fine
all_back
expect 0 rollback web --to 0 --reason again
stop_at linkat rollback web --to 2 --reason "between the check and the head"
expect 0 prune web --keep-last 1
pruned 2 && pruned 1
expect 0 history web
[ "$(grep -c '  pruned' "$OUT")" = 2 ] || { cat "$OUT"; fail "the history does not tell what was pruned"; }
go_on
grep -q "went back" "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "rollback"; }
whole 2 && whole 1 && same "$(disk 2)" "$WORK/g2.raw"
fine
[ -z "$(find "$L/trash" -name '*.back-*' -o -name '*.rest' -o -path '*/disk0.qcow2')" ] || { find "$L/trash"; fail "something is left in the trash"; }
all_back
expect 0 rollback web --to 0 --reason again
mount --bind "$WORK/published" "$WORK/published" && mount -o remount,bind,ro "$WORK/published" || fail mount
expect 0 prune web --keep-last 1
pruned 1 && pruned 2
expect_message "$WORK/published/web-g1.qcow2: is published, and its generation is gone; it could not be removed (Read-only file system), which the next prune tries again"
umount "$WORK/published"
[ -e "$WORK/published/web-g1.qcow2" ] || fail "a read-only directory lost a file"
expect 0 prune web

# --- after it: the history is whole, and says so; a clone outside of the clone roots is not known
fine
verifies
expect 0 history web
expect 66 rollback web --to 2
expect_message "web: generation 2 was pruned"
expect_message "it can be put back as long as the trash has it (coldpatch-prune(1))"
expect 66 export web@1 -o "$WORK/none.qcow2"
[ "$(cd "$WORK/published" && echo *)" = "web-g0.qcow2" ] || fail "published after prune: $(ls -A "$WORK/published")"
echo theirs >"$WORK/published/web-g7.qcow2"
all_back
expect 0 rollback web --to 2 --reason back
[ "$(cd "$WORK/published" && echo *)" = "web-g0.qcow2 web-g1.qcow2 web-g2.qcow2 web-g7.qcow2" ] || fail "published after all came back: $(ls -A "$WORK/published")"
[ "$(cat "$WORK/published/web-g7.qcow2")" = theirs ] || fail "a file of somebody else was touched"
rm "$WORK/published/web-g1.qcow2" && echo theirs >"$WORK/published/web-g1.qcow2"
expect 0 hold web --reason "a name that is taken"
expect_message "$WORK/published/web-g1.qcow2: not published: a file of others is there"
rm "$WORK/published/web-g1.qcow2"
expect 0 unhold web
same "$WORK/published/web-g1.qcow2" "$(disk 1)"
same "$WORK/vm1.qcow2" "$WORK/g1.raw"

# --- what an old record may name is kept while nobody can read that
chmod u+w "$L/templates/web/1/record.sigstore.json" && cp "$L/templates/web/1/record.sigstore.json" "$WORK/record" && echo >"$L/templates/web/1/record.sigstore.json"
expect 0 prune
expect_message "layers and plans are all kept: a record that may name them cannot be read"
cp "$WORK/record" "$L/templates/web/1/record.sigstore.json" && chmod a-w "$L/templates/web/1/record.sigstore.json"
fine

# --- a file system that cannot exchange two directories
expect 0 rollback web --to 0 --reason again
strace -f -o "$WORK/strace" -e trace=renameat2 -e inject=renameat2:error=EINVAL \
	"$BUILD/coldpatch" prune --config "$WORK/config.yaml" web --keep-last 1 >"$WORK/out" 2>&1 || { cat "$WORK/out"; fail "prune without RENAME_EXCHANGE"; }
grep -q EINVAL "$WORK/strace" || fail "nothing was exchanged"
pruned 1 && pruned 2
fine
all_back

# --- a new base comes in; the old one goes when nothing uses it any more, after the trash has forgotten
expect 0 prune web --keep-last 1
cp --sparse=always "$WORK/base.raw" "$WORK/rebuilt.raw" && printf x | dd of="$WORK/rebuilt.raw" bs=1 seek=700 conv=notrunc status=none
qemu-img convert -O qcow2 "$WORK/rebuilt.raw" "$WORK/rebuilt.qcow2" && rm "$WORK/rebuilt.raw"
expect 0 import "$WORK/rebuilt.qcow2" --into web
expect 0 prune web --keep-last 1
pruned 0
[ -n "$(find "$L/bases" -name "${base%% *}.json")" ] || fail "the base of what is in the trash is gone"
for entry in "$L"/trash/*; do mv "$entry" "$L/trash/20200101T000000Z-00000${entry: -1}${entry#"$L"/trash/????????T??????Z-??????}" || fail "mv"; done
mkdir -p "$L/runs/20200101T000000Z-000000/web" "$L/layers/theirs"
touch -d '40 days ago' "$L"/layers/* "$L"/plans/* "$L"/bases/*.json "$L"/runs/20200101T000000Z-000000/web "$L"/runs/20200101T000000Z-000000
expect 0 prune --dry-run --json
fits prune
expect 0 prune --dry-run
grep -q "^take *trash " "$OUT" && grep -q "^take *run 20200101T000000Z-000000" "$OUT" || { cat "$OUT"; fail "old trash and runs are not named"; }
[ -d "$L/runs/20200101T000000Z-000000" ] || fail "a dry run has removed something"
expect 0 prune
grep -q "^taken *layer " "$OUT" && grep -q "^taken *plan " "$OUT" || { cat "$OUT"; fail "layers and plans that nothing names are kept"; }
[ ! -e "$L/runs/20200101T000000Z-000000" ] || fail "an old run is kept"
[ -d "$L/layers/theirs" ] || fail "something that is no layer was taken"
expect 0 prune
grep -q "^taken *base ${base%% *}" "$OUT" || { cat "$OUT"; fail "the base that nothing uses is kept"; }
[ ! -e "$L/bases/${base%% *}" ] && in_trash "${base%% *}.json" || fail "the base is not in the trash"
expect 0 verify --all --quick
[ "$base" = "$(sha256sum <"$WORK/base.raw")" ] || fail "a referenced base was changed"
fine
verifies

# --- a base that was moved
rebuilt=$(sha256sum "$WORK/rebuilt.qcow2")
mkdir "$WORK/new" && mv "$WORK/rebuilt.qcow2" "$WORK/new/"
found "coldpatch relocate"
expect 66 export web -o "$WORK/none.qcow2"
expect_message "coldpatch relocate"
expect 76 relocate "${rebuilt%% *}" "$WORK/base.raw"
expect_message "another file"
expect 66 relocate "${base%% *}" "$WORK/base.raw"
expect 64 relocate nonsense "$WORK/base.raw"
expect_message "not a SHA-256"
expect 66 relocate "${rebuilt%% *}" "$WORK/new/nothing"
ln -s rebuilt.qcow2 "$WORK/new/link"
expect 65 relocate "${rebuilt%% *}" "$WORK/new/link"
expect 0 relocate "${rebuilt%% *}" "$WORK/new/rebuilt.qcow2" --dry-run --json
fits relocate
found "coldpatch relocate"
(cd "$WORK/new" && expect 0 relocate "${rebuilt%% *}" rebuilt.qcow2) || exit 1
expect 0 relocate "${rebuilt%% *}" "$WORK/new/rebuilt.qcow2"
grep -q "^base ${rebuilt%% *}: is there already: $WORK/new/rebuilt.qcow2 (run" "$OUT" || { cat "$OUT"; fail "a base that is where it was"; }
fine
verifies
expect 0 import "$WORK/base.raw" --name copied --copy
expect 77 relocate "${base%% *}" "$WORK/base.raw"
expect_message "lies in the library itself"

# --- a library that was copied without the times of its files: nothing of a base is believed, until it was read
cp -r "$L" "$WORK/elsewhere" && rm -rf "$L" && mv "$WORK/elsewhere" "$L" || fail "cp -r"
base=$(sha256sum "$L"/bases/*[0-9a-f] | sed -n 's/ .*//p' | while read -r hex; do [ ! -f "$L/bases/$hex" ] || [ -L "$L/bases/$hex" ] || echo "$hex"; done)
own=$L/bases/$base
[ -f "$own" ] || fail "no base of its own"
expect 76 export copied -o "$WORK/none.qcow2"
expect_message "base $own: was edited behind our back, or copied without its times; every overlay on it may be broken; coldpatch relocate $base $own reads it, and takes it when its content is right"
expect 1 verify --all
grep -qF "$own: only its time of change is another; its content is right" "$OUT" || { cat "$OUT"; fail "verify does not tell that the content is right"; }
chmod u+w "$own" && cp --sparse=always "$own" "$WORK/own" && printf x | dd of="$own" bs=1 seek=1000 conv=notrunc status=none
expect 76 relocate "$base" "$own"
expect_message "another file"
expect 1 verify --all
grep -qF "only its time of change" "$OUT" && { cat "$OUT"; fail "verify takes another content for right"; }
cp --sparse=always "$WORK/own" "$own" && chmod 0444 "$own"
expect 0 relocate --dry-run "$base" "$own"
grep -q "^base $base: would have its time of change again: $own" "$OUT" || { cat "$OUT"; fail "relocate --dry-run"; }
expect 76 export copied -o "$WORK/none.qcow2"
expect 0 relocate --json "$base" "$own"
fits relocate
[ "$(of '"\(.changed) \(.msg)"')" = "true has its time of change again" ] || { cat "$OUT"; fail "relocate"; }
expect 0 relocate "$base" "$own"
expect 0 export copied -o "$WORK/some.qcow2"
echo ok
