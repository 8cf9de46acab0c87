#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A power cut at 50 prefixes of the writes to the library's own disk, while a template is imported, patched, held, released and
# rolled back: the disk as it was then is mounted, and what every finished command had promised is there and verifies.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
command -v qemu-storage-daemon >/dev/null || skip "no qemu-storage-daemon"
workdir
guest=$(mini_guest)
qemu-img convert -O raw "$guest" "$WORK/rebuilt.raw"
change_guest "$WORK/rebuilt.raw" touch rebuilt
victim_update
library=$WORK/fs/library
echo "library: $library" >> "$WORK/config.yaml"
mkdir "$WORK/fs"
truncate -s 300M "$WORK/disk.img"
mkfs.ext4 -q "$WORK/disk.img"
cp --sparse=always "$WORK/disk.img" "$WORK/start.img"
: > "$WORK/log.img"
: > "$WORK/export"

qemu-storage-daemon --blockdev driver=file,filename="$WORK/disk.img",node-name=disk --blockdev driver=file,filename="$WORK/log.img",node-name=log \
	--blockdev driver=blklogwrites,node-name=logged,file=disk,log=log,log-sector-size=512 \
	--export type=fuse,id=export,node-name=logged,mountpoint="$WORK/export",writable=on --pidfile "$WORK/pid" --daemonize || skip "qemu-storage-daemon cannot export by FUSE"
loop='' daemon=$(cat "$WORK/pid")
cleanup() {
	umount "$WORK/fs" 2>/dev/null
	[ -z "$loop" ] || losetup -d "$loop" 2>/dev/null
	kill "$daemon" 2>/dev/null
	while kill -0 "$daemon" 2>/dev/null; do sleep 0.1; done
	rm -rf "$WORK"
}
trap cleanup EXIT
loop=$(losetup -f --show "$WORK/export") && mount "$loop" "$WORK/fs" || fail "mount of the logged disk"

# A command that has ended has promised something from then on: what, by how many writes the log has.
promises=$WORK/promises
writes() { "$TEST_TOP/tests/hostile/replay-writes.py" "$WORK/log.img"; }
promise() { # HEADS COMMAND...
	expect 0 "${@:2}"
	echo "$(writes) $1" >> "$promises"
}
promise 0 init
cp -a "$WORK/store/mirror-snapshots" "$WORK/store/packages" "$library/" && sync -f "$library"
promise 1 import "$guest" --name mini
promise 2 apply mini --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox
promise 3 rollback mini --reason "power cut"
promise 4 hold mini --reason "power cut"
promise 5 unhold mini
promise 6 import "$WORK/rebuilt.raw" --into mini
umount "$WORK/fs"
losetup -d "$loop"
loop=''
kill "$daemon"
while kill -0 "$daemon" 2>/dev/null; do sleep 0.1; done

last=$(writes)
[ "$last" -gt 100 ] || fail "only $last writes were logged"
first=$(head -n 1 "$promises" | cut -d' ' -f1)
for ((i = 1; i <= 50; i++)); do
	cut=$((first + (last - first) * i / 50))
	"$TEST_TOP/tests/hostile/replay-writes.py" "$WORK/log.img" "$WORK/start.img" "$cut" "$WORK/cut-$i.img" || fail "replay"
	mount -o loop "$WORK/cut-$i.img" "$WORK/fs" || fail "the disk of cut $cut does not mount"
	promised=$(awk -v cut="$cut" '$1 <= cut { heads = $2 } END { print heads }' "$promises")
	found=$(find "$library/templates" -path '*/heads/[0-9]*' 2>/dev/null | wc -l)
	[ "$found" -ge "$promised" ] && [ "$found" -le $((promised + 1)) ] || fail "cut at $cut of $last: $found heads, $promised were promised"
	[ "$found" = 0 ] || cp_run verify --all --quiet >"$WORK/out" || { grep -v '^ok' "$WORK/out"; fail "cut at $cut of $last: it does not verify"; }
	if [ "$found" -ge 1 ]; then
		expect 0 hold mini --reason "after the cut"
		[ -z "$(find "$library" -name '.tmp*')" ] || { find "$library" -name '.tmp*'; fail "cut at $cut: left behind"; }
	fi
	umount "$WORK/fs"
	rm "$WORK/cut-$i.img" # a file of another name has no pages of this one in a loop device's cache
done
echo "50 cuts within $last writes"
