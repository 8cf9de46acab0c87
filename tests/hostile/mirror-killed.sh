#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A snapshot that is killed while it copies leaves no half of itself in the store, and the next one cleans up.
set -eu
top=${TEST_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
build=$(realpath "${BUILD:-$top/build}")
for tool in gpg gpgv dpkg-deb; do
	command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf 'store: %s/store\nstate: %s/state\nscratch: %s/scratch\n' "$work" "$work" "$work" >config.yaml
mkdir -p p/DEBIAN scratch
printf 'Package: large\nVersion: 1\nArchitecture: amd64\nMaintainer: T <t@example.org>\nDescription: t\n' >p/DEBIAN/control
head -c 300M /dev/zero >p/large
dpkg-deb -b -Znone --root-owner-group p large_1_amd64.deb >/dev/null
rm p/large
"$top/test-images/make-signed-mirror" -o m --key key large_1_amd64.deb

snapshot() { exec "$build/coldpatch" mirror snapshot --config config.yaml --quiet --keyring key/keyring.gpg m; }
staged() { find store -maxdepth 1 -name '.tmp-mirror*' 2>/dev/null; }
copying() { [ -n "$(find store/.tmp-mirror*/packages -type f -size +1M 2>/dev/null)" ]; }

(snapshot) >out 2>err &
pid=$!
for _ in $(seq 1000); do copying && break; sleep 0.01; done
copying || { echo "it was not seen copying"; cat err; exit 1; }
owner=$(staged | sed 's/.*\.tmp-mirror-[0-9]*\.\([0-9]*\)\..*/\1/')
kill -9 "$owner"
status=0
wait $pid || status=$?
case $status in 0 | 127) echo "exit $status although it was killed"; exit 1 ;; esac

[ -n "$(staged)" ] || { echo "nothing was left to clean up: killed too late"; exit 1; }
[ ! -e store/packages ] && [ ! -e store/mirror-snapshots ] || { echo "half a snapshot is in the store"; find store; exit 1; }
[ -z "$(find state -name mirrors.json 2>/dev/null)" ] || { echo "the high-water mark was raised"; exit 1; }

(snapshot) >out 2>err || { cat err; exit 1; }
[ -z "$(staged)" ] || { echo "what was left is still there"; exit 1; }
[ -n "$(find state -name mirrors.json)" ] || { echo "no high-water mark was made"; exit 1; }
grep -q '^mirror snapshot [0-9a-f]\{64\}, 1 packages$' out
"$build/coldpatch" mirror verify --config config.yaml --quiet "$(sed -n 's/^mirror snapshot \([0-9a-f]*\),.*/\1/p' out)" >/dev/null
echo "a killed snapshot left nothing behind for long"
