#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the library's verbs refuse, with code and message, and that nothing is changed by it.
set -u
. "$(dirname "$0")/../lib.sh"
workdir
L=$WORK/library

said() { # CODE MESSAGE VERB ARGS...: with the library
	local code=$1 message=$2
	shift 2
	expect "$code" "$1" -L "$L" --quiet "${@:2}"
	expect_message "$message"
	[ "$(grep -c '^coldpatch' "$ERR")" = 1 ] || { cat "$ERR"; fail "not one line of message"; }
}
done_so() { expect 0 "$1" -L "$L" --quiet "${@:2}"; }
state() { find "$L/templates" "$L/bases" -printf '%p %l %s\n' | grep -v -e '/\.' -e '/pins ' | sort; }
same_state() { diff <(echo "$BEFORE") <(state) || fail "$1 changed the library"; }

# No library: none named, none there, something else there.
expect 64 import "$WORK/x.raw"
expect_message "no library is given: -L DIR"
expect 64 init
expect_message "no library is given"
expect 64 inspect web-01
expect_message "web-01 is a template's name (a path has a /), and no library is given: -L DIR"
said 66 "No such file or directory" history web-01
said 66 "No such file or directory" hold --reason x web-01
said 66 "No such file or directory" mirror list
expect 66 mirror list
expect_message "store $WORK/store (a mirror snapshot makes it, --store names another): No such file or directory"
mkdir "$L"
said 66 "no library (coldpatch.yaml is missing); coldpatch init makes one" path web-01
touch "$L/something"
said 77 "" init
rm "$L/something"
done_so init
done_so init
grep -q "is there already" "$OUT" || fail "init does not tell that the library is there"
COLDPATCH_LIBRARY=$L expect 66 path web-01
expect_message "web-01"
echo "library: $L" >> "$WORK/config.yaml"
expect 66 path web-01
sed -i '/^library:/d' "$WORK/config.yaml"

# Imports.
image=$WORK/web-01.raw
cp --reflink=auto --sparse=always "$(tiny_guest)" "$image"
before=$(sha256sum <"$image")
said 66 "nothing.raw" import "$WORK/nothing.raw"
echo "no image at all" > "$WORK/text.qcow2"
said 65 "text.qcow2" import "$WORK/text.qcow2"
said 64 "web_01?" import --name 'web_01?' "$image"
said 64 "-x" import --name=-x "$image"
said 66 "web-01" import --into web-01 "$image"
for day in notaday 2027-02-30 30d; do
	said 64 "review by $day: not a day, YYYY-MM-DD" import --review-by "$day" "$image"
done
said 64 "only one of --reference, --copy and --move" import --copy --move "$image"
said 64 "only one of --reference, --copy and --move" import --move --reference "$image"
said 66 "nothing.raw" import --move --move "$WORK/nothing.raw"
said 64 "either the name of a new template, or one to import into" import --into a --name b "$image"
said 78 "signing key $WORK/none.key" import --key "$WORK/none.key" "$image"
sed "/^key:/d" "$WORK/config.yaml" > "$WORK/no-key.yaml"
status=0
"$BUILD/coldpatch" import --config "$WORK/no-key.yaml" -L "$L" "$image" 2>"$ERR" >/dev/null || status=$?
[ $status = 78 ] || fail "import without a key: exit $status"
expect_message "no key to sign with: --key FILE, or \`key:\` in the configuration"
sed "/^public-keys:/d" "$WORK/config.yaml" > "$WORK/no-key.yaml"
status=0
"$BUILD/coldpatch" history --config "$WORK/no-key.yaml" -L "$L" web-01 2>"$ERR" >/dev/null || status=$?
[ $status = 78 ] || fail "history without a public key: exit $status"
expect_message "no public key to verify the library with"
sed "s|^public-keys:.*|public-keys: [$WORK/nothing.pub]|" "$WORK/config.yaml" > "$WORK/lost-key.yaml"
status=0
"$BUILD/coldpatch" history --config "$WORK/lost-key.yaml" -L "$L" web-01 2>"$ERR" >/dev/null || status=$?
[ $status = 78 ] || fail "history with a public key that is not there: exit $status"
expect_message "$WORK/nothing.pub: "
mkdir "$WORK/empty"
said 66 "no image in it: *.qcow2, *.img or *.raw" import "$WORK/empty"
said 64 "is a directory, whose templates are called as its files are" import --name x "$WORK/empty"
mkdir "$WORK/crowd" && (cd "$WORK/crowd" && seq 100001 | sed 's/$/.img/' | xargs touch) || fail touch
said 64 "crowd: has more than 100000 images; import them from several directories" import "$WORK/crowd"
rm -r "$WORK/crowd"
[ -z "$(ls -A "$L/templates")" ] || { ls -lA "$L/templates"; fail "a failed import left a template"; }
[ -z "$(ls -A "$L/bases")" ] || { ls -lA "$L/bases"; fail "a failed import left a base"; }
done_so import --dry-run "$image"
grep -q "^web-01: would be imported$" "$OUT" || { cat "$OUT"; fail "dry run of an import"; }
[ -z "$(ls -A "$L/templates" "$L/bases" | grep -v :)" ] || fail "a dry run left something"
done_so import "$image"
grep -q "^web-01: imported as generation 0$" "$OUT" || { cat "$OUT"; fail "an import"; }

