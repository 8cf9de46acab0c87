#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A conflict of real packages: CentOS 7's openssl wants the openssl-libs of its own version, so an update of the libraries alone
# stays behind, with the reason, and goes through where the mirror has both.
. "$(dirname "$0")/../lib.sh"
needs_rpm_material
workdir
extra=$SHARED_RPM/extra

make_guest() {
	local work status=0
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-conflict.XXXXXX")
	qemu-img convert -O raw "$(centos_guest)" "$work/guest.raw" && change_guest "$work/guest.raw" install_openssl && qemu-img convert -O qcow2 "$work/guest.raw" "$1" || status=1
	rm -rf "$work"
	return $status
}
install_openssl() { # in the guest's root; its rpm wants /dev/urandom
	mknod -m 666 dev/urandom c 1 9 && cp "$extra/openssl-1.0.2k-16.el7.x86_64.rpm" tmp && chroot . rpm -i --nodeps /tmp/openssl-1.0.2k-16.el7.x86_64.rpm
	local status=$?
	rm -f dev/urandom tmp/*.rpm
	return $status
}
guest=$(make_once centos-7-openssl.qcow2 make_guest) && key=$(rpm_key) && keyring=$(centos_keyring) || exit 1
before=$(sha256sum < "$guest")

offer() { # RPM...: what the mirror has
	rm -rf "$WORK/mirror"
	"$TEST_TOP/test-images/make-rpm-mirror" -o "$WORK/mirror" --key "$key" --distro cpe:/o:centos:centos:7 "$@" || fail "make-rpm-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$key/keyring.gpg" --keyring "$keyring" "$WORK/mirror"
	SNAPSHOT=$(jq -r '.digest // .[0].digest' "$OUT")
}
PATCHSET=centos-7-all
libraries=$SHARED_RPM/wave-b-7.9.2009/openssl-libs-1.0.2k-19.el7.x86_64.rpm

offer "$libraries"
mkdir "$WORK/output"
apply_to "$guest"
expect 2 "${APPLY[@]}" --json
jq -e '.msg == "nothing to do" and (.packages | length) == 0 and (.left_behind | length) == 1' "$OUT" >/dev/null || { cat "$OUT"; fail "something was done"; }
jq -e '.left_behind[0] | .name == "openssl-libs" and .reason == "would-remove" and (.detail | contains("openssl-1:1.0.2k-16.el7.x86_64"))' "$OUT" >/dev/null ||
	{ jq .left_behind "$OUT"; fail "the reason does not name openssl"; }
nothing_left

# It also wants make, which the guest does not have.
make=$(VICTIM_FIELDS='Provides: make' victim_rpm 1.0 "$WORK") || exit 1
offer "$libraries" "$extra/openssl-1.0.2k-19.el7.x86_64.rpm" "$make"
expect 0 plan --json --patchset $PATCHSET --snapshot "$SNAPSHOT" "$guest"
[ "$(jq -r '[.plan.changes[].name] | join(" ")' "$OUT")" = 'openssl openssl-libs victim' ] || { jq .plan.changes "$OUT"; fail "not both"; }

[ "$before" = "$(sha256sum < "$guest")" ] || fail "the guest was written to"
