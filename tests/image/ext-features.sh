#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each ext4 feature that is written directly, and each absence that matters: the kernel makes some files, 10,000 more
# are added, replaced and removed through lib/fs, `e2fsck -fn` must be clean, and the tree that a kernel mount then shows
# must be what was meant (ext-tree.py).  At the end the features that are refused, each in its own words.
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
mkdir "$work/mnt" "$work/plain" "$work/ea"
$tree plan "$work/plain" 10000
$tree plan "$work/ea" 10000 ea_inode
export MKE2FS_CONFIG=$work/mke2fs.conf
cat >"$MKE2FS_CONFIG" <<CONF
[defaults]
	base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
	blocksize = 4096
	inode_size = 256
	inode_ratio = 8192
	default_mntopts = acl,user_xattr
[fs_types]
	small = {
	}
	ext3 = {
		features = has_journal
	}
	ext4 = {
		features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
	}
CONF

failed=0
fail() { echo "FAILED: $name: $*"; failed=1; }

check_clean() {
	e2fsck -fn "$image" >"$work/fsck" 2>&1 || { fail "e2fsck after $1"; grep -v '^Pass' "$work/fsck" | head -20; return 1; }
}

# one NAME PLAN FLAGS MKE2FS-ARGUMENTS...
one() {
	name=$1 plan=$work/$2 flags=$3
	shift 3
	image=$work/$name.img
	truncate -s 320M "$image"
	mke2fs -q -F -N 24000 "$@" "$image" >"$work/mke2fs.err" 2>&1 || { fail "mke2fs: $(cat "$work/mke2fs.err")"; return 0; }
	mount -o loop "$image" "$work/mnt" || { fail mount; return 0; }
	$tree base "$work/mnt"
	umount "$work/mnt"
	for step in add change; do
		"$tool" apply "$image" <"$plan/$step.txt" || { fail "$step"; return 0; }
		check_clean "$step" || return 0
	done
	mount -o loop "$image" "$work/mnt" || { fail "mount afterwards"; return 0; }
	$tree check "$plan" "$work/mnt" $flags >"$work/check" || { fail "tree"; cat "$work/check"; }
	rm "$work/mnt/d2/fifo" && mkdir "$work/mnt/d0/kernel" || fail "the kernel cannot go on with it"
	umount "$work/mnt"
	check_clean "the kernel" || return 0
	rm -f "$image"
	echo "ok: $name: $(tail -n 1 "$work/check")"
}

if [ $# -gt 0 ]; then "$@"; exit $failed; fi # for one line below alone
one defaults plain "" -t ext4
one block-1k plain "" -t ext4 -b 1024
one block-2k plain "" -t ext4 -b 2048
one inode-128 plain coarse -t ext4 -I 128
one inode-512 plain "" -t ext4 -I 512
one ext2 plain "" -t ext2
one ext2-1k-128 plain coarse -t ext2 -b 1024 -I 128
one ext3 plain "" -t ext3
one no-journal plain "" -t ext4 -O ^has_journal
one no-extent plain "" -t ext4 -O ^extent,^64bit
one no-64bit plain "" -t ext4 -O ^64bit
one no-flex_bg plain "" -t ext4 -O ^flex_bg
one no-dir_index plain "" -t ext4 -O ^dir_index
one no-filetype plain "" -t ext4 -O ^filetype
one no-metadata_csum plain "" -t ext4 -O ^metadata_csum
one no-sparse_super plain "" -t ext4 -O ^sparse_super,^resize_inode
one no-dir_nlink plain "" -t ext4 -O ^dir_nlink,^huge_file
one no-extra_isize plain "" -t ext4 -O ^extra_isize
one no-ext_attr plain "" -t ext4 -O ^ext_attr
one uninit_bg plain "" -t ext4 -O ^metadata_csum,uninit_bg
one lazy plain "" -t ext4 -E lazy_itable_init=1,lazy_journal_init=1
one metadata_csum_seed plain "" -t ext4 -O metadata_csum_seed
one sparse_super2 plain "" -t ext4 -O sparse_super2,^resize_inode
one meta_bg plain "" -t ext4 -O meta_bg,^resize_inode
one large_dir plain "" -t ext4 -O large_dir -b 1024
one inline_data plain "" -t ext4 -O inline_data
one inline_data-1k plain "" -t ext4 -O inline_data -b 1024 -I 512
one bigalloc plain "" -t ext4 -O bigalloc -C 16384
one bigalloc-1k plain "" -t ext4 -O bigalloc -b 1024 -C 4096
one ea_inode ea "" -t ext4 -O ea_inode
one orphan_file plain "" -t ext4 -O orphan_file
one all ea "" -t ext4 -O inline_data,ea_inode,orphan_file,metadata_csum_seed,large_dir

# refused NAME "WORDS" : what fs_tool says of $image
refused() {
	name=$1
	"$tool" probe "$image" >"$work/probe"
	grep -q "writable=0 why_not=.*$2" "$work/probe" || fail "not refused with '$2': $(cat "$work/probe")"
	"$tool" apply "$image" </dev/null 2>"$work/error" && fail "opened for writing"
	grep -q "cannot be \(written directly: .*$2\|read here (.*$2\)" "$work/error" || fail "said: $(cat "$work/error")"
	echo "ok: refused $name"
}
fresh() {
	image=$work/refused.img
	rm -f "$image"
	truncate -s 32M "$image"
	mke2fs -q -F -t ext4 "$@" "$image" 2>"$work/mke2fs.err" || fail "mke2fs: $(cat "$work/mke2fs.err")"
}
debug() { debugfs -w -R "$1" "$image" >/dev/null 2>&1; }

fresh -O quota; refused quota "feature quota"
fresh -O quota,project -I 256; refused project "feature quota\|feature project"
fresh -O project; refused project-alone "feature project"
fresh -O encrypt; refused encrypt "feature encrypt"
fresh -O verity; refused verity "feature verity"
fresh -O casefold; refused casefold "feature casefold"
fresh -O mmp; refused mmp "feature mmp"
fresh -O fast_commit; refused fast_commit "feature fast_commit"
fresh -O stable_inodes; refused stable_inodes "feature stable_inodes"
fresh; debug "feature needs_recovery"; refused needs_recovery "journal must be replayed"
fresh; debug "feature FEATURE_I23"; refused unknown-incompat "feature unknown-I23"
fresh; debug "feature FEATURE_R27"; refused unknown-ro-compat "feature unknown-R27"
fresh; debug "feature FEATURE_C29"; refused unknown-compat "feature unknown-C29"
fresh -O orphan_file; debug "feature FEATURE_R16"; refused orphan_present "feature orphan_present"
fresh; debug "ssv state 0"; refused dirty "not cleanly unmounted"
fresh; debug "ssv state 3"; refused errors "has errors"
fresh; debug "ssv last_orphan 12"; refused orphans "orphaned inodes"
fresh; truncate -s 16M "$image"; refused truncated "larger than its device"
fresh -O 64bit; printf "\0\0" | dd of="$image" bs=1 seek=$((1024 + 254)) conv=notrunc status=none; refused descriptor-size "superblock is damaged"
fresh -O journal_dev -b 4096; refused journal_dev "feature journal_dev"
[ $failed = 0 ] && echo "all features as they should be"
exit $failed
