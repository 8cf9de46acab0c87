#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `coldpatch inspect --packages` of guests made from real RPM roots says what their own rpm says, in a chroot of the root.
set -u
. "$(dirname "$0")/../lib.sh"
needs_rpm_material
workdir

# GUEST ROOT COUNT: the image, the archive that it was made from, the README's number of packages.
compare() {
	local guest=$1 root=$2 count=$3
	mkdir "$WORK/root"
	tar --numeric-owner -xf "$SHARED_RPM/$root" -C "$WORK/root" || fail "unpack $root"
	chroot "$WORK/root" rpm -qa --qf '%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH}\n' 2>/dev/null |
		sed 's/ 0:/ /' | grep -v '^gpg-pubkey ' | LC_ALL=C sort >"$WORK/theirs"
	rm -rf "$WORK/root"
	[ "$(wc -l <"$WORK/theirs")" = "$count" ] || fail "the guest's rpm lists $(wc -l <"$WORK/theirs") packages, not $count"
	expect 0 inspect --packages "$guest"
	diff "$WORK/theirs" <(LC_ALL=C sort "$OUT") || fail "$root: not the packages that its rpm lists"
	expect 0 inspect "$guest"
	grep -q "^packages      rpm, $count installed, 0 not settled, 0 held" "$OUT" || { cat "$OUT"; fail "$root: count"; }
}

guest=$(centos_guest) || exit 1
compare "$guest" centos-7.6.1810-root.tar.zst 159
grep -q '^system        CentOS Linux 7 (Core) (x86_64), supported until 2024-06-30' "$OUT" || { cat "$OUT"; fail "system"; }
guest=$(rocky_guest) || exit 1
compare "$guest" rocky-9.1-root.tar.zst 141
grep -q '^system        Rocky Linux 9.1 (Blue Onyx) (x86_64), supported until 2032-05-31' "$OUT" || { cat "$OUT"; fail "system"; }
