#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names of outputs and records that cannot be, and things beside them that are not ours.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root: the sandbox does"
workdir
guest=$(small_guest) || exit 1
oddities_mirror "$WORK/odd"
expect 0 mirror snapshot "$WORK/odd" --keyring "$WORK/odd.key/keyring.gpg"
mkdir "$WORK/place"
wrong() { # MESSAGE OUTPUT RECORD [CODE]
	expect "${4:-64}" apply "$guest" --patchset debian-12-all --executor sandbox --output "$2" --record "$3"
	expect_message "$1"
	[ -z "$(ls -A "$WORK/place" | grep -v -e '^there$' -e '^\.coldpatch-mine$')" ] || fail "something was left there"
}

echo theirs > "$WORK/place/there"
wrong "exists already; it is never overwritten" "$WORK/place/there" "$WORK/place/r"
wrong "exists already; it is never overwritten" "$WORK/place/o" "$WORK/place/there"
wrong "named as output and as record" "$WORK/place/o" "$WORK/place/o"
wrong "is not the name of a file to make" "$WORK/place/" "$WORK/place/r"
wrong "absent, for $WORK/absent/o" "$WORK/absent/o" "$WORK/place/r" 66
[ "$(cat "$WORK/place/there")" = theirs ] || fail "a file of the user was changed"
expect 64 apply "$guest" --patchset debian-12-all --executor nothing --output "$WORK/place/o" --record "$WORK/place/r"
expect_message "executor: nothing is none of auto, sandbox, appliance"

# A directory that somebody else calls by our prefix, however old, stays.
mkdir -m 700 "$WORK/place/.coldpatch-mine"; echo mine > "$WORK/place/.coldpatch-mine/file"; touch -d '1 year ago' "$WORK/place/.coldpatch-mine"
rm "$WORK/place/there"
expect 0 apply "$guest" --patchset debian-12-all --executor sandbox --output "$WORK/place/o" --record "$WORK/place/r"
[ "$(cat "$WORK/place/.coldpatch-mine/file")" = mine ] || fail "a directory of the user was removed"

# A record that is not the parent's, a plan that was edited, a plan that lies about the guest.
trusted() { # CODE MESSAGE ARGS...
	local code=$1 message=$2
	shift 2
	expect "$code" apply "$guest" --executor sandbox --output "$WORK/place/t" --record "$WORK/place/t.json" "$@"
	expect_message "$message"
	[ ! -e "$WORK/place/t" ] && [ ! -e "$WORK/place/t.json" ] || fail "something was made"
}
echo '{}' > "$WORK/not-a-record"
trusted 76 "parent record: " --patchset debian-12-all --parent-record "$WORK/not-a-record"
trusted 76 "does not speak of $guest" --patchset debian-12-all --parent-record "$WORK/place/r"
expect 0 plan "$guest" --patchset debian-12-all -o "$WORK/plan"
jq '.plan.changes[0].from = "0.9"' "$WORK/plan" > "$WORK/edited"
trusted 76 "the plan is not the one that its digest names" --plan "$WORK/edited"
jq 'del(.digest) | .plan.changes[0].from = "0.9"' "$WORK/plan" > "$WORK/lying"
trusted 75 "from version 0.9, which the guest does not have: plan again" --plan "$WORK/lying"
jq 'del(.digest) | .plan.os_id = "ubuntu"' "$WORK/plan" > "$WORK/lying"
trusted 75 "the plan is for another system than the guest's: plan again" --plan "$WORK/lying"

# A name with a colon backs an overlay in its own directory.
qemu-img convert -O qcow2 "$guest" "$WORK/place/golden-15:04.img"
expect 0 apply "$WORK/place/golden-15:04.img" --patchset debian-12-all --executor sandbox --output "$WORK/place/colon" --record "$WORK/place/colon.json"
expect 0 verify "$WORK/place/colon" --record "$WORK/place/colon.json"

# Words of the guest do not steer the terminal; no argument may be something else than UTF-8.
expect 64 inspect "$(printf 'a\377')"
expect_message "argument"

# A file system that is read-only is the same to all.
mkdir "$WORK/ro" && mount -t tmpfs -o ro ro "$WORK/ro" || fail "mount"
expect 74 apply "$guest" --patchset debian-12-all --executor sandbox --output "$WORK/ro/o" --record "$WORK/ro/r"
expect_message "directory $WORK/ro, for $WORK/ro/o: Read-only file system"
expect 74 key generate --directory "$WORK/ro" k
expect_message "$WORK/ro/k.key: Read-only file system"
expect 74 plan "$guest" --patchset debian-12-all -o "$WORK/ro/plan"
expect_message "$WORK/ro/plan: Read-only file system"
umount "$WORK/ro" || fail "umount"

# What chattr +i and +a keep from the guest's own package manager is kept from us.
qemu-img convert -O raw "$guest" "$WORK/immutable.raw"
offset=$(sfdisk --json "$WORK/immutable.raw" | jq '.partitiontable.partitions[0].start * 512')
for flag in '0x80010 immutable in the guest (chattr +i)' '0x80020 append-only in the guest (chattr +a)'; do
	printf 'set_inode_field /usr/lib/coldpatch-oddities/tool flags %s\n' "${flag%% *}" > "$WORK/commands"
	debugfs -w -f "$WORK/commands" "$WORK/immutable.raw?offset=$offset" >/dev/null 2>&1
	expect 79 apply "$WORK/immutable.raw" --patchset debian-12-all --executor sandbox --output "$WORK/place/t" --record "$WORK/place/t.json"
	expect_message "/usr/lib/coldpatch-oddities/tool is ${flag#* }"
done
runs_are_over
