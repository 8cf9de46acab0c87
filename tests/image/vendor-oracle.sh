#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same result as the vendor's tool: the tree after `coldpatch apply` equals the tree after `apt-get upgrade --with-new-pkgs` of
# the same packages in a plain chroot, path by path, but for the exceptions listed in vendor-oracle.exceptions.
# Both trees are read through a kernel mount by treediff.py, which shares no code with coldpatch.
# On the small guest; with COLDPATCH_TEST_FULL on the demo guest, kernel and servers included, and then on small guests of other
# releases.
#
#   vendor-oracle.sh [SUITE]
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root for kernel mounts"
here=$(cd "$(dirname "$0")" && pwd)

mounts=()
clean_up() {
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount "${mounts[i]}" || umount -l "${mounts[i]}"; done
	rm -rf "$WORK"
}

# mount_guest RAW DIRECTORY OPTIONS: the ext4 partitions at their places by their labels, root first
mount_guest() {
	local raw=$1 directory=$2 options=$3 start size label
	mkdir -p "$directory"
	for label in root boot; do
		while read -r start size; do
			[ "$(blkid -p -O $((start * 512)) -s LABEL -o value "$raw")" = $label ] || continue
			local place=$directory; [ $label = root ] || place=$directory/boot
			mount -o "loop,offset=$((start * 512)),sizelimit=$((size * 512)),$options" "$raw" "$place" || fail "mount $label"
			mounts+=("$place")
		done < <(sfdisk --json "$raw" | jq -r '.partitiontable.partitions[] | "\(.start) \(.size)"')
	done
}

bind() { mount --bind "$1" "$2" || fail "bind $2"; mounts+=("$2"); }

# What the guest's own machine would answer about its disks: without it update-grub cannot run in any chroot.
answer_for_machine() { # ROOT
	local root=$1 stubs=$WORK/stubs
	[ -e "$root/usr/sbin/grub-probe" ] || return 0
	mkdir -p "$stubs"
	local root_uuid boot_uuid
	root_uuid=$(awk '$2 == "/" { sub("UUID=", "", $1); print $1 }' "$root/etc/fstab")
	boot_uuid=$(awk '$2 == "/boot" { sub("UUID=", "", $1); print $1 }' "$root/etc/fstab")
	cat > "$stubs/grub-probe" <<-EOF
	#!/bin/sh
	where=3; uuid=$root_uuid
	case "\$*" in *vda2*|*/boot*) where=2; uuid=$boot_uuid ;; esac
	case "\$*" in
	*fs_uuid*) echo \$uuid ;;
	*target=device*|*"-t device"*) echo /dev/vda\$where ;;
	*partuuid*|*abstraction*|*cryptodisk*) ;;
	*target=fs*|*"-t fs"*) echo ext2 ;;
	*partmap*) echo gpt ;;
	*compatibility_hint*) echo hd0,gpt\$where ;;
	*hints_string*) ;; # GRUB guesses none for virtio disks
	*) exit 1 ;;
	esac
	EOF
	chmod 755 "$stubs/grub-probe"
	bind "$stubs/grub-probe" "$root/usr/sbin/grub-probe"
	# The hook of initramfs-tools that chooses the root's fsck asks blkid, with a PATH that has /usr/bin first; the real
	# one, in /usr/sbin, goes into the initramfs.
	cat > "$root/usr/bin/blkid" <<-EOF
	#!/bin/sh
	case "\$*" in
	*$root_uuid*device*) echo /dev/vda3 ;;
	*TYPE*) echo ext4 ;;
	*) exit 2 ;;
	esac
	EOF
	chmod 755 "$root/usr/bin/blkid"
	touch "$root/dev/vda2" "$root/dev/vda3"
	mkdir -p "$root/dev/disk/by-uuid"
	touch "$root/dev/disk/by-uuid/$root_uuid" "$root/dev/disk/by-uuid/$boot_uuid"
}

vendor_upgrade() { # ROOT MIRROR...
	local root=$1 status=0; shift
	mount -t proc proc "$root/proc" && mounts+=("$root/proc")
	mount -t tmpfs -o mode=755 run "$root/run" && mounts+=("$root/run")
	mount -t tmpfs -o mode=1777 tmp "$root/tmp" && mounts+=("$root/tmp")
	mount -t tmpfs -o mode=755 dev "$root/dev" && mounts+=("$root/dev")
	local node; for node in null zero full random urandom tty; do cp -a /dev/$node "$root/dev/$node"; done
	ln -s /proc/self/fd "$root/dev/fd"
	mkdir -p "$root/run/o/lists/partial" "$root/run/o/cache/archives/partial"
	: > "$root/run/o/sources.list"
	local n=0 mirror suite
	for mirror in "$@"; do
		mkdir "$root/run/o/m$n"; bind "$mirror" "$root/run/o/m$n"
		for suite in "$mirror"/dists/*; do echo "deb [trusted=yes] file:/run/o/m$n ${suite##*/} main" >> "$root/run/o/sources.list"; done
		n=$((n + 1))
	done
	answer_for_machine "$root"
	printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"; chmod 755 "$root/usr/sbin/policy-rc.d"
	local apt=(apt-get -q -y -o Dir::Etc::sourcelist=/run/o/sources.list -o Dir::Etc::sourceparts=/dev/null
		-o Dir::State::lists=/run/o/lists -o Dir::Cache=/run/o/cache -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Acquire::Languages=none
		-o Dir::Log=/run/o -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io)
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root SYSTEMD_OFFLINE=1 \
		sh -c 'exec "$@"' sh "${apt[@]}" update >"$WORK/vendor.log" 2>&1 || status=$?
	[ $status != 0 ] || chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root SYSTEMD_OFFLINE=1 \
		"${apt[@]}" upgrade --with-new-pkgs >>"$WORK/vendor.log" 2>&1 || status=$?
	rm -f "$root/usr/sbin/policy-rc.d" "$root/usr/bin/blkid" "$root"/var/cache/apt/{,src}pkgcache.bin
	[ $status = 0 ] || { tail -n 40 "$WORK/vendor.log"; fail "the vendor's tool failed: $status"; }
}

