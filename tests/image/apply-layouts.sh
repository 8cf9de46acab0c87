#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `apply` and `verify` on every way in which a Debian guest can be laid out: partition tables, file systems and their
# features, ways to name them in fstab, several disks, raw and chained images, names of files.  After each: the overlay and
# every file system in it are clean for qemu-img and e2fsck, mount on a kernel, hold what they should, and the base is what
# it was.  With COLDPATCH_TEST_FULL on a larger guest, and also other Debian releases, from their real security mirrors.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
loops=() mounts=()
clean_up() {
	local i
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount "${mounts[i]}"; done
	for i in ${loops[@]+"${loops[@]}"}; do losetup -d "$i"; done
	mounts=() loops=()
}
trap 'clean_up 2>/dev/null; rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1

# --- a package with files on every mount -------------------------------------------------------------------------
places="boot usr/lib var/lib etc"
package() { # VERSION: each version replaces a file, brings one and leaves one out, by dpkg and by its script
	local tree=pkg-$1 place
	mkdir -p "$tree/DEBIAN"
	printf 'Package: coldpatch-layout\nVersion: %s.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: test\n' "$1" >"$tree/DEBIAN/control"
	echo '#!/bin/sh' >"$tree/DEBIAN/postinst"
	for place in $places; do
		mkdir -p "$tree/$place/layout/only-$1"
		echo "version $1" >"$tree/$place/layout/changes"
		echo "version $1" >"$tree/$place/layout/only-$1/file"
		ln -s "only-$1/file" "$tree/$place/layout/link"
		head -c 3000000 /dev/urandom >"$tree/$place/layout/large"
		echo "d=/$place/layout; rm -f \$d/made-*; echo script $1 >\$d/made-$1; ln -f \$d/changes \$d/hard; chown 1:2 \$d/made-$1; dd if=/dev/zero of=\$d/sparse bs=1 count=1 seek=$1M 2>/dev/null" >>"$tree/DEBIAN/postinst"
	done
	chmod 755 "$tree/DEBIAN/postinst"
	dpkg-deb -Znone --root-owner-group -b "$tree" "layout_$1.deb" >/dev/null || fail "dpkg-deb"
}
package 1; package 2; package 3

