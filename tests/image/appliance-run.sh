#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One small package, in the sandbox and in a real appliance: the same layer, the image untouched, nothing left behind.
set -eu
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
[ -d /usr/lib/x86_64-linux-gnu/guestfs/supermin.d ] || skip "libguestfs is not installed"
small=$(small_guest)
make -s -C "$TEST_TOP" BUILD="$BUILD" "$BUILD/tests/appliance_tool" "$BUILD/coldpatch-runner" >&2
work=$(mktemp -d /var/tmp/cpa.XXXXXX)
trap 'rm -rf "$work"' EXIT

# a directory whose flags (nodump, noatime, sync) are inherited by what is made in it
guest=$work/guest.qcow2
qemu-img convert -O raw "$small" "$work/guest.raw"
debugfs -w -R "set_inode_field /srv flags 0x800c8" "$work/guest.raw?offset=1048576" >/dev/null 2>&1
qemu-img convert -O qcow2 "$work/guest.raw" "$guest" && rm "$work/guest.raw"

# the script renames a directory of the guest, changes one name of a hardlink, removes a file, writes a capability
mkdir -p "$work/deb/DEBIAN" "$work/deb/usr/share/cp-small"
printf 'Package: cp-small\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.invalid>\nDescription: test\n' >"$work/deb/DEBIAN/control"
echo hello >"$work/deb/usr/share/cp-small/file"
ln "$work/deb/usr/share/cp-small/file" "$work/deb/usr/share/cp-small/second"
cat >"$work/deb/DEBIAN/postinst" <<'S'
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
S
chmod 755 "$work/deb/DEBIAN/postinst"
dpkg-deb --root-owner-group -b "$work/deb" "$work/cp-small.deb" >/dev/null

before=$(sha256sum <"$guest")
mkdir "$work/run"
left() { find /tmp -maxdepth 1 -name 'libguestfs*' | sort; }
tmp_before=$(left)
"$BUILD/tests/appliance_tool" "$guest" "$BUILD/coldpatch-runner" "$work/run" "$work/cp-small.deb" cp-small 1.0 "$GUESTS/appliances" >"$work/out" 2>&1 ||
	{ cat "$work/out"; tail -n 20 "$work"/run/*.log; fail "the layers differ"; }
cat "$work/out"
grep -q '^appliance: executor appliance, accelerator \(kvm\|tcg\)$' "$work/out" || fail "the appliance did not run"
# /srv, file, directory, directory/below, link; none on what came from elsewhere
for name in sandbox appliance; do
	flagged=$(zstdcat "$work/run/store-$name"/layers/*/layer.tar.zst | grep -ac 'COLDPATCH.flags=')
	[ "$flagged" = 5 ] || fail "$name: $flagged entries have flags"
done
[ "$(sed -n 's/ entries$//p' "$work/out")" -gt 15 ] || fail "the layers are too small"
[ "$before" = "$(sha256sum <"$guest")" ] || fail "the image has changed"
[ "$tmp_before" = "$(left)" ] || fail "left in /tmp: $(left)"
find "$work/run" -maxdepth 1 -name 'a.*' | grep . && fail "left in scratch"
exit 0