# The same image again, of which something else is said.
of() { jq -r "$1" "$OUT"; }
done_so import --json --owner ops --trust-domain tenant --dry-run "$image"
[ "$(of '[.changed, .described, .msg] | join(" ")')" = "false false is imported already, and would be described anew" ] || { cat "$OUT"; fail "dry run of a description"; }
done_so import --json --owner ops --trust-domain tenant "$image"
[ "$(of '[.changed, .described] | join(" ")')" = "true true" ] || { cat "$OUT"; fail "an import that describes anew"; }
done_so import --json --owner ops "$image"
[ "$(of '[.changed, .described] | join(" ")')" = "false false" ] || { cat "$OUT"; fail "the same description again"; }
done_so history --json web-01
[ "$(of '[.owner, .trust_domain] | join(" ")')" = "ops tenant" ] || { cat "$OUT"; fail "what was said of it"; }
BEFORE=$(state)

# A name that is taken, by another image; a backing file that nobody named.
other=$WORK/other/web-01.qcow2
mkdir "$WORK/other"
overlay_of "$image" "$other" raw
printf 'x' | qemu-io -f qcow2 -c 'write -P 7 900M 64k' "$other" >/dev/null
said 65 "was not given; give it with --backing" import --name new "$(d=$WORK/other2; mkdir "$d"; cp --reflink=auto "$image" "$d/b.raw"; touch -d yesterday "$d/b.raw"; overlay_of "$d/b.raw" "$d/o.qcow2" raw; echo "$d/o.qcow2")"
said 64 "is there already, from another image; --into web-01 makes a new generation of it" import "$other"
same_state "a refused import"

# Templates, generations, days.
for verb in path history "clone" ; do
	args=(nope)
	[ $verb = clone ] && args+=("$WORK/c.qcow2")
	said 66 "nope" $verb "${args[@]}"
done
said 66 "nope" rollback nope
said 66 "nope" hold --reason x nope
said 66 "nope" unhold nope
said 66 "web-01: has no generation 7" path web-01@7
said 64 "web-01@x" path web-01@x
said 66 "generation 0 is the first: there is none before it" rollback web-01
said 66 "has no generation 3" rollback --to 3 web-01
said 64 "--to x: not the number of a generation" rollback --to x web-01
said 64 "--to 00: not the number of a generation" rollback --to 00 web-01
said 64 "web-01@00: behind the @ stands a generation's number" path web-01@00
said 64 "either a run, or templates and how far" rollback --run R web-01
said 66 "run R made no generation of any template" rollback --run R
said 64 "until never: neither a day, YYYY-MM-DD, nor a number of days, 30d" hold --reason x --until never web-01
said 64 "until 2020-01-01: has passed" hold --reason x --until 2020-01-01 web-01
said 64 "neither a day" hold --reason x --until 2027-02-30 web-01
said 64 "neither a day" rollback --until 0d web-01
done_so hold --reason "to its end" --until 2099-01-31 web-01
expect 0 status -L "$L" web-01
grep -q "until 2099-01-31" "$OUT" || { cat "$OUT"; fail "a hold until a day"; }
done_so unhold web-01
BEFORE=$(state)
said 64 "--reason is missing" hold web-01
said 64 "a pin needs to say who needs it" path --pin "" web-01
said 64 "exists already; it is never overwritten" clone web-01 "$other"
said 64 "1 disk, but 2 files to make" clone web-01 "$WORK/c0" "$WORK/c1"
said 66 "No such file or directory" clone web-01 "$WORK/nowhere/c.qcow2"
[ -z "$(ls -A "$L/templates/web-01/pins" 2>/dev/null)" ] || fail "a clone that failed left a pin"
said 64 "of a template, the library knows disks and backing files" inspect --backing "$image" web-01
said 64 "a template takes neither outputs nor records" apply --patchset debian-12-all --record "$WORK/r" --output "$WORK/o" web-01
said 64 "format vdi: none of qcow2, raw, vmdk" export --format vdi -o "$WORK/e.vdi" web-01
said 64 "keep within 90: not a number of days, 90d" prune --keep-within 90 web-01
said 64 "--output is given twice" export -o "$WORK/one.qcow2" -o "$WORK/two.qcow2" web-01
[ ! -e "$WORK/one.qcow2" ] && [ ! -e "$WORK/two.qcow2" ] || fail "export with two outputs made one"
expect 3 hold -L "$L" --quiet --reason x --dry-run nope web-01
grep -q "^nope: no such template" "$OUT" || { cat "$OUT"; fail "a name that is told twice"; }
said 66 "templates/nope: not there" prune nope nope
for name in .. web-01@0; do
	said 64 "template name '$name': a letter or digit" prune --keep-last 1 web-01 "$name"
