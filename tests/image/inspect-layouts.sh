#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `coldpatch inspect` on every way in which a guest can be laid out, compared with what sfdisk, blkid and a kernel mount
# say of the same bytes.  The images are not changed.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
cd "$WORK" || exit 1

# --- what guests are made of -------------------------------------------------------------------------------------
make_root() { # DIRECTORY FSTAB
	mkdir -p "$1"/{etc,usr/bin,boot,var,home} && cp /bin/dash "$1/usr/bin/sh" && ln -s usr/bin "$1/bin" && printf '%b' "$2" >"$1/etc/fstab" &&
		printf 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n' >"$1/etc/os-release"
}
make_disk() { # FILE MIB SFDISK-SCRIPT
	truncate -s "$2M" "$1" && { [ -z "$3" ] || printf '%b' "$3" | sfdisk -q "$1"; } || fail "cannot make $1"
}
put_fs() { # FILE OFFSET-MIB SIZE-MIB DIRECTORY MKE2FS-OPTIONS...
	mke2fs -q -F -t ext4 -d "$4" -E "offset=$(($2 << 20))" "${@:5}" "$1" "$(($3 << 10))k" || fail "mke2fs in $1"
}
empty() { mkdir -p "$1" && echo "$1" >"$1/marker" && echo "$1"; }

