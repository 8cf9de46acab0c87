#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A random tree is changed at random in a copy of it; the layer of the difference is committed to the image;
# the kernel then shows the same tree in the image as in the copy.
set -u
top=${TEST_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-$top/build}
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
work=$(mktemp -d) || exit 1
loop=''
trap 'umount "$work/mnt" 2>/dev/null; [ -z "$loop" ] || losetup -d "$loop" 2>/dev/null; rm -rf "$work"' EXIT
make -s -C "$top" BUILD="$BUILD" "$BUILD/tests/layer_tool" >&2 || exit 1
tool=$BUILD/tests/layer_tool
here=$top/tests/image
bad=0

fail() { echo "seed $seed: $*"; bad=1; }

# mount_loop read-only|read-write FILE: on a loop device of its own.  `mount -o loop` would take the one that the last mount of
# this file is still letting go.
mount_loop() {
	local read_only=
	[ "$1" = read-write ] || read_only=-r
	loop=$(losetup $read_only -f --show "$2") && mount ${read_only} "$loop" "$work/mnt" && return
	losetup -d "$loop"
	return 1
}
umount_loop() { umount "$work/mnt" && losetup -d "$loop"; }

one() {
	seed=$1 mke2fs_options=$2
	rm -rf "$work/view" "$work"/*.raw "$work"/*.qcow2 "$work/store"
	mkdir -p "$work/mnt" "$work/store"
	# shellcheck disable=SC2086
	truncate -s 96M "$work/base.raw" && mke2fs -q -t ext4 $mke2fs_options "$work/base.raw" || return 1
	mount_loop read-write "$work/base.raw" && python3 "$here/layer_random.py" populate "$work/mnt" "$seed" || return 1
	# Read back from the disk: SEEK_DATA on block-mapped files that are not written out yet loses data (Linux 6.18).
	umount_loop && mount_loop read-only "$work/base.raw" && cp -a "$work/mnt" "$work/view" && umount_loop || return 1
	python3 "$here/layer_random.py" hide "$work/view" "$work/hidden" && "$tool" map "$work/view" "$work/map" || return 1
	python3 "$here/layer_random.py" mutate "$work/view" "$seed" || return 1
	before=$(sha256sum <"$work/base.raw")
	digest=$("$tool" make "$work/store" "$work/view" "$work/map" / "$work/base.raw") || { fail "no layer"; return; }
	again=$("$tool" make "$work/store" "$work/view" "$work/map" / "$work/base.raw")
	[ "$digest" = "$again" ] || fail "made twice, two layers"
	zstdcat "$work/store/layers/$digest/layer.tar.zst" 2>/dev/null | tar -tf - >/dev/null 2>&1 || fail "GNU tar cannot read it"
	"$tool" commit "$work/store" "$digest" / "$work/base.raw" "$work/over.qcow2" || { fail "not committed"; return; }
	[ "$before" = "$(sha256sum <"$work/base.raw")" ] || fail "the base has changed"
	qemu-img convert -O raw "$work/over.qcow2" "$work/result.raw" || fail "not converted"
	e2fsck -fn "$work/result.raw" >"$work/fsck" 2>&1 || { fail "e2fsck"; head "$work/fsck"; }
	python3 "$here/layer_random.py" unhide "$work/view" "$work/hidden" || return 1
	mount_loop read-only "$work/result.raw" || { fail "not mounted"; return; }
	python3 "$here/treediff.py" "$work/view" "$work/mnt" >"$work/diff" || { fail "another tree:"; head -n 20 "$work/diff"; }
	umount_loop
}

for seed in ${SEEDS:-1 2 3 4 5 6}; do
	case $((seed % 4)) in
	0) options="-b 1024" ;;
	1) options="" ;;
	2) options="-O inline_data" ;;
	3) options="-O ^extents,^64bit" ;;
	esac
	one "$seed" "$options" || fail "the test itself failed"
done
exit $bad
