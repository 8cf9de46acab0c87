#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A chain of which the lowest file is no record's: what it shows is compared all the same.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mkdir "$WORK/output"
cp "$(mini_guest)" "$WORK/base.qcow2"
cd "$WORK" || exit 1

step() { # FROM TO VERSION [OPTION...]
	rm -rf mirror
	"$TEST_TOP/test-images/make-signed-mirror" -o mirror --key mirror-key --suite bookworm-victim "$(victim_deb "$3" "$WORK")" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --keyring mirror-key/keyring.gpg mirror
	expect 0 apply "./$1" --patchset debian-12-all --executor sandbox --output "$2.qcow2" --record "$2.json" "${@:4}"
}
verified() { # CODE FINDING [OPTION...]
	local finding=$2
	expect "$1" verify two.qcow2 --record two.json "${@:3}"
	grep -qE "^$finding" "$OUT" || { cat "$OUT"; fail "no finding $finding"; }
}
step base.qcow2 one 2.0
sleep 1
step one.qcow2 two 3.0 --backing base.qcow2
verified 0 'gap *parent-record'
verified 0 'ok *content *.*two.qcow2'
# All of it is told of by a record: nothing more is read.
expect 0 verify one.qcow2 --record one.json
! grep -q content "$OUT" || { cat "$OUT"; fail "content was read"; }

cp base.qcow2 kept
rm base.qcow2
qemu-img convert -O raw kept changed.raw
printf x | dd of=changed.raw bs=1 seek=$((20 << 20)) conv=notrunc status=none
qemu-img convert -O qcow2 changed.raw base.qcow2
verified 1 'bad *content *.*two.qcow2'
# The record of the overlay between would have named the base itself.
verified 1 'bad *parent *.*two.qcow2|bad *parent-record' --parent-record one.json
qemu-img create -q -f qcow2 empty.qcow2 "$(qemu-img info --output=json kept | jq '."virtual-size"')"
mv empty.qcow2 base.qcow2
verified 1 'bad *content'
mv kept base.qcow2
verified 0 'ok *content'
runs_are_over
