#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A move into the library removes no file that another one may need: whatever that is called and in whichever directory of
# the chain or of the clone roots it lies; and what cannot be read keeps all.
set -u
. "$(dirname "$0")/../lib.sh"
workdir
L=$WORK/library
in=$WORK/in
guest=$(mini_guest)
n=0
expect 0 init -L "$L"

anew() { rm -rf "$in" "$WORK/other" && mkdir "$in" "$WORK/other" && cp --reflink=auto --sparse=always "$guest" "$in/gold.qcow2" && cd "$in" || fail "$in"; }
on() { qemu-img create -q -f qcow2 -F qcow2 -b "$1" "$2" || fail "qemu-img create $2"; }
move() { n=$((n + 1)) && expect 0 import -L "$L" --quiet --move --name "m$n" "$@"; }
kept() { # FILE USER
	[ -e "$1" ] || fail "$1 was removed, and $2 needs it"
	expect_message "$(realpath "$1"): is copied, and stays: $2 needs it"
}
gold_is_kept_for() { move ./gold.qcow2 && kept gold.qcow2 "$1"; }
all_are_kept_for() { # FILE WHY
	move ./gold.qcow2
	[ -e gold.qcow2 ] || fail "gold.qcow2 was removed, and $1 may need it"
	expect_message "$1: $2: what it needs is not known, so no original is removed"
	expect_message "$in/gold.qcow2: is copied, and stays: an image may need it"
}

# --- whatever the other one is called, and whether or not it can be opened
anew && on gold.qcow2 vm.snap1 && gold_is_kept_for "$in/vm.snap1"
anew && on gold.qcow2 vm.qcow2 && printf '\x80' | dd of=vm.qcow2 bs=1 seek=72 conv=notrunc status=none && gold_is_kept_for "$in/vm.qcow2"
anew && qemu-img create -q -f qcow -F qcow2 -b gold.qcow2 vm.qcow2 && gold_is_kept_for "$in/vm.qcow2"
anew && qemu-img create -q -u -f qcow2 -F qcow2 -b "json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"$in/gold.qcow2\"}}" vm 96M && gold_is_kept_for "$in/vm"
anew && on ../in/gold.qcow2 ../other/mid.qcow2 && on ../other/mid.qcow2 top.qcow2 && gold_is_kept_for "$in/top.qcow2"
anew && on "$in/gold.qcow2" ../other/vm.qcow2 && ln -s ../other/vm.qcow2 link && gold_is_kept_for "$in/link"
anew && ln gold.qcow2 lower.qcow2 && on lower.qcow2 vm.qcow2 && ln vm.qcow2 second && rm gold.qcow2 && move ./vm.qcow2 --backing ./lower.qcow2 && kept lower.qcow2 "$in/second"

# --- what has its data in another file, which its header should name
anew && qemu-img create -q -f qcow2 -o data_file=gold.raw,data_file_raw=on vm.disk 96M && qemu-img convert -O raw gold.qcow2 gold.raw && rm gold.qcow2 && move ./gold.raw && kept gold.raw "$in/vm.disk"
anew && qemu-img create -q -f qcow2 -o data_file=d.raw vm 1M && printf 'none' | dd of=vm bs=1 seek=112 conv=notrunc status=none && all_are_kept_for "$in/vm" "its data lies in another file, which it does not name"

# --- names of every kind
anew && mv gold.qcow2 'g\x41.qcow2' && on 'g\x41.qcow2' a.qcow2 && on 'g\x41.qcow2' b.qcow2 && move --backing './g\x41.qcow2' ./a.qcow2
[ -e 'g\x41.qcow2' ] && [ ! -e a.qcow2 ] || fail "a base with a backslash in its name"
expect_message "$in/g\\x5Cx41.qcow2: is copied, and stays: $in/b.qcow2 needs it"

# --- a directory: what it holds besides, and what lies beside a base elsewhere
directory() { expect "$1" import -L "$L" --quiet --move "${@:2}"; }
anew && mkdir d && on ../gold.qcow2 d/dir-a.qcow2 && on gold.qcow2 b.qcow2 && directory 0 --backing ./gold.qcow2 d && kept gold.qcow2 "$in/b.qcow2"
[ ! -e d/dir-a.qcow2 ] || fail "an image of a directory was not moved"
anew && mkdir d && mv gold.qcow2 d && on gold.qcow2 d/dir-b.qcow2 && on gold.qcow2 d/b.snap && directory 0 d && kept d/gold.qcow2 "$in/d/b.snap"
anew && mkdir d && mv gold.qcow2 d && on gold.qcow2 d/dir-c.qcow2 && printf 'QFI\xfb\0\0\0\3' >d/x.qcow2 && directory 3 d
[ -e d/gold.qcow2 ] && [ -e d/dir-c.qcow2 ] || fail "a file was removed, and nobody knows what d/x.qcow2 needs"
expect_message "$in/d/x.qcow2: its header is cut off: what it needs is not known, so no original is removed"

# --- what cannot be read keeps all; how many there are is told
anew && on gold.qcow2 cut && truncate -s 200 cut && all_are_kept_for "$in/cut" "its header names a backing file that cannot be read"
anew && printf 'QFI\xfb' | tee x y >z && move ./gold.qcow2 && [ -e gold.qcow2 ] || fail "three files that cannot be read"
expect_message "(and 2 more): its header is cut off: what it needs is not known"