unpack_initramfs() { # FILE DIRECTORY: every archive in it, as unmkinitramfs of the host's initramfs-tools does
	mkdir -p "$2"; unmkinitramfs "$1" "$2" || fail "unpacking $1"
}

workdir
trap clean_up EXIT
suite=${1:-bookworm} name=small
[ -z "${COLDPATCH_TEST_FULL:-}" ] || [ $# != 0 ] || name=demo
if [ "$suite" = bookworm ]; then
	guest=$("${name}_guest") && mirror=$("${name}_mirror") || exit 1
else
	guest=$(small_guest_of "$suite") && mirror=$(security_mirror_of "$suite") || exit 1
fi
declare -A version=([bullseye]=11 [bookworm]=12 [trixie]=13)
mirrors=("$mirror")
# The odd material is of one release.
if [ "$suite" = bookworm ]; then oddities_mirror "$WORK/odd" && mirrors+=("$WORK/odd") || exit 1; fi

say() { echo "== $*"; }
say "coldpatch"
sed 's/^scope: .*/scope: all/' "$TEST_TOP/patchsets/debian-${version[$suite]}-all.yaml" > "$WORK/all.yaml"
keyrings=(--keyring $KEYRING)
[ ! -e "$WORK/odd.key" ] || keyrings+=(--keyring "$WORK/odd.key/keyring.gpg")
# A release that is no longer cared for has an old index.
expect 0 mirror snapshot "${mirrors[@]}" "${keyrings[@]}" --allow "$(sha256sum < "$mirror/dists/$suite-security/InRelease" | cut -d' ' -f1)"
before=$(sha256sum < "$guest")
expect 0 apply "$guest" --patchset "$WORK/all.yaml" --executor sandbox --output "$WORK/overlay.qcow2" --record "$WORK/record.json"
[ "$before" = "$(sha256sum < "$guest")" ] || fail "the base was written to"
cat "$OUT"
qemu-img convert -O raw "$WORK/overlay.qcow2" "$WORK/ours.raw"
mount_guest "$WORK/ours.raw" "$WORK/ours" ro,noload

say "the vendor's tool"
qemu-img convert -O raw "$guest" "$WORK/vendor.raw"
mount_guest "$WORK/vendor.raw" "$WORK/vendor" rw
vendor_upgrade "$WORK/vendor" "${mirrors[@]}"
while [ "${#mounts[@]}" -gt 0 ] && [ "${mounts[-1]#"$WORK/vendor/"}" != "${mounts[-1]}" ] && [ "${mounts[-1]}" != "$WORK/vendor/boot" ]; do
	umount "${mounts[-1]}" || fail "umount ${mounts[-1]}"; unset 'mounts[-1]'
done
sync

say "packages"
for side in ours vendor; do
	dpkg-query --admindir "$WORK/$side/var/lib/dpkg" -W -f '${Package}:${Architecture} ${Version} ${Status}\n' > "$WORK/$side.packages"
done
diff "$WORK/ours.packages" "$WORK/vendor.packages" || fail "package sets differ"

say "trees"
"$here/treediff.py" "$WORK/ours" "$WORK/vendor" --ignore mtime --exceptions "$here/vendor-oracle.exceptions" > "$WORK/differences" || {
	cat "$WORK/differences"
	[ ! -e "$WORK/ours/boot/grub/grub.cfg" ] || diff "$WORK/ours/boot/grub/grub.cfg" "$WORK/vendor/boot/grub/grub.cfg"
	fail "$(wc -l < "$WORK/differences") differences"
}
for image in "$WORK"/vendor/boot/initrd.img-*; do
	[ -e "$image" ] || continue
	unpack_initramfs "$image" "$WORK/initrd.vendor"; unpack_initramfs "$WORK/ours/boot/${image##*/}" "$WORK/initrd.ours"
	"$here/treediff.py" "$WORK/initrd.ours" "$WORK/initrd.vendor" --ignore mtime || fail "${image##*/} differs inside"
	rm -rf "$WORK"/initrd.*
done
say "equal"
if [ -n "${COLDPATCH_TEST_FULL:-}" ] && [ $# = 0 ]; then
	for suite in bullseye trixie; do "$0" $suite || fail "Debian $suite"; done
fi