# --- the tree that all guests are made of --------------------------------------------------------------------------
if [ -n "${COLDPATCH_TEST_FULL:-}" ]; then guest=$(small_guest); else guest=$(mini_guest); fi
qemu-img convert -O raw "$guest" guest.raw
mkdir tree mnt
loops+=("$(losetup -f --show -r -o 1048576 guest.raw)")
mount -o ro,noload "${loops[0]}" mnt || fail "mount the guest"
mounts=(mnt)
cp -a mnt/. tree || fail cp
clean_up
rm -rf guest.raw tree/usr/share/{doc,locale,man,i18n,zoneinfo}/* tree/lost+found
cp layout_1.deb tree/ && chroot tree dpkg -i /layout_1.deb >/dev/null 2>&1 && rm tree/layout_1.deb || fail "dpkg -i"
mkdir -p split empty

# --- making guests ---------------------------------------------------------------------------------------------------
mib() { echo $(($1 << 11)); }
uuid_of() { printf '1111%04d-2222-4333-8444-555566667777' "$1"; }

# The mount points that have a file system of their own leave the root's tree and come back at the end.
take_out() { # MOUNTPOINT -> a directory with its content
	[ "$1" = / ] && { echo tree; return; }
	mkdir -p "split$1" && mv "tree$1"/* "split$1/" 2>/dev/null
	echo "split$1"
}
put_back() {
	local mountpoint
	for mountpoint in "$@"; do [ "$mountpoint" = / ] || mv "split$mountpoint"/* "tree$mountpoint/" 2>/dev/null; done
}

# disk FILE SCHEME FS...: each FS is "MOUNT MIB BY TYPE MKE2FS-OPTIONS".  BY: how fstab names it.  Writes $WORK/table with
# "FILE OFFSET SIZE MOUNT" and adds to tree/etc/fstab, so disks with the root come last.
disk() {
	local file=$1 scheme=$2 at=1 n=0 number script="" fs mountpoint size by type options uuid source starts=()
	shift 2
	[ "$scheme" = mbr ] && script="label: dos\nlabel-id: 0xc01d9a7c\n" || script="label: gpt\n"
	for fs in "$@"; do
		read -r mountpoint size by type options <<<"$fs"
		n=$((n + 1))
		uuid=$(uuid_of $((10#${disks}$n)))
		number=$n
		if [ "$scheme" = mbr ] && [ $n -ge 2 ]; then
			[ $n = 2 ] && script+="start=$(mib $at),type=5\n"
			number=$((n + 3)) at=$((at + 1))
		fi
		script+="start=$(mib $at),size=$(mib "$size")"
		[ "$scheme" = gpt ] && script+=",uuid=$uuid,name=\"part $n\""
		script+="\n"
		[ "$scheme" = whole ] && at=0
		starts+=($at)
		case $by in
		UUID) source=UUID=$uuid ;;
		LABEL) source=LABEL=fs$disks$n ;;
		PARTUUID) [ "$scheme" = gpt ] && source=PARTUUID=$uuid || source=PARTUUID=c01d9a7c-0$number ;;
		PARTLABEL) source="PARTLABEL=part\\040$n" ;;
		*) source=$by ;;
		esac
		echo "$source $mountpoint $type defaults 0 1" >>tree/etc/fstab
		echo "$file $((at << 20)) $((size << 20)) $mountpoint" >>table
		at=$((at + size))
	done
	rm -f "$file" && truncate -s $((at + 1))M "$file"
	[ "$scheme" = whole ] || printf '%b' "$script" | sfdisk -q "$file" || fail "sfdisk $file"
	n=0
	for fs in "$@"; do
		read -r mountpoint size by type options <<<"$fs"
		n=$((n + 1))
		# shellcheck disable=SC2086
		mke2fs -q -F -t "$type" $options -U "$(uuid_of $((10#${disks}$n)))" -L "fs$disks$n" -d "$(take_out "$mountpoint")" \
			-E "offset=$((starts[n - 1] << 20)),nodiscard" "$file" "${size}M" || fail "mke2fs $mountpoint in $file"
	done
	disks=$((disks + 1))
}
begin() { echo "== $*"; : >table; : >tree/etc/fstab; disks=1; }
# shellcheck disable=SC2046
finish() { put_back $(awk '{ print $4 }' table); }

# --- looking at results ------------------------------------------------------------------------------------------------
check_filesystems() { # RAW-FILE NAME-IN-TABLE
	local file offset size mountpoint loop
	while read -r file offset size mountpoint; do
		[ "$file" = "$2" ] || continue
		loop=$(losetup -f --show -r -o "$offset" --sizelimit "$size" "$1") || fail losetup
		loops+=("$loop")
		e2fsck -fn "$loop" >fsck.out 2>&1 || { cat fsck.out; fail "e2fsck of $mountpoint"; }
		devices+=("$mountpoint $loop")
	done <table
}
mount_all() {
	local mountpoint loop options
	while read -r mountpoint loop; do
		options=ro,noload; [ "$(blkid -p -s TYPE -o value "$loop")" = ext2 ] && options=ro
		mount -o $options "$loop" "mnt$mountpoint" || fail "mount $mountpoint"
		mounts+=("mnt$mountpoint")
	done < <(printf '%s\n' "${devices[@]}" | sort)
}
check_files() { # VERSION
	local place old=$(($1 - 1)) dir
	for place in $places; do
		dir=mnt/$place/layout
		cmp -s "$dir/changes" "pkg-$1/$place/layout/changes" || fail "$dir/changes"
		cmp -s "$dir/large" "pkg-$1/$place/layout/large" || fail "$dir/large"
		[ "$(cat "$dir/link")" = "version $1" ] || fail "$dir/link"
		[ "$(cat "$dir/made-$1"; stat -c %u:%g "$dir/made-$1")" = "script $1"$'\n'1:2 ] || fail "$dir/made-$1"
		[ "$dir/hard" -ef "$dir/changes" ] || fail "$dir/hard is not the same file as changes"
		[ "$(stat -c %s "$dir/sparse")" = $((($1 << 20) + 1)) ] || fail "$dir/sparse"
		[ ! -e "$dir/only-$old" ] && [ ! -e "$dir/made-$old" ] || fail "something of version $old is left in $dir"
	done
	[ "$(dpkg-query --admindir="$PWD/mnt/var/lib/dpkg" -W -f '${Version} ${Status}' coldpatch-layout)" = "$1.0 install ok installed" ] || fail "dpkg's status"
}
# look VERSION NAME=OVERLAY...: the overlays of the disks of the table
look() {
	local version=$1 pair n=0
	devices=()
	shift
	for pair in "$@"; do
		n=$((n + 1))
		qemu-img check -q "${pair#*=}" || fail "qemu-img check ${pair#*=}"
		qemu-img convert -O raw "${pair#*=}" "look$n.raw" || fail "convert ${pair#*=}"
		check_filesystems "look$n.raw" "${pair%%=*}"
	done
	mount_all
	check_files "$version"
	clean_up
	rm -f look?.raw
}
patch=(--patchset all.yaml --executor sandbox)
# apply_one VERSION NAME-IN-TABLE IMAGE [OPTIONS...]: into out.qcow2 and out.json
apply_one() {
	local version=$1 name=$2 image=$3 before
	before=$(stat -c '%i %s %y %z' "$image")
	rm -f out.qcow2 out.json
	expect 0 apply "$image" "${patch[@]}" --output out.qcow2 --record out.json "${@:4}"
	look "$version" "$name=out.qcow2"
	[ "$before" = "$(stat -c '%i %s %y %z' "$image")" ] || fail "$image was written to"
}

"$TEST_TOP/test-images/make-signed-mirror" -o mirror --suite layouts-security --origin coldpatch layout_2.deb || fail make-signed-mirror
sed 's/^name: .*/name: all/' "$TEST_TOP/patchsets/debian-12-all.yaml" >all.yaml
expect 0 mirror snapshot mirror --keyring mirror.key/keyring.gpg