# --- the clone roots, whatever is below them; one that is not there may hold anything
cp "$L/coldpatch.yaml" "$WORK/policy" && mkdir -p "$WORK/vms/deep" && echo "clone-roots: [$WORK/vms]" >"$L/coldpatch.yaml"
anew && on "$in/gold.qcow2" "$WORK/vms/deep/vm" && gold_is_kept_for "$WORK/vms/deep/vm"
rm -r "$WORK/vms"
anew && all_are_kept_for "$WORK/vms" "it cannot be looked through: No such file or directory"
cp "$WORK/policy" "$L/coldpatch.yaml"

# --- one that cannot be removed may need those below it
if [ "$(id -u)" = 0 ]; then
	anew && mkdir d && on ../gold.qcow2 d/top.qcow2 && mount --bind d d && mount -o remount,bind,ro d || fail "mount"
	status=0
	(move --backing ./gold.qcow2 d/top.qcow2) || status=1
	umount d
	n=$((n + 1))
	[ $status = 0 ] && [ -e gold.qcow2 ] || fail "what is below one that could not be removed was removed"
	expect_message "$in/d/top.qcow2: is copied, and could not be removed"
	expect_message "$in/gold.qcow2: is copied, and stays: what stays may need it"
fi

# --- a base of the library itself, left where it lies: the copy would be another content, by the name in its header
anew && expect 0 import -L "$L" --quiet --copy --name lower ./gold.qcow2
lower=$L/bases/$(sha256sum gold.qcow2 | cut -d' ' -f1)
on "$lower" v.qcow2 && expect 0 import -L "$L" --quiet --reference --name by-reference --backing "$lower" ./v.qcow2
expect 77 import -L "$L" --quiet --move --name by-move --backing "$lower" ./v.qcow2
expect_message "$in/v.qcow2 is a base already, left where it lies; import it with --reference"
on v.qcow2 top.qcow2 && expect 77 import -L "$L" --quiet --move --name by-move --backing ./v.qcow2 --backing "$lower" ./top.qcow2
expect_message "$in/v.qcow2 is a base already, left where it lies"
expect 0 import -L "$L" --quiet --copy --name copied --backing "$lower" ./v.qcow2
expect 0 import -L "$L" --quiet --move --name copied --backing "$lower" ./v.qcow2
expect 0 path -L "$L" by-reference
[ -e v.qcow2 ] && [ -e top.qcow2 ] || fail "a base of the library was removed"

# The same where it becomes one while it is copied.
rm top.qcow2 && on "$lower" late.qcow2 && qemu-io -f qcow2 -c 'write -P 5 90M 64k' late.qcow2 >/dev/null
STOP_FOLLOW='' stop_at symlinkat import -L "$L" --quiet --move --name late --backing "$lower" "$in/late.qcow2"
expect 0 import -L "$L" --quiet --reference --name meanwhile --backing "$lower" ./late.qcow2
late=$L/bases/$(sha256sum late.qcow2 | cut -d' ' -f1)
go_on
[ -e late.qcow2 ] || fail "what has become a base was removed"
grep -qF "$in/late.qcow2: is copied, and stays: $late leads to it" "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "why it stays"; }
expect 0 path -L "$L" meanwhile
expect 0 path -L "$L" late

# --- whose copy was there before, and is not what it was although its time is
anew && qemu-io -f qcow2 -c 'write -P 6 90M 64k' gold.qcow2 >/dev/null && expect 0 import -L "$L" --quiet --copy --name rots ./gold.qcow2
rotten=$L/bases/$(sha256sum gold.qcow2 | cut -d' ' -f1)
on gold.qcow2 top.qcow2 && move --backing ./gold.qcow2 ./top.qcow2
[ ! -e gold.qcow2 ] && [ ! -e top.qcow2 ] || { cat "$ERR"; fail "a move of what is there and whole"; }
cp "$rotten" gold.qcow2 && on gold.qcow2 top.qcow2 && qemu-io -f qcow2 -c 'write -P 8 90M 64k' top.qcow2 >/dev/null || fail top.qcow2
touch -r "$rotten" time && chmod u+w "$rotten" && printf rotten | dd of="$rotten" bs=1 seek=9000000 conv=notrunc status=none && touch -r time "$rotten" && chmod u-w "$rotten" && rm time || fail "$rotten"
move --backing ./gold.qcow2 ./top.qcow2
[ -e gold.qcow2 ] && [ ! -e top.qcow2 ] || fail "the only good copy was removed"
expect_message "$in/gold.qcow2: is copied, and stays: its copy, $rotten, was there before, and is damaged or cannot be read"

# --- files of every other kind need nothing
anew && echo text >notes.txt && head -c 100000 /dev/urandom >cd.iso && : >empty && mkfifo fifo && ln -s nothing gone && mkdir below && ln -s below beside && on gold.qcow2 vm.qcow2 && on ../gold.qcow2 below/vm.qcow2
move --backing ./gold.qcow2 ./vm.qcow2
[ ! -e gold.qcow2 ] && [ ! -e vm.qcow2 ] || { cat "$ERR"; fail "an ordinary move"; }
[ ! -s "$ERR" ] || { cat "$ERR"; fail "an ordinary move warns"; }
echo "library-move: what another file may need stays"
