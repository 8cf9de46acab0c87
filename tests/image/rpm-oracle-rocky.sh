#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same result as the vendor's tool: Rocky Linux 9.1 after `coldpatch apply` and after `rpm -U` by its own rpm of the same packages
# (rpm_oracle.bash says what is compared; the root's stand-ins for libcrypto and libssl keep its dnf from starting).  The packages
# are newer versions of installed ones, with scripts and triggers, and one with what RPM updates meet in the wild
# (test-images/rpm-oddities); not basesystem, which has /etc/resolv.conf in this root: that file is kept as it was.
. "$(dirname "$0")/../lib.sh"
needs_rpm_material
workdir
. "$(dirname "$0")/rpm_oracle.bash"

NEWER=(filesystem setup bash coreutils-single glibc glibc-common glibc-minimal-langpack grep sed gawk findutils ncurses-libs
	libselinux libsepol pcre2 libcap libacl libattr zlib xz-libs bzip2-libs openldap krb5-libs rpm rpm-libs sqlite-libs systemd-libs
	dnf dnf-data python3-libs shadow-utils crypto-policies tzdata)
make_material() {
	local work status=0
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-rocky.XXXXXX")
	"$TEST_TOP/test-images/rpm-guest" --root "$SHARED_RPM/rocky-9.1-root.tar.zst" -o "$work/guest.qcow2" &&
		qemu-img convert -O raw "$work/guest.qcow2" "$work/guest.raw" && mkdir -p "$1" "$work/rpms" && change_guest "$work/guest.raw" edit_guest "$work/rpms" &&
		qemu-img convert -O qcow2 "$work/guest.raw" "$1/guest.qcow2" && "$TEST_TOP/test-images/rpm-oddities" --build 2 -o "$work/rpms" &&
		"$TEST_TOP/test-images/make-rpm-mirror" --key "$(rpm_key)" --distro cpe:/o:rocky:rocky:9 --packages-from "$work/rpms" -o "$1/mirror" || status=1
	rm -rf "$work"
	return $status
}
edit_guest() { # DIRECTORY; in the guest's root
	local there
	mapfile -t there < <(chroot . rpm -q --qf '%{NAME}\n' "${NEWER[@]}" | grep -v 'not installed' | sort -u)
	[ "${#there[@]}" -ge 25 ] || { echo "only ${#there[@]} of the packages are installed" >&2; return 1; }
	"$TEST_TOP/test-images/rpm-newer" --root . --release 999 -o "$1" "${there[@]}" && "$TEST_TOP/test-images/rpm-oddities" --install . &&
		echo 'kernel.panic = 7' >> etc/sysctl.conf && echo '# of the administrator' >> etc/login.defs && find dev -mindepth 1 -delete
}
material=$(make_once rocky-9-oracle make_material) && key=$(rpm_key) || exit 1

MIRROR=$material/mirror
rpm_update() { in_chroot "$1" sh -c 'rpm -U --nosignature /run/mirror/Packages/*.rpm'; }

expect 0 mirror snapshot --os rocky:9 --keyring "$key/keyring.gpg" "$MIRROR"
oracle "$material/guest.qcow2" rocky-9-all rpm_update "$TEST_TOP/tests/image/rpm-oracle-rocky.exceptions"
diff <(sort "$WORK/ours/var/log/scriptlets") <(sort "$WORK/vendor/var/log/scriptlets") || fail "other scriptlets were run"
[ "$(wc -l < "$WORK/ours.packages")" -gt 100 ] || fail "few packages"
say "equal"
