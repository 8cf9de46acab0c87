#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a scheduler sees of a mirror that cannot be trusted: exit code and message of `coldpatch mirror snapshot`,
# and a store that is as it was.  The many ways of being wrong are in tests/unit/mirror_trust_test.c.
set -eu
top=${TEST_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
build=$(realpath "${BUILD:-$top/build}")
for tool in gpg gpgv dpkg-deb; do
	command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done
# gpgv takes names with a colon for something else.
above=$(mktemp -d) work=$above/a:b
trap 'rm -rf "$above"' EXIT
mkdir "$work"
cd "$work"

make_mirror() { "$top/test-images/make-signed-mirror" -o m --key key "$@"; }
# Replaced, not rewritten, so that every test starts from the same good state.
fresh() { rm -rf m; cp -a good m; }
state() { [ ! -e store ] || (cd store && find . -type f -exec sha256sum {} + | sort && find . | sort); }
snapshot() { "$build/coldpatch" mirror snapshot --config config.yaml --quiet "$@" >out 2>err; }

# refused CODE MESSAGE [ARGUMENT...]
refused() {
	local code=$1 message=$2 status=0
	shift 2
	state >before
	snapshot --keyring key/keyring.gpg "$@" m || status=$?
	state >after
	[ $status = "$code" ] || { echo "exit $status instead of $code for: $message"; cat err; exit 1; }
	status=0
	cp err refusal
	snapshot --dry-run --keyring key/keyring.gpg "$@" m || status=$?
	[ $status = "$code" ] || { echo "dry run: exit $status instead of $code for: $message"; cat err; exit 1; }
	cat out err | grep -qF -- "$message" || { echo "the dry run did not say: $message"; cat out err; exit 1; }
	mv refusal err
	grep -qF -- "$message" err || { echo "not said: $message"; cat err; exit 1; }
	cmp before after || { echo "the store has changed: $message"; diff before after; exit 1; }
}

printf 'store: %s/store\nstate: %s/state\nscratch: %s/scratch\n' "$work" "$work" "$work" >config.yaml
mkdir -p p/DEBIAN scratch
printf 'Package: tiny\nVersion: 1\nArchitecture: amd64\nMaintainer: T <t@example.org>\nDescription: t\n' >p/DEBIAN/control
dpkg-deb -b --root-owner-group p tiny_1_amd64.deb >/dev/null
make_mirror --date '-2 days' tiny_1_amd64.deb
mv m older
make_mirror tiny_1_amd64.deb
mv m good

fresh
snapshot --dry-run --keyring key/keyring.gpg m || { cat err; exit 1; }
grep -q '^mirror snapshot [0-9a-f]\{64\} would be made, 1 packages, of which 1 are new' out || { cat out; exit 1; }
[ ! -e store ] && [ ! -e state ] && [ -z "$(ls -A scratch)" ] || { find store state scratch; echo "a dry run wrote something"; exit 1; }
would=$(head -n 1 out | cut -d' ' -f3)
snapshot --keyring key/keyring.gpg m || { cat err; exit 1; }
grep -q '^mirror snapshot [0-9a-f]\{64\}, 1 packages$' out
[ "$(head -n 1 out | cut -d' ' -f3 | tr -d ,)" = "$would" ] || { echo "another snapshot than the dry run said"; exit 1; }

fresh; make_mirror --sign none tiny_1_amd64.deb
refused 76 'm: dists/bookworm-security/Release: is not signed'
fresh; rm -rf other; "$top/test-images/make-signed-mirror" -o m --key other tiny_1_amd64.deb
refused 76 'which is not in the keyrings pinned for this mirror'
fresh; make_mirror --date '-3 days' --valid-until '-1 day' tiny_1_amd64.deb
refused 76 'm: dists/bookworm-security/InRelease: was valid until '
fresh; make_mirror --date '-40 days' --valid-until none tiny_1_amd64.deb
refused 76 'older than the limit of 10 days'
rm -rf m; cp -a older m
refused 76 'the mirror was rolled back; bring the mirror up to date, or allow digest '
fresh; sed -i 's/^Version: 12/Version: 13/' m/dists/bookworm-security/InRelease
refused 76 'it was changed after it was signed'
fresh; truncate -s 90 m/dists/bookworm-security/main/binary-amd64/Packages.xz
refused 76 'm: dists/bookworm-security/main/binary-amd64/Packages.xz: has 90 bytes, but dists/bookworm-security/InRelease says '
fresh; rm m/dists/bookworm-security/main/binary-amd64/Packages.xz
refused 69 'm: the mirror is incomplete: dists/bookworm-security/main/binary-amd64/Packages.xz is missing'
fresh; rm -r m/dists
refused 69 'm: not a mirror: it has no dists directory, as an apt mirror has'
rm -rf m
refused 66 'm: No such file or directory'
fresh
refused 78 'absent.gpg: not there' --keyring absent.gpg
refused 69 'm: dists/bookworm: no such suite' --suite bookworm
for option in allow trust-digest trust-package; do
	refused 64 "$option nonsense: not a SHA-256 in 64 hexadecimal digits, in lower case" --$option nonsense
done
{ cat key/keyring.gpg; echo "-----BEGIN PGP PUBLIC KEY BLOCK-----"; } >both.gpg
refused 78 'keyring both.gpg: holds binary keys and ASCII-armoured ones, of which only one sort would be read: put them into files of their own' --keyring both.gpg

# A package that is in the store already is not read again, so the tampered one is in a store of its own.
fresh; printf x | dd of=m/pool/main/t/tiny/tiny_1_amd64.deb bs=1 seek=200 conv=notrunc 2>/dev/null
rm -rf store state; mkdir store
refused 76 'm: pool/main/t/tiny/tiny_1_amd64.deb: its SHA-256 is not what the signed index says: damaged or tampered with'

# The digest that a refusal names is what allows it.
rm -rf m; cp -a good m; snapshot --keyring key/keyring.gpg m
rm -rf m; cp -a older m
snapshot --keyring key/keyring.gpg m && { echo "rolled back, and accepted"; exit 1; }
snapshot --keyring key/keyring.gpg --allow "$(sed -n 's/.*allow digest \([0-9a-f]\{64\}\).*/\1/p' err)" m || { cat err; exit 1; }
status=0; "$build/coldpatch" mirror list --config config.yaml --dry-run >out 2>err || status=$?
[ $status = 64 ] && grep -qF -- "--dry-run belongs to snapshot" err || { cat err; exit 1; }
echo "mirrors that cannot be trusted are refused, each in its own words"
