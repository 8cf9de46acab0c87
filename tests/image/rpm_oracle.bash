# SPDX-License-Identifier: GPL-2.0-or-later
# Comparing what coldpatch makes of an RPM guest with what the guest's own tools make of it in a plain chroot.  Source it
# after lib.sh; guests have one partition.  The test calls
#
#   oracle GUEST PATCHSET VENDOR EXCEPTIONS
#
# with a mirror snapshot in the store.  VENDOR is a function that is called with the root of a copy of the guest, where the directory
# $MIRROR is at /run/mirror, and updates it.  Trees must be equal path by path but for EXCEPTIONS (treediff.py; times of files are
# compared by rpm -Va); `rpm -Va` and the lists of packages must be equal; and no package may come before one that it needs where
# the vendor's tool did not do so, too.  $WORK/ours and $WORK/vendor stay mounted.
trap 'umount -R "$WORK/vendor" "$WORK/ours" 2>/dev/null; rm -rf "$WORK"' EXIT

say() { echo "== $*"; }

mount_root() { # IMAGE DIRECTORY: a copy of the image's root, to write to
	local start
	qemu-img convert -O raw "$1" "$2.raw" && mkdir "$2" || fail "copy $1"
	start=$(sfdisk -J "$2.raw" | jq '.partitiontable.partitions[0].start')
	mount -o "loop,barrier=0,offset=$((start * 512))" "$2.raw" "$2" || fail "mount $2.raw" # nothing of it is kept
}

# in_chroot ROOT COMMAND...: with what a package manager needs, and the mirror
in_chroot() {
	local root=$1 node
	shift
	mount -t proc proc "$root/proc" && mount -t tmpfs -o mode=755 run "$root/run" && mount -t tmpfs -o mode=1777 tmp "$root/tmp" &&
		mount -t tmpfs -o mode=755 dev "$root/dev" || fail "mounts"
	for node in null zero full random urandom tty; do cp -a /dev/$node "$root/dev/$node"; done
	ln -s /proc/self/fd "$root/dev/fd"
	mkdir "$root/run/mirror" "$root/run/none" && mount --bind "$MIRROR" "$root/run/mirror" || fail "bind"
	echo "${VENDOR_CONF-}" > "$root/run/vendor.conf"
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@" > "$WORK/vendor.log" 2>&1 ||
		{ tail -n 30 "$WORK/vendor.log"; fail "$*"; }
	umount "$root/run/mirror" "$root/proc" "$root/run" "$root/tmp" "$root/dev" || fail "umount"
}

same_trees() { # EXCEPTIONS
	"$ORACLE/treediff.py" "$WORK/ours" "$WORK/vendor" --ignore mtime --exceptions "$1" > "$WORK/differences"
	[ ! -s "$WORK/differences" ] || { cat "$WORK/differences"; fail "$(wc -l < "$WORK/differences") differences"; }
}

# The guest's rpm writes beside its database: only when the trees were compared.
ask() { chroot "$WORK/$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C rpm "${@:2}"; }
same_packages() {
	local side
	for side in ours vendor; do
		[ -e "$WORK/$side/dev/urandom" ] || mknod -m 666 "$WORK/$side/dev/urandom" c 1 9
		ask $side -qa --qf '%{NAME}.%{ARCH} %{EPOCH}:%{VERSION}-%{RELEASE}\n' | sort > "$WORK/$side.packages"
		ask $side -Va | sort > "$WORK/$side.verify"
		ask $side -qa --qf '%{DBINSTANCE} %{NAME}\n' | sort -n | cut -d' ' -f2 > "$WORK/$side.order"
	done
	[ -s "$WORK/vendor.packages" ] || fail "no packages"
	diff "$WORK/ours.packages" "$WORK/vendor.packages" || fail "package sets differ"
	diff "$WORK/ours.verify" "$WORK/vendor.verify" || fail "rpm -Va differs"
}

same_order() {
	ask vendor -qa --qf '[%{=NAME}\tr\t%{REQUIRENAME}\n][%{=NAME}\tp\t%{PROVIDENAME}\n][%{=NAME}\tp\t%{FILENAMES}\n]' > "$WORK/needs"
	jq -r '.packages[].name' "$WORK/apply.json" > "$WORK/updated"
	[ -s "$WORK/updated" ] || fail "nothing was updated"
	python3 "$ORACLE/rpm-order.py" "$WORK/needs" "$WORK/ours.order" "$WORK/vendor.order" "$WORK/updated" || fail "the order differs"
}

oracle() { # GUEST PATCHSET VENDOR EXCEPTIONS
	local before
	ORACLE=$TEST_TOP/tests/image
	say "coldpatch"
	before=$(sha256sum < "$1")
	expect "${CODE:-0}" apply "$1" --patchset "$2" --executor sandbox --output "$WORK/overlay.qcow2" --record "$WORK/record.json" --json
	[ "$before" = "$(sha256sum < "$1")" ] || fail "the base was written to"
	cp "$OUT" "$WORK/apply.json"
	mount_root "$WORK/overlay.qcow2" "$WORK/ours"
	say "the vendor's tool"
	mount_root "$1" "$WORK/vendor"
	"$3" "$WORK/vendor"
	say "trees"; same_trees "$4"
	say "packages"; same_packages
	say "order"; same_order
}