done
done_so prune --json --keep-last 1 web-01 web-01
[ "$(of '.templates | length')" = 1 ] || { cat "$OUT"; fail "a template that is named twice is pruned twice"; }
said 64 "abc: not a SHA-256, 64 lower-case hexadecimal digits" relocate abc "$image"
echo "web-01 x y" >"$WORK/no-log"
said 64 "line 1 is none that \`coldpatch log head\` prints" verify --all --since "$WORK/no-log"
done_so rollback --to 0 web-01
for mode in --copy --move; do
	said 77 "is a base already, left where it lies; import it with --reference" import $mode --name second "$image"
	[ -e "$image" ] || fail "import $mode took the base away"
done
same_state "a refused verb"

# Several: each is told, 3 when one of them failed.
expect 3 hold -L "$L" --quiet --json --reason audit web-01 nope
[ "$(jq -c '[.code, .failed, .changed, (.results | map(.code))]' "$OUT")" = '[3,true,true,[0,66]]' ] || { cat "$OUT"; fail "summary of several"; }
done_so hold --reason audit web-01
grep -q "web-01: is held already" "$OUT" || fail "a second hold is not told as one"
said 77 "web-01: is held until it is released: audit; unhold releases it" apply --patchset debian-12-all web-01
done_so unhold web-01
done_so unhold web-01
grep -q "web-01: is not held" "$OUT" || fail "a second release is not told as one"

# What would be done is told, and not done.
would() { # MESSAGE VERB ARGS...
	BEFORE=$(state)
	done_so "${@:2}" --dry-run
	grep -qF "$1" "$OUT" || { cat "$OUT"; fail "the dry run does not say: $1"; }
	same_state "a dry run"
}
would "web-01: would be held" hold --reason audit web-01
done_so hold --reason audit web-01
would "web-01: would be released" unhold web-01
done_so unhold web-01
done_so path --pin me web-01
would '"msg": "would be unpinned"' path --json --unpin me web-01
done_so path --unpin me web-01
would "web-01@0: would be exported" export -o "$WORK/e.qcow2" web-01
said 66 "no mirror snapshot yet; make one with \`coldpatch mirror snapshot\`" plan --patchset debian-12-all web-01

# Another image as the next generation: nobody knows how it came from the one before.
done_so import --into web-01 "$other"
grep -q "^web-01: imported as generation 1$" "$OUT" || { cat "$OUT"; fail "an import into a template"; }
jq -r .dsseEnvelope.payload "$L/templates/web-01/1/record.sigstore.json" | base64 -d |
	grep -qF "nothing is known about the way from the parent record's generation to this one" || fail "the record does not say what it does not know"
would "web-01: would go back from generation 1 to 0" rollback web-01
done_so rollback web-01
grep -q "^web-01: went back from generation 1 to 0$" "$OUT" || { cat "$OUT"; fail "a rollback"; }

# A file that cannot be removed is there twice.
if [ "$(id -u)" = 0 ]; then
	mkdir "$WORK/fixed" && cp --reflink=auto --sparse=always "$image" "$WORK/fixed/disk.raw" && truncate -s +1M "$WORK/fixed/disk.raw" && mount --bind "$WORK/fixed" "$WORK/fixed" && mount -o remount,bind,ro "$WORK/fixed" || fail "mount"
	status=0
	(expect 0 import -L "$L" --move --name moved "$WORK/fixed/disk.raw" && expect_message "$WORK/fixed/disk.raw: is copied, and could not be removed") || status=1
	umount "$WORK/fixed"
	[ $status = 0 ] || exit 1
