#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The files that a caller names beside images: plans, patchsets, configurations, keys, records.  What is no such file is
# refused at once, with one code for all of its kind; and names read in messages as they were typed.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
cd "$WORK" || exit 1
victim_update
qemu-img convert -O qcow2 "$(tiny_guest)" ./image.qcow2
expect 0 plan ./image.qcow2 --patchset debian-12-all --snapshot "$SNAPSHOT" -o "$WORK/plan"
mkfifo fifo
ln -s plan link
: > empty
echo '{"plan": ' > cut
truncate -s 65M large

# wrong CODE MESSAGE VERB ARGS...; none of them may wait for somebody to write into the fifo.
wrong() {
	local code=$1 message=$2
	shift 2
	expect "$code" "$@"
	expect_message "$message"
	[ "$(grep -c '^coldpatch: ' "$ERR")" = 1 ] || { cat "$ERR"; fail "not one line of message"; }
}
# no_document CODE COMMAND...: FILE in the command is each of the files that are no document.
no_document() {
	local code=$1
	shift
	wrong 66 "absent: No such file or directory" "${@/FILE/$WORK/absent}"
	wrong "$code" "fifo: is a fifo, not a" "${@/FILE/$WORK/fifo}"
	wrong "$code" "/dev/zero: is a device, not a" "${@/FILE//dev/zero}"
	wrong "$code" "link: is a symbolic link; give the file itself: $WORK/plan" "${@/FILE/$WORK/link}"
	wrong "$code" "large: longer than " "${@/FILE/$WORK/large}"
	wrong "${EMPTY:-$code}" "empty: " "${@/FILE/$WORK/empty}"
}

# Plans.
apply=(apply ./image.qcow2 --dry-run --plan)
no_document 78 "${apply[@]}" FILE
wrong 78 "$WORK: is a directory, not a file" "${apply[@]}" "$WORK"
bad_plan() { # MESSAGE JQ-EXPRESSION
	jq "del(.digest) | $2" plan > bad
	wrong 78 "bad: plan: $1" "${apply[@]}" "$WORK/bad"
}
wrong 78 "cut: line 2: " "${apply[@]}" cut
bad_plan "member version is missing" '.plan = []'
bad_plan "member version is missing" '[1]'
bad_plan "version 9 is not known; this is 1" '.plan.version = 9'
bad_plan "member family is not a string" '.plan.family = 3'
bad_family() { # OF THE PLAN
	jq "del(.digest) | .plan.family = \"$1\"" plan > bad
	wrong 78 "bad: the plan is for packages of family $1, and the guest's are of deb" "${apply[@]}" "$WORK/bad"
}
bad_family rpm
bad_family "x y"
bad_plan "member space is not an array" '.plan.space = {}'
bad_plan "member bytes is negative" '.plan.space = [{path: "/", bytes: -1, inodes: 0}]'
bad_plan "member detail is missing" '.plan.care = [{code: "x", package: "y"}]'
bad_plan "member snapshot is not a sha256 digest" '.plan.snapshot = "x"'
bad_plan "member changes holds what is not an object" '.plan.changes[0] = 5'
bad_plan "unknown operation dance" '.plan.steps[0].operation = "dance"'
bad_plan "a step names change 77, which is not there" '.plan.steps[0].change = 77'
bad_plan "there are changes, but no steps" '.plan.steps = []'
expect 0 "${apply[@]}" plan

# A mirror that was accepted although it is old is told to be.
rm -rf old && "$TEST_TOP/test-images/make-signed-mirror" -o old --key mirror-key --suite bookworm-victim --date '-60 days' --valid-until none victim_2.0_all.deb || fail "make-signed-mirror"
expect 0 mirror snapshot --quiet --keyring mirror-key/keyring.gpg --allow "$(sha256sum <old/dists/bookworm-victim/InRelease | cut -c-64)" --json old
expect 0 plan ./image.qcow2 --patchset debian-12-all --snapshot "$(jq -r .digest "$OUT")"
expect_message "warning: mirror snapshot: dists/bookworm-victim/InRelease is older than 45 days"

# Patchsets, configurations, keys, records.
no_document 78 plan ./image.qcow2 --patchset FILE
no_document 78 inspect ./image.qcow2 --config FILE
no_document 78 verify image.qcow2 --record plan --public-key FILE
apply_to ./image.qcow2
mkdir output
no_document 76 "${APPLY[@]}" --parent-record FILE
expect 0 "${APPLY[@]}"
mv output/record.json record
verify=(verify output/overlay.qcow2 --record)
for file in fifo large link directory; do
	mkdir -p directory
	expect 1 "${verify[@]}" "$WORK/$file"
	grep -q "^bad   signature .*$file: " "$OUT" || { cat "$OUT"; fail "verify does not name $file"; }
done
wrong 66 "absent: No such" "${verify[@]}" "$WORK/absent"
wrong 65 "fifo: is a fifo, not an overlay" verify fifo --record record
rm output/overlay.qcow2

# A file system that fails its own checker is left as it is.
qemu-img convert -O raw image.qcow2 unclean.raw
offset=$(($(sfdisk -J unclean.raw | jq '.partitiontable.partitions[0].start') * 512))
debugfs -w -R "set_inode_field /etc/hostname links_count 5" "unclean.raw?offset=$offset" 2>/dev/null
apply_to ./unclean.raw
wrong 65 "./unclean.raw: before the update: file system at /: the file system is not clean (e2fsck" "${APPLY[@]}" --quiet
[ -z "$(ls -A output)" ] || fail "an output without a check"

apply_to ./image.qcow2
for key in fifo large empty; do
	expect 78 "${APPLY[@]}" --key "$WORK/$key"
	expect_message "$WORK/$key: "
	[ -z "$(ls -A output)" ] || fail "an output without a record"
done

# Names, as they were typed; what steers a terminal or is no UTF-8 is written \xNN.
wrong 66 '50% %25 o\ff.qcow2: No such file or directory' inspect './50% %25 o\ff.qcow2'
wrong 66 'a\x0Ab\x1B[0m\x5CxFF: No such file or directory' inspect "$(printf './a\nb\033[0m')\\xFF"
cp image.qcow2 '50%25 off.qcow2'
wrong 78 "but the guest is debian 12" plan './50%25 off.qcow2' --patchset debian-13-security
expect_message "coldpatch: ./50%25 off.qcow2: "
