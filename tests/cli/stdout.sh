#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Output that gets lost is a failure, told on standard error, and undoes nothing; a reader that goes away is none.  What options
# make of an exit code is in the document, too; the file of plan -o is replaced as a whole.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
trap 'umount "$WORK/full" 2>/dev/null; rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
victim_update
qemu-img convert -O qcow2 "$(tiny_guest)" ./image.qcow2
plan=(plan ./image.qcow2 --patchset debian-12-all --snapshot "$SNAPSHOT")
apply_to ./image.qcow2
mkdir output

# lost CODE MESSAGE COMMAND...: with the standard output that the caller gave.
lost() {
	local want=$1 message=$2 status=0
	shift 2
	"$@" 2>"$WORK/err" </dev/null || status=$?
	[ "$status" = "$want" ] || { cat "$WORK/err"; fail "$*: exit $status, expected $want"; }
	[ "$(grep -v '\.\.\.$' "$WORK/err")" = "$message" ] || { cat "$WORK/err"; fail "$*: said something else"; }
}
full="coldpatch: standard output: No space left on device"
closed="coldpatch: standard output: Bad file descriptor"
lost 73 "$full" "$BUILD/coldpatch" --help >/dev/full
lost 73 "$full" "$BUILD/coldpatch" --version >/dev/full
lost 73 "$full" "$BUILD/coldpatch" plan --help >/dev/full
lost 73 "$full" cp_run inspect ./image.qcow2 >/dev/full
lost 73 "$full" cp_run inspect ./image.qcow2 --packages >/dev/full
lost 73 "$full" cp_run inspect ./image.qcow2 --json >/dev/full
lost 74 "$closed" cp_run inspect ./image.qcow2 --json >&-
lost 74 "$closed" cp_run inspect ./image.qcow2 --json >&- <&-
lost 73 "$full" cp_run "${plan[@]}" --json --check >/dev/full
lost 73 "$full" cp_run "${APPLY[@]}" --json >/dev/full
lost 66 "$full" cp_run inspect ./nothing --json >/dev/full
expect 0 verify output/overlay.qcow2 --record output/record.json
rm output/*
mkfifo fifo
(exec 3<fifo) & # a reader that goes away
lost 0 "" cp_run "${APPLY[@]}" --json >fifo
expect 0 verify output/overlay.qcow2 --record output/record.json

# The exit code and the document's.
code() { # CODE VERB ARGS...
	expect "$@" --json
	[ "$(jq .code "$OUT")" = "$1" ] || fail "${*:2}: exit $1, and the document says $(jq .code "$OUT")"
	"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" "$SCHEMA" "$OUT" || fail "${*:2}: it does not fit docs/$SCHEMA.schema.json"
}
SCHEMA=plan-output
code 1 "${plan[@]}" --check
code 0 "${plan[@]}"
VICTIM_FIELDS='Depends: nothing-like-it' victim_update
plan=(plan ./image.qcow2 --patchset debian-12-all --snapshot "$SNAPSHOT")
apply_to ./image.qcow2 --dry-run
code 2 "${plan[@]}"
code 2 "${plan[@]}" --check
code 0 "${plan[@]}" --allow-left-behind
SCHEMA=apply
code 2 "${APPLY[@]}"
code 0 "${APPLY[@]}" --allow-left-behind

# What a patchset names and the guest lacks is told by both.
cat >named.yaml <<X
version: 1
name: named
description: two of them are not there
os: {id: debian, version: "12"}
scope: named
packages: [victim, nothing, "victim:arm64", "vict*", "victim:all"]
X
for command in plan "apply --dry-run"; do
	# shellcheck disable=SC2086 # words
	expect 2 $command ./image.qcow2 --patchset ./named.yaml --snapshot "$SNAPSHOT"
	[ "$(grep '^warning: ' "$OUT")" = "warning: patchset named: package nothing is not installed, so nothing is done about it
warning: patchset named: package victim:arm64 is not installed, so nothing is done about it" ] || { cat "$OUT"; fail "$command: the warnings"; }
done

# The file of plan -o: the old one or the new one, whatever happens.
mkdir full && mount -t tmpfs -o size=8k full full || fail "mount"
echo before >full/plan
head -c 8192 /dev/zero >full/rest 2>/dev/null
expect 73 "${plan[@]}" -o "$WORK/full/plan"
expect_message "coldpatch: $WORK/full/plan: write: No space left on device"
[ "$(cat full/plan)" = before ] || fail "the plan that was there is lost"
[ "$(ls -A full | wc -l)" = 2 ] || fail "something was left beside the plan"
expect 66 "${plan[@]}" -o "$WORK/absent/plan"
expect_message "coldpatch: $WORK/absent/plan: No such file or directory"
expect 64 "${plan[@]}" -o -
expect_message "coldpatch: -: name a file; on standard output --json prints the plan"
[ ! -e - ] || fail "a file named -"
mkdir directory
ln -s full/plan link
for path in directory link fifo; do
	expect 64 "${plan[@]}" -o "$path"
	expect_message "coldpatch: $path: is there and is not a file, so it is not replaced"
done
expect 2 "${plan[@]}" -o plan
echo before >plan
expect 2 "${plan[@]}" -o plan --json
diff plan "$OUT" >/dev/null || jq -e --slurpfile other "$OUT" '. == $other[0]' plan >/dev/null || fail "another plan in the file"
expect 2 apply ./image.qcow2 --dry-run --plan plan