# --- one disk --------------------------------------------------------------------------------------------------------
begin "GPT; /boot /usr /var; by UUID, LABEL, PARTUUID, PARTLABEL"
disk gpt.raw gpt "/boot 64 LABEL ext4" "/usr 300 PARTUUID ext4" "/var 200 PARTLABEL ext4" "/ 200 UUID ext4"
finish
qemu-img convert -O qcow2 gpt.raw gpt.qcow2
apply_one 2 gpt.raw ./gpt.qcow2
cp --sparse=always table gpt.table

begin "MBR with logical partitions; ext2, ext3, 1k blocks, inodes of 128 bytes; by device and PARTUUID; raw"
disk mbr.raw mbr "/boot 64 /dev/vda1 ext2 -b 1024 -I 128" "/usr 300 /dev/sda5 ext3" "/var 200 PARTUUID ext4 -b 1024" "/ 200 /dev/vda7 ext4 -I 128"
finish
apply_one 2 mbr.raw ./mbr.raw
rm mbr.raw

begin "no partition table; bigalloc"
disk whole.raw whole "/ 700 /dev/vda ext4 -O bigalloc -C 65536"
finish
apply_one 2 whole.raw ./whole.raw
rm whole.raw

begin "inline_data, and features that mke2fs leaves out"
disk inline.raw gpt "/var 200 UUID ext4 -O inline_data" "/boot 64 UUID ext4 -O inline_data -b 1024" "/ 500 UUID ext4 -O inline_data,ea_inode,^metadata_csum,uninit_bg"
finish
apply_one 2 inline.raw ./inline.raw
rm inline.raw

begin "ext4 without journal, without extents; ext2 as root"
disk plain.raw gpt "/boot 64 UUID ext4 -O ^has_journal" "/var 200 UUID ext4 -O ^extent,^64bit" "/ 500 UUID ext2"
finish
apply_one 2 plain.raw ./plain.raw
rm plain.raw

# --- several disks ---------------------------------------------------------------------------------------------------
begin "two disks, /var on the second"
disk data.raw whole "/var 200 /dev/vdb ext4"
disk system.raw gpt "/boot 64 UUID ext4" "/ 500 UUID ext4"
finish
qemu-img convert -O qcow2 system.raw system.qcow2
mkdir "out dir"
sha256sum system.qcow2 data.raw >sums
expect 0 apply --disk ./system.qcow2 --disk ./data.raw "${patch[@]}" --output-dir "out dir"
ls "out dir"
look 2 "system.raw=out dir/system.qcow2" "data.raw=out dir/data.qcow2"
sha256sum --quiet -c sums || fail "a base was written to"
expect 0 verify "out dir/system.qcow2" "out dir/data.qcow2" --record "out dir/record.sigstore.json" --backing system.qcow2 --backing data.raw
rm -rf "out dir" data.raw system.raw system.qcow2

