#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One package on a guest of two disks with /boot and /var on file systems of their own, in the sandbox and in a real
# appliance: the same layer, the images untouched, nothing left behind.
set -eu
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
[ -d /usr/lib/x86_64-linux-gnu/guestfs/supermin.d ] || skip "libguestfs is not installed"
workdir
mkdir -p "$GUESTS/appliances"

# --- the guest: small, with what the script below changes --------------------------------------------------------------
furnish() { # in the guest's root: leaves its tree, without what has a file system of its own, in $WORK/tree and beside it
	rm -rf usr/share/{doc,locale,man,i18n,zoneinfo}/*
	mkdir -p boot/old/deep var/opt/d/sub var/opt/gone/sub var/opt/anew
	for file in boot/old/x boot/old/deep/y var/opt/d/a var/opt/d/sub/b var/opt/gone/sub/c var/opt/anew/e; do echo "$file" >$file; done
	ln boot/old/x boot/old/second
	ln var/opt/d/a var/opt/other-name
	printf 'LABEL=root / ext4 defaults 0 1\nLABEL=boot /boot ext4 defaults 0 2\nLABEL=var /var ext4 nodev 0 2\n' >etc/fstab
	cp -a . "$WORK/tree" && mkdir "$WORK/empty"
	mv "$WORK/tree/boot" "$WORK/boot" && mv "$WORK/tree/var" "$WORK/var"
	mkdir -m 755 "$WORK/tree/boot" "$WORK/tree/var"
	chmod 711 "$WORK/boot"
	setfattr -n user.of-root -v "a root's" "$WORK/var"
}
file_system() { mke2fs -q -F -t ext4 -L "$1" -d "$2" -E "offset=$(($4 << 20)),nodiscard" "$3" "$5M" || fail "mke2fs $1"; } # LABEL TREE FILE AT-MIB MIB
qemu-img convert -O raw "$(small_guest)" "$WORK/small.raw"
change_guest "$WORK/small.raw" furnish
truncate -s 602M "$WORK/first.raw" && truncate -s 258M "$WORK/second.raw"
printf 'label: gpt\nstart=1MiB,size=64MiB\nstart=65MiB,size=536MiB\n' | sfdisk -q "$WORK/first.raw"
printf 'label: dos\nstart=1MiB,size=256MiB\n' | sfdisk -q "$WORK/second.raw"
file_system boot "$WORK/boot" "$WORK/first.raw" 1 64
file_system root "$WORK/tree" "$WORK/first.raw" 65 536
file_system var "$WORK/var" "$WORK/second.raw" 1 256
rm -rf "$WORK"/{small.raw,tree,boot,var}
# a directory whose flags (nodump, noatime, sync) are inherited by what is made in it
debugfs -w -R "set_inode_field /srv flags 0x800c8" "$WORK/first.raw?offset=$((65 << 20))" >/dev/null 2>&1

# --- the package: renames directories, changes one name of a hardlink, removes, makes anew, moves between file systems ----
mkdir -p "$WORK/deb/DEBIAN" "$WORK/deb/usr/share/cp-small" "$WORK/deb/boot/cp-small" "$WORK/deb/var/lib/cp-small"
printf 'Package: cp-small\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.invalid>\nDescription: test\n' >"$WORK/deb/DEBIAN/control"
echo hello | tee "$WORK/deb/usr/share/cp-small/file" "$WORK/deb/boot/cp-small/file" >"$WORK/deb/var/lib/cp-small/file"
ln "$WORK/deb/usr/share/cp-small/file" "$WORK/deb/usr/share/cp-small/second"
cat >"$WORK/deb/DEBIAN/postinst" <<'S'
#!/bin/sh
set -e
echo "$1" >/var/lib/cp-small.state
chmod 600 /var/lib/cp-small.state
chown daemon:daemon /usr/share/cp-small/second
mv /usr/share/base-files /usr/share/base-files.moved
rm /etc/issue
ln -s ../motd /etc/cp-small-link
chmod 700 /srv
echo new >/srv/file
mkdir -p /srv/directory/below
ln -s file /srv/link
echo new >/opt/plain
mv /opt/plain /srv/moved
mv /boot/old /boot/new
echo more >>/boot/new/second
mv /var/opt/d /var/opt/moved
echo more >/var/opt/moved/sub/new
rm -r /var/opt/gone
rm -r /var/opt/anew && mkdir /var/opt/anew && echo other >/var/opt/anew/f
mv /boot/new/deep /var/opt/from-boot
ln /var/opt/other-name /var/opt/third-name
chmod 750 /boot
S
chmod 755 "$WORK/deb/DEBIAN/postinst"
dpkg-deb --root-owner-group -b "$WORK/deb" "$WORK/cp-small.deb" >/dev/null

# --- run ---------------------------------------------------------------------------------------------------------------
before=$(sha256sum "$WORK"/*.raw)
mkdir "$WORK/run"
"$BUILD/tests/appliance_tool" "$BUILD/coldpatch-runner" "$WORK/run" "$WORK/cp-small.deb" cp-small 1.0 "$GUESTS/appliances" \
	"$WORK/first.raw" "$WORK/second.raw" >"$WORK/out" 2>&1 || { cat "$WORK/out"; tail -n 20 "$WORK"/run/*.log; fail "the layers differ"; }
cat "$WORK/out"
grep -q '^appliance: executor appliance, accelerator \(kvm\|tcg\)$' "$WORK/out" || fail "the appliance did not run"
# /srv, file, directory, directory/below, link; none on what came from elsewhere
for name in sandbox appliance; do
	flagged=$(zstdcat "$WORK/run/store-$name"/layers/*/layer.tar.zst | grep -ac 'COLDPATCH.flags=')
	[ "$flagged" = 5 ] || fail "$name: $flagged entries have flags"
done
[ "$(sed -n 's/ entries$//p' "$WORK/out")" -gt 50 ] || fail "the layers are too small"
[ "$before" = "$(sha256sum "$WORK"/*.raw)" ] || fail "an image has changed"
[ -z "$(compgen -G '/tmp/libguestfs*')" ] || fail "left in /tmp"
[ -z "$(find "$WORK/run" -maxdepth 1 -name 'a.*')" ] || fail "left in scratch"