fi

# A copy for which there is no space is told as that, wherever the file system ends.
if [ "$(id -u)" = 0 ]; then
	mkdir "$WORK/small" && mount -t tmpfs -o size=3300k small "$WORK/small" || fail "mount"
	status=0
	(expect 0 init -L "$WORK/small/library" && expect 73 import -L "$WORK/small/library" --quiet --copy --name full "$(mini_guest)" &&
		expect_message "No space left on device" && rm -rf "$WORK/small/library" &&
		head -c 3200k /dev/zero > "$WORK/small/filler" && expect 73 clone -L "$L" --quiet web-01 "$WORK/small/clone.qcow2" &&
		expect_message "No space left on device" && ! grep -F /proc/self "$ERR") || status=1
	umount "$WORK/small"
	[ $status = 0 ] || exit 1
fi

# Of a directory, two files that would be called alike: the second is told, and each goes or stays for itself.
L3=$WORK/third
in=$WORK/in
mkdir "$in"
expect 0 init -L "$L3"
guest=$(mini_guest)
cp --reflink=auto --sparse=always "$guest" "$in/base.qcow2"
overlay_of "$in/base.qcow2" "$in/a.qcow2"
overlay_of "$in/base.qcow2" "$in/web_bad?.qcow2"
qemu-io -f qcow2 -c 'write -P 7 90M 64k' "$in/web_bad?.qcow2" >/dev/null || fail qemu-io
cp --reflink=auto --sparse=always "$image" "$in/a.raw"
expect 3 import -L "$L3" --quiet --json --move "$in"
[ "$(jq -c '.results | map([.image, .code])' "$OUT")" = '[["a",0],["a",64],["web_bad?",64]]' ] || { cat "$OUT"; fail "two files of one name"; }
jq -r '.results[1].msg' "$OUT" | grep -qF "$in/a.raw: would be called a as a template, as $in/a.qcow2 is" || fail "a clash of names is not told"
[ "$(cd "$in" && echo *)" = "a.raw base.qcow2 web_bad?.qcow2" ] || fail "a move left $(ls "$in")"
rm "$in"/*

# What was changed since it was copied, or is open, stays, too; and so does what was there already.
cp --reflink=auto --sparse=always "$guest" "$in/x.qcow2"
cp --reflink=auto --sparse=always "$guest" "$in/y.qcow2"
cp --reflink=auto --sparse=always "$guest" "$in/z.qcow2"
for name in x y z; do qemu-io -f qcow2 -c "write -P ${#in} 90M 64k" -c "write -P 0x$(printf %s "$name" | od -An -tx1 | tr -d ' ') 91M 64k" "$in/$name.qcow2" >/dev/null || fail qemu-io; done
qemu-nbd --fork --persistent -r --socket="$WORK/nbd" --pid-file="$WORK/nbd.pid" -f qcow2 "$in/y.qcow2" || fail qemu-nbd
"$BUILD/coldpatch" import --config "$WORK/config.yaml" -L "$L3" --quiet --move "$in" >"$OUT" 2>"$ERR" </dev/null &
mover=$!
for _ in $(seq 1500); do [ ! -e "$L3/templates/x/heads/000001" ] || break; sleep 0.02; done
kill -STOP $mover
mtime=$(stat -c %y "$in/x.qcow2")
qemu-io -f qcow2 -c "write -P 9 91M 64k" "$in/x.qcow2" >/dev/null || fail qemu-io
touch -d "$mtime" "$in/x.qcow2"
kill -CONT $mover
wait $mover || { cat "$ERR"; fail "a move of three images"; }
kill "$(cat "$WORK/nbd.pid")"
expect_message "$in/x.qcow2: is copied, and stays: it was changed since"
expect_message "$in/y.qcow2: is copied, and stays: a process has it open"
[ "$(cd "$in" && echo *)" = "x.qcow2 y.qcow2" ] || fail "a move left $(ls "$in")"
expect 0 import -L "$L3" --quiet --move "$in/y.qcow2"
grep -q "^y: is imported already; its files stay where they are$" "$OUT" || { cat "$OUT"; fail "a move of what is there"; }
[ -e "$in/y.qcow2" ] || fail "a move took away what it did not import"
expect 0 import -L "$L3" --quiet --copy "$in/y.qcow2"
grep -q "^y: is imported already; nothing was copied$" "$OUT" || { cat "$OUT"; fail "a copy of what is there"; }
expect 0 import -L "$L3" --quiet --copy --dry-run "$in/y.qcow2"
grep -q "^y: is imported already; nothing would be copied$" "$OUT" || { cat "$OUT"; fail "dry run of a copy of what is there"; }

# A dry run refuses what the import refuses: a copy of what is a base already, left where it lies, under whatever path.
expect 0 import -L "$L3" --quiet --reference --name outside "$in/x.qcow2"
cp --reflink=auto --sparse=always "$in/x.qcow2" "$WORK/twin.qcow2"
for how in --copy --move; do for dry in --dry-run ''; do
	expect 77 import -L "$L3" --quiet $how $dry --name twin "$WORK/twin.qcow2"
	expect_message "$in/x.qcow2 is a base already, left where it lies; import it with --reference"
done; done
[ -e "$WORK/twin.qcow2" ] && rm "$WORK/twin.qcow2" || fail "a move that was refused took its file away"
expect 0 import -L "$L3" --quiet --copy --dry-run --name again "$in/y.qcow2"

# Images of a directory on a file outside of it, which is named.
mkdir "$WORK/inside"
overlay_of "$in/y.qcow2" "$WORK/inside/on-y.qcow2"
mv "$in" "$WORK/moved-in"
qemu-img rebase -u -b "$WORK/moved-in/y.qcow2" -F qcow2 "$WORK/inside/on-y.qcow2"
qemu-io -f qcow2 -c "write -P 5 92M 64k" "$WORK/moved-in/y.qcow2" >/dev/null || fail qemu-io
expect 65 import -L "$L3" --quiet "$WORK/inside"
expect_message "give it with --backing"
expect 0 import -L "$L3" --quiet --backing "$WORK/moved-in/y.qcow2" "$WORK/inside"

# Names of every kind: what is no UTF-8 is told as that, and keeps nothing else back.
mkdir "$WORK/names"
bad=$(printf 'q\xff.qcow2')
cp --reflink=auto --sparse=always "$guest" "$WORK/names/b\\x41.qcow2" && cp --reflink=auto --sparse=always "$guest" "$WORK/names/$bad" || fail cp
(cd "$WORK/names" && qemu-img create -q -f qcow2 -F qcow2 -b 'b\x41.qcow2' on-b.qcow2 && qemu-img create -q -f qcow2 -F qcow2 -b "$bad" on-q.qcow2) || fail qemu-img
qemu-io -f qcow2 -c "write -P 11 90M 64k" "$WORK/names/on-b.qcow2" >/dev/null || fail qemu-io
expect 3 import -L "$L3" --quiet --json --copy "$WORK/names"
[ "$(jq -c '.results | map([.image, .code])' "$OUT")" = '[["on-b",0],["on-q",64]]' ] || { cat "$OUT"; fail "bases with odd names"; }
jq -r '.results[1].msg' "$OUT" | grep -q "names/q.*\.qcow2: not UTF-8, as names in records must be; use another name" || { cat "$OUT"; fail "a base whose name is no UTF-8"; }
mkdir "$WORK/$bad"
ln -s "$bad" "$WORK/badly"
expect 64 import -L "$L3" --quiet "$WORK/badly"
expect_message "not UTF-8, as names in records must be; use another name"

# The base is changed behind our back, then gone.
cp --reflink=auto --sparse=always "$image" "$WORK/kept.raw"
touch "$image"
said 76 "web-01" inspect web-01
rm "$image"
said 66 "coldpatch relocate" inspect web-01
expect 1 status -L "$L" --check
grep -q "web-01 .* damaged$" "$OUT" && grep -q "is gone; if it was moved: coldpatch relocate" "$OUT" || { cat "$OUT"; fail "status of a template whose base is gone"; }
done_so history web-01
[ "$before" = "$(sha256sum <"$WORK/kept.raw")" ] || fail "the base's bytes changed"

# A link that was planted is not followed.
mv "$L/runs" "$WORK/runs"
ln -s "$WORK/elsewhere" "$L/runs"
mkdir "$WORK/elsewhere"
said 76 "runs: is a link; nothing in a library is" hold --reason x web-01
[ -z "$(ls -A "$WORK/elsewhere")" ] || fail "a planted link was followed"
echo "library-cli: all refused as told"
