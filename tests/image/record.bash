# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the tests of records: a parent, an overlay on it, two keys and a signed record in a directory of its own.
set -eu
: "${TEST_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${BUILD:=$TEST_TOP/build}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { echo "FAILED: $*"; exit 1; }
digest() { sha256sum "$1" | cut -d' ' -f1; }

make_key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null
	openssl pkey -in "$1.key" -pubout -out "$1.pub"
	chmod 600 "$1.key"
}

# request STATEMENT: what the signer reads for overlay.qcow2 on base.qcow2
request() {
	printf '{"type":"record","statement":%s,"key":"%s","overlays":["%s"],"parents":["%s"]}' "$1" "$work/key.key" \
		"$work/overlay.qcow2" "$work/base.qcow2"
}

# statement OVERLAY-SHA256 PARENT-SHA256
statement() {
	cat <<-EOF
	{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",
	 "subject":[{"name":"overlay.qcow2","digest":{"sha256":"$1"}}],
	 "predicate":{"buildDefinition":{"buildType":"urn:coldpatch:offline-patch:v1",
	   "externalParameters":{"image":"base.qcow2"},"internalParameters":{"callerUid":4711},
	   "resolvedDependencies":[{"name":"parent","digest":{"sha256":"$2"}}]},
	  "runDetails":{"builder":{"id":"urn:coldpatch:builder:sandbox:v1"},
	   "metadata":{"invocationId":"run-1","startedOn":"2026-01-01T00:00:00Z","finishedOn":"2026-01-01T00:00:01Z"},
	   "byproducts":[]}}}
	EOF
}

qemu-img create -q -f qcow2 base.qcow2 16M
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 overlay.qcow2
make_key key
make_key other
request "$(statement "$(digest overlay.qcow2)" "$(digest base.qcow2)")" >request.json
"$BUILD/coldpatch-sign" <request.json >r.sigstore.json || fail "the signer refuses a right request"

# flip FILE TEXT: changes one bit of the byte that follows TEXT
flip() {
	local at byte
	at=$(($(grep -obaF -- "$2" "$1" | head -n 1 | cut -d: -f1) + ${#2} + ${3:-0}))
	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	printf "\\$(printf %o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}
