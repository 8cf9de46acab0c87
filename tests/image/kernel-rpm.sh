#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A kernel update of an RPM guest: its scripts find the guest's own command line, a machine-id for as long as they run, and are told
# to make an initramfs for any machine; the old kernel stays; what would not boot is refused.  In full: a guest with kernel-install
# and dracut, whose new kernel reaches the login prompt.
. "$(dirname "$0")/../lib.sh"
needs_rpm_material
workdir
key=$(rpm_key) || exit 1
PATCHSET=fedora-all
id=0123456789abcdef0123456789abcdef

# kernel_rpm VERSION DIRECTORY [WORDS_FOR_SED]: a package without a real kernel, whose script does what kernel-install does; the
# third argument changes the script.
kernel_rpm() {
	local tree=$2/kernel.$1 kernel=$1-1
	rm -rf "$tree"
	mkdir -p "$tree/root/usr/lib/modules/$kernel" "$tree/initrd/kernel/drivers/block" "$tree/initrd/kernel/fs/ext4"
	touch "$tree/initrd/kernel/drivers/block/virtio_blk.ko" "$tree/initrd/kernel/fs/ext4/ext4.ko"
	(cd "$tree/initrd" && find . | sort | cpio --quiet -o -H newc | gzip -n) > "$tree/root/usr/lib/modules/$kernel/initrd"
	(cd "$tree/initrd" && echo kernel | cpio --quiet -o -H newc | gzip -n) > "$tree/root/usr/lib/modules/$kernel/initrd-empty"
	echo "not really a kernel" > "$tree/root/usr/lib/modules/$kernel/vmlinuz"
	printf 'kernel/drivers/block/virtio_blk.ko:\nkernel/fs/ext4/ext4.ko:\n' > "$tree/root/usr/lib/modules/$kernel/modules.dep"
	cat > "$tree/kernel.spec" <<-SPEC
	Name: kernel-core
	Version: $1
	Release: 1
	Summary: t
	License: MIT
	BuildArch: noarch
	AutoReqProv: no
	Provides: installonlypkg(kernel)
	%description
	t
	%posttrans
	id=\$(cat /etc/machine-id); options=\$(cat /proc/cmdline); image=/lib/modules/$kernel/initrd
	for file in /etc/dracut.conf.d/*.conf; do . "\$file"; done
	echo "id=\$id hostonly=\$hostonly drivers=\$add_drivers"
	${3-}
	cp /lib/modules/$kernel/vmlinuz /boot/vmlinuz-$kernel
	cp \$image /boot/initramfs-$kernel.img
	printf 'title t\nversion $kernel\nlinux /boot/vmlinuz-$kernel\ninitrd /boot/initramfs-$kernel.img\noptions %%s\n' "\$options" \
		> "/boot/loader/entries/\$id-$kernel.conf"
	%files
	/usr/lib/modules/$kernel
	SPEC
	rpmbuild -bb --quiet --noclean --buildroot "$tree/root" --define "_topdir $tree/build" --define "_rpmdir $2" \
		--define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define '_binary_payload w6.gzdio' \
		--define '__spec_install_pre %{___build_pre}' --define '__os_install_post %{nil}' --define '_build_id_links none' \
		"$tree/kernel.spec" > "$tree/log" 2>&1 || { cat "$tree/log" >&2; fail "rpmbuild"; }
	echo "$2/kernel-core-$1-1.noarch.rpm"
}

kernel_of() { "$TEST_TOP/test-images/rpm-kernel" --suite "$1" -o "$2"; } # SUITE DIRECTORY
kernel_update() { # RPM: a mirror with it, in the test's store
	rm -rf "$WORK/mirror"
	"$TEST_TOP/test-images/make-rpm-mirror" -o "$WORK/mirror" --key "$key" --distro cpe:/o:fedoraproject:fedora:38 "$1" || fail "make-rpm-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$key/keyring.gpg" "$WORK/mirror"
	SNAPSHOT=$(jq -r '.digest // .[0].digest' "$OUT")
}

install_old() { # in the guest's root: version 5.1, as it was installed on its machine
	mkdir -p boot/grub2 boot/loader/entries etc/dracut.conf.d
	root=$(sed -n 's/^\(UUID=[^ ]*\) .*/\1/p' etc/fstab)
	echo 'blscfg' > boot/grub2/grub.cfg
	printf 'saved_entry=%s\n' "$id-5.1-1" > boot/grub2/grubenv
	echo 'hostonly="yes"' > etc/dracut.conf.d/own.conf
	cp "$1" old.rpm && chroot . rpm -i --noscripts --nosignature /old.rpm && rm old.rpm || return 1
	cp usr/lib/modules/5.1-1/vmlinuz boot/vmlinuz-5.1-1
	cp usr/lib/modules/5.1-1/initrd boot/initramfs-5.1-1.img
	printf 'title t\nversion 5.1-1\nlinux /boot/vmlinuz-5.1-1\ninitrd /boot/initramfs-5.1-1.img\noptions root=%s ro quiet $tuned_params\n' \
		"$root" > "boot/loader/entries/$id-5.1-1.conf"
	echo uninitialized > etc/machine-id
	touch -d 2020-02-02T02:02:02Z etc/machine-id etc/dracut.conf.d etc
}
look() { # in the guest's root: what is neither the kernel's nor anybody's to change
	stat -c '%n %a %s %y' etc/machine-id etc/dracut.conf.d etc
	cat etc/machine-id
	ls etc/dracut.conf.d
}
into() { "${@:2}" > "$1"; }

