#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A Debian guest on logical volumes over two disks, made by the real LVM: `inspect` says what lvs and blkid say; an update gives
# the same tree as on plain partitions; what the guest's scripts ask of the boot setup is answered as on its own machine.  Two
# clones with equal UUIDs and group names are patched at the same time (20 times with COLDPATCH_TEST_FULL), and each overlay
# holds its own.  The host gets no LVM, device, mount or loop device from any of it.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mounts=()
clean_up() {
	local i
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount "${mounts[i]}"; done
	mounts=()
}
trap 'clean_up 2>/dev/null; rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
guest=$(lvm_guest)

host_state() { # all that LVM, device mapper and mounts of this guest could leave
	find /etc/lvm /run/lvm /run/lock/lvm /var/lib/lvm /dev/mapper -printf '%p %s %T@ %l\n' 2>/dev/null
	find /dev -name '*golden*'
	grep -E 'golden|/dev/dm-|/dev/mapper' /proc/mounts
	losetup -a | grep -F "$WORK"
	dmsetup ls 2>&1
	cat /sys/block/dm-*/dm/name 2>/dev/null
	true
}
host_state >host.before
(cd "$guest" && sha256sum lv/* plain/*) >base.sums

# --- inspect -----------------------------------------------------------------------------------------------------------
query() { jq -r "$1" guest.json; }
lv_disks=(--disk "$guest/lv/disk0.raw" --disk "$guest/lv/disk1.raw")
expect 0 inspect --json "${lv_disks[@]}"
cp "$OUT" guest.json
"$TEST_TOP/tests/image/json-schema.py" "$TEST_TOP/docs/guest.schema.json" guest.json || fail "the document does not fit its schema"
[ "$(query '[.filesystems[] | select(.mounted) | .volume.name // "p\(.partition)", .mountpoint] | join(" ")')" = "p1 /boot root / var /var" ] ||
	fail "mounted: $(query '.filesystems[] | [.volume.name, .mountpoint]')"
[ "$(query '.filesystems[] | select(.volume.name == "swap") | .type + " " + .uuid')" = "swap 2a000000-0000-4000-8000-000000000004" ] || fail "swap"
[ "$(query '.filesystems[] | select(.volume.name == "root") | .volume.nodes[0:2] | join(" ")')" = "/dev/mapper/golden--vg-root /dev/golden-vg/root" ] || fail "nodes"
[ "$(query '.blockers | length')" = 0 ] || fail "blockers: $(query .blockers)"
# NAME LOGICAL-EXTENT DISK PHYSICAL-EXTENTS: what lvs said, and what we say; runs that follow each other are one for us.
pv0=$(query '.filesystems[] | select(.type == "LVM2_member" and .disk == 0) | .offset >> 20' 2>/dev/null || query '.filesystems[] | select(.type == "LVM2_member" and .disk == 0) | .offset / 1048576')
first_device=$(awk '$1 == "var" && $2 == 0 { print $3 }' "$guest/lv/segments")
awk -v first="$first_device" -v pv0="$pv0" '{ split($4, r, "-"); d = $3 == first ? 0 : 1
	print $1, d, r[1] + 1 + (d ? 0 : pv0), r[2] - r[1] + 1 }' "$guest/lv/segments" >lvs.list
query '.filesystems[] | select(.volume) | .volume.name as $name | .volume.segments[] | "\($name) \(.disk) \(.offset / 1048576) \(.size / 1048576)"' >ours.list
diff <(sort lvs.list) <(sort ours.list) || fail "segments are not those of lvs"
[ "$(sort -u -k1,1 ours.list | wc -l)" = 3 ] && [ "$(wc -l <ours.list)" -ge 8 ] || fail "the volumes are not in pieces"

# The bytes of a volume, put together from what lvs said: volume DIRECTORY NAME FILE
volume() {
	local name start device range base disk at=0
	rm -f "$3"
	while read -r name start device range; do
		[ "$name" = "$2" ] || continue
		disk=$1/disk1.raw base=1
		[ "$device" != "$first_device" ] || disk=$1/disk0.raw base=$((pv0 + 1))
		dd if="$disk" of="$3" bs=1M skip=$((base + ${range%-*})) seek="$start" count=$((${range#*-} - ${range%-*} + 1)) conv=notrunc,sparse status=none
		at=$((start + ${range#*-} - ${range%-*} + 1))
	done <"$guest/lv/segments"
	truncate -s "${at}M" "$3"
}
volume "$guest/lv" root root.img
[ "$(blkid -p -s UUID -o value root.img)" = "$(query '.filesystems[] | select(.volume.name == "root") | .uuid')" ] || fail "UUID of root"
[ "$(stat -c %s root.img)" = "$(query '.filesystems[] | select(.volume.name == "root") | .size')" ] || fail "size of root"
expect 0 inspect "${lv_disks[@]}"
grep -q '^file system   volume golden-vg/root  ext4     /  ' "$OUT" || fail "the table: $(cat "$OUT")"
expect 65 inspect "$guest/lv/disk0.raw"
expect_message "no operating system found: volume group golden-vg lacks its physical volume"
expect_message "give all disks of the guest"
echo ok inspect

# --- an update ----------------------------------------------------------------------------------------------------------
# What a guest's scripts ask; the programs are in the guest only to be answered for.
questions='exec >/var/lib/answers 2>&1
for t in device fs fs_uuid fs_label abstraction drive partmap hints_string compatibility_hint bios_hints disk partuuid cryptodisk_uuid; do
	echo "$t: $(grub-probe --target=$t / | tr "\n" "|")"
done
echo "by device: $(grub-probe --device /dev/golden-vg/root --target=abstraction)"
echo "by node: $(grub-probe --device /dev/mapper/golden--vg-root --target=fs_uuid)"
echo "boot: $(grub-probe --target=drive /boot) $(grub-probe --target=abstraction /boot)"
echo "findmnt: $(findmnt -no SOURCE,FSTYPE /) $(findmnt -no SOURCE /var)"
echo "blkid: $(blkid -s UUID -o value /dev/golden-vg/var) $(blkid -U 2a000000-0000-4000-8000-000000000001)"
ls -l /dev/golden-vg /dev/mapper | grep -c golden--vg
cp /var/lib/who /var/lib/who-ran'
victim_update "$questions"
patch() { # NAME DISK...: into NAME/
	local name=$1 disks=() disk
	shift
	for disk; do disks+=(--disk "$disk"); done
	"$BUILD/coldpatch" apply --config "$WORK/config.yaml" --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox \
		--output-dir "$WORK/$name" "${disks[@]}" >"$WORK/$name.log" 2>&1 </dev/null
}
mkdir lv plain
patch lv "$guest"/lv/disk{0,1}.raw || { cat lv.log; fail "apply to the guest on volumes"; }
patch plain "$guest/plain/disk0.raw" || { cat plain.log; fail "apply to the plain guest"; }
raw() { # NAME: its overlays as raw files
	local overlay
	for overlay in "$1"/*.qcow2; do
		qemu-img check -q "$overlay" || fail "qemu-img check $overlay"
		qemu-img convert -O raw "$overlay" "$1/disk$(basename "$overlay" .qcow2 | grep -o '[0-9]*$').raw" || fail "convert $overlay"
	done
}
raw lv; raw plain
mount_at() { mkdir -p "$2" && mount -o "ro,noload,loop${3:-}" "$1" "$2" && mounts+=("$2") || fail "mount $1"; }
partition() { sfdisk -J "$1" | jq ".partitiontable.partitions[$2] | \"offset=\(.start * 512),sizelimit=\(.size * 512)\"" -r; }
for name in root var; do
	volume lv $name lv/$name.img
	e2fsck -fn lv/$name.img >e2fsck.log 2>&1 || { cat e2fsck.log; fail "e2fsck of $name"; }
done
mount_at lv/root.img a
mount_at lv/var.img a/var
mount_at lv/disk0.raw a/boot ",$(partition lv/disk0.raw 0)"
mount_at plain/disk0.raw b ",$(partition plain/disk0.raw 1)"
mount_at plain/disk0.raw b/var ",$(partition plain/disk0.raw 2)"
mount_at plain/disk0.raw b/boot ",$(partition plain/disk0.raw 0)"
cat >exceptions <<'END'
/etc/fstab any the two guests name their file systems differently
/var/log/dpkg.log content it tells the time of the run
/var/lib/answers any the two guests lie on different devices
END
# Times of a run are not the other's; but for the tree's own.
"$TEST_TOP/tests/image/treediff.py" a b --exceptions exceptions --ignore mtime || fail "the trees differ"
cat a/usr/share/victim/version | grep -qx 2.0 || fail "the update is not in the volume"
uuid_of() { query ".filesystems[] | select(.volume.name == \"root\") | .volume.$1"; }
drive=lvmid/$(uuid_of group_uuid)/$(uuid_of uuid)
cat >expected <<END
device: /dev/mapper/golden--vg-root|
fs: ext2|
fs_uuid: 2a000000-0000-4000-8000-000000000001|
fs_label: root|
abstraction: lvm|
drive: ($drive)|
partmap: gpt|
hints_string: --hint='$drive' |
compatibility_hint: $drive|
bios_hints: $drive|
disk: /dev/mapper/golden--vg-root|
partuuid: |
cryptodisk_uuid: |
by device: lvm
by node: 2a000000-0000-4000-8000-000000000001
boot: (hd0,gpt1) 
findmnt: /dev/mapper/golden--vg-root ext4 /dev/mapper/golden--vg-var
blkid: 2a000000-0000-4000-8000-000000000002 /dev/mapper/golden--vg-root
6
END
diff expected a/var/lib/answers || fail "the answers"
clean_up
echo ok update

# --- clones --------------------------------------------------------------------------------------------------------------
# Equal but for one file of the guest's, as clones of one template are that were started once.
mkdir A B
cp --sparse=always "$guest"/lv/disk*.raw A/
cp --sparse=always "$guest"/lv/disk*.raw B/
python3 - B/disk0.raw B/disk1.raw <<'END' || fail "cannot tell the clones apart"
import mmap, sys
found = 0
for name in sys.argv[1:]:
    with open(name, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        at = m.find(b"this is clone A")
        while at >= 0:
            m[at:at + 15] = b"this is clone B"
            found += 1
            at = m.find(b"this is clone A", at + 1)
sys.exit(found != 1)
END
sha256sum A/* B/* >clones.sums
rounds=3
[ -z "${COLDPATCH_TEST_FULL:-}" ] || rounds=20
for round in $(seq $rounds); do
	mkdir outA outB
	patch outA A/disk0.raw A/disk1.raw & a=$!
	patch outB B/disk0.raw B/disk1.raw & b=$!
	wait $a || { cat outA.log; fail "round $round: clone A"; }
	wait $b || { cat outB.log; fail "round $round: clone B"; }
	for clone in A B; do
		raw out$clone
		volume out$clone var var.img
		e2fsck -fn var.img >e2fsck.log 2>&1 || { cat e2fsck.log; fail "round $round: e2fsck of clone $clone"; }
		for file in who who-ran; do
			[ "$(debugfs -R "cat /lib/$file" var.img 2>/dev/null)" = "this is clone $clone" ] || fail "round $round: $file of clone $clone"
		done
	done
	rm -rf outA outB
done
sha256sum --quiet -c clones.sums || fail "a clone was changed"
echo ok $rounds rounds of clones

# --- the host ---------------------------------------------------------------------------------------------------------------
runs_are_over
host_state >host.after
diff host.before host.after || fail "the host is not what it was"
(cd "$guest" && sha256sum --quiet -c "$WORK/base.sums") || fail "an image was changed"
