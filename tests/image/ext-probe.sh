#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# File systems are recognised by type, UUID and label as blkid recognises them; what no back end reads is refused by
# name.  Kinds whose tool is not installed, and cannot be written by hand here, are left out and said so.
set -eu
TEST_TOP=${TEST_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-$TEST_TOP/build}
tool=$BUILD/tests/fs_tool
[ -x "$tool" ] || { echo "$tool is not built"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$work/image failed=0 checked=0
export PATH=$PATH:/usr/sbin:/sbin

# value KEY: what blkid says
value() { sed -n "s/^ID_FS_$1=//p" "$work/blkid"; }

# kind NAME READABLE COMMAND...: $image made by the command
kind() {
	local name=$1 readable=$2
	shift 2
	rm -f "$image"
	truncate -s "${size:-64M}" "$image"
	command -v "$1" >/dev/null || { echo "not installed: $1 ($name)"; return 0; }
	"$@" >"$work/log" 2>&1 || { echo "FAILED: $name: $*: $(tail -n 1 "$work/log")"; failed=1; return 0; }
	blkid -p -o udev "$image" >"$work/blkid"
	"$tool" probe "$image" >"$work/probe"
	expected="type=$(value TYPE) uuid=$(value UUID_ENC) label=$(value LABEL_ENC)"
	[ "$readable" = 1 ] || expected="$expected readable=0 writable=0 why_not=file system type $(value TYPE)"
	expected=${expected//label= /label=- }
	expected=$(printf '%s' "$expected" | sed 's/\\x20/ /g')
	checked=$((checked + 1))
	grep -qF "type=$name " "$work/probe" && grep -qF "${expected%label=}" "$work/probe" ||
		{ echo "FAILED: $name"; echo "  want $expected"; echo "  have $(cat "$work/probe")"; failed=1; return 0; }
	if [ "$readable" = 0 ]; then
		"$tool" read "$image" 2>"$work/log" && { echo "FAILED: $name was opened"; failed=1; }
		grep -q "file system type $name cannot be read here" "$work/log" || { cat "$work/log"; failed=1; }
	fi
	echo "ok: $name: $(cat "$work/probe")"
}

# poke OFFSET FORMAT: bytes into $image
poke() { printf "$2" | dd of="$image" bs=1 seek="$1" conv=notrunc status=none; }
make_lvm() {
	poke 512 'LABELONE\1\0\0\0\0\0\0\0'; poke 532 '\40\0\0\0LVM2 001'
	poke 544 'abcdefGHIJKLMNOPQRSTUVWXYZ012345'
	# The checksum that blkid checks: lvm2's crc32 of bytes 20 to 512 of the sector.
	python3 - "$image" <<-PY
	import sys, zlib, struct
	with open(sys.argv[1], "r+b") as f:
	    f.seek(512); sector = f.read(512)
	    crc = 0xffffffff ^ zlib.crc32(sector[20:], 0xf597a6cf ^ 0xffffffff)
	    f.seek(512 + 8); f.write(struct.pack("<Q", 1)); f.seek(512 + 16); f.write(struct.pack("<I", crc & 0xffffffff))
	PY
}

kind ext2 1 mke2fs -q -F -t ext2 -L "two words" "$image"
kind ext3 1 mke2fs -q -F -t ext3 "$image"
kind ext4 1 mke2fs -q -F -t ext4 -L root "$image"
size=512M kind xfs 0 mkfs.xfs -q -L xlabel "$image"
size=256M kind btrfs 0 mkfs.btrfs -q -L blabel "$image"
size=600M kind vfat 0 mkfs.vfat -F 32 -n FATLABEL "$image"
size=4M kind vfat 0 mkfs.vfat -F 12 "$image"
kind swap 0 mkswap -q -L swaplabel "$image"
kind ntfs 0 mkntfs -q -F -f -s 512 -p 0 -H 16 -S 63 "$image"
size=256M kind f2fs 0 mkfs.f2fs -q -f -l flabel "$image"
kind crypto_LUKS 0 cryptsetup luksFormat -q --type luks1 --iter-time 10 --key-file "$0" --keyfile-size 64 "$image"
kind crypto_LUKS 0 cryptsetup luksFormat -q --type luks2 --label lbl --pbkdf pbkdf2 --iter-time 10 --key-file "$0" --keyfile-size 64 "$image"
kind squashfs 0 mksquashfs "$TEST_TOP/lib/fs" "$image" -noappend -quiet
kind iso9660 0 xorriso -as mkisofs -V ISOLABEL -o "$image" "$TEST_TOP/lib/fs"
kind erofs 0 mkfs.erofs --quiet "$image" "$TEST_TOP/lib/fs"
kind LVM2_member 0 make_lvm
truncate -s 0 "$image"; truncate -s 1M "$image"
"$tool" probe "$image" | grep -q "^type=- uuid= label=- readable=0" || { echo "FAILED: nothing"; failed=1; }
"$tool" read "$image" 2>&1 | grep -q "no file system recognised" || { echo "FAILED: nothing to open"; failed=1; }
[ $checked -ge 8 ] || { echo "FAILED: only $checked kinds were checked"; failed=1; }
exit $failed
