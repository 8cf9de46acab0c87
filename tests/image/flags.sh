#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inode flags after an update are those that a kernel leaves: inherited from the guest's directories by what is made in them,
# set by package scripts, kept over changes.  The same script runs in a chroot on a mounted copy of the guest; treediff.py
# compares.  Links, fifos and devices are looked at with debugfs, too: the kernel tells little of them.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir

prepare() { # in the guest's root: directories with flags, and files in them from before and after
	mkdir -p flagged/{d,A,dA,S,D,T}/old
	local flag
	for flag in d A dA S D T; do
		echo old > flagged/$flag/file; ln -s file flagged/$flag/oldlink
		chattr "+$flag" flagged/$flag || return 1
		echo old > flagged/$flag/newer; ln -s file flagged/$flag/newerlink
	done
	chattr +d flagged/d/file flagged/A/file
}
# What a package script does with them.
cat > "$WORK/script" <<'SCRIPT'
cd /flagged
for flag in d A dA S D T; do
	echo new > $flag/new; mkdir -p $flag/sub/sub/sub; echo deep > $flag/sub/sub/sub/file; ln -s target $flag/link; mkfifo $flag/fifo
	ln -s "$(printf '%0100d' 0)" $flag/slow
	echo changed >> $flag/file; chmod 600 $flag/newer; ln $flag/new $flag/second
	echo replaced > $flag/x; mv $flag/x $flag/old/file
	echo moved > moved; mv moved $flag/moved; mkdir moved; mv moved $flag/moved-directory
	rm -r $flag/newerlink; rmdir $flag/old 2>/dev/null; mkdir $flag/dir; mv $flag/dir $flag/renamed
done
echo plain > plain; chattr +A plain; mkdir own; chattr +d own; echo x > own/file; chattr +S A/file
mkdir many; cd many; seq 3000 | xargs touch
SCRIPT
guest=$(tiny_guest) || exit 1
cp "$guest" "$WORK/guest.raw"
change_guest "$WORK/guest.raw" prepare || fail "prepare"
victim_update "$(cat "$WORK/script")"
apply_to "$WORK/guest.raw"
mkdir "$WORK/output"
expect 0 "${APPLY[@]}"

cp "$WORK/guest.raw" "$WORK/kernel.raw"
by_kernel() { cp "$WORK/script" tmp/script && chroot . sh /tmp/script && rm tmp/script; }
change_guest "$WORK/kernel.raw" by_kernel || fail "the script failed in a chroot"
qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/ours.raw" || fail "convert"

compare() { change_guest "$WORK/kernel.raw" "$TEST_TOP/tests/image/treediff.py" "$WORK/ours/flagged" flagged --ignore mtime; }
in_ours() { mkdir "$WORK/ours" && mount --bind . "$WORK/ours" && { compare > "$WORK/differences"; status=$?; umount "$WORK/ours"; return $status; }; }
change_guest "$WORK/ours.raw" in_ours || { cat "$WORK/differences"; fail "flags differ from the kernel's"; }

# RAW PATH: all flags of the inode, as they are on the disk
offset=$(sfdisk -J "$WORK/ours.raw" | jq '.partitiontable.partitions[0].start * 512')
flags_of() { debugfs -R "stat $2" "$1?offset=$offset" 2>/dev/null | sed -n 's/.*Flags: \(0x[0-9a-f]*\).*/\1/p'; }
seen=0
for flag in d A dA S D T; do
	for name in link slow fifo oldlink sub/sub new file; do
		path=/flagged/$flag/$name
		ours=$(flags_of "$WORK/ours.raw" "$path") kernels=$(flags_of "$WORK/kernel.raw" "$path")
		[ -n "$ours" ] && [ "$ours" = "$kernels" ] || fail "$path: flags $ours, a kernel's are $kernels"
		[ $((ours & 0xc0)) = 0 ] || seen=$((seen + 1))
	done
done
for raw in ours kernel; do
	[ $(($(flags_of "$WORK/$raw.raw" /flagged/many) & 0x1000)) != 0 ] || fail "$raw: a large new directory has no index"
done
[ "$seen" -ge 15 ] || fail "only $seen inodes have flags: this compares nothing"
