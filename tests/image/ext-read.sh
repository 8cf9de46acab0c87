#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reading: trees made by the kernel with everything that is tricky, on ext file systems of several forms, must look the
# same through lib/fs and through a kernel mount, path by path, and the image must not change.
set -eu
TEST_TOP=${TEST_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-$TEST_TOP/build}
tool=$BUILD/tests/fs_tool tree="python3 $TEST_TOP/tests/image/ext-tree.py"
[ "$(id -u)" = 0 ] || { echo "needs root for loop mounts"; exit 77; }
# Mounts of our own: one that another process's namespace had copied would stay alive after umount.
[ -n "${EXT_TEST_NAMESPACE:-}" ] || EXT_TEST_NAMESPACE=1 exec unshare -m "$0" "$@"
[ -x "$tool" ] || { echo "$tool is not built"; exit 1; }
work=$(mktemp -d)
clean_up() { mountpoint -q "$work/mnt" && umount "$work/mnt"; rm -rf "$work"; }
trap clean_up EXIT
mkdir "$work/mnt"

fill() {
	$tree base "$work/mnt"
	cd "$work/mnt"
	mkdir t
	cd t
	echo acl >acl; setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000400e803000004000400ffffffff10000600ffffffff20000400ffffffff acl
	mkdir acl-dir; setfattr -n system.posix_acl_default -v 0x0200000001000700ffffffff04000500ffffffff08000700409c000010000700ffffffff20000500ffffffff acl-dir
	cp /bin/true cap; setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 cap
	setfattr -n user.empty acl; setfattr -n trusted.x -v 1 acl; setfattr -n user.b1 -v "$(printf %0600d 1)" acl
	ln acl hard1; ln cap hard2; ln hard1 ../hard3
	for n in 1 58 59 60 61 500; do ln -s "$(printf "%0${n}d" 7)" "link$n"; done
	mknod c c 1 3; mknod c-large c 300 70000; mknod b b 259 1; mkfifo p
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("s")'
	printf x >"$(printf 'latin\351\377\200')"; printf x >"$(printf '%0255d' 1)"; printf x >'new
line'
	dd if=/dev/urandom of=sparse bs=4096 count=3 seek=50 status=none; truncate -s 5M sparse
	truncate -s 1G hole; printf end >>hole
	fallocate -l 300K unwritten 2>/dev/null || true; # not on ext2 and ext3
	 printf middle | dd of=unwritten bs=1 seek=100000 conv=notrunc status=none
	dd if=/dev/urandom of=large bs=1M count=20 status=none
	for i in $(seq 0 2 200); do printf x | dd of=pieces bs=4096 seek="$i" conv=notrunc status=none; done
	chown 70000:4000000000 acl; chmod 6751 cap
	touch -d '1960-02-03 04:05:06.123456789Z' old; touch -d '2037-02-03 04:05:06.987654321Z' new
	touch immutable append; chattr +i immutable; chattr +a append; chattr +d new
	mkdir deep; (cd deep; for i in $(seq 60); do mkdir "d$i"; cd "d$i"; done; echo bottom >bottom)
	cd /
}

# one NAME MKE2FS-ARGUMENTS...
one() {
	name=$1
	shift
	image=$work/image
	rm -f "$image"
	truncate -s 200M "$image"
	mke2fs -q -F "$@" "$image" 2>/dev/null
	mount -o loop "$image" "$work/mnt"
	(fill)
	umount "$work/mnt"
	sync -f "$image"
	# The loop device may be let go later than the mount.
	for _ in $(seq 100); do [ -z "$(losetup -j "$image")" ] && break; sleep 0.1; done
	before=$(sha256sum <"$image")
	"$tool" dump "$image" | sort >"$work/ours"
	[ "$before" = "$(sha256sum <"$image")" ] || { echo "FAILED: $name: reading changed the image"; exit 1; }
	mount -o loop,ro "$image" "$work/mnt"
	$tree scan "$work/mnt" | sort >"$work/theirs"
	umount "$work/mnt"
	diff "$work/theirs" "$work/ours" | cut -c1-600 >"$work/diff" || true
	[ -s "$work/diff" ] && { echo "FAILED: $name"; head -n 10 "$work/diff"; exit 1; }
	[ "$(wc -l <"$work/ours")" -gt 1900 ] || { echo "FAILED: $name: too few paths"; exit 1; }
	echo "ok: $name: $(wc -l <"$work/ours") paths"
}

one ext4 -t ext4 -b 4096
one ext4-1k -t ext4 -b 1024
one inline -t ext4 -O inline_data -b 4096
one bigalloc -t ext4 -O bigalloc -b 4096 -C 65536
one ea_inode -t ext4 -O ea_inode -b 1024
one ext2 -t ext2 -b 1024
one ext3-4k -t ext3 -b 4096 -I 128
