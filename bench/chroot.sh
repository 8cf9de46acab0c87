# SPDX-License-Identifier: GPL-2.0-or-later
# The plain chroot that the sandbox is compared with: a copy of the image, mounted by the kernel, with the same package files,
# the same commands and the same environment.  Sourced after tests/lib.sh.

CHROOT_ENVIRONMENT=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root SHELL=/bin/sh TERM=dumb
	SYSTEMD_OFFLINE=1 GRUB_DISABLE_OS_PROBER=true NEEDRESTART_SUSPEND=1 DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical
	DEBCONF_NOWARNINGS=yes UCF_FORCE_CONFFOLD=1 NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none)

# chroot_mount RAW ROOT: its ext4 partitions by their labels, root first
chroot_mount() {
	local raw=$1 root=$2 label start size place
	for label in root boot; do
		while read -r start size; do
			[ "$(blkid -p -O $((start * 512)) -s LABEL -o value "$raw")" = $label ] || continue
			place=$root; [ $label = root ] || place=$root/boot
			mount -o "loop,noatime,offset=$((start * 512)),sizelimit=$((size * 512))" "$raw" "$place" || fail "mount $label"
		done < <(sfdisk --json "$raw" | jq -r '.partitiontable.partitions[] | "\(.start) \(.size)"')
	done
}

# What the guest's own machine would say about its disks; no chroot can run update-grub without.
chroot_answers() { # ROOT
	local root=$1 root_uuid boot_uuid
	root_uuid=$(awk '$2 == "/" { sub("UUID=", "", $1); print $1 }' "$root/etc/fstab")
	boot_uuid=$(awk '$2 == "/boot" { sub("UUID=", "", $1); print $1 }' "$root/etc/fstab")
	cat > "$root/run/grub-probe" <<-EOF
	#!/bin/sh
	where=3; uuid=$root_uuid
	case "\$*" in *vda2*|*/boot*) where=2; uuid=${boot_uuid:-$root_uuid} ;; esac
	case "\$*" in
	*fs_uuid*) echo \$uuid ;;
	*device*target*|*target=device*|*"-t device"*) echo /dev/vda\$where ;;
	*partuuid*|*abstraction*|*cryptodisk*) ;;
	*target=fs*|*"-t fs"*) echo ext2 ;;
	*partmap*) echo gpt ;;
	*compatibility_hint*) echo hd0,gpt\$where ;;
	*hints_string*) echo "--hint-bios=hd0,gpt\$where --hint-efi=hd0,gpt\$where --hint-baremetal=ahci0,gpt\$where" ;;
	*) exit 1 ;;
	esac
	EOF
	chmod 755 "$root/run/grub-probe"
	[ ! -e "$root/usr/sbin/grub-probe" ] || mount --bind "$root/run/grub-probe" "$root/usr/sbin/grub-probe"
	mkdir -p "$root/dev/disk/by-uuid"
	touch "$root/dev/disk/by-uuid/$root_uuid" "$root/dev/disk/by-uuid/$boot_uuid"
}

# chroot_make IMAGE ROOT PACKAGES: ready for chroot_run
chroot_make() {
	local image=$1 root=$2 packages=$3 node
	mkdir -p "$root"
	qemu-img convert -O raw "$image" "$root.raw" || fail "copy of the image"
	chroot_mount "$root.raw" "$root"
	mount -t proc proc "$root/proc"
	mount -t tmpfs -o mode=755 run "$root/run"
	mount -t tmpfs -o mode=1777 tmp "$root/tmp"
	mount -t tmpfs -o mode=755 dev "$root/dev"
	for node in null zero full random urandom tty; do cp -a /dev/$node "$root/dev/$node"; done
	ln -s /proc/self/fd "$root/dev/fd"
	mkdir -p "$root/run/coldpatch/packages"
	mount --bind "$packages" "$root/run/coldpatch/packages"
	chroot_answers "$root"
	printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"; chmod 755 "$root/usr/sbin/policy-rc.d"
}

# chroot_run ROOT FILE: the commands in FILE, one per line, each of which must succeed, with $CHROOT_LOCALE
chroot_run() {
	local root=$1 words
	while read -r -a words; do
		chroot "$root" env -i "${CHROOT_ENVIRONMENT[@]}" "LC_ALL=$CHROOT_LOCALE" "${words[@]}" </dev/null || return
	done < "$2"
}

chroot_free() { # ROOT
	[ -d "$1" ] || return 0
	umount -R "$1" || umount -R -l "$1"
	rm -rf "$1.raw" "$1"
}
