#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the guest's own tools are told by its files: options of dpkg, wherever dpkg reads them, and a host name of any length.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mkdir -p "$WORK/output" "$WORK/files/usr/share/doc/victim"
echo text > "$WORK/files/usr/share/doc/victim/text"
guest=$(tiny_guest)

# patched FUNCTION: the guest changed by FUNCTION takes the update; the tree is mounted at $ROOT.
patched() {
	rm -rf "$WORK"/output/* "$WORK/guest.raw"
	cp --sparse=always "$guest" "$WORK/guest.raw"
	change_guest "$WORK/guest.raw" "$1"
	apply_to "$WORK/guest.raw"
	expect 0 "${APPLY[@]}"
	qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/result.raw"
	change_guest "$WORK/result.raw" "${@:2}" || fail "after $1"
}
has_version() { grep -qx 2.0 usr/share/victim/version; }
without_text() { has_version && [ ! -e usr/share/doc/victim/text ]; }

victim_update '' "$WORK/files"
user_options() { printf 'path-exclude "/usr/share/doc/victim/*" \n' > root/.dpkg.cfg; }
patched user_options without_text
quoted_options() { printf "path-exclude = '/usr/share/doc/*'\n" > etc/dpkg/dpkg.cfg.d/quoted; }
patched quoted_options without_text
# dpkg passes over names that run-parts would.
skipped_options() { printf 'path-exclude=/usr/share/doc/*\n' > etc/dpkg/dpkg.cfg.d/name.skipped; }
with_text() { has_version && [ -e usr/share/doc/victim/text ]; }
patched skipped_options with_text

# The file may hold more than the kernel takes.
long_name() { printf '%0100d\n' 0 > etc/hostname; }
patched long_name has_version

# What becomes of a conffile that the administrator changed: it stays, unless the guest's own dpkg.cfg says otherwise.
mkdir -p "$WORK/conffile/etc"
echo new > "$WORK/conffile/etc/victim.conf"
edited() {
	mkdir -p deb/DEBIAN deb/etc && echo old > deb/etc/victim.conf && echo /etc/victim.conf > deb/DEBIAN/conffiles && chmod -R go-w deb &&
		printf 'Package: victim\nVersion: 1.1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n' > deb/DEBIAN/control &&
		dpkg-deb -Zgzip --root-owner-group -b deb victim.deb >/dev/null && chroot . dpkg -i /victim.deb >/dev/null && rm -r deb victim.deb &&
		echo edited > etc/victim.conf
}
is() { has_version && grep -qx "$1" etc/victim.conf && grep -qx "$2" "etc/victim.conf.$3" && [ ! -e "etc/victim.conf.$4" ]; }
mkdir -p "$WORK/conffile/DEBIAN"
echo /etc/victim.conf > "$WORK/conffile/DEBIAN/conffiles"
victim_update '' "$WORK/conffile"
patched edited is edited new dpkg-dist dpkg-old
edited_and_told() { edited && echo force-confnew > etc/dpkg/dpkg.cfg.d/conffiles; }
patched edited_and_told is new edited dpkg-old dpkg-dist
