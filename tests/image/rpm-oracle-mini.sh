#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same result as `rpm -U` of the same packages by the guest's own rpm in a plain chroot, for a small guest: what rpm-oracle.sh and
# rpm-oracle-rocky.sh show of whole systems (rpm_oracle.bash says what is compared).
. "$(dirname "$0")/../lib.sh"
needs_rpm_material
workdir
. "$(dirname "$0")/rpm_oracle.bash"

# The guest with version 1 of the odd package and what an administrator did, and its updates.
make_material() {
	local work status=0
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-mini.XXXXXX")
	mkdir -p "$1" "$work/files/usr/share/zoneinfo/Etc" && echo UTC > "$work/files/usr/share/zoneinfo/Etc/UTC" &&
		qemu-img convert -O raw "$(rpm_mini_guest)" "$work/guest.raw" && change_guest "$work/guest.raw" edit_guest "$work/rpms" &&
		qemu-img convert -O qcow2 "$work/guest.raw" "$1/guest.qcow2" && victim_rpm 2.0 "$work/rpms" '' "$work/files" >&2 &&
		"$TEST_TOP/test-images/rpm-oddities" --build 2 -o "$work/rpms" &&
		"$TEST_TOP/test-images/make-rpm-mirror" --key "$(rpm_key)" --distro cpe:/o:fedoraproject:fedora:38 --packages-from "$work/rpms" -o "$1/mirror" || status=1
	rm -rf "$work"
	return $status
}
edit_guest() { # DIRECTORY; in the guest's root
	"$TEST_TOP/test-images/rpm-newer" --root . --release 999 -o "$1" sed grep findutils &&
		"$TEST_TOP/test-images/rpm-oddities" --install . && find dev -mindepth 1 -delete
}
material=$(make_once rpm-mini-oracle make_material) && key=$(rpm_key) || exit 1

MIRROR=$material/mirror
rpm_update() { in_chroot "$1" sh -c 'rpm -U --nosignature /run/mirror/Packages/*.rpm'; }

expect 0 mirror snapshot --keyring "$key/keyring.gpg" "$MIRROR"
oracle "$material/guest.qcow2" fedora-all rpm_update "$TEST_TOP/tests/image/rpm-oracle-mini.exceptions"
grep -q '^transfiletriggerin ' "$WORK/ours/var/lib/coldpatch-oddities/log" || { cat "$WORK/ours/var/lib/coldpatch-oddities/log"; fail "no file trigger ran"; }
say "equal"
