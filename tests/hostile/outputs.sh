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