# --- how they are looked at --------------------------------------------------------------------------------------
query() { python3 -c 'import json,sys; g=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }
expect_query() { # JSON EXPRESSION VALUE
	local got
	got=$(query "$1" "$2") || fail "$2"
	[ "$got" = "$3" ] || fail "$1: $2 is '$got', expected '$3'"
}
mounts='" ".join(sorted("%d:%d=%s" % (f["disk"], f["partition"], f["mountpoint"]) for f in g["filesystems"] if f["mounted"]))'

# Each ext file system that the document lists, against blkid and the kernel.
compare_with_kernel() { # JSON DISK-NUMBER RAW-FILE
	local line
	query "$1" "'\n'.join(' '.join(map(str, (f['offset'], f['size'], f['uuid'], f['space']['free_bytes'], f['space']['free_inodes']))) for f in g['filesystems'] if f['disk'] == $2 and f['readable'])" >list
	[ -s list ] || fail "$1: nothing readable on disk $2"
	while read -r offset size uuid free inodes; do
		[ "$(blkid -p -O "$offset" -S "$size" -s UUID -o value "$3")" = "$uuid" ] || fail "$1: uuid at $offset"
		loop=$(losetup -f --show -r -o "$offset" --sizelimit "$size" "$3") || fail losetup
		mkdir -p mnt && mount -o ro,noload "$loop" mnt || { losetup -d "$loop"; fail "mount at $offset"; }
		line=$(stat -f -c '%f %S %d' mnt)
		umount mnt
		losetup -d "$loop"
		[ "$(awk '{ print $1 * $2, $3 }' <<<"$line")" = "$free $inodes" ] || fail "$1: space at $offset: $line, we say $free $inodes"
	done <list
}
inspect() { # NAME IMAGE-ARGUMENTS...
	sha256sum ./*.img ./*.qcow2 >before.sums 2>/dev/null
	expect 0 inspect --json "${@:2}"
	cp "$OUT" "$1.json"
	sha256sum --quiet -c before.sums || fail "inspect changed an image"
	"$TEST_TOP/tests/image/json-schema.py" "$TEST_TOP/docs/guest.schema.json" "$1.json" || fail "$1.json does not fit its schema"
	expect_query "$1.json" '[b for b in g["blockers"] if b["code"] != "no-package-database"]' '[]'
}

# --- the layouts ---------------------------------------------------------------------------------------------------
make_root tags 'UUID=11111111-aaaa-4aaa-8aaa-111111111111 / ext4\nLABEL=boot\\040fs /boot ext4\nPARTUUID=33333333-cccc-4ccc-8ccc-333333333333 /var ext4\nPARTLABEL=home /home ext4\n'
make_disk tags.img 48 'label: gpt\nstart=2048,size=16384\nstart=18432,size=16384\nstart=34816,size=16384,uuid=33333333-CCCC-4CCC-8CCC-333333333333\nstart=51200,size=16384,name=home\n'
put_fs tags.img 1 8 "$(empty boot)" -L "boot fs"
put_fs tags.img 9 8 tags -U 11111111-aaaa-4aaa-8aaa-111111111111
put_fs tags.img 17 8 "$(empty var)"
put_fs tags.img 25 8 "$(empty home)"
qemu-img convert -O qcow2 tags.img tags.qcow2
inspect tags ./tags.qcow2
expect_query tags.json "$mounts" "0:1=/boot 0:2=/ 0:3=/var 0:4=/home"
expect_query tags.json 'g["disks"][0]["format"], g["disks"][0]["partition_scheme"]' "('qcow2', 'gpt')"
expect_query tags.json '[(f["partition"], f["offset"] // 512, f["size"] // 512) for f in g["filesystems"]]' \
	"$(sfdisk -J tags.img | python3 -c 'import json,sys; print([(i + 1, p["start"], p["size"]) for i, p in enumerate(json.load(sys.stdin)["partitiontable"]["partitions"])])')"
expect_query tags.json '[f["partuuid"].upper() for f in g["filesystems"]]' \
	"$(sfdisk -J tags.img | python3 -c 'import json,sys; print([p["uuid"] for p in json.load(sys.stdin)["partitiontable"]["partitions"]])')"
compare_with_kernel tags.json 0 tags.img

make_root names '/dev/vda6 / ext4\n/dev/sda1 /boot ext4\n/dev/xvda5 /var ext4\n'
make_disk names.img 40 'label: dos\nlabel-id: 0x1234abcd\nstart=2048,size=16384,type=83\nstart=18432,size=61440,type=5\nstart=20480,size=16384,type=83\nstart=40960,size=16384,type=83\n'
put_fs names.img 1 8 boot
put_fs names.img 10 8 var
put_fs names.img 20 8 names
inspect names ./names.img
expect_query names.json "$mounts" "0:1=/boot 0:5=/var 0:6=/"
expect_query names.json 'g["filesystems"][-1]["partuuid"]' "1234abcd-06"
compare_with_kernel names.json 0 names.img

make_root whole '/dev/sda / ext4\n'
make_disk whole.img 16 ''
put_fs whole.img 0 16 whole
inspect whole ./whole.img
expect_query whole.json "$mounts" "0:0=/"
compare_with_kernel whole.json 0 whole.img

make_root two '/dev/nvme0n1p1 / ext4\n/dev/nvme1n1 /var ext4\n'
make_disk two.img 16 'label: gpt\nstart=2048,size=16384\n'
put_fs two.img 1 8 two
make_disk data.img 8 ''
put_fs data.img 0 8 var
inspect two --disk ./two.img --disk ./data.img
expect_query two.json "$mounts" "0:1=/ 1:0=/var"
compare_with_kernel two.json 1 data.img

# --- and what is refused -----------------------------------------------------------------------------------------
expect 65 inspect ./data.img
expect_message "no operating system found in data.img: no file system has etc/os-release"
expect 0 inspect --json ./two.img
cp "$OUT" lone.json
expect_query lone.json '[b["msg"] for b in g["blockers"] if b["code"] == "unsupported-filesystem"]' \
	"[\"the guest's /var (/dev/nvme1n1 in /etc/fstab) is not in this image; give all disks of the guest\"]"
make_disk double.img 24 'label: gpt\nstart=2048,size=16384\nstart=18432,size=16384\n'
put_fs double.img 1 8 whole
put_fs double.img 9 8 two
expect 65 inspect ./double.img
expect_message "several operating systems found: on partition 1 of double.img and on partition 2 of double.img"
echo ok