# --- names and chains --------------------------------------------------------------------------------------------------
cp gpt.table table
echo "== names with spaces; the current directory"
mkdir "a directory"
mv gpt.qcow2 "a directory/golden image,1.qcow2"
apply_one 2 gpt.raw "a directory/golden image,1.qcow2"
expect 0 verify out.qcow2 --record out.json --backing "a directory/golden image,1.qcow2"
mv "a directory/golden image,1.qcow2" gpt.qcow2
apply_one 2 gpt.raw ./gpt.qcow2
expect 0 verify out.qcow2 --record out.json --backing gpt.qcow2

echo "== an image that is a chain of two overlays"
overlay_of gpt.raw middle.qcow2 raw
overlay_of middle.qcow2 top.qcow2
sha256sum gpt.raw middle.qcow2 >sums
expect 65 apply ./top.qcow2 "${patch[@]}" --output out2.qcow2 --record out2.json --backing middle.qcow2
apply_one 2 gpt.raw ./top.qcow2 --backing middle.qcow2 --backing gpt.raw
sha256sum --quiet -c sums || fail "a backing file was written to"
expect 0 verify out.qcow2 --record out.json --backing top.qcow2 --backing middle.qcow2 --backing gpt.raw

echo "== a second update on top of the first"
rm -f out.qcow2 out.json
expect 0 apply ./gpt.qcow2 "${patch[@]}" --output one.qcow2 --record one.json
"$TEST_TOP/test-images/make-signed-mirror" -o mirror --suite layouts-security --origin coldpatch layout_3.deb || fail make-signed-mirror
expect 0 mirror snapshot mirror --keyring mirror.key/keyring.gpg
apply_one 3 gpt.raw ./one.qcow2 --backing gpt.qcow2 --parent-record one.json
expect 0 verify out.qcow2 --record out.json --parent-record one.json --backing one.qcow2 --backing gpt.qcow2
expect 0 verify one.qcow2 --record one.json --backing gpt.qcow2
expect 0 apply ./out.qcow2 "${patch[@]}" --backing one.qcow2 --backing gpt.qcow2 --output none.qcow2 --record none.json
[ ! -e none.qcow2 ] || fail "an overlay although there was nothing to do"

# --- other releases ----------------------------------------------------------------------------------------------------
release() { # SUITE VERSION
	local suite=$1 guest mirror updates
	guest=$(small_guest_of "$suite") && mirror=$(security_mirror_of "$suite") || exit 1
	echo "== Debian $2"
	# A release that is no longer cared for has an old index.
	expect 0 mirror snapshot "$mirror" --keyring $KEYRING --allow "$(sha256sum <"$mirror/dists/$suite-security/InRelease" | cut -d' ' -f1)"
	echo "$guest 1048576 $((1022 << 20)) /" >table
	patch=(--patchset "debian-$2-all" --executor sandbox --allow-left-behind)
	rm -f out.qcow2 out.json
	expect 0 apply "$guest" "${patch[@]}" --json --output out.qcow2 --record out.json
	updates=$(jq '.packages | length' "$OUT")
	[ "$updates" -ge 3 ] || { cat "$OUT"; fail "only $updates updates"; }
	jq -r '.packages[] | select(.to != null) | "\(.name) \(.to) \(.architecture)"' "$OUT" | sort >wanted
	expect 0 inspect --packages ./out.qcow2 --backing "$guest"
	[ -z "$(sort "$OUT" | comm -13 - wanted)" ] || { sort "$OUT" | comm -13 - wanted; fail "not updated"; }
	qemu-img check -q out.qcow2 || fail "qemu-img check"
	qemu-img convert -O raw out.qcow2 look.raw
	devices=()
	check_filesystems look.raw "$guest"
	mount_all
	chroot mnt dpkg --audit >audit 2>&1 && [ ! -s audit ] || { cat audit; fail "dpkg --audit"; }
	clean_up
	rm look.raw
	echo "$updates updates"
}
if [ -n "${COLDPATCH_TEST_FULL:-}" ]; then
	release bullseye 11
	release trixie 13
	# The newest snapshot is of another release now: the guest's own is found, and the other one refused.
	expect 0 plan "$GUESTS/small-bullseye.qcow2" --patchset debian-11-all --allow-left-behind --json
	grep -q deb13 "$OUT" && fail "packages of Debian 13 for Debian 11"
	newest=$(expect 0 mirror snapshot "$GUESTS/trixie-mirror" --keyring $KEYRING --json; jq -r .digest "$OUT")
	expect 69 plan "$GUESTS/small-bullseye.qcow2" --patchset debian-11-all --snapshot "$newest"
	expect_message "has nothing for debian bullseye; make one of its mirror with"
fi
echo ok