mini=$(rpm_mini_guest) && qemu-img convert -O raw "$mini" "$WORK/guest.raw" || fail "no guest"
change_guest "$WORK/guest.raw" install_old "$(kernel_rpm 5.1 "$WORK")" || fail "the old kernel cannot be installed"
change_guest "$WORK/guest.raw" into "$WORK/before" look
before=$(sha256sum < "$WORK/guest.raw")

echo "== its entry is the guest's own"
kernel_update "$(kernel_rpm 5.2 "$WORK")"
apply_to "$WORK/guest.raw"
mkdir "$WORK/output"
expect 0 "${APPLY[@]}"
qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/after.raw"
rm -rf "$WORK/output"
change_guest "$WORK/after.raw" into "$WORK/after" look
diff "$WORK/before" "$WORK/after" || fail "something of the run is left"
in_guest() { change_guest "$WORK/after.raw" "$@"; }
entry=boot/loader/entries/$id-5.2-1.conf
in_guest test -f "$entry" || { in_guest ls boot/loader/entries; fail "no entry of the name that the others have"; }
in_guest cat "$entry" | grep -qxE 'options root=UUID=[0-9a-f-]{36} ro quiet' || { in_guest cat "$entry"; fail "not the guest's command line"; }
for file in boot/vmlinuz-5.1-1 boot/initramfs-5.1-1.img "boot/loader/entries/$id-5.1-1.conf" usr/lib/modules/5.1-1/vmlinuz; do
	in_guest test -s "$file" || fail "the old kernel's $file is gone"
done
[ "$(in_guest chroot . rpm -q --qf '%{version} ' kernel-core)" = "5.1 5.2 " ] || fail "not both kernels are installed"
log=$(ls -td "$WORK"/store/runs/*/ | head -n 1)log
grep -qE "^id=$id hostonly=no drivers=.* virtio_blk .* nvme xen_blkfront .* hv_storvsc .* vmw_pvscsi " "$log" || { cat "$log"; fail "dracut was told something else"; }

not_committed() { # MESSAGE SCRIPT: a kernel package that does this is refused
	kernel_update "$(kernel_rpm 5.2 "$WORK" "$2")"
	refused_in_run 79 "$1" "$WORK/guest.raw"
}
echo "== what would not boot is refused"
not_committed "the boot menu names UUID=00000000-0000-4000-8000-000000000000, which is not in this image" \
	'options="root=UUID=00000000-0000-4000-8000-000000000000 ro"'
not_committed "the boot entry of kernel 5.2-1 has no root= in its options" 'options=quiet'
not_committed "initramfs /boot/initramfs-5.2-1.img holds no driver of a disk" 'image=$image-empty'
not_committed "kernel 5.2-1 is not in the boot menu of grub2" "id=../../../tmp/x"
not_committed "kernel 5.2-1 has no initramfs in /boot" 'echo "dracut: it did not work" >&2; image=/nothing'
[ "$before" = "$(sha256sum < "$WORK/guest.raw")" ] || fail "the guest was written to"

[ -n "${COLDPATCH_TEST_FULL:-}" ] || { echo "a real kernel, dracut and the boot test: make check-full"; exit 0; }
echo "== a real kernel"
old=$(make_once rpm-kernel-old kernel_of bookworm) && new=$(make_once rpm-kernel-new kernel_of bookworm-security) &&
	guest=$(make_once rpm-kernel.qcow2 "$TEST_TOP/test-images/rpm-kernel-guest" --tools "$SHARED_RPM/tools" --kernel "$old"/*.rpm --machine-id $id -o) || exit 1
kernel_update "$new"/*.rpm
apply_to "$guest" --boot-test --json
rm -rf "$WORK/output"; mkdir "$WORK/output"
expect 0 "${APPLY[@]}"
kernel=$(basename "$(rpm -qpl "$new"/*.rpm | grep '/vmlinuz$' | xargs dirname)")
console=$(jq -r .boot_test.console "$OUT")
grep -aq "Loading Linux $kernel " "$console" && grep -aq "login: " "$console" || { tail -n 5 "$console"; fail "not booted with $kernel"; }
qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/after.raw"
in_boot() { # in the guest's /boot
	local offset mnt status
	offset=$(sfdisk -J "$WORK/after.raw" | jq '.partitiontable.partitions[1].start * 512') mnt=$(mktemp -d "$WORK/mnt.XXXXXX")
	mount -o "loop,ro,noload,offset=$offset,sizelimit=$((256 << 20))" "$WORK/after.raw" "$mnt" || fail "mount"
	(cd "$mnt" && "$@")
	status=$?
	umount "$mnt" || fail "umount"
	return $status
}
in_boot cat "loader/entries/$id-$kernel.conf" > "$WORK/entry" || fail "no entry of the new kernel"
in_boot sh -c 'ls loader/entries | wc -l' | grep -qx 2 || fail "the old kernel's entry is gone"
in_boot grep -aqx "saved_entry=$id-$kernel" grub2/grubenv || fail "the new kernel is not the default"
grep -qxE 'options root=UUID=[0-9a-f-]{36} ro console=ttyS0 net.ifnames=0' "$WORK/entry" || { cat "$WORK/entry"; fail "not the guest's command line"; }
in_boot cp "initramfs-$kernel.img" "$WORK/initramfs"
zstd -qdc "$WORK/initramfs" | cpio -t --quiet > "$WORK/names" || fail "the initramfs cannot be read"
for driver in virtio_blk virtio_scsi nvme xen-blkfront hv_storvsc vmw_pvscsi mptspi ahci sd_mod ext4; do
	grep -q "/$driver[.]ko" "$WORK/names" || fail "no $driver in the initramfs"
done
