#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A record verifies with Sigstore's own JavaScript, and a changed one does not.
command -v npm >/dev/null || { echo "npm is not installed"; exit 77; }
. "$(dirname "$0")/record.bash"
cp "$TEST_TOP"/tests/npm/package.json "$TEST_TOP"/tests/npm/package-lock.json "$TEST_TOP"/tests/npm/verify.js .
npm ci --silent --no-audit --no-fund >npm.log 2>&1 || { tail -n 3 npm.log; echo "the npm registry cannot be reached"; exit 77; }

# expect STATUS TEXT KEY BUNDLE
expect() {
	local out status=0
	out=$(node verify.js "$4" "$3" 2>&1) || status=$?
	[ "$status" = "$1" ] || fail "$4: exit status $status instead of $1: $out"
	case $out in *"$2"*) ;; *) fail "$4: says '$out', not '$2'" ;; esac
}

expect 0 verified key.pub r.sigstore.json
cp r.sigstore.json payload.json
flip payload.json '"payload":"' 80
expect 1 "signature verification failed" key.pub payload.json
sed 's/vnd.in-toto+json/json/' r.sigstore.json >type.json
expect 1 "signature verification failed" key.pub type.json
expect 1 "unknown key" other.pub r.sigstore.json
id=$(openssl pkey -pubin -in other.pub -outform DER | sha256sum | cut -d' ' -f1)
sed 's/"hint":"[0-9a-f]*"/"hint":"'"$id"'"/' r.sigstore.json >hint.json
expect 1 "signature verification failed" other.pub hint.json
exit 0
